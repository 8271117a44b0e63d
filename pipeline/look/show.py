"""One scene or one ROI as a picture."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from manifests.compacted import has_records
from manifests.errors import SeagullError
from manifests.files import write_atomic
from manifests.images import encode_png, read_image
from manifests.keys import NO_DISTORTION, in_order
from manifests.records import Label, Rendering, Roi, Scene
from manifests.rle import decode
from manifests.tables import read_records
from manifests.workspace import Workspace

COLORS = {"object": (255, 80, 40), "component": (40, 170, 255)}  # RGB
SHOWN_LEVELS = (1, 5, 10, 15, 20)


def show(workspace: Workspace, key: str) -> Path:
    """Write a picture of the scene_id or roi_id `key` into the report's folder; returns its path.

    Raises:
        SeagullError: no such scene or ROI in the workspace.
    """
    scene = _scene_of(workspace, key)
    path = workspace.table_file("rois", scene)
    rois = {roi.roi_id: roi for roi in read_records(path, Roi)} if has_records(path) else {}
    if key == scene:
        reference = _image(workspace, _renderings(workspace, scene)[0])
        picture = draw_rois(reference, list(rois.values()))
    elif key in rois:
        picture = roi_sheet(workspace, rois[key])
    else:
        raise SeagullError(f"{key}: scene {scene} has no such ROI; it has {len(rois)}")
    target = workspace.report / "show" / f"{key}.png"
    write_atomic(target, encode_png(picture))
    return target


def _scene_of(workspace: Workspace, key: str) -> str:
    known = sorted(scene.scene_id for scene in read_records(workspace.table("scenes"), Scene))
    for scene in known:
        if key == scene or key.startswith(f"{scene}_"):
            return scene
    example = f"such as {known[0]}" if known else "none yet"
    raise SeagullError(f"'{key}' is no scene or ROI of {workspace.root}; it has {example}")


def _renderings(workspace: Workspace, scene: str) -> list[Rendering]:
    return read_records(workspace.table_file("renderings", scene), Rendering)


def _image(workspace: Workspace, row: Rendering) -> np.ndarray:
    return read_image(workspace.file(row.path))


def draw_rois(image: np.ndarray, rois: Sequence[Roi]) -> np.ndarray:
    """Outlines of the ROIs, objects thick over components thin; uint8 HxWx3 RGB in and out."""
    canvas = image.copy()
    for roi in sorted(rois, key=lambda roi: (roi.kind == "object", -roi.area)):
        mask = decode(roi.rle, roi.height, roi.width).astype(np.uint8)
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        thick = 3 if roi.kind == "object" else 1
        cv2.drawContours(canvas, outlines, -1, (255, 255, 255), thick + 2, cv2.LINE_AA)
        cv2.drawContours(canvas, outlines, -1, COLORS[roi.kind], thick, cv2.LINE_AA)
    return canvas


def roi_sheet(workspace: Workspace, roi: Roi) -> np.ndarray:
    """Draw the ROI's crop in the reference and at five levels of each distortion, labelled."""
    rows = {(r.distortion, r.level): r for r in _renderings(workspace, roi.scene_id)}
    labels = _labels(workspace, roi)
    height = min(160, max(48, roi.bbox_xywh[3]))
    reference = _crop(_image(workspace, rows[NO_DISTORTION, 0]), roi, height)
    lines = []
    for distortion in in_order(d for d, _ in rows if d != NO_DISTORTION):
        cells = [_captioned(reference, "reference")]
        for level in SHOWN_LEVELS:
            row = rows[distortion, level]
            crop = _crop(_image(workspace, row), roi, height)
            cells.append(_captioned(crop, _caption(row, labels.get(row.rendering_id))))
        lines.append(np.hstack(cells))
    return np.vstack(lines)


def _labels(workspace: Workspace, roi: Roi) -> dict[str, Label]:
    path = workspace.table_file("labels", roi.scene_id)
    labels = read_records(path, Label) if has_records(path) else []
    return {label.rendering_id: label for label in labels if label.roi_id == roi.roi_id}


def _crop(image: np.ndarray, roi: Roi, height: int) -> np.ndarray:
    x, y, w, h = roi.bbox_xywh
    mask = decode(roi.rle, roi.height, roi.width)[..., None]
    crop = np.where(mask, image, image // 3 + 80)[y : y + h, x : x + w]
    width = min(4 * height, max(120, round(w * height / h)))
    return cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA)


def _caption(row: Rendering, label: Label | None) -> str:
    text = f"{row.distortion[:8]} {row.level}"
    return f"{text} q{label.quality:.2f}" if label else text


def _captioned(crop: np.ndarray, text: str) -> np.ndarray:
    bar = np.full((18, crop.shape[1], 3), 32, np.uint8)
    cv2.putText(bar, text, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (235,) * 3, 1, cv2.LINE_AA)
    return np.vstack([bar, crop])
