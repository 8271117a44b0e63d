"""shards/dataset.json: what readers of the shards must know, above all eq. 1's tops.

The top M of importance is fixed on the training split, once: the 90th percentile of the importance
of ROIs that show a distortion. The paper does not give its M. Importance has a long tail: with the
maximum for M, or the 99th percentile, nine ROIs in ten would be "unimportant" and three of the five
words all but unused; above M all is "essential".

Structural similarity, the weight-free scorer's, crowds near 1: by eq. 1 on it, four labels in five
are "excellent". Its words are eq. 1's on its decibels, -10 log10(1 - score), with the decibels of
its own "without distortions" threshold for M; the labels keep the score itself.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isp.distortions.levels import load_levels
from labelers.engine.label_engine import described
from labelers.scorers.all_scorers import SSIM
from manifests.config import Config
from manifests.done import Done, describe, fingerprint, read_done
from manifests.files import remove_file, sha256_of_file, write_atomic
from manifests.keys import WITHOUT
from manifests.ratings import Agreement, Estimate
from manifests.tables import read_records
from manifests.words import QUALITY_TOP, RATING_TOP
from manifests.workspace import SPLITS
from pipeline.dataset.samples import Dataset
from pipeline.run.pulling import bring

VERSION = 1
MEASURE_PRECISION = "python -m labelers.checks.precision_error OUT, then seagull shards"
IMPORTANCE_PERCENTILE = 90.0
STRUCTURAL = ("embedded", SSIM)  # scorers whose words are those of decibels


def write_card(dataset: Dataset, config: Config) -> dict[str, Any]:
    """Bring the dataset's card, beside its shards, up to date with them and return it."""
    record, identity = card_record(dataset), card_identity(dataset, config)
    done = read_done(record)
    if done and done.fingerprint == identity and _is_whole(dataset, done):
        return dict(json.loads(dataset.space.dataset_card.read_text()))
    card = make_card(dataset, config)
    remove_file(record)
    path = dataset.space.dataset_card
    write_atomic(path, card_text(card))
    describe("card", dataset.name, identity, path.parent, [path]).write(record)
    return card


def make_card(dataset: Dataset, config: Config) -> dict[str, Any]:
    """Say what readers of the shards must know, from the tables and the shards' records."""
    card: dict[str, Any] = {"dataset": dataset.name, "config": config.fingerprint}
    card["distortions"] = list(load_levels(config.render.levels))
    card |= _of_ratings(dataset) if dataset.stage == "study" else _of_labels(dataset, config)
    card["counts"] = {split: _counts(dataset, split) for split in SPLITS}
    return card


def card_text(card: Mapping[str, Any]) -> str:
    """Return the file's content."""
    return json.dumps(card, indent=1, sort_keys=True) + "\n"


def card_record(dataset: Dataset) -> Path:
    """Return where the card's record lies."""
    return dataset.space.dataset_card.with_suffix(".done.json")


def card_identity(dataset: Dataset, config: Config) -> str:
    """Return the fingerprint of all that the card is made of.

    Of the configuration that is what describes the labels; `config` in the card says with which
    whole one it was last written.
    """
    labels = () if dataset.stage == "study" else (config.labels, *config.labels.also)
    return fingerprint(
        version=VERSION,
        dataset=dataset.name,
        labels=[described(scorer) for scorer in labels],
        **(_precision(dataset, config) if labels else {}),
        shards=[
            [done.key, done.fingerprint] for split in SPLITS for done in _dones(dataset, split)
        ],
    )


def _is_whole(dataset: Dataset, done: Done) -> bool:
    path = dataset.space.dataset_card
    return path.is_file() and sha256_of_file(path) == done.files.get(path.name)


def _of_labels(dataset: Dataset, config: Config) -> dict[str, Any]:
    percentile = f"percentile {IMPORTANCE_PERCENTILE:g} of distorted training ROIs"
    said = about_labels(config, _importance_top(dataset), percentile)
    return said | _precision(dataset, config)


def about_labels(config: Config, importance_top: float, importance_top_is: str) -> dict[str, Any]:
    """Say what readers must know of a scorer's labels."""
    scorer = described(config.labels)
    return {
        **scorer,
        "also": [described(scorer) for scorer in config.labels.also],
        "quality_top": QUALITY_TOP,
        **quality_words(scorer),
        "importance": "score(reference, reference) - score(reference with the ROI of the"
        " rendering pasted in, reference), whole image",
        "importance_top": importance_top,
        "importance_top_is": importance_top_is,
        "raters": "none",
        "simulated": False,
    }


