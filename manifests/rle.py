"""Masks as COCO run lengths, by pycocotools: what the tables and the shards carry.

Covers the compressed `counts` string alone; box, area and size have columns of their own.
"""

import warnings

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from manifests.errors import SeagullError
from manifests.records import Roi

Mask = NDArray[np.bool_]


def encode(mask: Mask) -> str:
    """COCO compressed RLE counts (ASCII) of a bool mask, HxW."""
    return str(coco.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"], "ascii")


def mask_of(roi: Roi) -> Mask:
    """Decode a ROI's mask, bool HxW of the reference; errors as in `decode`."""
    return decode(roi.rle, roi.height, roi.width)


def decode(rle: str, height: int, width: int) -> Mask:
    """Return the bool mask, HxW, of COCO compressed RLE counts.

    Raises:
        SeagullError: the counts do not fill height x width.
    """
    try:
        with warnings.catch_warnings():
            # pycocotools 2.0.11 has an __array__ without NumPy 2's copy argument
            warnings.simplefilter("ignore", DeprecationWarning)
            decoded = coco.decode({"size": [height, width], "counts": rle.encode("ascii")})
    except (ValueError, UnicodeEncodeError) as error:
        raise SeagullError(f"RLE does not describe a {height}x{width} mask: {error}") from error
    mask = np.ascontiguousarray(decoded, dtype=np.bool_)
    if encode(mask) != rle:  # short counts decode silently
        raise SeagullError(f"RLE counts do not fill a {height}x{width} mask; make the masks again")
    return mask
