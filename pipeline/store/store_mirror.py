"""A workspace of a store as a local folder, which every part of the program reads as it is.

All that the store has is known by name and size. Records, and what `bring` asks for, have their
content here; renderings are no files here; everything else stands in as a sparse file of the same
length, dated 1970. Content is fetched when it is read through `manifests` (a stand-in's zeros pass
no checksum and are no image). What is written or removed here is written to the store first: the
store sees the same changes in the same order as a disk would, the record of what is done last.
"""

import itertools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from manifests.done import Done
from manifests.files import TEMPORARY_PREFIX, machine_faults
from pipeline.store.object_store import ObjectStore, Seen, all_at_once, store_faults

MANY = "renderings"  # a folder a scene of a hundred objects each: a million, known by listing alone
HIDDEN = (".lock", TEMPORARY_PREFIX)  # names that begin so are no part of a workspace


class StoreMirror:
    """`root` is the folder `workspace` in `home`; beside it lies what of it has its content."""

    def __init__(self, store: ObjectStore, home: Path) -> None:
        self.store, self.home = store, home
        self.root = home / "workspace"
        self.here: dict[str, Seen] = {}  # content that is here, as the store had it
        self.apart: dict[str, dict[str, int]] = {}  # bytes of what is known by listing alone
        self.guard: Callable[[], None] = lambda: None  # before a change: is the workspace ours?
        with machine_faults(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
        with suppress(OSError, ValueError, TypeError, AttributeError):
            index = json.loads((home / "index.json").read_text())
            self.here = {name: Seen(*seen) for name, seen in index.items()}

    def close(self) -> None:
        """Note what is here, for the next command."""
        with suppress(OSError):
            (self.home / "index.json").write_text(json.dumps(self.here))

    def name(self, path: Path) -> str:
        """Return the name in the store of a path below the root; empty for the root."""
        name = path.relative_to(self.root).as_posix()
        return "" if name == "." else name

    # What the store has

    def pull(self, with_content: Callable[[str], bool]) -> None:
        """Make the folder what the store is; what `with_content` names has its content."""
        seen = self._seen()
        there = dict(_there(f"{self.root}/"))
        for name in there.keys() - seen.keys():
            self._unlink(name)
        self.here = {
            name: one
            for name, one in self.here.items()
            if seen.get(name) == one and there.get(name) == (one.bytes, True)
        }
        for name, one in seen.items():
            if name not in self.here and there.get(name) != (one.bytes, False):
                self._stand_in(name, one.bytes)
        self.bring((name for name in seen if with_content(name)), seen)

    def _forget_apart(self, name: str) -> None:
        folder, _, file = name.rpartition("/")
        self.apart.get(folder, {}).pop(file, None)

    def _unlink(self, name: str) -> None:
        path = self.root / name
        path.unlink(missing_ok=True)
        with suppress(OSError):  # a folder is there while something is in it
            for folder in itertools.takewhile(lambda parent: parent != self.root, path.parents):
                folder.rmdir()

    def _seen(self) -> dict[str, Seen]:
        """List the store; what is to be known by listing alone is put apart."""
        self.apart = {}
        with store_faults(str(self.store.url)):
            seen, folders = self.store.inside("")
            for folder in folders:
                if folder == MANY:
                    self._list_apart()
                else:
                    objects, below = self.store.inside(folder)
                    seen |= objects
                    for _, inside in all_at_once(self.store.seen, below):
                        seen |= inside
        return {name: one for name, one in seen.items() if _belongs(name)}

    def _list_apart(self) -> None:
        _, folders = self.store.inside(MANY)
        for _, inside in all_at_once(self.store.seen, folders):
            for name, one in inside.items():
                if _belongs(name):
                    self._put_apart(name, one.bytes)

    def _put_apart(self, name: str, size: int) -> None:
        folder, _, file = name.rpartition("/")
        self.apart.setdefault(folder, {})[sys.intern(file)] = size

    def _size_apart(self, name: str) -> int | None:
        folder, _, file = name.rpartition("/")
        return self.apart.get(folder, {}).get(file)

    def names_apart(self) -> Iterator[str]:
        """Yield the names that are known by listing alone."""
        for folder, files in self.apart.items():
            yield from (f"{folder}/{file}" for file in files)

    def sizes(self, folder: Path, names: Iterable[str]) -> dict[str, int]:
        """Return the bytes of those of the names, relative to the folder, that are there."""
        start = f"{name}/" if (name := self.name(folder)) else ""
        found = {name: self._size(f"{start}{name}") for name in names}
        return {name: size for name, size in found.items() if size is not None}

    def _size(self, name: str) -> int | None:
        size = self._size_apart(name)
        if size is None:
            with suppress(OSError):
                return os.stat(f"{self.root}/{name}").st_size  # noqa: PTH116 - a million of them
        return size

    def _stand_in(self, name: str, size: int) -> None:
        """Have a file of this length without its content, dated 1970: what is here is not."""
        path = self.root / name
        self.here.pop(name, None)
        if name.startswith(f"{MANY}/"):
            self._put_apart(name, size)
            path.unlink(missing_ok=True)
            return
        with machine_faults(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.truncate(size)
            os.utime(path, (0, 0))

    def bring(self, names: Iterable[str], seen: Mapping[str, Seen] | None = None) -> None:
        """Have the content of files by name; one that is gone from the store is gone here, too."""
        known = seen or {}
        wanted = [name for name in names if name not in self.here and is_inside(name)]
        with store_faults(str(self.store.url)):
            # All of them first: a folder that is emptied here may be one that is written to there.
            for name, size in [*all_at_once(lambda n: self._fetched(n, known.get(n)), wanted)]:
                if size is None:
                    self._forget_apart(name)
                    self._unlink(name)
                else:
                    self.here[name] = known.get(name, Seen(size, ""))

    def refresh(self, names: Iterable[str]) -> None:
        """Have the content as it is now, whatever was listed or known."""
        names = list(names)
        for name in names:
            self.here.pop(name, None)
        self.bring(names)

    def _fetched(self, name: str, seen: Seen | None) -> int | None:
        path = self.root / name
        size = seen.bytes if seen else self._size(name) or 0
        try:
            self.store.fetch(name, path, size)
        except FileNotFoundError:
            return None
        return path.stat().st_size

    def look_up(self, names: Iterable[str]) -> None:
        """Ask by name for what a listing did not have: it may lag behind what was written."""
        missing = [name for name in names if is_inside(name) and self._size(name) is None]
        with store_faults(str(self.store.url)):
            for name, seen in all_at_once(self.store.stat, missing):
                if seen:
                    self._stand_in(name, seen.bytes)

    def forget(self, path: Path) -> None:
        """Remove a file, or a folder with all in it, here; the store keeps it."""
        start = self.name(path)
        for name in [start] if path.is_file() else [f"{start}/{n}" for n, _ in _there(f"{path}/")]:
            self.here.pop(name, None)
            self._unlink(name)

    def adopt(self, done: Done, record: Path, base: Path) -> None:
        """Note what a worker wrote into the store: the record, and its files below `base`."""
        for file, size in done.sizes.items():
            self._stand_in(self.name(base / file), size)
        with machine_faults(record):
            record.parent.mkdir(parents=True, exist_ok=True)
            record.write_text(done.text())
        self.here[self.name(record)] = Seen(record.stat().st_size, "")

    # What `manifests` tells of files here

    def writing(self, temporary: Path, path: Path) -> None:
        """Put the content of `temporary`, about to become `path`, into the store."""
        self.guard()
        name = self.name(path)
        self.here.pop(name, None)
        self.store.put(temporary, name)
        self.here[name] = Seen(temporary.stat().st_size, "")
        self._forget_apart(name)  # it is a file here now

    def removing(self, path: Path) -> None:
        """Remove the file from the store, if it is there by what is known."""
        self.guard()
        name = self.name(path)
        self.here.pop(name, None)
        if self._size(name) is not None:
            self.store.remove(name)
        self._forget_apart(name)

    def removing_folder(self, folder: Path) -> None:
        """Remove all below the folder from the store."""
        self.guard()
        start = self.name(folder)
        names = {*self.store.seen(start), *(f"{start}/{name}" for name, _ in _there(f"{folder}/"))}
        names |= {f"{start}/{file}" for file in self.apart.get(start, ())}
        for name, _ in all_at_once(self.store.remove, sorted(names)):
            self.here.pop(name, None)
            self._forget_apart(name)

    def reading(self, path: Path) -> None:
        """Have the file's content here."""
        name = self.name(path)
        if name not in self.here and self._size(name):
            self.bring([name])

    def shown(self, text: str) -> str:
        """Return a message with the URL for the folder."""
        return text.replace(str(self.root), str(self.store.url))


def is_inside(name: str) -> bool:
    """Say whether a name, a store's or a record's, leads to a file below the workspace.

    >>> is_inside("renderings/a/ref.jpg"), is_inside("../.ssh/id"), is_inside("/etc/passwd")
    (True, False, False)
    """
    return not {"", ".", ".."} & set(name.split("/")) and "\0" not in name


def _belongs(name: str) -> bool:
    return is_inside(name) and not name.rpartition("/")[2].startswith(HIDDEN)


def _there(folder: str, inside: str = "") -> Iterator[tuple[str, tuple[int, bool]]]:
    """Yield every file below a folder: its name, its bytes, and whether these are its content."""
    try:
        entries = list(os.scandir(f"{folder}{inside}"))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _there(folder, f"{inside}{entry.name}/")
        else:
            stat = entry.stat(follow_symlinks=False)
            yield f"{inside}{entry.name}", (stat.st_size, stat.st_mtime != 0)
