"""Noise without a demosaicing each, against the demosaicing: no further off than another seed."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from skimage.metrics import structural_similarity

from isp.development.chain import Chain, Frame
from isp.development.demosaic import demosaic
from isp.development.excerpt import TILES, open_excerpt
from isp.development.lens import LensCorrection
from isp.development.noise_match import brightness_of, match
from isp.development.recipes import recipes
from isp.development.reduced_noise import can_reduce
from isp.development.superpixel import superpixels
from isp.raw.own_noise import own_noise
from isp.raw.sensor import open_sensor
from isp.tools.photographs import bundled
from isp.tools.unprocess import write_dng
from manifests.config import RenderConfig

LONG_EDGE = 256
NONE = LensCorrection("none: a test")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A DNG four times as wide as the renderings, and sharp at its own size."""
    tile = bundled()["coffee"]()[:384, :512]
    photo = np.concatenate([np.concatenate([tile, tile[:, ::-1]], 1)] * 2, 0)
    path = tmp_path_factory.mktemp("noise") / "made.dng"
    write_dng(photo, path, "made")
    return path


@pytest.fixture(scope="module", params=["made", "NikonD1_berlin_lustgarten.NEF"])
def raw(request, made):
    if request.param == "made":
        return made
    return request.getfixturevalue("shared") / "raw" / request.param


def _chain(sensor, seed=0, noise="matched"):
    config = RenderConfig(long_edge=LONG_EDGE, lens=False, noise=noise)
    return Chain(sensor, own_noise(sensor), NONE, config, "a" * 64, seed)


def _developed(chain, step):
    frame = Frame(chain.recording.pixels)
    noise, develop = chain.modules()[:2]
    return develop.apply(noise.apply(frame, step), None)


def _noise_steps(config):
    return [recipe.steps[0] for recipe in recipes(config) if recipe.distortion == "noise"]


def _fast(field):
    return field - cv2.GaussianBlur(field, (0, 0), 6)


def _statistics(field):
    """Deviation, correlation at lag 1 and 2 of each channel; correlation of the colors."""
    fast = _fast(field)
    power = (fast**2).mean((0, 1))
    lags = [((fast[n:] * fast[:-n]).mean((0, 1)) + (fast[:, n:] * fast[:, :-n]).mean((0, 1))) / 2
            for n in (1, 2)]  # fmt: skip
    colors = np.corrcoef(fast.reshape(-1, 3).T)[np.triu_indices(3, 1)]
    return np.log(np.sqrt(power)), np.concatenate([*(lag / power for lag in lags), colors])


def _patches(chain, light, reference):
    """SSIM of patches of the picture against the reference's."""
    pictures = [chain.display(np.maximum(p, 0), None).picture for p in (reference, light)]
    _, local = structural_similarity(
        *pictures, channel_axis=2, full=True, gaussian_weights=True, data_range=255
    )
    return cv2.resize(local.mean(-1), (8, 6), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("level", [2, 9, 18])
def test_matched_noise_cannot_be_told_from_another_seeds(raw, level):
    with open_sensor(raw, 150) as sensor:
        slow, other, fast = (_chain(sensor, 0, "demosaiced"), _chain(sensor, 1, "demosaiced"),
                             _chain(sensor))  # fmt: skip
        step = _noise_steps(fast.config)[level - 1]
        reference = fast.reference
        one, two, ours = (_developed(chain, step) for chain in (slow, other, fast))
        deviation, shape = _statistics(one - reference)
        our_deviation, our_shape = _statistics(ours - reference)
        assert np.abs(our_deviation - deviation).max() < 0.03  # 3 %
        assert np.abs(our_shape - shape).max() < 0.06
        scores = [_patches(fast, light, reference) for light in (one, two, ours)]
        seeds, matched = (np.abs(scores[0] - other).mean() for other in scores[1:])
        assert matched < 1.5 * seeds + 0.002
        lifted = [(light - reference).mean((0, 1)) for light in (one, ours)]
        assert np.abs(lifted[1] - lifted[0]).max() < 0.05 * np.abs(lifted[0]).max() + 0.001


def test_unmatched_quads_could_be_told(made):
    """What the match is for: the same field without it is out of every bound above."""
    with open_sensor(made, 150) as sensor:
        chain = _chain(sensor)
        step = _noise_steps(chain.config)[17]
        demosaiced = _developed(_chain(sensor, 0, "demosaiced"), step) - chain.reference
        size = chain.reference.shape[1::-1]
        pixels = chain.changed(chain.recording, _noise(), step)
        plain = superpixels(sensor, pixels, size) - superpixels(sensor, sensor.mosaic, size)
        deviation, shape = _statistics(demosaiced)
        plain_deviation, plain_shape = _statistics(plain)
        assert np.abs(plain_deviation - deviation).max() > 0.03
        assert np.abs(plain_shape - shape).max() > 0.06


def _noise():
    from isp.distortions.noise import NOISE

    return NOISE


def test_quads_of_a_smooth_picture_are_its_demosaiced_ones(tmp_path):
    y, x = np.mgrid[:512, :512] / 512
    photo = np.stack([200 * x + 20, 180 * y + 30, 120 * (x + y) / 2 + 60], -1).astype(np.uint8)
    write_dng(photo, tmp_path / "smooth.dng", "smooth")
    with open_sensor(tmp_path / "smooth.dng", 150) as sensor:
        chain = _chain(sensor)
        small = superpixels(sensor, sensor.mosaic, (64, 64))
        area = cv2.resize(chain.reference, (64, 64), interpolation=cv2.INTER_AREA)
        assert np.abs(small - area).mean() < 0.002


def test_an_excerpt_is_demosaiced_as_the_file_is(made):
    with open_sensor(made, 150) as sensor, open_excerpt(sensor, 400) as excerpt:
        tile, margin = excerpt.size[0] // TILES, 8
        inside = slice(margin, tile - margin)
        ours = demosaic(excerpt, excerpt.mosaic, "ahd")[inside, inside].astype(int)
        whole = demosaic(sensor, None, "ahd")[inside, inside].astype(int)
        assert np.abs(ours - whole).mean() < 1e-3 * whole.mean()


def test_equal_fields_need_no_match():
    draw = np.random.default_rng(0)
    clean = draw.random((96, 96, 3), np.float32)
    field = draw.standard_normal((96, 96, 3), np.float32)
    same = match(brightness_of(clean), [(strength * field,) * 2 for strength in (0.1, 0.2)])
    ours = same.apply(0.15 * field, brightness_of(clean))
    assert np.abs(ours - 0.15 * field).max() < 1e-3


def test_only_bayer_and_four_times_reduced(made):
    with open_sensor(made, 150) as sensor:
        assert can_reduce(sensor, (256, 192))
        assert not can_reduce(sensor, (512, 384))
        assert not can_reduce(replace(sensor, mosaic=None), (256, 192))
        assert not can_reduce(replace(sensor, pattern=np.zeros((6, 6), int)), (256, 192))
