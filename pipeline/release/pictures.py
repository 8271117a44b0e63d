"""The pictures of a dataset card: figures of the labels, and for a release with pixels, of them."""

from collections.abc import Mapping

import cv2
import numpy as np
import pandas as pd

from isp.tools.contact_sheet import contact_sheet, thumbnail
from manifests.compacted import has_records
from manifests.images import read_image
from manifests.keys import LEVELS, NO_DISTORTION
from manifests.records import Rendering, Roi, Scene
from manifests.tables import read_records
from manifests.workspace import Workspace
from pipeline.look import figures
from pipeline.look.show import draw_rois
from pipeline.release.facts import Facts

_CANDIDATES = 12
_QUALITY = 88


def pictures(workspace: Workspace, facts: Facts, importance_top: float) -> Mapping[str, bytes]:
    """Name -> content: one scene's levels and ROIs, and the labels in figures."""
    scenes = read_records(workspace.table("scenes"), Scene)[:_CANDIDATES]
    of_scene = {s.scene_id: _renderings(workspace, s.scene_id) for s in scenes}
    references = {key: read_image(workspace.root / rows[0].path) for key, rows in of_scene.items()}
    shown = max(references, key=lambda key: float(references[key].std(axis=(0, 1)).mean()))
    found = {
        "levels.jpg": _jpeg(_levels(workspace, of_scene[shown])),
        "rois.jpg": _jpeg(_with_rois(workspace, shown, references[shown])),
    }
    if facts.shown:
        labels = pd.concat(facts.shown)
        distorted = labels[labels.distortion != NO_DISTORTION]
        found["quality.png"] = figures.quality_by_level(distorted)
        found["distributions.png"] = figures.distributions(distorted, importance_top)
    return found


def _renderings(workspace: Workspace, key: str) -> list[Rendering]:
    return read_records(workspace.table_file("renderings", key), Rendering)


def _levels(workspace: Workspace, rows: list[Rendering]) -> np.ndarray:
    return contact_sheet(
        {
            (row.distortion, row.level): thumbnail(read_image(workspace.root / row.path))
            for row in rows
            if 1 <= row.level <= LEVELS
        }
    )


def _with_rois(workspace: Workspace, key: str, reference: np.ndarray) -> np.ndarray:
    path = workspace.table_file("rois", key)
    rois = read_records(path, Roi) if has_records(path) else []
    return np.hstack([reference, draw_rois(reference, rois)])


def _jpeg(image: np.ndarray) -> bytes:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
