"""One RAW through an exposure ladder: python examples/exposure_ladder.py photo.NEF ladder.png."""

import sys
from pathlib import Path

import cv2
import numpy as np

import isp
from manifests.images import encode_png, fitted

STOPS = (-3, -2, -1, 0, 1, 2, 3)


def main() -> None:
    """Render the RAW once per stop, in one pass, and put the pictures side by side."""
    raw, target = sys.argv[1:3]
    ladder = [{"exposure": stops} if stops else {} for stops in STOPS]
    pictures = [fitted(picture, 320).copy() for picture in isp.develop(raw, ladder)]
    for stops, picture in zip(STOPS, pictures, strict=True):
        cv2.putText(picture, f"{stops:+d} EV", (6, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255,) * 3)
        print(f"{stops:+d} EV: mean {picture.mean():.1f}")
    Path(target).write_bytes(encode_png(np.hstack(pictures)))


if __name__ == "__main__":
    main()
