"""What a release is called, and which of a machine's paths stay at home."""

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa
import yaml

from manifests.config import Config, to_dict

_PATHS = ("weights", "levels", "mixtures", "encoder", "llm", "python", "repo", "config")


def release_name(config: Config, recipe: bool) -> str:
    """Dataset, version, the first 12 digits of the configuration's fingerprint, and `recipe`."""
    parts = [config.release.name, config.release.version, config.fingerprint[:12]]
    return "-".join([*parts, "recipe"] if recipe else parts)


def public_config(config: Config) -> str:
    """The configuration as YAML under its own fingerprint, files and folders by name alone."""
    values = {"fingerprint": config.fingerprint, **to_dict(config)}
    return yaml.safe_dump(_without_folders(values), sort_keys=False)


def _without_folders(value: Any, key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {name: _without_folders(item, name) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_folders(item, key) for item in value]
    if isinstance(value, str) and key.rpartition("_")[2] in _PATHS and "/" in value:
        return PurePath(value).name
    return value


def public_scenes(table: pa.Table) -> pa.Table:
    """The scenes with their RAW files' names in place of their paths."""
    names = [Path(path).name for path in table["path"].to_pylist()]
    where = table.schema.get_field_index("path")
    return table.set_column(where, table.schema.field(where), pa.array(names, pa.string()))
