"""The folder that goes out: shards, compacted tables, documents, SHA256SUMS.

    NAME/                      NAME = dataset-version-fingerprint
      README.md DATASHEET.md croissant.json SHA256SUMS config.yaml release.json failures.json
      shards/dataset.json  shards/{train,val,test}/NAME-{split}-000000.{tar,parquet}
      tables/{scenes,renderings,rois,labels,...}/NAME-{split}-00000.parquet
      pictures/              study/ as study_part.py says, where there is one

It is laid out as a workspace, so that what reads one reads the other. A recipe (`recipe_only`) has
no shards and no pictures, and one table more: `sketches`.
It is written under a temporary name and appears whole.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from labelers.scorers.all_scorers import RELEASED
from manifests.compacted import scene_bytes
from manifests.config import Config
from manifests.done import read_done
from manifests.errors import SeagullError
from manifests.files import TEMPORARY_PREFIX, sha256_of_file, write_atomic
from manifests.process.progress import progress
from manifests.records import Scene
from manifests.tables import read_records
from manifests.workspace import SPLITS, Workspace
from pipeline.dataset.samples import seagull_100w
from pipeline.dataset.shards import find_ready, is_done, plan_shards
from pipeline.release.compact import TABLES, write_compacted
from pipeline.release.croissant import croissant
from pipeline.release.documents import About, dataset_card, datasheet
from pipeline.release.environment import environment
from pipeline.release.facts import gather
from pipeline.release.hub_features import sample_features
from pipeline.release.naming import public_config, public_scenes, release_name
from pipeline.release.pictures import pictures
from pipeline.release.sketches import sketches_of
from pipeline.release.study_part import FOLDER, Study, asked_for, find_study, write_study
from pipeline.release.terms import check_terms
from pipeline.run.failures import read_failures

SUMS = "SHA256SUMS"
LEVELS = "levels.yaml"  # the settings, where they are not the shipped ones


def release(workspace: Workspace, config: Config, folder: Path, recipe_only: bool = False) -> Path:
    """Write the release into `folder`, under its name; returns its path.

    Raises:
        SeagullError: a question about rights is open, the shards are missing or of another
            configuration, a release of this name is there already, or the data are imported.
    """
    check_terms(config.release, pixels=not recipe_only)
    if config.labels.scorer == RELEASED:
        raise SeagullError(
            f"{workspace.root} holds the released SEAGULL-100w: its authors publish it, and what a"
            " release says of RAW files and labels would not be true of it"
        )
    card, study = _card(workspace, config), asked_for(find_study(workspace), config.release)
    name = release_name(config, recipe_only)
    target, draft = folder / name, folder / f"{TEMPORARY_PREFIX}{name}"
    if target.exists():
        raise SeagullError(
            f"{target} is there already; a release does not change: raise release.version, or"
            " remove it"
        )
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    _fill(draft, name, workspace, config, card, recipe_only, study)
    write_sums(draft)
    draft.rename(target)
    return target


def _card(workspace: Workspace, config: Config) -> dict[str, Any]:
    try:
        card: dict[str, Any] = json.loads(workspace.dataset_card.read_text())
    except (OSError, ValueError) as error:
        raise SeagullError(
            f"{workspace.dataset_card} is missing: there are no shards; run `seagull shards` first"
        ) from error
    if card.get("config") != config.fingerprint and not _are_of(workspace, config):
        raise SeagullError(
            f"{workspace.root}: its shards were made by configuration {card.get('config')}, asked"
            f" for is {config.fingerprint}; run `seagull shards` with it first"
        )
    return card | {"config": config.fingerprint}


def _are_of(workspace: Workspace, config: Config) -> bool:
    """Whether the shards are what `config` would make, though another one wrote their card.

    They differ in what no shard depends on: a training, a study.
    """
    dataset = seagull_100w(workspace)
    try:
        ready = find_ready(dataset, config, with_missing=True, write=False)
    except SeagullError:
        return False
    return all(is_done(dataset, plan) for plan in plan_shards(dataset, ready, config))


def _fill(
    draft: Path,
    name: str,
    workspace: Workspace,
    config: Config,
    card: Mapping[str, Any],
    recipe_only: bool,
    study: Study | None,
) -> None:
    facts = gather(workspace, dict(card))
    failures = [vars(failure) for failure in read_failures(workspace)]
    about = About(config, facts, card, environment(), len(failures), recipe_only, study)
    scenes = read_records(workspace.table("scenes"), Scene)
    splits = [s for s in SPLITS if any(scene.split == s for scene in scenes)]
    tables = _tables(draft, name, workspace, scenes)
    write_atomic(draft / "shards" / "dataset.json", _text(card))
    features: list[dict[str, Any]] = []
    if recipe_only:
        tables["sketches"] = _sketches(draft, name, workspace, scenes)
    else:
        _shards(draft, name, workspace, card["dataset"])
        features = sample_features(next((draft / "shards").rglob("*.tar")))
        for picture, content in pictures(workspace, facts, card["importance_top"]).items():
            write_atomic(draft / "pictures" / picture, content)
    if study:
        write_study(draft, name, study)
        _study_shards(draft / FOLDER, name, study, recipe_only)
    write_atomic(draft / "config.yaml", public_config(config))
    if config.render.levels != "shipped":
        shutil.copyfile(config.render.levels, draft / LEVELS)
    write_atomic(draft / "failures.json", _text([_public(failure) for failure in failures]))
    write_atomic(draft / "release.json", _text(_record(about, name)))
    write_atomic(draft / "README.md", dataset_card(about, splits, tables, features))
    write_atomic(draft / "DATASHEET.md", datasheet(about))
    today = datetime.now(UTC)
    write_atomic(draft / "croissant.json", croissant(about, draft, sums(draft), today))


def _text(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True) + "\n"


def _public(failure: Mapping[str, Any]) -> dict[str, Any]:
    """Without the message, which may name folders."""
    return {key: value for key, value in failure.items() if key != "message"}


def _record(about: About, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "version": about.config.release.version,
        "config": about.config.fingerprint,
        "recipe_only": about.recipe,
        "environment": dict(about.environment),
    }


def _tables(
    draft: Path, name: str, workspace: Workspace, scenes: list[Scene]
) -> dict[str, list[str]]:
    """Every table by split; returns which splits each has."""
    found: dict[str, list[str]] = {}
    for table in TABLES:
        for split in SPLITS:
            mine = [scene.scene_id for scene in scenes if scene.split == split]
            rows = _scene_tables(workspace, table, mine)
            if write_compacted(rows, draft / "tables" / table, f"{name}-{split}"):
                found.setdefault(table, []).append(split)
    return found


def _scene_tables(workspace: Workspace, table: str, keys: list[str]) -> Iterator[pa.Table]:
    for key in keys:
        try:
            content = scene_bytes(workspace.table_file(table, key))
        except OSError:
            continue  # a scene that failed in a later stage, or a table that was not asked for
        rows = pq.read_table(pa.BufferReader(content))
        yield public_scenes(rows) if table == "scenes" else rows


def _sketches(draft: Path, name: str, workspace: Workspace, scenes: list[Scene]) -> list[str]:
    """The sketches by split; returns which there are."""
    found = []
    with progress(len(scenes), "sketches", "scenes") as bar:
        for split in SPLITS:
            mine = [scene.scene_id for scene in scenes if scene.split == split]
            rows = sketches_of(workspace, mine, bar)
            if write_compacted(rows, draft / "tables" / "sketches", f"{name}-{split}"):
                found.append(split)
    return found


def _shards(draft: Path, name: str, workspace: Workspace, dataset: str) -> None:
    """The tars, linked where the file system can; their indices under the release's name."""
    for split in SPLITS:
        for record in sorted(workspace.shards(split).glob("*.done.json")):
            done = read_done(record)
            if done is None:
                raise SeagullError(f"{record} cannot be read; run `seagull shards`")
            tar = record.with_name(f"{done.key}.tar")
            renamed = done.key.replace(dataset, name, 1)
            to = draft / "shards" / split / f"{renamed}.tar"
            _link(tar, to)
            index = pq.read_table(record.with_name(f"{done.key}.parquet"))
            _write_index(index, to)


