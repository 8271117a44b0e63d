"""Distortions inside a region only: exact outside, whole inside, a stated width between."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from runs import seagull

from isp.raw.color import decode_srgb
from manifests.images import read_image
from manifests.rle import decode
from pipeline.tools.inside import blend, weights_of


def test_weights_rise_over_the_feather_inside_the_mask_alone():
    mask = np.zeros((40, 60), bool)
    mask[10:30, 20:60] = True  # reaches the right edge of the picture, which is no edge of it
    assert np.array_equal(weights_of(mask, 0), mask)
    weights = weights_of(mask, 5)
    assert (weights[~mask] == 0).all()
    np.testing.assert_allclose(weights[20, 20:27], [0.2, 0.4, 0.6, 0.8, 1, 1, 1], atol=1e-6)
    assert weights[20, 59] == 1


def test_a_blend_is_a_mean_of_light_and_exact_at_its_ends():
    draw = np.random.default_rng(1)
    one, other = (draw.integers(0, 256, (8, 9, 3), np.uint8) for _ in range(2))
    weights = np.zeros((8, 9), np.float32)
    weights[:, 3:6], weights[:, 6:] = 0.25, 1
    mixed = blend(one, other, weights)
    assert np.array_equal(mixed[:, :3], one[:, :3])
    assert np.array_equal(mixed[:, 6:], other[:, 6:])
    light = 0.75 * decode_srgb(one / 255) + 0.25 * decode_srgb(other / 255)
    # half a step of 8 bits is, in light, at most 255 / 2 of the curve's slope
    assert np.abs(decode_srgb(mixed / 255) - light)[:, 3:6].max() < 2.3 * 0.5 / 255 + 1e-6


@pytest.fixture(scope="module")
def mixed(tiny, tiny_raw, tmp_path_factory):
    out = tmp_path_factory.mktemp("mixed") / "out"
    shutil.copytree(tiny, out)
    recipes = out.parent / "recipes.yaml"
    recipes.write_text(
        "- {where: object, blur: {parameter: 2.0}}\n"
        "- {where: background, feather: 6, exposure: {parameter: -1.5}, noise: {parameter: 4}}\n"
    )
    ran = seagull("mix", recipes, "--raw", tiny_raw, "--out", out)
    assert ran.returncode == 0, ran.stderr
    return out


def test_outside_the_region_no_bit_changes_and_labels_say_what_was_touched(tiny, mixed):
    rows = pd.read_parquet(mixed / "mixtures" / "tables" / "renderings")
    changes = pd.read_parquet(mixed / "mixtures" / "tables" / "touched")
    rois = pd.read_parquet(tiny / "tables" / "rois")
    assert len(rows) == 6
    for row in rows.itertuples():
        where = json.loads(row.params)["where"]
        mine = rois[rois.scene_id == row.scene_id]
        masks = {r.roi_id: decode(r.rle, r.height, r.width) for r in mine.itertuples()}
        objects = np.logical_or.reduce([masks[i] for i in mine[mine.kind == "object"].roi_id])
        region = objects if where == "object" else ~objects
        picture = read_image(mixed / "mixtures" / row.path)
        reference = read_image(tiny / "renderings" / row.scene_id / "ref.jpg")
        assert np.array_equal(picture[~region], reference[~region])
        assert (picture[region] != reference[region]).any()
        said = changes[changes.rendering_id == row.rendering_id].set_index("roi_id")
        assert set(said.index) == set(masks)
        for key, mask in masks.items():
            inside = (mask & region).any()
            assert (said.loc[key].share > 0) == inside
            if where == "object":
                assert said.loc[key].share == pytest.approx(
                    (mask & region).sum() / mask.sum(), abs=1e-6
                )
            names = "blur" if where == "object" else "exposure+noise"
            assert said.loc[key].distortion_label == (names if inside else "without")


def test_a_place_that_is_none_is_named(tiny_raw, tmp_path):
    recipes = tmp_path / "recipes.yaml"
    recipes.write_text("- {where: sky, blur: {parameter: 2.0}}\n")
    ran = seagull("mix", recipes, "--raw", tiny_raw, "--out", tmp_path / "out")
    assert ran.returncode == 2
    assert "where is one of object, component, background" in ran.stderr
