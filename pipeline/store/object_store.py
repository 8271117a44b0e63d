"""The objects below a URL, by their names: the one place that speaks to fsspec.

An object is put whole or not at all (one PUT, or a multipart upload that is completed). What fails
in passing (a slow-down, a broken connection, a server's error) is tried again after longer and
longer pauses for PATIENCE_S in all, every single request has a limit, and then the run ends in a
line. fsspec's and botocore's own repeats are switched off: one place repeats.
"""

import errno
import functools
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeVar

from manifests.errors import MachineError, SeagullError
from manifests.files import TEMPORARY_PREFIX, machine_faults
from manifests.store_url import StoreUrl
from pipeline.store.redacting import redacted

T = TypeVar("T")
AT_ONCE = 16  # requests under way, of a process
PATIENCE_S = 60.0  # for a store that does not answer as it should; SEAGULL_STORE_PATIENCE_S
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 10.0
REQUEST_S, SLOWEST = 60.0, 0.5e6  # limit of a request, and bytes a second that it may move at least
LISTING_S = 1800.0  # limit of a listing, a request for every thousand objects
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})
_SETTLED = _DISK | {errno.EINVAL, errno.EPERM, errno.ENOSYS, errno.ENAMETOOLONG}
_CUT = frozenset({"IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch"})  # S3, on the way
_OF_ONE_OBJECT: tuple[type[Exception], ...] = (
    *(FileNotFoundError, PermissionError, FileExistsError),
    *(NotImplementedError, TypeError),
)
_INSTALL = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "az": "az", "abfs": "az"}
_TAGS = ("ETag", "etag", "generation", "md5Hash", "blob_id", "created", "LastModified", "mtime")


class Seen(NamedTuple):
    """An object's bytes, and a text that changes when it does."""

    bytes: int
    tag: str


def patience() -> float:
    """Seconds for which a request is tried again."""
    given = os.environ.get("SEAGULL_STORE_PATIENCE_S", PATIENCE_S)
    try:
        return float(given)
    except ValueError:
        raise SeagullError(f"SEAGULL_STORE_PATIENCE_S={given}: no number of seconds") from None


_OPENING = threading.Lock()


def _system(scheme: str) -> Any:
    with _OPENING:
        return _opened(scheme)


@functools.cache
def _opened(scheme: str) -> Any:
    """The file system of fsspec, with its own repeats and caches off."""
    import fsspec

    options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
    if scheme in ("s3", "s3a"):
        limits = {"connect_timeout": 10, "read_timeout": REQUEST_S, "max_pool_connections": AT_ONCE}
        options["config_kwargs"] = {**limits, "retries": {"max_attempts": 0, "mode": "standard"}}
    try:
        system = fsspec.filesystem(scheme, **options)
    except ImportError as error:
        extra = _INSTALL.get(scheme.removesuffix("s") if scheme == "abfss" else scheme, "s3")
        raise SeagullError(
            f"{scheme}:// needs a package that is not installed ({redacted(str(error))});"
            f" pip install 'seagull-factory[{extra}]'"
        ) from error
    if hasattr(system, "retries"):
        system.retries = 1
    if hasattr(system, "connect"):
        system.connect()  # here: two threads would open two sessions
    return system


