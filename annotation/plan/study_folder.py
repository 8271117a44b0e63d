"""Where everything of one study lies. The tables are those of a workspace; the rest is its own.

config.yaml     the study file: every setting, the seed, the thresholds
renderings/     the photographs, with their own bytes
lessons/        pictures with known distortions: instructions, training, golden items
plan/           items and turns, drawn from the study file
private/        votes and links: never part of the dataset
tables/, shards/, done/    as in every workspace
"""

from dataclasses import dataclass
from pathlib import Path

from annotation.plan.schedule import Assignment, Item
from manifests.errors import SeagullError
from manifests.tables import read_records
from manifests.workspace import Workspace


@dataclass(frozen=True)
class StudyFolder:
    """The folder STUDY of the command line."""

    root: Path

    @property
    def space(self) -> Workspace:
        """The workspace of its tables, renderings and shards."""
        return Workspace(self.root)

    @property
    def items(self) -> Path:
        """What can be shown: a Parquet file of `Item`."""
        return self.root / "plan" / "items.parquet"

    @property
    def turns(self) -> Path:
        """Who is shown what, and when: a Parquet file of `Assignment`."""
        return self.root / "plan" / "turns.parquet"

    @property
    def votes(self) -> Path:
        """The store of votes."""
        return self.root / "private" / "votes.sqlite"

    @property
    def links(self) -> Path:
        """Personal links and the leader's secret, for the leader's eyes."""
        return self.root / "private" / "links.txt"

    @property
    def pictures(self) -> Path:
        """Pictures of the instructions: no golden item is among them."""
        return self.root / "lessons" / "pictures"

    @property
    def lesson_rois(self) -> Path:
        """The ROIs of training and golden items: a Parquet file of `Roi`."""
        return self.root / "lessons" / "rois.parquet"

    @property
    def lesson_items(self) -> Path:
        """Training and golden items, numbered within lessons: a Parquet file of `Item`."""
        return self.root / "lessons" / "items.parquet"

    def read_items(self) -> list[Item]:
        """All items; SeagullError where there is no plan."""
        if not self.items.is_file():
            raise SeagullError(f"{self.root} holds no planned study; run `seagull study init`")
        return read_records(self.items, Item)

    def read_turns(self) -> list[Assignment]:
        """All turns as planned."""
        return read_records(self.turns, Assignment)
