"""A stage is trained: its batches, its validation, the loop, and what it leaves."""

import json
import shutil
from dataclasses import asdict
from functools import partial

from safetensors.torch import save

from manifests.config import to_dict
from manifests.done import Done
from manifests.files import sha256_of_file, write_atomic
from training.data.feed import Feed
from training.data.instructions import draw, fixed_of, pick_fixed, truth
from training.data.shard_reader import Card, in_order
from training.evaluate.validation import Validation
from training.network.network import Network
from training.train.learning_stage import SOURCE, WEIGHTS, Stage
from training.train.loop import Trainer
from training.train.processes import ranks
from training.train.stage_evaluation import questions
from training.train.training_state import State


def train(stage: Stage) -> None:
    """Train the network of `stage` to the end; the first of several processes writes it."""
    first = ranks().rank == 0
    card, key, network = stage.card, stage.key(), stage.network(stage.start)
    batches = feed(stage, card, network)
    steps, accumulation = batches.steps, batches.accumulation
    if first:
        (stage.folder / "done.json").unlink(missing_ok=True)
        _note_source(stage)
    if first and stage.is_second:
        _write_instructions(stage, card)
    trainer = Trainer(
        network=network,
        config=stage.training,
        steps=steps,
        folder=stage.folder,
        key=key,
        accumulation=accumulation,
        validate=_validation(stage, card, network),
        seed=stage.config.seed,
    )
    learned = trainer.run(batches.batches)
    if first:
        _save(stage, network, learned, key, trainer.steps)


def feed(stage: Stage, card: Card, network: Network) -> Feed:
    """The batches of this process."""
    judgments = stage.training.judgments
    at_random = partial(draw, judgments=judgments)
    ask = pick_fixed(stage.config.seed, judgments) if stage.is_second else at_random
    return Feed(
        workspace=stage.data,
        card=card,
        network=network.config,
        config=stage.training,
        sequencer=network.sequencer,
        seed=stage.config.seed,
        ask=ask,
        ranks=ranks(),
        source=stage.source,
    )


def _note_source(stage: Stage) -> None:
    """Who goes on from a network that learned from a source knows it by this file."""
    path = stage.folder / SOURCE
    if stage.source:
        noted = {"identity": stage.source.identity, "card": dict(stage.source.card)}
        write_atomic(path, json.dumps(noted, indent=1) + "\n")
    else:
        path.unlink(missing_ok=True)


def _validation(stage: Stage, card: Card, network: Network) -> Validation | None:
    if not card.samples.get("val"):
        return None
    return Validation(questions(stage, card, network, "val", stage.training.validate_rois))


def _write_instructions(stage: Stage, card: Card) -> None:
    """The file of stage 2's fixed instructions, six a ROI (three without judgments)."""
    lines = [
        json.dumps({"rendering_id": t.rendering_id, "roi_id": t.roi_id, **asdict(instruction)})
        for sample in in_order(stage.data, "train")
        for t in (truth(row, *card.scales) for row in sample.labels)
        for instruction in fixed_of(t, stage.config.seed, stage.training.judgments)
    ]
    write_atomic(stage.folder / "instructions.jsonl", "\n".join(lines) + "\n")


def _save(stage: Stage, network: Network, learned: State, key: str, count: int) -> None:
    """The network and its done record; the checkpoints have served."""
    folder = stage.folder
    write_atomic(stage.weights, save(learned))
    network.sequencer.tokenizer.save_pretrained(folder / "tokenizer")
    write_atomic(folder / "config.json", json.dumps(to_dict(stage.config), indent=1) + "\n")
    write_atomic(folder / "distortions.json", json.dumps(network.distortions) + "\n")
    names = (WEIGHTS, "config.json", "distortions.json", "curve.jsonl", "validation.jsonl")
    files = [folder / name for name in (*names, SOURCE) if (folder / name).exists()]
    root = stage.workspace.root
    hashes = {f.relative_to(root).as_posix(): sha256_of_file(f) for f in files}
    Done(stage.name, "network", key, hashes, {"steps": count}).write(folder / "done.json")
    for checkpoint in folder.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)
