"""Make and model of the camera, from the file's TIFF or CIFF tags: rawpy gives neither."""

import warnings
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, UnidentifiedImageError


def camera_name(path: Path) -> tuple[str | None, str | None]:
    """Make and model, or None where the file has no such tags."""
    return _tiff_names(path) or _ciff_names(path) or (None, None)


def _tiff_names(path: Path) -> tuple[str | None, str | None] | None:
    exif = Image.Exif()
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            # Tags that are cut off elsewhere in the file are no concern here.
            warnings.simplefilter("ignore")
            start = file.read(2)
            if start not in (b"II", b"MM"):
                return None
            exif.load(b"Exif\0\0" + start + file.read())
        make, model = (exif.get(tag) for tag in (ExifTags.Base.Make, ExifTags.Base.Model))
    except (OSError, ValueError, SyntaxError, KeyError, UnidentifiedImageError):
        return None
    return _clean(make), _clean(model)


def _ciff_names(path: Path) -> tuple[str | None, str | None] | None:
    """Canon's CRW: make and model stand one after the other, each ended by a zero byte."""
    content = path.read_bytes()
    if content[6:14] != b"HEAPCCDR":
        return None
    at = content.rfind(b"Canon\0")
    if at < 0:
        return None
    make, model = content[at : at + 64].split(b"\0")[:2]
    return _clean(make.decode("ascii", "replace")), _clean(model.decode("ascii", "replace"))


def _clean(text: Any) -> str | None:
    return (str(text).replace("\0", " ").strip() or None) if text else None
