import pytest
import yaml

from isp.development.recipes import MIXED, mixed_recipes, mixtures, recipes
from isp.distortions.levels import SHIPPED, levels_identity
from manifests.config import RenderConfig
from manifests.errors import SeagullError
from manifests.keys import DISTORTIONS

CONFIG = RenderConfig()


def test_reference_first_then_six_by_twenty_in_order():
    made = recipes(CONFIG)
    assert [(r.distortion, r.level) for r in made] == [("none", 0)] + [
        (d, level) for d in DISTORTIONS for level in range(1, 21)
    ]
    assert (made[0].parameter, made[0].unit, made[0].steps) == (0.0, "", ())


def test_no_identity_no_repetition_and_severity_grows_by_sign():
    for distortion in DISTORTIONS:
        settings = [r.steps[0] for r in recipes(CONFIG) if r.distortion == distortion]
        assert all(s.parameter != 0 for s in settings)
        assert len(set(settings)) == 20
        for sign in (1, -1):
            sizes = [abs(s.parameter) for s in settings if s.parameter * sign > 0]
            rising = sorted(sizes, reverse=distortion == "compression")
            assert distortion == "blur" or sizes == rising


def test_both_signs_where_the_type_has_two():
    for distortion in ("exposure", "contrast", "colorfulness"):
        values = [r.parameter for r in recipes(CONFIG) if r.distortion == distortion]
        assert sum(v > 0 for v in values) == sum(v < 0 for v in values) == 10


def test_mixtures_are_drawn_from_the_file_alone():
    few, many = (mixed_recipes(n, "ab" * 32, 3, CONFIG) for n in (4, 40))
    assert many[:4] == few
    assert mixed_recipes(4, "cd" * 32, 3, CONFIG) != few
    assert {len(r.steps) for r in many} == {1, 2, 3}
    assert all((r.distortion, r.unit) == (MIXED, "mixed") for r in many)
    assert all(len({s.distortion for s in r.steps}) == len(r.steps) for r in many)


@pytest.fixture
def table():
    return yaml.safe_load(SHIPPED.read_text())


def test_a_table_with_a_mistake_says_where(tmp_path, table):
    bad = tmp_path / "levels.yaml"
    table["exposure"]["levels"][0]["parameter"] = 0
    bad.write_text(yaml.safe_dump(table))
    with pytest.raises(SeagullError, match="level 1: exposure with parameter 0"):
        recipes(RenderConfig(levels=str(bad)))
    del table["exposure"]["levels"][0]
    bad.write_text(yaml.safe_dump(table))
    with pytest.raises(SeagullError, match="exposure needs a list of 20"):
        recipes(RenderConfig(levels=str(bad)))
    with pytest.raises(SeagullError, match="cannot read"):
        recipes(RenderConfig(levels=str(tmp_path / "none.yaml")))


def test_identity_follows_the_settings_not_the_file(tmp_path, table):
    same, other = tmp_path / "same.yaml", tmp_path / "other.yaml"
    same.write_text("# a comment\n" + yaml.safe_dump(table))
    table["noise"]["levels"][19]["parameter"] += 0.01
    other.write_text(yaml.safe_dump(table))
    shipped = levels_identity(CONFIG)
    assert levels_identity(RenderConfig(levels=str(same))) == shipped
    assert levels_identity(RenderConfig(levels=str(other))) != shipped


def test_mixtures_from_a_yaml(tmp_path):
    path = tmp_path / "mixtures.yaml"
    path.write_text(
        "- {exposure: {parameter: -1.5}, noise: {parameter: 4}}\n"
        "- {blur: {parameter: 1.2, shape: motion, angle: 30}, compression: {parameter: 20}}\n"
    )
    first, second = mixtures(path)
    assert (first.distortion, first.level, second.level) == (MIXED, 1, 2)
    assert [(s.distortion, s.parameter, s.unit) for s in first.steps] == [
        ("exposure", -1.5, "EV"),
        ("noise", 4.0, "stops"),
    ]
    assert second.step("blur").option("shape", "gaussian") == "motion"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {exposure: {parameter: 1}}", "two or more"),
        ("exposure: 1", "expected a list"),
        ("- {exposure: {parameter: 99}, noise: {parameter: 4}}", "mixture 1: exposure needs"),
        ("- {exposre: {parameter: 1}, noise: {parameter: 4}}", "'exposre' is none of"),
        ("- {blur: {parameter: 1, shape: gausian}, noise: {parameter: 4}}", "shape: gausian"),
        ("- {noise: {parameter: 1, angle: 3}, exposure: {parameter: 4}}", "no option angle"),
        ("- [", "no YAML"),
    ],
)
def test_a_mixture_with_a_mistake_says_where(tmp_path, text, message):
    path = tmp_path / "mixtures.yaml"
    path.write_text(text)
    with pytest.raises(SeagullError, match=message):
        mixtures(path)
