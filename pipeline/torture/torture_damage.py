"""Damage that `verify` must find and `repair` must mend: bits flipped, files deleted and swapped.

The workspace has all that one can have: two datasets, a failure, a report, sidecars. Half of the
damage falls on the files by their number, half on the kinds of file, so that the few records and
indices are met as well as the many renderings.
"""

import json
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.torture import small_build
from pipeline.torture.damage import KINDS
from pipeline.torture.small_build import SETTINGS, in_child, seagull, tree

COUNTS = {"bits flipped": (200, 6), "files deleted": (50, 3), "pairs of files swapped": (20, 2)}
MENDED = (20, 3)  # damage of each kind that `repair` is tried on


def rows(short: bool) -> Iterator[Mapping[str, Any]]:
    """Try it; a row a promise."""
    with tempfile.TemporaryDirectory(prefix="seagull-torture-") as folder:
        out = rich_workspace(Path(folder))
        for kind, counts in COUNTS.items():
            missed = find(out, kind, counts[short])
            yield {
                "promise": f"{kind}: named by verify",
                "trials": counts[short],
                "held": counts[short] - len(missed),
                "note": "; ".join(missed[:3]),
            }
        yield _mended(Path(folder), out, MENDED[short])
        yield _spoken(Path(folder), out, MENDED[short])


def rich_workspace(folder: Path) -> Path:
    """Build a workspace with everything in it; returns its path."""
    raw, out, log = small_build.write_raws(folder / "raw"), folder / "out", folder / "log"
    (raw / "cut.dng").write_bytes((raw / "coffee.dng").read_bytes()[:3000])
    options = ("--out", out, "--executor", "local", *SETTINGS, "--set=study.images_per_scene=2")
    assert seagull(log, "render", "--xmp", "--raw", raw, *options).status == 1, log.read_text()
    for command in (
        ("build", "--raw", raw, *options),
        ("study", "--simulate", "--raw", raw, *options),
        ("report", "--out", out),
    ):
        ran = seagull(log, *command)
        assert ran.status in (0, 1) and "Traceback" not in ran.text, ran.text
    return out


def find(out: Path, kind: str, count: int, seed: int = 0) -> list[str]:
    """Damage `count` times and return what `verify` did not notice."""
    answer = out.parent / "missed.json"

    def look() -> int:
        small_build.make_small()
        missed = list(unnoticed(out, kind, count, seed))
        answer.write_text(json.dumps(missed))
        return 0

    ran = in_child(look, out.parent / "log")
    assert ran.status == 0, ran.text
    return list(json.loads(answer.read_text()))


def unnoticed(out: Path, kind: str, count: int, seed: int) -> Iterator[str]:
    """Yield the damage that `verify` does not name, in this process."""
    from manifests.errors import SeagullError
    from manifests.presets import load_config
    from manifests.workspace import Workspace
    from pipeline.dataset.verify import verify

    workspace, numbers = Workspace(out), random.Random(f"{kind} {seed}")
    config = load_config(str(workspace.config))
    before = verify(workspace, config)
    assert not before.problems, before.problems
    for number in range(count):
        with KINDS[kind](_choice(out, number, numbers), numbers) as what:
            try:
                after = verify(workspace, config)
            except SeagullError:
                continue
            # A file beside the dataset that lost its record is named as having none.
            named = set(after.unrecorded) ^ set(before.unrecorded)
            named |= {name for name in after.unrecorded if f"{out}/{name}" in what}
            if not (after.problems or named):
                yield what


def _choice(out: Path, number: int, numbers: random.Random) -> Sequence[Path]:
    """All files, or in every second trial those of one kind: of one folder and suffix."""
    files = [path for path in sorted(out.rglob("*")) if path.is_file()]
    if number % 2:
        return files
    kinds: dict[tuple[str, str], list[Path]] = {}
    for path in files:
        folder = path.relative_to(out).parts[:2]
        kinds.setdefault(("/".join(folder[:-1] or folder), path.suffix), []).append(path)
    kind = kinds[numbers.choice(sorted(kinds))]
    return kind if len(kind) > 1 else files


def _mended(folder: Path, out: Path, count: int) -> dict[str, Any]:
    """Repair, after which the workspace must be what it was, byte for byte."""
    wanted, held, numbers = tree(out), 0, random.Random(1)
    for _ in range(count):
        for damage in KINDS.values():
            copy = folder / "copy"
            shutil.copytree(out, copy)
            files = [path for path in sorted(copy.rglob("*")) if _can_be_made_again(path, copy)]
            with damage(files, numbers) as what:
                ran = seagull(folder / "log", "repair", "--out", copy, "--executor", "local")
                same = tree(copy) == wanted
            if not same:
                print(f"not mended: {what}: {ran.status} {ran.text[-800:]}", file=sys.stderr)
            held += same
            shutil.rmtree(copy)
    return {"promise": "the same damage: repair makes the same bytes again",
            "trials": count * len(KINDS), "held": held, "note": ""}  # fmt: skip


def _spoken(folder: Path, out: Path, count: int) -> dict[str, Any]:
    """Run what reads tables, cards and records over damaged ones: no traceback, a known status."""
    numbers, held, commands = random.Random(2), 0, ("status", "report", "shards", "verify")
    files = [path for path in sorted(out.rglob("*")) if path.suffix in (".parquet", ".json")]
    for number in range(count):
        for command in commands:
            copy = folder / "copy"
            shutil.copytree(out, copy)
            path = copy / numbers.choice(files).relative_to(out)
            content = path.read_bytes()
            path.write_bytes(content[: len(content) // 2] + bytes(number * 100))
            ran = seagull(folder / "log", command, "--out", copy, "--executor", "local")
            fine = ran.status in (0, 1, 2) and "Traceback" not in ran.text
            if not fine:
                print(f"{command}, {path}: {ran.status} {ran.text[-800:]}", file=sys.stderr)
            held += fine
            shutil.rmtree(copy)
    return {"promise": "tables, cards and records cut or zeroed: no command ends in a traceback",
            "trials": count * len(commands), "held": held, "note": ", ".join(commands)}  # fmt: skip


def _can_be_made_again(path: Path, out: Path) -> bool:
    """Renderings, tables, records, shards; not the settings, the report and the sidecars."""
    name = path.relative_to(out).as_posix()
    apart = ("report/", "xmp/", "config.yaml", "done/report/", "done/xmp/", "done/sources.json",
             "tables/failures/", "done/failures/")  # fmt: skip
    return path.is_file() and not name.startswith(apart)
