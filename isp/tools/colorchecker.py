"""How true our colors are: a RAW of an X-Rite ColorChecker against the chart's published colors.

    python -m isp.tools.colorchecker RAW --corners X,Y X,Y X,Y X,Y

Corners are the centres of the four corner patches (dark skin, bluish green, white, black) as shares
of the upright picture's width and height. Without the tone curve; after one gain a channel fitted
on the three middle greys, which takes out exposure and white balance. CIEDE2000 over 24 patches.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from skimage.color import deltaE_ciede2000, xyz2lab

from isp.development.recipes import REFERENCE
from isp.development.renderer import develop
from isp.raw.color import SRGB_TO_XYZ, decode_srgb
from manifests.config import RenderConfig
from manifests.images import decode_image

Corners = tuple[tuple[float, float], ...]

# CIE L*a*b* (D50, 2 degrees) of the 24 patches, row by row: X-Rite, 2005 (BabelColor's averages).
CHART_LAB = np.array(
    [
        [37.986, 13.555, 14.059], [65.711, 18.130, 17.810], [49.927, -4.880, -21.925],
        [43.139, -13.095, 21.905], [55.112, 8.844, -25.399], [70.719, -33.397, -0.199],
        [62.661, 36.067, 57.096], [40.020, 10.410, -45.964], [51.124, 48.239, 16.248],
        [30.325, 22.976, -21.587], [72.532, -23.709, 57.255], [71.941, 19.363, 67.857],
        [28.778, 14.179, -50.297], [55.261, -38.342, 31.370], [42.101, 53.378, 28.190],
        [81.733, 4.039, 79.819], [51.935, 49.986, -14.574], [51.038, -28.631, -28.638],
        [96.539, -0.425, 1.186], [81.257, -0.638, -0.335], [66.766, -0.734, -0.504],
        [50.867, -0.153, -0.270], [35.656, -0.421, -1.231], [20.461, -0.079, -0.973],
    ]
)  # fmt: skip
_GREYS = slice(19, 22)
_D50 = np.array([0.96422, 1.0, 0.82521])
# Bradford, D65 -> D50 (ICC.1:2022, annex E).
_TO_D50 = np.array(
    [
        [1.0478112, 0.0228866, -0.0501270],
        [0.0295424, 0.9904844, -0.0170491],
        [-0.0092345, 0.0150436, 0.7521316],
    ]
)
_HALF_PATCH = 0.25  # of the distance between patches: the middle half of each is read


def patches(picture: np.ndarray, corners: Corners) -> np.ndarray:
    """Mean colors (24, 3) of a (H, W, 3) picture, row by row, between the four corner centres."""
    height, width = picture.shape[:2]
    at = np.asarray(corners, np.float64) * (width, height)
    half = _HALF_PATCH * np.linalg.norm(at[1] - at[0]) / 5
    means = []
    for row in range(4):
        left, right = (at[side] + (at[side + 2] - at[side]) * row / 3 for side in (0, 1))
        for column in range(6):
            x, y = left + (right - left) * column / 5
            window = picture[round(y - half) : round(y + half), round(x - half) : round(x + half)]
            means.append(window.reshape(-1, 3).mean(axis=0))
    return np.array(means)


def differences(linear: np.ndarray) -> np.ndarray:
    """CIEDE2000 (24,) of patches (24, 3) in linear sRGB, after exposure and white normalisation."""
    target = chart_linear_srgb()
    gains = (target[_GREYS] * linear[_GREYS]).sum(axis=0) / (linear[_GREYS] ** 2).sum(axis=0)
    xyz = (linear * gains) @ SRGB_TO_XYZ.T @ _TO_D50.T
    return deltaE_ciede2000(xyz2lab(xyz, illuminant="D50", observer="2"), CHART_LAB)


def chart_linear_srgb() -> np.ndarray:
    """Return the chart's colors as linear sRGB (24, 3), some out of gamut."""
    y = (CHART_LAB[:, 0] + 16) / 116
    cubes = np.stack([y + CHART_LAB[:, 1] / 500, y, y - CHART_LAB[:, 2] / 200], axis=1)
    ratio = np.where(cubes > 6 / 29, cubes**3, 3 * (6 / 29) ** 2 * (cubes - 4 / 29))
    return (ratio * _D50) @ np.linalg.inv(SRGB_TO_XYZ.T @ _TO_D50.T)


def measure(raw: Path, corners: Corners, config: RenderConfig) -> np.ndarray:
    """CIEDE2000 (24,) of our rendering of `raw`, tone neutral."""
    neutral = replace(config, tone="neutral", format="png")
    _, images = develop(raw, "", [REFERENCE], neutral, 0)
    picture = decode_image(next(images).content, str(raw))
    return differences(patches(decode_srgb(picture / 255.0), corners))


def main() -> None:
    """Print the mean, the median and the worst."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("raw", type=Path)
    parser.add_argument("--corners", nargs=4, required=True, metavar="X,Y")
    arguments = parser.parse_args()
    corners = tuple((float(x), float(y)) for x, y in (c.split(",") for c in arguments.corners))
    errors = measure(arguments.raw, corners, RenderConfig())
    print(f"mean {errors.mean():.2f}  median {np.median(errors):.2f}  worst {errors.max():.2f}")


if __name__ == "__main__":
    main()
