"""A build by learned models from files on disk, as a user runs it: random weights."""

import shutil
from pathlib import Path

import hf_detector_models
import hf_models
import pandas as pd
import pytest
import torch
from runs import seagull

from labelers.loading.iqa import create_metric
from labelers.loading.weights import short


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders and files in their authors' formats."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    topiq = create_metric("topiq_fr", pretrained=False, backbone_pretrain=False).net
    torch.save({"params": topiq.state_dict()}, folder / "topiq.pth")
    return {
        "detector": hf_models.save(hf_detector_models.detr(), folder / "detr"),
        "segmenter": hf_models.save(hf_models.sam(), folder / "sam"),
        "topiq": folder / "topiq.pth",
    }


@pytest.fixture(scope="module")
def raw(tiny_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One scene."""
    folder = tmp_path_factory.mktemp("one")
    (folder / "coffee.dng").symlink_to(tiny_raw / "coffee.dng")
    return folder


def _settings(weights: dict[str, Path]) -> list[str]:
    values = {
        "render.long_edge": "96",
        "masks.detector": "hf",
        "masks.detector_weights": weights["detector"],
        "masks.detector_options": "{threshold: 0.0}",
        "masks.segmenter": "hf",
        "masks.segmenter_weights": weights["segmenter"],
        "masks.predicted_iou": "-9.0",
        "masks.stability": "0.0",
        "masks.min_area": "64",
        "masks.points": "2",
        "masks.max_objects": "1",
        "masks.max_components": "1",
        "labels.scorer": "topiq_fr",
        "labels.weights": weights["topiq"],
        "labels.also": "[{scorer: psnr, without_above: 40}, {scorer: gmsd, without_above: 0.9}]",
    }
    return [word for key, value in values.items() for word in ("--set", f"{key}={value}")]


def _build(raw: Path, out: Path, weights: dict[str, Path], stage: str = "build"):
    named = ["--raw", raw, "--out", out, "--config", "demo", "--executor", "local"]
    return seagull(stage, *named, "--workers", "1", *_settings(weights))


@pytest.fixture(scope="module")
def built(raw: Path, weights: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace."""
    out = tmp_path_factory.mktemp("models") / "out"
    ran = _build(raw, out, weights)
    assert ran.returncode == 0, ran.stderr
    return out


def test_tables_name_the_weights(built: Path, weights: dict[str, Path]) -> None:
    rois = pd.read_parquet(built / "tables" / "rois")
    detector, segmenter = (short(weights[name]) for name in ("detector", "segmenter"))
    source = f"hf:DetrForObjectDetection@{detector}+hf:SamModel@{segmenter}"
    assert set(rois.kind) == {"object", "component"} and set(rois.source) == {source}
    labels = pd.read_parquet(built / "tables" / "labels")
    assert len(labels) == 121 * len(rois) and set(labels.scorer) == {"topiq_fr"}
    assert labels.scorer_version.str.endswith(short(weights["topiq"])).all()


def test_other_scorers_are_a_table_of_their_own(built: Path) -> None:
    labels = pd.read_parquet(built / "tables" / "labels")
    scores = pd.read_parquet(built / "tables" / "scores")
    keys = ["rendering_id", "roi_id"]
    for scorer in ("psnr", "gmsd"):
        own = scores[scores.scorer == scorer].reset_index(drop=True)
        pd.testing.assert_frame_equal(own[keys], labels[keys])
    verified = seagull("verify", "--out", built)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert f"{len(scores):,} scores" in verified.stdout


@pytest.mark.parametrize("name", ["detector", "segmenter", "topiq"])
def test_a_cut_checkpoint_is_refused_in_one_line(
    built: Path, raw: Path, weights: dict[str, Path], tmp_path: Path, name: str
) -> None:
    whole = weights[name]
    if whole.is_dir():
        cut = tmp_path / whole.name
        cut.mkdir()
        for file in whole.iterdir():
            content = file.read_bytes()
            size = len(content) // 2 if file.suffix == ".safetensors" else len(content)
            (cut / file.name).write_bytes(content[:size])
    else:
        cut = tmp_path / whole.name
        cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    out = shutil.copytree(built, tmp_path / "out")
    stage = "masks" if whole.is_dir() else "labels"
    ran = _build(raw, out, {**weights, name: cut}, stage)
    assert ran.returncode == 2
    said = [line for line in (ran.stdout + ran.stderr).splitlines() if str(cut) in line]
    assert len(said) == 1 and said[0].startswith(f"seagull: {stage}: ")
    assert not (out / "tables" / "failures").exists()  # the scene has no fault
