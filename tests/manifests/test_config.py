import dataclasses

import pytest

from manifests.errors import SeagullError
from manifests.presets import PRESETS, load_config, to_yaml


def test_presets_and_yaml_round_trip(tmp_path):
    for name, preset in PRESETS.items():
        assert load_config(name) == preset
        path = tmp_path / f"{name}.yaml"
        path.write_text(to_yaml(preset))
        assert load_config(str(path)) == preset


def test_a_yaml_says_only_what_differs_and_overrides_come_last(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("preset: demo\nrender: {long_edge: 768}\nmasks: {points: 9}\n")
    config = load_config(str(path), ["masks.points=11", "masks.detector_options.threshold=0.8"])
    assert (config.render.long_edge, config.masks.points) == (768, 11)
    assert config.render.tone == PRESETS["demo"].render.tone
    assert config.masks.detector_options == {"threshold": 0.8}


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("render.long_egde=300", "did you mean render.long_edge?"),
        ("rendr.long_edge=300", "did you mean render?"),
        ("render.long_edge=wide", "render.long_edge"),
        ("render.long_edge=1", "64..16384"),
        ("render.tone=warm", "neutral"),
        ("shards.train=1.5", "train and val"),
        ("render", "key=value"),
    ],
)
def test_a_wrong_key_or_value_is_one_line_that_helps(override, says):
    with pytest.raises(SeagullError, match=says.replace("?", r"\?").replace(".", r"\.")) as error:
        load_config("demo", [override])
    assert "\n" not in str(error.value)


def test_a_wrong_name_lists_the_presets(tmp_path):
    with pytest.raises(SeagullError, match="demo"):
        load_config("deom")
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(SeagullError, match="keys and values"):
        load_config(str(tmp_path / "list.yaml"))


def test_the_fingerprint_is_of_what_changes_bytes_and_not_of_how_the_work_is_done():
    demo = load_config("demo")
    assert load_config("demo", ["work.timeout_s=5"]).fingerprint == demo.fingerprint
    assert load_config("demo", ["seed=1"]).fingerprint != demo.fingerprint


def test_configuration_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_config("demo").seed = 3
