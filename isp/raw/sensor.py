"""Open a RAW file: its mosaic, levels, white balance, colour matrix and geometry, by LibRaw.

Everything LibRaw reads is taken: Bayer, X-Trans, and files without a mosaic (linear DNG, some
Kodak). Sizes are checked from the header before anything is decoded. Development starts in
`demosaic.py`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rawpy

from isp.raw.camera import camera_name
from isp.raw.color import MATRICES, camera_to_srgb
from isp.raw.white_balance import white_balance
from manifests.errors import SceneError
from manifests.records import WhiteBalance


@dataclass(frozen=True)
class Sensor:
    """One decoded RAW. `raw` is LibRaw's handle; it lives as long as `open_sensor`'s block.

    mosaic: uint16 (H, W), the visible area as recorded, or None where there is no mosaic.
    pattern: small int array, colour index (0 R, 1 G, 2 B, 3 second G) of the mosaic's period.
    black: recorded value of black by colour index; white: recorded value at saturation.
    matrix: float64 (3, 3), white-balanced linear camera RGB -> linear sRGB; rows sum to 1.
    size: (width, height) with square pixels, before `flip`; read once, as LibRaw's own changes
        when it stretches.
    flip: LibRaw's code for how to turn the picture: 0, 3 (180), 5 (90 CCW) or 6 (90 CW).
    """

    path: Path
    camera: tuple[str | None, str | None]  # make, model
    raw: rawpy.RawPy
    mosaic: np.ndarray | None
    pattern: np.ndarray | None
    black: tuple[int, ...]
    white: int
    white_balance: WhiteBalance
    matrix: np.ndarray
    matrix_source: str
    size: tuple[int, int]
    flip: int

    @property
    def gains(self) -> np.ndarray:
        """White balance on R, G, B with the least gain 1: what saturates first becomes white."""
        gains = np.asarray(self.white_balance.gains[:3], np.float64)
        return gains / gains.min()


@contextmanager
def open_sensor(path: Path, max_megapixels: float) -> Iterator[Sensor]:
    """Open and decode the RAW at `path`.

    Raises:
        SceneError: empty, not_raw, unreadable, unsupported or too_large; the message names the
            file and the cause.
    """
    _refuse_empty(path)
    try:
        with rawpy.imread(str(path)) as raw:
            _refuse_large(path, raw, max_megapixels)
            yield _decode(path, raw)
    except rawpy.LibRawFileUnsupportedError as error:
        raise SceneError("not_raw", f"{path}: no RAW format that LibRaw knows") from error
    except (rawpy.LibRawIOError, rawpy.LibRawDataError, rawpy.LibRawInputClosedError) as error:
        raise SceneError(
            "unreadable", f"{path}: ends early or is broken ({_text(error)})"
        ) from error
    except rawpy.LibRawError as error:
        raise SceneError(
            "unsupported", f"{path}: LibRaw cannot develop it ({_text(error)})"
        ) from error


def _text(error: Exception) -> str:
    cause = error.args[0] if error.args else type(error).__name__
    return cause.decode("ascii", "replace") if isinstance(cause, bytes) else str(cause)


def _refuse_empty(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise SceneError("unreadable", f"{path}: {error.strerror or 'cannot be read'}") from error
    if size == 0:
        raise SceneError("empty", f"{path}: zero bytes")


def _refuse_large(path: Path, raw: rawpy.RawPy, max_megapixels: float) -> None:
    sizes = raw.sizes
    megapixels = sizes.raw_width * sizes.raw_height / 1e6
    if megapixels > max_megapixels:
        raise SceneError(
            "too_large",
            f"{path}: {sizes.raw_width}x{sizes.raw_height} is {megapixels:.0f} megapixels, "
            f"render.max_megapixels is {max_megapixels:g}",
        )
    if min(sizes.width, sizes.height) < 16:
        raise SceneError("unsupported", f"{path}: {sizes.width}x{sizes.height} is no picture")


def _decode(path: Path, raw: rawpy.RawPy) -> Sensor:
    pattern = raw.raw_pattern
    mosaic = None if pattern is None else raw.raw_image_visible.copy()
    if raw.num_colors != 3:
        raise SceneError(
            "unsupported", f"{path}: {raw.num_colors} colours ({raw.color_desc!r}), expected 3"
        )
    black = tuple(int(level) for level in raw.black_level_per_channel)
    white = int(raw.white_level)
    if white <= max(black):
        raise SceneError("unsupported", f"{path}: white level {white} is not above black {black}")
    camera = camera_name(path)
    balance = white_balance(raw, mosaic, pattern, black, white)
    xyz_to_camera = MATRICES.get(camera[1] or "", raw.rgb_xyz_matrix)
    matrix, source = camera_to_srgb(raw.color_matrix, xyz_to_camera, balance.gains)
    return Sensor(
        path, camera, raw, mosaic, pattern, black, white, balance,
        matrix, source, _square_size(raw), int(raw.sizes.flip),
    )  # fmt: skip


def _square_size(raw: rawpy.RawPy) -> tuple[int, int]:
    sizes = raw.sizes
    aspect = float(sizes.pixel_aspect)
    width = sizes.iwidth * max(aspect, 1.0)
    height = sizes.iheight / min(aspect, 1.0)
    return int(width + 0.5), int(height + 0.5)
