"""One image of the released dataset: its renderings, ROIs and labels as records.

Levels are the contract's, 1 to 20 by severity. The folders' numbers are none; a scene's images of a
type are ranked by the mean of the quality scores that they were released with, the best first.
"""

import io
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco

from labelers.scorers.all_scorers import RELEASED as SCORER
from manifests.config import Config
from manifests.errors import SeagullError
from manifests.files import sha256_of, write_atomic
from manifests.keys import DISTORTIONS, NO_DISTORTION, WITHOUT, image_stem, rendering_id, roi_id
from manifests.keys import scene_id as scene_key
from manifests.records import Label, Rendering, Roi, Scene, WhiteBalance
from manifests.rle import encode
from manifests.workspace import Workspace
from pipeline.intake.sources import split_of
from pipeline.released.entries import Misfits, Region
from pipeline.released.released_layout import Folder, Layout, Shelf

VERSION = "as released"
_ORIGIN = "released SEAGULL-100w; level: rank in the scene by mean quality, best first"

Said = Mapping[str, tuple[float, float | None, str | None]]  # ROI -> quality, importance, word


@dataclass(frozen=True)
class SceneRows:
    """All rows of one scene."""

    scene: Scene
    renderings: list[Rendering]
    rois: list[Roi]
    labels: list[Label]


def import_scene(
    image: str,
    layout: Layout,
    regions: Sequence[Region],
    scores: Mapping[str, Said],
    space: Workspace,
    config: Config,
    misfits: Misfits,
) -> SceneRows | None:
    """Write one image's files into `space`; returns its rows, None without a ROI or a score."""
    content = layout.references.read(image)
    sha256 = sha256_of(content)
    key = scene_key(Path(f"{image}.png"), sha256)
    width, height = _size(content, image)
    rois = _rois(key, regions, (height, width), config.masks.min_area, misfits)
    keys = _joined_keys(list(rois), scores, misfits)
    ranked = _ranked(layout, image, keys, misfits)
    if not (rois and ranked):
        misfits.notes["images without a ROI and a scored distortion"] += 1
        return None
    shutil.rmtree(space.renderings(key), ignore_errors=True)
    reference = _store(space, key, layout.references, image, NO_DISTORTION, 0, {"source": _ORIGIN})
    rows, labels = [reference], _reference_labels(reference, list(rois.values()))
    for distortion, level, folder, said, mean in ranked:
        params = {"source": _ORIGIN, "folder": folder.name, "mean_quality": mean}
        shelf = layout.folders[folder]
        row = _store(space, key, shelf, image, distortion, level, params)
        if (row.width, row.height) != (width, height):
            raise SeagullError(f"{folder.name}/{image} is not of its reference's size")
        rows.append(row)
        labels += _labels(row, rois, said, config.labels.without_above or 1.0)
    scene = _scene(key, space.root / reference.path, sha256, len(content), (width, height), config)
    return SceneRows(scene, rows, list(rois.values()), labels)


def _size(content: bytes, image: str) -> tuple[int, int]:
    try:
        with Image.open(io.BytesIO(content)) as opened:
            return opened.size
    except OSError as error:
        raise SeagullError(f"image {image} is no readable image: {error}") from error


def _rois(
    key: str, regions: Sequence[Region], size: tuple[int, int], least: int, misfits: Misfits
) -> dict[str, Roi]:
    """By the released key; those too small, or not of the image's size, are noted and left."""
    found: dict[str, Roi] = {}
    counts = {"object": 0, "component": 0}
    for region in regions:
        mask = _mask(region, size)
        if mask is None:
            misfits.notes["masks that do not fill their image"] += 1
        elif int(mask.sum()) < least:
            misfits.notes[f"masks under {least} pixels"] += 1
        elif region.key in found:
            misfits.notes["ROIs named twice in an image"] += 1
        else:
            kind = "object" if region.semantic else "component"
            found[region.key] = _roi(key, kind, counts[kind], region, mask)
            counts[kind] += 1
    return found


def _mask(region: Region, size: tuple[int, int]) -> np.ndarray | None:
    """Bool (H, W), or None where the counts are not of such a mask."""
    if region.size not in (None, size):
        return None
    height, width = size
    try:
        if isinstance(region.counts, list):
            if sum(region.counts) != height * width:
                return None
            rle = coco.frPyObjects({"size": [height, width], "counts": region.counts}, *size)
        else:
            rle = {"size": [height, width], "counts": region.counts.encode("ascii")}
        mask = np.asarray(coco.decode(rle), np.bool_)
    except (ValueError, TypeError, UnicodeEncodeError):
        return None
    same = isinstance(region.counts, list) or encode(mask) == region.counts
    return mask if same and mask.shape == size else None


