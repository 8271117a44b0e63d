"""Mistakes at the command line: one line that helps, status 2, no traceback."""

import subprocess
import sys

import pytest
from runs import seagull


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["build", "--raw", "nowhere"], "no such file or folder"),
        (["build", "--raw", "."], "no RAW file in it"),
        (["build"], "--raw"),
        (["masks"], "run `seagull render` first"),
        (["shards"], "seagull build"),
        (["verify"], "nothing to verify"),
        (["report"], "seagull build"),
        (["render", "--raw", ".", "--config", "papre"], "preset"),
        (["render", "--raw", ".", "--set", "render.long_egde=3"], "did you mean render.long_edge?"),
        (["show", "nothing"], "no scene or ROI"),
        (["pretrain"], "shards"),
        (["rendr"], "No such command"),
    ],
)
def test_a_mistake_is_one_line_that_helps(arguments, says, tmp_path):
    ran = seagull(*arguments, *([] if arguments == ["rendr"] else ["--out", "out"]), cwd=tmp_path)
    assert ran.returncode == 2
    assert says in ran.stderr
    assert "Traceback" not in ran.stderr
    assert len(ran.stderr.strip().splitlines()) <= 4


def test_a_missing_weight_says_which_file_and_where_it_is_published(tiny_raw, tmp_path):
    ran = seagull("build", "--raw", tiny_raw, "--out", "out", "--set", "labels.scorer=topiq_fr",
                  cwd=tmp_path)  # fmt: skip
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
    assert "labels.weights" in ran.stderr


def test_help_loads_no_package_for_arrays_or_tables():
    code = "import sys, pipeline.cli.main; print(*sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "pyarrow", "cv2", "pydantic", "ray"} & set(ran.stdout.split())
