import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as pycoco
from pycocotools.coco import COCO

from manifests.errors import SeagullError
from manifests.images import read_image
from manifests.records import Label, Rendering, Roi, Scene
from manifests.rle import decode
from manifests.tables import read_records
from manifests.workspace import Workspace
from pipeline.export.coco_export import write_coco
from pipeline.export.export_rows import exported_images
from pipeline.export.fiftyone_export import sample_of, write_fiftyone
from pipeline.pages.pages_app import open_source


def table(workspace, name, record):
    return read_records(workspace / "tables" / name, record)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # pycocotools against NumPy 2
def test_pycocotools_reads_the_references(tiny, tmp_path):
    images = write_coco(open_source(Workspace(tiny)), tmp_path, every=False)
    scenes = table(tiny, "scenes", Scene)
    assert sum(images.values()) == len(scenes) == 3
    rois = {roi.roi_id: roi for roi in table(tiny, "rois", Roi)}
    seen = 0
    for split in images:
        coco = COCO(tmp_path / f"instances_{split}.json")
        for number in coco.getImgIds():
            (image,) = coco.loadImgs(number)
            assert read_image(tiny / image["file_name"]).shape[:2] == (
                image["height"],
                image["width"],
            )
            for annotation in coco.loadAnns(coco.getAnnIds(imgIds=[number])):
                roi = rois[annotation["roi_id"]]
                mask = coco.annToMask(annotation)
                assert np.array_equal(mask, decode(roi.rle, roi.height, roi.width))
                box = pycoco.toBbox(annotation["segmentation"]).tolist()
                assert box == annotation["bbox"] and mask.sum() == annotation["area"]
                (category,) = coco.loadCats(annotation["category_id"])
                assert category["name"] == roi.kind  # the weight-free detector names no classes
                seen += 1
    assert seen == len(rois)


def test_every_rendering_has_its_labels(tiny, tmp_path):
    images = write_coco(open_source(Workspace(tiny)), tmp_path, every=True)
    assert sum(images.values()) == len(table(tiny, "renderings", Rendering))
    labels = {(one.rendering_id, one.roi_id): one for one in table(tiny, "labels", Label)}
    for split in images:
        whole = json.loads((tmp_path / f"instances_{split}.json").read_text())
        names = {image["id"]: image["rendering_id"] for image in whole["images"]}
        for one in whole["annotations"]:
            label = labels.pop((names[one["image_id"]], one["roi_id"]))
            assert (one["quality"], one["importance"], one["distortion_label"]) == (
                label.quality,
                label.importance,
                label.distortion_label,
            )
    assert not labels


def test_the_shards_alone_are_exported_alike(tiny, tmp_path):
    shutil.copytree(tiny / "shards", tmp_path / "alone" / "shards")
    write_coco(open_source(Workspace(tiny)), tmp_path / "a", every=False)
    write_coco(open_source(Workspace(tmp_path / "alone")), tmp_path / "b", every=False)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_fiftyone_is_asked_for_by_name(tiny, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "fiftyone", None)
    with pytest.raises(SeagullError, match="pip install fiftyone"):
        write_fiftyone(open_source(Workspace(tiny)), tiny, "seagull", every=False)


@pytest.mark.filterwarnings("ignore")
def test_a_sample_as_fiftyone_s_users_expect_it(tiny):
    fo = pytest.importorskip("fiftyone", reason="needs fiftyone, an optional dependency")
    image = next(exported_images(open_source(Workspace(tiny)), every=False))
    sample = sample_of(image, tiny)
    assert isinstance(sample, fo.Sample) and sample.distortion.label == "none"
    assert Path(sample.filepath).read_bytes() == (tiny / image.rendering.path).read_bytes()
    assert len(sample.rois.detections) == len(image.regions)
    for detection, (roi, said) in zip(sample.rois.detections, image.regions, strict=True):
        size = np.array([roi.width, roi.height, roi.width, roi.height])
        assert np.allclose(np.array(detection.bounding_box) * size, roi.bbox_xywh)
        whole = decode(roi.rle, roi.height, roi.width)
        found = detection.to_segmentation(frame_size=(roi.width, roi.height)).mask > 0
        assert (found & whole).sum() / (found | whole).sum() > 0.9  # its boxes are cut to pixels
        assert said and detection.quality == said.quality
    assert fo.Sample.from_dict(sample.to_dict()).level == 0
