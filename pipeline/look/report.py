"""One HTML file to open: everything of a workspace that is better looked at than read.

Pictures are inside the file. A section whose data are not there yet says which command makes them.
"""

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd

from isp.tools.contact_sheet import thumbnail
from manifests.config import Config
from manifests.errors import SeagullError
from manifests.files import write_atomic
from manifests.images import encode_jpeg, fitted, read_image
from manifests.keys import NO_DISTORTION, in_order
from manifests.presets import to_yaml
from manifests.records import Rendering, Roi, Scene
from manifests.tables import read_records
from manifests.workspace import Workspace
from pipeline.look import figures
from pipeline.look.learned_stage import Learned, read_json, read_learned
from pipeline.look.report_tables import Table, assessment_table, type_table, word_table
from pipeline.look.run_figure import run_figure
from pipeline.look.show import draw_rois
from pipeline.look.study_section import study_section
from pipeline.run.events import read_events
from pipeline.run.failures import read_failures

MOST_LABELS = 300_000  # drawn from as many whole scenes as hold about this many
SHOWN_SCENES = 12
TILE = 56  # pixels of a tile's height


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
    learned = [one for one in (read_learned(workspace, n) for n in ("pretrain", "finetune")) if one]
    page = _template().render(
        name=config.name,
        counts=_counts(workspace),
        scenes=_scene_counts(scenes),
        card=read_json(workspace.dataset_card),
        sheet=_sheet(workspace, shown),
        sheet_scene=shown,
        references=[_reference(workspace, scene) for scene in scenes[:SHOWN_SCENES]],
        quality=_png_uri(figures.quality_by_level(labels)) if len(labels) else "",
        distributions=_distributions(workspace, labels),
        run=_png_uri(run_figure(events)) if (events := read_events(workspace)) else "",
        labels_shown=len(labels),
        study=_study(workspace),
        tables=_tables(learned),
        learned=[_learned_section(one) for one in learned],
        failures=read_failures(workspace),
        config=to_yaml(config),
    )
    path = workspace.report / "index.html"
    write_atomic(path, page)
    return path


def _counts(workspace: Workspace) -> list[tuple[str, str]]:
    names = ("scenes", "renderings", "rois", "labels")
    return [(name, f"{_count(workspace, name):,}") for name in names]


def _scene_counts(scenes: Sequence[Scene]) -> dict[str, list[tuple[str, int]]]:
    """How many scenes there are of each split and camera, the most first."""
    cameras = Counter(scene.camera_model or "unknown" for scene in scenes)
    return {
        "split": sorted(Counter(scene.split for scene in scenes).items()),
        "camera": sorted(cameras.items(), key=lambda item: (-item[1], item[0]))[:12],
    }


def _tables(learned: Sequence[Learned]) -> list[tuple[str, Table]]:
    """The paper's two tables and that of words, for all that has an evaluation."""
    found = {one.title: one.evaluation for one in learned if one.evaluation}
    if not found:
        return []
    return [
        ("Assessment (the paper's table 1)", assessment_table(found)),
        ("Types (the paper's table 2)", type_table(found)),
        ("Words", word_table(found)),
    ]


def summary(workspace: Workspace) -> list[tuple[str, str]]:
    """Yield the counts and scores that matter, as rows of name and value."""
    rows = _counts(workspace)
    card = read_json(workspace.dataset_card)
    if card:
        shards = " + ".join(f"{c['samples']} {s}" for s, c in card["counts"].items())
        rows += [("scorer", card["scorer"]), ("samples", shards)]
    for name in ("pretrain", "finetune"):
        learned = read_learned(workspace, name)
        if learned:
            rows += _scores(learned)
    rows += _agreement(read_json(Workspace(workspace.study).dataset_card))
    rows.append(("failures", str(len(read_failures(workspace)))))
    return rows


def _agreement(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Krippendorff's alpha of each question of the study, where there is one."""
    simulated = " (simulated raters)" if card.get("simulated") else ""
    found = card.get("agreement", {})
    return [(f"study: alpha {name}{simulated}", f"{value:.3f}") for name, value in found.items()]


def _scores(learned: Learned) -> list[tuple[str, str]]:
    wanted = ("quality_srocc", "importance_srocc", "type_accuracy", "type_majority", "f1")
    scores = {key: learned.evaluation[key] for key in wanted if key in learned.evaluation}
    simulated = " (simulated raters)" if learned.evaluation.get("raters") == "simulated" else ""
    return [(f"{learned.name}: {key}{simulated}", f"{value:.3f}") for key, value in scores.items()]


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
        return float(read_image(workspace.file(rows[0].path)).std(axis=(0, 1)).mean())

    return max(scenes, key=spread).scene_id


def _sheet(workspace: Workspace, scene: str) -> list[tuple[str, list[dict[str, Any]]]]:
    """A row a distortion: tiles that open the rendering where it lies beside the report."""
    rows = read_records(workspace.table_file("renderings", scene), Rendering)
    reference = [row for row in rows if row.distortion == NO_DISTORTION]
    names = in_order(row.distortion for row in rows if row.distortion != NO_DISTORTION)
    first = [_tile(workspace, row) for row in reference]
    return [
        (name, first + [_tile(workspace, row) for row in rows if row.distortion == name])
        for name in names
    ]


def _tile(workspace: Workspace, row: Rendering) -> dict[str, Any]:
    small = thumbnail(read_image(workspace.file(row.path)), TILE)
    what = "reference" if row.distortion == NO_DISTORTION else f"{row.distortion} {row.level}"
    return {
        "image": _jpeg_uri(small),
        "path": f"../{row.path}",
        "level": row.level,
        "text": f"{what}: {row.parameter:g} {row.unit}".strip() if row.level else what,
    }


def _reference(workspace: Workspace, scene: Scene) -> dict[str, str]:
    path = workspace.table_file("rois", scene.scene_id)
    rois = read_records(path, Roi) if path.exists() else []
    rows = read_records(workspace.table_file("renderings", scene.scene_id), Rendering)
    image = draw_rois(read_image(workspace.file(rows[0].path)), rois)
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
    top = read_json(workspace.dataset_card).get("importance_top", float("nan"))
    return _png_uri(figures.distributions(labels[labels.distortion != "none"], top))


def _study(workspace: Workspace) -> dict[str, Any]:
    section = study_section(Workspace(workspace.study))
    return section | {"figure": _png_uri(section["figure"])} if section else {}


def _learned_section(learned: Learned) -> dict[str, Any]:
    matrix = learned.evaluation.get("confusion")
    return {
        "name": learned.name,
        "curve": _png_uri(figures.training_curve(learned.curve, learned.validation))
        if learned.curve
        else "",
        "course": learned.course,
        "confusion": _png_uri(figures.confusion_matrix(matrix["labels"], matrix["matrix"]))
        if matrix
        else "",
        "title": learned.title,
        "scores": learned.scores,
        "examples": learned.evaluation.get("examples", []),
    }
