"""A stand-in in the released SEAGULL-100w's layout: a workspace of it, and its settings back."""

import json

import numpy as np
import pandas as pd
import pytest
from released_standin import SETTINGS, write_standin
from runs import seagull, tree_sha256

from labelers.engine.label_engine import load_labeler
from manifests.config import RenderConfig, ShardsConfig
from manifests.errors import SeagullError
from manifests.files import sha256_of_file
from manifests.images import encode_png, read_image
from manifests.presets import load_config
from manifests.workspace import Workspace
from pipeline.intake.sources import split_of
from pipeline.released import importing
from pipeline.released.audit import audit
from pipeline.released.entries import Misfits, read_regions, read_scores
from pipeline.released.fit import fit, fit_noise
from pipeline.released.importing import import_100w
from pipeline.released.released_layout import find_layout, folder_named

IMAGES = {"r000aaat": "coffee", "r5e443e5dt": "astronaut"}


@pytest.fixture(scope="module")
def released(tiny_raw, tmp_path_factory):
    root = tmp_path_factory.mktemp("released")
    raws = {image: tiny_raw / f"{name}.dng" for image, name in IMAGES.items()}
    write_standin(raws, root, RenderConfig(long_edge=160, tone="neutral", format="png"))
    return root


@pytest.fixture(scope="module")
def imported(released, tmp_path_factory):
    out = tmp_path_factory.mktemp("imported") / "out"
    hashes = [sha256_of_file(path) for path in (released / "Ref.Images").iterdir()]
    salt = next(  # with which one of the two is to learn from, the other to be tested on
        str(n)
        for n in range(99)
        if {split_of(sha, ShardsConfig(train=0.5, val=0, salt=str(n))) for sha in hashes}
        == {"train", "test"}
    )
    ran = seagull("import", "--seagull-100w", released, "--out", out, "--config", "demo", "--set",
                  "shards.train=0.5", "--set", f"shards.salt='{salt}'")  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "2 masks under 1024 pixels" in ran.stderr
    return out


def test_it_becomes_a_workspace_that_verifies_and_trains(imported):
    sharded = seagull("shards", "--out", imported)
    assert sharded.returncode == 0, sharded.stderr
    verified = seagull("verify", "--out", imported, "--executor", "local")
    assert verified.returncode == 0, verified.stderr
    assert "38 renderings" in verified.stdout
    assert "all whole" in verified.stdout
    trained = seagull("pretrain", "--out", imported, "--set", "pretrain.steps=2",
                      "--set", "pretrain.batch=2", "--set", "network.width=32")  # fmt: skip
    assert trained.returncode == 0, trained.stderr
    evaluation = json.loads((imported / "models" / "pretrain" / "evaluation.json").read_text())
    assert evaluation


def test_the_serial_number_is_never_a_level(released, imported):
    rows = pd.read_parquet(imported / "tables" / "renderings")
    labels = pd.read_parquet(imported / "tables" / "labels")
    mean = labels.groupby("rendering_id").quality.mean()
    rows = rows[rows.distortion != "none"].assign(
        folder=rows.params.map(lambda text: json.loads(text).get("folder")),
        quality=rows.rendering_id.map(mean),
    )
    assert (rows.unit == "unknown").all()
    for _, scene in rows.groupby(["scene_id", "distortion"]):
        ordered = scene.sort_values("level")
        assert ordered.level.tolist() == [1, 2, 3]
        assert ordered.quality.is_monotonic_decreasing
        assert set(ordered.folder.str.rpartition("_")[2]) == {"0", "1", "2"}
    by_level = rows[rows.distortion == "compression"].sort_values("level").folder
    assert by_level.tolist() == [f"Compression_{k}" for k in (1, 1, 2, 2, 0, 0)]
    assert find_layout(released).folders.keys() == {folder_named(name) for name in rows.folder}


