"""BLUR: a point spread function in linear light, before clipping, as optics and hands do it.

Three shapes with one comparable width: `width` is the standard deviation per axis of the Gaussian,
and the disc and the line are those with the same root-mean-square radius (width * sqrt 2).
"""

import math

import cv2
import numpy as np

from isp.distortions.distortion import Distortion, Option, Sweep

SHAPES = ("gaussian", "defocus", "motion")
_TILE = 11
_SUBSAMPLES = 9  # a side, per kernel pixel: anti-aliases the edge of disc and line


def blur(linear: np.ndarray, width: float, shape: str, angle: float = 0.0) -> np.ndarray:
    """Convolve; the border reflects.

    Args:
        linear: float32 (H, W, 3), linear, any range.
        width: comparable width, pixels.
        shape: gaussian | defocus | motion.
        angle: of the motion, degrees counter-clockwise from the horizontal.

    Returns:
        float32 (H, W, 3), same mean up to the border.
    """
    if shape == "gaussian":
        return cv2.GaussianBlur(linear, (0, 0), width, borderType=cv2.BORDER_REFLECT_101)
    return _convolve(linear, point_spread(width, shape, angle))


def _convolve(linear: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Correlate by tiles of the kernel: OpenCV's direct way, which skips zeros, ends at 11x11."""
    if len(kernel) <= _TILE:
        return cv2.filter2D(linear, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    height, width = linear.shape[:2]
    half = len(kernel) // 2
    padded = cv2.copyMakeBorder(linear, half, half, half, half, cv2.BORDER_REFLECT_101)
    blurred = np.zeros_like(linear)
    for top in range(0, len(kernel), _TILE):
        for left in range(0, len(kernel), _TILE):
            tile = kernel[top : top + _TILE, left : left + _TILE]
            if tile.any():
                moved = padded[top:, left:]
                blurred += cv2.filter2D(moved, -1, tile, anchor=(0, 0))[:height, :width]
    return blurred


def point_spread(width: float, shape: str, angle: float = 0.0) -> np.ndarray:
    """Make the kernel of defocus (disc of radius 2 width) or motion (line of sqrt(24) width).

    Returns:
        float32 (n, n), n odd, sum 1, centred.
    """
    radius = 2.0 * width if shape == "defocus" else math.sqrt(24.0) * width / 2.0
    x, y, side = _subpixels(math.ceil(radius + 0.5))
    if shape == "defocus":
        inside = x**2 + y**2 <= radius**2
    elif shape == "motion":
        turn = math.radians(angle)
        along = x * math.cos(turn) - y * math.sin(turn)
        across = x * math.sin(turn) + y * math.cos(turn)
        inside = (np.abs(along) <= radius) & (np.abs(across) <= 0.5)
    else:
        raise ValueError(f"blur shape '{shape}' is none of {', '.join(SHAPES)}")
    kernel = inside.reshape(side, _SUBSAMPLES, side, _SUBSAMPLES).mean(axis=(1, 3))
    return (kernel / kernel.sum()).astype(np.float32)


def _subpixels(half: int) -> tuple[np.ndarray, np.ndarray, int]:
    side = 2 * half + 1
    axis = (np.arange(side * _SUBSAMPLES) + 0.5) / _SUBSAMPLES - side / 2
    x, y = np.meshgrid(axis, axis)
    return x, y, side


def _sweep(shape: str) -> Sweep:
    angles = (0, 30, 60, 90, 120, 150)  # of motion, one after the other
    turns = (("angle", angles),) if shape == "motion" else ()
    return Sweep(0.5, 6.0, (("shape", shape),), geometric=True, turns=turns)


BLUR = Distortion(
    name="blur",
    unit="px",
    range=(0, 64),
    place="light",
    function=blur,
    sweeps=tuple(_sweep(shape) for shape in SHAPES),
    options={
        "shape": Option("gaussian", choices=SHAPES),
        "angle": Option(0.0, range=(-360, 360)),  # degrees
    },
)
