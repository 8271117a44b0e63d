"""One HTML file to open: everything of a workspace that is better looked at than read.

Pictures are inside the file. A section whose data are not there yet says which command makes them.
"""

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd

from isp.tools.contact_sheet import contact_sheet, thumbnail
from manifests.config import Config
from manifests.errors import SeagullError
from manifests.files import write_atomic
from manifests.images import encode_jpeg, fitted, read_image
from manifests.keys import NO_DISTORTION
from manifests.presets import to_yaml
from manifests.records import Rendering, Roi, Scene
from manifests.tables import read_records
from manifests.workspace import Workspace
from pipeline.look import figures
from pipeline.look.show import draw_rois
from pipeline.run.failures import read_failures

MOST_LABELS = 300_000  # drawn from as many whole scenes as hold about this many
SHOWN_SCENES = 12


@dataclass(frozen=True)
class Learned:
    """What a stage of training left: its evaluation and its curve."""

    name: str
    evaluation: dict[str, Any]
    curve: list[dict[str, Any]]


def write_report(workspace: Workspace, config: Config) -> Path:
    """Write report/index.html; returns its path.

    Raises:
        SeagullError: the workspace holds no scene.
    """
    scenes = read_records(workspace.table("scenes"), Scene)
    if not scenes:
        raise SeagullError(f"{workspace.root} holds no scene yet; run `seagull build`")
    labels = _labels(workspace, scenes)
    shown = _most_varied(workspace, scenes[:SHOWN_SCENES])
    learned = [_learned(workspace, name) for name in ("pretrain", "finetune")]
    page = _template().render(
        name=config.name,
        summary=summary(workspace),
        sheet=_jpeg_uri(_sheet(workspace, shown)),
        sheet_scene=shown,
        references=[_reference(workspace, scene) for scene in scenes[:SHOWN_SCENES]],
        scenes=len(scenes),
        quality=_png_uri(figures.quality_by_level(labels)) if len(labels) else "",
        distributions=_distributions(workspace, labels),
        labels_shown=len(labels),
        failures=read_failures(workspace),
        learned=[_learned_section(one) for one in learned if one],
        card=_json(workspace.dataset_card),
        config=to_yaml(config),
    )
    path = workspace.report / "index.html"
    write_atomic(path, page)
    return path


def summary(workspace: Workspace) -> list[tuple[str, str]]:
    """Yield the counts and scores that matter, as rows of name and value."""
    rows = [(name, f"{_count(workspace, name):,}") for name in ("scenes", "renderings", "rois")]
    rows.append(("labels", f"{_count(workspace, 'labels'):,}"))
    card = _json(workspace.dataset_card)
    if card:
        shards = " + ".join(f"{c['samples']} {s}" for s, c in card["counts"].items())
        rows += [("scorer", card["scorer"]), ("samples", shards)]
    for name in ("pretrain", "finetune"):
        learned = _learned(workspace, name)
        if learned:
            rows += _scores(learned)
    rows.append(("failures", str(len(read_failures(workspace)))))
    return rows


def _scores(learned: Learned) -> list[tuple[str, str]]:
    wanted = ("quality_srocc", "importance_srocc", "type_accuracy", "type_majority", "f1")
    found = {key: learned.evaluation[key] for key in wanted if key in learned.evaluation}
    simulated = " (simulated raters)" if learned.evaluation.get("raters") == "simulated" else ""
    return [(f"{learned.name}: {key}{simulated}", f"{value:.3f}") for key, value in found.items()]


def _count(workspace: Workspace, table: str) -> int:
    import pyarrow.dataset as ds

    folder = workspace.table(table)
    return ds.dataset(folder, format="parquet").count_rows() if folder.is_dir() else 0


def _template() -> jinja2.Template:
    source = Path(__file__).with_name("report.html").read_text(encoding="utf-8")
    return jinja2.Environment(autoescape=True, trim_blocks=True).from_string(source)


