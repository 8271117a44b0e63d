"""Settings that are nonsense or worse: each must be one line and status 2, and make nothing."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.torture import small_build
from pipeline.torture.small_build import seagull

OVERRIDES = (
    "render.long_edge=0", "render.long_edge=.nan", "render.jpeg_quality=101",
    "render.max_megapixels=.nan", "render.levels=/nowhere.yaml", "masks.points=0",
    "masks.nms_iou=.nan", "masks.predicted_iou=.nan", "labels.without_above=.nan",
    "labels.scorer=[1]", "shards.megabytes=0", "shards.train=.nan", "shards.train=2",
    "study.raters=0", "work.timeout_s=-5", "work.timeout_s=.nan", "work.attempts=0",
    "work.gpus=-1", "work.device=bananas", "seed=.inf", "nonsense=1",
)  # fmt: skip
FILES = {
    "a preset that is a list": "preset: [paper]\n",
    "keys that are numbers": "1: 2\n",
    "a Python object": "render: !!python/object/apply:os.system [touch MARK]\n",
    "a million aliases": "a: &a [x, x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
    ),
}  # fmt: skip


def rows(short: bool) -> Iterator[Mapping[str, Any]]:
    """Try it; one row."""
    with tempfile.TemporaryDirectory(prefix="seagull-torture-") as name:
        folder = Path(name)
        raw = small_build.write_raws(folder / "raw")
        wrong = list(_accepted(folder, raw))
        count = len(OVERRIDES) + len(FILES)
        yield {
            "promise": "nonsensical or malicious settings: one line, status 2, nothing made",
            "trials": count,
            "held": count - len(wrong),
            "note": "; ".join(wrong[:5]),
        }


def _accepted(folder: Path, raw: Path) -> Iterator[str]:
    out, mark = folder / "out", folder / "mark"
    for text in OVERRIDES:
        if not _is_refused(folder, raw, out, f"--set={text}"):
            yield text
    for name, content in FILES.items():
        path = folder / "settings.yaml"
        path.write_text(content.replace("MARK", str(mark)))
        if not _is_refused(folder, raw, out, f"--config={path}") or mark.exists():
            yield name


def _is_refused(folder: Path, raw: Path, out: Path, option: str) -> bool:
    ran = seagull(folder / "log", "build", "--raw", raw, "--out", out, "--executor=local", option)
    return ran.is_one_line and not list(out.glob("renderings/*"))
