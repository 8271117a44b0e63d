import numpy as np
import pytest
from pycocotools import mask as coco

from manifests.errors import SeagullError
from manifests.rle import decode, encode


def test_round_trip_and_area_agree_with_pycocotools() -> None:
    mask = np.random.default_rng(0).random((37, 53)) < 0.3
    rle = encode(mask)
    assert rle.isascii()
    np.testing.assert_array_equal(decode(rle, 37, 53), mask)
    assert coco.area({"size": [37, 53], "counts": rle.encode()}) == mask.sum()


@pytest.mark.parametrize("rle", ["", "\u00e9", "5"])
def test_foreign_counts_are_refused(rle: str) -> None:
    with pytest.raises(SeagullError, match="RLE"):
        decode(rle, 10, 10)
