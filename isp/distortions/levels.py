"""The table of 6 x 20 settings: the shipped one (levels.yaml) or a user's in the same form.

    exposure:
      unit: EV
      levels:
      - {parameter: 0.4}
      ...twenty, by severity

What stands beside `parameter` is the distortion's options (blur's shape, compression's codec).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from isp.distortions.blur import SHAPES
from isp.distortions.compression import CODECS, SUBSAMPLINGS
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
_OPTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "blur": {"shape": SHAPES, "angle": ()},  # degrees
    "compression": {"codec": CODECS, "subsampling": SUBSAMPLINGS},
}


@dataclass(frozen=True)
class Setting:
    """One cell of the table."""

    parameter: float
    unit: str
    options: tuple[tuple[str, str | float | int], ...]


def levels_path(name: str) -> Path:
    """Return the file behind `RenderConfig.levels`."""
    return SHIPPED if name == "shipped" else Path(name)


def load_levels(name: str) -> dict[str, tuple[Setting, ...]]:
    """Distortion -> its twenty settings by severity.

    Raises:
        SeagullError: no such file, no YAML, or not six distortions of twenty settings in range.
    """
    path = levels_path(name)
    return dict(_parse(path, path.stat().st_mtime_ns if path.exists() else 0))


def levels_identity(config: RenderConfig) -> str:
    """Hex sha256 of the settings in use: the same settings give the same hash in any file."""
    table = load_levels(config.levels)
    parts = {name: [vars(setting) for setting in settings] for name, settings in table.items()}
    return sha256_of(fingerprint(**parts).encode())


def read_yaml(path: Path) -> Any:
    """Read a YAML file of settings.

    Raises:
        SeagullError: it cannot be read, or is no YAML.
    """
    try:
        return yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise SeagullError(f"cannot read the settings in {path}: no such text file") from error
    except yaml.YAMLError as error:
        raise SeagullError(f"{path} is no YAML: {' '.join(str(error).split())}") from error


@lru_cache(maxsize=8)
def _parse(path: Path, changed: int) -> tuple[tuple[str, tuple[Setting, ...]], ...]:
    """Read a table; `changed`, the file's time, makes the cache see another table."""
    table = read_yaml(path)
    if not isinstance(table, dict) or set(table) != set(DISTORTIONS):
        raise SeagullError(f"{path}: expected the six distortions {', '.join(DISTORTIONS)}")
    return tuple((name, _settings(path, name, table[name])) for name in DISTORTIONS)


def _settings(path: Path, name: str, section: Any) -> tuple[Setting, ...]:
    rows = section.get("levels") if isinstance(section, dict) else None
    if not isinstance(rows, list) or len(rows) != LEVELS:
        raise SeagullError(f"{path}: {name} needs a list of {LEVELS} levels by severity")
    if section.get("unit") != UNITS[name]:
        raise SeagullError(f"{path}: {name} has unit {section.get('unit')}, not {UNITS[name]}")
    return tuple(read_setting(f"{path}: level {n}", name, row) for n, row in enumerate(rows, 1))


def read_setting(where: str, name: str, cell: Any) -> Setting:
    """One cell, `{parameter: ..., option: ...}`, checked; `where` opens the message.

    Raises:
        SeagullError: no such distortion or option, or a value out of range.
    """
    if name not in UNITS:
        raise SeagullError(f"{where}: '{name}' is none of {', '.join(DISTORTIONS)}")
    low, high = _RANGES[name]
    value = cell.get("parameter") if isinstance(cell, dict) else None
    if not isinstance(value, int | float) or not low <= value <= high:
        raise SeagullError(f"{where}: {name} needs a parameter in {low}..{high} {UNITS[name]}")
    if value == 0:
        raise SeagullError(f"{where}: {name} with parameter 0 is the reference, no distortion")
    options = {key: option for key, option in cell.items() if key != "parameter"}
    for key, option in options.items():
        allowed = _OPTIONS.get(name, {}).get(key)
        if allowed is None or not (option in allowed or (key == "angle" and _is_angle(option))):
            raise SeagullError(f"{where}: {name} has no option {key}: {option}")
    return Setting(float(value), UNITS[name], tuple(sorted(options.items())))


def _is_angle(option: Any) -> bool:
    return isinstance(option, int | float) and -360 <= option <= 360
