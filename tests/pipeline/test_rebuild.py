"""A recipe rebuilt on another workspace: the same bytes, or how far from them."""

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
from runs import seagull, tree_sha256

from manifests.images import read_image
from manifests.presets import load_config
from manifests.records import Rendering
from manifests.tables import read_records, write_records
from manifests.workspace import Workspace
from pipeline.rebuild.compare import compare_scene, psnr, summary
from pipeline.release.environment import differences
from pipeline.release.release import release
from pipeline.release.sketches import SUMS, mean_squared_error, sketch

ANSWERS = ["release.contact=data@example.org", "release.labels_licence=CC-BY-4.0"]


@pytest.fixture(scope="module")
def recipe(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipe")
    config = load_config(str(tiny / "config.yaml"), ANSWERS)
    return release(Workspace(tiny), config, folder, recipe_only=True)


def test_a_recipe_rebuilds_to_identical_bytes_and_says_what_is_missing(
    tiny, tiny_raw, recipe, tmp_path
):
    raw, out = tmp_path / "raw", tmp_path / "out"
    raw.mkdir()
    shutil.copy(tiny_raw / "coffee.dng", raw / "renamed.dng")
    ran = seagull("rebuild", recipe, "--raw", raw, "--out", out,
                  "--executor", "local", "--workers", "1")  # fmt: skip
    assert ran.returncode == 1  # two of the three are not there
    assert "121 renderings identical, 0 not, 0 not made" in ran.stdout
    assert "missing: astronaut.dng" in ran.stderr
    assert "missing: chelsea.dng" in ran.stderr
    ours, theirs = tree_sha256(out), tree_sha256(tiny)
    same = [path for path in ours if theirs.get(path) == ours[path]]
    assert sum(path.startswith("renderings/") for path in same) == 121
    for table in ("renderings", "rois", "labels"):
        assert sum(path.startswith(f"tables/{table}/") for path in same) == 1
    assert sum(path.startswith("done/labels/") for path in same) == 1
    sharded = seagull("shards", "--out", out)  # nothing is rendered or labelled anew
    assert sharded.returncode == 0, sharded.stderr
    assert "left out" not in sharded.stderr
    assert len(list(out.rglob("*.tar"))) == 1


def test_a_raw_folder_without_any_of_the_files_is_an_error(recipe, tmp_path):
    (tmp_path / "other.dng").write_bytes(b"another file")
    ran = seagull("rebuild", recipe, "--raw", tmp_path, "--out", tmp_path / "out")
    assert ran.returncode == 2
    assert "holds none of the 3 RAW files" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.fixture
def changed(tiny, recipe, tmp_path):
    """The tiny workspace with three renderings of a scene in other bytes."""
    out = Workspace(tmp_path / "out")
    shutil.copytree(tiny, out.root)
    table = sorted(out.table("renderings").glob("*.parquet"))[0]
    rows = read_records(table, Rendering)
    import cv2

    for place, content in (
        (0, lambda bgr: cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 40])[1]),
        (30, lambda bgr: cv2.imencode(".jpg", bgr // 2)[1]),
        (50, lambda bgr: cv2.imencode(".png", bgr)[1]),  # the same pixels
    ):
        path = out.root / rows[place].path
        path.write_bytes(content(cv2.imread(str(path))).tobytes())
        rows[place] = replace(rows[place], sha256="0" * 64)
    write_records(table, rows, Rendering)
    return out, table.stem, rows


def test_differences_are_exact_beside_the_originals_and_estimated_without(tiny, recipe, changed):
    out, key, rows = changed
    exact = compare_scene(key, Workspace(recipe), out, Workspace(tiny))
    assert exact.identical == 118
    for place, found in zip((0, 30), exact.differing, strict=False):
        assert found.rendering_id == rows[place].rendering_id
        ours, theirs = (
            read_image(root / rows[place].path).astype(float) for root in (out.root, tiny)
        )
        assert found.largest == np.abs(ours - theirs).max()
        assert found.psnr == pytest.approx(-10 * math.log10(((ours - theirs) ** 2).mean() / 65025))
    assert exact.differing[2].psnr == math.inf
    estimated = compare_scene(key, Workspace(recipe), out, None)
    for one, other in zip(estimated.differing, exact.differing, strict=True):
        assert one.largest is None or one.psnr == other.psnr == math.inf
        assert one.psnr == other.psnr or abs(one.psnr - other.psnr) < 2.5  # 3 deviations
    assert summary([exact])[0] == "118 renderings identical, 3 not, 0 not made"
    assert "(estimated)" in "\n".join(summary([estimated]))


def test_a_sketch_estimates_the_squared_error_without_bias():
    draw = np.random.default_rng(0)
    ratios = []
    for size in range(200):
        shape = (20, 30 + size, 3)  # another size, other signs
        one = draw.integers(0, 200, shape).astype(np.uint8)
        other = one + draw.integers(0, 40, shape).astype(np.uint8)
        true = ((one.astype(float) - other) ** 2).mean()
        ratios.append(mean_squared_error(sketch(one), sketch(other), one.size) / true)
    assert np.mean(ratios) == pytest.approx(1, abs=4 * math.sqrt(2 / SUMS / 200))
    assert np.std(ratios) == pytest.approx(math.sqrt(2 / SUMS), rel=0.25)
    assert psnr(65025.0) == 0


def test_what_differs_between_machines_is_named(recipe):
    theirs = json.loads((recipe / "release.json").read_text())["environment"]
    assert differences(theirs, theirs) == []
    ours = json.loads(json.dumps(theirs))
    ours["libraries"]["opencv-python-headless"] = "4.1.0"
    ours["features"] |= {"numpy": "SSE SSE2 NEW"}
    found = "\n".join(differences(theirs | {"features": {"numpy": "SSE SSE2 AVX2"}}, ours))
    assert "opencv-python-headless: " in found
    assert "here 4.1.0" in found
    assert "numpy's processor features: here without AVX2, with NEW" in found
