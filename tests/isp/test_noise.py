import numpy as np
import pytest

from isp.distortions.noise import noisy_mosaic, noisy_rgb, standard_normal
from isp.distortions.noise_model import NoiseModel, likely_read, measure_planes
from manifests.chance import generator

RGGB = np.array([[0, 1], [3, 2]])
BLACK, WHITE = (512, 500, 512, 524), 15892
MODEL = NoiseModel((2e-4, 1e-4, 4e-4), (1e-7, 2e-7, 4e-7))


def flat(level, color_black):
    mosaic = np.empty((512, 512), np.uint16)
    for y in range(2):
        for x in range(2):
            black = color_black[RGGB[y, x]]
            mosaic[y::2, x::2] = round(black + level * (WHITE - black))
    return mosaic


@pytest.mark.parametrize("level", [0.02, 0.1, 0.18, 0.4, 0.6])
@pytest.mark.parametrize("stops", [1.0, 4.0])
def test_variance_on_flat_fields_is_the_models_within_3_percent(level, stops):
    added = MODEL.added(stops)
    clean = flat(level, BLACK)
    noisy = noisy_mosaic(clean, RGGB, BLACK, WHITE, added, generator("flat", str(level)))
    for (y, x), color in np.ndenumerate(RGGB):
        plane, channel = noisy[y::2, x::2].astype(float), min(color, 3) % 3 if color != 3 else 1
        span = WHITE - BLACK[color]
        signal = (clean[y, x] - BLACK[color]) / span
        expected = (2**stops - 1) * MODEL.shot[channel] * signal
        expected += (4**stops - 1) * MODEL.read[channel]
        assert plane.var() / span**2 == pytest.approx(expected, rel=0.03)
        assert (plane.mean() - clean[y, x]) / span == pytest.approx(0, abs=4e-3 * level**0.5)


def test_saturation_stays_and_colors_are_independent():
    noisy = noisy_mosaic(flat(0.99, BLACK), RGGB, BLACK, WHITE, MODEL, generator("a"))
    assert noisy.max() == WHITE
    noisy = noisy_mosaic(flat(0.3, BLACK), RGGB, BLACK, WHITE, MODEL, generator("a")).astype(float)
    red, blue = noisy[::2, ::2].ravel(), noisy[1::2, 1::2].ravel()
    assert abs(np.corrcoef(red, blue)[0, 1]) < 0.015


def test_the_table_draws_a_normal_distribution():
    from scipy import stats

    drawn = standard_normal((400_000,), generator("normal")).ravel()
    assert drawn.mean() == pytest.approx(0, abs=0.006)
    assert drawn.var() == pytest.approx(1, rel=0.01)
    assert stats.kstest(drawn[:50_000], "norm").pvalue > 0.01
    assert stats.kurtosis(drawn) == pytest.approx(0, abs=0.05)


def test_noise_without_a_mosaic_follows_the_same_model():
    image = np.full((400, 400, 3), (20000, 10000, 15000), np.uint16)
    white = np.array([60000.0, 30000.0, 45000.0])
    noisy = noisy_rgb(image, white, MODEL, generator("rgb")).astype(float) / white
    for channel in range(3):
        expected = MODEL.shot[channel] / 3 + MODEL.read[channel]
        assert noisy[..., channel].var() == pytest.approx(expected, rel=0.03)


def test_own_noise_is_found_in_a_slope_with_edges():
    truth = NoiseModel((3e-4, 6e-4, 1.2e-3), tuple(likely_read(s) for s in (3e-4, 6e-4, 1.2e-3)))
    y, x = np.mgrid[0:600, 0:600] / 600
    scene = (0.05 + 0.7 * x) * (1 + 0.2 * (y > 0.5))
    planes = {}
    for color in range(3):
        deviation = np.sqrt(truth.shot[color] * scene + truth.read[color])
        drawn = generator("own", color).standard_normal(scene.shape)
        planes[color] = [scene + deviation * drawn]
    found = measure_planes(planes)
    np.testing.assert_allclose(found.shot, truth.shot, rtol=0.15)


def test_what_averaging_divides_is_made_good():
    added = MODEL.added(3.0).times(16)
    level = 0.3
    mosaic = np.full((512, 512), round(BLACK[0] + level * (WHITE - BLACK[0])), np.uint16)
    grey = np.zeros((1, 1), int)
    noisy = noisy_mosaic(mosaic, grey, BLACK, WHITE, added, generator("average")).astype(float)
    small = noisy.reshape(128, 4, 128, 4).mean(axis=(1, 3)) / (WHITE - BLACK[0])
    expected = 7 * MODEL.shot[0] * level + 63 * MODEL.read[0]
    assert small.var() == pytest.approx(expected, rel=0.05)
