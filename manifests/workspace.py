"""Where everything of one dataset lies. Paths only: nothing here reads or writes.

Keys and paths that come from tables and records lead nowhere else: a workspace may be another's.
"""

from dataclasses import dataclass
from pathlib import Path

from manifests.errors import SceneError

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Workspace:
    """The folder `OUT` of the command line; `url`: of the store of which it is the mirror."""

    root: Path
    url: str = ""

    @property
    def config(self) -> Path:
        """The resolved configuration with its fingerprint."""
        return self.root / "config.yaml"

    def file(self, path: str) -> Path:
        """Return the file that a table or a record names, relative to the workspace.

        Raises:
            SceneError: missing_input, when the path is absolute or leads out of the workspace.
        """
        parts = path.split("/")
        if "" in parts or ".." in parts or "\0" in path:
            raise SceneError("missing_input", f"{path!r} is no path within {self.root}")
        return self.root / path

    def shown(self, text: str | Path) -> str:
        """Return a path, or a text with paths of the workspace in it, as people know them."""
        return str(text).replace(str(self.root), self.url) if self.url else str(text)

    def renderings(self, scene_id: str) -> Path:
        """Return the folder of a scene's images."""
        return self.root / "renderings" / _one_name(scene_id)

    def table(self, name: str) -> Path:
        """Return the folder of a table: scenes, renderings, rois, labels, scores, failures."""
        return self.root / "tables" / name

    def table_file(self, name: str, key: str) -> Path:
        """One scene's part of a table."""
        return self.table(name) / f"{_one_name(key)}.parquet"

    def done(self, stage: str, key: str) -> Path:
        """Return the record that a stage writes last for a scene."""
        return self.root / "done" / stage / f"{_one_name(key)}.json"

    def shards(self, split: str) -> Path:
        """Return the folder of a split's tars and their Parquet index."""
        return self.root / "shards" / split

    @property
    def dataset_card(self) -> Path:
        """What readers of the shards must know: scorer, threshold, tops of eq. 1, counts."""
        return self.root / "shards" / "dataset.json"

    @property
    def study(self) -> Path:
        """SEAGULL-3k: a workspace of its own with the same layout, and its ratings."""
        return self.root / "study"

    @property
    def xmp(self) -> Path:
        """Camera Raw sidecars of the renderings' settings."""
        return self.root / "xmp"

    @property
    def mixtures(self) -> Path:
        """Renderings by recipes of one's own, a workspace with the same layout."""
        return self.root / "mixtures"

    @property
    def models(self) -> Path:
        """Trained networks: pretrain/, finetune/."""
        return self.root / "models"

    @property
    def report(self) -> Path:
        """The folder of the report and its pictures."""
        return self.root / "report"

    @property
    def precision_error(self) -> Path:
        """What less precise arithmetic does to the labels, where it was measured."""
        return self.report / "precision.json"


def _one_name(key: str) -> str:
    if "/" in key or key in ("", ".", "..") or "\0" in key:
        raise SceneError("missing_input", f"{key!r} is no key of a scene")
    return key
