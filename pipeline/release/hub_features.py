"""The types of a sample's fields as the Hub's loader reads them from a dataset card.

Without them it guesses from the first five samples, and a class name that is null in these could
never be a word in the sixth.
"""

import json
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa

from manifests.records import Label, Rendering, Roi
from manifests.tables import schema

_RECORDS = {"rendering": Rendering, "rois": Roi, "labels": Label, "scores": Label}
_SCALARS: dict[type, str] = {str: "string", bool: "bool", int: "int64", float: "float64"}


def sample_features(tar: Path) -> list[dict[str, Any]]:
    """The features of the samples in a tar, as the card's `dataset_info` holds them."""
    image, content = _first_sample(tar)
    return [
        {"name": image, "dtype": "image"},
        {"name": "json", "struct": [_of_value(key, content[key]) for key in sorted(content)]},
        {"name": "__key__", "dtype": "string"},
        {"name": "__url__", "dtype": "string"},
    ]


def _first_sample(tar: Path) -> tuple[str, dict[str, Any]]:
    """The image's extension and the JSON."""
    image, content = "", dict[str, Any]()
    with tarfile.open(tar) as archive:
        for member in archive:
            extension = member.name.partition(".")[2]
            if extension == "json":
                file = archive.extractfile(member)
                content = json.loads(file.read()) if file else {}
            else:
                image = extension
            if image and content:
                break
    return image, content


def _of_value(key: str, value: Any) -> dict[str, Any]:
    if key in _RECORDS:
        fields = [_of_type(field.name, field.type) for field in schema(_RECORDS[key])]
        fields.sort(key=lambda field: field["name"])
        return {"name": key, ("list" if isinstance(value, list) else "struct"): fields}
    return {"name": key, "dtype": _SCALARS.get(type(value), "string")}


def _of_type(name: str, kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        return {"name": name, "list": _word(kind.value_type)}
    if pa.types.is_struct(kind):
        return {"name": name, "struct": [_of_type(f.name, f.type) for f in kind]}
    return {"name": name, "dtype": _word(kind)}


def _word(kind: pa.DataType) -> str:
    return {"double": "float64"}.get(str(kind), str(kind))