def test_images_masks_and_scores_are_the_released_ones(released, imported):
    scores = json.loads((released / "Labels" / "SEAGULL-100w_scores.json").read_text())
    rois = pd.read_parquet(imported / "tables" / "rois").set_index("roi_id")
    labels = pd.read_parquet(imported / "tables" / "labels").set_index("rendering_id")
    for row in pd.read_parquet(imported / "tables" / "renderings").itertuples():
        image = row.scene_id.rpartition("-")[0]
        if row.distortion == "none":
            path = released / "Ref.Images" / f"{image}.png"
            assert (imported / row.path).read_bytes() == path.read_bytes()
            continue
        said = scores[image][json.loads(row.params)["folder"]]["semantic"]
        for label in labels.loc[[row.rendering_id]].itertuples():
            number = int(rois.loc[label.roi_id].source.rpartition("/")[2])
            assert label.quality == said[number]["quality"]
            assert label.importance == said[number]["importance"]
    assert set(labels.scorer) == {"seagull-100w"}


@pytest.mark.parametrize("kind", [kind for kind in SETTINGS if kind != "noise"])
def test_the_audit_returns_the_parameters(released, imported, kind):
    """Within 5 %, from one pair, knowing only the two pictures."""
    row = pd.read_parquet(imported / "tables" / "renderings")
    row = row[(row.distortion == kind) & row.scene_id.str.startswith("r000aaat")]
    reference = read_image(released / "Ref.Images" / "r000aaat.png")
    for path, params in zip(row.path, row.params, strict=True):
        k = int(json.loads(params)["folder"].rpartition("_")[2])
        if kind in ("blur", "compression") and k != 2:
            continue  # these two try many options: one folder is enough time
        found = fit(kind, reference, read_image(imported / path))
        parameter, unit, options = SETTINGS[kind][k]
        assert found.parameter == pytest.approx(parameter, rel=0.05)
        assert (found.unit, found.options, found.tone) == (unit, options, "neutral")
        assert found.residual < 0.15 * found.distance


def test_noise_returns_in_stops_with_the_raw_and_as_variance_without(tiny_raw, released, imported):
    rows = pd.read_parquet(imported / "tables" / "renderings")
    rows = rows[(rows.distortion == "noise") & rows.scene_id.str.startswith("r000aaat")]
    reference = read_image(released / "Ref.Images" / "r000aaat.png")
    pairs = [(reference, read_image(imported / path)) for path in rows.path]
    config = RenderConfig(long_edge=160, tone="neutral", format="png")
    stops = [f.parameter for f in fit_noise(tiny_raw / "coffee.dng", "0" * 64, pairs, config)]
    places = [int(json.loads(text)["folder"].rpartition("_")[2]) for text in rows.params]
    assert stops == pytest.approx([SETTINGS["noise"][k][0] for k in places], rel=0.05)
    variances = [fit("noise", *pair).parameter for pair in pairs]
    assert np.argsort(variances).tolist() == np.argsort(stops).tolist()


def test_the_audit_reports_every_folder_and_the_scores(imported, monkeypatch):
    from manifests.config import ScorerConfig
    from pipeline.released import audit as module

    monkeypatch.setattr(module, "fit", lambda kind, *pair: fit("contrast", *pair))  # one is cheap
    config = load_config(str(imported / "config.yaml"))
    folders, scores, path = audit(Workspace(imported), config, 1, ScorerConfig())
    assert len(folders) == 18
    assert [one.folder for one in folders[:3]] == ["Exposure_0", "Exposure_1", "Exposure_2"]
    assert all(one.srocc == pytest.approx(1) for one in scores)
    assert json.loads(path.read_text())["scorer"] == "embedded"


def test_labels_of_the_release_cannot_be_made(imported):
    config = load_config(str(imported / "config.yaml"))
    with pytest.raises(SeagullError, match="cannot be made here"):
        load_labeler(config.labels, "cpu")


SCORES = {  # the nesting is not documented: each says the same
    "by image": {"a1": {"Blur_3": {"semantic": [{"quality": 0.5, "importance": 0.1}]}}},
    "by folder": {"Blur_3": {"a1.png": {"semantic": {"0": {"quality": 0.5, "importance": 0.1}}}}},
    "records": [
        {"img": "Dist.Images/Blur/Blur_3/a1.png",
         "scores": {"semantic": [{"score": 0.5, "importance_score": 0.1}]}}
    ],
    "lists": {"a1": {"Blur_3": {"semantic": {"quality": [0.5], "importance": [0.1]}}}},
    "roi first": {"a1": {"semantic": {"0": {"Blur_3": {"quality": 0.5, "importance": 0.1}}}}},
}  # fmt: skip


