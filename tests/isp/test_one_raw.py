"""`isp.render` and `isp.develop`: what the dataset's renderer makes, in one line."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

import isp
from isp.development.recipes import recipes
from isp.development.renderer import develop
from isp.distortions.all_distortions import DISTORTIONS
from manifests import keys
from manifests.config import RenderConfig
from manifests.errors import SceneError, SeagullError
from manifests.files import sha256_of_file
from manifests.images import decode_image

CONFIG = RenderConfig(long_edge=96, tone="neutral")


@pytest.fixture(scope="module")
def raw(tiny_raw):
    return tiny_raw / "coffee.dng"


def test_the_bytes_are_the_datasets(raw):
    wanted = recipes(CONFIG)[::13]
    _, images = develop(raw, sha256_of_file(raw), wanted, CONFIG, 0)
    expected = {image.recipe: image.content for image in images}
    made = isp.develop(raw, wanted[::-1], config=CONFIG, encoded=True)
    assert made == [expected[recipe] for recipe in wanted[::-1]]


def test_many_recipes_are_each_alone(raw):
    ladder = [{"exposure": -1.5}, {}, {"noise": 4, "compression": 20}, {}]
    pictures = isp.develop(str(raw), ladder, config=CONFIG)
    np.testing.assert_array_equal(pictures[1], pictures[3])
    np.testing.assert_array_equal(pictures[0], isp.render(raw, exposure=-1.5, config=CONFIG))
    assert pictures[0].mean() < pictures[1].mean()
    (encoded,) = isp.develop(raw, [ladder[2]], config=CONFIG, encoded=True)
    np.testing.assert_array_equal(decode_image(encoded, ""), pictures[2])
    moved = isp.render(raw, blur={"parameter": 3, "shape": "motion", "angle": 90}, config=CONFIG)
    dy, dx = (np.abs(np.diff(moved.astype(float), axis=axis)).mean() for axis in (0, 1))
    assert dx > 1.2 * dy


def test_the_seed_changes_the_noise_alone(raw):
    first, second = (isp.render(raw, noise=5, seed=seed, config=CONFIG) for seed in (0, 1))
    assert not np.array_equal(first, second)
    plain = [isp.render(raw, seed=seed, config=CONFIG) for seed in (0, 1)]
    np.testing.assert_array_equal(*plain)


def test_mistakes_are_told(raw, tmp_path):
    for wrong in ({"exposre": 1}, {"exposure": 99}, {"blur": {"parameter": 1, "shape": "round"}}):
        with pytest.raises(SeagullError, match="recipe"):
            isp.render(raw, **wrong)
    with pytest.raises(SceneError, match=r"missing\.NEF"):
        isp.render(tmp_path / "missing.NEF")


def test_the_importing_process_keeps_its_threads(raw):
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(2)
        isp.render(raw, config=CONFIG)
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)


def test_importing_loads_nothing():
    text = (
        "import sys, isp, labelers, manifests; print(*{'numpy', 'cv2', 'torch'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout.strip()) == (0, "")


def test_the_contracts_six_are_the_first_of_the_list():
    assert tuple(one.name for one in DISTORTIONS) == keys.DISTORTIONS
    two_signs = {one.name for one in DISTORTIONS if one.two_signs}
    assert two_signs == {"exposure", "contrast", "colorfulness"}
    for one in DISTORTIONS:
        low, high = one.range
        for sweep in one.sweeps:
            assert low <= min(sweep.first, sweep.last) and max(sweep.first, sweep.last) <= high
            assert all(one.options[name].allows(value) for name, value in sweep.options)
