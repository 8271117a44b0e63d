"""Distortions inside a region only: exact outside, whole inside, a stated width between."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from runs import seagull

from isp.raw.color import decode_srgb
from manifests.images import read_image
from manifests.keys import in_order
from manifests.presets import load_config
from manifests.rle import decode
from manifests.workspace import Workspace
from pipeline.intake.sources import known_sources
from pipeline.mixing.inside import blend, weights_of
from pipeline.tools.mixtures import render_mixtures


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


def test_each_step_acts_in_its_own_place_and_the_scorer_sees_what_ships(tiny, tiny_raw, tmp_path):
    """A pixel is that of the picture which the steps acting there would make alone."""
    recipes = tmp_path / "recipes.yaml"
    recipes.write_text(
        "- {exposure: {parameter: -1.5}, blur: {parameter: 2.0, where: object}}\n"
        "- {where: background, exposure: {parameter: 1}, blur: {parameter: 2, where: object}}\n"
        "- {exposure: {parameter: -1.5}, blur: {parameter: 2.0}}\n"
        "- {where: background, exposure: {parameter: 1}}\n"
        "- {where: object, blur: {parameter: 2}}\n"
        "- {where: object, feather: 8, blur: {parameter: 2}, noise: {parameter: 5, feather: 0}}\n"
    )
    config = load_config(str(tiny / "config.yaml"))
    sources = known_sources(Workspace(tiny))[:1]
    space = Workspace(tmp_path / "mixtures")
    assert not render_mixtures(sources, recipes, space, config, Workspace(tiny))
    rows = pd.read_parquet(space.table("renderings"))
    images = [read_image(space.file(path)) for path in rows.path]
    rois = pd.read_parquet(tiny / "tables" / "rois")
    mine = rois[rois.scene_id == sources[0].scene_id]
    masks = {r.roi_id: decode(r.rle, r.height, r.width) for r in mine.itertuples()}
    objects = np.logical_or.reduce([masks[i] for i in mine[mine.kind == "object"].roi_id])
    assert np.array_equal(images[0][objects], images[2][objects])  # both steps
    assert not np.array_equal(images[0][~objects], images[2][~objects])
    assert np.array_equal(images[1], np.where(objects[..., None], images[4], images[3]))
    assert [path[-3:] for path in rows.path] == ["png", "png", "jpg", "png", "png", "png"]
    steps = json.loads(rows.params[1])["recipe"]["steps"]
    assert {s["distortion"]: s["where"] for s in steps} == {
        "exposure": "background", "blur": "object"
    }  # fmt: skip

    touched = pd.read_parquet(space.table("touched")).set_index(["rendering_id", "roi_id"])
    labels = pd.read_parquet(space.table("labels"))
    reference = read_image(tiny / "renderings" / sources[0].scene_id / "ref.jpg")
    assert len(labels) == len(images) * len(masks)
    for label in labels.itertuples():
        n, mask = int(label.rendering_id[-2:]) - 1, masks[label.roi_id]
        row = touched.loc[label.rendering_id, label.roi_id]
        changed = (images[n][mask] != reference[mask]).any()
        assert (label.quality < 1) == changed
        if n < 2:
            blurred = (mask & objects).sum() / mask.sum()
            shares = dict(row.shares)
            assert shares["blur"] == pytest.approx(blurred, abs=1e-6)
            assert shares["exposure"] == pytest.approx(1 if n == 0 else 1 - blurred, abs=1e-6)
            assert row.share == 1
        names = in_order(name for name, share in row.shares if share)
        assert label.distortion_label in ("without", "+".join(names))
        if label.distortion_label == "without":
            assert label.quality > 0.99 or not changed
    assert {"exposure+blur", "exposure", "blur", "noise+blur"} <= set(labels.distortion_label)
