"""A baseline put to SEAGULL-3k's test split: the same ROIs and questions as the network.

`seagull baseline` writes what it answered beside the tables, which take it in from there.
"""

from collections.abc import Iterator
from pathlib import Path

from manifests.chance import generator, unit_interval
from manifests.config import Config
from manifests.done import fingerprint
from manifests.errors import SeagullError
from manifests.files import sha256_of_file
from manifests.process.progress import progress
from manifests.workspace import Workspace
from training.baselines.crop_metrics import CropMetric, open_crop_metric
from training.baselines.protocol import Baseline, Image, Mask
from training.baselines.vision_language import open_vision_language
from training.data.instructions import Truth, fixed, truth
from training.data.sample_arrays import decode, decode_mask
from training.data.shard_reader import Card, data_fingerprint, in_order, read_card
from training.data.texts import YES
from training.evaluate.evaluation import QUESTIONED, Answered, subset
from training.tables.table_runs import VERSION, cached_answers
from training.train.learning_stage import weight_files

TASKS = ("quality", "importance")
VLM = "vlm"


def regions(
    study: Workspace, card: Card, split: str, seed: int, most: int = QUESTIONED
) -> Iterator[tuple[Image, Mask, Truth]]:
    """The ROIs of a split that are asked about, in the order of the shards."""
    part = subset(card.samples.get(split, 0), most)
    for sample in in_order(study, split):
        if unit_interval("evaluate", seed, sample.rendering_id) >= part.share:
            continue
        rng = generator("evaluate", seed, sample.rendering_id)
        image = decode(sample)
        for i in rng.permutation(len(sample.rois))[: part.rois]:
            yield image, decode_mask(sample.rois[i]), truth(sample.labels[i], *card.scales)


def answered(baseline: Baseline, study: Workspace, seed: int) -> list[Answered]:
    """What a baseline says of every ROI asked about, beside what is true."""
    rows, card = [], read_card(study)
    with progress(card.samples.get("test", 0), baseline.name, "ROIs") as bar:
        for image, mask, of in regions(study, card, "test", seed):
            judgments = fixed(of, seed)[3:]
            reply = baseline.say(image, mask, judgments)
            judged = None
            if reply.judged:
                right = [
                    y == (j.answer == YES) for y, j in zip(reply.judged, judgments, strict=True)
                ]
                judged = (right[0], right[1], right[2])
            rows.append(
                Answered(of, reply.quality, reply.importance, 0, 0, reply.distortions, judged)
            )
            bar.update()
    return rows


def run(
    workspace: Workspace, config: Config, name: str, model: Path, task: str, tune: bool
) -> dict[str, str]:
    """Ask a baseline and write its answers; where they are.

    Args:
        workspace: of the dataset.
        config: its seed says which ROIs are asked about.
        name: a no-reference metric of pyiqa, or `vlm`.
        model: the metric's state dict, or the folder of a vision-language model.
        task: quality or importance, for a metric; drawn or words, for the box of a VLM.
        tune: fine-tune a metric on the training split first, as the paper did.
    """
    study = Workspace(workspace.study)
    how = "fine-tuned" if tune and name != VLM else "zero-shot"
    title = f"{model.name if name == VLM else name}, {task} ({how})"
    path = workspace.root / "tables" / "baselines" / f"{title}.json"

    def ask() -> list[Answered]:
        return answered(_opened(study, config, name, model, task, tune), study, config.seed)

    _check(name, model, task)
    rows = cached_answers(path, _key(study, config, title, model), ask)
    return {"baseline": title, "ROIs": str(len(rows)), "answers": str(path)}


def _check(name: str, model: Path, task: str) -> None:
    if name != VLM and task not in TASKS:
        raise SeagullError(f"--task {task}: a metric is asked for {' or '.join(TASKS)}")
    if not model.exists():
        raise SeagullError(f"{model} is missing: expected the weights of {name}")


def _opened(
    study: Workspace, config: Config, name: str, model: Path, task: str, tune: bool
) -> Baseline:
    if name == VLM:
        return open_vision_language(model, "words" if task == "words" else "drawn")
    metric = open_crop_metric(name, model, task)
    if tune:
        _tune(metric, study, config.seed)
    return metric


def _key(study: Workspace, config: Config, title: str, model: Path) -> str:
    files = weight_files(model) if model.is_dir() else [model]
    return fingerprint(
        version=VERSION,
        data=data_fingerprint(study),
        seed=config.seed,
        title=title,
        weights=[sha256_of_file(file) for file in files],
    )


def _tune(baseline: CropMetric, study: Workspace, seed: int) -> None:
    card = read_card(study)
    top = dict(zip(TASKS, card.tops, strict=True))[baseline.task]
    baseline.fit(
        (image, mask, getattr(of, baseline.task) / top)
        for image, mask, of in regions(study, card, "train", seed)
    )
