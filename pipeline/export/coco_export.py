"""COCO instances JSON (cocodataset.org, format-data), one file a split.

Regions overlap (components lie in objects), so that the panoptic form, a pixel a segment, cannot
hold them. Masks are compressed run lengths with `iscrowd` 0, as pycocotools reads them; what COCO
has no name for (roi_id, quality, importance, label) stands beside in each annotation.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from manifests.files import atomic_file
from manifests.keys import RoiKind
from manifests.workspace import SPLITS
from pipeline.export.export_rows import ExportedImage, class_of, exported_images
from pipeline.pages.scene_records import Source

KINDS: tuple[RoiKind, ...] = ("object", "component")


def write_coco(source: Source, folder: Path, every: bool) -> dict[str, int]:
    """Write `instances_{split}.json` for the splits that have images.

    `file_name` is relative to the workspace: give that as the image folder.

    Returns:
        Images by split.
    """
    writers: dict[str, _SplitWriter] = {}
    categories = _Categories()
    with ExitStack() as files:
        for image in exported_images(source, every):
            if image.split not in writers:
                path = folder / f"instances_{image.split}.json"
                writers[image.split] = _SplitWriter(files.enter_context(atomic_file(path)))
            writers[image.split].write(image, categories)
        for writer in writers.values():
            writer.close(categories)
    for split in set(SPLITS) - set(writers):
        (folder / f"instances_{split}.json").unlink(missing_ok=True)  # of an earlier export
    return {split: writer.images for split, writer in sorted(writers.items())}


class _Categories:
    """Names to numbers from 1, the kinds first, then classes as they come."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {kind: n for n, kind in enumerate(KINDS, 1)}

    def number(self, name: str) -> int:
        return self.numbers.setdefault(name, len(self.numbers) + 1)

    def rows(self) -> list[dict[str, Any]]:
        return [
            {"id": n, "name": name, "supercategory": name if name in KINDS else "object"}
            for name, n in self.numbers.items()
        ]


class _SplitWriter:
    """One file, written as images come; annotations wait in a temporary file."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.images = 0
        self.annotations = 0
        self.waiting = tempfile.TemporaryFile()  # noqa: SIM115
        file.write(b'{"info": {"description": "SEAGULL", "version": "1"}, "licenses": [],\n')
        file.write(b'"images": [')

    def write(self, image: ExportedImage, categories: _Categories) -> None:
        """Add an image and its annotations."""
        self.file.write(b",\n" if self.images else b"\n")
        self.images += 1
        self.file.write(json.dumps(_image(image, self.images)).encode())
        for row in _annotations(image, self.images, categories):
            self.annotations += 1
            self.waiting.write(b",\n" if self.annotations > 1 else b"\n")
            self.waiting.write(json.dumps({"id": self.annotations, **row}).encode())

    def close(self, categories: _Categories) -> None:
        """Write the annotations and what they are of."""
        self.file.write(b'],\n"annotations": [')
        with self.waiting:
            self.waiting.seek(0)
            shutil.copyfileobj(self.waiting, self.file)
        self.file.write(b'],\n"categories": ')
        self.file.write(json.dumps(categories.rows()).encode() + b"}\n")


def _image(image: ExportedImage, number: int) -> dict[str, Any]:
    row = image.rendering
    kept = ("rendering_id", "scene_id", "distortion", "level", "parameter", "unit")
    size = {"file_name": row.path, "width": row.width, "height": row.height}
    return {"id": number, **size, **{name: getattr(row, name) for name in kept}}


def _annotations(
    image: ExportedImage, number: int, categories: _Categories
) -> Iterator[Mapping[str, Any]]:
    for roi, said in image.regions:
        yield {
            "image_id": number,
            "category_id": categories.number(class_of(roi)),
            "segmentation": {"size": [roi.height, roi.width], "counts": roi.rle},
            "area": roi.area,
            "bbox": list(roi.bbox_xywh),
            "iscrowd": 0,
            "roi_id": roi.roi_id,
            "kind": roi.kind,
            "score": roi.score,
            "quality": said.quality if said else None,
            "importance": said.importance if said else None,
            "distortion_label": said.label if said else None,
        }
