"""Tables as few large sorted files: which files are which, and one scene's rows out of them.

A compacted file's stem ends in five digits; that of a scene's own file in eight hexadecimal ones.
What writes them is the pipeline's.
"""

import io
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from manifests.errors import SeagullError

_COMPACTED = re.compile(r".*-\d{5}")


def scene_files(folder: Path) -> list[Path]:
    """List the files of single scenes in a table's folder, in scene order."""
    return sorted(p for p in folder.glob("*.parquet") if not _COMPACTED.fullmatch(p.stem))


def compacted_files(folder: Path) -> list[Path]:
    """List the compacted files in a table's folder, in order."""
    return sorted(p for p in folder.glob("*.parquet") if _COMPACTED.fullmatch(p.stem))


def has_records(path: Path) -> bool:
    """Tell whether a scene's part of a table is there, in its own file or in a compacted one."""
    return path.exists() or compacted_scene(path) is not None


def scene_bytes(path: Path) -> bytes:
    """Return the bytes of a scene's own file, made again where the table is compacted.

    Raises:
        OSError: the scene is in neither form.
    """
    table = None if path.exists() else compacted_scene(path)
    if table is None:
        return path.read_bytes()
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def compacted_scene(path: Path) -> pa.Table | None:
    """Read, from the compacted files beside it, the scene whose own file would be `path`."""
    key = path.stem
    for file in compacted_files(path.parent):
        try:
            found = pq.read_table(file, filters=[("scene_id", "==", key)], partitioning=None)
        except (pa.ArrowException, OSError) as error:
            raise SeagullError(f"{file} is no whole compacted table: {error}") from error
        if len(found):
            return scene_rows(found, key)
    return None


def scene_rows(table: pa.Table, key: str) -> pa.Table:
    """Take out one scene's rows, laid out as if they had never been with others."""
    rows = table.filter(pc.equal(table["scene_id"], key)).to_pylist()
    fields = [field.with_type(_as_written(field.type)) for field in table.schema]
    return pa.Table.from_pylist(rows, schema=pa.schema(fields))


def _as_written(kind: pa.DataType) -> pa.DataType:
    """Undo what Parquet does to a type: it renames the items of lists and maps."""
    if pa.types.is_map(kind):
        return pa.map_(kind.key_type, kind.item_field)
    if pa.types.is_list(kind):
        return pa.list_(_as_written(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_as_written(field.type)) for field in kind])
    return kind
