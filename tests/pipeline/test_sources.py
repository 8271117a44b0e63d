import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import seagull

from manifests.chance import unit_interval
from manifests.config import ShardsConfig
from manifests.errors import SeagullError
from manifests.files import sha256_of_file
from manifests.paths import path_of, text_of
from manifests.records import Scene
from manifests.tables import read_records
from manifests.workspace import Workspace
from pipeline.intake.missing import locate, remembered_sources
from pipeline.intake.sources import _is_raw, find_sources, split_of
from pipeline.run.failures import read_failures
from pipeline.run.findings import record_findings


def _file(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_raw_files_are_found_by_name_in_any_depth_and_case(tmp_path):
    raw = tmp_path / "raw"
    for name in ("a.NEF", "b.dng", "deep/c.Cr2", ".hidden/d.nef", "._a.NEF", "notes.txt"):
        _file(raw, name, name.encode())
    found = find_sources(raw, Workspace(tmp_path / "out"))
    assert [Path(s.path).name for s in found.sources] == ["a.NEF", "b.dng", "c.Cr2"]
    assert [path.name for path in found.ignored] == ["notes.txt"]


def test_the_same_file_twice_is_one_scene_and_a_copy(tmp_path):
    raw = tmp_path / "raw"
    _file(raw, "one/a.NEF", b"same")
    _file(raw, "two/a.NEF", b"same")
    _file(raw, "two/b.NEF", b"same")  # another name: another scene
    found = find_sources(raw, Workspace(tmp_path / "out"))
    assert [s.scene_id[:2] for s in found.sources] == ["a-", "b-"]
    assert len(found.duplicates) == 1


def test_a_changed_file_is_hashed_again(tmp_path):
    path, space = _file(tmp_path, "a.NEF", b"first"), Workspace(tmp_path / "out")
    before = find_sources(path, space).sources[0]
    assert find_sources(path, space).sources[0] == before
    _file(tmp_path, "a.NEF", b"second")
    after = find_sources(path, space).sources[0]
    assert after.sha256 != before.sha256
    assert after.scene_id != before.scene_id


def test_no_folder_and_no_raw_are_errors(tmp_path):
    with pytest.raises(SeagullError, match="no such"):
        find_sources(tmp_path / "nowhere", Workspace(tmp_path))
    shutil.copy(__file__, tmp_path / "code.py")
    with pytest.raises(SeagullError, match="no RAW file"):
        find_sources(tmp_path, Workspace(tmp_path))


def test_splits_have_the_shares_asked_for_and_depend_on_the_hash_alone():
    config = ShardsConfig(train=0.8, val=0.1)
    shas = [f"{int(unit_interval('sha', n) * 2**52):064x}" for n in range(5000)]
    counts = Counter(split_of(sha, config) for sha in shas)
    assert counts["train"] == pytest.approx(4000, abs=100)  # 3.5 standard deviations
    assert counts["val"] == pytest.approx(500, abs=75)
    forwards = [split_of(sha, config) for sha in shas]
    assert [split_of(sha, config) for sha in reversed(shas)] == forwards[::-1]


ESCAPE = "red\x1b[31m.dng"
LATIN_1 = os.fsdecode(b"caf\xe9.dng")


@pytest.mark.parametrize(
    "name",
    ["a b/ä.dng", ESCAPE, LATIN_1, "file:x.dng", "turned\u202egnd.exe.dng", "new\nline.dng", "%41"],
)
def test_every_name_is_utf8_in_the_tables_and_comes_back(tmp_path, name):
    text = text_of(Path("/raw") / name)
    assert text.encode() and text.isprintable()
    assert path_of(text) == Path("/raw") / name
    path = _file(tmp_path / "raw", name, b"pixels")
    if _is_raw(path):
        (source,) = find_sources(tmp_path / "raw", Workspace(tmp_path / "out")).sources
        assert source.file == path and source.scene_id.isascii()
        (again,) = remembered_sources(Workspace(tmp_path / "out")).values()
        assert again == source
        assert not locate([source], Workspace(tmp_path / "out"))[1]


@settings(deadline=None, derandomize=True, database=None)
@given(st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name))
def test_any_bytes_come_back_from_a_tables_text(name):
    path = Path(os.fsdecode(name))
    text = text_of(path)
    assert path_of(text) == path
    assert text.isprintable() and pa.array([text], pa.string()).to_pylist() == [text]


def test_what_is_left_aside_is_said_and_what_is_lost_is_counted(tmp_path):
    raw = tmp_path / "raw"
    _file(raw, "a.NEF", b"a")
    _file(tmp_path, "elsewhere/b.NEF", b"b")
    (raw / "linked").symlink_to(tmp_path / "elsewhere")
    (raw / "link.NEF").symlink_to(tmp_path / "elsewhere" / "b.NEF")
    (raw / "broken.NEF").symlink_to(tmp_path / "gone.NEF")
    (raw / "loop.NEF").symlink_to(raw / "loop.NEF")
    (raw / "notes").symlink_to(tmp_path / "gone")
    os.mkfifo(raw / "pipe.NEF")
    found = find_sources(raw, Workspace(tmp_path / "out"))
    assert [s.file.name for s in found.sources] == ["a.NEF", "link.NEF"]
    assert [one.path.name for one in found.unreadable] == ["broken.NEF", "loop.NEF"]
    assert {one.path.name for one in found.aside} == {"linked", "notes", "pipe.NEF"}


