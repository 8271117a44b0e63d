"""A FiftyOne dataset: a sample an image, its regions as detections with instance masks.

FiftyOne is no dependency of ours: `pip install fiftyone`, and a MongoDB that it brings or is told
of (`FIFTYONE_DATABASE_URI`).
"""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from manifests.errors import SeagullError
from manifests.records import Roi
from manifests.rle import decode
from pipeline.export.export_rows import ExportedImage, class_of, exported_images
from pipeline.pages.scene_records import Said, Source

_AT_ONCE = 200  # samples of one write


def write_fiftyone(source: Source, root: Path, name: str, every: bool) -> int:
    """Make the persistent dataset `name` of the images in the workspace `root`.

    Returns:
        How many samples it has.

    Raises:
        SeagullError: FiftyOne is not installed or finds no MongoDB, or has such a dataset already.
    """
    fo = _fiftyone()
    try:
        taken = fo.dataset_exists(name)
        dataset = None if taken else fo.Dataset(name, persistent=True)
    except fo.core.config.FiftyOneConfigError as error:
        raise SeagullError(f"FiftyOne finds no MongoDB: {' '.join(str(error).split())}") from error
    if dataset is None:
        raise SeagullError(f"FiftyOne has a dataset '{name}' already; give another --fiftyone NAME")
    waiting: list[Any] = []
    for image in exported_images(source, every):
        waiting.append(sample_of(image, root))
        if len(waiting) == _AT_ONCE:
            dataset.add_samples(waiting, progress=False)
            waiting = []
    dataset.add_samples(waiting, progress=False)
    return len(dataset)


def _fiftyone() -> Any:
    try:
        return import_module("fiftyone")
    except ImportError as error:
        raise SeagullError(
            f"--fiftyone needs FiftyOne, which is not here ({error}): pip install fiftyone"
        ) from error


def sample_of(image: ExportedImage, root: Path) -> Any:
    """The `fiftyone.Sample` of an image: tagged by split, classified by distortion."""
    fo, row = _fiftyone(), image.rendering
    return fo.Sample(
        filepath=str((root / row.path).resolve()),
        tags=[image.split],
        metadata=fo.ImageMetadata(width=row.width, height=row.height, size_bytes=row.bytes),
        rendering_id=row.rendering_id,
        scene_id=row.scene_id,
        distortion=fo.Classification(label=row.distortion),
        level=row.level,
        parameter=row.parameter,
        rois=fo.Detections(detections=list(_detections(image, fo))),
    )


def _detections(image: ExportedImage, fo: Any) -> Iterator[Any]:
    for roi, said in image.regions:
        yield _detection(roi, said, fo)


def _detection(roi: Roi, said: Said | None, fo: Any) -> Any:
    """Boxes are relative, [left, top, width, height] in [0, 1]; a mask fills its box."""
    x, y, w, h = roi.bbox_xywh
    attributes = (
        {"quality": said.quality, "importance": said.importance, "distortion_label": said.label}
        if said
        else {}
    )
    return fo.Detection(
        label=class_of(roi),
        bounding_box=[x / roi.width, y / roi.height, w / roi.width, h / roi.height],
        mask=decode(roi.rle, roi.height, roi.width)[y : y + h, x : x + w],
        confidence=roi.score,
        roi_id=roi.roi_id,
        kind=roi.kind,
        **attributes,
    )
