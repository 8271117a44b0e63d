"""A dataset opened for reading says what the files say, whole or by its shards alone."""

import shutil

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import manifests
from manifests.errors import SeagullError
from manifests.images import read_image
from manifests.records import Label, Rendering, Roi
from manifests.sample import parse_sample
from manifests.tables import read_records


@pytest.fixture(scope="module")
def alone(tiny, tmp_path_factory):
    """The shards without tables and renderings."""
    folder = tmp_path_factory.mktemp("alone")
    shutil.copytree(tiny / "shards", folder / "shards")
    return manifests.open_dataset(folder)


def test_tables_are_those_on_disk(tiny):
    data = manifests.open_dataset(str(tiny))
    assert {"scenes", "renderings", "rois", "labels"} <= set(data.tables)
    for name in ("scenes", "labels"):
        assert data.table(name).equals(pq.read_table(tiny / "tables" / name))
        pd.testing.assert_frame_equal(data.frame(name), pd.read_parquet(tiny / "tables" / name))
    with pytest.raises(SeagullError, match="no table ratings; it has"):
        data.table("ratings")


def test_images_and_masks_by_key_with_tables_or_without(tiny, alone):
    data = manifests.open_dataset(tiny)
    row = read_records(tiny / "tables" / "renderings", Rendering)[7]
    image = data.image(row.rendering_id)
    np.testing.assert_array_equal(image, read_image(tiny / row.path))
    np.testing.assert_array_equal(alone.image(row.rendering_id), image)
    assert data.reference(row.scene_id).shape == image.shape
    roi = read_records(tiny / "tables" / "rois", Roi)[0]
    assert data.roi(roi.roi_id) == alone.roi(roi.roi_id) == roi
    mask = alone.mask(roi.roi_id)
    assert mask.sum() == roi.area and mask.shape == (roi.height, roi.width)
    for opened in (data, alone):
        with pytest.raises(SeagullError, match="no rendering x_noise_01"):
            opened.image("x_noise_01")
        with pytest.raises(SeagullError, match="no ROI x_obj000"):
            opened.mask("x_obj000")


def test_samples_are_the_tables_rows(tiny, alone):
    samples = [s for split in ("train", "val", "test") for s in _samples(alone, split)]
    labels = [label for sample in samples for label in sample.labels]
    stored = read_records(tiny / "tables" / "labels", Label)
    assert sorted(labels, key=repr) == sorted(stored, key=repr)
    renderings = read_records(tiny / "tables" / "renderings", Rendering)
    assert sorted((s.rendering for s in samples), key=repr) == sorted(renderings, key=repr)
    assert len(alone.table("index")) == len(samples)
    first = samples[0]
    np.testing.assert_array_equal(first.pixels(), alone.image(first.rendering.rendering_id))


def _samples(data, split):
    try:
        return list(data.samples(split))
    except SeagullError:
        return []


def test_what_is_none_is_refused(tmp_path):
    with pytest.raises(SeagullError, match="is no dataset"):
        manifests.open_dataset(tmp_path)
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "scenes").mkdir()
    with pytest.raises(SeagullError, match="holds no shards"):
        next(manifests.open_dataset(tmp_path).samples("train"))
    for text in ("no JSON", "[]", '{"dataset": "seagull-100w", "rendering": {}}'):
        with pytest.raises(SeagullError, match="no sample of this version"):
            parse_sample(text, b"")
