"""What the folders of the released dataset are, in our parameters; and its scores beside ours.

For each `Type_k`, our distortion is fitted to pairs of a sample of scenes. A folder that holds one
setting has one parameter and little spread; `explained` is the share of the squared difference that
the fit takes away.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from labelers.engine.label_engine import load_labeler
from manifests.chance import unit_interval
from manifests.config import Config, RenderConfig, ScorerConfig
from manifests.errors import SeagullError
from manifests.files import write_atomic
from manifests.images import read_image
from manifests.keys import NO_DISTORTION, in_order
from manifests.process.progress import progress
from manifests.records import Label, Rendering, Roi, Scene
from manifests.tables import read_records
from manifests.workspace import Workspace
from pipeline.intake.sources import Source
from pipeline.released.fit import Fit, fit, fit_noise


@dataclass(frozen=True)
class FolderFit:
    """One `Type_k` over the sampled scenes.

    parameter: the median; spread: the median distance from it. options: the most frequent.
    residual and distance: medians, in 8-bit steps. explained: 1 - (residual / distance)^2.
    """

    folder: str
    distortion: str
    pairs: int
    parameter: float
    spread: float
    unit: str
    options: dict[str, Any]
    tone: str
    residual: float
    distance: float
    explained: float


@dataclass(frozen=True)
class Agreement:
    """Released scores beside a scorer's on the same ROIs of the same images."""

    distortion: str
    rois: int
    mean_difference: float  # released - ours, of quality
    mean_absolute_difference: float
    srocc: float


def audit(
    space: Workspace,
    config: Config,
    sample: int,
    scorer: ScorerConfig | None,
    raws: Sequence[Source] = (),
) -> tuple[list[FolderFit], list[Agreement], Path]:
    """Fit every folder on `sample` scenes; score these with `scorer`; write report/audit.json.

    Args:
        space: an imported workspace.
        config: its configuration; `render` says how references are thought to be developed.
        sample: scenes, drawn by hash.
        scorer: whose scores to compare; None: no comparison.
        raws: RAW files, known by stem, with which noise is fitted in stops.

    Raises:
        SeagullError: the workspace is no imported one.
    """
    scenes = sorted(
        read_records(space.table("scenes"), Scene),
        key=lambda scene: unit_interval("audit", scene.sha256),
    )[:sample]
    by_stem = {Path(source.path).stem.lower(): source for source in raws}
    fits: dict[tuple[str, str], list[Fit]] = {}
    said: list[tuple[str, float, float]] = []
    labeler = load_labeler(scorer, config.work.device) if scorer else None
    with progress(len(scenes), "audit", "scenes") as bar:
        for scene in scenes:
            pairs = _pairs(space, scene)
            raw = by_stem.get(scene.scene_id.rpartition("-")[0].lower())
            for key, found in _fit_scene(pairs, raw, config.render):
                fits.setdefault(key, []).append(found)
            if labeler:
                said += _rescored(space, scene, pairs, labeler)
            bar.update()
    order = in_order(distortion for distortion, _ in fits)
    ranked = sorted(fits, key=lambda key: (order.index(key[0]), _serial(key[1])))
    folders = [_folder(distortion, name, fits[distortion, name]) for distortion, name in ranked]
    agreements = [_agreement(name, [s for s in said if s[0] == name]) for name in order if said]
    content = {
        "sampled_scenes": [scene.scene_id for scene in scenes],
        "scorer": scorer.scorer if scorer else None,
        "folders": [asdict(one) for one in folders],
        "scores": [asdict(one) for one in agreements],
    }
    path = space.report / "audit.json"
    write_atomic(path, json.dumps(content, indent=1) + "\n")
    return folders, agreements, path


Pair = tuple[Rendering, str, np.ndarray]  # row, folder, picture


def _pairs(space: Workspace, scene: Scene) -> list[Pair]:
    """The reference first, then each distorted picture with its folder."""
    rows = read_records(space.table_file("renderings", scene.scene_id), Rendering)
    found = []
    for row in rows:
        folder = json.loads(row.params).get("folder", "")
        if row.distortion != NO_DISTORTION and not folder:
            raise SeagullError(
                f"{space.root} is no imported workspace: {row.rendering_id} names no folder; run"
                " `seagull import --seagull-100w FOLDER --out OUT` first"
            )
        found.append((row, folder, read_image(space.root / row.path)))
    return found


def _fit_scene(
    pairs: Sequence[Pair], raw: Source | None, render: RenderConfig
) -> list[tuple[tuple[str, str], Fit]]:
    reference = pairs[0][2]
    found = [
        ((row.distortion, folder), fit(row.distortion, reference, picture))
        for row, folder, picture in pairs[1:]
        if not (raw and row.distortion == "noise")
    ]
    noisy = [(folder, picture) for row, folder, picture in pairs if row.distortion == "noise"]
    if raw and noisy:
        fits = fit_noise(
            Path(raw.path), raw.sha256, [(reference, picture) for _, picture in noisy], render
        )
        found += [(("noise", name), one) for (name, _), one in zip(noisy, fits, strict=True)]
    return found


def _serial(folder: str) -> int:
    return int(folder.rpartition("_")[2])


def _folder(distortion: str, name: str, fits: Sequence[Fit]) -> FolderFit:
    options = [fit.options for fit in fits]
    usual = max(set(options), key=options.count)
    tones = [fit.tone for fit in fits]
    mine = [fit for fit in fits if fit.options == usual or distortion == "noise"]
    parameters = np.array([fit.parameter for fit in mine])
    middle = float(np.median(parameters))
    residual, distance = (
        float(np.median([getattr(fit, key) for fit in fits])) for key in ("residual", "distance")
    )
    return FolderFit(
        folder=name,
        distortion=distortion,
        pairs=len(fits),
        parameter=middle,
        spread=float(np.median(np.abs(parameters - middle))),
        unit=fits[0].unit,
        options=dict(usual),
        tone=max(set(tones), key=tones.count),
        residual=residual,
        distance=distance,
        explained=1 - (residual / distance) ** 2 if distance else 0.0,
    )


def _rescored(
    space: Workspace, scene: Scene, pairs: Sequence[Pair], labeler: Any
) -> list[tuple[str, float, float]]:
    """(distortion, released quality, the scorer's) of every labelled ROI."""
    rois = read_records(space.table_file("rois", scene.scene_id), Roi)
    labels = read_records(space.table_file("labels", scene.scene_id), Label)
    released = {(label.rendering_id, label.roi_id): label.quality for label in labels}
    ours = labeler.label(pairs[0][2], rois, [(row, picture) for row, _, picture in pairs[1:]])
    kinds: Mapping[str, str] = {row.rendering_id: row.distortion for row, _, _ in pairs}
    return [
        (kinds[one.rendering_id], released[one.rendering_id, one.roi_id], one.quality)
        for one in ours
        if (one.rendering_id, one.roi_id) in released
    ]


def _agreement(name: str, said: Sequence[tuple[str, float, float]]) -> Agreement:
    theirs, ours = (np.array([row[column] for row in said]) for column in (1, 2))
    constant = len(said) < 2 or np.ptp(theirs) == 0 or np.ptp(ours) == 0
    return Agreement(
        distortion=name,
        rois=len(said),
        mean_difference=float((theirs - ours).mean()) if said else 0.0,
        mean_absolute_difference=float(np.abs(theirs - ours).mean()) if said else 0.0,
        srocc=float("nan") if constant else float(spearmanr(theirs, ours).statistic),
    )
