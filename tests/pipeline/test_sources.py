import shutil
from collections import Counter
from pathlib import Path

import pytest

from manifests.chance import unit_interval
from manifests.config import ShardsConfig
from manifests.errors import SeagullError
from manifests.workspace import Workspace
from pipeline.intake.sources import find_sources, split_of


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
