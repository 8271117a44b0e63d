"""Shards made in the test: textured images, two ROIs each, a distortion that can be seen."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import webdataset as wds
from pycocotools import mask as coco

from manifests.config import NetworkConfig
from manifests.keys import DISTORTIONS, WITHOUT
from manifests.ratings import Opinion
from manifests.records import Label, Rendering, Roi
from manifests.sample import without_nulls
from manifests.workspace import Workspace

torch.set_num_threads(1)
HEIGHT, WIDTH = 96, 128
SCENES = {"train": ("a-00000000", "b-00000000"), "val": (), "test": ("c-00000000",)}
SMALL = NetworkConfig(view=64, patch=32, width=32)


def masks() -> list[np.ndarray]:
    """A large ROI and one of 32 x 32."""
    large, small = np.zeros((2, HEIGHT, WIDTH), np.uint8)
    large[10:80, 5:70] = 1
    small[50:82, 90:122] = 1
    return [large, small]


def rois_of(scene: str) -> list[Roi]:
    rois = []
    for n, mask in enumerate(masks()):
        rle = coco.encode(np.asfortranarray(mask))
        rois.append(
            Roi(
                roi_id=f"{scene}_obj{n:03d}",
                scene_id=scene,
                kind="object",
                class_name=None,
                score=None,
                predicted_iou=None,
                stability=None,
                bbox_xywh=tuple(int(v) for v in coco.toBbox(rle)),
                area=int(mask.sum()),
                width=WIDTH,
                height=HEIGHT,
                rle=rle["counts"].decode(),
                source="test",
            )
        )
    return rois


def image(scene: str, distortion: str, level: int) -> np.ndarray:
    """(H, W, 3) uint8 RGB; the distortion is crude but visible."""
    rng = np.random.default_rng(sum(map(ord, scene + distortion)) + level)
    base = np.random.default_rng(ord(scene[0])).normal(size=(12, 16, 3)) * 40 + 120
    pixels = cv2.resize(base, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    if distortion == "exposure":
        pixels = pixels + 90
    if distortion == "noise":
        pixels = pixels + rng.normal(size=pixels.shape) * 30
    return np.clip(pixels, 0, 255).astype(np.uint8)


def sample(scene: str, distortion: str, level: int, study: bool) -> dict:
    key = f"{scene}_{distortion}_{level:02d}" if level else f"{scene}_ref"
    rois = rois_of(scene)
    labels: list[Label | Opinion] = []
    for n, roi in enumerate(rois):
        score = 1.0 if not level else 0.15 * level + 0.1 * n
        names = (key, roi.roi_id, scene)
        if study:
            given = dict.fromkeys(DISTORTIONS)
            given |= {"noise": 1.0, "blur": 2.5} if level else {}
            labels.append(Opinion(*names, 4 * score, 2.0 + n, given, 7, "simulated"))
        else:
            shown = distortion if level else WITHOUT
            labels.append(Label(*names, score, (1 - score) / 4, shown, "test", "0"))
    about = (key, scene, distortion, level, 0.0, "", "{}", "", "", 0, WIDTH, HEIGHT)
    meta = {"rendering_id": key, "scene_id": scene, "scores": []}
    meta |= {"rendering": without_nulls(Rendering(*about))}
    # Labels are matched by roi_id: SEAGULL-3k's come in another order than the ROIs.
    order = list(reversed(rois)) if study else rois
    meta |= {"dataset": "seagull-3k" if study else "seagull-100w"}
    meta |= {"rois": [*map(without_nulls, order)], "labels": [*map(without_nulls, labels)]}
    jpeg = cv2.imencode(".png", image(scene, distortion, level)[..., ::-1])[1].tobytes()
    return {"__key__": key, "png": jpeg, "json": json.dumps(meta).encode()}


def write_shards(root: Path, study: bool = False) -> Workspace:
    """A workspace with a shard a scene; SEAGULL-3k's labels when `study`."""
    workspace = Workspace(root)
    counts = {}
    for split, scenes in SCENES.items():
        workspace.shards(split).mkdir(parents=True)
        samples = 0
        for n, scene in enumerate(scenes):
            with wds.TarWriter(str(workspace.shards(split) / f"{n:06d}.tar"), mtime=0) as tar:
                for distortion in ("none", "exposure", "noise"):
                    for level in (0,) if distortion == "none" else (1, 2, 3):
                        tar.write(sample(scene, distortion, level, study))
                        samples += 1
        counts[split] = {"samples": samples}
    card = {"dataset": "seagull-3k" if study else "seagull-100w", "counts": counts}
    card |= {"quality_top": 4.0, "importance_top": 4.0, "raters": "simulated"} if study else {}
    card = {"quality_top": 1.0, "importance_top": 0.25, **card}
    workspace.dataset_card.write_text(json.dumps(card))
    return workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """SEAGULL-100w's shards, and SEAGULL-3k's in the study beside them."""
    made = write_shards(tmp_path / "out")
    write_shards(made.study, study=True)
    return made


@pytest.fixture(scope="session")
def small() -> NetworkConfig:
    return SMALL


@pytest.fixture(scope="session")
def shards_in():
    """Makes a workspace of shards in a folder."""
    return write_shards
