import cv2
import numpy as np
import pytest
import torch

from manifests.images import encode_jpeg
from training.data import roi_statistics as statistics
from training.data.roi_statistics import Texture

RNG = np.random.default_rng(0)


def everywhere(image):
    rows, columns = np.indices(image.shape[:2])
    return rows.ravel(), columns.ravel()


@pytest.fixture
def soft() -> np.ndarray:
    """(96, 128, 3): content of all scales but the finest."""
    noise = RNG.normal(0, 1, (96, 128, 3))
    layers = [cv2.GaussianBlur(noise, (0, 0), s) * s for s in (1.5, 4, 12)]
    return np.clip(128 + 60 * sum(layers), 0, 255).astype(np.uint8)


def test_color_is_numpys():
    pixels = np.random.default_rng(0).integers(0, 256, (999, 3)).astype(np.uint8)
    found = statistics.color(pixels)
    values = pixels / 255
    luminance = values @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(found[:3], values.mean(0), atol=1e-5)
    np.testing.assert_allclose(found[3:6], values.std(0), atol=1e-5)
    saturation = values.max(1) - values.min(1)
    for wanted, quantiles in ((luminance, found[6:13]), (saturation, found[13:20])):
        np.testing.assert_allclose(quantiles, np.quantile(wanted, statistics.QUANTILES), atol=4e-3)
    assert len(found) == statistics.COLOR
    assert statistics.color(np.full((5, 3), 255, np.uint8))[-1] == 1


def test_natural_values_are_pyiqas(soft):
    from pyiqa.archs.func_util import normalize_img_with_gauss  # pyiqa's own BRISQUE

    grey = soft.mean(2)
    theirs = normalize_img_with_gauss(torch.from_numpy(grey)[None, None])[0, 0].numpy()
    ours = Texture.of(soft).scales[0].natural.reshape(98, 130)[1:-1, 1:-1]
    np.testing.assert_allclose(ours[4:-4, 4:-4], theirs[4:-4, 4:-4], atol=2e-3)


def test_moments_of_neighbours_are_numpys(soft):
    scale = Texture.of(soft).scales[0]
    natural = scale.natural.reshape(98, 130)[1:-1, 1:-1]
    rows, columns = np.indices((94, 126)).reshape(2, -1) + 1
    found = scale.at((rows, columns))
    here = natural[1:-1, 1:-1]
    straight = [here * natural[1:-1, 2:], here * natural[2:, 1:-1]]
    slanted = [here * natural[2:, 2:], here * natural[2:, :-2]]
    assert found[0] == pytest.approx(np.abs(here).mean(), rel=1e-4)
    for at, products in ((3, straight), (4, slanted)):
        assert found[at] == pytest.approx(np.mean(products), rel=1e-3)
        assert found[at + 4] == pytest.approx(np.std(products), rel=1e-3)


def test_noise_is_measured(soft):
    for sigma in (4, 12):
        noisy = 128 + RNG.normal(0, sigma, (96, 128, 1)).repeat(3, 2)
        found = Texture.of(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
        # Immerkaer 1996: sigma is sqrt(pi / 2) times the mean size of the residual.
        mean = np.exp(found.at(everywhere(soft))[9]) - 0.1
        assert mean * np.sqrt(np.pi / 2) == pytest.approx(sigma, rel=0.05)


def test_borders_of_blocks_are_seen_where_jpeg_has_them(soft):
    plain = Texture.of(soft).at(everywhere(soft))[-3]
    blocked = cv2.imdecode(np.frombuffer(encode_jpeg(soft, 10, "444"), np.uint8), 1)[..., ::-1]
    there = Texture.of(blocked).at(everywhere(blocked))[-3]
    shifted = np.ascontiguousarray(blocked[4:, 4:])
    assert abs(plain) < 0.1 and there > 0.3
    assert Texture.of(shifted).at(everywhere(shifted))[-3] < 0


def test_texture_does_not_depend_on_the_order_of_channels_and_is_finite(soft):
    turned = Texture.of(np.ascontiguousarray(soft[..., [2, 0, 1]])).at(everywhere(soft))
    np.testing.assert_allclose(turned, Texture.of(soft).at(everywhere(soft)), atol=1e-4)
    flat = np.full((9, 7, 3), 255, np.uint8)
    found = Texture.of(flat).at((np.array([8]), np.array([0])))
    assert found.shape == (statistics.TEXTURE,) and np.isfinite(found).all()
