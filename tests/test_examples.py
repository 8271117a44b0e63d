"""The scripts in examples/, as the reader would run them, on small files."""

import subprocess
import sys
from pathlib import Path

import numpy as np

import isp
from isp.tools.photographs import bundled
from manifests.images import encode_jpeg, fitted, read_image

ROOT = Path(__file__).parents[1]
# own_distortion/ is run where its package is installed: tests/pipeline/test_outside_package.py
SCRIPTS = {"exposure_ladder.py", "label_photographs.py", "read_shards.py"}


def run(script, *arguments):
    command = [sys.executable, ROOT / "examples" / script, *arguments]
    ran = subprocess.run(
        [str(word) for word in command],
        capture_output=True, text=True, timeout=200, env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def test_every_script_is_tested():
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == SCRIPTS


def test_an_exposure_ladder(tiny_raw, tmp_path):
    lines = run("exposure_ladder.py", tiny_raw / "coffee.dng", tmp_path / "ladder.png")
    means = [float(line.split()[-1]) for line in lines]
    assert len(means) == 7 and means == sorted(means)
    ladder = read_image(tmp_path / "ladder.png")
    assert ladder.shape[1] == 7 * isp.render(tiny_raw / "coffee.dng").shape[1]


def test_photographs_are_labelled_pair_by_pair(tmp_path):
    photo = fitted(bundled()["coffee"](), 192)
    paths = [tmp_path / f"{name}.jpg" for name in ("reference", "good", "bad")]
    for path, quality in zip(paths, (95, 80, 5), strict=True):
        path.write_bytes(encode_jpeg(photo, quality, "420"))
    header, *lines = (line.split("\t") for line in run("label_photographs.py", *paths))
    qualities = {
        str(path): np.mean([float(row[header.index("quality")]) for row in lines if row[0] == name])
        for path in paths[1:]
        for name in [str(path)]
    }
    assert len(lines) % 2 == 0 and len(lines) >= 4
    assert qualities[str(paths[1])] > qualities[str(paths[2])]


def test_shards_are_read_in_pytorch(tiny):
    lines = run("read_shards.py", tiny)
    assert lines[0].startswith("batch 0: (32, 3, 64, 64), mean quality")
    assert all(0 < float(line.split()[-1]) <= 1 for line in lines)
