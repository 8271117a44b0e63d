"""The shards against readers that are not ours: webdataset, pandas, tarfile, pycocotools, PIL."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import webdataset
from PIL import Image
from pycocotools import mask as coco

from manifests.presets import load_config
from manifests.workspace import SPLITS, Workspace
from pipeline.dataset.card import quality_words, write_card
from pipeline.dataset.samples import seagull_100w
from pipeline.dataset.shards import write_shards


def _tars(out: Path) -> list[Path]:
    return sorted(out.glob("shards/*/*.tar"))


def _samples(out: Path) -> list[dict]:
    return [s for tar in _tars(out) for s in webdataset.WebDataset(str(tar), shardshuffle=False)]


@pytest.fixture(scope="module")
def samples(tiny) -> list[dict]:
    return _samples(tiny)


def test_every_rendering_is_one_sample_with_the_same_fields(tiny, samples):
    renderings = pd.read_parquet(tiny / "tables" / "renderings")
    assert sorted(s["__key__"] for s in samples) == sorted(renderings.rendering_id)
    fields = {tuple(sorted(json.loads(s["json"]))) for s in samples}
    assert len(fields) == 1
    assert len({tuple(sorted(k for k in s if not k.startswith("__"))) for s in samples}) == 1


def test_labels_in_a_sample_are_those_of_the_table(tiny, samples):
    table = pd.read_parquet(tiny / "tables" / "labels").set_index(["rendering_id", "roi_id"])
    for sample in samples[::40]:
        about = json.loads(sample["json"])
        assert [r["roi_id"] for r in about["rois"]] == [x["roi_id"] for x in about["labels"]]
        for label in about["labels"]:
            row = table.loc[(label["rendering_id"], label["roi_id"])]
            assert row.quality == label["quality"]
            assert row.distortion_label == label["distortion_label"]


def test_masks_open_in_pycocotools_and_images_in_pil(samples):
    about = json.loads(samples[0]["json"])
    image = Image.open(io.BytesIO(samples[0]["jpg"]))
    for roi in about["rois"]:
        rle = {"size": [roi["height"], roi["width"]], "counts": roi["rle"].encode("ascii")}
        pixels = coco.decode(rle)
        assert pixels.shape == (image.height, image.width)
        assert pixels.sum() == roi["area"] == coco.area(rle) >= 1024
        assert np.array_equal(coco.toBbox(rle), roi["bbox_xywh"])


def test_the_index_points_at_the_image_inside_the_tar(tiny):
    for path in tiny.glob("shards/*/*.parquet"):
        for row in pd.read_parquet(path).itertuples():
            with (path.parent / row.shard).open("rb") as tar:
                tar.seek(row.offset)
                assert Image.open(io.BytesIO(tar.read(row.bytes))).format == "JPEG"


def test_a_scene_lies_in_one_split_and_one_shard(tiny):
    index = pd.concat(pd.read_parquet(p).assign(split=p.parent.name)
                      for p in tiny.glob("shards/*/*.parquet"))  # fmt: skip
    assert (index.groupby("scene_id").shard.nunique() == 1).all()
    scenes = pd.read_parquet(tiny / "tables" / "scenes").set_index("scene_id").split
    assert (index.groupby("scene_id").split.first() == scenes).all()


def test_another_split_moves_scenes_and_leaves_no_old_shard(tiny, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(tiny, out)
    config = load_config(str(out / "config.yaml"), ["shards.train=0", "shards.val=1"])
    write_shards(seagull_100w(Workspace(out)), config)
    assert [len(list(Workspace(out).shards(s).glob("*.tar"))) for s in SPLITS] == [0, 1, 0]
    assert set(pd.read_parquet(out / "tables" / "scenes").split) == {"val"}
    card = write_card(seagull_100w(Workspace(out)), config)  # no scene to train on: all are asked
    labels = pd.read_parquet(out / "tables" / "labels")
    distorted = labels[labels.distortion_label != "without"].importance
    assert card["importance_top"] == pytest.approx(distorted.quantile(0.9), abs=1e-6)
    assert len(_samples(out)) == 363


def test_small_shards_hold_whole_scenes(tiny, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(tiny, out)
    config = load_config(str(out / "config.yaml"), ["shards.train=1", "shards.val=0",
                                                    "shards.megabytes=1"])  # fmt: skip
    write_shards(seagull_100w(Workspace(out)), config)
    sizes = [len(list(webdataset.WebDataset(str(t), shardshuffle=False))) for t in _tars(out)]
    assert sum(sizes) == 363
    assert all(size % 121 == 0 for size in sizes)


def test_the_card_holds_the_tops_of_eq_1(tiny):
    card = json.loads((tiny / "shards" / "dataset.json").read_text())
    labels = pd.read_parquet(tiny / "tables" / "labels")
    scenes = pd.read_parquet(tiny / "tables" / "scenes")
    train = scenes[scenes.split == "train"].scene_id
    mine = labels[labels.scene_id.isin(train) & (labels.distortion_label != "without")]
    assert card["importance_top"] == pytest.approx(mine.importance.quantile(0.9), abs=1e-6)
    assert card["quality_top"] == 1.0
    # The weight-free scorer's words are those of decibels, up to the demo's threshold.
    assert (card["without_above"], card["quality_words_scale"]) == (0.975, "decibel")
    assert card["quality_words_top"] == pytest.approx(16.0206)
    decibels = -10 * np.log10(1 - labels.quality.clip(upper=0.975))
    fifths = np.ceil(5 * decibels.clip(lower=1e-9) / card["quality_words_top"] - 1e-6)
    assert set(fifths) == {1, 2, 3, 4, 5}  # all five words occur
    own = quality_words({"scorer": "embedded", "without_above": 0.99})  # the scorer's own threshold
    assert own["quality_words_top"] == 20.0
    assert sum(c["samples"] for c in card["counts"].values()) == 363
