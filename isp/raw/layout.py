"""What the directories of a TIFF-based RAW say of its pixels, held against the file, by tifffile.

LibRaw renders a file whose strips, tiles or JPEG streams end early, with whatever lies in memory.
So what can be seen in the directories is looked at before a pixel is decoded.
"""

import itertools
import logging
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import tifffile
from tifffile.tifffile import jpeg_shape

from manifests.errors import Reason

_SUB_IFDS, _CFA_PERIOD, _OPCODES_2, _WHITE_XY, _WHITE_NEUTRAL = 330, 33421, 51009, 50729, 50728
_DNG_VERSION = 50706
_PANASONIC, _PANASONIC_OFFSET, _PANASONIC_SIZE = b"IIU\0", 280, (2, 3)
_PANASONIC_FORMAT, _COMPRESSED = 45, 8
_NOT_THIS_ONE = 0xFFFFFFFF  # Panasonic's strip offset where tag 280 says it
_JPEG_IN_DNG, _LOSSY_JPEG = 7, 34892
_END_OF_IMAGE, _TAIL = b"\xff\xd9", 512  # bytes; some writers pad
_HEAD = 65536  # bytes in which a JPEG names its size
_MAP_POLYNOMIAL = 8


@dataclass(frozen=True)
class Layout:
    """fault: reason and cause for which the file is refused, or None.

    white_xy: the white balance as shot is given as a chromaticity (DNG's AsShotWhiteXY).
    names_raw: its tags are a DNG's, or name a color filter array.
    """

    fault: tuple[Reason, str] | None = None
    white_xy: bool = False
    names_raw: bool = False


def read_layout(path: Path) -> Layout:
    """The layout of a file; of one that is not built on TIFF, nothing is said."""
    # What is wrong with a file is said once, by `open_sensor`.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        if head[:2] not in (b"II", b"MM"):
            return Layout()
        order = "<" if head[:2] == b"II" else ">"
        if len(head) < 8 or (head[2:4] in (b"*\0", b"\0*") and _u32(order, head[4:]) >= size):
            return Layout(("unreadable", "ends before its first directory"))
        file.seek(0)
        # A hostile directory may raise anything; what cannot be read here is left to LibRaw.
        try:
            with tifffile.TiffFile(file) as tiff:
                pages = list(_pages(list(tiff.pages)))
                faults = _faults(pages, file, size, head)
                return Layout(next(faults, None), _has_white_xy(pages), _names_raw(pages))
        except Exception:
            return Layout()


def _u32(order: str, content: bytes) -> int:
    return int(struct.unpack(f"{order}I", content[:4])[0])


def _pages(pages: list[Any], depth: int = 0) -> Iterator[Any]:
    for page in pages:
        yield page
        if depth < 3 and page.tags.get(_SUB_IFDS) is not None:
            try:
                inner = list(page.pages)
            except Exception:
                continue
            yield from _pages(inner, depth + 1)


def _faults(
    pages: list[Any], file: BinaryIO, size: int, head: bytes
) -> Iterator[tuple[Reason, str]]:
    for page in pages:
        for offset in _values(page, _SUB_IFDS):
            if offset >= size:
                yield "unreadable", "ends before a directory that it names"
    is_dng = any(_DNG_VERSION in page.tags for page in pages)
    shown = [page for page in pages if not page.subfiletype & 1]  # not a thumbnail or a preview
    for page in shown:
        period = _values(page, _CFA_PERIOD)
        if period and tuple(period) not in ((2, 2), (6, 6)):
            yield "unsupported", f"a color filter array of {period[0]}x{period[1]}, not 2x2 or 6x6"
        yield from _missing(page, size, head)
        if is_dng:
            yield from _uncovered(page)
        if page.compression in (_JPEG_IN_DNG, _LOSSY_JPEG):
            yield from _ends_early(page, file)
    if any(page.compression == _LOSSY_JPEG for page in shown):
        yield from _opcode_faults(pages)


def _values(page: Any, tag: int) -> list[int]:
    found = page.tags.get(tag)
    if found is None:
        return []
    return list(found.value) if isinstance(found.value, tuple) else [int(found.value)]


def _segments(page: Any, head: bytes) -> list[tuple[int, int]]:
    """(offset, bytes) of the strips or tiles; 1 byte where the count is not said."""
    if head[:4] == _PANASONIC:
        return _panasonic(page)
    counts = list(page.databytecounts)
    return [
        (offset, counts[index] if index < len(counts) else 1)
        for index, offset in enumerate(page.dataoffsets)
    ]


