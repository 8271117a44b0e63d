"""Where a configuration comes from: two presets, a YAML file, `key=value` overrides.

Values are checked once, here: keys by name, types by pydantic, ranges by the sections (config.py).
"""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from manifests.config import Config, RenderConfig, ShardsConfig, StudyConfig, TrainConfig, to_dict
from manifests.errors import SeagullError

PRESETS: Mapping[str, Config] = {
    "paper": Config(),
    "demo": Config(
        name="demo",
        render=RenderConfig(long_edge=512, tone="neutral"),
        shards=ShardsConfig(megabytes=32, train=0.75, val=0.0),
        study=StudyConfig(images_per_scene=12),
        pretrain=TrainConfig(steps=850, batch=8, rois=4, threads=1, judgments=0.25, auxiliary=1.0),
        finetune=TrainConfig(steps=120, batch=12, rois=3, learning_rate=5e-4, threads=1),
    ),
}


def load_config(name_or_file: str, overrides: Sequence[str] = ()) -> Config:
    """Load a preset by name or a YAML file (with its `preset`), then `key=value` overrides.

    A YAML holds only what differs: `preset: paper`, `render: {long_edge: 768}`. Overrides name a
    value by its path: `render.long_edge=768`.

    Raises:
        SeagullError: unknown preset, file, key (names the nearest right one) or value.
    """
    base, changes = _base(name_or_file)
    values = to_dict(base)
    _merge(values, changes, "")
    for override in overrides:
        _merge(values, _parse_override(override), "")
    return _validated(values)


def _base(name_or_file: str) -> tuple[Config, dict[str, Any]]:
    if name_or_file in PRESETS:
        return PRESETS[name_or_file], {}
    path = Path(name_or_file)
    if not path.is_file():
        raise SeagullError(
            f"configuration '{name_or_file}' is neither a preset ({', '.join(PRESETS)}) nor a file"
        )
    try:
        changes = yaml.safe_load(path.read_text()) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SeagullError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(changes, dict):
        raise SeagullError(f"{path}: expected keys and values, got a {type(changes).__name__}")
    preset = changes.pop("preset", "paper")
    if preset not in PRESETS:
        raise SeagullError(f"{path}: preset '{preset}' is unknown; there are {', '.join(PRESETS)}")
    return PRESETS[preset], {k: v for k, v in changes.items() if k != "fingerprint"}


def _parse_override(text: str) -> dict[str, Any]:
    path, equals, value = text.partition("=")
    if not (path and equals):
        raise SeagullError(f"--set {text}: expected key=value, as in render.long_edge=768")
    try:
        nested: Any = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise SeagullError(f"--set {text}: the value is no YAML") from error
    for key in reversed(path.split(".")):
        nested = {key: nested}
    return nested


def _merge(values: dict[str, Any], changes: Mapping[str, Any], prefix: str) -> None:
    free = prefix == "masks.detector_options."
    for key, change in changes.items():
        if key not in values and not free:
            raise SeagullError(_unknown(prefix, key, values))
        if isinstance(change, Mapping) and isinstance(values.get(key), dict):
            _merge(values[key], change, f"{prefix}{key}.")
        else:
            values[key] = change


def _unknown(prefix: str, key: str, values: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(key, values, n=1, cutoff=0.5)
    hint = f"did you mean {prefix}{near[0]}?" if near else f"there are {', '.join(values)}"
    return f"configuration key '{prefix}{key}' is unknown; {hint}"


def _validated(values: dict[str, Any]) -> Config:
    try:
        return TypeAdapter(Config).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SeagullError(
            f"configuration {where}: {first['msg']}, got {first['input']!r}"
        ) from error


def to_yaml(config: Config) -> str:
    """Write the resolved configuration with its fingerprint, loadable by `load_config`."""
    values = {"fingerprint": config.fingerprint, **to_dict(config)}
    return yaml.safe_dump(values, sort_keys=False)
