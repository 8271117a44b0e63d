"""The released dataset as a workspace that verifies and trains, and a report of what did not fit.

Nothing is invented: levels come from the released scores (import_scene.py), parameters are unknown
until `seagull audit` fits them. The records say that these files are what the configuration asks
for, so that shards, verify and training take the workspace as any other; `import.json` says where
it is from.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from manifests.config import Config
from manifests.done import Done, describe, fingerprint, read_done
from manifests.errors import SeagullError
from manifests.files import write_atomic
from manifests.presets import to_yaml
from manifests.process.progress import progress
from manifests.records import Label, Rendering, Roi, Scene
from manifests.tables import write_records
from manifests.workspace import Workspace
from pipeline.intake.memory_of_sources import write_memory
from pipeline.intake.sources import Source
from pipeline.released.entries import Misfits, Region, read_regions, read_scores
from pipeline.released.import_scene import SCORER, SceneRows, import_scene
from pipeline.released.released_layout import Layout, find_layout
from pipeline.released.score_store import ScoreStore
from pipeline.run.ledger import Ledger

REPORT = "import.json"
RECORD = ("import", "seagull-100w")
WITHOUT_ABOVE = 0.92  # paper, section 3.1.3


@dataclass(frozen=True)
class Imported:
    """Counts of what came in, and of what did not with examples: import.json."""

    scenes: int
    renderings: int
    rois: int
    labels: int
    folders: dict[str, int]  # images of each Type_k
    scores_read: int
    notes: dict[str, int]
    shapes: dict[str, dict[str, Any]]  # of JSON objects that were taken for nothing
    strange_files: list[str]
    failed: dict[str, str]


def imported_config(config: Config) -> Config:
    """The configuration of an imported workspace: its scorer is the release's."""
    labels = replace(config.labels, scorer=SCORER, weights="", without_above=WITHOUT_ABOVE, also=())
    return replace(config, name="seagull-100w-released", labels=labels)


def import_100w(root: Path, out: Workspace, config: Config, limit: int | None = None) -> Imported:
    """Import the released files in `root` into the workspace `out`; at most `limit` images.

    Raises:
        SeagullError: the folder is not in the released layout, or nothing in it fits together.
    """
    layout, misfits = find_layout(root), Misfits()
    if layout.rois is None or layout.scores is None:
        raise SeagullError(
            f"{root}: no *rois*.json or no *scores*.json in it; expected"
            " Labels/SEAGULL-100w_mask-based-rois.json and Labels/SEAGULL-100w_scores.json"
        )
    config = imported_config(config)
    out.root.mkdir(parents=True, exist_ok=True)
    write_atomic(out.config, to_yaml(config))
    described = describe("config", "config", config.fingerprint, out.root, [out.config])
    described.write(out.done("config", "config"))
    images = layout.references.ids()
    regions: dict[str, list[Region]] = defaultdict(list)
    for region in read_regions(layout.rois, images, misfits):
        regions[region.image].append(region)
    store = ScoreStore(out.root / ".tmp-scores.sqlite")
    try:
        read = store.fill(read_scores(layout.scores, images, misfits))
        wanted = sorted(images)[:limit]
        made, failed = _scenes(wanted, layout, regions, store, out, config, misfits)
    finally:
        store.close()
        layout.close()
    if not made:
        raise SeagullError(
            f"{root}: no image has a reference, ROIs and scores that fit together;"
            f" seen: {dict(misfits.notes)}, {dict(misfits.shapes.most_common(3))}"
        )
    return _report(made, failed, read, layout, misfits, out)


def _scenes(
    images: Sequence[str],
    layout: Layout,
    regions: dict[str, list[Region]],
    store: ScoreStore,
    out: Workspace,
    config: Config,
    misfits: Misfits,
) -> tuple[list[Done], dict[str, str]]:
    ledger = Ledger(out, config, ["labels"])
    made: list[Done] = []
    failed: dict[str, str] = {}
    memory = {}
    with progress(len(images), "import", "images") as bar:
        for image in images:
            try:
                rows = import_scene(
                    image, layout, regions[image], store.of_image(image), out, config, misfits
                )
            except SeagullError as error:
                failed[image] = str(error)
                rows = None
            if rows:
                made.append(_record(rows, out, ledger))
                stat = Path(rows.scene.path).stat()
                path = str(Path(rows.scene.path).absolute())
                memory[path] = (stat.st_size, stat.st_mtime_ns, rows.scene.sha256)
            bar.update()
    write_memory(out, memory)
    return made, failed


def _record(rows: SceneRows, out: Workspace, ledger: Ledger) -> Done:
    """Write the scene's tables, and the records that it is done; returns one with all counts."""
    scene, key = rows.scene, rows.scene.scene_id
    files = {name: out.table_file(name, key) for name in ("scenes", "renderings", "rois", "labels")}
    write_records(files["scenes"], [scene], Scene)
    write_records(files["renderings"], rows.renderings, Rendering)
    write_records(files["rois"], rows.rois, Roi)
    write_records(files["labels"], rows.labels, Label)
    source = Source(scene.path, scene.sha256, scene.bytes, key)
    objects = sum(roi.kind == "object" for roi in rows.rois)
    images = [out.root / row.path for row in rows.renderings]
    stages = {
        "render": ([files["scenes"], files["renderings"], *images],
                   {"renderings": len(rows.renderings)}),
        "masks": ([files["rois"]], {"objects": objects, "components": len(rows.rois) - objects}),
        "labels": ([files["labels"]], {"labels": len(rows.labels)}),
    }  # fmt: skip
    counts: dict[str, int] = {}
    for stage, (paths, count) in stages.items():
        made_by = ledger.states(source)[stage].fingerprint
        describe(stage, key, made_by, out.root, paths, count).write(out.done(stage, key))
        counts |= count
    return Done("import", key, "", {}, counts)


def _report(
    made: Sequence[Done],
    failed: dict[str, str],
    read: int,
    layout: Layout,
    misfits: Misfits,
    out: Workspace,
) -> Imported:
    imported = Imported(
        scenes=len(made),
        renderings=sum(done.counts["renderings"] for done in made),
        rois=sum(done.counts["objects"] + done.counts["components"] for done in made),
        labels=sum(done.counts["labels"] for done in made),
        folders={folder.name: len(shelf.ids()) for folder, shelf in _by_name(layout)},
        scores_read=read,
        notes=dict(misfits.notes),
        shapes={
            shape: {"count": count, "example": misfits.examples[shape]}
            for shape, count in misfits.shapes.most_common(50)
        },
        strange_files=layout.strange[:200],
        failed=failed,
    )
    text = json.dumps(vars(imported), indent=1) + "\n"
    path = out.root / REPORT
    write_atomic(path, text)
    describe(*RECORD, fingerprint(text=text), out.root, [path]).write(out.done(*RECORD))
    return imported


def _by_name(layout: Layout) -> list[tuple[Any, Any]]:
    return sorted(layout.folders.items(), key=lambda item: (item[0].distortion, item[0].k))


def is_imported(space: Workspace) -> bool:
    """Whether the workspace was made by `import_100w`."""
    return read_done(space.done(*RECORD)) is not None
