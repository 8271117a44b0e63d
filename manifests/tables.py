"""Records to Parquet and back: a folder a table, a file a scene, columns in the record's order.

The same records give the same bytes: fixed schema, no dictionary surprises, no timestamps.
"""

import functools
import io
import types
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.compacted import has_records, scene_bytes
from manifests.errors import SeagullError
from manifests.files import write_atomic
from manifests.mirrors import have_content

T = TypeVar("T")
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
    if get_origin(hint) is dict:
        key, value = (_SCALARS[part] for part in get_args(hint))
        return pa.field(name, pa.map_(key, pa.field("value", value, False)), nullable)
    if is_dataclass(hint):
        return pa.field(name, pa.struct(list(schema(hint))), nullable)
    raise TypeError(f"column {name}: no Parquet type for {hint}")


def schema(record: Any) -> pa.Schema:
    """Return the Arrow schema of a record class."""
    return _schema(record)


@functools.cache
def _schema(record: Any) -> pa.Schema:
    hints = get_type_hints(record)
    return pa.schema([_field(f.name, hints[f.name]) for f in fields(record)])


def to_parquet(records: Sequence[Any], record: type) -> bytes:
    """Return the bytes of a Parquet file with `records`, all of class `record`; may be empty."""
    table = pa.Table.from_pylist([asdict(r) for r in records], schema=schema(record))
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def write_records(path: Path, records: Sequence[Any], record: type) -> None:
    """Write `records` to the Parquet file `path`, whole or not at all."""
    write_atomic(path, to_parquet(records, record))


def read_records(path: Path, record: type[T]) -> list[T]:
    """All records of a `.parquet` file, or of a table's folder in name order (none: an empty list).

    Raises:
        SeagullError: a file that is missing, cut or of another table.
    """
    if path.suffix == ".parquet" and not path.exists() and has_records(path):
        return parse_records(scene_bytes(path), record, str(path))
    files: Iterable[Path] = [path] if path.suffix == ".parquet" else sorted(path.glob("*.parquet"))
    return [from_row(row, record) for file in files for row in _rows(file, record, str(file))]


def parse_records(content: bytes, record: type[T], name: str) -> list[T]:
    """Read all records of a Parquet file's bytes, as `read_records`; `name` says whose they are."""
    return [from_row(row, record) for row in _rows(pa.BufferReader(content), record, name)]


def _rows(source: Any, record: type, name: str) -> list[dict[str, Any]]:
    wanted = schema(record)
    if isinstance(source, Path):
        have_content(source)
    try:
        table = pq.ParquetFile(source).read()
        if not table.schema.equals(wanted):
            table = pq.read_table(source, schema=wanted)
        table.validate(full=True)  # damaged offsets would be read past their end
        return table.to_pylist(maps_as_pydicts="strict")
    except (pa.ArrowException, OSError, ValueError) as error:
        why = " ".join(str(error).split())[:200]
        raise SeagullError(f"{name} is no whole {record.__name__} table: {why}") from error


@functools.cache
def _hints(record: Any) -> dict[str, Any]:
    return get_type_hints(record)


def from_row(row: Mapping[str, Any], record: type[T]) -> T:
    """Make a record of class `record` from plain values, as `asdict` or JSON has them.

    Raises:
        SeagullError: a field is missing or is none of the record's.
    """
    hints = _hints(cast(Hashable, record))
    if set(row) != set(hints):
        odd = ", ".join(sorted(set(row) ^ set(hints)))
        raise SeagullError(f"no {record.__name__}: it lacks, or has besides, {odd}")
    return record(**{name: _value(value, hints[name]) for name, value in row.items()})


def _value(value: Any, hint: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, dict) and is_dataclass(hint):
        return from_row(value, cast(type, hint))
    return value
