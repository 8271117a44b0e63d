"""A scene as the page draws it: outlines, levels by distortion, labels as columns."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from manifests.images import decode_image
from manifests.keys import NO_DISTORTION, in_order
from manifests.records import Rendering, Roi
from manifests.rle import Mask, decode
from manifests.words import IMPORTANCE_WORDS, QUALITY_WORDS, grade
from pipeline.pages.scene_records import SceneContent

_SMOOTH = 0.6  # pixels that an outline may stray from its mask
THUMBNAIL = 320  # pixels of its long edge


def outline(mask: Mask) -> str:
    """The SVG path around a mask (bool HxW), holes too, in its pixels."""
    found, _ = cv2.findContours(
        np.ascontiguousarray(mask, np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE
    )
    parts = []
    for contour in found:
        points = cv2.approxPolyDP(contour, _SMOOTH, True)[:, 0]
        parts.append("M" + "L".join(f"{x + 0.5:g} {y + 0.5:g}" for x, y in points) + "Z")
    return "".join(parts)


def scene_view(content: SceneContent, tops: tuple[float, float]) -> dict[str, Any]:
    """Plain values of a scene for the page's script."""
    by_distortion: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(content.renderings, key=lambda row: row.level):
        by_distortion.setdefault(row.distortion, []).append(_rendering(row))
    reference = by_distortion.pop(NO_DISTORTION, [None])[0]
    by_distortion = {name: by_distortion[name] for name in in_order(by_distortion)}
    return {
        "scene_id": content.entry.scene_id,
        "split": content.entry.split,
        "camera": content.entry.camera,
        "about": content.about,
        "tops": {"quality": tops[0], "importance": tops[1]},
        "words": {"quality": QUALITY_WORDS, "importance": IMPORTANCE_WORDS},
        "reference": reference,
        "distortions": by_distortion,
        "rois": [_roi(roi) for roi in content.rois],
        "said": _columns(content),
    }


def _rendering(row: Rendering) -> dict[str, Any]:
    kept = ("rendering_id", "level", "parameter", "unit", "params", "bytes", "width", "height")
    return {**{name: getattr(row, name) for name in kept}, "version": row.sha256[:12]}


def _roi(roi: Roi) -> dict[str, Any]:
    kept = ("roi_id", "kind", "class_name", "score", "area", "width", "height", "source")
    return {
        **{name: getattr(roi, name) for name in kept},
        "bbox_xywh": list(roi.bbox_xywh),
        "path": outline(decode(roi.rle, roi.height, roi.width)),
    }


def _columns(content: SceneContent) -> dict[str, dict[str, list[Any]]]:
    """rendering_id -> roi_id -> quality, importance, label."""
    said: dict[str, dict[str, list[Any]]] = {}
    for one in content.said:
        mine = said.setdefault(one.rendering_id, {})
        mine[one.roi_id] = [one.quality, one.importance, one.label]
    return said


def first_shown(renderings: Sequence[Rendering], distortion: str, at: int) -> Rendering | None:
    """The rendering a wall shows: that of a distortion and level, else the reference or first."""
    if distortion not in ("", NO_DISTORTION):
        return next((r for r in renderings if (r.distortion, r.level) == (distortion, at)), None)
    return min(renderings, key=lambda r: r.level, default=None)


def quality_word(score: float, top: float) -> str:
    """The word of a quality score (eq. 1)."""
    return QUALITY_WORDS[grade(score, top)]


def thumbnail(content: bytes, name: str) -> bytes:
    """A stored image as a small JPEG."""
    image = decode_image(content, name)
    scale = THUMBNAIL / max(image.shape[:2])
    if scale < 1:
        size = round(image.shape[1] * scale), round(image.shape[0] * scale)
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    small = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
    return bytes(small.tobytes())