def _study_shards(draft: Path, name: str, study: Study, recipe_only: bool) -> None:
    """The rated renderings, where they are of the dataset's RAW files and pixels go out."""
    if study.with_pixels and not recipe_only and study.space.dataset_card.exists():
        card = json.loads(study.space.dataset_card.read_text())
        _shards(draft, name, study.space, card["dataset"])
        write_atomic(draft / "shards" / "dataset.json", _text(card))


def _link(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, to)
    except OSError:
        shutil.copyfile(file, to)


def _write_index(index: pa.Table, tar: Path) -> None:
    where = index.schema.get_field_index("shard")
    names = pa.array([tar.name] * len(index), pa.string())
    renamed = index.set_column(where, index.schema.field(where), names)
    pq.write_table(renamed, tar.with_suffix(".parquet"), compression="zstd")


def sums(root: Path) -> dict[str, str]:
    """sha256 by path under `root`, of every file but SHA256SUMS."""
    paths = (path for path in sorted(root.rglob("*")) if path.is_file() and path.name != SUMS)
    return {path.relative_to(root).as_posix(): sha256_of_file(path) for path in paths}


def write_sums(root: Path) -> None:
    """SHA256SUMS in the form that `sha256sum -c` reads."""
    lines = [f"{sha256}  {path}\n" for path, sha256 in sums(root).items()]
    write_atomic(root / SUMS, "".join(lines))
