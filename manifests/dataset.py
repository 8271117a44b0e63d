"""A dataset opened for reading: tables, images and masks by key, samples of the shards.

A workspace's whole folder, or one that holds its `shards/` alone.
"""

import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from manifests.errors import SeagullError
from manifests.images import decode_image, read_image
from manifests.keys import image_stem
from manifests.records import Rendering, Roi
from manifests.rle import Mask, mask_of
from manifests.sample import Sample, read_samples
from manifests.tables import read_records
from manifests.workspace import SPLITS, Workspace

if TYPE_CHECKING:
    import pandas as pd


class OpenDataset:
    """What lies in a workspace. Nothing is held open; tables are read when asked for."""

    def __init__(self, folder: Path) -> None:
        self.workspace = Workspace(folder)
        self.tables = sorted(p.name for p in (folder / "tables").glob("*") if p.is_dir())
        if not self.tables and not self.workspace.dataset_card.exists():
            raise SeagullError(
                f"{folder} is no dataset: it holds neither tables/ nor shards/dataset.json;"
                " give the OUT of `seagull build`"
            )

    @cached_property
    def card(self) -> dict[str, Any]:
        """What readers must know: scorer, threshold, tops of eq. 1, counts; empty before shards."""
        path = self.workspace.dataset_card
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def table(self, name: str) -> pa.Table:
        """Read a table whole: scenes, renderings, rois, labels, scores, failures; or `index`.

        `index` is the shards': where each rendering's image lies in which tar.

        Raises:
            SeagullError: the dataset has no such table.
        """
        if name == "index":
            return self._index
        if name not in self.tables:
            raise SeagullError(
                f"{self.workspace.root} has no table {name}; it has {', '.join(self.tables)}"
            )
        return ds.dataset(self.workspace.table(name), format="parquet").to_table()

    def frame(self, name: str) -> "pd.DataFrame":
        """Read a table as pandas has it; errors as in `table`."""
        return self.table(name).to_pandas()

    def image(self, rendering_id: str) -> np.ndarray:
        """Decode a rendering: uint8 HxWx3 RGB, sRGB-encoded.

        Raises:
            SeagullError: no such rendering.
        """
        scene = self._scene(rendering_id)
        if scene is None:
            return self._image_in_shards(rendering_id)
        for row in read_records(self.workspace.table_file("renderings", scene), Rendering):
            if row.rendering_id == rendering_id:
                return read_image(self.workspace.root / row.path)
        raise SeagullError(f"{self.workspace.root} has no rendering {rendering_id}")

    def reference(self, scene_id: str) -> np.ndarray:
        """Decode a scene's reference, as `image` does."""
        return self.image(f"{scene_id}_{image_stem('none', 0)}")

    def roi(self, roi_id: str) -> Roi:
        """Read the record of a ROI.

        Raises:
            SeagullError: no such ROI.
        """
        scene = self._scene(roi_id)
        for roi in self._rois_in_shards(roi_id) if scene is None else self._rois(scene):
            if roi.roi_id == roi_id:
                return roi
        raise SeagullError(f"{self.workspace.root} has no ROI {roi_id}")

    def mask(self, roi_id: str) -> Mask:
        """Decode the mask of a ROI: bool HxW of the renderings; errors as in `roi`."""
        return mask_of(self.roi(roi_id))

    def samples(self, split: str) -> Iterator[Sample]:
        """Read the shards of train, val or test in order, sample by sample.

        Raises:
            SeagullError: there are none, or one is not whole.
        """
        tars = sorted(self.workspace.shards(split).glob("*.tar"))
        if not tars:
            raise SeagullError(f"{self.workspace.shards(split)} holds no shards (*.tar)")
        for tar in tars:
            yield from read_samples(tar)

    def _scene(self, key: str) -> str | None:
        """Return the scene of a rendering or ROI, if the tables have it."""
        while "_" in key:
            key = key.rpartition("_")[0]
            if self.workspace.table_file("renderings", key).exists():
                return key
        return None

    def _rois(self, scene: str) -> list[Roi]:
        return read_records(self.workspace.table_file("rois", scene), Roi)

    @cached_property
    def _index(self) -> pa.Table:
        files = [p for s in SPLITS for p in sorted(self.workspace.shards(s).glob("*.parquet"))]
        if not files:
            raise SeagullError(f"{self.workspace.root} holds no shards; run `make shards`")
        return ds.dataset(files, format="parquet").to_table()

    def _image_in_shards(self, rendering_id: str) -> np.ndarray:
        rows = self._index.filter(ds.field("rendering_id") == rendering_id).to_pylist()
        if not rows:
            raise SeagullError(f"{self.workspace.root} has no rendering {rendering_id}")
        with self._tar(rows[0]["shard"]).open("rb") as file:
            file.seek(rows[0]["offset"])
            return decode_image(file.read(rows[0]["bytes"]), rendering_id)

    def _rois_in_shards(self, roi_id: str) -> Iterator[Roi]:
        scene = roi_id.rpartition("_")[0]
        rows = self._index.filter(ds.field("scene_id") == scene).to_pylist()
        for shard in sorted({row["shard"] for row in rows}):
            for sample in read_samples(self._tar(shard)):
                yield from sample.rois

    def _tar(self, name: str) -> Path:
        return next(
            self.workspace.shards(s) / name
            for s in SPLITS
            if (self.workspace.shards(s) / name).exists()
        )
