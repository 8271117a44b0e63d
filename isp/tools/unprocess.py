"""Photographs back to RAW: a DNG whose true rendering is known.

After "unprocessing" (Brooks et al., CVPR 2019): inverse transfer curve, inverse matrix, inverse
white balance, Bayer mosaic, shot and read noise, here with the numbers of a Nikon D7000. No inverse
tone curve: developed with tone `neutral`, the photograph comes back as it was. Highlights stay
clipped: what the photograph does not hold cannot come back.
"""

import io
import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import tifffile

from isp.distortions.noise import noisy_mosaic
from isp.distortions.noise_model import NoiseModel, likely_read
from isp.raw.color import camera_to_srgb, decode_srgb
from manifests.chance import generator
from manifests.files import write_atomic

# XYZ (D65) -> camera RGB of the Nikon D7000, as in Adobe's DNG profiles.
D7000 = np.array([[0.8198, -0.2239, -0.0724], [-0.4871, 1.2389, 0.2798], [-0.1043, 0.2050, 0.7181]])
BLACK, WHITE = 512, 15892  # 14 bits; the pedestal keeps noise about black unbiased
PATTERN = np.array([[0, 1], [1, 2]])  # RGGB
ISO = (100, 125, 160, 200)
_EXIF_IFD, _STAND_IN = 34665, 34664  # tifffile refuses to write the former
_SHOT_PER_ISO = 1e-6  # ISO 100 is the least noise of Brooks et al.


@dataclass(frozen=True)
class CaptureSettings:
    """How the photograph is said to have been taken."""

    iso: int
    gains: tuple[float, float, float]  # white balance, green = 1
    shutter: Fraction
    aperture: Fraction
    focal_length: int

    @property
    def noise(self) -> NoiseModel:
        """Shot noise in proportion to ISO, read noise that usually goes with it; every channel."""
        shot = _SHOT_PER_ISO * self.iso
        return NoiseModel((shot,) * 3, (likely_read(shot),) * 3)


def capture_settings(name: str, seed: int) -> CaptureSettings:
    """Draw ISO, white balance (daylight, Brooks' red 1.9..2.4 and blue 1.5..1.9), and the rest."""
    draw = generator("unprocess", name, seed)
    return CaptureSettings(
        iso=int(draw.choice(ISO)),
        gains=(round(draw.uniform(1.9, 2.4), 3), 1.0, round(draw.uniform(1.5, 1.9), 3)),
        shutter=Fraction(1, int(draw.choice((60, 125, 250, 500)))),
        aperture=Fraction(int(draw.choice((28, 40, 56, 80))), 10),
        focal_length=int(draw.choice((24, 35, 50, 85))),
    )


def write_dng(photo: np.ndarray, path: Path, name: str, seed: int = 0) -> CaptureSettings:
    """Write `photo` as a Bayer DNG that LibRaw decodes as a Nikon D7000.

    Args:
        photo: uint8 (H, W, 3) RGB, sRGB-encoded; an odd last row or column is cut.
        path: of the DNG; written whole or not at all, the same bytes for the same arguments.
        name: with `seed`, what the taking and the noise are drawn from.
        seed: another one, another taking.
    """
    shot = capture_settings(name, seed)
    mosaic = _mosaic(camera_rgb(photo, shot.gains))
    draw = generator("unprocess", name, seed, "noise")
    noisy = noisy_mosaic(mosaic, PATTERN, (BLACK,) * 4, WHITE, shot.noise, draw)
    write_atomic(path, _dng(noisy, shot))
    return shot


