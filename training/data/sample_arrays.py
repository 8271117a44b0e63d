"""A sample becomes arrays: the overview, and of some ROIs a mask, a native patch, statistics.

The overview shows content at the encoder's size; noise, blur and JPEG blocks live in the native
patch, cut on JPEG's grid of 8 pixels, and in the statistics of all pixels inside the mask, where
exposure, contrast and colorfulness are too (roi_statistics.py). No change of scale, brightness or
saturation augments the samples: those are what is to be judged. Flips, transposition and a
permutation of the color channels leave every label as it is (nearly so for luminance-weighted
ones).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manifests.config import NetworkConfig
from manifests.errors import SeagullError
from manifests.records import Roi
from manifests.sample import Sample
from training.data.roi_shape import PIXELS, Shape
from training.data.roi_statistics import COLOR, TEXTURE, Places, Texture, color

SHAPES = 1024  # ROIs whose shapes are kept: those of 34 scenes
STATISTICS = 2 * (COLOR + TEXTURE) + 1
"""Length of a vector: color and texture of the ROI, then of the whole image, then the logarithm of
the ROI's share of the image, which no mean over the mask can tell and importance hangs on."""

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Augmentation:
    """An augmentation: one of the 8 symmetries of the square and an order of the channels."""

    flip: bool = False
    turns: int = 0  # quarter turns
    channels: tuple[int, ...] = (0, 1, 2)

    def frame(self, array: NDArray[Any]) -> NDArray[Any]:
        """`array` (H, W, ...) flipped and turned; H and W may swap."""
        turned = np.rot90(array[:, ::-1] if self.flip else array, self.turns)
        return np.ascontiguousarray(turned)

    def colors(self, array: Bytes) -> Bytes:
        """`array` (..., 3) with its channels in another order."""
        return np.asarray(array[..., self.channels])


def draw_augmentation(rng: np.random.Generator, kind: str = "channels") -> Augmentation:
    """An augmentation of a kind: `none`, the 8 `symmetries`, or these and the 6 `channels` orders.

    Within a kind all are alike. What is drawn after it does not depend on the kind.
    """
    order = tuple(int(i) for i in rng.permutation(3))
    flip, turns = bool(rng.integers(2)), int(rng.integers(4))
    if kind == "none":
        return Augmentation()
    return Augmentation(flip, turns, order if kind == "channels" else (0, 1, 2))


@dataclass(frozen=True)
class Region:
    """One ROI. V is the overview's side, S the patch's."""

    mask: Bytes  # (V, V), 0 or 1; never empty
    patch: Bytes  # (S, S, 3) RGB encoded, native pixels
    inside: Bytes  # (S, S), 0 or 1: the mask in the patch
    statistics: NDArray[np.float32]  # (STATISTICS,)
    key: int  # what is dropped of it while training depends on this


@dataclass(frozen=True)
class SampleArrays:
    """One rendering with the ROIs asked for."""

    view: Bytes  # (V, V, 3) RGB encoded, the whole image squashed to a square
    regions: list[Region]


def decode(sample: Sample) -> Bytes:
    """The image, (H, W, 3) uint8 RGB, sRGB encoded."""
    image = cv2.imdecode(np.frombuffer(sample.image, np.uint8), cv2.IMREAD_COLOR_RGB)
    if image is None:
        raise SeagullError(f"{sample.rendering_id}: its image cannot be read; run `make shards`")
    return np.asarray(image, np.uint8)


def decode_mask(roi: Roi) -> Bytes:
    """The ROI's mask, (H, W) uint8 0 or 1, from its COCO RLE."""
    return _decode_rle(roi.rle, roi.height, roi.width)


def _decode_rle(text: str, height: int, width: int) -> Bytes:
    from pycocotools import mask

    rle = {"size": [height, width], "counts": text.encode()}
    # COCO's order is by columns; what follows reads rows.
    return np.asarray(cv2.transpose(np.asarray(mask.decode(rle), np.uint8).T), np.uint8)


@lru_cache(maxsize=SHAPES)
def _shape(text: str, height: int, width: int) -> Shape:
    return Shape.of(_decode_rle(text, height, width))