@dataclass(frozen=True)
class ObjectStore:
    """What lies below `url`; names are relative to it, with forward slashes.

    Every method raises FileNotFoundError and PermissionError as a disk does, and MachineError for
    a store that cannot be reached, is too slow, or does not exist.
    """

    url: StoreUrl
    patience_s: float | None = None  # for which a request is tried again; None: `patience()`

    @property
    def _fs(self) -> Any:
        return _system(self.url.scheme)

    def _path(self, name: str) -> str:
        return str(self._fs._strip_protocol(str(self.url.below(name) if name else self.url)))

    def seen(self, below: str = "") -> dict[str, Seen]:
        """List all objects below a name, at any depth, by name; none is no error."""
        try:
            found = self._ask("find", self._path(below), limit=LISTING_S, detail=True)
        except FileNotFoundError:
            self._check_bucket()
            return {}
        return self._named(found.values())

    def inside(self, below: str) -> tuple[dict[str, Seen], list[str]]:
        """List the objects right below a name, and the names that have more below them."""
        try:
            found = self._ask("ls", self._path(below), limit=LISTING_S, detail=True)
        except FileNotFoundError:
            self._check_bucket()
            return {}, []
        folders = [info for info in found if info["type"] == "directory"]
        return self._named(i for i in found if i["type"] == "file"), sorted(self._names(folders))

    def _named(self, infos: Iterable[Mapping[str, Any]]) -> dict[str, Seen]:
        infos = [info for info in infos if info["type"] == "file"]
        seen = dict(zip(self._names(infos), map(_seen, infos), strict=True))
        return {name: one for name, one in seen.items() if name and not name.endswith("/")}

    def _names(self, infos: Iterable[Mapping[str, Any]]) -> list[str]:
        start = len(self._path("").rstrip("/")) + 1
        return [str(info["name"]).rstrip("/")[start:] for info in infos]

    def stat(self, name: str) -> Seen | None:
        """Look an object up by its name; None where there is none."""
        try:
            return _seen(self._ask("info", self._path(name)))
        except FileNotFoundError:
            return None

    def read(self, name: str) -> bytes:
        """Return an object's content."""
        return bytes(self._ask("cat_file", self._path(name)))

    def fetch(self, name: str, target: Path, size: int = 0) -> None:
        """Put an object's content under the path `target`, whole or not at all."""
        temporary = target.with_name(f"{TEMPORARY_PREFIX}{target.name}")
        with machine_faults(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._ask("get_file", self._path(name), str(temporary), moved=size)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    def put(self, path: Path, name: str) -> None:
        """Put a file's content into the store under a name."""
        size = path.stat().st_size
        self._ask("put_file", str(path), self._path(name), moved=size)

    def write(self, name: str, content: bytes) -> None:
        """Put bytes into the store under a name."""
        self._ask("pipe_file", self._path(name), content)

    def create(self, name: str, content: bytes) -> bool:
        """Put bytes under a name that nobody has; False where somebody has it.

        A condition of the store's (S3: If-None-Match) decides, where it knows any.
        """
        try:
            self._ask("pipe_file", self._path(name), content, mode="create")
        except FileExistsError:
            return False
        except (NotImplementedError, TypeError):  # a store without conditions: the last one has it
            self.write(name, content)
        return True

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""
        try:
            self._ask("rm_file", self._path(name))
        except FileNotFoundError:
            return

    def _check_bucket(self) -> None:
        """Tell a prefix with nothing below it from a bucket that does not exist."""
        bucket = self._path("").strip("/").partition("/")[0]
        if self.url.scheme != "memory" and not self._ask("exists", bucket):
            raise MachineError(f"{self.url}: the bucket {bucket} does not exist; make it first")

    def _ask(
        self, what: str, *arguments: Any, moved: int = 0, limit: float = REQUEST_S, **options: Any
    ) -> Any:
        limit += moved / SLOWEST
        most = patience() if self.patience_s is None else self.patience_s
        began, pause = time.monotonic(), FIRST_PAUSE_S
        while True:
            try:
                return self._once(what, limit, *arguments, **options)
            except Exception as error:
                waited = time.monotonic() - began
                if not _may_pass(error) or waited + pause > most:
                    self._give_up(error, waited)
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def _once(self, what: str, limit: float, *arguments: Any, **options: Any) -> Any:
        system = self._fs
        if not system.async_impl:
            return getattr(system, what)(*arguments, **options)
        from fsspec.asyn import sync

        return sync(system.loop, getattr(system, f"_{what}"), *arguments, timeout=limit, **options)

    def _give_up(self, error: Exception, waited: float) -> NoReturn:
        text = " ".join(redacted(str(error)).split()) or type(error).__name__
        for kind in _OF_ONE_OBJECT:
            if isinstance(error, kind):
                raise kind(text) from None
        if _code(error) in ("PreconditionFailed", "412"):
            raise FileExistsError(text) from None
        if _code(error) in ("NotImplemented", "501"):
            raise NotImplementedError(text) from None
        if isinstance(error, OSError) and error.errno in _DISK:
            raise MachineError(
                f"{self.url}: no room for it on this machine: {error.strerror}; what is done stays"
                " done: make room, or name another disk by SEAGULL_SCRATCH and SEAGULL_CACHE, and"
                " run the same again"
            ) from None
        tried = f", tried for {waited:.0f} s" if waited > 1 else ""
        raise MachineError(
            f"{self.url}: {text}{tried}; what is done stays done: run the same again when the"
            " store answers"
        ) from None


def _seen(info: Mapping[str, Any]) -> Seen:
    tag = next((str(info[name]) for name in _TAGS if info.get(name)), "")
    return Seen(int(info["size"] or 0), tag)


def _may_pass(error: Exception) -> bool:
    """Say whether the same may go well a moment later."""
    if isinstance(error, (*_OF_ONE_OBJECT, SeagullError)):
        return False
    kind = type(error)
    if kind.__module__ == "builtins" and not isinstance(error, OSError | EOFError):
        return False  # a mistake of ours or of a library's
    settled = getattr(error, "errno", None) in _SETTLED and _code(error) not in _CUT
    return not settled and not re.search("Credentials|Validation|Config", kind.__name__)


def _code(error: Exception) -> str:
    """Return S3's word for what went wrong; empty of another store."""
    response = getattr(error.__cause__, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


@contextmanager
def store_faults(url: str) -> Iterator[None]:
    """Turn what a store or a disk refuses (OSError) into a MachineError that says what to do."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise MachineError(
            f"{url}: {why}; what is done stays done: make it possible (bucket, permission, room)"
            " and run the same again"
        ) from error


def all_at_once(work: Callable[[str], T], names: Iterable[str]) -> Iterator[tuple[str, T]]:
    """Do the same for many names, AT_ONCE at a time; yields each name with what came of it."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = [(name, pool.submit(work, name)) for name in names]
        try:
            for name, one in waiting:
                yield name, one.result()
        finally:
            for _, one in waiting:
                one.cancel()
