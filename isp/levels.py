"""The table of 6 x 20 settings: the shipped one (levels.yaml) or a user's in the same form.

    exposure:
      unit: EV
      levels:
      - {parameter: 0.4}
      ...twenty, by severity

What stands beside `parameter` is the distortion's options (blur's shape, compression's codec).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from manifests.config import RenderConfig
from manifests.done import fingerprint
from manifests.errors import SeagullError
from manifests.files import sha256_of
from manifests.keys import DISTORTIONS, LEVELS

SHIPPED = Path(__file__).with_name("levels.yaml")
UNITS: Mapping[str, str] = {
    "exposure": "EV",
    "noise": "stops",
    "blur": "px",
    "contrast": "percent",
    "colorfulness": "percent",
    "compression": "quality",
}
_RANGES: Mapping[str, tuple[float, float]] = {
    "exposure": (-8, 8),
    "noise": (0, 16),
    "blur": (0, 64),
    "contrast": (-100, 100),
    "colorfulness": (-100, 100),
    "compression": (1, 100),
}


@dataclass(frozen=True)
class Setting:
    """One cell of the table."""

    parameter: float
    unit: str
    options: tuple[tuple[str, str | float | int], ...]


def levels_path(name: str) -> Path:
    """The file behind `RenderConfig.levels`."""
    return SHIPPED if name == "shipped" else Path(name)


def load_levels(name: str) -> dict[str, tuple[Setting, ...]]:
    """Distortion -> its twenty settings by severity.

    Raises:
        SeagullError: no such file, no YAML, or not six distortions of twenty settings in range.
    """
    path = levels_path(name)
    return dict(_parse(path, _read(path)))


def levels_identity(config: RenderConfig) -> str:
    """Hex sha256 of the settings in use: the same settings give the same hash in any file."""
    table = load_levels(config.levels)
    parts = {name: [vars(setting) for setting in settings] for name, settings in table.items()}
    return sha256_of(fingerprint(**parts).encode())


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SeagullError(
            f"render.levels: cannot read {path}; give 'shipped' or a YAML in its form"
        ) from error


@lru_cache(maxsize=8)
def _parse(path: Path, text: str) -> tuple[tuple[str, tuple[Setting, ...]], ...]:
    try:
        table = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SeagullError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(table, dict) or set(table) - {"about"} != set(DISTORTIONS):
        raise SeagullError(f"{path}: expected the six distortions {', '.join(DISTORTIONS)}")
    return tuple((name, _settings(path, name, table[name])) for name in DISTORTIONS)


def _settings(path: Path, name: str, section: Any) -> tuple[Setting, ...]:
    rows = section.get("levels") if isinstance(section, dict) else None
    if not isinstance(rows, list) or len(rows) != LEVELS:
        raise SeagullError(f"{path}: {name} needs a list of {LEVELS} levels by severity")
    if section.get("unit") != UNITS[name]:
        raise SeagullError(f"{path}: {name} has unit {section.get('unit')}, not {UNITS[name]}")
    return tuple(_setting(path, name, level, row) for level, row in enumerate(rows, start=1))


def _setting(path: Path, name: str, level: int, row: Any) -> Setting:
    where = f"{path}: {name} level {level}"
    low, high = _RANGES[name]
    value = row.get("parameter") if isinstance(row, dict) else None
    if not isinstance(value, int | float) or not low <= value <= high or not math.isfinite(value):
        raise SeagullError(f"{where}: expected a parameter in {low}..{high} {UNITS[name]}")
    if value == 0:
        raise SeagullError(f"{where}: parameter 0 is the reference, not a distortion")
    options = tuple(sorted((k, v) for k, v in row.items() if k != "parameter"))
    return Setting(float(value), UNITS[name], options)
