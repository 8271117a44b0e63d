"""`labelers.find_rois` and `labelers.score` on a photograph."""

import cv2
import numpy as np
import pytest
from skimage.metrics import structural_similarity

import labelers
from isp.tools.photographs import bundled
from manifests.config import ScorerConfig
from manifests.errors import SeagullError
from manifests.images import fitted
from manifests.rle import mask_of


@pytest.fixture(scope="module")
def photo():
    return fitted(bundled()["coffee"](), 192)


@pytest.fixture(scope="module")
def blurred(photo):
    return cv2.GaussianBlur(photo, (0, 0), 2)


def test_rois_of_a_photograph(photo):
    rois = labelers.find_rois(photo)
    assert rois == labelers.find_rois(photo.copy())
    for roi in rois:
        assert mask_of(roi).sum() == roi.area >= 1024
        assert mask_of(roi).shape == photo.shape[:2]


def test_a_score_by_roi_mask_or_whole(photo, blurred):
    roi = labelers.find_rois(photo)[0]
    by_roi = labelers.score(blurred, photo, roi)
    assert by_roi == labelers.score(blurred, photo, mask_of(roi))
    assert 0 < by_roi.quality < 0.99 and by_roi.importance > 0 and not by_roi.without
    whole = labelers.score(blurred, photo)
    similar = structural_similarity(
        photo, blurred, channel_axis=2, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, data_range=255,
    )  # fmt: skip
    assert whole.quality == pytest.approx(similar, abs=0.02)
    assert whole.importance == pytest.approx(1 - whole.quality, abs=1e-6)
    same = labelers.score(photo, photo, roi)
    assert (same.quality, same.importance, same.without) == (1, 0, True)


def test_another_scorer(photo, blurred):
    psnr = ScorerConfig("psnr", without_above=40.0)
    assert labelers.score(blurred, photo, config=psnr).quality == pytest.approx(
        cv2.PSNR(photo, blurred), abs=1e-3
    )


def test_mistakes_are_told(photo):
    with pytest.raises(SeagullError, match="image: expected uint8"):
        labelers.find_rois(photo / 255.0)
    with pytest.raises(SeagullError, match="its reference"):
        labelers.score(photo[:-1], photo)
    with pytest.raises(SeagullError, match="the mask is empty"):
        labelers.score(photo, photo, np.zeros(photo.shape[:2], bool))
    with pytest.raises(SeagullError, match="the mask is 3x2 pixels"):
        labelers.score(photo, photo, np.ones((2, 3), bool))
    with pytest.raises(SeagullError, match="no full-reference metric"):
        labelers.score(photo, photo, config=ScorerConfig("brisque", without_above=0.9))
