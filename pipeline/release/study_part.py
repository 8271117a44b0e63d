"""SEAGULL-3k in a release: what people said of ROIs, where a workspace has a study.

    NAME/study/tables/{scenes,renderings,rois,ratings,estimates}/NAME-{split}-00000.parquet
              tables/{raters,screening,agreement}.parquet    shards/ as of the dataset

Raters are numbers, as in the study's own tables; the windows that they rated in, which may tell one
person from another, stay at home, as all of `private/` does. Of photographs that are no
renderings of the dataset's RAW files no pixel goes out: their terms are others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.compacted import scene_bytes
from manifests.config import ReleaseConfig
from manifests.errors import SeagullError
from manifests.files import write_atomic
from manifests.ratings import Agreement, Rater, Rating, ScreeningFigure
from manifests.records import Scene
from manifests.tables import read_records, to_parquet
from manifests.workspace import SPLITS, Workspace
from pipeline.dataset.samples import seagull_3k
from pipeline.release.compact import write_compacted
from pipeline.release.naming import public_scenes

FOLDER = "study"
_BY_SCENE = ("scenes", "renderings", "rois", "photographs", "ratings", "estimates")
_WHOLE: Mapping[str, type] = {
    "raters": Rater,
    "screening": ScreeningFigure,
    "agreement": Agreement,
}
_OF_THE_WINDOW = ("window_width", "window_height", "zoom")
_QUESTIONS = {
    "study": "does the study that lies in the workspace go out too (true or false)",
    "ratings_licence": "under which licence do the ratings go out (SPDX or URL)",
    "raters_consented": "did all raters agree that their answers are published (true or false)",
}


@dataclass(frozen=True)
class Study:
    """An exported study: where it lies, and what the documents say of it."""

    space: Workspace
    with_pixels: bool
    raters: str  # people | simulated
    counted: int
    valid: int
    ratings: int
    rois: int
    agreement: Mapping[str, float]

    @property
    def by_people(self) -> bool:
        """Whether any answer is a person's."""
        return self.raters != "simulated"


def find_study(workspace: Workspace) -> Study | None:
    """The workspace's study; None where there is none, or nothing of it was exported yet."""
    dataset = seagull_3k(workspace)
    space = dataset.space
    if dataset.of_photographs or not space.table("ratings").is_dir():
        return None
    raters = read_records(space.table("raters"), Rater)
    ratings = read_records(space.table("ratings"), Rating)
    if not ratings:
        return None
    agreement = read_records(space.table("agreement"), Agreement)
    return Study(
        space=space,
        with_pixels=not space.table("photographs").is_dir(),
        raters="+".join(sorted({rater.raters for rater in raters})),
        counted=len(raters),
        valid=sum(rater.valid for rater in raters),
        ratings=len(ratings),
        rois=len({(rating.rendering_id, rating.roi_id) for rating in ratings}),
        agreement={a.question: a.value for a in agreement if a.value is not None},
    )


def asked_for(study: Study | None, release: ReleaseConfig) -> Study | None:
    """The study, where it shall go out and its questions are answered.

    Raises:
        SeagullError: a question is open (all open ones are named), or raters did not agree.
    """
    if study is None or release.study is False:
        return None
    names = [*_QUESTIONS] if study.by_people else ["study", "ratings_licence"]
    open_ones = [name for name in names if getattr(release, name) in ("", None)]
    if open_ones:
        listed = "; ".join(f"release.{name}: {_QUESTIONS[name]}?" for name in open_ones)
        raise SeagullError(
            f"a release needs answers, in the configuration or by --set: {listed}."
            " release.study=false leaves the study out"
        )
    if study.by_people and not release.raters_consented:
        raise SeagullError(
            "release.raters_consented is false: answers of people who did not agree stay at home;"
            " leave them out on the leader's page, or the study by release.study=false"
        )
    return study


def write_study(draft: Path, name: str, study: Study) -> None:
    """Write the study's tables into `draft`."""
    scenes = read_records(study.space.table("scenes"), Scene)
    for table in _BY_SCENE:
        for split in SPLITS:
            mine = [scene.scene_id for scene in scenes if scene.split == split]
            folder = draft / FOLDER / "tables" / table
            write_compacted(_rows(study.space, table, mine), folder, f"{name}-{split}")
    for table, record in _WHOLE.items():
        content = to_parquet(read_records(study.space.table(table), record), record)
        write_atomic(draft / FOLDER / "tables" / f"{table}.parquet", content)


def _rows(space: Workspace, table: str, keys: list[str]) -> Iterator[pa.Table]:
    for key in keys:
        try:
            rows = pq.read_table(pa.BufferReader(scene_bytes(space.table_file(table, key))))
        except OSError:
            continue  # nobody has rated it, or a table of other studies
        yield _anonymous(public_scenes(rows) if table == "scenes" else rows)


def _anonymous(rows: pa.Table) -> pa.Table:
    """Without what is known of a rater's window."""
    for name in _OF_THE_WINDOW:
        where = rows.schema.get_field_index(name)
        if where >= 0:
            field: Any = rows.schema.field(where)
            rows = rows.set_column(where, field, pa.nulls(len(rows), field.type))
    return rows
