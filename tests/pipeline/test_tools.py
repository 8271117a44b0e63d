"""The commands beside the way, on a small dataset: what they print and what they leave."""

import shutil
import xml.etree.ElementTree as ET

import cv2
import pandas as pd
import pytest
from runs import TINY, seagull


@pytest.fixture(scope="module")
def one_raw(tiny_raw, tmp_path_factory):
    folder = tmp_path_factory.mktemp("one")
    shutil.copy(tiny_raw / "chelsea.dng", folder)
    return folder


def test_mixtures_of_a_yaml_become_renderings_with_their_parameters(one_raw, tmp_path):
    recipes = tmp_path / "mine.yaml"
    recipes.write_text("- {exposure: {parameter: -1.5}, noise: {parameter: 4}}\n")
    ran = seagull("mix", recipes, "--raw", one_raw, "--out", tmp_path / "out", *TINY)
    assert ran.returncode == 0, ran.stderr
    (row,) = pd.read_parquet(tmp_path / "out" / "mixtures" / "tables" / "renderings").itertuples()
    assert row.distortion == "mixed"
    assert '"exposure"' in row.params
    assert '"noise"' in row.params
    image = cv2.imread(str(tmp_path / "out" / "mixtures" / row.path))
    assert image.shape[:2] == (row.height, row.width)


def test_a_recipe_for_what_there_is_not_is_one_line(one_raw, tmp_path):
    recipes = tmp_path / "mine.yaml"
    recipes.write_text("- {sharpness: {parameter: 1}, noise: {parameter: 4}}\n")
    ran = seagull("mix", recipes, "--raw", one_raw, "--out", tmp_path / "out", *TINY)
    assert ran.returncode == 2
    assert "sharpness" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_sidecars_are_xml_with_camera_raw_names(tiny, tiny_raw, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(tiny, out)
    ran = seagull("render", "--xmp", "--raw", tiny_raw, "--out", out, *TINY)
    assert ran.returncode == 0, ran.stderr
    sidecars = sorted((out / "xmp").rglob("*.xmp"))
    assert len(sidecars) == 3 * 61  # the reference and 3 x 20 with a slider
    crs = "{http://ns.adobe.com/camera-raw-settings/1.0/}"
    row = pd.read_parquet(out / "tables" / "renderings").set_index(
        ["scene_id", "distortion", "level"]
    )
    for path in sidecars[1::7]:
        name, _, level = path.stem.rpartition("_")
        if name == "exposure":
            (about,) = (
                ET.parse(path)
                .getroot()
                .iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description")
            )
            parameter = row.loc[(path.parent.name, name, int(level))].parameter
            assert float(about.attrib[f"{crs}Exposure2012"]) == pytest.approx(parameter, abs=0.006)


def test_a_scene_and_a_roi_are_shown(tiny, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(tiny, out)
    roi = pd.read_parquet(out / "tables" / "rois").iloc[0]
    reference = cv2.imread(str(next((out / "renderings" / roi.scene_id).glob("ref.*"))))
    for key in (roi.scene_id, roi.roi_id):
        ran = seagull("show", key, "--out", out)
        assert ran.returncode == 0, ran.stderr
        picture = cv2.imread(ran.stdout.strip())
        assert picture is not None
        if key == roi.scene_id:  # outlines are drawn, the rest is the reference
            assert picture.shape == reference.shape
            assert 0 < (picture != reference).any(axis=2).mean() < 0.8


def test_the_report_is_one_file_that_needs_no_other(tiny, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(tiny, out)
    ran = seagull("report", "--out", out)
    assert ran.returncode == 0, ran.stderr
    page = (out / "report" / "index.html").read_text()
    assert page.count('src="data:image/') == page.count("<img") >= 6
    assert "http://" not in page.replace("http://ns.adobe", "")
    assert "363" in ran.stdout


def test_plan_counts_what_is_to_do_and_measures_its_bytes(tiny, tiny_raw, tmp_path):
    fresh = seagull("plan", "--raw", tiny_raw, "--out", tmp_path / "out", *TINY)
    assert "render      3 to do" in fresh.stdout
    assert "363 renderings" in fresh.stdout
    done = seagull("plan", "--raw", tiny_raw, "--out", tiny, *TINY)
    assert "render      0 to do      3 done" in done.stdout


def test_plan_measures_unit_costs(one_raw, tmp_path):
    ran = seagull("plan", "--raw", one_raw, "--out", tmp_path / "out", "--measure", "1",
                  "--scenes", "8146", *TINY)  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "CPU h, 8,146 scenes" in ran.stdout
    assert ran.stdout.count("\n|") >= 5
