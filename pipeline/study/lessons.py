"""Pictures with known distortions, made by our own ISP: instructions, training, golden items.

From photographs that come with the libraries, made into RAW files and developed by the shipped
levels; severities are the levels' places between trivial and extreme. The photographs of the
instructions and the training are not those of the golden items.
"""

import json
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from annotation.plan.schedule import Item
from annotation.plan.study_folder import StudyFolder
from annotation.rating.color_plates import color_plates
from isp.development.recipes import MIXED, REFERENCE, Recipe, recipes
from isp.development.renderer import develop
from isp.distortions.levels import load_levels
from isp.tools.photographs import bundled
from isp.tools.unprocess import write_dng
from manifests.config import RenderConfig
from manifests.files import sha256_of_file, write_atomic
from manifests.images import decode_image
from manifests.keys import LEVELS, roi_id
from manifests.records import Roi
from manifests.rle import encode
from manifests.tables import write_records

TRAINING_PHOTO = "coffee"
GOLDEN_PHOTOS = ("chelsea", "flower", "motorcycle")
_GRADES = {1: 6, 2: 10, 3: 15}  # of the instructions: minor, moderate, severe, as levels
_TRAINING = {  # a level of each distortion, so that both ends come up
    "exposure": 16, "noise": 9, "blur": 14, "contrast": 12, "colorfulness": 17, "compression": 18
}  # fmt: skip
_TRAINING_OF_OTHERS = 15  # of a distortion that a user's package adds
_GOLDEN = 17  # severe or worse: who looks sees it
_ELLIPSES = {  # of each photograph's ROI: centre and radii, as shares of its width and height
    "coffee": (0.50, 0.47, 0.24, 0.34),
    "chelsea": (0.49, 0.44, 0.24, 0.38),
    "flower": (0.48, 0.49, 0.24, 0.36),
    "motorcycle": (0.50, 0.55, 0.30, 0.30),
}
_PICTURE = (300, 200)  # width and height of the instructions' crops


def severity(level: int) -> int:
    """A level 1..20 as a rating: 4 trivial .. 0 extreme.

    >>> [severity(level) for level in (1, 6, 10, 15, 20)]
    [4, 3, 2, 1, 0]
    """
    return round(4 * (1 - (level - 1) / (LEVELS - 1)))


def write_lessons(folder: StudyFolder, seed: int, levels: str = "shipped") -> list[Item]:
    """Write everything under lessons/; returns training and golden items, numbered from 0.

    `levels`, as in `RenderConfig`, says which distortions are shown and how strong they are.
    """
    render = RenderConfig(long_edge=600, tone="neutral", levels=levels)
    shutil.rmtree(folder.root / "lessons", ignore_errors=True)
    _write_plates(folder, seed)
    items: list[Item] = []
    rois: list[Roi] = []
    with tempfile.TemporaryDirectory() as scratch:
        for photo in (TRAINING_PHOTO, *GOLDEN_PHOTOS):
            made = _develop(photo, Path(scratch), _wanted(photo, render), render)
            roi = _roi(photo, made[0][1])
            if photo == TRAINING_PHOTO:
                _write_pictures(folder, made, roi)
            items += _items(folder, photo, made, roi, len(items))
            rois.append(roi)
    write_records(folder.lesson_rois, rois, Roi)
    write_records(folder.lesson_items, items, Item)
    return items


def _wanted(photo: str, render: RenderConfig) -> list[Recipe]:
    """Reference first; then what the photograph is for."""
    by_level = {(r.distortion, r.level): r for r in recipes(render)}
    names = list(load_levels(render.levels))
    if photo != TRAINING_PHOTO:
        return [REFERENCE, *(by_level[name, _GOLDEN] for name in names)]
    graded = [by_level[name, level] for name in names for level in _GRADES.values()]
    trained = [by_level[name, _training_level(name)] for name in names]
    both = by_level["noise", 14].steps + by_level["exposure", 12].steps
    return list(dict.fromkeys([REFERENCE, *graded, *trained, Recipe(MIXED, 1, both)]))


