"""A workspace of many scenes in which all is done, made without a single pixel: for measuring.

121 renderings, 34 ROIs and 4,114 labels a scene, all images the same few bytes; no shards.
bookkeeping_cost.py measures on it.
"""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from isp.development.recipes import recipes
from manifests.config import Config
from manifests.done import describe
from manifests.files import sha256_of
from manifests.keys import image_stem, rendering_id, roi_id
from manifests.process.progress import progress
from manifests.records import Label, Rendering, Roi, Scene, WhiteBalance
from manifests.rle import encode
from manifests.tables import write_records
from manifests.workspace import Workspace
from pipeline.intake.sources import Source, find_sources, split_of
from pipeline.run.ledger import Ledger
from pipeline.stages.all_stages import BUILD, STAGES

ROIS = 34
_SIDE = 64  # pixels of the one image


def make(folder: Path, scenes: int, config: Config) -> tuple[Path, Path]:
    """Make RAW files that are none, and a workspace in which they are done; returns both paths."""
    raw, space = folder / "raw", Workspace(folder / "out")
    raw.mkdir(parents=True)
    for number in range(scenes):
        (raw / f"r{number:05d}.NEF").write_bytes(f"scene {number}".encode())
    sources = find_sources(raw, space).sources
    image = cv2.imencode(".jpg", np.full((_SIDE, _SIDE, 3), 128, np.uint8))[1].tobytes()
    tables = _tables(sources[0], image, config)
    ledger = Ledger(space, config, BUILD)
    with progress(scenes, "synthetic", "scenes") as bar:
        for source in sources:
            _finish(source, sources[0], space, config, ledger, image, tables)
            bar.update()
    return raw, space.root


def _tables(source: Source, image: bytes, config: Config) -> dict[str, pa.Table]:
    """The first scene's tables; those of others differ in their keys alone."""
    from manifests.tables import to_parquet

    key = source.scene_id
    renderings = [_rendering(key, recipe, image) for recipe in recipes(config.render)]
    rois = [_roi(key, number) for number in range(ROIS)]
    labels = [
        Label(r.rendering_id, roi.roi_id, key, 0.5, 0.1 * (r.level % 7), _type(r), "embedded", "1")
        for r in renderings
        for roi in rois
    ]
    made: dict[str, tuple[list[Any], type]] = {
        "renderings": (renderings, Rendering),
        "rois": (rois, Roi),
        "labels": (labels, Label),
    }
    return {
        name: pq.read_table(pa.BufferReader(to_parquet(rows, record)))
        for name, (rows, record) in made.items()
    }


def _type(row: Rendering) -> str:
    return "without" if row.level < 5 else row.distortion


def _rendering(key: str, recipe: Any, image: bytes) -> Rendering:
    stem = image_stem(recipe.distortion, recipe.level)
    return Rendering(
        rendering_id=rendering_id(key, recipe.distortion, recipe.level),
        scene_id=key,
        distortion=recipe.distortion,
        level=recipe.level,
        parameter=recipe.parameter,
        unit=recipe.unit,
        params=json.dumps({"filler": "x" * 1200}),  # as long as real ones
        path=f"renderings/{key}/{stem}.jpg",
        sha256=sha256_of(image),
        bytes=len(image),
        width=_SIDE,
        height=_SIDE,
    )


def _roi(key: str, number: int) -> Roi:
    mask = np.zeros((_SIDE, _SIDE), bool)
    mask[: 32 + number % 32, :40] = True
    kind = "object" if number < 10 else "component"
    area, box = int(mask.sum()), (0, 0, 40, 32 + number % 32)
    name, place = roi_id(key, kind, number), (_SIDE, _SIDE)
    return Roi(name, key, kind, None, 0.9, 0.9, 0.97, box, area, *place, encode(mask), "synthetic")


def _finish(
    source: Source,
    first: Source,
    space: Workspace,
    config: Config,
    ledger: Ledger,
    image: bytes,
    tables: dict[str, pa.Table],
) -> None:
    """Put a scene's files in place and the records of its three stages."""
    key, files = source.scene_id, {}
    for name, table in tables.items():
        files[name] = space.table_file(name, key)
        files[name].parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(_renamed(table, first.scene_id, key), files[name], compression="zstd")
    folder = space.renderings(key)
    folder.mkdir(parents=True)
    images = [folder / f"{image_stem(r.distortion, r.level)}.jpg" for r in recipes(config.render)]
    images[0].write_bytes(image)
    for path in images[1:]:  # links: a file system holds some 65,000 of one file
        os.link(images[0], path)
    row = space.table_file("scenes", key)
    write_records(row, [_scene(source, config)], Scene)
    made = {
        "render": [row, files["renderings"], *images],
        "masks": [files["rois"]],
        "labels": [files["labels"]],
    }
    counts = {"render": {"renderings": len(images)}, "masks": {}, "labels": {"labels": 4114}}
    for stage in STAGES:
        if stage.name in made:
            identity = ledger.states(source)[stage.name].fingerprint
            done = describe(stage.name, key, identity, space.root, made[stage.name])
            replace(done, counts=counts[stage.name]).write(space.done(stage.name, key))


def _renamed(table: pa.Table, old: str, new: str) -> pa.Table:
    columns = [
        pc.replace_substring(table[name], old, new)
        if name in ("scene_id", "rendering_id", "roi_id", "path")
        else table[name]
        for name in table.column_names
    ]
    return pa.table(columns, schema=table.schema)


def _scene(source: Source, config: Config) -> Scene:
    return Scene(
        scene_id=source.scene_id,
        path=source.path,
        sha256=source.sha256,
        bytes=source.bytes,
        camera_make="none",
        camera_model="none",
        lens=None,
        lens_correction="none: synthetic",
        iso=None,
        shutter_s=None,
        aperture_f=None,
        focal_length_mm=None,
        raw_width=_SIDE,
        raw_height=_SIDE,
        white_balance=WhiteBalance("camera", (1.0, 1.0, 1.0)),
        split=split_of(source.sha256, config.shards),
    )
