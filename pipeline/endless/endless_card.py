"""What readers of the stream must know: what `shards/dataset.json` says of shards.

Importance's top is a percentile over the training split, and nothing of it is made yet. Where the
workspace holds shards of the same configuration their card is taken; else the top is measured on
a pilot: some renderings of some scenes, the same whoever measures. It is kept in the workspace.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isp.development.recipes import recipes
from isp.distortions.levels import load_levels
from manifests.chance import unit_interval
from manifests.config import Config
from manifests.done import describe, fingerprint
from manifests.files import write_atomic
from manifests.keys import WITHOUT
from manifests.sample import Parts
from manifests.workspace import Workspace
from pipeline.dataset.card import IMPORTANCE_PERCENTILE, about_labels, card_text, top_of
from pipeline.dataset.samples import SYNTHETIC
from pipeline.intake.sources import Source
from pipeline.mixing.placed_recipes import Placed, everywhere

PILOT_SCENES = 16
PILOT_LEVELS = (2, 6, 10, 14, 18)


def find_card(
    workspace: Workspace, config: Config, made_by: str, pilot: Callable[[], Iterable[Parts]]
) -> dict[str, Any]:
    """The card, without counts.

    Args:
        workspace: keeps it.
        config: of the samples.
        made_by: the fingerprint of all that makes them.
        pilot: makes the samples of `pilot_of`, where they are needed.
    """
    shards = _read(workspace.dataset_card)
    if shards.get("config") == config.fingerprint:
        return shards
    path = workspace.root / "endless" / "card.json"
    found = _read(path)
    if found.get("made_by") == made_by:
        return found
    importance = _importance(pilot())
    card = {
        "dataset": SYNTHETIC,
        "config": config.fingerprint,
        "made_by": made_by,
        "distortions": list(load_levels(config.render.levels)),
        **about_labels(
            config,
            top_of(importance) if len(importance) else 1.0,
            f"percentile {IMPORTANCE_PERCENTILE:g} of {len(importance)} distorted ROIs of a pilot",
        ),
    }
    write_atomic(path, card_text(card))
    record = describe("endless", "card", fingerprint(card=made_by), workspace.root, [path])
    record.write(workspace.done("endless", "card"))
    return card


def pilot_of(training: Sequence[Source], config: Config) -> list[tuple[Source, list[Placed]]]:
    """Which renderings of which scenes the pilot is: spread over both, by hash."""
    scenes = sorted(training, key=lambda s: unit_interval("pilot", s.sha256))[:PILOT_SCENES]
    wanted = [everywhere(r) for r in recipes(config.render) if r.level in PILOT_LEVELS]
    return [(scene, wanted) for scene in scenes]


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _importance(samples: Iterable[Parts]) -> np.ndarray:
    """float64 (N,), of the ROIs that show a distortion."""
    labels = (label for parts in samples for label in json.loads(parts.text)["labels"])
    return np.array([one["importance"] for one in labels if one["distortion_label"] != WITHOUT])
