from pathlib import Path

import pytest

from isp.raw.camera import camera_name
from isp.raw.capture import read_capture
from isp.raw.sensor import open_sensor

RAW = Path(__file__).parents[3] / "shared" / "raw"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CanonPowerShotG2_0304.CRW", ("Canon", "Canon PowerShot G2")),
        ("NikonD1_berlin_lustgarten.NEF", ("NIKON CORPORATION", "NIKON D1")),
        ("CanonEOS6D_linear_lossy_monitor.dng", ("Canon", "Canon EOS 6D")),
        ("QuickTake100_room.qtk", (None, None)),
    ],
)
def test_make_and_model_where_the_file_has_them(name, expected):
    if not (RAW / name).exists():
        pytest.skip(f"{RAW} is not here")
    assert camera_name(RAW / name) == expected


def test_unknown_is_none_not_zero_or_one():
    path = RAW / "QuickTake100_room.qtk"
    if not path.exists():
        pytest.skip(f"{RAW} is not here")
    with open_sensor(path, 150) as sensor:
        told = read_capture(sensor)
    assert told.iso is told.shutter_s is told.aperture_f is told.focal_length_mm is None
    assert told.lens is None and (told.raw_width, told.raw_height) == (640, 480)


def test_damaged_tags_are_no_tags(tmp_path):
    path = tmp_path / "a.NEF"
    for content in (b"", b"II", b"MM\0*" + b"\xff" * 60, b"\0" * 6 + b"HEAPCCDR"):
        path.write_bytes(content)
        assert camera_name(path) == (None, None)
