"""Levels that mean something: `isp.tools.calibrate` fed with a pilot set and the scorer."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np

from isp.tools import calibrate as levels
from labelers.contracts.crops import Crop
from labelers.engine.label_engine import load_labeler
from manifests.config import Config
from manifests.files import write_atomic
from manifests.workspace import Workspace
from pipeline.intake.sources import find_sources
from pipeline.workers.worker import cap_threads


def calibrate(
    raw: Path, workspace: Workspace, config: Config, pilot: int, write: Path | None
) -> tuple[Path, Path]:
    """Measure on the first `pilot` scenes of `raw`; returns the table's and the plot's paths.

    Raises:
        SeagullError: no RAW in the folder, or the scorer cannot be loaded.
    """
    cap_threads()
    sources = find_sources(raw, workspace).sources[:pilot]
    measured = levels.measure(
        [source.file for source in sources], _scorer(config), config.render, config.seed
    )
    settings = levels.table(measured)
    render = config.render
    names = ", ".join(source.scene_id for source in sources)
    about = "\n".join(
        [
            "Twenty settings a type, by severity: even steps of the mean score on a pilot set.",
            f"Made by `seagull calibrate`; score: {config.labels.scorer}, whole renderings.",
            f"Development: tone {render.tone}, long edge {render.long_edge}, lens {render.lens}.",
            *textwrap.wrap(f"Pilot: {names}.", 96),
        ]
    )
    table = write or workspace.report / "levels.yaml"
    write_atomic(table, levels.to_yaml(settings, about))
    picture = workspace.report / "levels.png"
    write_atomic(picture, levels.plot(measured, settings))
    return table, picture


def _scorer(config: Config) -> Callable[[np.ndarray, np.ndarray], float]:
    """Return the configured scorer on whole images: a ROI that is everything."""
    engine = load_labeler(config.labels, config.work.device).engine

    def score(reference: np.ndarray, rendering: np.ndarray) -> float:
        height, width = reference.shape[:2]
        whole = Crop((0, 0, width, height), np.ones((height, width), bool))
        return float(engine.scores(reference, [whole], [rendering]).quality[0, 0])

    return score
