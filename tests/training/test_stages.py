import dataclasses
import json

import pytest

from manifests.config import Config, TrainConfig
from manifests.errors import SeagullError
from manifests.workspace import Workspace
from training.data.feed import steps_of
from training.train import learning as stages


@pytest.fixture
def config(small) -> Config:
    training = TrainConfig(steps=3, batch=2, rois=2, threads=1)
    return Config(network=small, pretrain=training, finetune=training)


def test_both_stages_and_their_evaluation(workspace, config):
    first = stages.pretrain(workspace, config)
    second = stages.finetune(workspace, config)
    wanted = {"quality_srocc", "importance_plcc", "type_accuracy", "f1", "majority_f1"}
    assert wanted | {"type_f1_blur", "type_f1_clean", "majority_type_f1_clean"} <= set(first)
    assert "severity_recall" in second
    assert all(isinstance(v, float) for v in (*first.values(), *second.values()))
    both = stages.evaluate(workspace, config)
    assert both == first | {f"study_{k}": v for k, v in second.items()}

    for stage, dataset in (("pretrain", "seagull-100w"), ("finetune", "seagull-3k")):
        folder = workspace.models / stage
        found = json.loads((folder / "evaluation.json").read_text())
        assert found["dataset"] == dataset
        assert found["counts"] == {"rois": 14, "renderings": 7}
        assert len((folder / "curve.jsonl").read_text().splitlines()) == 3
        assert {"question", "answer", "truth", "roi_id"} <= set(found["examples"][0])
        assert not list(folder.glob("checkpoint-*")) and not list(folder.glob(".tmp-*"))
    hundred = json.loads((workspace.models / "pretrain" / "evaluation.json").read_text())
    assert len(hundred["confusion"]["matrix"]) == len(hundred["confusion"]["labels"]) == 7
    study = json.loads((workspace.models / "finetune" / "evaluation.json").read_text())
    assert study["raters"] == "simulated" and "severity" in study
    lines = (workspace.models / "finetune" / "instructions.jsonl").read_text().splitlines()
    assert len(lines) == 14 * 2 * 6


def test_what_is_done_is_not_done_again(workspace, config):
    before = stages.pretrain(workspace, config)
    weights = workspace.models / "pretrain" / "weights.safetensors"
    made = weights.stat().st_mtime_ns, weights.read_bytes()
    assert stages.pretrain(workspace, config) == before
    assert weights.stat().st_mtime_ns == made[0]
    (workspace.models / "pretrain" / "done.json").unlink()
    assert stages.pretrain(workspace, config) == before
    assert weights.read_bytes() == made[1]  # the same seed, the same network
    other = dataclasses.replace(config, seed=1)
    stages.pretrain(workspace, other)
    assert weights.read_bytes() != made[1]


def test_what_is_missing_is_said(tmp_path, workspace, config):
    with pytest.raises(SeagullError, match="make shards"):
        stages.pretrain(Workspace(tmp_path / "empty"), config)
    with pytest.raises(SeagullError, match="make pretrain"):
        stages.finetune(workspace, config)
    with pytest.raises(SeagullError, match="make pretrain"):
        stages.evaluate(workspace, config)
    given = dataclasses.replace(config.network, model=str(tmp_path))
    with pytest.raises(SeagullError, match="no test split"):
        stages.evaluate(Workspace(tmp_path / "empty"), dataclasses.replace(config, network=given))


def test_a_device_that_is_not_there_is_said(workspace, config):
    training = dataclasses.replace(config.pretrain, device="nowhere")
    with pytest.raises(SeagullError, match=r"pretrain.device: 'nowhere'"):
        stages.pretrain(workspace, dataclasses.replace(config, pretrain=training))


def test_steps_are_passes_over_the_images(workspace):
    from training.data.shard_reader import read_card

    card = read_card(workspace)
    assert steps_of(TrainConfig(epochs=2, batch=4), card.samples["train"]) == 7
    assert steps_of(TrainConfig(steps=9), card.samples["train"]) == 9
