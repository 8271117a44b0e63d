"""What the RAW says about how it was taken. Unknown is None: never LibRaw's 0.0 or 1.0."""

import math
from dataclasses import dataclass
from typing import Any

import rawpy

from isp.raw.camera import plain
from isp.raw.sensor import Sensor
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
    """Capture of an open RAW, before lens correction."""
    make, model = sensor.camera
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
    """Return the lens as the file names it."""
    return plain(str(raw.lens.model))


def _positive(value: float) -> float | None:
    return round(float(value), 6) if value and math.isfinite(value) and value > 0 else None
