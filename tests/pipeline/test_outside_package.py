"""A distortion and models of a package outside the tree go the whole way, by the command alone."""

import json
import re
import subprocess
import sys
import tomllib

import numpy as np
import outside_package
import pandas as pd
import pytest
from runs import seagull

import manifests
from manifests.keys import DISTORTIONS
from manifests.records import Label
from training.data import instructions, texts
from training.data.shard_reader import read_card
from training.data.tokens import compact_tokenizer

SETTINGS = {
    "render.long_edge": 96,
    "render.levels": outside_package.LEVELS,
    "masks.detector": "middle",
    "masks.segmenter": "boxes",
    "labels.scorer": "nearness",
    "shards.train": 1,
    "pretrain.steps": 1,
    "network.view": 32,
    "network.patch": 16,
}
STUDY = {
    "study.images_per_scene": 2,
    "study.rois_per_image": 1,
    "study.raters": 3,
    "study.ratings_per_roi": 2,
    "study.session_items": 8,
    "study.golden_per_session": 1,
    "study.repeats_per_session": 1,
    "study.screening.seconds": 0,
}
SEVEN = [*DISTORTIONS, "sharpening"]


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    return outside_package.install(tmp_path_factory.mktemp("outside"))


@pytest.fixture(scope="module")
def one_raw(tiny_raw, tmp_path_factory):
    folder = tmp_path_factory.mktemp("one")
    (folder / "coffee.dng").symlink_to(tiny_raw / "coffee.dng")
    return folder


@pytest.fixture(scope="module")
def out(one_raw, environment, tmp_path_factory):
    out = tmp_path_factory.mktemp("seven") / "out"
    settings = [w for k, v in SETTINGS.items() for w in ("--set", f"{k}={v}")]
    ran = seagull(
        *("build", "--raw", one_raw, "--out", out, "--config", "demo"),
        *("--executor", "local", "--workers", "1", *settings),
        env=environment,
    )
    assert ran.returncode == 0, ran.stderr
    return out


def test_a_seventh_distortion_is_rendered_labelled_and_sharded(out):
    data = manifests.open_dataset(out)
    renderings = data.frame("renderings")
    assert renderings.distortion.value_counts().to_dict() == {"none": 1} | dict.fromkeys(SEVEN, 20)
    last = renderings[renderings.distortion == "sharpening"].sort_values("level")
    assert (last.unit == "percent").all() and last.parameter.is_monotonic_increasing
    sharpness = [np.diff(data.image(key).astype(float), axis=1).std() for key in last.rendering_id]
    assert sharpness[-1] > 1.5 * sharpness[0] > 0
    labels = data.frame("labels").merge(renderings[["rendering_id", "distortion"]])
    assert set(labels.distortion_label) == {"without", *SEVEN}
    quality = labels[labels.distortion == "sharpening"].quality.to_numpy()
    assert (np.diff(quality) < 0).all()
    assert data.card["distortions"] == SEVEN
    assert {s.rendering.distortion for s in data.samples("train")} == {"none", *SEVEN}


def test_models_of_the_package_made_the_masks_and_the_labels(out):
    data = manifests.open_dataset(out)
    (roi,) = data.frame("rois").to_dict("records")
    assert (roi["source"], roi["class_name"]) == ("middle-1+boxes-1", "middle")
    mask = data.mask(roi["roi_id"])
    height, width = mask.shape
    assert mask.sum() == pytest.approx(height * width / 4, rel=0.05)
    labels = data.frame("labels")
    assert set(labels.scorer) == {"nearness"} and set(labels.scorer_version) == {"nearness-1"}


def test_it_is_verified_reported_and_learned(out, environment):
    for command in ("verify", "report", "pretrain"):
        ran = seagull(command, "--out", out, env=environment)
        assert ran.returncode == 0, ran.stderr
    trained = out / "models" / "pretrain"
    assert json.loads((trained / "distortions.json").read_text()) == SEVEN


def test_raters_are_asked_about_it(out, one_raw, environment):
    """Lessons, pages, votes, tables and shards of a study with simulated raters."""
    settings = [w for k, v in (SETTINGS | STUDY).items() for w in ("--set", f"{k}={v}")]
    ran = seagull(
        *("study", "--simulate", "--raw", one_raw, "--out", out, "--config", "demo"),
        *("--executor", "local", "--workers", "1", *settings),
        env=environment,
    )
    assert ran.returncode == 0, ran.stderr
    assert (out / "study" / "lessons" / "pictures" / "sharpening_3.jpg").is_file()
    study = manifests.open_dataset(out / "study")
    ratings = study.frame("ratings")
    assert len(ratings) >= 4 and all([n for n, _ in r] == SEVEN for r in ratings.severities)
    assert set(study.frame("estimates").question) == {"quality", "importance", *SEVEN}
    assert study.card["distortions"] == SEVEN
    labels = [label for s in study.samples("train") for label in s.labels]
    assert len(labels) == 2 and all(set(label.severities) == set(SEVEN) for label in labels)
    lessons = [json.loads(k) for k in pd.read_parquet(out / "study/plan/items.parquet").known if k]
    assert any("sharpening" in known for known in lessons)


def test_the_trainer_has_words_for_it(out):
    names = read_card(manifests.open_dataset(out).workspace).distortions
    label = Label("r", "o", "s", 0.5, 0.1, "sharpening", "nearness", "1")
    truth = instructions.truth(label, 1.0, 1.0, distortions=names)
    answer = instructions.analyses(truth)[2].answer
    assert answer == "With sharpening distortions."
    assert texts.parse_distortions(answer, names) == {"sharpening": None}
    assert texts.parse_distortions(answer) is None
    tokenizer = compact_tokenizer(names)
    ids = tokenizer(answer, add_special_tokens=False)["input_ids"]
    assert tokenizer.unk_token_id not in ids
    rng = np.random.default_rng(0)
    asked = {instructions.judgment(truth, 2, rng).question for _ in range(100)}
    assert asked == {texts.distortion_judgment(name) for name in SEVEN}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("labels.scorer=broken", "outside_models:NOTHING cannot be imported"),
        ("labels.scorer=wrong", "sharpening:sharpen is a function, expected a ScorerKind"),
        ("masks.detector=midle", "'midle' is no detector that can be used"),
    ],
)
def test_a_mistake_in_a_package_is_told_in_one_line(out, one_raw, environment, setting, message):
    ran = seagull("plan", "--raw", one_raw, "--out", out, "--set", setting, env=environment)
    assert ran.returncode == 2 and message in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1


def test_the_examples_script_renders_with_it(one_raw, environment, tmp_path):
    script = outside_package.EXAMPLE / "sharpening.py"
    target = tmp_path / "sharpened.png"
    command = [sys.executable, str(script), str(one_raw / "coffee.dng"), str(target)]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=100)
    assert ran.returncode == 0, ran.stderr
    assert target.read_bytes()[:4] == b"\x89PNG"


def test_the_document_lists_the_examples_files():
    text = (outside_package.EXAMPLE.parents[1] / "docs" / "extending.md").read_text()
    section = text.split("In a package of your own")[1].split("\n\n")[0]
    listed = set(re.findall(r"^\d\. `([\w.]+)`", section, re.M))
    assert listed == {path.name for path in outside_package.EXAMPLE.iterdir() if path.is_file()}


def test_the_examples_metadata_names_what_it_holds():
    metadata = tomllib.loads((outside_package.EXAMPLE / "pyproject.toml").read_text())
    groups = metadata["project"]["entry-points"]
    assert groups == {"seagull.distortions": {"sharpening": "sharpening:SHARPENING"}}
