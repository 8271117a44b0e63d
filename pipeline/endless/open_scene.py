"""A RAW kept open with its reference and ROIs, so that more of its samples cost only themselves.

What comes out is what a build would have written of the same recipes, to the byte.
"""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from isp.development.recipes import REFERENCE
from isp.development.renderer import Image, OpenRaw, open_raw
from labelers.engine.label_engine import Labelers
from labelers.engine.mask_models import MaskModels
from labelers.engine.rois import find_rois
from manifests.config import Config
from manifests.errors import SceneError
from manifests.images import decode_image
from manifests.keys import image_stem
from manifests.records import Label, Rendering, Roi
from manifests.sample import Parts, without_nulls
from pipeline.dataset.samples import SYNTHETIC, sample_text
from pipeline.intake.sources import Source, at_hand
from pipeline.mixing.inside import Touched
from pipeline.mixing.mixed_images import mixed_images, named
from pipeline.mixing.placed_recipes import Placed
from pipeline.stages.render_stage import row_of


@dataclass(frozen=True)
class Models:
    """What finds ROIs and labels them."""

    masks: MaskModels
    labelers: Labelers


@dataclass(frozen=True)
class OpenScene:
    """One scene; `close` it in the end."""

    source: Source
    config: Config
    models: Models
    raw: OpenRaw
    files: ExitStack  # of a RAW that lies in a store: the copy of it here

    @cached_property
    def reference(self) -> Image:
        """The reference as it is encoded."""
        return next(iter(self.raw.images([REFERENCE])))

    @cached_property
    def pixels(self) -> np.ndarray:
        """The reference decoded: uint8 HxWx3 RGB, sRGB-encoded."""
        return decode_image(self.reference.content, self.source.scene_id)

    @cached_property
    def rois(self) -> list[Roi]:
        """Its ROIs."""
        source, config = self.source, self.config
        key, sha256 = source.scene_id, source.sha256
        return find_rois(self.pixels, key, sha256, config.seed, config.masks, self.models.masks)

    def samples(self, wanted: Sequence[Placed]) -> list[Parts]:
        """One sample a recipe, in their order.

        Raises:
            SceneError: as the ISP and the ROIs have it.
        """
        images, changes = self._images(wanted)
        rows = [self._row(image) for image in images]
        pixels = [decode_image(image.content, self.source.scene_id) for image in images]
        pictures = (self.pixels, self.rois, list(zip(rows, pixels, strict=True)))
        labelers = self.models.labelers
        labels = named(labelers.first.label(*pictures), changes)
        others = named(labelers.others_label(*pictures), changes) if labelers.others else []
        rois = [without_nulls(roi) for roi in self.rois]
        return [
            Parts(
                row.rendering_id,
                image.content,
                sample_text(SYNTHETIC, row, rois, _of(labels, row), _of(others, row))[0],
            )
            for row, image in zip(rows, images, strict=True)
        ]

    def _images(self, wanted: Sequence[Placed]) -> tuple[list[Image], list[Touched]]:
        """The image of each recipe, and what mixtures among them did to the ROIs."""
        single = [one.recipe for one in wanted if one.recipe.steps and not one.is_mixture]
        made = {image.recipe: image for image in self.raw.images(single)}
        made[REFERENCE] = self.reference
        kinds = {roi.kind for roi in self.rois}
        mixtures = [one.within(kinds) for one in wanted if one.is_mixture]
        changes: list[Touched] = []
        key = self.source.scene_id
        if mixtures:
            for _, image, more in mixed_images(self.raw, key, self.reference, self.rois, mixtures):
                made[image.recipe] = image
                changes += more
        return [made[one.recipe] for one in wanted], changes

    def _row(self, image: Image) -> Rendering:
        key, recipe = self.source.scene_id, image.recipe
        name = f"{image_stem(recipe.distortion, recipe.level)}.{image.extension}"
        return row_of(image, key, f"renderings/{key}/{name}")

    def close(self) -> None:
        """Let go of the RAW."""
        with self.files:
            self.raw.close()


def open_scene(source: Source, config: Config, models: Models) -> OpenScene:
    """Open a scene; raises as `isp.development.renderer.open_raw`, and where a store fails."""
    with ExitStack() as files:
        (near,) = files.enter_context(at_hand([source]))
        try:
            raw = open_raw(near.file, source.sha256, config.render, config.seed)
        except SceneError as error:  # it names the copy, which is gone by then
            said = error.message.replace(str(near.file), source.path)
            raise SceneError(error.reason, said) from error
        return OpenScene(source, config, models, raw, files.pop_all())


def _of(labels: Iterable[Label], row: Rendering) -> list[dict[str, Any]]:
    return [without_nulls(label) for label in labels if label.rendering_id == row.rendering_id]
