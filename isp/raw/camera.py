"""Make and model of the camera, by exiv2, which knows the containers: rawpy gives neither."""

from contextlib import suppress
from pathlib import Path

import exiv2

from isp.raw.c_paths import c_path

# Containers that hold nothing but RAW, by exiv2's media type; a TIFF may hold anything.
_RAW_ONLY = frozenset(
    f"image/x-{name}"
    for name in (
        "canon-cr2", "canon-cr3", "canon-crw", "fuji-raf", "minolta-mrw", "olympus-orf",
        "panasonic-rw2",
    )
)  # fmt: skip


def camera_name(path: Path) -> tuple[str | None, str | None]:
    """Make and model as the file spells them, or None where it names none.

    A file that is broken further on still says what stands before the break.
    """
    # It says on standard error what it finds odd; what counts is said by `open_sensor`.
    exiv2.LogMsg.setHandler(None)
    with c_path(path) as name, suppress(exiv2.Exiv2Error):
        image = exiv2.ImageFactory.open(name)
        with suppress(exiv2.Exiv2Error):
            image.readMetadata()
        return _tag(image.exifData(), "Make"), _tag(image.exifData(), "Model")
    return None, None


def _tag(tags: exiv2.ExifData, name: str) -> str | None:
    # Not by exiv2.make(): python-exiv2 0.19 dies in it where there is none.
    for group in ("Image", "PanasonicRaw"):
        at = tags.findKey(exiv2.ExifKey(f"Exif.{group}.{name}"))
        if at != tags.end():
            return plain(at.toString())
    return None


def is_raw_container(path: Path) -> bool:
    """Whether the file begins as a container that holds nothing but RAW (CRW, RAF, CR3, ...)."""
    with c_path(path) as name, suppress(exiv2.Exiv2Error):
        return exiv2.ImageFactory.open(name).mimeType() in _RAW_ONLY
    return False


def plain(text: str) -> str | None:
    """Text from a file, without what does not print and blanks at its ends; None if empty."""
    return "".join(sign if sign.isprintable() else " " for sign in text).strip() or None
