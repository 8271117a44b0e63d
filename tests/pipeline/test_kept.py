"""What is kept: damage is noticed, RAW files that are gone are said, nothing is packed wrong."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from runs import TINY, seagull, tree_sha256

from manifests.done import Done, read_done
from manifests.errors import MachineError, SeagullError
from manifests.files import write_atomic
from manifests.presets import load_config
from manifests.records import Failure, Scene
from manifests.tables import read_records, write_records
from manifests.workspace import Workspace
from pipeline.dataset.card import write_card
from pipeline.dataset.rehash import find_damage
from pipeline.dataset.samples import seagull_100w
from pipeline.dataset.shards import write_shards
from pipeline.intake.missing import locate, workspace_sources
from pipeline.intake.sources import find_sources, known_sources
from pipeline.run.failures import mend_failures, read_failures, write_failure
from pipeline.run.ledger import Ledger
from pipeline.stages.all_stages import BUILD

LOCAL = ("--executor", "local", "--workers", "1")


@pytest.fixture
def copy(tiny, tmp_path) -> Path:
    out = tmp_path / "out"
    shutil.copytree(tiny, out)
    return out


def _config(out: Path):
    return load_config(str(out / "config.yaml"))


def _to_do(out: Path) -> set[tuple[str, str]]:
    """(stage, scene) that a run would do now."""
    ledger = Ledger(Workspace(out), _config(out), BUILD)
    sources = workspace_sources(Workspace(out))
    return {
        (name, source.scene_id[:6])
        for source in sources
        for name, state in ledger.states(source).items()
        if state.status != "done"
    }


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("pattern", "damage", "redone"),
    [
        ("tables/scenes/coffee*", Path.unlink, "render"),
        ("renderings/coffee*/noise_07.jpg", _cut, "render"),
        ("tables/rois/coffee*", _cut, "masks"),
        ("tables/labels/coffee*", _cut, "labels"),
        ("done/labels/coffee*", lambda path: path.write_text(path.read_text() + " "), "labels"),
    ],
)
def test_resume_notices_what_is_missing_or_has_another_size(
    copy, pattern: str, damage: Callable[[Path], object], redone: str
):
    assert _to_do(copy) == set()
    (path,) = copy.glob(pattern)
    damage(path)
    stages = BUILD[BUILD.index(redone) :]  # what comes after waits
    assert _to_do(copy) == {(stage, "coffee") for stage in stages}


def test_records_of_older_versions_are_read_without_sizes(copy):
    for path in copy.glob("done/*/*.json"):
        values = json.loads(path.read_text())
        del values["checksum"], values["sizes"]
        values["files"].pop(f"tables/scenes/{path.stem}.parquet", None)
        path.write_text(json.dumps(values, indent=1, sort_keys=True) + "\n")
    assert _to_do(copy) == set()
    assert (
        find_damage(Workspace(copy), workspace_sources(Workspace(copy)), _config(copy), None) == {}
    )
    for path in copy.glob("done/render/*.json"):  # written anew, with sizes and the scene's row
        done = read_done(path)
        assert done and done.sizes and f"tables/scenes/{path.stem}.parquet" in done.files
    assert _to_do(copy) == set()


def test_every_byte_of_a_record_counts(tmp_path):
    path = tmp_path / "done.json"
    Done("render", "a", "f" * 32, {"x": "0" * 64}, {"renderings": 1}, {"x": 3}).write(path)
    content = path.read_bytes()
    assert json.loads(content)["sizes"] == {"x": 3}
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        assert read_done(path) is None, place


def test_a_changed_image_is_never_packed_and_check_redoes_just_that(copy, tiny_raw, tiny):
    image = next(copy.glob("renderings/coffee*/noise_07.jpg"))
    content = bytearray(image.read_bytes())
    content[-40] ^= 1
    image.write_bytes(content)
    for tar in copy.glob("shards/*/*.tar"):
        tar.unlink()
    ran = seagull("shards", "--out", copy, *LOCAL)
    assert ran.returncode == 2 and "seagull repair" in ran.stderr
    assert "noise_07.jpg is not what was recorded" in ran.stderr and "Traceback" not in ran.stderr
    ran = seagull("build", "--check", "--raw", tiny_raw, "--out", copy, *LOCAL, *TINY)
    assert ran.returncode == 0, ran.stderr
    assert "render      1 made      2 kept" in ran.stdout
    assert "labels      0 made      3 kept" in ran.stdout
    assert tree_sha256(copy) == tree_sha256(tiny)


def test_a_scene_of_a_gone_raw_is_said_and_in_no_shard_unless_asked(tiny_raw, copy, tmp_path):
    raw = tmp_path / "raw"
    shutil.copytree(tiny_raw, raw)
    (copy / "done" / "sources.json").unlink()  # it knows where the files lie that were copied
    scenes = {path.stem for path in copy.glob("tables/scenes/*.parquet")}
    _rows(copy, lambda row: replace(row, path=str(raw / Path(row.path).name)))
    (raw / "coffee.dng").rename(raw / "tea.dng")
    (raw / "chelsea.dng").rename(raw / "deep.dng")
    shutil.copy(raw / "astronaut.dng", raw / "chelsea.dng")
    (raw / "astronaut.dng").unlink()
    find_sources(raw, Workspace(copy))
    there, missing = locate(known_sources(Workspace(copy)), Workspace(copy))
    assert there == ()
    reasons = {one.source.scene_id.split("-")[0]: one.why for one in missing}
    assert reasons["coffee"] == f"renamed to {raw / 'tea.dng'}"
    assert reasons["chelsea"] == f"renamed to {raw / 'deep.dng'}"  # and another in its place
    assert reasons["astronaut"] == f"renamed to {raw / 'chelsea.dng'}"
    with pytest.raises(SeagullError, match="RAW files of all 3 scenes are gone"):
        write_shards(seagull_100w(Workspace(copy)), _config(copy))
    everything = write_shards(seagull_100w(Workspace(copy)), _config(copy), with_missing=True)
    assert sum(everything.samples.values()) == 363
    (raw / "tea.dng").rename(raw / "coffee.dng")
    find_sources(raw, Workspace(copy))
    sharded = write_shards(seagull_100w(Workspace(copy)), _config(copy))
    assert sum(sharded.samples.values()) == 121
    assert len(sharded.missing) == 2
    index = pd.concat(pd.read_parquet(p) for p in copy.glob("shards/*/*.parquet"))
    assert set(index.scene_id) == {key for key in scenes if key.startswith("coffee")}


def _rows(out: Path, change: Callable[[Scene], Scene]) -> None:
    """Write changed scene rows as an older version would have: under no record."""
    for path in out.glob("tables/scenes/*.parquet"):
        write_records(path, [change(row) for row in read_records(path, Scene)], Scene)
        record = out / "done" / "render" / f"{path.stem}.json"
        done = read_done(record)
        assert done
        name = path.relative_to(out).as_posix()
        files = {key: sha for key, sha in done.files.items() if key != name}
        replace(done, files=files).write(record)


def test_relative_paths_another_working_directory_and_drop(tiny_raw, tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    for name in ("coffee", "chelsea"):
        shutil.copy(tiny_raw / f"{name}.dng", raw)
    built = seagull("build", "--raw", "raw", "--out", "out", *LOCAL, *TINY, cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    (tmp_path / "elsewhere").mkdir()
    (raw / "chelsea.dng").unlink()
    out = Path("..") / "out"
    ran = seagull("shards", "--out", out, *LOCAL, cwd=tmp_path / "elsewhere")
    assert ran.returncode == 0 and "1 scenes are left out, their RAW is gone" in ran.stderr
    ran = seagull("drop", "--missing", "--out", out, *LOCAL, cwd=tmp_path / "elsewhere")
    assert ran.returncode == 0 and "1 scenes dropped" in ran.stdout
    names = {p.name for p in (tmp_path / "out").rglob("*")}
    assert not [name for name in names if name.startswith("chelsea")]
    verified = seagull("verify", "--out", tmp_path / "out")
    assert verified.returncode == 0, verified.stderr


def test_importance_top_reads_only_scenes_that_are_sharded(copy):
    before = write_card(seagull_100w(Workspace(copy)), _config(copy))["importance_top"]
    stale = next(copy.glob("tables/labels/*.parquet"))
    table = pd.read_parquet(stale)
    table.importance, table.scene_id = 99.0, "stale-00000000"
    table.to_parquet(stale.with_name("stale-00000000.parquet"))
    (copy / "shards" / "dataset.done.json").unlink()
    assert write_card(seagull_100w(Workspace(copy)), _config(copy))["importance_top"] == before


def test_retry_forgets_nothing_before_it_is_done_and_status_counts_what_plan_counts(
    tiny_raw, tmp_path
):
    raw, out = tmp_path / "raw", tmp_path / "out"
    raw.mkdir()
    shutil.copy(tiny_raw / "coffee.dng", raw)
    (raw / "empty.NEF").touch()
    arguments = ["--raw", raw, "--out", out, *LOCAL, *TINY]
    assert seagull("build", *arguments).returncode == 1
    planned = seagull("plan", *arguments).stdout
    status = seagull("status", "--out", out).stdout
    assert "render      0 to do      1 done     1 failed" in planned
    assert "render      1 done     1 failed" in status
    (out / "tables" / "labels").rename(tmp_path / "labels")  # half of it is to be done again
    ran = seagull("retry", "--out", out, *LOCAL)  # knows the RAW without --raw
    assert ran.returncode == 1
    assert "render      0 made      1 kept      1 failed" in ran.stdout
    assert "labels      1 made" in ran.stdout and "shards" in ran.stdout
    assert [row.reason for row in read_failures(Workspace(out))] == ["empty"]


def test_a_damaged_failure_is_none_and_its_record_is_mended(tmp_path):
    space = Workspace(tmp_path)
    for key in ("a", "b", "c"):
        write_failure(space, Failure("render", key, "empty", "no bytes", 1, "f"))
    _cut(space.table_file("failures", "render_a"))
    space.done("failures", "render_b").unlink()
    assert [row.key for row in read_failures(space)] == ["b", "c"]
    mend_failures(space)
    assert {path.stem for path in space.table("failures").glob("*")} == {"render_b", "render_c"}
    assert space.done("failures", "render_b").exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_what_the_machine_refuses_is_no_fault_of_the_scene(tmp_path, monkeypatch, code):
    def refuse(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(MachineError, match=os.strerror(code)):
        write_atomic(tmp_path / "file", "content")
    assert list(tmp_path.iterdir()) == []


def test_a_refused_mode_is_no_error(tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    write_atomic(tmp_path / "file", "content")
    assert (tmp_path / "file").read_text() == "content"


@pytest.mark.parametrize("table", ["scenes", "renderings", "rois", "labels"])
def test_damaged_tables_are_a_line_and_no_traceback(copy, table):
    path = next(copy.glob(f"tables/{table}/*.parquet"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    path.write_bytes(content)
    ran = seagull("report", "--out", copy)
    assert ran.returncode == 2 and "Traceback" not in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1


def test_a_compacted_workspace_is_not_done_all_over_again(copy, tiny_raw):
    from pipeline.release.compact import compact

    compact(Workspace(copy))
    ran = seagull("build", "--raw", tiny_raw, "--out", copy, *LOCAL, *TINY)
    assert ran.returncode == 2 and "compacted" in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1
