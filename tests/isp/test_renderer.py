import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from isp.development.recipes import mixed_recipes, recipes
from isp.development.renderer import develop, levels_identity, reproduce
from isp.distortions.levels import SHIPPED
from manifests.config import Config, RenderConfig
from manifests.errors import SceneError
from manifests.files import sha256_of, sha256_of_file

RAW = Path(__file__).parents[3] / "shared" / "raw"
CONFIG = RenderConfig(long_edge=256, demosaic="linear")
SIZES = {
    "CanonEOS6D_linear_lossy_monitor.dng": (1224, 816),
    "CanonKissX4_colorchart.dng": (1734, 1156),
    "CanonPowerShotG2_0304.CRW": (2312, 1720),
    "CanonPowerShotS40_0117.CRW": (2312, 1720),
    "KodakC330_yrgb_sdcards.raw": (1216, 912),
    "KodakDC120_P003910.KDC": (1301, 976),
    "KodakDC50_DC0009L.KDC": (768, 512),
    "NikonD1_berlin_lustgarten.NEF": (2012, 1324),
    "QuickTake100_room.qtk": (640, 480),
    "QuickTake150_houses.qtk": (640, 480),
}  # README of the folder: output size


def real(name):
    path = RAW / name
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return path


def some(*keys):
    return [r for r in recipes(CONFIG) if (r.distortion, r.level) in keys]


@pytest.mark.parametrize("name", SIZES)
def test_every_real_raw_becomes_a_picture_that_its_parameters_make_again(name):
    path = real(name)
    wanted = some(("none", 0), ("noise", 12))
    capture, images = develop(path, sha256_of_file(path), wanted, CONFIG, 0)
    reference, noisy = images
    width, height = SIZES[name]
    assert reference.width == 256 and abs(reference.height - 256 * height / width) <= 1
    picture = cv2.imdecode(np.frombuffer(reference.content, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (reference.height, reference.width, 3)
    assert picture.std() > 20
    assert capture.raw_width >= 640 or capture.raw_height >= 480
    assert all(gain > 0 for gain in capture.white_balance.gains)
    told = json.loads(json.dumps(noisy.params))
    assert reproduce(path, told) == noisy.content != reference.content


def test_all_recipes_come_once_reference_first_and_order_changes_nothing():
    path = real("QuickTake150_houses.qtk")
    wanted = recipes(CONFIG)

    def hashes(these):
        _, images = develop(path, "ab" * 32, these, CONFIG, 7)
        return {(i.recipe.distortion, i.recipe.level): sha256_of(i.content) for i in images}

    forward, backward = hashes(wanted), hashes(wanted[::-1])
    assert next(iter(forward)) == ("none", 0)
    assert forward == backward
    assert len(set(forward.values())) == 121


def test_the_seed_and_the_file_change_the_noise_alone():
    path = real("QuickTake150_houses.qtk")
    wanted = some(("none", 0), ("noise", 5))

    def made(sha256, seed):
        return [i.content for i in develop(path, sha256, wanted, CONFIG, seed)[1]]

    first = made("ab" * 32, 0)
    for other in (made("ab" * 32, 1), made("cd" * 32, 0)):
        assert other[0] == first[0] and other[1] != first[1]


def damaged(tmp_path):
    good = real("NikonD1_berlin_lustgarten.NEF").read_bytes()
    yield "empty", tmp_path / "empty.NEF", b""
    yield "not_raw", tmp_path / "text.NEF", b"this is a text, not a photograph\n" * 40
    yield "unreadable", tmp_path / "half.NEF", good[: len(good) // 2]


def test_damaged_files_have_reasons_and_name_the_file(tmp_path):
    for reason, path, content in damaged(tmp_path):
        path.write_bytes(content)
        with pytest.raises(SceneError) as caught:
            list(develop(path, "ab" * 32, recipes(CONFIG), CONFIG, 0)[1])
        assert (caught.value.reason, path.name in str(caught.value)) == (reason, True)
    with pytest.raises(SceneError) as caught:
        develop(tmp_path / "missing.NEF", "ab" * 32, [], CONFIG, 0)
    assert caught.value.reason == "unreadable"


def test_size_is_checked_before_decoding():
    path = real("NikonD1_berlin_lustgarten.NEF")
    small = RenderConfig(max_megapixels=2.0)
    with pytest.raises(SceneError, match="2012x1324") as caught:
        develop(path, "ab" * 32, recipes(small), small, 0)
    assert caught.value.reason == "too_large"


def test_mixtures_ride_on_the_same_tree():
    path = real("QuickTake150_houses.qtk")
    wanted = [*recipes(CONFIG)[:3], *mixed_recipes(6, "ab" * 32, 0, CONFIG)]
    _, images = develop(path, "ab" * 32, wanted, CONFIG, 0)
    made = {(i.recipe.distortion, i.recipe.level): i for i in images}
    assert len(made) == len(wanted) == len({sha256_of(i.content) for i in made.values()})
    mixed = made["mixed", 3]
    assert reproduce(path, json.loads(json.dumps(mixed.params))) == mixed.content


def test_levels_of_ones_own_are_named_by_content_wherever_they_lie(tiny_raw, tmp_path):
    path, made = tiny_raw / "coffee.dng", []
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        table = shutil.copy(SHIPPED, tmp_path / folder / "mine.yaml")
        config = RenderConfig(long_edge=64, levels=str(table))
        wanted = recipes(config)[1:2]
        (image,) = develop(path, sha256_of_file(path), wanted, config, 0)[1]
        made.append(image)
        assert str(tmp_path) not in json.dumps(image.params)
        assert Config(render=config).fingerprint != Config(render=CONFIG).fingerprint
    assert made[0] == made[1]
    assert made[0].params["render"]["levels"] == "sha256:" + levels_identity(CONFIG)
    assert reproduce(path, made[0].params) == made[0].content
    one, other = (RenderConfig(levels=str(tmp_path / f / "mine.yaml")) for f in ("here", "there"))
    assert Config(render=one).fingerprint == Config(render=other).fingerprint
