"""The names of things: scenes, renderings and ROIs.

Keys are ASCII, without dots (WebDataset ends a key at the first dot), at most 100 characters.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from manifests.store_url import StoreUrl

Distortion = Literal["exposure", "noise", "blur", "contrast", "colorfulness", "compression"]
DISTORTIONS: tuple[Distortion, ...] = get_args(Distortion)
"""The six distortions in the paper's order (section 3.1.1). A dataset may have more: the dataset's
card names all of its."""

NO_DISTORTION = "none"  # Rendering.distortion of the reference
WITHOUT = "without"  # Label.distortion_label of a ROI that shows no difference
LEVELS = 20
MAX_KEY = 100

RoiKind = Literal["object", "component"]
_ROI_CODE: dict[str, str] = {"object": "obj", "component": "cmp"}
LONGEST_DISTORTION = len("colorfulness")  # of a distortion's name
_LONGEST_SUFFIX = LONGEST_DISTORTION + len("__20")


def scene_id(raw: Path | StoreUrl, sha256: str) -> str:
    """`{stem made safe}-{first 8 hex digits of the file's sha256}`, short enough for its suffixes.

    >>> scene_id(Path("r0001.v2 (a).NEF"), "0123456789abcdef" * 4)
    'r0001_v2_a-01234567'
    """
    room = MAX_KEY - _LONGEST_SUFFIX - 9
    safe = re.sub(r"[^A-Za-z0-9]+", "_", raw.stem).strip("_")[:room] or "scene"
    return f"{safe}-{sha256[:8]}"


def rendering_id(scene: str, distortion: str, level: int) -> str:
    """`{scene}_ref` for level 0, else `{scene}_{distortion}_{level:02d}`."""
    return f"{scene}_{image_stem(distortion, level)}"


def image_stem(distortion: str, level: int) -> str:
    """Name a rendering's file in its scene's folder, without extension: `ref`, `noise_07`."""
    return "ref" if distortion == NO_DISTORTION else f"{distortion}_{level:02d}"


def roi_id(scene: str, kind: str, number: int) -> str:
    """`{scene}_obj003` or `{scene}_cmp012`, numbered from 0 within kind."""
    return f"{scene}_{_ROI_CODE[kind]}{number:03d}"


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Sort names of distortions: the paper's six in its order, then others as they come.

    >>> in_order(["sharpening", "blur", "exposure"])
    ('exposure', 'blur', 'sharpening')
    """
    unique = list(dict.fromkeys(names))
    six: tuple[str, ...] = DISTORTIONS
    return tuple(sorted(unique, key=lambda name: six.index(name) if name in six else len(six)))


class RenderingKey(NamedTuple):
    """A rendering_id taken apart."""

    scene_id: str
    distortion: str
    level: int


def parse_rendering_id(key: str, distortions: Iterable[str] = DISTORTIONS) -> RenderingKey:
    """Take a `rendering_id` apart; ValueError when `key` is none of one of these distortions."""
    if key.endswith("_ref"):
        return RenderingKey(key.removesuffix("_ref"), NO_DISTORTION, 0)
    match = re.fullmatch(rf"(.+)_({'|'.join((*distortions, 'mixed'))})_(\d\d+)", key)
    if match is None:
        raise ValueError(f"'{key}' is no rendering_id such as r0001-0123abcd_noise_07")
    return RenderingKey(match[1], match[2], int(match[3]))


def check_key(key: str) -> str:
    """`key`, or ValueError if an outside tool could misread it."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", key):
        raise ValueError(f"key '{key}' is not ASCII letters, digits, '_', '-' of at most 100")
    return key
