"""LibRaw's decoding, believed only where it says nothing and depends on nothing but the file.

LibRaw gives a picture also where the file ends early or holds no pixels: the rest is what lay in
memory. So a file is decoded twice into memory that is filled with different bytes, and what the
decoders say on standard error is read: both must agree, and neither may complain.
"""

import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import rawpy

from manifests.errors import SceneError
from manifests.process.memory import filled_memory

_FILLS = (0x55, 0xAA)
# All that libjpeg warns of (jerror.h).
_LIBJPEG = re.compile("JPEG|JFIF|SOS parameters|progression sequence|Adobe color transform")


def refuse_leftovers(path: Path, name: str) -> str:
    """Decode the file once; returns what `unpack` of another handle must give.

    Args:
        path: for messages.
        name: under which LibRaw can open it.
    """
    with rawpy.imread(name) as raw:
        return _unpack(path, name, raw, _FILLS[0])


def unpack(path: Path, name: str, raw: rawpy.RawPy, expected: str) -> None:
    """Decode an open RAW.

    Raises:
        SceneError: unreadable, when a decoder complains or the pixels are not `expected`: those of
            `refuse_leftovers`.
        rawpy.LibRawError: LibRaw's own.
    """
    if _unpack(path, name, raw, _FILLS[1]) != expected:
        raise SceneError("unreadable", f"{path}: does not hold all the pixels that it names")


def _unpack(path: Path, name: str, raw: rawpy.RawPy, fill: int) -> str:
    with filled_memory(fill), complaints(name) as said:
        raw.unpack()
    if said:
        raise SceneError("unreadable", f"{path}: broken or cut ({said[0]})")
    levels = [*raw.black_level_per_channel, raw.white_level]
    pixels = np.ascontiguousarray(raw.raw_image_visible)
    return hashlib.sha256(pixels.data).hexdigest() + repr(levels)


@contextmanager
def complaints(name: str) -> Iterator[list[str]]:
    """What decoders say of the file `name` on standard error within the block, a line each.

    libjpeg has no other door, and LibRaw begins its lines with the name. Lines of other threads are
    passed on. The list is filled when the block ends.
    """
    said: list[str] = []
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield said
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            for line in file.read().splitlines(keepends=True):
                text = line.decode("utf-8", "replace").strip()
                if _LIBJPEG.search(text) or text.startswith(name):
                    said.append(text.removeprefix(f"{name}: "))
                else:
                    os.write(2, line)
