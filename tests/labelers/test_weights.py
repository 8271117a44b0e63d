"""The table of published checkpoints and what is said of a folder."""

from pathlib import Path

import pytest

from labelers.loading import weights
from labelers.loading.checkpoints import Checkpoint, known
from manifests.errors import SeagullError
from manifests.files import sha256_of


def test_every_row_says_where() -> None:
    for row in known():
        assert row.url.startswith("https://") and row.url.endswith(row.file)
        assert row.where.startswith("download ") and row.setting in row.where
        assert row.sha256 == row.sha256.lower() and len(row.sha256) in (0, 8, 64)


def test_status_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = {"good": b"right", "cut": b"rig", "other": b"wrong"}
    for name, found in content.items():
        (tmp_path / name).write_bytes(found)

    def row(file: str, sha256: str) -> Checkpoint:
        return Checkpoint("m", "s", file, "https://x/" + file, "p", "l", sha256, 5)

    digest = sha256_of(b"right")
    files = [row(f, digest) for f in ("good", "cut", "other", "absent")]
    rows = (*files, row("good", digest[:8]), row("good", ""))
    monkeypatch.setattr(weights, "known", lambda: rows)
    states = [presence.state for presence in weights.status(tmp_path)]
    assert states == ["valid", "wrong", "wrong", "missing", "valid", "unchecked"]


def test_a_folders_digest_sees_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    before = weights.digest(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    renamed = weights.digest(tmp_path)
    (tmp_path / "b").write_bytes(b"22")
    assert len({before, renamed, weights.digest(tmp_path)}) == 3


def test_no_code_runs_from_a_checkpoint(tmp_path: Path) -> None:
    import pickle

    class Evil:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "ran",)

    path = tmp_path / "evil.pth"
    path.write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(SeagullError, match="no whole checkpoint"):
        weights.read_state(path)
    assert not (tmp_path / "ran").exists()
