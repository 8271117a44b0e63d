"""A distortion of your own: too much sharpening, as a package outside the tree.

pip install --no-build-isolation -e examples/own_distortion
python examples/own_distortion/sharpening.py photo.NEF sharpened.png
seagull build --raw RAW --out OUT --set render.levels=examples/own_distortion/levels.yaml
"""

import sys
from pathlib import Path

import cv2
import numpy as np

import isp
from isp.distortions.distortion import Distortion, Sweep
from manifests.images import encode_png

RADIUS = 1.5  # pixels, standard deviation of the mask


def sharpen(linear: np.ndarray, percent: float) -> np.ndarray:
    """Unsharp masking: `linear` (float32 (H, W, 3), linear, [0, 1]) plus percent of its detail."""
    detail = linear - cv2.GaussianBlur(linear, (0, 0), RADIUS)
    return np.clip(linear + np.float32(percent / 100) * detail, 0, 1)


SHARPENING = Distortion(
    name="sharpening",
    unit="percent",
    range=(0, 1000),
    place="display",
    function=sharpen,
    sweeps=(Sweep(20, 600),),
    decimals=1,
)


def main() -> None:
    """Render a RAW sharpened by 300 percent."""
    raw, target = sys.argv[1:3]
    picture = isp.render(raw, sharpening=300)
    Path(target).write_bytes(encode_png(picture))
    print(f"{target}: {picture.shape[1]}x{picture.shape[0]} pixels, sharpened by 300 percent")


if __name__ == "__main__":
    main()
