"""LENS: vignetting on linear light, then distortion and TCA in one remap, by lensfun's profiles.

A wrong profile is worse than none: the lens's exact name first, then lensfun's strict search with a
score of at least 80, and the focal length must lie in the profile's range. Else nothing is done,
and the scene says why. Perspective and focus distance (unknown: 1000 m) are not corrected.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import lensfunpy
import numpy as np

MIN_SCORE = 80  # right matches score 80 to 98
_FOCAL_TOLERANCE = 1.02


def _middles(n: int, of: int) -> np.ndarray:
    """Index the middles of `n` equal parts of `of` pixels."""
    return ((np.arange(n) + 0.5) * of / n).astype(int)


@dataclass(frozen=True)
class LensCorrection:
    """What is corrected on a (height, width) picture; `note` is for the table of scenes."""

    note: str
    modifier: lensfunpy.Modifier | None = None

    def apply(self, camera: np.ndarray) -> np.ndarray:
        """Linear camera RGB, uint16 or float32 (H, W, 3), not turned; float32 where corrected."""
        if self.modifier is None:
            return camera
        corrected = camera.astype(np.float32)
        self.modifier.apply_color_modification(corrected)
        for channel, (first, second) in enumerate(self._maps):
            plane = cv2.extractChannel(corrected, channel)
            moved = cv2.remap(plane, first, second, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
            cv2.insertChannel(np.maximum(moved, 0), corrected, channel)
        return corrected

    def for_noise(self, shape: tuple[int, int]) -> Callable[[np.ndarray], np.ndarray]:
        """Return what carries a small field of noise to where the corrected picture has it.

        It moves by whole pixels, so that its spectrum stays, all channels alike.

        Args:
            shape: (h, w) of the fields, float32 (h, w, 3) of either sign, over the whole picture.
        """
        if self.modifier is None:
            return lambda field: field
        full = self.modifier.height, self.modifier.width
        at = np.ix_(*(_middles(n, of) for n, of in zip(shape, full, strict=True)))
        gain = np.ones((*full, 3), np.float32)
        self.modifier.apply_color_modification(gain)
        small_gain = gain[at]
        if not self._maps:
            return lambda field: field * small_gain
        columns, rows = np.moveaxis(self._maps[1][0][at].astype(int), -1, 0)  # green's
        rows = np.clip(rows * shape[0] // full[0], 0, shape[0] - 1)
        columns = np.clip(columns * shape[1] // full[1], 0, shape[1] - 1)
        return lambda field: (field * small_gain)[rows, columns]

    @cached_property
    def _maps(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each channel a fixed-point map of cv2.remap; empty where nothing moves."""
        assert self.modifier is not None
        where = self.modifier.apply_subpixel_geometry_distortion()
        if where is None:
            return []
        # One at a time: 16 megapixels are 130 MB a channel here.
        planes = (np.ascontiguousarray(where[:, :, channel]) for channel in range(3))
        return [cv2.convertMaps(plane, None, cv2.CV_16SC2) for plane in planes]


def find_correction(
    camera: tuple[str | None, str | None],
    lens: str | None,
    focal_length_mm: float | None,
    aperture_f: float | None,
    size: tuple[int, int],
) -> LensCorrection:
    """Find the correction for a RAW of `size` (width, height) taken with this camera and lens."""
    if not (lens and camera[0] and camera[1]):
        return LensCorrection(f"none: the file names no {'lens' if camera[1] else 'camera'}")
    if focal_length_mm is None:
        return LensCorrection("none: the file gives no focal length")
    bodies = _database().find_cameras(*camera)
    if not bodies:
        return LensCorrection(f"none: lensfun has no camera {camera[0]} {camera[1]}")
    profile, how = _find_lens(bodies[0], lens)
    if profile is None:
        return LensCorrection(f"none: lensfun has no sure match for {lens}")
    if (
        not profile.min_focal / _FOCAL_TOLERANCE
        <= focal_length_mm
        <= profile.max_focal * _FOCAL_TOLERANCE
    ):
        return LensCorrection(f"none: {focal_length_mm:g} mm is outside {profile.model}")
    modifier = lensfunpy.Modifier(profile, bodies[0].crop_factor, *size)
    # Without an aperture vignetting is unknown; distortion and TCA need none.
    flags = lensfunpy.ModifyFlags.ALL if aperture_f else _GEOMETRY
    modifier.initialize(focal_length_mm, aperture_f or 8.0, pixel_format=np.float32, flags=flags)
    return LensCorrection(f"{profile.model} ({how})", modifier)


_GEOMETRY = (
    lensfunpy.ModifyFlags.DISTORTION | lensfunpy.ModifyFlags.TCA | lensfunpy.ModifyFlags.SCALE
)


@lru_cache(maxsize=1)
def _database() -> lensfunpy.Database:
    return lensfunpy.Database()


def _find_lens(body: lensfunpy.Camera, name: str) -> tuple[lensfunpy.Lens | None, str]:
    fitting = [lens for lens in _database().lenses if body.mount in lens.mounts]
    exact = [lens for lens in fitting if _plain(lens.model, lens.maker) == _plain(name, lens.maker)]
    if exact:
        # One name may stand for several sensors' measurements: the nearest one's.
        near = min(exact, key=lambda lens: abs(lens.crop_factor - body.crop_factor))
        return near, "exact name"
    strict = _database().find_lenses(body, None, name, loose_search=False)
    best = max(strict, key=lambda lens: lens.score, default=None)
    if best is None or best.score < MIN_SCORE:
        return None, ""
    return best, f"score {best.score}"


def _plain(name: str, maker: str) -> str:
    """Letters and digits in lower case, without the maker in front."""
    plain, prefix = (re.sub(r"[^a-z0-9]", "", text.lower()) for text in (name, maker))
    return plain.removeprefix(prefix)
