"""SEAGULL-3k with simulated raters, run as a user runs it."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from runs import TINY, seagull, tree_sha256


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
