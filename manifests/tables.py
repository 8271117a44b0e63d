"""Records to Parquet and back: a folder a table, a file a scene, columns in the record's order.

The same records give the same bytes: fixed schema, no dictionary surprises, no timestamps.
"""

import io
import re
import types
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from manifests.errors import SeagullError
from manifests.files import write_atomic

T = TypeVar("T")
_COMPACTED = re.compile(r".*-\d{5}")
_SCALARS: dict[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
}


def _field(name: str, hint: Any) -> pa.Field:
    nullable = False
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = [h for h in get_args(hint) if h is not type(None)]
        nullable = True
    if hint in _SCALARS:
        return pa.field(name, _SCALARS[hint], nullable)
    if get_origin(hint) is tuple:
        return pa.field(name, pa.list_(_SCALARS[get_args(hint)[0]]), nullable)
    if is_dataclass(hint):
        return pa.field(name, pa.struct(list(schema(hint))), nullable)
    raise TypeError(f"column {name}: no Parquet type for {hint}")


def schema(record: Any) -> pa.Schema:
    """The Arrow schema of a record class."""
    hints = get_type_hints(record)
    return pa.schema([_field(f.name, hints[f.name]) for f in fields(record)])


def to_parquet(records: Sequence[Any], record: type) -> bytes:
    """The bytes of a Parquet file with `records`, all of class `record`; may be empty."""
    table = pa.Table.from_pylist([asdict(r) for r in records], schema=schema(record))
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def write_records(path: Path, records: Sequence[Any], record: type) -> None:
    """Write `records` to the Parquet file `path`, whole or not at all."""
    write_atomic(path, to_parquet(records, record))


def read_records(path: Path, record: type[T]) -> list[T]:
    """All records of a scene's `.parquet` file, or of a table's folder in name order.

    A folder with nothing in it is an empty list. Where the table is compacted, a scene's records
    are looked up in its few large files.

    Raises:
        SeagullError: a file that is missing, cut or of another table.
    """
    if path.suffix != ".parquet":
        files: Iterable[Path] = sorted(path.glob("*.parquet"))
    elif not path.exists() and (table := compacted_scene(path)) is not None:
        return [_record(row, record) for row in table.to_pylist()]
    else:
        files = [path]
    return [_record(row, record) for file in files for row in _rows(file, record)]


def has_records(path: Path) -> bool:
    """Whether a scene's part of a table is there, in a file of its own or in a compacted one."""
    return path.exists() or compacted_scene(path) is not None


def scene_bytes(path: Path) -> bytes:
    """A scene's part of a table as the bytes of its own file, whichever form it is in.

    Raises:
        OSError: it is in neither.
    """
    table = None if path.exists() else compacted_scene(path)
    if table is None:
        return path.read_bytes()
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def scene_files(folder: Path) -> list[Path]:
    """The files of single scenes in a table's folder, in scene order."""
    return sorted(p for p in folder.glob("*.parquet") if not _COMPACTED.fullmatch(p.stem))


def compacted_files(folder: Path) -> list[Path]:
    """The compacted files in a table's folder: their stems end in five digits, a scene_id's in
    eight hexadecimal ones.
    """
    return sorted(p for p in folder.glob("*.parquet") if _COMPACTED.fullmatch(p.stem))


def compacted_scene(path: Path) -> pa.Table | None:
    """The rows of the scene whose own file would be `path`, from the compacted files beside it."""
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
    """The rows of one scene, laid out as if they had never been with others."""
    rows = table.filter(pc.equal(table["scene_id"], key)).to_pylist()
    fields = [field.with_type(_as_written(field.type)) for field in table.schema]
    return pa.Table.from_pylist(rows, schema=pa.schema(fields))


def _as_written(kind: pa.DataType) -> pa.DataType:
    """A type as `schema` makes it: Parquet renames the items of lists."""
    if pa.types.is_list(kind):
        return pa.list_(_as_written(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_as_written(field.type)) for field in kind])
    return kind


def _rows(file: Path, record: type) -> list[dict[str, Any]]:
    try:
        return pq.read_table(file, schema=schema(record)).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise SeagullError(f"{file} is no whole {record.__name__} table: {error}") from error


def _record(row: dict[str, Any], record: type[T]) -> T:
    hints = get_type_hints(record)
    return record(**{name: _value(value, hints[name]) for name, value in row.items()})


def _value(value: Any, hint: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, dict):
        return _record(value, hint)
    return value
