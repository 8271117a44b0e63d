"""Where RAW files lie: a folder, or a store. What is there, its version, its sha256."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from manifests.errors import SeagullError
from manifests.files import sha256_of, sha256_of_file
from manifests.process.progress import progress
from manifests.store_url import StoreUrl, is_url
from pipeline.intake.walk import Aside, walk
from pipeline.store.caching import scratch_folder
from pipeline.store.object_store import ObjectStore, Seen, all_at_once, store_faults

Place = Path | StoreUrl
Stamp = tuple[int, int]  # bytes; and what changes with the content: mtime in ns, or a tag's number


class RawPlace(Protocol):
    """A folder of RAW files, or one RAW file."""

    def walk(self) -> tuple[list[Place], list[Aside]]:
        """List every file, and what is left aside; raises SeagullError for a place that is none."""

    def stamp(self, path: Place) -> Stamp:
        """Look at a file without reading it; raises OSError."""

    def sha256(self, paths: Sequence[Place]) -> dict[Place, str | OSError]:
        """Read files whole; of each its sha256, or why it could not be read."""

    def gone(self, key: str) -> bool:
        """Say whether a file that was once here, by its text, is no more."""


def raw_place(place: Place) -> RawPlace:
    """Return the place that the user named."""
    return RawStore(place) if isinstance(place, StoreUrl) else RawDisk(place)


def absolute(path: Place) -> Place:
    """Return the file's place as it is remembered."""
    return path if isinstance(path, StoreUrl) else Path(os.path.abspath(path))  # noqa: PTH100


def place_of_key(key: str) -> Place:
    """Return the place of which `absolute` made the text."""
    return StoreUrl(key) if is_url(key) else Path(key)


@dataclass(frozen=True)
class RawDisk:
    """A folder of a disk."""

    root: Path

    def walk(self) -> tuple[list[Place], list[Aside]]:
        """List its files."""
        files, aside = walk(self.root)
        return list(files), aside

    def stamp(self, path: Place) -> Stamp:
        """Return its bytes and time of change."""
        stat = os.stat(path)  # noqa: PTH116
        return stat.st_size, stat.st_mtime_ns

    def sha256(self, paths: Sequence[Place]) -> dict[Place, str | OSError]:
        """Read the files one by one."""
        return {path: _hashed(Path(path)) for path in paths}

    def gone(self, key: str) -> bool:
        """Look for it."""
        try:
            return not (is_url(key) or Path(key).exists())
        except OSError:  # in a folder that may not be entered: not known to be gone
            return False


def _hashed(path: Path) -> str | OSError:
    try:
        return sha256_of_file(path)
    except OSError as error:
        return error


@dataclass(frozen=True)
class RawStore:
    """Objects below a URL."""

    root: StoreUrl
    listed: dict[StoreUrl, Seen] = field(default_factory=dict)

    def walk(self) -> tuple[list[Place], list[Aside]]:
        """List its objects; hidden ones, and folders' markers, are left out."""
        with store_faults(f"--raw {self.root}"):
            seen = ObjectStore(self.root).seen()
            one = None if seen else ObjectStore(self.root.parent).stat(self.root.name)
        if not (seen or one):
            raise SeagullError(f"--raw {self.root}: no such object, and none below it")
        found = {self.root: one} if one else {self.root.below(name): s for name, s in seen.items()}
        hidden = len(str(self.root))
        self.listed.update({u: s for u, s in found.items() if s and "/." not in str(u)[hidden:]})
        aside = [Aside(url, "its name does not print") for url in found if not _prints(url)]
        return sorted(url for url in self.listed if _prints(url)), aside

    def stamp(self, path: Place) -> Stamp:
        """Return its bytes and its tag's number, by the listing, or else by its name."""
        url = StoreUrl(str(path))
        seen = self.listed.get(url) or ObjectStore(url.parent).stat(url.name)
        if seen is None:
            raise FileNotFoundError(f"{url}: no such object")
        return seen.bytes, int(sha256_of(seen.tag.encode())[:15], 16)

    def sha256(self, paths: Sequence[Place]) -> dict[Place, str | OSError]:
        """Fetch the objects, a few at a time, and read them."""
        hashed: dict[Place, str | OSError] = {}
        with scratch_folder() as folder, progress(len(paths), "RAW identities", "files") as bar:
            for url, sha in all_at_once(lambda url: _fetched(url, folder), map(str, paths)):
                hashed[StoreUrl(url)] = sha
                bar.update()
        return hashed

    def gone(self, key: str) -> bool:
        """Say that it should have been listed, and was not."""
        return key.startswith(f"{self.root}/") and StoreUrl(key) not in self.listed


def _fetched(text: str, folder: Path) -> str | OSError:
    url = StoreUrl(text)
    file = folder / hashlib.sha256(text.encode()).hexdigest()
    try:
        ObjectStore(url.parent).fetch(url.name, file)
        return sha256_of_file(file)
    except OSError as error:
        return error
    finally:
        file.unlink(missing_ok=True)


def _prints(url: StoreUrl) -> bool:
    return str(url).isprintable()
