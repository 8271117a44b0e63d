"""URLs of object stores: s3://bucket/folder, gs://, az://, hf://; memory:// for tests.

A URL says where, never who: one that carries a key, a password or a signature is refused, because
it would end in tables, logs and shell histories. Credentials are the environment's.
"""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from manifests.errors import SeagullError

SCHEMES = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "hf", "memory")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.:-]*://")


def is_url(text: str) -> bool:
    """Say whether the text is a URL of any kind, and so no path.

    >>> is_url("s3://bucket/raw"), is_url("data/raw"), is_url("C:/raw")
    (True, False, False)
    """
    return _URL.match(text) is not None


@dataclass(frozen=True, order=True)
class StoreUrl:
    """An object, or all objects below a prefix. It has a path's `name`, `stem` and `suffix`."""

    text: str

    def __str__(self) -> str:
        return self.text

    def __fspath__(self) -> str:
        return self.text

    @property
    def scheme(self) -> str:
        """What stands before `://`."""
        return self.text.partition("://")[0]

    @property
    def name(self) -> str:
        """The last part."""
        return PurePosixPath(self.text).name

    @property
    def stem(self) -> str:
        """The last part without its suffix."""
        return PurePosixPath(self.text).stem

    @property
    def suffix(self) -> str:
        """The last part's suffix, with its dot."""
        return PurePosixPath(self.text).suffix

    @property
    def parent(self) -> "StoreUrl":
        """The URL one part shorter."""
        return StoreUrl(self.text.rpartition("/")[0])

    def below(self, name: str) -> "StoreUrl":
        """Return the URL of `name`, relative to this one."""
        return StoreUrl(f"{self.text}/{name}")


def parse_url(text: str) -> StoreUrl:
    """Return the URL that the user gave.

    Raises:
        SeagullError: no store of ours, no bucket, or credentials in it.
    """
    scheme, _, rest = text.partition("://")
    if ("@" in rest and ":" in rest.partition("@")[0]) or "?" in rest or "#" in rest:
        raise SeagullError(
            f"a URL of {scheme[:20]}:// with credentials or a signature in it is not taken: they"
            " would end in logs; put them into the environment (docs/storage.md) and leave the URL"
            " bare"
        )
    if scheme not in SCHEMES:
        raise SeagullError(
            f"{text}: object stores are s3://, gs://, az://, hf://; of a folder give the path"
        )
    place = re.sub("/+", "/", rest).strip("/")
    if not place:
        raise SeagullError(f"{text}: no bucket; expected {scheme}://BUCKET/FOLDER")
    return StoreUrl(f"{scheme}://{place}")


def place_of(text: str) -> Path | StoreUrl:
    """Return what a command was given: a path, or the URL of a store; raises as `parse_url`."""
    return parse_url(text) if is_url(text) else Path(text)
