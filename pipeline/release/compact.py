"""A table's many files as a few large sorted ones, and back.

A file a scene is right for writing: it appears whole, and last. For reading 33 million rows it is
wrong. The compacted form is Parquet sorted by scene, row groups of whole scenes with statistics, so
that a reader who asks for one scene reads one group. It takes no writing: expand it first.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.compacted import compacted_files, scene_files, scene_rows
from manifests.errors import SeagullError
from manifests.files import TEMPORARY_PREFIX, atomic_file
from manifests.workspace import Workspace

TABLES = ("scenes", "renderings", "rois", "labels", "scores", "ratings", "estimates")
ROWS_A_GROUP = 65_536
ROWS_A_FILE = 8_000_000


def compact(workspace: Workspace) -> dict[str, int]:
    """Compact every table; returns the files of each that had a file a scene.

    A table's folder is exchanged whole, so a run that is killed leaves one form or the other.
    """
    return {
        name: _exchange(folder, _compacted)
        for name in TABLES
        if scene_files(folder := _settled(workspace.table(name)))
    }


def expand(workspace: Workspace) -> dict[str, int]:
    """A file a scene again, byte for byte as they were; returns the files of each table."""
    return {
        name: _exchange(folder, _expanded)
        for name in TABLES
        if compacted_files(folder := _settled(workspace.table(name)))
    }


def _exchange(folder: Path, write: Callable[[Path, Path], int]) -> int:
    fresh = folder.with_name(f"{TEMPORARY_PREFIX}{folder.name}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    count = write(folder, fresh)
    old = _old(folder)
    folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old)
    return count


def _old(folder: Path) -> Path:
    return folder.with_name(f"{TEMPORARY_PREFIX}{folder.name}-old")


def _settled(folder: Path) -> Path:
    """The folder, an exchange that was killed between its two renames undone."""
    if _old(folder).is_dir():
        if not folder.is_dir():
            _old(folder).rename(folder)
        shutil.rmtree(_old(folder), ignore_errors=True)
    return folder


def _compacted(folder: Path, fresh: Path) -> int:
    if compacted_files(folder):
        raise SeagullError(
            f"{folder} holds compacted files and files of single scenes; `seagull verify` says"
            " which rows are there twice, and removing one of the two forms mends it"
        )
    tables = (read(path) for path in scene_files(folder))
    written = write_compacted(tables, fresh, "part")
    return len(written)


def _expanded(folder: Path, fresh: Path) -> int:
    count = 0
    for path in compacted_files(folder):
        for key, rows in _by_scene(path):
            with atomic_file(fresh / f"{key}.parquet") as file:
                pq.write_table(rows, file, compression="zstd")
            count += 1
    return count


def _by_scene(path: Path) -> Iterator[tuple[str, pa.Table]]:
    """A row group holds whole scenes, so one is enough in memory."""
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            group = file.read_row_group(number)
            for key in dict.fromkeys(group["scene_id"].to_pylist()):
                yield key, scene_rows(group, key)


def read(path: Path) -> pa.Table:
    """The table in one Parquet file; SeagullError when it is none."""
    try:
        return pq.ParquetFile(path, memory_map=False).read()
    except (pa.ArrowException, OSError) as error:
        raise SeagullError(f"{path} is no whole Parquet file: {error}") from error


def write_compacted(
    scenes: Iterable[pa.Table], folder: Path, stem: str, rows_a_file: int = ROWS_A_FILE
) -> Sequence[Path]:
    """Write tables, one a scene and in scene order, to `{stem}-{n:05d}.parquet` in `folder`."""
    written: list[Path] = []
    for group in _files(_groups(scenes), rows_a_file):
        path = folder / f"{stem}-{len(written):05d}.parquet"
        _write_file(path, group)
        written.append(path)
    return written


def _groups(scenes: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Whole scenes until a row group is full."""
    held: list[pa.Table] = []
    for table in scenes:
        held.append(table)
        if sum(map(len, held)) >= ROWS_A_GROUP:
            yield pa.concat_tables(held).combine_chunks()
            held = []
    if held:
        yield pa.concat_tables(held).combine_chunks()


def _files(groups: Iterator[pa.Table], rows_a_file: int) -> Iterator[Iterator[pa.Table]]:
    """Groups until a file is full; a file's groups are to be used up before the next is asked."""
    for first in groups:
        yield _until_full(first, groups, rows_a_file)


def _until_full(first: pa.Table, rest: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    yield first
    filled = len(first)
    while filled < rows and (group := next(rest, None)) is not None:
        yield group
        filled += len(group)


def _write_file(path: Path, groups: Iterator[pa.Table]) -> None:
    first = next(groups)
    order = [pq.SortingColumn(first.schema.get_field_index("scene_id"))]
    with (
        atomic_file(path) as file,
        pq.ParquetWriter(
            file, first.schema, compression="zstd", sorting_columns=order, write_page_index=True
        ) as writer,
    ):
        for group in chain([first], groups):
            writer.write_table(group, row_group_size=max(len(group), 1))