@pytest.mark.parametrize("shape", SCORES)
def test_scores_are_read_whatever_their_nesting(shape, tmp_path):
    path, misfits = tmp_path / "scores.json", Misfits()
    path.write_text(json.dumps(SCORES[shape]))
    (score,) = read_scores(path, {"a1"}, misfits)
    assert (score.image, score.folder.name, score.key) == ("a1", "Blur_3", "semantic/0")
    assert (score.quality, score.importance) == (0.5, 0.1)


def test_what_fits_nothing_is_counted_by_shape_and_not_guessed(tmp_path):
    path, misfits = tmp_path / "scores.json", Misfits()
    path.write_text(json.dumps({"a1": {"Blur_3": {"0": 0.5}, "Blur_4": {"0": 0.6}}}))
    assert not list(read_scores(path, {"a1"}, misfits))
    assert misfits.shapes == {"scores.json: {id}/{Type_k} {0}": 2}
    path.write_text('{"a1": {"masks": [{"size": [2, 2], "counts": "04"}')
    with pytest.raises(SeagullError, match="no whole JSON file"):
        list(read_regions(path, {"a1"}, misfits))


def test_a_mask_lends_its_class_from_around_it(tmp_path):
    path, misfits = tmp_path / "rois.json", Misfits()
    around = {"segmentation_mask": {"size": [4, 6], "counts": [3, 4, 17]}, "name": "sky"}
    path.write_text(json.dumps([{"img": "a1.png", "regions": [around]}]))
    (region,) = read_regions(path, {"a1"}, misfits)
    assert (region.class_name, region.counts, region.size) == ("sky", [3, 4, 17], (4, 6))


def test_a_folder_in_another_layout_is_an_error(tmp_path):
    (tmp_path / "x.png").write_bytes(encode_png(np.zeros((4, 4, 3), np.uint8)))
    with pytest.raises(SeagullError, match=r"holds no reference images; expected Ref\.Images"):
        import_100w(tmp_path, Workspace(tmp_path / "out"), load_config("demo"))


def test_an_import_goes_on_where_it_stopped(released, tmp_path, monkeypatch):
    """Nothing is read or made twice, and the report is that of an import that was not stopped."""
    config, whole, cut = load_config("demo"), tmp_path / "whole", tmp_path / "cut"
    import_100w(released, Workspace(whole), config)
    one_image, made = importing.import_scene, []

    def counted(image, *others):
        made.append(image)
        if made == sorted(IMAGES):
            raise KeyboardInterrupt
        return one_image(image, *others)

    monkeypatch.setattr(importing, "import_scene", counted)
    with pytest.raises(KeyboardInterrupt):
        import_100w(released, Workspace(cut), config)
    assert (cut / importing.STORE).exists() and not (cut / "import.json").exists()

    def never(*_):
        raise AssertionError("read a second time")
        yield

    with monkeypatch.context() as patched:
        patched.setattr(importing, "read_regions", never)
        patched.setattr(importing, "read_scores", never)
        import_100w(released, Workspace(cut), config)
    assert made == [*sorted(IMAGES), sorted(IMAGES)[1]]
    assert not (cut / importing.STORE).exists()
    assert _comparable(cut) == _comparable(whole)
    import_100w(released, Workspace(cut), config)  # complete: nothing is done
    assert len(made) == 3
    next((cut / "renderings").rglob("noise_01.png")).unlink()
    import_100w(released, Workspace(cut), config)
    assert _comparable(cut) == _comparable(whole)


def _comparable(out):
    """Every file; tables name the folder that the workspace lies in."""
    return {
        name: sha
        for name, sha in tree_sha256(out).items()
        if "scenes" not in name and not name.startswith("done/render")
    }
