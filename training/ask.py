"""A trained network that is asked about regions of any photograph.

The photograph is prepared as training prepares a rendering. Nothing is drawn but the place of the
native patch, and that from the mask itself: the same image and mask get the same answer.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manifests.chance import generator
from manifests.config import Config
from manifests.done import read_done
from manifests.errors import SeagullError
from manifests.images import fitted
from manifests.keys import DISTORTIONS
from manifests.presets import load_config
from training.data.batches import stack
from training.data.sample_arrays import SampleArrays, framing_of, prepare_arrays
from training.evaluate.reading import Answer, read_answers
from training.network.network import Network, VisualTokens, build
from training.released.model_folder import is_model, open_model
from training.train.training_state import load_trained

BATCH = 8  # regions
Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Region = tuple[Image, Mask]


def open_network(folder: Path, device: str = "cpu") -> "AskedNetwork":
    """The network that training or `export-model` left in `folder`, ready to be asked.

    The released SEAGULL-7B's folder, as published, will do too.

    Raises:
        SeagullError: no finished network there, or not one of the configuration beside it.
    """
    if is_model(folder):
        opened = open_model(folder)
        return AskedNetwork(opened.network.to(device).eval(), opened.config)
    weights, described = folder / "weights.safetensors", folder / "config.json"
    if read_done(folder / "done.json") is None or not (weights.exists() and described.exists()):
        raise SeagullError(
            f"{folder} holds no trained network (weights.safetensors, config.json, done.json);"
            " give the folder that `seagull pretrain` or `seagull finetune` left, OUT/models/..."
        )
    config = load_config(str(described))
    torch.set_num_threads(config.pretrain.threads)
    network = build(config.network, config.seed, _distortions(folder))
    load_trained(network, weights)
    return AskedNetwork(network.to(device).eval(), config)


def _distortions(folder: Path) -> Sequence[str]:
    """Read the types that the network was trained to name; the paper's six where none are told."""
    path = folder / "distortions.json"
    return json.loads(path.read_text()) if path.exists() else DISTORTIONS


class AskedNetwork:
    """`ask` one region, `ask_many` in batches, or `open` an image and ask of it again and again."""

    def __init__(self, network: Network, config: Config) -> None:
        self.network = network
        self.config = config

    def ask(self, image: Image, mask: Mask) -> Answer:
        """The answer about the region `mask` (bool HxW) of `image` (uint8 HxWx3 RGB, sRGB).

        An image larger than the renderings the network learned from is brought to their size.

        Raises:
            SeagullError: the mask is empty or of another size than the image.
        """
        return self.open(image).ask([mask])[0]

    def ask_many(self, regions: Iterable[Region], batch: int = BATCH) -> Iterator[Answer]:
        """An answer a region, in order, `batch` regions at a time; errors as in `ask`."""
        left = iter(regions)
        while some := list(islice(left, batch)):
            pixels = stack([self._prepared(image, [mask]) for image, mask in some])
            with torch.no_grad():
                visual, _ = self.network.look(pixels.to(self._device))
            yield from self.read(visual)

    def open(self, image: Image) -> "OpenImage":
        """An image, encoded once for all that is asked about it."""
        return OpenImage(self, image)

    def read(self, visual: VisualTokens) -> list[Answer]:
        """The answers about what the network has seen."""
        return read_answers(self.network, visual, self.config.network.prompt != "released")

    @property
    def _device(self) -> str:
        return str(next(self.network.parameters()).device)

    def _prepared(self, image: Image, masks: Sequence[Mask]) -> SampleArrays:
        for mask in masks:
            _check(image, mask)
        config = self.config.network
        small = fitted(image, self.config.render.long_edge)
        inside = [_shrunk(mask, small.shape[:2]) for mask in masks]
        prepared = [
            prepare_arrays(
                image=small,
                masks=[one],
                view=config.view,
                patch=config.patch,
                rng=_keyed(one),
                framing=framing_of(config),
            )
            for one in inside
        ]
        return SampleArrays(prepared[0].view, [p.regions[0] for p in prepared])


class OpenImage:
    """One image (uint8 HxWx3 RGB) that a network has encoded."""

    def __init__(self, asked: AskedNetwork, image: Image) -> None:
        self.asked = asked
        self.image = image
        self._scales: list[Tensor] | None = None

    def ask(self, masks: Sequence[Mask]) -> list[Answer]:
        """An answer a mask (bool HxW); errors as in `AskedNetwork.ask`."""
        if not masks:
            return []
        network = self.asked.network
        pixels = stack([self.asked._prepared(self.image, masks)]).to(self.asked._device)
        with torch.no_grad():
            self._scales = self._scales or network.encoder(pixels.views)
            visual, _ = network.look(pixels, self._scales)
        return self.asked.read(visual)


def _check(image: Image, mask: Mask) -> None:
    if mask.shape != image.shape[:2]:
        raise SeagullError(
            f"the mask is {mask.shape[1]}x{mask.shape[0]} pixels, the image"
            f" {image.shape[1]}x{image.shape[0]}; a mask has its image's size"
        )
    if not mask.any():
        raise SeagullError("the mask is empty; nothing is inside")


def _shrunk(mask: Mask, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """0 or 1 at `shape`: 1 where half of a pixel is inside; a speck keeps the pixels it touches."""
    inside: NDArray[Any] = mask.astype(np.float32)
    if mask.shape != shape:
        inside = cv2.resize(inside, shape[::-1], interpolation=cv2.INTER_AREA)
    half = inside >= 0.5
    return np.asarray(half if half.any() else inside > 0, np.uint8)


def _keyed(inside: NDArray[np.uint8]) -> np.random.Generator:
    return generator("ask", *inside.shape, np.packbits(inside).tobytes().hex())
