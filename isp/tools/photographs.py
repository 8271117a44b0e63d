"""The photographs that come inside wheels we depend on anyway: nothing is fetched.

Left out: the right view of the motorcycle (the same scene), drawings, scans of text, phantoms.
pyiqa's are what it tests itself with: five of Kodak's PhotoCD (as TID2013 cut them), which is free
to use, and four whose terms it does not state, so no rendering of those is ours to pass on.
"""

from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import cv2
import numpy as np

from manifests.errors import SceneError, SeagullError
from manifests.images import read_image

_FOLDERS = {
    "scikit-image": "skimage/data",
    "scikit-learn": "sklearn/datasets/images",
    "matplotlib": "matplotlib/mpl-data/sample_data",
    "pyiqa": ".",
}
_IN_COLOR = {
    "astronaut": "scikit-image:astronaut.png",
    "boat": "pyiqa:ResultsCalibra/ref_dir/I06.bmp",
    "caps": "pyiqa:ResultsCalibra/ref_dir/I03.bmp",
    "chelsea": "scikit-image:chelsea.png",
    "china": "scikit-learn:china.jpg",
    "coffee": "scikit-image:coffee.png",
    "flower": "scikit-learn:flower.jpg",
    "fountain": "pyiqa:tests/test_efficiency_img_dir/frame_4wrwr48cdk6rbcjl.jpg",
    "grace_hopper": "matplotlib:grace_hopper.jpg",
    "hat": "pyiqa:ResultsCalibra/ref_dir/I04.bmp",
    "houses": "pyiqa:ResultsCalibra/ref_dir/I08.bmp",
    "hubble_deep_field": "scikit-image:hubble_deep_field.jpg",
    "immunohistochemistry": "scikit-image:ihc.png",
    "lighthouse": "pyiqa:ResultsCalibra/ref_dir/I19.bmp",
    "motorcycle": "scikit-image:motorcycle_left.png",
    "retina": "scikit-image:retina.jpg",
    "rocket": "scikit-image:rocket.jpg",
    "snow": "pyiqa:tests/test_efficiency_img_dir/frame_9ogwhvvy7gfj6jzh.jpg",
    "street": "pyiqa:tests/test_efficiency_img_dir/SPAQ_10241.jpg",
    "sunset": "pyiqa:tests/test_efficiency_img_dir/frame_7gzdcz9sif0ekg31.jpg",
}
_GREY = {
    name: f"scikit-image:{name}.png"
    for name in ("brick", "camera", "coins", "grass", "gravel", "moon")
}


def in_color() -> dict[str, Callable[[], np.ndarray]]:
    """`bundled` without the grey ones."""
    return {name: partial(_load, place) for name, place in _IN_COLOR.items()}


def bundled() -> dict[str, Callable[[], np.ndarray]]:
    """Name -> loader of uint8 (H, W, 3) RGB, sRGB-encoded; grey ones have three equal channels."""
    grey = {name: partial(_load, place) for name, place in _GREY.items()}
    return dict(sorted((in_color() | grey).items()))


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
    try:
        path = Path(str(distribution(package).locate_file(f"{_FOLDERS[package]}/{file}")))
    except PackageNotFoundError as error:
        raise SeagullError(
            f"photograph {file} comes with {package}, which is not installed"
        ) from error
    return read_photograph(path)