def prepare(
    sample: Sample,
    chosen: Sequence[int],
    view: int,
    patch: int,
    rng: np.random.Generator,
    change: Augmentation | None = None,
    framing: str = "native",
) -> SampleArrays:
    """The sample with the ROIs at the indices `chosen`.

    Args:
        sample: an undecoded sample.
        chosen: which of its ROIs.
        view: side of the square overview, in pixels.
        patch: side of a ROI's square pixels.
        rng: says where a native patch lies; gives the ROIs their keys.
        change: an augmentation; None changes nothing.
        framing: what a ROI's pixels are. `native`: a patch of native pixels around one of its;
            `crop`: its bounding rectangle squashed; `released`: as SEAGULL-7B's, the rectangle and
            the overview by bicubic to the shorter edge, then squashed.
    """
    rois = [sample.rois[i] for i in chosen]
    shapes = [_shape(roi.rle, roi.height, roi.width) for roi in rois]
    return _prepared(decode(sample), shapes, view, patch, rng, change or Augmentation(), framing)


def prepare_arrays(
    image: Bytes,
    masks: Sequence[Bytes],
    view: int,
    patch: int,
    rng: np.random.Generator,
    change: Augmentation | None = None,
    framing: str = "native",
) -> SampleArrays:
    """`prepare` of an image (H, W, 3) uint8 RGB and the masks (H, W) of its ROIs, 0 or 1."""
    shapes = [Shape.of(np.ascontiguousarray(mask)) for mask in masks]
    return _prepared(image, shapes, view, patch, rng, change or Augmentation(), framing)


def _prepared(
    image: Bytes,
    shapes: Sequence[Shape],
    view: int,
    patch: int,
    rng: np.random.Generator,
    change: Augmentation,
    framing: str,
) -> SampleArrays:
    released = framing == "released"
    small = _squash(image, view, released)
    told, regions = _Statistics(image, change), []
    for shape in shapes:
        if framing == "native":
            at = shape.patch_at(patch, rng)
            pixels, inside = _cut(image, at, patch), shape.window(at, (patch, patch))
        else:
            pixels, inside = _cropped(image, shape, patch, released)
        regions.append(
            Region(
                change.frame(shape.nearest(view) if released else shape.shrunk(view)),
                change.colors(change.frame(pixels)),
                change.frame(inside),
                told.of(shape),
                int(rng.integers(2**63)),
            )
        )
    return SampleArrays(change.colors(change.frame(small)), regions)


def framing_of(network: NetworkConfig) -> str:
    """How `prepare` frames the ROIs of a network."""
    return "released" if network.extractor == "released" else network.local_view


def _squash(image: Bytes, side: int, released: bool) -> Bytes:
    """(S, S, 3): the whole image, without regard to its proportions."""
    if not released:
        return np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA))
    height, width = image.shape[:2]
    scale = side / min(height, width)
    size = (max(side, int(width * scale)), max(side, int(height * scale)))
    edged = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))
    return np.asarray(cv2.resize(edged, (side, side), interpolation=cv2.INTER_LINEAR))


def _cropped(image: Bytes, shape: Shape, side: int, released: bool) -> tuple[Bytes, Bytes]:
    """(S, S, 3) and (S, S): the bounding rectangle of image and mask, squashed."""
    box = shape.inner_box(released)
    own = shape.box[: box[0].stop - box[0].start, : box[1].stop - box[1].start]
    inside = cv2.resize(own, (side, side), interpolation=cv2.INTER_NEAREST)
    return _squash(image[box], side, released), np.asarray(inside)


class _Statistics:
    """Statistics of an image under an augmentation, and of ROIs in it."""

    def __init__(self, image: Bytes, change: Augmentation) -> None:
        self.image, self.change, self.texture = image, change, Texture.of(image)
        height, width = image.shape[:2]
        step = int(np.sqrt(height * width / PIXELS)) | 1
        grid = np.meshgrid(np.arange(0, height, step), np.arange(0, width, step), indexing="ij")
        self.overall = self._at((grid[0].ravel(), grid[1].ravel()))

    def _at(self, places: Places) -> NDArray[np.float32]:
        pixels = self.change.colors(self.image[places])
        return np.concatenate([color(pixels), self.texture.at(places)])

    def of(self, shape: Shape) -> NDArray[np.float32]:
        """(STATISTICS,) of a ROI."""
        share = np.float32(shape.log_share())
        return np.concatenate([self._at(shape.places), self.overall, [share]])


def _cut(array: Bytes, at: tuple[int, int], patch: int) -> Bytes:
    """(S, S, ...) from the row and column `at`; zeros beyond the image."""
    part = array[at[0] : at[0] + patch, at[1] : at[1] + patch]
    missing = [(0, patch - part.shape[0]), (0, patch - part.shape[1])]
    return np.pad(part, missing + [(0, 0)] * (array.ndim - 2)) if any(map(sum, missing)) else part
