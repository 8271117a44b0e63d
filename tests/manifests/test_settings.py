"""Every key of the configuration, any value: accepted and used, or one line that says why not."""

import math
import subprocess
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import seagull

from manifests.config import Config, to_dict
from manifests.errors import SeagullError
from manifests.presets import load_config, to_yaml


def _keys(section: Any, prefix: str = "") -> list[str]:
    found = []
    for field in fields(section):
        value = getattr(section, field.name)
        inside = is_dataclass(value)
        found += _keys(value, f"{prefix}{field.name}.") if inside else [f"{prefix}{field.name}"]
    return found


KEYS = _keys(Config())
NUMBERS = st.one_of(
    st.sampled_from(
        [math.nan, math.inf, -math.inf, 0, -0.0, -1, 1, 2, 0.5, -5, 1e308, 2**63, 10**40]
    ),
    st.integers(-(10**6), 10**6),
    st.floats(-1e4, 1e4),
)
TEXTS = st.one_of(
    st.sampled_from(
        ["", "bananas", "cuda", "cuda:1", "cpu", "1e-3", "../x", "a\0b", "\x1b[31m", "yes"]
    ),
    st.text(max_size=8),
)
SCALARS = st.one_of(NUMBERS, TEXTS, st.booleans(), st.none(), st.dates())
VALUES = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.dictionaries(st.one_of(TEXTS, st.integers(0, 3)), SCALARS, max_size=2),
    st.lists(
        st.dictionaries(st.sampled_from(["scorer", "without_above", "x"]), SCALARS), max_size=2
    ),
)


def _numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [number for member in value for number in _numbers(member)]
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []


def _at(config: Config, key: str) -> Any:
    value: Any = to_dict(config)
    for part in key.split("."):
        value = value[part]
    return value


def _accepted(load, given: Any, key: str) -> None:
    """What comes of a value: used as given, in a configuration that is whole; or one line."""
    try:
        config = load()
    except SeagullError as error:
        assert str(error) and "\n" not in str(error) and len(str(error)) < 2000
        return
    used = _at(config, key)
    if isinstance(given, bool | str) and not isinstance(used, type(given)):
        assert str(used).lower() == str(given).lower() or used in (0, 1) or float(given) == used
    elif not isinstance(given, list | dict):
        assert used == given
    assert all(math.isfinite(number) for number in _numbers(to_dict(config)))
    assert config.fingerprint
    again = yaml.safe_load(to_yaml(config))
    assert again["fingerprint"] == config.fingerprint


@settings(deadline=None, derandomize=True, database=None, max_examples=600)
@given(st.sampled_from(KEYS), VALUES)
def test_any_value_of_any_key_in_a_file(tmp_path_factory, key, value):
    nested = value
    for part in reversed(key.split(".")):
        nested = {part: nested}
    path = tmp_path_factory.mktemp("config") / "mine.yaml"
    path.write_text(yaml.safe_dump(nested, allow_unicode=True), encoding="utf-8")
    _accepted(lambda: load_config(str(path)), value, key)


@settings(deadline=None, derandomize=True, database=None, max_examples=300)
@given(st.sampled_from(KEYS), SCALARS)
def test_any_value_of_any_key_on_the_command_line(key, value):
    text = yaml.safe_dump(value).removesuffix("...\n").strip()
    _accepted(lambda: load_config("demo", [f"{key}={text}"]), value, key)


@settings(deadline=None, derandomize=True, database=None, max_examples=200)
@given(st.text(max_size=30))
def test_any_text_is_a_configuration_or_one_line(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("config") / "mine.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    for load in (lambda: load_config(str(path)), lambda: load_config("demo", [text])):
        try:
            load()
        except SeagullError as error:
            assert "\n" not in str(error)


WRONG = [
    "labels: {without_above: .nan}",
    "work: {timeout_s: -5}",
    "work: {timeout_s: .inf}",
    "work: {device: bananas}",
    "work: {gpus: -1}",
    "work: {gpus: 1.5}",
    "work: {attempts: 0}",
    "study: {raters: 0}",
    "render: {max_megapixels: .nan}",
    "render: {max_megapixels: -1}",
    "masks: {max_objects: -1}",
    "masks: {points: true}",
    "seed: -1",
    "preset: [paper]",
    "preset: {a: b}",
    "1: 2",
    "render: {1: 2}",
    "masks: {detector_options: {1: 2}}",
    "masks: {detector_options: {threshold: .nan}}",
    "masks: {detector_options: {start_s: soon}}",
    "masks: {detector_options: {threshold: -0.5}}",
    "masks: {detector_options: &a {text: [*a]}}",
    "labels: {also: [{scorer: psnr, without_above: .inf}]}",
    "labels: {also: [{scorer: psnr, 1: 2}]}",
    "seed: 2001-99-99",
    f"seed: {'9' * 5000}",
    f"seed: 0x{'f' * 9000}",
    "[" * 3000,
    "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nseed: *c",
    'masks: {detector_weights: "a\\0b"}',
    "- 1",
]


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:40])
def test_nonsense_is_one_line(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(SeagullError) as error:
        load_config(str(path))
    assert "\n" not in str(error.value) and len(str(error.value)) < 2000


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "", ".", "/", "no\udce9.yaml"])
def test_a_name_that_no_file_can_have_is_one_line(name):
    with pytest.raises(SeagullError):
        load_config(name)


def test_the_command_ends_with_status_2_and_one_line(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("preset: [paper]")
    ran: subprocess.CompletedProcess = seagull("status", "--out", tmp_path, "--config", path)
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1), ran.stderr