def _develop(
    photo: str, scratch: Path, wanted: Sequence[Recipe], render: RenderConfig
) -> list[tuple[Recipe, bytes, str]]:
    raw = scratch / f"{photo}.dng"
    write_dng(bundled()[photo](), raw, photo)
    _, images = develop(raw, sha256_of_file(raw), wanted, render, seed=0)
    made = {image.recipe: (image.recipe, image.content, image.extension) for image in images}
    return [made[recipe] for recipe in wanted]


def _roi(photo: str, reference: bytes) -> Roi:
    """The ellipse drawn by hand for this photograph."""
    height, width = decode_image(reference, photo).shape[:2]
    x, y, rx, ry = _ELLIPSES[photo]
    centre, radii = (round(x * width), round(y * height)), (round(rx * width), round(ry * height))
    mask = np.zeros((height, width), np.uint8)
    cv2.ellipse(mask, centre, radii, 0, 0, 360, 1, -1)
    return Roi(
        roi_id=roi_id(f"lesson_{photo}", "object", 0),
        scene_id=f"lesson_{photo}",
        kind="object",
        class_name=None,
        score=None,
        predicted_iou=None,
        stability=None,
        bbox_xywh=tuple(cv2.boundingRect(mask)),
        area=int(mask.sum()),
        width=width,
        height=height,
        rle=encode(mask.astype(bool)),
        source="drawn by hand",
    )


def _items(
    folder: StudyFolder,
    photo: str,
    made: Iterable[tuple[Recipe, bytes, str]],
    roi: Roi,
    first: int,
) -> list[Item]:
    kind = "training" if photo == TRAINING_PHOTO else "golden"
    items: list[Item] = []
    for recipe, content, extension in made:
        if kind == "training" and not _is_trained(recipe):
            continue
        path = folder.root / "lessons" / "items" / f"{photo}_{len(items):02d}.{extension}"
        write_atomic(path, content)
        items.append(
            Item(
                item=first + len(items),
                kind=kind,
                rendering_id=f"lesson_{photo}_{len(items):02d}",
                roi_id=roi.roi_id,
                scene_id=roi.scene_id,
                image=path.relative_to(folder.root).as_posix(),
                known=json.dumps(_known(recipe), sort_keys=True),
            )
        )
    return items


def _is_trained(recipe: Recipe) -> bool:
    return recipe.distortion in ("none", MIXED) or (
        recipe.level == _training_level(recipe.distortion)
    )


def _training_level(distortion: str) -> int:
    return _TRAINING.get(distortion, _TRAINING_OF_OTHERS)


def _known(recipe: Recipe) -> dict[str, int]:
    """Severity of each distortion done to the picture."""
    if recipe.distortion == MIXED:
        return {"noise": severity(14), "exposure": severity(12)}
    return {recipe.distortion: severity(recipe.level)} if recipe.steps else {}


def _write_pictures(
    folder: StudyFolder, made: Iterable[tuple[Recipe, bytes, str]], roi: Roi
) -> None:
    """Crops about the ROI at 1:1, for noise and blocks vanish when a picture is made smaller."""
    grades = {level: grade for grade, level in _GRADES.items()}
    x, y, w, h = roi.bbox_xywh
    width, height = _PICTURE
    left = int(np.clip(x + w // 2 - width // 2, 0, roi.width - width))
    top = int(np.clip(y + h // 2 - height // 2, 0, roi.height - height))
    for recipe, content, _ in made:
        name = f"{recipe.distortion}_{grades.get(recipe.level)}" if recipe.steps else "reference"
        if recipe.distortion != MIXED and (recipe.level in grades or not recipe.steps):
            crop = decode_image(content, name)[top : top + height, left : left + width]
            shown = cv2.cvtColor(crop, cv2.COLOR_RGB2BGR)
            jpeg = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
            write_atomic(folder.pictures / f"{name}.jpg", jpeg.tobytes())


def _write_plates(folder: StudyFolder, seed: int) -> None:
    digits = {}
    for number, plate in enumerate(color_plates(seed), 1):
        write_atomic(folder.pictures / f"plate_{number}.png", plate.png)
        digits[f"plate_{number}"] = plate.digit
    write_atomic(folder.root / "lessons" / "plates.json", json.dumps(digits, sort_keys=True))