def _roi(key: str, kind: str, number: int, region: Region, mask: np.ndarray) -> Roi:
    height, width = mask.shape
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    top, left = int(rows[0]), int(columns[0])
    return Roi(
        roi_id=roi_id(key, kind, number),
        scene_id=key,
        kind=kind,
        class_name=region.class_name,
        score=None,
        predicted_iou=None,
        stability=None,
        bbox_xywh=(left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1),
        area=int(mask.sum()),
        width=width,
        height=height,
        rle=encode(mask),
        source=f"{SCORER} {region.key}",
    )


def _joined_keys(
    keys: list[str], scores: Mapping[str, Said], misfits: Misfits
) -> dict[str, dict[str, tuple[float, float | None, str | None]]]:
    """Scores under the ROIs' keys: by name, or by order where names differ and numbers agree."""
    joined = {}
    for folder, said in scores.items():
        if set(keys) <= said.keys():
            joined[folder] = {key: said[key] for key in keys}
        elif not set(keys) & said.keys() and len(keys) == len(said):
            misfits.notes["folders of an image whose scores were joined to ROIs by order"] += 1
            joined[folder] = dict(zip(keys, said.values(), strict=True))
        else:
            misfits.notes["folders of an image whose scores do not name its ROIs"] += 1
    return joined


Ranked = tuple[str, int, Folder, Said, float]


def _ranked(
    layout: Layout, image: str, scores: Mapping[str, Said], misfits: Misfits
) -> list[Ranked]:
    """Every scored image of a type with its level by severity, in the contract's order."""
    ranked: list[Ranked] = []
    for distortion in DISTORTIONS:
        found = []
        for folder, shelf in layout.folders.items():
            if folder.distortion != distortion or image not in shelf.ids():
                continue
            if folder.name in scores:
                said = scores[folder.name]
                mean = float(np.mean([quality for quality, _, _ in said.values()]))
                found.append((-mean, folder.k, folder, said))
            else:
                misfits.notes["distorted images without scores"] += 1
        found.sort(key=lambda one: one[:2])
        for level, (minus, _, folder, said) in enumerate(found, 1):
            ranked.append((distortion, level, folder, said, round(-minus, 6)))
    return ranked


def _store(
    space: Workspace,
    key: str,
    shelf: Shelf,
    image: str,
    distortion: str,
    level: int,
    params: Mapping[str, Any],
) -> Rendering:
    content, file = shelf.read(image), shelf.file(image)
    suffix = PurePosixPath(file.name if file else shelf.members[image][1]).suffix.lower()
    path = space.renderings(key) / f"{image_stem(distortion, level)}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if file is None:
            raise OSError("it lies in a zip")
        os.link(file, path)
    except OSError:
        write_atomic(path, content)
    width, height = _size(content, image)
    return Rendering(
        rendering_id=rendering_id(key, distortion, level),
        scene_id=key,
        distortion=distortion,
        level=level,
        parameter=0.0,
        unit="unknown",
        params=json.dumps(params, sort_keys=True),
        path=path.relative_to(space.root).as_posix(),
        sha256=sha256_of(content),
        bytes=len(content),
        width=width,
        height=height,
    )


def _labels(
    row: Rendering, rois: Mapping[str, Roi], said: Said, without_above: float
) -> list[Label]:
    labels = []
    for key, roi in rois.items():
        quality, importance, word = said[key]
        same = word == WITHOUT if word else quality > without_above
        label = WITHOUT if same else row.distortion
        labels.append(_label(row, roi, quality, importance or 0.0, label))
    return labels


def _reference_labels(row: Rendering, rois: Sequence[Roi]) -> list[Label]:
    """A reference is its own: full quality, no importance lost. They are not in the release."""
    return [_label(row, roi, 1.0, 0.0, WITHOUT) for roi in rois]


def _label(row: Rendering, roi: Roi, quality: float, importance: float, word: str) -> Label:
    return Label(
        rendering_id=row.rendering_id,
        roi_id=roi.roi_id,
        scene_id=row.scene_id,
        quality=round(quality, 6),
        importance=round(importance, 6) + 0.0,
        distortion_label=word,
        scorer=SCORER,
        scorer_version=VERSION,
    )


def _scene(
    key: str, path: Path, sha256: str, size: int, pixels: tuple[int, int], config: Config
) -> Scene:
    """The reference stands for the RAW file, which is not part of the release."""
    return Scene(
        scene_id=key,
        path=str(path),
        sha256=sha256,
        bytes=size,
        camera_make=None,
        camera_model=None,
        lens=None,
        lens_correction="none: a released picture, not a RAW file",
        iso=None,
        shutter_s=None,
        aperture_f=None,
        focal_length_mm=None,
        raw_width=pixels[0],
        raw_height=pixels[1],
        white_balance=WhiteBalance("unknown", ()),
        split=split_of(sha256, config.shards),
    )
