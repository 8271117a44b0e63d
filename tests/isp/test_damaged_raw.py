"""A decoder's warning is a reason, not a picture; no pixel that the file does not hold."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rawpy
import tifffile
from dngs import lossy_dng, opcodes, polynomial

from isp.raw.decode import complaints
from isp.raw.layout import read_layout
from isp.raw.sensor import open_sensor
from isp.tools.photographs import bundled
from isp.tools.unprocess import write_dng
from manifests.errors import SceneError

TEXT = Path(__file__)  # of which the layout says nothing
RIGHT = {  # of raw/hard/, by its README
    "own_lossy_dng_whole.dng": "",
    "own_lossy_dng_cut70.dng": "unreadable",
    "own_lossy_dng_opcodelist2_empty_libraw862.dng": "unsupported",
    "exiftool_DNG_no_pixels.dng": "unreadable",
    "own_orientation1.dng": "",
    "own_orientation2.dng": "",
    "own_orientation5.dng": "",
    "own_quadbayer4x4.dng": "unsupported",
    "own_asshotwhitexy.dng": "",
    "own_blackleveldeltaV.dng": "",
    "exiftool__CanonRaw.cr3": "unreadable",
    "exiftool__FujiFilm.raf": "unreadable",
    "exiftool__Minolta.mrw": "unreadable",
    "filetype_fixture-Leica-M10.dng": "unreadable",
    "filetype_fixture-sony-zv-e10.arw": "unreadable",
    "adobe_05_PGTM2_unsigned8.dng": "",
    "magick_DSC8695.dng": "",
}


def reason(path: Path, max_megapixels: float = 150) -> str:
    """Why the file gives no pixels; "" when it does."""
    try:
        with open_sensor(path, max_megapixels):
            return ""
    except SceneError as error:
        assert "\n" not in error.message and str(path) in error.message
        return error.reason


@pytest.mark.parametrize("name", RIGHT)
def test_hard_files_come_out_as_their_readme_says(shared, name, capfd):
    assert reason(shared / "raw" / "hard" / name) == RIGHT[name]
    assert capfd.readouterr().err == ""  # said once, as the reason


HASHES = """
import hashlib, json, sys
from pathlib import Path
from isp.development.recipes import REFERENCE
from isp.development.renderer import develop
from isp.raw.sensor import open_sensor
from manifests.config import RenderConfig
from manifests.errors import SceneError
said = {}
for name in sys.argv[1:]:
    try:
        with open_sensor(Path(name), 150) as sensor:
            pixels = sensor.raw.raw_image_visible.tobytes()
        config = RenderConfig(long_edge=128)
        image = next(develop(Path(name), "", [REFERENCE], config, 0)[1])
        said[name] = [hashlib.sha256(b).hexdigest() for b in (pixels, image.content)]
    except SceneError as error:
        said[name] = error.reason
