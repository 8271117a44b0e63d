"""The photographs that come inside wheels we depend on anyway: nothing is fetched.

Left out: the right view of the motorcycle (the same scene), drawings, scans of text, phantoms.
"""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from manifests.errors import SceneError, SeagullError
from manifests.images import read_image

_FOLDERS = {
    "skimage": "data",
    "sklearn": "datasets/images",
    "matplotlib": "mpl-data/sample_data",
}
_PHOTOGRAPHS = {
    "astronaut": "skimage:astronaut.png",
    "brick": "skimage:brick.png",
    "camera": "skimage:camera.png",
    "chelsea": "skimage:chelsea.png",
    "china": "sklearn:china.jpg",
    "coffee": "skimage:coffee.png",
    "coins": "skimage:coins.png",
    "flower": "sklearn:flower.jpg",
    "grace_hopper": "matplotlib:grace_hopper.jpg",
    "grass": "skimage:grass.png",
    "gravel": "skimage:gravel.png",
    "hubble_deep_field": "skimage:hubble_deep_field.jpg",
    "immunohistochemistry": "skimage:ihc.png",
    "moon": "skimage:moon.png",
    "motorcycle": "skimage:motorcycle_left.png",
    "retina": "skimage:retina.jpg",
    "rocket": "skimage:rocket.jpg",
}


def bundled() -> dict[str, Callable[[], np.ndarray]]:
    """Name -> loader of uint8 (H, W, 3) RGB, sRGB-encoded; grey ones have three equal channels."""
    return {name: partial(_load, place) for name, place in _PHOTOGRAPHS.items()}


def read_photograph(path: Path) -> np.ndarray:
    """Read an image file as uint8 (H, W, 3) RGB, sRGB-encoded, the right way up by its EXIF.

    Raises:
        SeagullError: no picture there.
    """
    try:
        return read_image(path)
    except (SceneError, cv2.error) as error:
        raise SeagullError(f"{path}: cannot be read as a picture") from error


def _load(place: str) -> np.ndarray:
    package, file = place.split(":")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SeagullError(f"photograph {file} comes with {package}, which is not installed")
    return read_photograph(Path(spec.origin).parent / _FOLDERS[package] / file)
