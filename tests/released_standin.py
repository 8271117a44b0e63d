"""A stand-in in the released SEAGULL-100w's layout, of our renderings with known parameters."""

import json
import zipfile
from pathlib import Path

import numpy as np

from isp.development.recipes import REFERENCE, Recipe, Step
from isp.development.renderer import develop
from labelers.engine.label_engine import load_labeler
from manifests.config import LabelsConfig, RenderConfig
from manifests.files import sha256_of_file
from manifests.images import decode_image, encode_png
from manifests.records import Rendering, Roi
from manifests.rle import encode

# By type: the settings of the folders, in an order that is none of severity.
SETTINGS = {
    "exposure": [(-1.5, "EV", ()), (0.7, "EV", ()), (1.4, "EV", ())],
    "noise": [(5.0, "stops", ()), (2.5, "stops", ()), (6.5, "stops", ())],
    "blur": [
        (2.4, "px", (("angle", 0.0), ("shape", "gaussian"))),
        (1.2, "px", (("angle", 0.0), ("shape", "defocus"))),
        (1.9, "px", (("angle", 90.0), ("shape", "motion"))),
    ],
    "contrast": [(-60.0, "percent", ()), (25.0, "percent", ()), (70.0, "percent", ())],
    "colorfulness": [(-80.0, "percent", ()), (30.0, "percent", ()), (-35.0, "percent", ())],
    "compression": [
        (quality, "quality", (("codec", "jpeg"), ("subsampling", "420")))
        for quality in (12, 55, 30)
    ],
}  # fmt: skip


def write_standin(raws: dict[str, Path], root: Path, render: RenderConfig) -> None:
    """Write Ref.Images, Dist.Images (zips and folders) and Labels for RAW files by image id."""
    rois, scores = {"description": "ROIs by masks", "semantic": "words"}, {}
    zips: dict[str, zipfile.ZipFile] = {}
    for image, raw in raws.items():
        pictures = _pictures(raw, render)
        reference = pictures.pop("")
        _write(root / "Ref.Images" / f"{image}.png", reference)
        masks = _masks(reference.shape[:2])
        rois[image] = {"semantic": [_rle(mask, number) for number, mask in enumerate(masks)]}
        scores[image] = _scores(reference, pictures, masks)
        for name, picture in pictures.items():
            kind = name.partition("_")[0]
            if name.endswith("_1"):  # as a folder, the others as zips
                _write(root / "Dist.Images" / kind / name / f"{image}.png", picture)
            else:
                path = root / "Dist.Images" / kind / f"{name}.zip"
                path.parent.mkdir(parents=True, exist_ok=True)
                if name not in zips:
                    zips[name] = zipfile.ZipFile(path, "w")
                zips[name].writestr(f"{name}/{image}.png", encode_png(picture))
    for archive in zips.values():
        archive.close()
    labels = root / "Labels"
    labels.mkdir()
    (labels / "SEAGULL-100w_mask-based-rois.json").write_text(json.dumps(rois))
    (labels / "SEAGULL-100w_scores.json").write_text(json.dumps(scores))
    (labels / "SEAGULL-100w_scores_fast-view.json").write_text("{}")


def _pictures(raw: Path, render: RenderConfig) -> dict[str, np.ndarray]:
    """The reference under "", and each folder's picture under its name."""
    names, wanted = {}, [REFERENCE]
    for kind, settings in SETTINGS.items():
        for k, (parameter, unit, options) in enumerate(settings):
            recipe = Recipe(kind, k + 1, (Step(kind, parameter, unit, options),))
            names[kind, k + 1] = f"{kind.capitalize()}_{k}"
            wanted.append(recipe)
    _, images = develop(raw, sha256_of_file(raw), wanted, render, 0)
    return {
        names.get((i.recipe.distortion, i.recipe.level), ""): decode_image(i.content, raw.name)
        for i in images
    }


def _masks(size: tuple[int, int]) -> list[np.ndarray]:
    """A disc, the lower part, and one that is too small to be kept."""
    y, x = np.mgrid[: size[0], : size[1]]
    disc = (y - size[0] / 2) ** 2 + (x - size[1] / 2) ** 2 < (0.3 * min(size)) ** 2
    return [disc, y > 0.6 * size[0], (y < 5) & (x < 5)]


def _rle(mask: np.ndarray, number: int) -> dict:
    """COCO RLE: counts as a string, or as the list that COCO calls uncompressed."""
    if number != 1:
        return {"size": list(mask.shape), "counts": encode(mask)}
    flat = mask.flatten(order="F").astype(int)
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff([0, *edges, flat.size]).tolist()
    return {"size": list(mask.shape), "counts": [0, *runs] if flat[0] else runs}


def _scores(
    reference: np.ndarray, pictures: dict[str, np.ndarray], masks: list[np.ndarray]
) -> dict:
    """Quality and importance of every ROI in every picture by the weight-free scorer."""
    labeler = load_labeler(LabelsConfig(), "cpu")
    rois = [_roi(mask, number) for number, mask in enumerate(masks)]
    rows = [
        Rendering(name, "s", name.partition("_")[0].lower(), 1, 0.0, "", "", "", "", 0, 0, 0)
        for name in pictures
    ]
    labels = labeler.label(reference, rois, list(zip(rows, pictures.values(), strict=True)))
    said: dict = {}
    for label in labels:
        place = said.setdefault(label.rendering_id, {"semantic": []})["semantic"]
        place.append({"quality": label.quality, "importance": label.importance})
    return said


def _roi(mask: np.ndarray, number: int) -> Roi:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = (int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)
    height, width = mask.shape
    return Roi(
        f"s_obj{number:03d}", "s", "object", None, None, None, None, box, int(mask.sum()),
        width, height, encode(mask), "standin",
    )  # fmt: skip


def _write(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(picture))
