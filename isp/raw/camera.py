"""Make and model of the camera, by exiv2, which knows the containers: rawpy gives neither.

X3F alone it does not know: LibRaw's own names of the camera, through its C interface.
"""

import ctypes
import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import exiv2
import rawpy

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
    return _x3f_camera(path)


def _x3f_camera(path: Path) -> tuple[str | None, str | None]:
    with path.open("rb") as file, c_path(path) as name:
        library = _libraw() if file.read(4) == b"FOVb" else None
        if library is None:
            return None, None
        handle = ctypes.c_void_p(library.libraw_init(0))
        try:
            if library.libraw_open_file(handle, os.fsencode(name)):
                return None, None
            # libraw_iparams_t: a guard of 4 bytes, then make and model, 64 bytes each.
            told = ctypes.string_at(library.libraw_get_iparams(handle) + 4, 128)
        finally:
            library.libraw_close(handle)
    make, model = (told[at : at + 64].split(b"\0")[0].decode("ascii", "replace") for at in (0, 64))
    # LibRaw takes the maker's name off the model's, by which lensfun knows it.
    return plain(make), plain(f"{make} {model}")


@lru_cache(maxsize=1)
def _libraw() -> ctypes.CDLL | None:
    """The library inside rawpy's wheel, where it lies there."""
    for path in sorted(Path(rawpy.__file__).parent.glob("libraw_r*.so*")):
        with suppress(OSError):
            library = ctypes.CDLL(str(path))
            for function in (library.libraw_init, library.libraw_get_iparams):
                function.restype = ctypes.c_void_p
            return library
    return None


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
