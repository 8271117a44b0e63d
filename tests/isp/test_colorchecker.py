from pathlib import Path

import numpy as np
import pytest
from skimage.color import lab2xyz

from isp.raw.color import SRGB_TO_XYZ, bradford, encode_srgb
from isp.tools.colorchecker import CHART_LAB, chart_linear_srgb, differences, measure, patches
from manifests.config import RenderConfig

G2 = Path(__file__).parents[3] / "shared" / "raw" / "CanonPowerShotG2_0304.CRW"
CORNERS = ((0.1387, 0.1824), (0.8564, 0.1785), (0.1426, 0.7559), (0.8584, 0.7493))


def test_the_chart_itself_has_no_difference_at_any_exposure_and_white_balance():
    assert differences(chart_linear_srgb() * (0.3, 0.5, 0.8)).max() < 0.05


def test_the_charts_colors_are_those_of_skimage():
    xyz = lab2xyz(CHART_LAB, illuminant="D50", observer="2")
    d50, d65 = np.array([0.96422, 1.0, 0.82521]), SRGB_TO_XYZ.sum(axis=1)
    linear = xyz @ bradford(d50, d65).T @ np.linalg.inv(SRGB_TO_XYZ).T
    np.testing.assert_allclose(chart_linear_srgb(), linear, atol=2e-3)


def test_patches_are_read_row_by_row_between_the_corners():
    chart = np.clip(chart_linear_srgb(), 0, 1).reshape(4, 6, 3)
    picture = np.kron(chart, np.ones((60, 60, 1)))
    corners = ((1 / 12, 1 / 8), (11 / 12, 1 / 8), (1 / 12, 7 / 8), (11 / 12, 7 / 8))
    np.testing.assert_allclose(patches(picture, corners), chart.reshape(24, 3), atol=1e-12)
    assert encode_srgb(chart).max() <= 1


def test_colors_are_no_worse_than_rawtherapees_neutral_profile():
    if not G2.exists():
        pytest.skip(f"{G2} is not here")
    assert measure(G2, CORNERS, RenderConfig(demosaic="linear")).mean() <= 3.2