def _panasonic(page: Any) -> list[tuple[int, int]]:
    """RW2 gives no true count: 14 photosites take 16 bytes or more, but in format 8."""
    offsets = _values(page, _PANASONIC_OFFSET) or list(page.dataoffsets)
    width, height = (sum(_values(page, tag)) for tag in _PANASONIC_SIZE)
    packed = _values(page, _PANASONIC_FORMAT) == [_COMPRESSED]
    least = 1 if packed else width * height * 16 // 14
    return [(offset, least) for offset in offsets if offset != _NOT_THIS_ONE]


def _missing(page: Any, size: int, head: bytes) -> Iterator[tuple[Reason, str]]:
    last = max((offset + max(count, 1) for offset, count in _segments(page, head)), default=0)
    if last > size:
        yield "unreadable", f"ends at byte {size:,}, its pixels at {last:,}"


def _uncovered(page: Any) -> Iterator[tuple[Reason, str]]:
    """A DNG's strips or tiles are as many, and where not compressed as long, as its size needs."""
    samples = math.prod(page.shape)
    if len(page.dataoffsets) < math.prod(page.chunked):
        yield "unreadable", f"has {len(page.dataoffsets)} of {math.prod(page.chunked)} tiles"
    elif page.compression == 1 and 8 * sum(page.databytecounts) < samples * _bits(page):
        held = 8 * sum(page.databytecounts) // _bits(page)
        yield "unreadable", f"holds {held:,} of the {samples:,} samples of its size"


def _bits(page: Any) -> int:
    told = page.bitspersample
    return int(told if isinstance(told, int) else min(told))


def _ends_early(page: Any, file: BinaryIO) -> Iterator[tuple[Reason, str]]:
    """Each JPEG of a DNG fills its strip or tile, and ends with the marker that ends an image."""
    areas = _chunk_areas(page)
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    for number, (offset, count) in enumerate(segments, start=1):
        file.seek(offset)
        head = file.read(min(count, _HEAD))
        file.seek(offset + max(0, count - _TAIL))
        if _END_OF_IMAGE not in file.read(min(count, _TAIL)):
            yield "unreadable", f"JPEG {number} of {len(segments)} in it has no end"
        try:
            _, height, width, samples = jpeg_shape(head)
        except (ValueError, struct.error):
            yield "unreadable", f"JPEG {number} of {len(segments)} in it names no size"
            continue
        if number <= len(areas) and height * width * samples < areas[number - 1]:
            yield "unreadable", f"JPEG {number} of {len(segments)} in it is smaller than its place"


def _chunk_areas(page: Any) -> list[int]:
    """Samples of each strip or tile that lie within the image, in the file's order."""
    sides = [
        [min(chunk, length - at) for at in range(0, length, chunk)]
        for length, chunk in zip(page.shape, page.chunks, strict=True)
    ]
    return [math.prod(part) for part in itertools.product(*sides)]


def _opcode_faults(pages: list[Any]) -> Iterator[tuple[Reason, str]]:
    """LibRaw takes a lossy DNG's curves from OpcodeList2; one that is not there is leftover memory.

    LibRaw 0.22, its issue 862: each plane needs a MapPolynomial of its own.
    """
    for page in pages:
        content = page.tags.get(_OPCODES_2)
        if content is None:
            continue
        try:
            curves = set(polynomial_planes(bytes(content.value)))
        except (struct.error, ValueError, TypeError):
            yield "unreadable", "its OpcodeList2 is broken"
            continue
        if not set(range(page.samplesperpixel)) <= curves:
            yield "unsupported", "its OpcodeList2 has no MapPolynomial for each plane"


def polynomial_planes(opcodes: bytes) -> Iterator[int]:
    """The planes for which a DNG's opcode list (always big-endian) holds a MapPolynomial.

    Raises:
        ValueError, struct.error: a list that its bytes do not hold, or more bytes than the list.
    """
    (count,), at = struct.unpack_from(">I", opcodes), 4
    for _ in range(count):
        number, _, _, length = struct.unpack_from(">4I", opcodes, at)
        at += 16
        if at + length > len(opcodes):
            raise ValueError("an opcode passes the end of its list")
        if number == _MAP_POLYNOMIAL:
            plane, _, _, _, degree = struct.unpack_from(">5I", opcodes, at + 16)
            if plane > 3 or degree > 8 or 36 + 8 * (degree + 1) != length:
                raise ValueError("a polynomial of a degree or plane that there is not")
            yield plane
        at += length


def _has_white_xy(pages: list[Any]) -> bool:
    told = {tag for page in pages for tag in (_WHITE_XY, _WHITE_NEUTRAL) if tag in page.tags}
    return told == {_WHITE_XY}


def _names_raw(pages: list[Any]) -> bool:
    return any(tag in page.tags for page in pages for tag in (_DNG_VERSION, _CFA_PERIOD))
