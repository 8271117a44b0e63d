"""Does a rendering, a mask or a label depend on what the processor can do?

    python -m pipeline.rebuild.code_paths RAW_FOLDER OUT_FOLDER [KEY=VALUE ...]

The same RAW files are built several times, each time with some of the processor's features hidden
from NumPy, OpenCV, torch and OpenBLAS by their own switches, and every build is compared with the
first. KEY=VALUE are settings as `--set` takes them; the preset is `demo`.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from manifests.errors import SeagullError
from manifests.records import Label, Roi, Scene
from manifests.tables import read_records
from manifests.workspace import Workspace
from pipeline.rebuild.compare import compare_scene, summary

_AVX512 = "X86_V4 AVX512_ICL AVX512_SPR"
SWITCHES: Mapping[str, Mapping[str, str]] = {
    "all features": {},
    "no AVX-512": {
        "NPY_DISABLE_CPU_FEATURES": _AVX512,
        "OPENCV_CPU_DISABLE": "AVX512-SKX",
        "ATEN_CPU_CAPABILITY": "avx2",
        "OPENBLAS_CORETYPE": "Haswell",
    },
    "no AVX2": {
        "NPY_DISABLE_CPU_FEATURES": f"{_AVX512} X86_V3",
        "OPENCV_CPU_DISABLE": "AVX512-SKX,AVX2,FP16",
        "ATEN_CPU_CAPABILITY": "default",
        "OPENBLAS_CORETYPE": "Sandybridge",
    },
    "baseline": {
        "NPY_DISABLE_CPU_FEATURES": f"{_AVX512} X86_V3",
        "OPENCV_CPU_DISABLE": "AVX512-SKX,AVX2,FP16,AVX,SSE4.2,SSE4.1",
        "ATEN_CPU_CAPABILITY": "default",
        "OPENBLAS_CORETYPE": "Prescott",
    },
    "OpenCV baseline alone": {
        "OPENCV_CPU_DISABLE": "AVX512-SKX,AVX2,FP16,AVX,SSE4.2,SSE4.1"
    },
    "NumPy baseline alone": {"NPY_DISABLE_CPU_FEATURES": f"{_AVX512} X86_V3"},
    "OpenBLAS SkylakeX": {"OPENBLAS_CORETYPE": "SkylakeX"},
}  # fmt: skip


@click.command()
@click.argument("raw", type=click.Path(path_type=Path, exists=True))
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.argument("settings", nargs=-1)
def main(raw: Path, out: Path, settings: tuple[str, ...]) -> None:
    """Build RAW under each of SWITCHES into OUT and say what differs from the first."""
    first = None
    for name, variables in SWITCHES.items():
        workspace = Workspace(out / name.replace(" ", "_"))
        _build(raw, workspace, variables, settings)
        first = first or workspace
        click.echo(f"{name}:")
        for line in _compared(first, workspace):
            click.echo(f"  {line}")


def _build(
    raw: Path, workspace: Workspace, variables: Mapping[str, str], settings: tuple[str, ...]
) -> None:
    options = [word for setting in settings for word in ("--set", setting)]
    command = [
        sys.executable, "-m", "pipeline.cli", "build", "--raw", str(raw), "--out",
        str(workspace.root), "--executor", "local", "--workers", "1", "--config", "demo", *options,
    ]  # fmt: skip
    ran = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise SeagullError(f"{workspace.root}: {ran.stderr.strip()[-400:]}")


def _compared(first: Workspace, other: Workspace) -> list[str]:
    keys = [scene.scene_id for scene in read_records(first.table("scenes"), Scene)]
    lines = summary([compare_scene(key, first, other, against=first) for key in keys])
    rois = [read_records(space.table("rois"), Roi) for space in (first, other)]
    labels = [read_records(space.table("labels"), Label) for space in (first, other)]
    lines.append(f"masks {'identical' if rois[0] == rois[1] else 'not identical'}")
    if len(labels[0]) != len(labels[1]):
        return [*lines, f"labels {len(labels[0])}, here {len(labels[1])}"]
    moved = [
        max(abs(a.quality - b.quality), abs(a.importance - b.importance))
        for a, b in zip(*labels, strict=True)
    ]
    changed = sum(a != b for a, b in zip(*labels, strict=True))
    lines.append(
        f"labels: {changed} of {len(moved)} differ, by {max(moved, default=0):.6f} at most"
    )
    return lines


if __name__ == "__main__":
    main()
