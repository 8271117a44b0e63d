"""Where a configuration comes from: presets, a YAML file, `key=value` overrides.

Values are checked once, here: keys by name, types by pydantic, ranges by the sections (config.py)
and, whatever the key, by ranges.py.
"""

import difflib
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from manifests.config import (
    Config,
    LabelsConfig,
    NetworkConfig,
    RenderConfig,
    ShardsConfig,
    StudyConfig,
    TrainConfig,
    to_dict,
)
from manifests.errors import SeagullError
from manifests.ranges import check_kinds, check_ranges

_CODE = ("python", "repo", "config")  # of masks.detector_options

CONVNEXT = "convnext_large_mlp.clip_laion2b_ft_soup_320"  # timm's name of the paper's encoder
_SEAGULL_7B = NetworkConfig(  # paper, sections 4 and 5.1
    encoder=CONVNEXT,
    encoder_weights=f"weights/{CONVNEXT}.safetensors",
    llm="weights/vicuna-7b-v1.5",
    view=512,
    patch=224,
    width=1024,
    sa_norm="none",
    mask_pooling="bilinear",  # the cited mask pooling (Xu et al., ODISE, CVPR 2023)
    fuse_gelu=False,
    local_view="crop",
    roi_dropout=0.0,
    readings=False,
    lora_rank=128,
    lora_alpha=256,
    llm_precision="bf16",
)
_RELEASED_7B = replace(  # what SEAGULL-7B does otherwise
    _SEAGULL_7B,
    extractor="released",
    projector="mlp2x_gelu",
    prompt="released",
    resize="bicubic",
    patch=512,
    image_tokens_from=3,
    key_tokens="channel",
    sa_over="rois",
    sa_norm="post",
)
_STAGE_1 = TrainConfig(
    epochs=1,
    batch=32,
    micro_batch=4,
    rois=1,
    learning_rate=4e-5,
    warm_up=0.03,
    augmentation="none",
    auxiliary=0.0,
    device="cuda",
    precision="bf16",
    gradient_checkpointing=True,
    threads=4,
    checkpoint_every=500,
)
_STAGE_2 = replace(_STAGE_1, epochs=5, learning_rate=1e-5, questions="fixed")


def _seagull_7b(name: str, network: NetworkConfig) -> Config:
    return Config(
        name=name,
        shards=ShardsConfig(train=0.8, val=0.0),
        network=network,
        pretrain=_STAGE_1,
        finetune=_STAGE_2,
    )