def test_the_run_goes_on_past_what_cannot_be_read(tmp_path, tiny_raw, monkeypatch):
    """As a user: one row a file or folder, the others are rendered, nothing raw on the terminal."""
    raw, out = tmp_path / "raw", tmp_path / "out"
    raw.mkdir()
    shutil.copy(tiny_raw / "coffee.dng", raw / LATIN_1)
    shutil.copy(tiny_raw / "chelsea.dng", raw / ESCAPE)
    _file(raw, "closed/b.dng", b"b")
    (raw / "broken\x1b]0;owned\x07.dng").symlink_to("gone")
    monkeypatch.setattr(os, "scandir", _refusing(os.scandir, raw / "closed"))
    found = find_sources(raw, Workspace(out))
    assert [one.path.name for one in found.unreadable] == ["broken\x1b]0;owned\x07.dng", "closed"]
    monkeypatch.undo()
    shutil.rmtree(raw / "closed")

    small = ["--config", "demo", "--set", "render.long_edge=64", "--executor", "local"]
    ran = seagull("render", "--raw", raw, "--out", out, "--workers", "1", *small)
    assert ran.returncode == 1, ran.stderr
    assert "\x1b" not in ran.stdout + ran.stderr and "\x07" not in ran.stderr
    assert "a link to nothing" in ran.stderr
    scenes = read_records(Workspace(out).table("scenes"), Scene)
    assert {path_of(scene.path).name for scene in scenes} == {LATIN_1, ESCAPE}
    (row,) = read_failures(Workspace(out))
    assert (row.stage, row.reason) == ("render", "unreadable") and row.message.isprintable()

    (raw / "broken\x1b]0;owned\x07.dng").unlink()
    assert record_findings(Workspace(out), find_sources(raw, Workspace(out))) == 0
    assert not read_failures(Workspace(out))


def _refusing(real, folder):
    def scandir(path):
        if Path(path) == folder:
            raise PermissionError(13, "Permission denied", str(folder))
        return real(path)

    return scandir


def test_a_file_that_may_not_be_read_is_one_row(tmp_path, monkeypatch):
    raw = tmp_path / "raw"
    _file(raw, "a.NEF", b"a")
    _file(raw, "b.NEF", b"b")

    def refused(path):
        if path.name == "a.NEF":
            raise PermissionError(13, "Permission denied", str(path))
        return sha256_of_file(path)

    monkeypatch.setattr("pipeline.intake.raw_place.sha256_of_file", refused)
    found = find_sources(raw, Workspace(tmp_path / "out"))
    assert [s.file.name for s in found.sources] == ["b.NEF"]
    assert [(one.path.name, one.why) for one in found.unreadable] == [
        ("a.NEF", "Permission denied")
    ]
    (raw / "b.NEF").unlink()
    with pytest.raises(SeagullError, match="could be read"):
        find_sources(raw, Workspace(tmp_path / "out"))


NOBODY = """
import os, sys
from pathlib import Path
from manifests.workspace import Workspace
from pipeline.intake.sources import find_sources
raw, out = Path(sys.argv[1]), Path(sys.argv[2])
sys.dont_write_bytecode = True
if os.getuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
for one in find_sources(raw, Workspace(out)).unreadable:
    print(one)
"""


@pytest.fixture
def open_folder():
    """A folder that other users may enter, as pytest's are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_permissions_bind_a_user_who_is_not_root(open_folder):
    """A file that may not be read, folders that may not be listed or not be entered."""
    raw, out = open_folder / "raw", open_folder / "out"
    for name in ("a.NEF", "b.NEF", "unlisted/c.NEF", "unentered/d.NEF", "unentered/deep/e.NEF"):
        _file(raw, name, name.encode())
    out.mkdir()
    out.chmod(0o777)
    (raw / "b.NEF").chmod(0)
    (raw / "unlisted").chmod(0o311)
    (raw / "unentered").chmod(0o644)
    try:
        command = [sys.executable, "-c", NOBODY, str(raw), str(out)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=100)
    finally:
        for folder in ("unlisted", "unentered"):
            (raw / folder).chmod(0o755)
    assert ran.returncode == 0, ran.stderr
    lost = {line.removeprefix(f"{raw}/") for line in ran.stdout.splitlines()}
    assert lost == {
        f"{name}: Permission denied"
        for name in ("b.NEF", "unlisted", "unentered/d.NEF", "unentered/deep")
    }