print(json.dumps(said))
"""


def hashes(*paths: Path) -> dict:
    """Hashes of the mosaic and of the reference, in a process of its own, in the order given."""
    command = [sys.executable, "-c", HASHES, *map(str, paths)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return json.loads(ran.stdout)


def test_a_file_gives_the_same_pixels_first_and_after_ten_others(shared):
    """The order of files, and with it what lies in memory, is turned round."""
    small = [p for p in (shared / "raw").iterdir() if p.stat().st_size < 500_000]
    files = [p for p in sorted([*small, *(shared / "raw" / "hard").iterdir()]) if p.suffix != ".md"]
    files = [p for p in files if p.is_file()]
    assert len(files) > 20
    there, back = hashes(*files), hashes(*reversed(files))
    assert there == back
    assert sum(isinstance(said, list) for said in there.values()) > 10


@pytest.mark.parametrize("tile", [None, 32])
@pytest.mark.parametrize("share", [0.5, 0.7, 0.9, 0.99])
def test_a_jpeg_tiled_dng_that_is_cut_is_unreadable(tmp_path, tile, share):
    whole = lossy_dng(tmp_path / "whole.dng", tile)
    assert reason(whole) == ""
    content = whole.read_bytes()
    cut = tmp_path / "cut.dng"
    cut.write_bytes(content[: int(share * len(content))])
    assert reason(cut) == "unreadable"
    cut.write_bytes(content[: int(share * len(content))].ljust(len(content), b"\0"))
    assert reason(cut) == "unreadable"


def test_a_jpeg_broken_in_its_middle_is_what_libjpeg_says_of_it(tmp_path):
    path = lossy_dng(tmp_path / "a.dng")
    with tifffile.TiffFile(path) as tiff:
        offset, count = tiff.pages[0].dataoffsets[0], tiff.pages[0].databytecounts[0]
    content = bytearray(path.read_bytes())
    content[offset + count // 2 : offset + count // 2 + 2] = b"\xff\xd9"
    path.write_bytes(content)
    with pytest.raises(SceneError, match="JPEG") as error, open_sensor(path, 150):
        pass
    assert error.value.reason == "unreadable"


def test_a_jpeg_smaller_than_its_tile_is_unreadable(tmp_path):
    assert reason(lossy_dng(tmp_path / "a.dng", 32, shrink=8)) == "unreadable"


@pytest.mark.parametrize(
    ("content", "right"),
    [
        (opcodes(*map(polynomial, range(3))), ""),
        (opcodes(), "unsupported"),
        (opcodes(polynomial(0)), "unsupported"),  # LibRaw leaves planes 1 and 2 unwritten
        (opcodes(polynomial(0), polynomial(1), polynomial(5)), "unreadable"),
        (opcodes(*map(polynomial, range(3)))[:-9], "unreadable"),
        (b"\xff\xff\xff\xff", "unreadable"),
    ],
)
def test_opcode_lists_that_libraw_reads_beyond_are_refused(tmp_path, content, right):
    path = lossy_dng(tmp_path / "a.dng", extra={51009: ("B", content)})
    assert reason(path) == right


def bayer(path: Path) -> Path:
    write_dng(bundled()["rocket"]()[:64, :96], path, "rocket")
    return path


def edited(path: Path, tag: int, *values: int) -> Path:
    """The same file with other values of one tag of its first directory."""
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tiff.pages[0].tags[tag].overwrite(values if len(values) > 1 else values[0])
    return path


def test_pixels_that_lie_beyond_the_file_or_are_too_few_are_unreadable(tmp_path):
    content = bayer(tmp_path / "a.dng").read_bytes()
    (tmp_path / "a.dng").write_bytes(content[: len(content) // 2])
    assert reason(tmp_path / "a.dng") == "unreadable"
    assert reason(edited(bayer(tmp_path / "b.dng"), 273, len(content))) == "unreadable"
    assert reason(edited(bayer(tmp_path / "c.dng"), 279, 64 * 90 * 2)) == "unreadable"
    assert reason(edited(bayer(tmp_path / "d.dng"), 257, 128)) == "unreadable"


def test_memory_that_nobody_wrote_is_found_whatever_the_container(tmp_path, monkeypatch):
    """The general check, alone: a lossless JPEG that does not begin leaves the mosaic unwritten."""
    path = edited(bayer(tmp_path / "a.dng"), 259, 7)
    monkeypatch.setattr("isp.raw.sensor.read_layout", lambda path: read_layout(TEXT))
    with pytest.raises(SceneError, match="not hold all the") as error, open_sensor(path, 150):
        pass
    assert error.value.reason == "unreadable"


def test_what_other_threads_say_is_passed_on(capfd):
    with complaints("/a/b.dng") as said:
        subprocess.run(["sh", "-c", "echo /a/b.dng: data corrupted at 7 >&2; echo hello >&2"])
    assert said == ["data corrupted at 7"]
    assert capfd.readouterr().err == "hello\n"


def test_a_raw_that_is_cut_is_not_called_no_raw(shared, tmp_path):
    whole = (shared / "raw" / "CanonPowerShotG2_0304.CRW").read_bytes()
    for share in (0.01, 0.5, 0.999):
        path = tmp_path / "cut.CRW"
        path.write_bytes(whole[: int(share * len(whole))])
        assert reason(path) == "unreadable"


def test_a_codec_that_libraw_lacks_is_unsupported(tmp_path):
    assert reason(edited(bayer(tmp_path / "vc5.gpr"), 259, 9)) == "unsupported"
    (tmp_path / "text.dng").write_text("no picture" * 100)
    assert reason(tmp_path / "text.dng") == "not_raw"


@pytest.mark.parametrize("size", [(64, 64), (4, 4), (8, 8)])
def test_filter_arrays_of_other_sizes_are_unsupported(tmp_path, size):
    assert reason(edited(bayer(tmp_path / "a.dng"), 33421, *size)) == "unsupported"


def test_more_pixels_than_the_bytes_can_hold_are_refused_before_decoding(tmp_path, monkeypatch):
    def decoded(*_):
        raise AssertionError("it was decoded")

    monkeypatch.setattr("isp.raw.sensor.refuse_leftovers", decoded)
    path = lossy_dng(tmp_path / "bomb.dng")
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        for tag in (256, 257, 278):
            tiff.pages[0].tags[tag].overwrite(12000)
    path.write_bytes(path.read_bytes() + bytes(3_400_000))
    assert reason(path) == "unreadable"
    monkeypatch.setattr("isp.raw.sensor.read_layout", lambda path: read_layout(TEXT))
    with pytest.raises(SceneError, match="bits a pixel"), open_sensor(path, 150):
        pass
    assert reason(path, max_megapixels=100) == "too_large"


@pytest.mark.parametrize("times", [8, 1000])
def test_pixels_many_times_as_wide_as_high_are_refused(tmp_path, times):
    path = lossy_dng(tmp_path / "a.dng", extra={50718: ("2I", [times, 1, 1, 1])})
    assert reason(path) == "unreadable"


def rw2(share: float, form: int = 5) -> bytes:
    """A Panasonic RW2 of 140 x 100: its directory, and a share of its pixels."""
    entries = [(2, 3, 140), (3, 3, 100), (45, 3, form), (273, 4, 0xFFFFFFFF), (280, 4, 512)]
    directory = len(entries).to_bytes(2, "little")
    for tag, kind, value in entries:
        directory += b"".join(
            number.to_bytes(size, "little")
            for number, size in ((tag, 2), (kind, 2), (1, 4), (value, 4))
        )
    content = b"IIU\0" + (8).to_bytes(4, "little") + directory + bytes(4)
    return content.ljust(512, b"\0") + bytes(int(share * 140 * 100 * 16 / 14))


@pytest.mark.parametrize(
    ("share", "form", "whole"), [(1, 5, 1), (0.9, 5, 0), (0, 5, 0), (0, 8, 0), (0.5, 8, 1)]
)
def test_panasonics_pixels_lie_where_another_tag_says(tmp_path, share, form, whole):
    path = tmp_path / "a.rw2"
    path.write_bytes(rw2(share, form))
    assert (read_layout(path).fault is None) == bool(whole)


def test_nothing_is_known_of_what_is_no_tiff(tmp_path):
    for content in (b"", b"II", b"FUJIFILM", b"II*\0\x08\0\0\0" + b"\xff" * 60):
        path = tmp_path / "a.raf"
        path.write_bytes(content)
        assert not read_layout(path).white_xy


def test_the_mosaic_is_what_libraw_unpacks(tmp_path):
    path = bayer(tmp_path / "a.dng")
    with rawpy.imread(str(path)) as raw, open_sensor(path, 150) as sensor:
        np.testing.assert_array_equal(sensor.mosaic, raw.raw_image_visible)
