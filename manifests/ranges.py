"""What a value of the configuration may be, beyond its type.

Whatever its key: numbers are finite, not negative and not yes or no; texts print. `RANGES` is
tighter, or wider where a sign means something.
"""

import math
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

_MOST = 2**31 - 1  # of any whole number
_ANY = 1e30
_SECONDS = (1e-3, 1e8)  # Python's clocks end at 9.2e9
_SHARE = (0.0, 1.0)

_NUMERIC_OPTIONS = frozenset({"threshold", "start_s", "answer_s"})

RANGES: Mapping[str, tuple[float, float]] = {
    "render.long_edge": (64, 16384),
    "render.jpeg_quality": (1, 100),
    "render.max_megapixels": (1e-3, 4295),  # LibRaw's own limit: 65535 squared
    "masks.points": (1, 100_000),
    "masks.max_objects": (0, 10_000),
    "masks.max_components": (0, 10_000),
    "masks.min_area": (1, _MOST),
    "masks.predicted_iou": (-_ANY, _ANY),  # a network's prediction: nothing holds it to 0..1
    "masks.stability": _SHARE,
    "masks.nms_iou": _SHARE,
    "labels.without_above": (-_ANY, _ANY),
    "labels.also.without_above": (-_ANY, _ANY),
    "shards.megabytes": (1, 1_000_000),
    "shards.train": _SHARE,
    "shards.val": _SHARE,
    "network.view": (32, 4096),
    "network.patch": (16, 4096),
    "network.width": (8, 65_536),
    "network.lora_rank": (0, 65_536),
    "network.lora_alpha": (0, 65_536),
    "network.lora_dropout": (0.0, 0.99),
    "network.roi_dropout": (0.0, 0.99),
    "network.readings_alone": (0.0, 1.0),
    "study.raters": (1, 100_000),
    "study.ratings_per_roi": (1, 100_000),
    "study.images_per_scene": (1, 10_000),
    "study.rois_per_image": (1, 10_000),
    "work.attempts": (1, 1000),
    "work.timeout_s": _SECONDS,
    "work.wait_s": _SECONDS,
    "work.gpus": (0, 1024),
    **{
        f"{stage}.{key}": limits
        for stage in ("pretrain", "finetune")
        for key, limits in {
            "epochs": (1e-6, 1e6),
            "batch": (1, 1_000_000),
            "micro_batch": (0, 1_000_000),
            "share": (1e-6, 1.0),
            "validate_every": (0, _MOST),
            "validate_rois": (1, 1_000_000),
            "rois": (1, 1_000_000),
            "learning_rate": (1e-12, 1e3),
            "warm_up": _SHARE,
            "judgments": _SHARE,
            "threads": (1, 4096),
            "checkpoint_every": (1, _MOST),
        }.items()
    },
}


def check_kinds(values: Mapping[str, Any], section: type, prefix: str = "") -> Iterator[str]:
    """What is wrong with values before their types are settled: yes or no for a number.

    Types would be settled silently: `true` is 1 to Python.
    """
    hints = get_type_hints(section)
    for key, value in values.items():
        wanted = _members(hints[key]) if key in hints else set()
        if isinstance(value, bool) and bool not in wanted and wanted & {int, float}:
            yield f"{prefix}{key} must be a number, got {str(value).lower()}"
        for inner in wanted:
            if is_dataclass(inner) and isinstance(inner, type) and isinstance(value, Mapping):
                yield from check_kinds(value, inner, f"{prefix}{key}.")


def _members(hint: Any) -> set[Any]:
    return set(get_args(hint)) if get_origin(hint) in (Union, types.UnionType) else {hint}


def check_ranges(section: Any, prefix: str = "") -> Iterator[str]:
    """What is wrong with a section, or the whole configuration, of the right types."""
    for field in fields(section):
        yield from _check(getattr(section, field.name), f"{prefix}{field.name}")


def _check(value: Any, key: str) -> Iterator[str]:
    if is_dataclass(value) and not isinstance(value, type):
        yield from check_ranges(value, f"{key}.")
    elif isinstance(value, tuple):
        for member in value:
            yield from _check(member, key)
    elif isinstance(value, dict):
        yield from _check_options(value, key)
    elif isinstance(value, str):
        if not value.isprintable():
            yield f"{key} must be text that prints"
        elif key.endswith(".device") and not re.fullmatch(r"cpu|cuda(:\d{1,3})?", value):
            yield f"{key} must be cpu, cuda or cuda:N, got '{value[:40]}'"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _check_number(value, key)


def _check_number(value: float, key: str) -> Iterator[str]:
    least, most = RANGES.get(key, (0, _MOST if isinstance(value, int) else _ANY))
    if not least <= value <= most:  # as no NaN is
        yield f"{key} must be a number from {least:g} to {most:g}"
    elif key == "work.gpus" and value > 1 and value != int(value):
        yield f"{key} must be a share of one GPU, or a whole number"


def _check_options(options: Mapping[Any, Any], key: str) -> Iterator[str]:
    """Options of models that are not ours to know: texts, numbers, or lists of them."""
    for name, value in options.items():
        members = value if isinstance(value, list) else [value]
        if name in _NUMERIC_OPTIONS and not (type(value) in (int, float) and value >= 0):
            yield f"{key}.{name} must be a number, 0 or more"
        for member in members:
            if isinstance(member, float) and not math.isfinite(member):
                yield f"{key}.{name} must be finite"
            elif isinstance(member, str) and not member.isprintable():
                yield f"{key}.{name} must be text that prints"
            elif not isinstance(member, str | int | float | types.NoneType):
                yield f"{key}.{name} must be text, a number, or a list of them"
