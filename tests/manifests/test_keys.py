from pathlib import Path

import pytest

from manifests.keys import (
    DISTORTIONS,
    LEVELS,
    check_key,
    parse_rendering_id,
    rendering_id,
    roi_id,
    scene_id,
)

SHA = "0123456789abcdef" * 4


def test_scene_id_is_safe_for_webdataset_whatever_the_file_is_called():
    for name in ("r0001.NEF", "ünïcode näme.dng", "a.v1.tiff.nef", "  .NEF", "x" * 300 + ".nef"):
        scene = scene_id(Path(name), SHA)
        for distortion in DISTORTIONS:
            key = check_key(rendering_id(scene, distortion, LEVELS))
            assert len(key) <= 100
            assert "." not in key


def test_keys_read_as_the_contract_says():
    assert scene_id(Path("r0001.NEF"), SHA) == "r0001-01234567"
    assert rendering_id("r-0", "none", 0) == "r-0_ref"
    assert rendering_id("r-0", "noise", 7) == "r-0_noise_07"
    assert roi_id("r-0", "object", 3) == "r-0_obj003"
    assert roi_id("r-0", "component", 12) == "r-0_cmp012"


@pytest.mark.parametrize(("distortion", "level"), [("none", 0), ("blur", 1), ("compression", 20)])
def test_a_rendering_id_comes_apart_as_it_was_put_together(distortion, level):
    scene = "a_noise_03_ref-01234567"  # a scene named to mislead
    assert parse_rendering_id(rendering_id(scene, distortion, level)) == (scene, distortion, level)


def test_other_keys_are_refused():
    for wrong in ("", "r0001-01234567", "r0001-01234567_sharpness_03", "a.b_ref.x"):
        with pytest.raises(ValueError, match="rendering_id"):
            parse_rendering_id(wrong)
