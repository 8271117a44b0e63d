"""A RAW and recipes to images: the door through which the rest of the factory comes in."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import rawpy

from isp.development.chain import VERSION, Chain, Frame
from isp.development.lens import LensCorrection, find_correction
from isp.development.recipes import Recipe, Step
from isp.development.tree import develop_tree
from isp.distortions.all_distortions import distortion_by_name
from isp.distortions.levels import levels_identity
from isp.raw.capture import read_capture
from isp.raw.own_noise import own_noise
from isp.raw.sensor import Sensor, open_sensor
from manifests.config import RenderConfig
from manifests.records import Capture

__all__ = ["VERSION", "Image", "OpenRaw", "develop", "levels_identity", "open_raw", "reproduce"]


BY_CONTENT = "sha256:"


@dataclass(frozen=True)
class Image:
    """One rendering: its bytes, and all it takes to make them again from the RAW."""

    recipe: Recipe
    content: bytes
    extension: str
    width: int
    height: int
    params: dict[str, Any]


@dataclass(frozen=True)
class OpenRaw:
    """A RAW opened and decoded, to be developed as often as is asked; `close` it in the end."""

    capture: Capture
    chain: Chain
    files: ExitStack

    def images(self, recipes: Sequence[Recipe]) -> Iterator[Image]:
        """Develop by every recipe in one pass; order and errors as in `develop`."""
        try:
            start = Frame(self.chain.recording.pixels)
            for recipe, encoded in develop_tree(start, self.chain.modules(), recipes):
                params = parameters(self.chain, recipe)
                yield Image(recipe=recipe, params=params, **vars(encoded))
        except Exception:
            with self.files:  # on their way out LibRaw's errors become reasons
                raise

    def close(self) -> None:
        """Let go of the file."""
        self.files.close()


def open_raw(raw: Path, sha256: str, config: RenderConfig, seed: int) -> OpenRaw:
    """Open a RAW; arguments and errors as in `develop`."""
    with ExitStack() as stack:
        sensor = stack.enter_context(open_sensor(raw, config.max_megapixels))
        capture, correction = _capture(sensor, config)
        chain = Chain(
            sensor=sensor,
            own_noise=own_noise(sensor),
            lens=correction,
            config=config,
            sha256=sha256,
            seed=seed,
        )
        return OpenRaw(capture, chain, stack.pop_all())


def develop(
    raw: Path, sha256: str, recipes: Sequence[Recipe], config: RenderConfig, seed: int
) -> tuple[Capture, Iterator[Image]]:
    """Develop a RAW by every recipe, in one pass.

    Args:
        raw: the file.
        sha256: of the file; with `seed` it keys the noise.
        recipes: what to render; the reference, where it is among them, comes first.
        config: how the reference is made.
        seed: of the dataset.

    Returns:
        Capture, and the images, made as they are asked for, in the tree's order: the same for the
        same recipes. The file stays open until the last image or the iterator's close.

    Raises:
        SceneError: the file is empty, not_raw, unreadable, unsupported or too_large.
    """
    opened = open_raw(raw, sha256, config, seed)
    return opened.capture, _images(opened, recipes)


def _capture(sensor: Sensor, config: RenderConfig) -> tuple[Capture, LensCorrection]:
    capture = read_capture(sensor)
    if not config.lens:
        return capture, LensCorrection("none: not asked for")
    correction = find_correction(
        camera=(capture.camera_make, capture.camera_model),
        lens=capture.lens,
        focal_length_mm=capture.focal_length_mm,
        aperture_f=capture.aperture_f,
        size=sensor.size,
    )
    return replace(capture, lens_correction=correction.note), correction


def _images(opened: OpenRaw, recipes: Sequence[Recipe]) -> Iterator[Image]:
    with opened.files:
        yield from opened.images(recipes)


def parameters(chain: Chain, recipe: Recipe) -> dict[str, Any]:
    """All it takes to make the image again from the RAW, and what was found out on the way."""
    sensor = chain.sensor
    return {
        "isp_version": VERSION,
        "libraries": _libraries(),
        "raw_sha256": chain.sha256,
        "seed": chain.seed,
        "render": asdict(chain.config) | {"levels": _levels(chain.config)},
        "recipe": {"distortion": recipe.distortion, "level": recipe.level,
                   "steps": [_step(chain, step) for step in recipe.steps]},
        "white_balance": asdict(sensor.white_balance),
        "camera_to_srgb": sensor.matrix.round(9).tolist(),
        "camera_to_srgb_source": sensor.matrix_source,
        "flip": sensor.flip,
        "lens_correction": chain.lens.note,
        "tone": asdict(chain.tone),
    }  # fmt: skip


def _levels(config: RenderConfig) -> str:
    """The table of levels by its content: where it lies says nothing to others."""
    known = config.levels == "shipped" or config.levels.startswith(BY_CONTENT)
    return config.levels if known else BY_CONTENT + levels_identity(config)


def _libraries() -> dict[str, str]:
    return {"libraw": ".".join(map(str, rawpy.libraw_version)), "opencv": cv2.__version__}


def _step(chain: Chain, step: Step) -> dict[str, Any]:
    described: dict[str, Any] = {**asdict(step), "options": dict(step.options)}
    describe = distortion_by_name(step.distortion).describe
    if describe is not None:
        described |= describe(chain.recording, step.parameter)
    return described


def reproduce(raw: Path, params: dict[str, Any]) -> bytes:
    """Make the bytes of the image that `params` describes again from its RAW."""
    row = params["recipe"]
    steps = tuple(
        Step(s["distortion"], s["parameter"], s["unit"], tuple(sorted(s["options"].items())))
        for s in row["steps"]
    )
    recipe = Recipe(row["distortion"], row["level"], steps)
    config = RenderConfig(**params["render"])
    _, images = develop(raw, params["raw_sha256"], [recipe], config, params["seed"])
    return next(iter(images)).content
