"""shards/dataset.json: what readers of the shards must know, above all eq. 1's tops.

The top M of importance is fixed on the training split, once: the 90th percentile of the importance
of ROIs that show a distortion. The paper does not give its M. Importance has a long tail: with the
maximum for M, or the 99th percentile, nine ROIs in ten would be "unimportant" and three of the five
words all but unused; above M all is "essential".
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from annotation.aggregate import opinions
from isp.distortions.levels import load_levels
from labelers.engine.label_engine import described
from manifests.config import Config
from manifests.done import read_done
from manifests.files import write_atomic
from manifests.keys import WITHOUT
from manifests.ratings import Rating
from manifests.tables import read_records
from manifests.words import QUALITY_TOP, RATING_TOP
from manifests.workspace import SPLITS
from pipeline.dataset.samples import Dataset
from pipeline.intake.sources import known_sources, split_of

IMPORTANCE_PERCENTILE = 90.0


def write_card(dataset: Dataset, config: Config) -> dict[str, Any]:
    """Write the dataset's card beside its shards and return it."""
    card: dict[str, Any] = {"dataset": dataset.name, "config": config.fingerprint}
    card["distortions"] = list(load_levels(config.render.levels))
    card |= _of_ratings(dataset) if dataset.stage == "study" else _of_labels(dataset, config)
    card["counts"] = {split: _counts(dataset, split) for split in SPLITS}
    write_atomic(dataset.space.dataset_card, json.dumps(card, indent=1, sort_keys=True) + "\n")
    return card


def _of_labels(dataset: Dataset, config: Config) -> dict[str, Any]:
    return {
        **described(config.labels),
        "also": [described(scorer) for scorer in config.labels.also],
        "quality_top": QUALITY_TOP,
        "importance": "score(reference, reference) - score(reference with the ROI of the"
        " rendering pasted in, reference), whole image",
        "importance_top": _importance_top(dataset, config),
        "importance_top_is": f"percentile {IMPORTANCE_PERCENTILE:g} of distorted training ROIs",
        "raters": "none",
        "simulated": False,
    }


def _importance_top(dataset: Dataset, config: Config) -> float:
    train = [
        source.scene_id
        for source in known_sources(dataset.ledger_space)
        if split_of(source.sha256, config.shards) == "train"
    ]
    labels = ds.dataset(dataset.space.table("labels"), format="parquet")
    distorted = ds.field("distortion_label") != WITHOUT
    for keep in (ds.field("scene_id").isin(pa.array(train, pa.string())) & distorted, distorted):
        found = labels.to_table(columns=["importance"], filter=keep)["importance"].to_numpy()
        if len(found):
            return max(round(float(np.percentile(found, IMPORTANCE_PERCENTILE)), 6), 1e-6)
    return 1.0


def _of_ratings(dataset: Dataset) -> dict[str, Any]:
    said = opinions(read_records(dataset.space.table("ratings"), Rating))
    raters = sorted({opinion.raters for opinion in said})
    return {
        "scorer": "ratings",
        "scorer_version": "mean opinion, strict majority for nonexistent (paper, section 3.2)",
        "quality_top": RATING_TOP,
        "importance_top": RATING_TOP,
        "raters": "+".join(raters),
        "simulated": "simulated" in raters,
    }


def _counts(dataset: Dataset, split: str) -> Mapping[str, int]:
    records = [read_done(p) for p in sorted(dataset.space.shards(split).glob("*.done.json"))]
    dones = [done for done in records if done]
    keys = ("scenes", "samples", "rois", "labels")
    return {"shards": len(dones)} | {key: sum(d.counts[key] for d in dones) for key in keys}
