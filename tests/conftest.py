"""What several folders' tests share: small RAW files, and a small dataset made from them."""

from pathlib import Path

import cv2
import pytest
from runs import TINY, seagull

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real RAW files and photographs, where there is one."""
    if not (SHARED / "raw").is_dir():
        pytest.skip("needs ../shared with raw/ and photos/, which is not here")
    return SHARED


@pytest.fixture(scope="session")
def tiny_raw(tmp_path_factory) -> Path:
    """A folder with three small DNGs made from photographs."""
    from isp.tools.photographs import bundled
    from isp.tools.unprocess import write_dng

    folder = tmp_path_factory.mktemp("raw")
    for name in ("coffee", "astronaut", "chelsea"):
        photo = bundled()[name]()
        size = (192, round(192 * photo.shape[0] / photo.shape[1]))
        write_dng(
            cv2.resize(photo, size, interpolation=cv2.INTER_AREA), folder / f"{name}.dng", name
        )
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_raw, tmp_path_factory) -> Path:
    """The workspace that one local worker builds from `tiny_raw`."""
    out = tmp_path_factory.mktemp("tiny") / "out"
    ran = seagull(
        "build", "--raw", tiny_raw, "--out", out, "--executor", "local", "--workers", "1", *TINY
    )
    assert ran.returncode == 0, ran.stderr
    return out