def _precision(dataset: Dataset, config: Config) -> dict[str, Any]:
    """Say what labels lost by less precise arithmetic; nothing of fp32's."""
    if config.labels.precision == "fp32":
        return {}
    path, said = dataset.space.precision_error, {"precision": config.labels.precision}
    found = json.loads(path.read_text()) if path.exists() else {}
    if found.get("scorer_version") == described(config.labels)["scorer_version"]:
        return said | {"precision_error": found}
    return said | {"precision_error": f"not measured: {MEASURE_PRECISION}"}


def quality_words(scorer: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the scale on which eq. 1 gives quality its words, and its M there.

    Args:
        scorer: as `described` has it.
    """
    if scorer["scorer"] not in STRUCTURAL:
        return {"quality_words_scale": "linear", "quality_words_top": QUALITY_TOP}
    top = round(-10 * math.log10(1 - scorer["without_above"]), 6)
    return {
        "quality_words_scale": "decibel",  # -10 log10(1 - quality); manifests.words.on_scale
        "quality_words_top": top,
        "quality_words_top_is": "the decibels of without_above",
    }


def _importance_top(dataset: Dataset) -> float:
    """M of eq. 1 over the scenes in shards alone: others may be of another scorer."""
    for splits in (("train",), SPLITS):
        keys = [key for split in splits for key in sharded_scenes(dataset, split)]
        importance = _distorted_importance(dataset, keys)
        if len(importance):
            return top_of(importance)
    return 1.0


def top_of(importance: np.ndarray) -> float:
    """M of eq. 1 by the importance, float64 (N,), of ROIs that show a distortion."""
    return max(round(float(np.percentile(importance, IMPORTANCE_PERCENTILE)), 6), 1e-6)


def sharded_scenes(dataset: Dataset, split: str) -> list[str]:
    """Return the scene_ids of a split, by the indices of its shards."""
    import pyarrow.dataset as ds  # loads pandas, which a card that stands needs not

    indices = sorted(dataset.space.shards(split).glob("*.parquet"))
    bring(dataset.ledger_space, indices)
    files = [str(path) for path in indices]
    if not files:
        return []
    index = ds.dataset(files, format="parquet").to_table(columns=["scene_id"])
    return sorted(set(index["scene_id"].to_pylist()))


def _distorted_importance(dataset: Dataset, keys: Sequence[str]) -> np.ndarray:
    """float64 (N,), of every ROI that shows a distortion, in batches: there may be millions."""
    import pyarrow.dataset as ds

    if not keys:
        return np.empty(0)
    files = [str(dataset.space.table_file("labels", key)) for key in keys]
    batches = ds.dataset(files, format="parquet").to_batches(
        columns=["importance"], filter=ds.field("distortion_label") != WITHOUT
    )
    return np.concatenate([np.empty(0), *(batch["importance"].to_numpy() for batch in batches)])


_LABELS = {
    "mean": "mean opinion, strict majority for nonexistent (paper, section 3.2)",
    "model": "bias and inconsistency (Li et al. 2020), strict majority for nonexistent",
}


def _of_ratings(dataset: Dataset) -> dict[str, Any]:
    keys = [key for split in SPLITS for key in sharded_scenes(dataset, split)]
    tables = [dataset.space.table_file("estimates", key) for key in keys]
    estimates = [row for table in tables for row in read_records(table, Estimate)]
    raters = sorted({estimate.raters for estimate in estimates})
    agreement = read_records(dataset.space.table("agreement"), Agreement)
    return {
        "scorer": "ratings",
        "scorer_version": "+".join(
            _LABELS[label] for label in sorted({e.label for e in estimates})
        ),
        "quality_top": RATING_TOP,
        "importance_top": RATING_TOP,
        "raters": "+".join(raters),
        "simulated": "simulated" in raters,
        "agreement": {a.question: a.value for a in agreement if a.value is not None},
        "agreement_is": "Krippendorff's alpha, interval, of the valid raters",
    }


def _counts(dataset: Dataset, split: str) -> Mapping[str, int]:
    dones = _dones(dataset, split)
    keys = ("scenes", "samples", "rois", "labels")
    return {"shards": len(dones)} | {key: sum(d.counts[key] for d in dones) for key in keys}


def _dones(dataset: Dataset, split: str) -> list[Done]:
    records = [read_done(p) for p in sorted(dataset.space.shards(split).glob("*.done.json"))]
    return [done for done in records if done]
