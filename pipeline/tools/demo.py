"""RAW files to try everything on, made from photographs: see `isp.tools.unprocess` for how."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from isp.tools.photographs import in_color, read_photograph
from isp.tools.unprocess import write_dng


def write_demo_raw(folder: Path, photos: Sequence[Path]) -> Iterator[Path]:
    """Write a DNG for each photograph; those that are there already are left as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, photo in _photographs(photos):
        path = folder / f"{name}.dng"
        if not path.exists():
            write_dng(photo, path, name)
        yield path


def _photographs(photos: Sequence[Path]) -> Iterator[tuple[str, np.ndarray]]:
    if photos:
        yield from ((path.stem, read_photograph(path)) for path in photos)
    else:
        # On a grey photograph colorfulness changes nothing, and an answer cannot be right.
        yield from ((name, load()) for name, load in in_color().items())
