import os
import struct
from pathlib import Path

import lensfunpy
import pytest

from isp.development.lens import find_correction
from isp.raw.camera import camera_name
from isp.raw.capture import read_capture
from isp.raw.sensor import open_sensor
from isp.tools.photographs import bundled
from isp.tools.unprocess import write_dng

RAW = Path(__file__).parents[3] / "shared" / "raw"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CanonPowerShotG2_0304.CRW", ("Canon", "Canon PowerShot G2")),
        ("NikonD1_berlin_lustgarten.NEF", ("NIKON CORPORATION", "NIKON D1")),
        ("CanonEOS6D_linear_lossy_monitor.dng", ("Canon", "Canon EOS 6D")),
        ("QuickTake100_room.qtk", (None, None)),
        ("hard/exiftool__CanonRaw.cr3", ("Canon", "Canon EOS M50")),
        ("hard/exiftool__FujiFilm.raf", ("FUJIFILM", "FinePix S5Pro")),
        ("hard/exiftool__Minolta.mrw", ("Konica Minolta Camera, Inc.", "DiMAGE A2")),
        ("hard/filetype_fixture-sony-zv-e10.arw", ("SONY", "ZV-E10")),
        ("hard/adobe_05_PGTM2_unsigned8.dng", (None, None)),
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


def test_a_name_that_is_no_utf8_is_read_and_escape_codes_are_not_kept(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.dng")
    write_dng(bundled()["rocket"]()[:64, :96], path, "rocket")
    with open_sensor(path, 150) as sensor:
        assert sensor.camera == ("NIKON CORPORATION", "NIKON D7000")
    content = path.read_bytes().replace(b"NIKON D7000\0", b"N\x1b[31m\x07\xe9\0\0\0\0")
    path.write_bytes(content)
    make, model = camera_name(path)
    assert make == "NIKON CORPORATION" and model and model.isprintable() and model.encode()


def test_a_lens_of_a_container_that_only_exiv2_knows_is_corrected(shared):
    """Exact names matter: lensfun's D7000 is not the camera `Nikon D7000`."""
    for name in ("exiftool__FujiFilm.raf", "exiftool__CanonRaw.cr3"):
        camera = camera_name(shared / "raw" / "hard" / name)
        assert find_correction(camera, None, 18.0, 4.0, (600, 400)).note == (
            "none: the file names no lens"
        )
    m50 = camera_name(shared / "raw" / "hard" / "exiftool__CanonRaw.cr3")
    found = find_correction(m50, "EF-M15-45mm f/3.5-6.3 IS STM", 15.0, 4.0, (600, 400))
    assert found.modifier is not None


def x3f(make: str, model: str) -> bytes:
    """An X3F of 64 x 48 without pixels: header, properties, raw and preview, directory."""
    content = b"FOVb" + struct.pack("<I16xIIII", 0x20003, 0, 64, 48, 0) + bytes(192)
    names = [f"{text}\0".encode("utf-16-le") for text in ("CAMMANUF", make, "CAMMODEL", model)]
    places = [sum(map(len, names[:n])) // 2 for n in range(4)]
    head = struct.pack("<4s5I", b"SECp", 0x20000, 2, 0, 0, sum(map(len, names)) // 2)
    sections = {
        b"PROP": head + struct.pack("<4I", *places) + b"".join(names),
        b"IMAG": struct.pack("<4s6I", b"SECi", 0x20000, 3, 6, 64, 48, 0) + bytes(4000),
        b"IMA2": struct.pack("<4s6I", b"SECi", 0x20000, 2, 3, 16, 16, 48) + bytes(768),
    }
    directory = struct.pack("<4s2I", b"SECd", 0x20000, len(sections))
    for kind, section in sections.items():
        directory += struct.pack("<2I4s", len(content), len(section), kind)
        content += section
    return content + directory + struct.pack("<I", len(content))


def test_the_camera_of_an_x3f_is_what_libraw_calls_it(tmp_path):
    path = tmp_path / "a.X3F"
    path.write_bytes(x3f("SIGMA", "SIGMA DP1"))
    assert camera_name(path) == ("Sigma", "Sigma DP1")
    (known,) = lensfunpy.Database().find_cameras(*camera_name(path))
    assert known.model == "Sigma DP1"
    path.write_bytes(b"FOVb" + bytes(100))
    assert camera_name(path) == (None, None)
