"""Camera RGB to sRGB, and the sRGB transfer curve. Matrices only: no look, no profile tables."""

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
FULL = 65535  # one, in uint16
_NEARLY, _BLOWN = 0.92, 0.97  # of saturation


def camera_to_srgb(
    color_matrix: np.ndarray | None, xyz_to_camera: np.ndarray | None
) -> tuple[np.ndarray, str]:
    """(3, 3) white-balanced linear camera RGB -> linear sRGB, rows summing to 1; and its source.

    `color_matrix` is the file's own (DNG), `xyz_to_camera` LibRaw's table by camera (Adobe's DNG
    matrices for D65); with neither, camera RGB is taken as sRGB. Normalising the rows keeps white
    white (as in dcraw, D. Coffin): the white balance alone decides what is grey.
    """
    if color_matrix is not None and np.any(color_matrix):
        matrix = np.asarray(color_matrix, np.float64)[:3, :3]
        return matrix / matrix.sum(axis=1, keepdims=True), "file"
    if xyz_to_camera is not None and np.any(xyz_to_camera):
        srgb_to_camera = np.asarray(xyz_to_camera, np.float64)[:3] @ SRGB_TO_XYZ
        srgb_to_camera /= srgb_to_camera.sum(axis=1, keepdims=True)
        return np.linalg.inv(srgb_to_camera), "camera table"
    return np.eye(3), "none: camera RGB taken as sRGB"


def to_srgb(camera: np.ndarray, matrix: np.ndarray, white: float) -> np.ndarray:
    """Camera RGB -> sRGB, before anything is averaged: what is out of gamut is clipped by pixel.

    Args:
        camera: uint16 or float32 (H, W, 3) RGB, linear, white-balanced.
        matrix: (3, 3) from `camera_to_srgb`.
        white: the value in `camera` that becomes 1.

    Returns:
        float32 (H, W, 3) RGB, linear sRGB, 1 = white, at least 0; above 1 is headroom.
    """
    scaled = (matrix / white).astype(np.float32)
    return np.maximum(cv2.transform(camera.astype(np.float32), scaled), np.float32(0))


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
    """The sRGB curve (IEC 61966-2-1), [0, 1] linear -> [0, 1] encoded, float64."""
    linear = np.asarray(linear, np.float64)
    return np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055
    )


def decode_srgb(encoded: np.ndarray) -> np.ndarray:
    """The inverse of `encode_srgb`, float64."""
    encoded = np.asarray(encoded, np.float64)
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
