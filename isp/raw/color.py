"""Camera RGB to sRGB, and the sRGB transfer curve. Matrices only: no look, no profile tables."""

from collections.abc import Sequence

import cv2
import numpy as np

# IEC 61966-2-1: linear sRGB (D65) -> CIE XYZ.
SRGB_TO_XYZ = np.array(
    [
        [0.4123908, 0.3575843, 0.1804808],
        [0.2126390, 0.7151687, 0.0721923],
        [0.0193308, 0.1191948, 0.9505322],
    ]
)
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
MATRICES = {
    # dcraw 9.28's; LibRaw's later one is 0.36 CIEDE2000 worse on a chart (colorchecker.py).
    "Canon PowerShot G2": np.array(
        [[0.9087, -0.2693, -0.1049], [-0.6715, 1.4382, 0.2537], [-0.2291, 0.2819, 0.7790]]
    ),
}
"""XYZ (D65) -> camera RGB of cameras for which LibRaw's table is not the best known."""
FULL = 65535  # one, in uint16
_NEARLY, _BLOWN = 0.92, 0.97  # of saturation


def camera_to_srgb(
    color_matrix: np.ndarray | None,
    xyz_to_camera: np.ndarray | None,
    gains: Sequence[float] = (1.0, 1.0, 1.0),
) -> tuple[np.ndarray, str]:
    """Return the matrix from white-balanced linear camera RGB to linear sRGB, and its source.

    With a table matrix and gains that name an illuminant, as the DNG specification does: the white
    that the gains make grey is adapted to D65 (Bradford) in XYZ. Else, as dcraw (D. Coffin) does,
    the rows are scaled to keep white; so for gains of 1, the sign of a mosaic balanced already.
    Without any matrix camera RGB is taken as sRGB.

    Args:
        color_matrix: the file's own (DNG), camera RGB -> sRGB; LibRaw has scaled its rows.
        xyz_to_camera: by camera, from LibRaw's table (Adobe's, for D65) or `MATRICES`.
        gains: white balance of R, G, B.

    Returns:
        float64 (3, 3), rows summing to 1: the white balance alone decides what is grey.
    """
    if color_matrix is not None and np.any(color_matrix):
        matrix = np.asarray(color_matrix, np.float64)[:3, :3]
        return _white_kept(matrix), "file"
    if xyz_to_camera is None or not np.any(xyz_to_camera):
        return np.eye(3), "none: camera RGB taken as sRGB"
    to_camera = np.asarray(xyz_to_camera, np.float64)[:3]
    neutral = 1.0 / np.asarray(gains[:3], np.float64)
    white = np.linalg.solve(to_camera, neutral)
    if len(set(gains[:3])) == 1 or not _is_light(white):
        srgb_to_camera = _white_kept(to_camera @ SRGB_TO_XYZ)
        return np.linalg.inv(srgb_to_camera), "camera table"
    to_srgb = np.linalg.inv(SRGB_TO_XYZ) @ bradford(white, SRGB_TO_XYZ.sum(axis=1))
    balanced = to_srgb @ np.linalg.inv(to_camera) @ np.diag(neutral)
    return _white_kept(balanced), "camera table, adapted"


def _white_kept(matrix: np.ndarray) -> np.ndarray:
    return matrix / matrix.sum(axis=1, keepdims=True)


def bradford(white: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(3, 3) XYZ under `white` -> XYZ under `target` (Lam 1985, as in ICC.1 annex E)."""
    cones = target @ _BRADFORD.T / (white @ _BRADFORD.T)
    return np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD


def _is_light(xyz: np.ndarray) -> bool:
    """Whether a white lies near the CIE daylight locus, extended to incandescent light."""
    if not (xyz > 0).all():
        return False
    x, y = xyz[:2] / xyz.sum()
    return bool(0.27 < x < 0.48 and abs(y - (-3.0 * x**2 + 2.87 * x - 0.275)) < 0.03)


def to_srgb(camera: np.ndarray, matrix: np.ndarray, white: float) -> np.ndarray:
    """Camera RGB -> sRGB, before anything is averaged: what is out of gamut is clipped by pixel.

    Args:
        camera: uint16 or float32 (H, W, 3) RGB, linear, white-balanced.
        matrix: (3, 3) from `camera_to_srgb`.
        white: the value in `camera` that becomes 1.

    Returns:
        float32 (H, W, 3) RGB, linear sRGB, 1 = white, at least 0; above 1 is headroom.
    """
    linear = cv2.transform(camera.astype(np.float32), (matrix / white).astype(np.float32))
    return np.maximum(linear, np.float32(0), out=linear)


def limit_highlights(camera: np.ndarray, white: float, gains: np.ndarray) -> np.ndarray:
    """Blown areas are white, not magenta; unblown ones keep their headroom.

    Where the channel that saturates first comes near its end, the others are led down to the same
    level, which is white; elsewhere they may exceed it.

    Args:
        camera: uint16 (H, W, 3) RGB, linear, white-balanced; changed in place.
        white: the value at which the first channel saturates.
        gains: (3,) white balance, the least 1.
    """
    first = cv2.extractChannel(camera, int(np.argmin(gains)))
    if gains.max() == 1 or first.max() <= _NEARLY * white:
        return camera
    near = first > _NEARLY * white
    share = np.minimum((first[near] / white - _NEARLY) / (_BLOWN - _NEARLY), 1.0)
    limits = white * (gains + share[:, None] * (1.0 - gains))
    camera[near] = np.minimum(camera[near], limits)
    return camera


def to_display(linear: np.ndarray) -> np.ndarray:
    """Float32 linear, 1 = white -> uint16, 65535 = white; the headroom ends here."""
    return to_uint16(linear, FULL)


def to_uint16(image: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """Float times `scale` -> uint16, rounded and clipped."""
    return cv2.multiply(image, scale, dtype=cv2.CV_16U)


def encode_srgb(linear: np.ndarray) -> np.ndarray:
    """Apply the sRGB curve (IEC 61966-2-1): [0, 1] linear -> [0, 1] encoded, float64."""
    linear = np.asarray(linear, np.float64)
    return np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055
    )


def decode_srgb(encoded: np.ndarray) -> np.ndarray:
    """Undo `encode_srgb`; float64."""
    encoded = np.asarray(encoded, np.float64)
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
