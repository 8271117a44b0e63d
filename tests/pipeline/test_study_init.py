"""A study of photographs: from a folder to shards that are read as any other, and verify."""

import re
import shutil
from collections import Counter
from pathlib import Path

import cv2
import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from annotation.plan.study_folder import StudyFolder
from annotation.rating.study_site import study_site
from annotation.simulation.http_raters import rate_all
from annotation.simulation.votes_by_model import Truth, simulated_rater
from annotation.votes.vote_store import VoteStore
from annotation.web.serve import bind, running
from isp.tools.photographs import bundled
from manifests.errors import SeagullError
from manifests.presets import load_config
from manifests.workspace import Workspace
from pipeline.cli.main import seagull
from pipeline.dataset.verify import verify

SMALL = [
    "--workers", "1", "--set", "study.images=5", "--set", "study.rois=9",
    "--set", "study.raters=3", "--set", "study.ratings_per_roi=2", "--set", "study.session_items=8",
    "--set", "study.golden_per_session=1", "--set", "study.repeats_per_session=1",
    "--set", "masks.points=8", "--set", "shards.train=0.5", "--set", "study.screening.seconds=0",
]  # fmt: skip


def _run(*arguments: str | Path):
    return CliRunner().invoke(seagull, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("study_init") / "photos0"  # the seeded choice reads the name
    folder.mkdir()
    for name, suffix in (("coffee", "jpg"), ("astronaut", "png"), ("chelsea", "bmp"),
                         ("rocket", "jpg")):  # fmt: skip
        pixels = cv2.resize(bundled()[name](), (200, 140), interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(folder / f"{name}.{suffix}"), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    whole = (folder / "coffee.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "z_copy.jpg").write_bytes(whole)
    return folder


@pytest.fixture(scope="module")
def rated(photos: Path, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("rated") / "study"
    ran = _run("study", "init", "--images", photos, "--out", out, *SMALL)
    assert ran.exit_code in (0, 1), ran.output
    folder = StudyFolder(out)
    config = load_config(str(folder.space.config))
    store = VoteStore(folder.votes)
    links = {int(name): link for name, link in
             re.findall(r"^r(\d+)\s+(\S+)", folder.links.read_text(), re.M)}  # fmt: skip
    truths = {i.item: Truth(0.5 + i.item % 4, 2.0, {"blur": 1.0}) for i in folder.read_items()}
    with running(study_site(folder, store, config)) as url:
        rate_all(url, links, {n: simulated_rater(n, 0) for n in links}, truths)
    store.close()
    ran = _run("study", "export", "--out", out)
    assert ran.exit_code == 0, ran.output
    return out


def test_photographs_keep_their_bytes_and_broken_ones_are_a_row(rated, photos):
    images = pd.read_parquet(rated / "tables" / "photographs").set_index("file")
    assert len(images) == 4 and images.converted.sum() == 1 and (images.source == "folder").all()
    renderings = pd.read_parquet(rated / "tables" / "renderings").set_index("scene_id")
    bytes_of = {path.name: path.read_bytes() for path in photos.iterdir()}
    for file, row in images.iterrows():
        stored = (rated / renderings.loc[row.scene_id].path).read_bytes()
        assert (stored == bytes_of[Path(file).name]) != row.converted
    failures = pd.read_parquet(rated / "tables" / "failures")
    assert "unreadable" in set(failures.reason) <= {"unreadable", "duplicate"}


def test_ratings_open_in_pandas_and_duckdb_and_name_nobody(rated):
    ratings = pd.read_parquet(rated / "tables" / "ratings")
    once = ratings[~ratings.repeat]
    assert set(Counter(zip(once.rendering_id, once.roi_id, strict=True)).values()) == {2}
    assert set(ratings.rater) <= {"r01", "r02", "r03"} and (ratings.raters == "people").all()
    query = f"select avg(quality) from '{rated}/tables/ratings/*.parquet' where not repeat"
    assert duckdb.sql(query).fetchall()[0][0] == pytest.approx(once.quality.mean())
    estimates = pd.read_parquet(rated / "tables" / "estimates")
    mine = estimates[estimates.question == "quality"]
    assert len(mine) == 9 and (mine.low < mine.estimate).all() and (mine.ratings == 2).all()
    rois = pd.read_parquet(rated / "tables" / "rois")
    assert len(rois) == 9 and set(rois.kind) == {"object", "component"}


def test_shards_are_read_as_any_others(rated):
    from training.data import shard_reader

    space = Workspace(rated)
    card = shard_reader.read_card(space)
    assert card.dataset == "seagull-3k" and card.quality_top == 4 and card.raters == "people"
    splits = [split for split in ("train", "test") if card.samples[split]]
    samples = [s for split in splits for s in shard_reader.in_order(space, split)]
    assert len(samples) == 4 and sum(len(s.labels) for s in samples) == 9


def test_verify_covers_the_study(rated, tmp_path):
    study = tmp_path / "study"
    shutil.copytree(rated, study)
    config = load_config(str(study / "config.yaml"))
    seen, problems, _ = verify(Workspace(study), config)
    assert problems == [] and seen["ratings"] >= 18 and seen["rated renderings"] == 4
    ratings = next((study / "tables" / "ratings").glob("*.parquet"))
    table = pq.read_table(ratings)
    quality = [9, *table["quality"].to_pylist()[1:]]
    at = table.schema.get_field_index("quality")
    pq.write_table(table.set_column(at, table.schema.field(at), [quality]), ratings)
    (study / "renderings" / "stranger.png").write_bytes(b"")
    next((study / "lessons" / "items").iterdir()).write_bytes(b"other")
    problems = verify(Workspace(study), config).problems
    for text in (ratings.name, "stranger.png: belongs to no record", "lessons/items"):
        assert any(text in problem for problem in problems), text


def test_a_study_is_planned_once_and_the_same_file_gives_the_same_plan(rated, photos, tmp_path):
    again = _run("study", "init", "--images", photos, "--out", rated)
    assert isinstance(again.exception, SeagullError) and "planned study" in str(again.exception)
    other = tmp_path / "other"
    assert _run("study", "init", "--images", photos, "--out", other, *SMALL).exit_code in (0, 1)
    for name in ("items.parquet", "turns.parquet"):
        assert (other / "plan" / name).read_bytes() == (rated / "plan" / name).read_bytes()


def test_mistakes_are_told_in_a_line(rated, tmp_path):
    def said(*arguments) -> str:
        return str(_run("study", *arguments).exception)

    assert "study init" in said()
    assert "no such folder" in said("init", "--images", tmp_path / "none", "--out", tmp_path / "s")
    assert "study init" in said("serve", "--out", tmp_path / "s")
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    text = (rated / "config.yaml").read_text().replace("ratings_per_roi", "ratings_per_rio")
    (wrong / "config.yaml").write_text(text)
    assert "did you mean study.ratings_per_roi?" in said("serve", "--out", wrong)
    assert "--beyond-loopback" in said("serve", "--out", rated, "--host", "0.0.0.0")
    with bind("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]
        assert "in use" in said("serve", "--out", rated, "--port", port)
    assert "0 ratings given" in _run("study", "extend", "--out", rated).output
    assert "scores is empty" in said("extend", "--out", rated, "--votes", 3, "--by", "scorers")