def camera_rgb(photo: np.ndarray, gains: tuple[float, float, float]) -> np.ndarray:
    """Undo transfer curve, matrix and white balance: float64 (H, W, 3), sensor units, [0, 1]."""
    height, width = (size // 2 * 2 for size in photo.shape[:2])
    matrix, _ = camera_to_srgb(None, D7000)
    balanced = decode_srgb(photo[:height, :width] / 255.0) @ np.linalg.inv(matrix).T
    return np.clip(balanced / np.asarray(gains), 0, 1)


def _mosaic(camera: np.ndarray) -> np.ndarray:
    mosaic = np.empty(camera.shape[:2], np.uint16)
    for y in range(2):
        for x in range(2):
            plane = camera[y::2, x::2, PATTERN[y, x]]
            mosaic[y::2, x::2] = np.rint(BLACK + plane * (WHITE - BLACK))
    return mosaic


def _dng(mosaic: np.ndarray, shot: CaptureSettings) -> bytes:
    """Return the file with its EXIF directory, which tifffile does not write, at the end."""
    exif_at = len(_tiff(mosaic, _tags(shot, 0)))
    content = _tiff(mosaic, _tags(shot, exif_at))
    stand_in, pointer = (struct.pack("<HHI", code, 4, 1) for code in (_STAND_IN, _EXIF_IFD))
    return content.replace(stand_in, pointer, 1) + _exif(shot, exif_at)


def _tiff(mosaic: np.ndarray, tags: list[tuple[int, str, int, object, bool]]) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file, byteorder="<") as tiff:
        tiff.write(
            mosaic, photometric=tifffile.PHOTOMETRIC.CFA, software=False, metadata=None,
            extratags=tags, rowsperstrip=mosaic.shape[0],
        )  # fmt: skip
    return file.getvalue()


def _exif(shot: CaptureSettings, offset: int) -> bytes:
    """Pack a little-endian EXIF directory at `offset`: shutter, aperture, ISO, focal length."""
    values = (shot.shutter, shot.aperture, Fraction(shot.focal_length))
    first = offset + 2 + 4 * 12 + 4
    at = iter(range(first, first + 24, 8))
    entries = [
        (33434, 5, next(at)),
        (33437, 5, next(at)),
        (34855, 3, shot.iso),
        (37386, 5, next(at)),
    ]
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", code, kind, 1, v) for code, kind, v in entries)
    rationals = b"".join(struct.pack("<II", *value.as_integer_ratio()) for value in values)
    return directory + struct.pack("<I", 0) + rationals


def _tags(shot: CaptureSettings, exif_at: int) -> list[tuple[int, str, int, object, bool]]:
    """TIFF/EP, EXIF and DNG 1.4 tags: (code, type, count, value, once)."""
    neutral = [round(1e6 / gain) for gain in shot.gains]
    noise = np.stack([shot.noise.shot, shot.noise.read], axis=1).ravel().tolist()
    return [
        (271, "s", 0, "NIKON CORPORATION", True),
        (272, "s", 0, "NIKON D7000", True),
        (274, "H", 1, 1, True),
        (33421, "H", 2, (2, 2), True),  # CFARepeatPatternDim
        (33422, "B", 4, bytes(PATTERN.ravel().tolist()), True),  # CFAPattern
        (_STAND_IN, "I", 1, exif_at, True),
        (50706, "B", 4, bytes((1, 4, 0, 0)), True),  # DNGVersion
        (50707, "B", 4, bytes((1, 1, 0, 0)), True),  # DNGBackwardVersion
        (50708, "s", 0, "NIKON D7000", True),  # UniqueCameraModel
        (50714, "H", 1, BLACK, True),
        (50717, "H", 1, WHITE, True),
        (50721, "2i", 9, _pairs([round(v * 10000) for v in D7000.ravel()], 10000), True),
        (50728, "2I", 3, _pairs(neutral, 10**6), True),  # AsShotNeutral
        (50778, "H", 1, 21, True),  # CalibrationIlluminant1: D65
        (51041, "d", 6, noise, True),  # NoiseProfile
    ]


def _pairs(numerators: list[int], denominator: int) -> list[int]:
    return [part for numerator in numerators for part in (int(numerator), denominator)]