def _jpeg_uri(image: np.ndarray) -> str:
    return _uri("jpeg", encode_jpeg(image, 85, "420"))


def _png_uri(content: bytes) -> str:
    return _uri("png", content)


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _most_varied(workspace: Workspace, scenes: Sequence[Scene]) -> str:
    """Choose the scene whose reference has the widest spread: distortions show best on it."""

    def spread(scene: Scene) -> float:
        rows = read_records(workspace.table_file("renderings", scene.scene_id), Rendering)
        return float(read_image(workspace.root / rows[0].path).std(axis=(0, 1)).mean())

    return max(scenes, key=spread).scene_id


def _sheet(workspace: Workspace, scene: str) -> np.ndarray:
    rows = read_records(workspace.table_file("renderings", scene), Rendering)
    pictures = {
        (row.distortion, row.level): thumbnail(read_image(workspace.root / row.path))
        for row in rows
    }
    reference = pictures.pop((NO_DISTORTION, 0))
    sheet = contact_sheet(pictures)
    margin = np.full((sheet.shape[0], reference.shape[1], 3), 128, np.uint8)
    margin[: reference.shape[0]] = reference
    return np.hstack([margin, sheet])


def _reference(workspace: Workspace, scene: Scene) -> dict[str, str]:
    path = workspace.table_file("rois", scene.scene_id)
    rois = read_records(path, Roi) if path.exists() else []
    rows = read_records(workspace.table_file("renderings", scene.scene_id), Rendering)
    image = draw_rois(read_image(workspace.root / rows[0].path), rois)
    kinds = Counter(roi.kind for roi in rois)
    text = f"{scene.scene_id}: {kinds['object']} objects, {kinds['component']} components"
    return {"image": _jpeg_uri(fitted(image, 480)), "text": f"{text}, {scene.split}"}


def _labels(workspace: Workspace, scenes: Sequence[Scene]) -> pd.DataFrame:
    parts: list[pd.DataFrame] = []
    for scene in scenes:
        path = workspace.table_file("labels", scene.scene_id)
        if path.exists() and sum(map(len, parts)) < MOST_LABELS:
            renderings = pd.read_parquet(
                workspace.table_file("renderings", scene.scene_id),
                columns=["rendering_id", "distortion", "level"],
            )
            parts.append(pd.read_parquet(path).merge(renderings, on="rendering_id"))
    return pd.concat(parts) if parts else pd.DataFrame()


def _distributions(workspace: Workspace, labels: pd.DataFrame) -> str:
    if not len(labels):
        return ""
    top = _json(workspace.dataset_card).get("importance_top", float("nan"))
    return _png_uri(figures.distributions(labels[labels.distortion != "none"], top))


def _learned(workspace: Workspace, name: str) -> Learned | None:
    folder = workspace.models / name
    evaluation = _json(folder / "evaluation.json")
    curve = folder / "curve.jsonl"
    if not (evaluation or curve.exists()):
        return None
    rows = [json.loads(line) for line in curve.read_text().splitlines()] if curve.exists() else []
    return Learned(name, evaluation, rows)


def _learned_section(learned: Learned) -> dict[str, Any]:
    matrix = learned.evaluation.get("confusion")
    return {
        "name": learned.name,
        "curve": _png_uri(figures.training_curve({learned.name: learned.curve}))
        if learned.curve
        else "",
        "confusion": _png_uri(figures.confusion_matrix(matrix["labels"], matrix["matrix"]))
        if matrix
        else "",
        "scores": _flat(learned.evaluation),
        "examples": learned.evaluation.get("examples", []),
    }


def _flat(evaluation: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Numbers and words, those in nested tables under `table: name`."""
    rows: dict[str, Any] = {}
    for key, value in evaluation.items():
        if isinstance(value, int | float | str):
            rows[f"{prefix}{key}"] = value
        elif isinstance(value, dict) and key != "confusion":
            rows |= _flat(value, f"{prefix}{key}: ")
    return rows


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {}
