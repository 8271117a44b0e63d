"""The released dataset as a workspace that verifies and trains, and a report of what did not fit.

Nothing is invented: levels come from the released scores (import_scene.py), parameters are unknown
until `seagull audit` fits them. The records say that these files are what the configuration asks
for, so that shards, verify and training take the workspace as any other; `import.json` says where
it is from.
"""

import json
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
from pipeline.released.entries import Misfits, read_regions, read_scores
from pipeline.released.import_scene import SCORER, SceneRows, import_scene
from pipeline.released.import_store import ImportStore
from pipeline.released.released_layout import Layout, find_layout
from pipeline.run.ledger import Ledger

REPORT = "import.json"
RECORD = ("import", "seagull-100w")
STORE = "import.sqlite"  # while the import is not complete
STAGES = ("render", "masks", "labels")
VERSION = 1
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
    config, images = imported_config(config), layout.references.ids()
    inputs = _inputs(layout.rois, layout.scores, layout, config)
    before = _before(out, fingerprint(inputs=inputs, limit=limit))
    if before:
        layout.close()
        return before
    out.root.mkdir(parents=True, exist_ok=True)
    write_atomic(out.config, to_yaml(config))
    described = describe("config", "config", config.fingerprint, out.root, [out.config])
    described.write(out.done("config", "config"))
    store = ImportStore(out.root / STORE, inputs)
    try:
        read = store.fill(
            read_regions(layout.rois, images, misfits),
            read_scores(layout.scores, images, misfits),
            misfits,
        )
        wanted = sorted(images)[:limit]
        made, failed = _scenes(wanted, layout, store, out, config, misfits)
    finally:
        store.close()
        layout.close()
    if not made:
        raise SeagullError(
            f"{root}: no image has a reference, ROIs and scores that fit together;"
            f" seen: {dict(misfits.notes)}, {dict(misfits.shapes.most_common(3))}"
        )
    identity = fingerprint(inputs=inputs, limit=limit)
    imported = _report(made, failed, read, layout, misfits, out, identity)
    store.remove()
    return imported


def _inputs(rois: Path, scores: Path, layout: Layout, config: Config) -> str:
    """The fingerprint of all that an import reads, by size and time of change of the large."""
    stats = [path.stat() for path in (rois, scores)]
    shelves = [("", layout.references), *((f.name, shelf) for f, shelf in _by_name(layout))]
    return fingerprint(
        version=VERSION,
        files=[(stat.st_size, stat.st_mtime_ns) for stat in stats],
        images=[(name, sorted(shelf.ids())) for name, shelf in shelves],
        config=config.fingerprint,
    )


def _before(out: Workspace, identity: str) -> Imported | None:
    """The report of an earlier import of the same, where all that it made still stands."""
    done = read_done(out.done(*RECORD))
    if done is None or done.fingerprint != identity or done.first_change(out.root):
        return None
    imported = Imported(**json.loads((out.root / REPORT).read_text()))
    keys = [path.stem for path in out.done("labels", "*").parent.glob("*.json")]
    return imported if len(keys) >= imported.scenes and all(_stand(out, k) for k in keys) else None


def _stand(out: Workspace, key: str) -> bool:
    """Whether a scene's records and files are there."""
    dones = [read_done(out.done(stage, key)) for stage in STAGES]
    return all(done and done.first_change(out.root) is None for done in dones)


def _scenes(
    images: Sequence[str],
    layout: Layout,
    store: ImportStore,
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
            came = store.settled(image)
            if came is None or not (came["key"] and _stand(out, came["key"])):
                came = _settle(image, layout, store, out, config, ledger)
                store.settle(image, came)
            misfits.notes.update(came["notes"])
            if came["failed"]:
                failed[image] = came["failed"]
            if came["key"]:
                made.append(Done("import", came["key"], "", {}, came["counts"]))
                path, size, changed, sha256 = came["file"]
                memory[path] = (size, changed, sha256)
            bar.update()
    write_memory(out, memory)
    return made, failed


def _settle(
    image: str,
    layout: Layout,
    store: ImportStore,
    out: Workspace,
    config: Config,
    ledger: Ledger,
) -> dict[str, Any]:
    """Import one image; what came of it, as plain values."""
    came: dict[str, Any] = {"key": "", "counts": {}, "file": None, "failed": ""}
    misfits = Misfits()
    try:
        regions, scores = store.regions_of(image), store.of_image(image)
        rows = import_scene(image, layout, regions, scores, out, config, misfits)
    except SeagullError as error:
        return came | {"failed": str(error), "notes": dict(misfits.notes)}
    if rows:
        done, path = _record(rows, out, ledger), Path(rows.scene.path)
        stat = path.stat()
        came |= {"key": done.key, "counts": dict(done.counts)}
        came["file"] = [str(path.absolute()), stat.st_size, stat.st_mtime_ns, rows.scene.sha256]
    return came | {"notes": dict(misfits.notes)}


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
    identity: str,
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
    describe(*RECORD, identity, out.root, [path]).write(out.done(*RECORD))
    return imported


def _by_name(layout: Layout) -> list[tuple[Any, Any]]:
    return sorted(layout.folders.items(), key=lambda item: (item[0].distortion, item[0].k))


def is_imported(space: Workspace) -> bool:
    """Whether the workspace was made by `import_100w`."""
    return read_done(space.done(*RECORD)) is not None
