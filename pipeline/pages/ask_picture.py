"""A photograph with outlines and answers beside it, as in figure 4 of the paper."""

import textwrap
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from manifests.errors import SeagullError
from pipeline.pages.ask_regions import AskedRegion
from pipeline.pages.open_photo import Image

COLORS = (
    (230, 85, 13), (49, 130, 189), (49, 163, 84), (173, 73, 174),
    (222, 184, 0), (0, 158, 158), (214, 39, 40), (120, 120, 120),
)  # fmt: skip
"""RGB of the regions in turn; the page names the same."""
LONG_EDGE = 1600  # pixels of the photograph in the picture
_PANEL, _MARGIN, _LINE = 460, 18, 22


def answers_picture(image: Image, regions: Sequence[AskedRegion]) -> Image:
    """uint8 HxWx3 RGB: the photograph with numbered outlines, and a card a region at its right."""
    shown = _outlined(image, regions)
    cards = [_card(number, region) for number, region in enumerate(regions, 1)]
    height = max(shown.shape[0], sum(len(card) * _LINE + _MARGIN for card in cards) + _MARGIN)
    canvas = np.full((height, shown.shape[1] + _PANEL, 3), 255, np.uint8)
    canvas[: shown.shape[0], : shown.shape[1]] = shown
    return _written(canvas, cards, shown.shape[1] + _MARGIN)


def encode_picture(picture: Image, suffix: str) -> bytes:
    """uint8 HxWx3 RGB to PNG or JPEG bytes, by the suffix; SeagullError for another."""
    if suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise SeagullError(f"a picture is written as .png or .jpg, not as '{suffix}'")
    return cv2.imencode(suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()


def _outlined(image: Image, regions: Sequence[AskedRegion]) -> Image:
    scale = min(1.0, LONG_EDGE / max(image.shape[:2]))
    size = round(image.shape[1] * scale), round(image.shape[0] * scale)
    canvas = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    for number, region in enumerate(regions, 1):
        mask = cv2.resize(region.mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        outlines, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        color = COLORS[(number - 1) % len(COLORS)]
        cv2.drawContours(canvas, outlines, -1, (255, 255, 255), 5, cv2.LINE_AA)
        cv2.drawContours(canvas, outlines, -1, color, 3, cv2.LINE_AA)
        if outlines:
            _numbered(canvas, max(outlines, key=cv2.contourArea), number, color)
    return np.asarray(canvas, np.uint8)


def _numbered(canvas: Image, outline: Any, number: int, color: tuple[int, ...]) -> None:
    """The number at the outline's top."""
    x, y = (int(v) for v in outline[outline[..., 1].argmin(), 0])
    at = min(max(x, 16), canvas.shape[1] - 16), min(max(y, 16), canvas.shape[0] - 16)
    cv2.circle(canvas, at, 15, (255, 255, 255), -1, cv2.LINE_AA)
    cv2.circle(canvas, at, 13, color, -1, cv2.LINE_AA)
    (w, h), _ = cv2.getTextSize(str(number), cv2.FONT_HERSHEY_SIMPLEX, 0.55, 2)
    origin = at[0] - w // 2, at[1] + h // 2
    cv2.putText(
        canvas, str(number), origin, cv2.FONT_HERSHEY_SIMPLEX, 0.55, (255,) * 3, 2, cv2.LINE_AA
    )


def _card(number: int, region: AskedRegion) -> list[tuple[str, tuple[int, int, int]]]:
    """Lines of text, each with its color."""
    dark, quiet = (30, 32, 34), (95, 100, 105)
    answer = region.answer
    lines = [(f"{number}  {region.asked}", COLORS[(number - 1) % len(COLORS)])]
    for name, scale in (("Quality", answer.quality), ("Importance", answer.importance)):
        lines.append((f"{name}: {scale.word} ({scale.score:.2f} of 4)", dark))
        said = "   ".join(f"{word} {100 * p:.0f}" for word, p in scale.probabilities.items())
        lines.append((said, quiet))
    lines += [(line, dark) for line in textwrap.wrap(answer.sentences[2], 52)]
    return lines


def _written(
    canvas: Image, cards: Sequence[Sequence[tuple[str, tuple[int, int, int]]]], left: int
) -> Image:
    from PIL import Image as Pillow
    from PIL import ImageDraw, ImageFont

    picture = Pillow.fromarray(canvas)
    draw, top = ImageDraw.Draw(picture), _MARGIN
    for card in cards:
        for row, (text, color) in enumerate(card):
            size = 17 if row == 0 else 13 if row in (2, 4) else 15
            draw.text((left, top), text, color, ImageFont.load_default(size))
            top += _LINE
        top += _MARGIN
    return np.asarray(picture, np.uint8)
