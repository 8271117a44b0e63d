"""What the RAW says about how it was taken. Unknown is None: never LibRaw's 0.0 or 1.0."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rawpy
from PIL import ExifTags, Image, UnidentifiedImageError

from isp.sensor import Sensor
from manifests.records import WhiteBalance


@dataclass(frozen=True)
class Capture:
    """The columns of `manifests.records.Scene` that come from the file."""

    camera_make: str | None
    camera_model: str | None
    lens: str | None
    lens_correction: str
    iso: float | None
    shutter_s: float | None
    aperture_f: float | None
    focal_length_mm: float | None
    raw_width: int
    raw_height: int
    white_balance: WhiteBalance


def read_capture(sensor: Sensor) -> Capture:
    """Capture of an open RAW, before lens correction; make and model from TIFF or CIFF tags."""
    make, model = camera_name(sensor.path)
    other: Any = sensor.raw.other
    sizes = sensor.raw.sizes
    # LibRaw writes 1.0 where aperture and shutter are missing; with no ISO both are fillers.
    known = bool(other.iso_speed)
    return Capture(
        camera_make=make,
        camera_model=model,
        lens=lens_name(sensor.raw),
        lens_correction="none: not asked for",
        iso=_positive(other.iso_speed),
        shutter_s=_positive(other.shutter_speed) if known else None,
        aperture_f=_positive(other.aperture) if known else None,
        focal_length_mm=_positive(other.focal_length),
        raw_width=int(sizes.raw_width),
        raw_height=int(sizes.raw_height),
        white_balance=sensor.white_balance,
    )


def lens_name(raw: rawpy.RawPy) -> str | None:
    """The lens as the file names it."""
    return str(raw.lens.model).strip() or None


def _positive(value: float) -> float | None:
    return round(float(value), 6) if value and math.isfinite(value) and value > 0 else None


def camera_name(path: Path) -> tuple[str | None, str | None]:
    """Make and model, or None where the file has no such tags."""
    return _tiff_names(path) or _ciff_names(path) or (None, None)


def _tiff_names(path: Path) -> tuple[str | None, str | None] | None:
    exif = Image.Exif()
    try:
        with path.open("rb") as file:
            if file.read(2) not in (b"II", b"MM"):
                return None
            exif.load(b"Exif\0\0" + path.read_bytes())
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
