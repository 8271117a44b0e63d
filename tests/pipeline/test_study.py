"""SEAGULL-3k with simulated raters, run as a user runs it."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from runs import TINY, seagull, tree_sha256

from manifests.config import Config, ReleaseConfig
from manifests.errors import SeagullError
from manifests.presets import load_config
from manifests.sample import read_samples
from manifests.workspace import Workspace
from pipeline.release.release import release
from pipeline.release.study_part import Study, asked_for


def _studied(tiny: Path, raw: Path, out: Path) -> Path:
    shutil.copytree(tiny, out)
    ran = seagull("study", "--simulate", "--raw", raw, "--out", out, "--executor", "local",
                  "--workers", "1", *TINY, "--set", "study.images_per_scene=3")  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return out


def test_ratings_are_the_papers_and_the_same_each_time(
    tiny: Path, tiny_raw: Path, tmp_path: Path
) -> None:
    out = _studied(tiny, tiny_raw, tmp_path / "one")
    ratings = pd.read_parquet(out / "study" / "tables" / "ratings")
    per_roi = ratings.groupby(["rendering_id", "roi_id"]).rater.nunique()
    assert per_roi.min() >= 7 and ratings.rater.nunique() <= 24  # paper, section 3.2
    assert ratings.quality.between(0, 4).all() and ratings.importance.between(0, 4).all()
    assert ratings.rendering_id.nunique() == 9
    # What they see of quality is on the scale of the words: decibels, 4 at those of "without".
    truth = pd.read_parquet(out / "study" / "tables" / "truth")
    seen = 4 * np.minimum(-10 * np.log10(1 - truth.quality.clip(upper=0.99)) / 20, 1)
    mean = ratings.groupby(["rendering_id", "roi_id"]).quality.mean()
    assert abs(mean.mean() - seen.clip(0, 4).mean()) < 0.25
    verified = seagull("verify", "--out", out)
    assert verified.returncode == 0 and "rated renderings" in verified.stdout
    again = _studied(tiny, tiny_raw, tmp_path / "two")
    assert tree_sha256(again / "study") == tree_sha256(out / "study")
    _goes_out_with_a_release(out, tmp_path)


def _goes_out_with_a_release(out: Path, tmp_path: Path) -> None:
    """The same test: a study takes ten seconds to make."""
    said = ["contact=a@example.org", "labels_licence=CC-BY-4.0", "pixels_licence=CC0-1.0",
            "redistribute=true", "persons=none"]  # fmt: skip

    def config(*more: str) -> Config:
        return load_config(str(out / "config.yaml"), [f"release.{x}" for x in (*said, *more)])

    space, to = Workspace(out), tmp_path / "releases"
    with pytest.raises(SeagullError, match=r"release\.study: .*release\.ratings_licence: "):
        release(space, config(), to)
    kept = release(space, config("study=false", "version=0.0.1"), to)
    assert not (kept / "study").exists()
    made = release(space, config("study=true", "ratings_licence=CC-BY-NC-4.0"), to)
    theirs = pd.read_parquet(made / "study" / "tables" / "ratings")
    ours = pd.read_parquet(out / "study" / "tables" / "ratings")
    key = ["rendering_id", "roi_id", "rater", "repeat"]
    window = ["window_width", "window_height", "zoom"]
    assert theirs[window].isna().all(axis=None)
    theirs, ours = (x.drop(columns=window).sort_values(key, ignore_index=True)
                    for x in (theirs, ours))  # fmt: skip
    pd.testing.assert_frame_equal(theirs, ours)
    assert len(pd.read_parquet(made / "study" / "tables" / "raters.parquet")) == 24
    text = (made / "README.md").read_text()
    assert "simulated: no person was asked" in text and "CC-BY-NC-4.0" in text
    tars = list((made / "study" / "shards").rglob("*.tar"))
    assert sum(len([*read_samples(tar)]) for tar in tars) == 9
    for path in made.rglob("*"):
        assert not path.is_file() or str(out).encode() not in path.read_bytes(), path
    recipe = release(space, config("study=true", "ratings_licence=CC-BY-NC-4.0"), to, True)
    assert not [*recipe.rglob("*.tar")]
    assert (recipe / "study" / "tables" / "estimates").is_dir()


def test_people_are_asked_whether_they_agreed(tmp_path: Path) -> None:
    study = Study(Workspace(tmp_path), False, "people", 7, 7, 9, 3, {})
    said = ReleaseConfig(study=True, ratings_licence="CC-BY-4.0")
    with pytest.raises(SeagullError, match=r"release\.raters_consented: "):
        asked_for(study, said)
    with pytest.raises(SeagullError, match="who did not agree stay at home"):
        asked_for(study, replace(said, raters_consented=False))
    assert asked_for(study, replace(said, raters_consented=True)) is study
    assert asked_for(study, ReleaseConfig(study=False)) is None
