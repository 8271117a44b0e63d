"""An open RAW, its ROIs and a recipe to an image, and to what is said of its ROIs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from isp.development.recipes import REFERENCE, Recipe, Step
from isp.development.renderer import Image, OpenRaw, parameters
from manifests.errors import SceneError
from manifests.images import decode_image, encode_png
from manifests.keys import WITHOUT, rendering_id
from manifests.records import Label, Roi
from pipeline.mixing.inside import Touched, compose, parted, touched, weights_at
from pipeline.mixing.placed_recipes import Placed

Weighted = tuple[np.ndarray, tuple[Step, ...]]


def mixed_images(
    raw: OpenRaw, key: str, reference: Image, rois: Sequence[Roi], wanted: Sequence[Placed]
) -> Iterator[tuple[Placed, Image, list[Touched]]]:
    """Each recipe's image, in the order they come, with what it did to each ROI.

    Images with a region are PNG: where no step acts, not a bit of the reference is changed.

    Raises:
        SceneError: no_rois, where a region has none; missing_input, where the ROIs are of another
            size; and as the ISP has it.
    """
    size = (reference.height, reference.width)
    for roi in rois:
        if (roi.height, roi.width) != size:
            raise SceneError(
                "missing_input",
                "the masks are of another size than these renderings; make them again",
            )
    acting = {one: [(weights_at(p, rois, size), s) for p, s in one.groups()] for one in wanted}
    parts = {one: parted(groups, size) for one, groups in acting.items()}
    pictures = _pictures(raw, reference, parts)
    for one in wanted:
        name = rendering_id(key, one.recipe.distortion, one.recipe.level)
        if one.is_regional:
            image = _composed(raw, one, {s: (w, pictures[s]) for s, w in parts[one].items()})
        else:
            image = replace(pictures[one.recipe.steps], recipe=one.recipe,
                            params=parameters(raw.chain, one.recipe))  # fmt: skip
        yield one, image, touched(name, acting[one], rois)


def _pictures(
    raw: OpenRaw, reference: Image, parts: Mapping[Placed, Mapping[tuple[Step, ...], np.ndarray]]
) -> dict[tuple[Step, ...], Image]:
    """Every picture that is needed, by its steps; all in one pass of the development."""
    together = dict.fromkeys(steps for one in parts.values() for steps in one if steps)
    recipes = [Recipe("mixed", n, steps) for n, steps in enumerate(together, start=1)]
    made = {image.recipe.steps: image for image in raw.images(recipes)}
    return {REFERENCE.steps: reference, **made}


def _composed(
    raw: OpenRaw, placed: Placed, shares: Mapping[tuple[Step, ...], tuple[np.ndarray, Image]]
) -> Image:
    pictures = [(w, decode_image(i.content, "a rendering")) for w, i in shares.values()]
    composed = compose(pictures)
    height, width = composed.shape[:2]
    return Image(placed.recipe, encode_png(composed), "png", width, height, _params(raw, placed))


def _params(raw: OpenRaw, placed: Placed) -> dict[str, Any]:
    """`where` and `feather` stand once, where all steps have the same; else in each step."""
    params = parameters(raw.chain, placed.recipe)
    if len(set(placed.places)) == 1:
        return {**params, **vars(placed.places[0])}
    for step, place in zip(params["recipe"]["steps"], placed.places, strict=True):
        step |= vars(place)
    return params


def named(labels: Sequence[Label], changes: Sequence[Touched]) -> list[Label]:
    """The labels, those of mixtures naming what touched the ROI and shows, joined by +."""
    said = {(one.rendering_id, one.roi_id): one.distortion_label for one in changes}
    return [
        label
        if label.distortion_label == WITHOUT
        else replace(
            label,
            distortion_label=said.get((label.rendering_id, label.roi_id), label.distortion_label),
        )
        for label in labels
    ]
