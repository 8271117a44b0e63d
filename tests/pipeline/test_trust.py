"""What a workspace says of itself starts no program."""

import sys

import pytest
from runs import seagull

from manifests.presets import load_config, programs, to_yaml
from manifests.workspace import Workspace


@pytest.fixture
def hostile(tmp_path):
    """A workspace whose configuration names a program, and the file that it would leave."""
    ran = tmp_path / "ran"
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\ntouch {ran}\n")
    program.chmod(0o755)
    for name in ("repo", "weights.pt", "focal.yaml"):
        (tmp_path / name).write_text("")
    options = {"python": program, "repo": tmp_path / "repo", "config": tmp_path / "focal.yaml"}
    sets = [f"masks.detector_options.{key}={value}" for key, value in options.items()]
    sets += ["masks.detector=seem", f"masks.detector_weights={tmp_path / 'weights.pt'}"]
    space = Workspace(tmp_path / "out")
    space.root.mkdir()
    space.config.write_text(to_yaml(load_config("demo", sets)))
    return space, ran, [part for one in sets for part in ("--set", one)]


def test_a_workspaces_own_configuration_starts_no_program(hostile, tiny_raw):
    space, ran, _ = hostile
    shared = ["--out", space.root, "--raw", tiny_raw, "--executor", "local", "--workers", "1"]
    for command in (["build"], ["masks"], ["retry"], ["plan", "--measure", "1"]):
        refused = seagull(*command, *shared)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
        assert "would start a program" in refused.stderr
        assert not ran.exists()
    looked = seagull("status", "--out", space.root)
    assert looked.returncode == 0, looked.stderr


def test_the_users_own_settings_do(hostile):
    space, ran, sets = hostile
    config = load_config(str(space.config))
    assert programs(config).keys() == {"python", "repo", "config"}
    assert not programs(load_config("demo", ["masks.detector_options.python=/bin/true"]))
    allowed = seagull("plan", "--out", space.root, "--raw", sys.executable, *sets)
    assert "would start a program" not in allowed.stderr  # that file is no RAW
    another = [one.replace("/python", "/other") for one in sets]
    assert not ran.exists()
    other = seagull("plan", "--out", space.root, "--raw", sys.executable, *another[2:])
    assert "would start a program" in other.stderr
