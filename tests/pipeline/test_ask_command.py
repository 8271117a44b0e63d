"""`seagull ask` as it is typed, in one process: the network is loaded once more a call, no more."""

import json

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from manifests.errors import SeagullError
from manifests.images import encode_jpeg, encode_png, read_image
from manifests.rle import decode
from pipeline.cli.main import seagull


@pytest.fixture(scope="module")
def photos(tiny_raw, tmp_path_factory):
    """A photograph, a RAW, a cut file, one without objects, and what is no photograph."""
    from isp.tools.photographs import bundled

    folder = tmp_path_factory.mktemp("photos")
    coffee = cv2.resize(bundled()["coffee"](), (240, 160), interpolation=cv2.INTER_AREA)
    (folder / "coffee.jpg").write_bytes(encode_jpeg(coffee, 95))
    (folder / "cut.jpg").write_bytes(encode_jpeg(coffee, 95)[:3000])
    (folder / "flat.png").write_bytes(encode_png(np.full((100, 100, 3), 128, np.uint8)))
    (folder / "astronaut.dng").write_bytes((tiny_raw / "astronaut.dng").read_bytes())
    (folder / "notes.txt").write_text("not asked about")
    return folder


@pytest.fixture
def run(trained):
    def asked(*arguments, out=trained):
        line = ["ask", *map(str, arguments), "--out", str(out), "--set", "render.long_edge=160"]
        return CliRunner().invoke(seagull, line, catch_exceptions=True)

    return asked


def test_a_line_a_region_twice_the_same(run, photos, tmp_path):
    mask = np.zeros((160, 240), np.uint8)
    mask[40:120, 60:180] = 255
    (tmp_path / "mask.png").write_bytes(cv2.imencode(".png", mask)[1].tobytes())
    asked = (photos / "coffee.jpg", "--point", "120,80", "--box", "20,10,180,140",
             "--mask", tmp_path / "mask.png", "--picture", tmp_path / "out.png")  # fmt: skip
    first = run(*asked)
    assert first.exit_code == 0, first.output
    lines = first.stdout.splitlines()
    assert [line.partition(" (")[0] for line in lines] == [
        "point 120,80", "box 20,10,180,140", "mask mask.png",
    ]  # fmt: skip
    assert all("quality" in line and "importance" in line for line in lines)
    assert read_image(tmp_path / "out.png").shape[1] > 240
    assert run(*asked).stdout == first.stdout


def test_json_for_programs(run, photos):
    told = json.loads(run(photos / "coffee.jpg", "--objects", "--json").stdout)
    assert (told["width"], told["height"]) == (240, 160)
    assert told["model"].endswith("pretrain") and told["regions"]
    for region in told["regions"]:
        inside = decode(region["rle"]["counts"], *region["rle"]["size"])
        assert inside.sum() == region["area"]
        x, y, w, h = region["bbox_xywh"]
        assert inside[y : y + h, x : x + w].sum() == region["area"]
        assert set(region["answer"]) == {"quality", "importance", "distortions", "without",
                                         "sentences"}  # fmt: skip


def test_a_folder_becomes_a_table(run, photos, tmp_path):
    table = tmp_path / "answers.parquet"
    ran = run(photos, "--table", table)
    assert ran.exit_code == 1  # two photographs failed, and each has its row
    assert "2 photographs failed" in ran.output
    rows = pq.read_table(table).to_pylist()
    failed = {row["photo"]: row["reason"] for row in rows if row["reason"]}
    assert failed == {"cut.jpg": "unreadable", "flat.png": "no_rois"}
    answered = [row for row in rows if not row["reason"]]
    assert {row["photo"] for row in answered} == {"astronaut.dng", "coffee.jpg"}
    for row in answered:
        assert sum(row["quality_probabilities"]) == pytest.approx(1, abs=1e-4)
        assert decode(row["rle"], row["height"], row["width"]).sum() == row["area"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["coffee.jpg"], "which region"),
        (["coffee.jpg", "--point", "500,20"], "outside the photograph of 240x160"),
        (["coffee.jpg", "--mask", "flat.png"], "100x100"),
        (["coffee.jpg", "--mask", "nothing.png"], "no picture"),
        (["flat.png", "--objects"], "no object"),
        (["notes.txt", "--point", "1,1"], "no picture"),
        (["nowhere.jpg", "--point", "1,1"], "No such file"),
        (["coffee.jpg", "--point", "1,1", "--model", "nowhere"], "no such folder"),
        (["coffee.jpg", "--point", "120,80", "--picture", "x.gif"], ".png or .jpg"),
    ],
)
def test_a_mistake_is_one_line(run, photos, monkeypatch, arguments, says):
    monkeypatch.chdir(photos)
    ran = run(*arguments)
    assert isinstance(ran.exception, SeagullError)
    assert says in str(ran.exception) and "\n" not in str(ran.exception)


def test_numbers_that_are_none_and_folders_without_photographs(run, photos, tmp_path):
    ran = run(photos / "coffee.jpg", "--point", "1;1")
    assert ran.exit_code == 2 and "'1;1' is not X,Y" in ran.output
    ran = run(tmp_path)
    assert isinstance(ran.exception, SeagullError) and "no photograph" in str(ran.exception)
    ran = run(photos / "coffee.jpg", "--point", "1,1", out=tmp_path)
    assert "holds no trained network" in str(ran.exception)
