"""`verify` finds what was changed behind its back."""

import shutil

import pytest
from runs import seagull

from manifests.presets import load_config
from manifests.records import Label
from manifests.tables import read_records, write_records
from manifests.workspace import Workspace
from pipeline.dataset.verify import verify


@pytest.fixture
def copy(tiny, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(tiny, out)
    return out


def _problems(out) -> str:
    return "\n".join(verify(Workspace(out), load_config(str(out / "config.yaml")))[1])


def test_a_whole_workspace_has_no_problem_and_one_changed_byte_is_one(copy):
    assert _problems(copy) == ""
    image = next((copy / "renderings").rglob("noise_07.jpg"))
    content = bytearray(image.read_bytes())
    content[-40] ^= 1
    image.write_bytes(content)
    assert f"{image.relative_to(copy)}: its sha256 is not the one in done/render" in _problems(copy)
    ran = seagull("verify", "--out", copy)
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr


def test_a_missing_image_a_missing_label_and_a_cut_tar_are_found(copy):
    image = next((copy / "renderings").rglob("blur_01.jpg"))
    image.unlink()
    table = next((copy / "tables" / "labels").glob("*.parquet"))
    write_records(table, read_records(table, Label)[:-1], Label)
    tar = next((copy / "shards").rglob("*.tar"))
    tar.write_bytes(tar.read_bytes()[:10_240])
    problems = _problems(copy)
    assert "blur_01.jpg: missing" in problems
    assert f"{table.relative_to(copy)}: its sha256" in problems
    assert f"{tar}: not the bytes of its done record" in problems