PRESETS: Mapping[str, Config] = {
    "paper": Config(),
    "seagull-7b": _seagull_7b("seagull-7b", _SEAGULL_7B),
    "seagull-7b-released": _seagull_7b("seagull-7b-released", _RELEASED_7B),
    "demo": Config(
        name="demo",
        render=RenderConfig(long_edge=512, tone="neutral"),
        # At the weight-free scorer's own 0.99 a thirtieth of the labels is "without", and nothing
        # that was tried tells it from a first level without the reference.
        labels=LabelsConfig(without_above=0.975),
        # The first letter that holds out 5 of the 20 photographs.
        shards=ShardsConfig(megabytes=32, train=0.75, val=0.0, salt="b"),
        study=StudyConfig(images_per_scene=12),
        pretrain=TrainConfig(
            steps=1600,
            batch=8,
            rois=4,
            threads=1,
            judgments=0.25,
            auxiliary=1.0,
            weight_decay=0.05,
            word_targets="soft",
            augmentation="channels",
        ),
        finetune=TrainConfig(
            steps=240,
            batch=12,
            rois=3,
            learning_rate=5e-4,
            weight_decay=0.05,
            auxiliary=1.0,
            threads=1,
            word_targets="soft",
            augmentation="channels",
        ),
    ),
    "study": Config(name="study", shards=ShardsConfig(train=0.8, val=0.0)),  # paper, section 5.1
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
    try:
        _merge(values, changes, "")
        for override in overrides:
            _merge(values, _parse_override(override), "")
        return _validated(values)
    except RecursionError as error:
        raise SeagullError(f"configuration {name_or_file}: a value holds itself") from error


def _base(name_or_file: str) -> tuple[Config, dict[str, Any]]:
    if name_or_file in PRESETS:
        return PRESETS[name_or_file], {}
    path = Path(name_or_file)
    changes = _parse(_text(path), str(path)) or {}
    if not isinstance(changes, dict):
        raise SeagullError(f"{path}: expected keys and values, got a {type(changes).__name__}")
    preset = changes.pop("preset", "paper")
    if not isinstance(preset, str) or preset not in PRESETS:
        shown = _shown(preset)
        raise SeagullError(f"{path}: preset {shown} is unknown; there are {', '.join(PRESETS)}")
    return PRESETS[preset], {k: v for k, v in changes.items() if k != "fingerprint"}


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except UnicodeDecodeError as error:
        raise SeagullError(f"{path} is no YAML: it is no UTF-8") from error
    except (OSError, ValueError) as error:
        if isinstance(error, PermissionError):
            raise SeagullError(f"configuration {path} may not be read") from error
        raise SeagullError(
            f"configuration '{path}' is neither a preset ({', '.join(PRESETS)}) nor a file"
        ) from error


def _parse(text: str, name: str) -> Any:
    # PyYAML lets the errors of dates and numbers through as they are.
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, OverflowError, AttributeError, TypeError) as error:
        raise SeagullError(f"{name} is no YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise SeagullError(f"{name} is nested too deeply") from error


def _shown(value: Any) -> str:
    """A value for a message, short whatever it is."""
    try:
        return reprlib.repr(value)
    except (ValueError, RecursionError):  # of whole numbers with thousands of digits
        return f"a {type(value).__name__}"


def _parse_override(text: str) -> dict[str, Any]:
    path, equals, value = text.partition("=")
    if not (path and equals):
        raise SeagullError(f"--set {text}: expected key=value, as in render.long_edge=768")
    nested = _parse(value, f"--set {path}: the value")
    for key in reversed(path.split(".")):
        nested = {key: nested}
    return nested


def _merge(values: dict[str, Any], changes: Mapping[str, Any], prefix: str) -> None:
    free = prefix == "masks.detector_options."
    for key, change in changes.items():
        if not isinstance(key, str):
            raise SeagullError(f"configuration key {prefix}{_shown(key)} must be a name")
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


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Config]:
    return TypeAdapter(Config)


def _validated(values: dict[str, Any]) -> Config:
    for problem in check_kinds(values, Config):
        raise SeagullError(f"configuration {problem}")
    try:
        config = _adapter().validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SeagullError(
            f"configuration {where}: {first['msg']}, got {_shown(first['input'])}"
        ) from error
    for problem in check_ranges(config):
        raise SeagullError(f"configuration {problem}")
    return config


def programs(config: Config, any_detector: bool = False) -> dict[str, str]:
    """Which settings name code that would run: the interpreter and checkout of a detector.

    The weight-free one and transformers' have none, whatever the options (unless `any_detector`).
    """
    masks = config.masks
    if masks.detector in ("embedded", "hf") and not any_detector:
        return {}
    return {key: str(masks.detector_options[key]) for key in _CODE if key in masks.detector_options}


def load_values(changes: Mapping[str, Any]) -> Config:
    """Apply nested `changes` to the preset `paper`; SeagullError as `load_config` raises it."""
    values = to_dict(PRESETS["paper"])
    _merge(values, changes, "")
    return _validated(values)


def to_yaml(config: Config) -> str:
    """Write the resolved configuration with its fingerprint, loadable by `load_config`."""
    values = {"fingerprint": config.fingerprint, **to_dict(config)}
    return yaml.safe_dump(values, sort_keys=False)
