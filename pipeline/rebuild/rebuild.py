"""A recipe and the RAW files to the pixels again, on somebody else's machine.

The RAW files are known by their sha256, whatever they are called now. A scene whose renderings are
all identical gets the recipe's masks and labels, which describe these very bytes; another keeps its
renderings and is to be labelled anew, since a label is computed from the bytes that ship.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from manifests.compacted import has_records, scene_bytes
from manifests.config import Config
from manifests.done import describe
from manifests.errors import SeagullError
from manifests.files import write_atomic
from manifests.presets import load_config, to_yaml
from manifests.records import Roi, Scene
from manifests.tables import read_records
from manifests.workspace import Workspace
from pipeline.intake.sources import Source, find_sources
from pipeline.rebuild.compare import Comparison, compare_scene
from pipeline.release.environment import differences, environment
from pipeline.release.release import LEVELS
from pipeline.run.flow import Flow
from pipeline.run.ledger import Ledger
from pipeline.workers.executors import Executor


@dataclass(frozen=True)
class Rebuilt:
    """What came of it.

    missing: names of RAW files that are not there. failed: scenes that could not be rendered.
    machine: how this machine differs from the one that released. unlabelled: why masks and labels
    of identical scenes could not be taken over, or "".
    """

    comparisons: tuple[Comparison, ...]
    missing: tuple[str, ...]
    failed: int
    machine: tuple[str, ...]
    unlabelled: str

    @property
    def whole(self) -> bool:
        """Whether every rendering is there and is the recipe's byte for byte."""
        changed = any(one.differing or one.absent for one in self.comparisons)
        return not (self.missing or self.failed or changed)


def rebuild(
    recipe: Path,
    raw: Path,
    out: Workspace,
    start: Callable[[Config], Executor],
    against: Workspace | None = None,
) -> Rebuilt:
    """Make the recipe's renderings from the RAW files in `raw`, into the workspace `out`.

    Args:
        recipe: a release's folder.
        raw: where the RAW files are.
        out: a workspace, made or taken up again.
        start: makes the executor, when there is anything to do.
        against: a workspace with the original pixels, for exact differences.

    Raises:
        SeagullError: `recipe` is none, or none of its RAW files is in `raw`.
    """
    about, config = read_recipe(recipe)
    theirs = Workspace(recipe)
    scenes = read_records(theirs.table("scenes"), Scene)
    sources, missing = _match(scenes, find_sources(raw, out).sources)
    if not sources:
        raise SeagullError(
            f"{raw} holds none of the {len(scenes)} RAW files of {recipe} (they are known by"
            " sha256, not by name)"
        )
    write_atomic(out.config, to_yaml(config))
    described = describe("config", "config", config.fingerprint, out.root, [out.config])
    described.write(out.done("config", "config"))
    tally = Flow(sources, ["render"], out, config).run(lambda: start(config))
    made = [s for s in sources if has_records(out.table_file("renderings", s.scene_id))]
    comparisons = tuple(compare_scene(s.scene_id, theirs, out, against) for s in made)
    same = {one.scene_id for one in comparisons if not (one.differing or one.absent)}
    unlabelled = _take_over([s for s in made if s.scene_id in same], theirs, out, config)
    machine = tuple(differences(about["environment"], environment()))
    rebuilt = Rebuilt(comparisons, missing, tally.failures, machine, unlabelled)
    text = json.dumps(asdict(rebuilt), indent=1, default=str) + "\n"
    write_atomic(out.report / "rebuild.json", text)
    return rebuilt


def read_recipe(recipe: Path) -> tuple[dict[str, Any], Config]:
    """Read a release's release.json and configuration.

    Raises:
        SeagullError: the folder is no release.
    """
    try:
        about = json.loads((recipe / "release.json").read_text())
    except (OSError, ValueError) as error:
        raise SeagullError(
            f"{recipe} is no release: its release.json cannot be read ({error}); give the folder"
            " that `seagull release` made"
        ) from error
    config = load_config(str(recipe / "config.yaml"))
    if config.render.levels != "shipped":
        levels = str(recipe / LEVELS)
        config = replace(config, render=replace(config.render, levels=levels))
    return about, config


def _match(
    scenes: Sequence[Scene], found: Sequence[Source]
) -> tuple[tuple[Source, ...], tuple[str, ...]]:
    """The recipe's scenes with the RAW files that are theirs, and the names of those without."""
    by_hash = {source.sha256: source for source in found}
    sources = [
        Source(by_hash[s.sha256].path, s.sha256, s.bytes, s.scene_id)
        for s in scenes
        if s.sha256 in by_hash
    ]
    return tuple(sources), tuple(s.path for s in scenes if s.sha256 not in by_hash)


def _take_over(sources: Sequence[Source], recipe: Workspace, out: Workspace, config: Config) -> str:
    """Masks and labels of identical scenes, recorded as done; returns why they could not be."""
    try:
        ledger = Ledger(out, config, ["labels"])
    except SeagullError as error:
        return f"masks and labels stay in the recipe: {error}"
    for source in sources:
        for stage, tables in (("masks", ("rois",)), ("labels", ("labels", "scores"))):
            state = ledger.states(source)[stage]
            if state.status == "ready":
                _install(stage, tables, source, state.fingerprint, recipe, out)
    return ""


def _install(
    stage: str,
    tables: Sequence[str],
    source: Source,
    fingerprint: str,
    recipe: Workspace,
    out: Workspace,
) -> None:
    key = source.scene_id
    there = [name for name in tables if has_records(recipe.table_file(name, key))]
    if not there:
        return  # the scene failed in this stage when the recipe was made
    paths = []
    for name in there:
        paths.append(out.table_file(name, key))
        write_atomic(paths[-1], scene_bytes(recipe.table_file(name, key)))
    done = describe(stage, key, fingerprint, out.root, paths, _counts(there, key, out))
    done.write(out.done(stage, key))


def _counts(tables: Sequence[str], key: str, out: Workspace) -> dict[str, int]:
    if "rois" in tables:
        rois = read_records(out.table_file("rois", key), Roi)
        objects = sum(roi.kind == "object" for roi in rois)
        return {"objects": objects, "components": len(rois) - objects}
    import pyarrow.parquet as pq

    return {name: pq.read_metadata(out.table_file(name, key)).num_rows for name in tables}
