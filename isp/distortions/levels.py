"""The table of 6 x 20 settings: the shipped one (levels.yaml) or a user's in the same form.

What a user's table does not list of the paper's six is as in the shipped one; a distortion of a
user's package is rendered where the table lists it.

    exposure:
      unit: EV
      levels:
      - {parameter: 0.4}
      ...twenty, by severity

What stands beside `parameter` is the distortion's options (blur's shape, compression's codec).
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from isp.distortions.all_distortions import distortion_by_name, known_distortions
from isp.distortions.distortion import OptionValue
from manifests.config import RenderConfig
from manifests.done import fingerprint
from manifests.errors import SeagullError
from manifests.files import sha256_of
from manifests.keys import LEVELS

SHIPPED = Path(__file__).with_name("levels.yaml")


@dataclass(frozen=True)
class Setting:
    """One cell of the table: a parameter in its unit, with the distortion's options."""

    parameter: float
    unit: str
    options: tuple[tuple[str, OptionValue], ...]


def levels_path(name: str) -> Path:
    """Return the file behind `RenderConfig.levels`."""
    return SHIPPED if name == "shipped" else Path(name)


def load_levels(name: str) -> dict[str, tuple[Setting, ...]]:
    """Distortion -> its twenty settings by severity.

    Raises:
        SeagullError: no such file, no YAML, or no distortions of twenty settings in range.
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
    known = [one.name for one in known_distortions()]
    if not isinstance(table, dict) or not table or not set(table) <= set(known):
        raise SeagullError(f"{path}: expected a table of the distortions {', '.join(known)}")
    own = {name: _settings(path, name, section) for name, section in table.items()}
    if path != SHIPPED:
        own = load_levels("shipped") | own
    return tuple((name, own[name]) for name in known if name in own)


def _settings(path: Path, name: str, section: Any) -> tuple[Setting, ...]:
    rows = section.get("levels") if isinstance(section, dict) else None
    if not isinstance(rows, list) or len(rows) != LEVELS:
        raise SeagullError(f"{path}: {name} needs a list of {LEVELS} levels by severity")
    unit = distortion_by_name(name).unit
    if section.get("unit") != unit:
        raise SeagullError(f"{path}: {name} has unit {section.get('unit')}, not {unit}")
    return tuple(read_setting(f"{path}: level {n}", name, row) for n, row in enumerate(rows, 1))


def read_setting(where: str, name: str, cell: Any) -> Setting:
    """Check one cell, `{parameter: ..., option: ...}`; `where` opens the message.

    Raises:
        SeagullError: no such distortion or option, or a value out of range.
    """
    try:
        distortion = distortion_by_name(name)
    except SeagullError as error:
        raise SeagullError(f"{where}: {error}") from error
    (low, high), unit = distortion.range, distortion.unit
    value = cell.get("parameter") if isinstance(cell, dict) else None
    if not isinstance(value, int | float) or not low <= value <= high:
        raise SeagullError(f"{where}: {name} needs a parameter in {low}..{high} {unit}")
    if value == 0:
        raise SeagullError(f"{where}: {name} with parameter 0 is the reference, no distortion")
    options = {key: value for key, value in cell.items() if key != "parameter"}
    for key, option in options.items():
        if key not in distortion.options or not distortion.options[key].allows(option):
            raise SeagullError(f"{where}: {name} has no option {key}: {option}")
    return Setting(float(value), unit, tuple(sorted(options.items())))
