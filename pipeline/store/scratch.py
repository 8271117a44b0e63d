"""One task's files, on this machine's disk for as long as the task takes.

What a task reads is fetched before it begins; what it writes goes to the store while it goes on,
and a record only after all that was written before it; then all is removed here.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manifests.done import read_done
from manifests.errors import SceneError
from manifests.files import machine_faults
from manifests.mirrors import mirrored
from manifests.store_url import StoreUrl, is_url
from manifests.workspace import Workspace
from pipeline.store.caching import scratch_folder
from pipeline.store.object_store import ObjectStore, Seen, store_faults
from pipeline.store.store_mirror import StoreMirror

UPLOADS = 8  # under way beside the work


class ScratchMirror(StoreMirror):
    """A mirror with nothing in it but what one task reads and writes."""

    def __init__(self, store: ObjectStore, home: Path, pool: ThreadPoolExecutor) -> None:
        super().__init__(store, home)
        self.pool, self.uploads = pool, list[Future[None]]()
        self.last: Path | None = None  # written, and in place once another is written
        self.begun: set[Path] = set()

    def writing(self, temporary: Path, path: Path) -> None:
        """Note the file, whose turn comes with the next one; a record goes after all others."""
        if _is_record(path) or path in self.begun:  # or written once more
            self.finish()
        if _is_record(path):
            self.store.put(temporary, self.name(path))
        else:
            self._begin()
            self.last = path

    def removing(self, path: Path) -> None:
        """Remove the file from the store, after what was written before."""
        self.finish()
        self.store.remove(self.name(path))

    def removing_folder(self, folder: Path) -> None:
        """Remove all below the folder from the store, after what was written before."""
        self.finish()
        super().removing_folder(folder)

    def bring_recorded(
        self, records: Iterable[Path], opens: Callable[[str], bool] = lambda name: True
    ) -> None:
        """Have records here, and of the files that they name those which are opened."""
        paths = list(records)
        self.bring(map(self.name, paths))
        for done in filter(None, map(read_done, paths)):
            sizes = {name: Seen(size, "") for name, size in done.sizes.items()}
            self.bring(filter(opens, done.files), sizes)

    def reading(self, path: Path) -> None:
        """Fetch a file that was not thought of beforehand."""
        if not path.exists():
            self.bring([self.name(path)])

    def finish(self) -> None:
        """Wait until all that was written is in the store."""
        self._begin()
        waiting, self.uploads = self.uploads, []
        self.begun.clear()
        for upload in waiting:
            upload.result()

    def _begin(self) -> None:
        path, self.last = self.last, None
        if path:
            self.begun.add(path)
            self.uploads.append(self.pool.submit(self._put, path))

    def _put(self, path: Path) -> None:
        with machine_faults(path):
            self.store.put(path, self.name(path))


def _is_record(path: Path) -> bool:
    return path.name.endswith(".done.json") or path.parent.parent.name == "done"


@dataclass(frozen=True)
class Scratch:
    """Where the task works: `raw` is its RAW file, where that was in a store."""

    workspace: Workspace
    raw: Path | None
    mirror: ScratchMirror | None
    said: tuple[tuple[str, str], ...]

    def fetch_recorded(
        self, records: Iterable[Path], opens: Callable[[str], bool] = lambda name: True
    ) -> None:
        """Have records here, and of the files that they name those which are opened."""
        if self.mirror:
            self.mirror.bring_recorded(records, opens)

    def fetch(self, path: Path) -> None:
        """Have one file of the workspace here."""
        if self.mirror:
            name = self.mirror.name(path)
            seen = self.mirror.store.stat(name)
            self.mirror.bring([name], {name: seen} if seen else {})

    def shown_in(self, value: Any) -> Any:
        """Return a text, or a tuple of them, with the places in the store for those here."""
        if isinstance(value, tuple):
            return tuple(map(self.shown_in, value))
        if isinstance(value, str):
            for here, there in self.said:
                value = value.replace(here, there)
        return value


@contextmanager
def scratch(
    workspace: Workspace, raw: str = "", sha256: str = "", size: int = 0
) -> Iterator[Scratch]:
    """Make room for one task; `raw`, where it is a URL, is fetched: so many bytes with this sha256.

    Raises:
        SceneError: the RAW is gone, or not what it was when it was found.
        MachineError: the store or the disk refuses.
    """
    with ExitStack() as ending, store_faults(workspace.url or raw):
        folder = ending.enter_context(scratch_folder())
        said, file, mirror = [], None, None
        if is_url(raw):
            file = folder / "raw" / StoreUrl(raw).name
            said.append((str(file), raw))
            _fetch_raw(StoreUrl(raw), file, sha256, size)
        if workspace.url:
            pool = ending.enter_context(ThreadPoolExecutor(UPLOADS))
            mirror = ScratchMirror(ObjectStore(StoreUrl(workspace.url)), folder, pool)
            ending.enter_context(mirrored(mirror))
            said.append((str(mirror.root), workspace.url))
            workspace = Workspace(mirror.root, workspace.url)
        yield Scratch(workspace, file, mirror, tuple(said))
        if mirror:
            mirror.finish()


def _fetch_raw(url: StoreUrl, file: Path, sha256: str, size: int) -> None:
    try:
        ObjectStore(url.parent).fetch(url.name, file, size)
    except FileNotFoundError as error:
        raise SceneError("missing_input", f"{url}: is gone since it was found") from error
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if sha256 and found != sha256:
        raise SceneError("missing_input", f"{url}: was replaced since it was found; build again")
