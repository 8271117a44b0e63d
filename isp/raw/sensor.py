"""Open a RAW file: its mosaic, levels, white balance, color matrix and geometry, by LibRaw.

Everything LibRaw reads is taken: Bayer, X-Trans, and files without a mosaic (linear DNG, some
Kodak). Sizes are checked from the header before anything is decoded. Development starts in
`demosaic.py`.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rawpy

from isp.raw.c_paths import c_path
from isp.raw.camera import camera_name, is_raw_container
from isp.raw.color import MATRICES, camera_to_srgb
from isp.raw.decode import refuse_leftovers, unpack
from isp.raw.layout import Layout, read_layout
from isp.raw.white_balance import white_balance
from manifests.errors import SceneError
from manifests.records import WhiteBalance

# A JPEG of one flat color needs 0.1 bits a pixel; photographs, lossy DNGs among them, above 0.5.
_LEAST_BITS = 0.2
_STRETCH = 4  # widest pixel that a sensor has had is 2 (Nikon D1X)


@dataclass(frozen=True)
class Sensor:
    """One decoded RAW. `raw` is LibRaw's handle; it lives as long as `open_sensor`'s block.

    mosaic: uint16 (H, W), the visible area as recorded, or None where there is no mosaic.
    pattern: small int array, color index (0 R, 1 G, 2 B, 3 second G) of the mosaic's period.
    black: recorded value of black by color index; white: recorded value at saturation.
    matrix: float64 (3, 3), white-balanced linear camera RGB -> linear sRGB; rows sum to 1.
    size: (width, height) with square pixels, before `flip`; read once, as LibRaw's own changes
        when it stretches.
    flip: LibRaw's code for how to turn the picture, 0 to 7 (`geometry.upright`).
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
    layout = _layout(path)
    if layout.fault:
        raise SceneError(layout.fault[0], f"{path}: {layout.fault[1]}")
    with c_path(path) as name, _reasons(path, layout), rawpy.imread(name) as raw:
        _refuse_large(path, raw, max_megapixels)
        with _unsupported_codec(path):
            unpack(path, name, raw, refuse_leftovers(path, name))
        yield _decode(path, raw, layout)


@contextmanager
def _reasons(path: Path, layout: Layout) -> Iterator[None]:
    """Turn LibRaw's errors into SceneErrors with a reason."""
    try:
        yield
    except rawpy.LibRawFileUnsupportedError as error:
        if layout.names_raw or is_raw_container(path):
            raise SceneError("unreadable", f"{path}: cut, or broken in its directory") from error
        raise SceneError("not_raw", f"{path}: no RAW format that LibRaw knows") from error
    except (rawpy.LibRawIOError, rawpy.LibRawDataError, rawpy.LibRawInputClosedError) as error:
        raise SceneError(
            "unreadable", f"{path}: ends early or is broken ({_text(error)})"
        ) from error
    except rawpy.LibRawError as error:
        raise SceneError(
            "unsupported", f"{path}: LibRaw cannot develop it ({_text(error)})"
        ) from error


@contextmanager
def _unsupported_codec(path: Path) -> Iterator[None]:
    """LibRaw knows the container and not how its pixels are packed: GoPro's VC-5, JPEG XL."""
    try:
        yield
    except rawpy.LibRawFileUnsupportedError as error:
        raise SceneError(
            "unsupported", f"{path}: LibRaw cannot unpack its pixels ({_text(error)})"
        ) from error


def _text(error: Exception) -> str:
    cause = error.args[0] if error.args else type(error).__name__
    return cause.decode("ascii", "replace") if isinstance(cause, bytes) else str(cause)


def _layout(path: Path) -> Layout:
    try:
        if path.stat().st_size == 0:
            raise SceneError("empty", f"{path}: zero bytes")
        return read_layout(path)
    except OSError as error:
        raise SceneError("unreadable", f"{path}: {error.strerror or 'cannot be read'}") from error


def _refuse_large(path: Path, raw: rawpy.RawPy, max_megapixels: float) -> None:
    sizes = raw.sizes
    if not 1 / _STRETCH <= sizes.pixel_aspect <= _STRETCH:
        raise SceneError(
            "unreadable", f"{path}: pixels {sizes.pixel_aspect:g} times as wide as high"
        )
    claims = f"{path}: {sizes.raw_width}x{sizes.raw_height}"
    photosites = max(sizes.raw_width, sizes.width) * max(sizes.raw_height, sizes.height)
    megapixels = max(photosites, math.prod(_square_size(raw))) / 1e6
    if megapixels > max_megapixels:
        raise SceneError(
            "too_large",
            f"{claims} is {megapixels:.0f} megapixels, render.max_megapixels is {max_megapixels:g}",
        )
    if min(sizes.width, sizes.height) < 16:
        raise SceneError("unsupported", f"{path}: {sizes.width}x{sizes.height} is no picture")
    bits = 8 * path.stat().st_size / photosites
    if bits < _LEAST_BITS:
        raise SceneError(
            "unreadable",
            f"{claims} in {path.stat().st_size:,} bytes: {bits:.3f} bits a pixel hold no picture"
            f" (at least {_LEAST_BITS})",
        )


def _decode(path: Path, raw: rawpy.RawPy, layout: Layout) -> Sensor:
    pattern = raw.raw_pattern
    mosaic = None if pattern is None else raw.raw_image_visible.copy()
    if raw.num_colors != 3:
        raise SceneError(
            "unsupported", f"{path}: {raw.num_colors} colors ({raw.color_desc!r}), expected 3"
        )
    if pattern is not None and not {0, 1, 2} <= set(pattern.ravel().tolist()):
        raise SceneError("unsupported", f"{path}: a color filter array of {pattern.tolist()}")
    black = tuple(int(level) for level in raw.black_level_per_channel)
    white = int(raw.white_level)
    if white <= max(black):
        raise SceneError("unsupported", f"{path}: white level {white} is not above black {black}")
    camera = camera_name(path)
    balance = white_balance(raw, mosaic, pattern, black, white, layout.white_xy)
    xyz_to_camera = MATRICES.get(camera[1] or "", raw.rgb_xyz_matrix)
    matrix, source = _matrix(path, raw.color_matrix, xyz_to_camera, balance.gains)
    return Sensor(
        path, camera, raw, mosaic, pattern, black, white, balance,
        matrix, source, _square_size(raw), int(raw.sizes.flip),
    )  # fmt: skip


def _matrix(
    path: Path, own: np.ndarray, table: np.ndarray, gains: Sequence[float]
) -> tuple[np.ndarray, str]:
    with np.errstate(all="ignore"), suppress(np.linalg.LinAlgError):
        matrix, source = camera_to_srgb(own, table, gains)
        if np.isfinite(matrix).all():
            return matrix, source
    raise SceneError("unreadable", f"{path}: its color matrix cannot be inverted")


def _square_size(raw: rawpy.RawPy) -> tuple[int, int]:
    sizes = raw.sizes
    aspect = float(sizes.pixel_aspect)
    width = sizes.iwidth * max(aspect, 1.0)
    height = sizes.iheight / min(aspect, 1.0)
    return int(width + 0.5), int(height + 0.5)
