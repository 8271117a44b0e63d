"""The contract: keys, records, tables, configuration, files and the levels of eq. 1.

Every other package may import this one; it imports none of them.

    errors.py      what went wrong, in words for the person who can mend it
    keys.py        scene_id, rendering_id, roi_id and the six distortions
    records.py     one frozen dataclass a table: Scene, Rendering, Roi, Label, Failure
    ratings.py     SEAGULL-3k: a Rating, and an Opinion that a ROI's ratings come to
    tables.py      records <-> Parquet, a file a scene, a folder a table
    compacted.py   a table as few large sorted files, and one scene out of them
    workspace.py   where everything of one dataset lies
    store_url.py   URLs of object stores
    mirrors.py     local folders whose files lie in a store
    files.py       atomic files and their sha256
    done.py        the record written last, with the fingerprint of all that made an output
    config.py      frozen dataclasses, one a section
    ranges.py      what a value of it may be, beyond its type
    presets.py     a configuration from a preset, YAML, overrides
    paths.py       file names as text: for tables, for terminals
    chance.py      counter-based random numbers keyed by what is being made
    words.py       eq. 1: continuous scores <-> five words
    paper_numbers.py the paper's tables 1 and 2
    images.py      stored images to arrays and back, and how large
    plugins.py     entry points of users' packages
    rle.py         masks as COCO run lengths
    sample.py      one sample of the shards, as records
    dataset.py     a dataset opened for reading (`manifests.open_dataset`)
    process/       beside the work: progress shown, memory kept
"""

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from manifests.dataset import OpenDataset


def open_dataset(folder: str | PathLike[str]) -> "OpenDataset":
    """Open a dataset for reading: its tables, its images and masks by key, its shards.

        data = manifests.open_dataset("data")
        labels = data.frame("labels")  # pandas; data.table("labels") is Arrow
        data.image("r0001-0123abcd_noise_07"), data.mask("r0001-0123abcd_obj000")

    Args:
        folder: `OUT` of the command line, or one with its `shards/` alone.

    Raises:
        SeagullError: there is no dataset.
    """
    from pathlib import Path

    from manifests.dataset import OpenDataset

    return OpenDataset(Path(folder))
