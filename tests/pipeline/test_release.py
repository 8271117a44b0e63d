"""A release against the tools others open it with: sha256sum, datasets, mlcroissant, duckdb."""

import json
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml
from runs import seagull

import manifests
from manifests.compacted import scene_bytes
from manifests.errors import SeagullError
from manifests.presets import load_config
from manifests.records import Failure, Label
from manifests.tables import read_records, write_records
from manifests.workspace import Workspace
from pipeline.look.show import show
from pipeline.release import push as push_module
from pipeline.release.compact import compact, expand
from pipeline.release.release import release

ANSWERS = ["release.contact=data@example.org", "release.labels_licence=CC-BY-4.0"]
PIXELS = [
    "release.pixels_licence=CC0-1.0",
    "release.redistribute=true",
    "release.persons=incidental",
]


def _config(workspace: Path, *more: str):
    return load_config(str(workspace / "config.yaml"), [*ANSWERS, *more])


@pytest.fixture(scope="module")
def released(tiny, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("released")
    return release(Workspace(tiny), _config(tiny, *PIXELS), folder)


@pytest.fixture(scope="module")
def recipe(tiny, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("recipe")
    return release(Workspace(tiny), _config(tiny), folder, recipe_only=True)


def test_open_questions_are_asked_and_a_no_is_a_no(tiny, tmp_path):
    ran = seagull("release", "--out", tiny, "--to", tmp_path)
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
    for question in ("contact", "labels_licence", "pixels_licence", "redistribute", "persons"):
        assert f"release.{question}: " in ran.stderr
    assert "--recipe-only" in ran.stderr
    refusing = _config(tiny, *PIXELS, "release.redistribute=false")
    with pytest.raises(SeagullError, match="keep their renderings at home"):
        release(Workspace(tiny), refusing, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_answers_do_not_change_what_the_data_are(tiny):
    assert _config(tiny, *PIXELS).fingerprint == load_config(str(tiny / "config.yaml")).fingerprint


def test_names_carry_dataset_version_and_configuration(tiny, released):
    name = f"seagull-100w-1.0.0-{_config(tiny).fingerprint[:12]}"
    assert released.name == name
    for path in [*released.rglob("*.tar"), *released.rglob("*.parquet")]:
        assert path.name.startswith(f"{name}-{path.parent.name}") or "tables" in path.parts
        assert path.name.startswith(name)


def test_sha256sum_checks_every_file(released, recipe):
    for folder in (released, recipe):
        ran = subprocess.run(
            ["sha256sum", "--strict", "-c", "SHA256SUMS"],
            cwd=folder, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout
        files = [p for p in folder.rglob("*") if p.is_file() and p.name != "SHA256SUMS"]
        assert ran.stdout.count(": OK") == len(files)


def test_a_release_does_not_change(tiny, released):
    with pytest.raises(SeagullError, match=r"raise release\.version"):
        release(Workspace(tiny), _config(tiny, *PIXELS), released.parent)


def test_shards_of_another_configuration_are_not_released(tiny, tmp_path):
    with pytest.raises(SeagullError, match="run `seagull shards`"):
        release(Workspace(tiny), _config(tiny, *PIXELS, "seed=5"), tmp_path)


def test_no_path_of_the_machine_goes_out(tiny, tiny_raw, released, recipe):
    for folder in (released, recipe):
        scenes = pd.read_parquet(folder / "tables" / "scenes")
        assert set(scenes.path) == {"coffee.dng", "astronaut.dng", "chelsea.dng"}
        for path in folder.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert str(tiny_raw).encode() not in content, path
                assert str(tiny).encode() not in content, path


def test_pandas_and_duckdb_read_the_tables_as_they_were(tiny, released):
    import duckdb

    for table in ("renderings", "rois", "labels"):
        ours = pd.read_parquet(tiny / "tables" / table)
        theirs = pd.read_parquet(released / "tables" / table)
        key = [c for c in ("rendering_id", "roi_id") if c in ours]
        ours, theirs = (d.sort_values(key, ignore_index=True) for d in (ours, theirs))
        pd.testing.assert_frame_equal(ours, theirs)
    row = duckdb.sql(
        f"select count(*), avg(quality) from '{released}/tables/labels/*.parquet'"
    ).fetchall()[0]
    labels = pd.read_parquet(tiny / "tables" / "labels")
    assert row[0] == len(labels)
    assert row[1] == pytest.approx(labels.quality.mean(), abs=1e-12)


def test_the_hubs_loader_opens_shards_and_tables(released, recipe, tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    options = {"cache_dir": str(tmp_path)}
    samples = datasets.load_dataset(str(released), **options)
    index = pd.concat(pd.read_parquet(p) for p in released.glob("shards/*/*.parquet"))
    assert sum(map(len, samples.values())) == len(index) == 363
    rois = samples["train"].features["json"]["rois"].feature
    assert (rois["class_name"].dtype, rois["stability"].dtype) == ("string", "float64")
    sample = samples["train"][7]
    row = sample["json"]["rendering"]
    assert sample["jpg"].size == (row["width"], row["height"])
    files = str(released / "tables" / "labels" / "*.parquet")
    labels = datasets.load_dataset("parquet", data_files=files, split="train", **options)
    again = datasets.load_dataset(str(recipe), "labels", **options)
    assert len(labels) == sum(map(len, again.values())) == int(index.labels.sum())


@pytest.mark.filterwarnings("ignore")  # rdflib's own
def test_mlcroissant_validates_and_reads_it(released, recipe):
    mlcroissant = pytest.importorskip("mlcroissant", reason="needs mlcroissant, etils, rdflib")
    for folder in (released, recipe):
        found = mlcroissant.Dataset(jsonld=folder / "croissant.json")
        assert not found.metadata.ctx.issues.report()
        assert str(found.metadata.ctx.conforms_to.value).endswith("croissant/1.1")
        assert found.metadata.data_biases
        assert found.metadata.personal_sensitive_information
        records = list(found.records(record_set="rois"))
        table = pd.read_parquet(folder / "tables" / "rois")
        assert {r["rois/rle"].decode() for r in records} == set(table.rle)


def test_the_card_says_what_the_tables_say(tiny, released):
    text = (released / "README.md").read_text()
    front = yaml.safe_load(text.split("---")[1])
    assert front["license"] == "cc0-1.0"
    labels = pd.read_parquet(tiny / "tables" / "labels").merge(
        pd.read_parquet(tiny / "tables" / "renderings")[["rendering_id", "distortion", "level"]]
    )
    blur = labels[(labels.distortion == "blur") & (labels.level == 10)].quality.mean()
    row = next(line for line in text.splitlines() if line.startswith("| blur |"))
    assert row.split("|")[4].strip() == f"{blur:.3f}"
    assert f"| labels | {len(labels):,} |" in text
    for picture in ("levels.jpg", "rois.jpg", "quality.png", "distributions.png"):
        assert f"](pictures/{picture})" in text
        assert (released / "pictures" / picture).stat().st_size > 1000


def test_a_recipe_holds_no_picture(recipe):
    for path in recipe.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"\xff\xd8\xff" not in content, path
            assert b"\x89PNG" not in content, path
    sketches = pd.read_parquet(recipe / "tables" / "sketches")
    assert sketches.sums.map(len).eq(64).all()


def test_upload_names_the_repository_and_failure_is_a_line(released, monkeypatch):
    calls: list[tuple] = []

    class Api:
        def create_repo(self, repo, **options):
            calls.append(("create", repo, options))

        def upload_folder(self, **options):
            calls.append(("upload", options))

        def create_tag(self, repo, **options):
            calls.append(("tag", repo, options["tag"]))

    monkeypatch.setattr(push_module, "_api", Api)
    url = push_module.push(released, "hf://datasets/someone/regions")
    assert url == "https://huggingface.co/datasets/someone/regions"
    assert [c[0] for c in calls] == ["create", "upload", "tag"]
    assert calls[1][1] == {
        "repo_id": "someone/regions", "repo_type": "dataset", "folder_path": str(released),
    }  # fmt: skip
    assert calls[2][2] == released.name

    def broken(self, **options):
        raise ConnectionError("the network dropped\nat line 2")

    monkeypatch.setattr(Api, "upload_folder", broken)
    with pytest.raises(SeagullError, match=r"the network dropped; .* is whole"):
        push_module.push(released, "hf://datasets/someone/regions")
    with pytest.raises(SeagullError, match="expected hf://datasets/OWNER/NAME"):
        push_module.push(released, "s3://bucket")


def test_compacted_tables_read_the_same_and_expand_to_the_same_bytes(tiny, tmp_path):
    out = Workspace(tmp_path / "out")
    shutil.copytree(tiny / "tables", out.root / "tables")
    failure = Failure("render", "x-00000000", "empty", "nothing in it", 1, "f")
    write_records(out.table_file("failures", "render_x-00000000"), [failure], Failure)
    before = {p: p.read_bytes() for p in (out.root / "tables").rglob("*.parquet")}
    records = read_records(out.table("labels"), Label)
    assert compact(out) == {"scenes": 1, "renderings": 1, "rois": 1, "labels": 1}
    assert [p.name for p in out.table("labels").iterdir()] == ["part-00000.parquet"]
    assert read_records(out.table("labels"), Label) == records
    for path, content in before.items():
        assert scene_bytes(path) == content
    one = {record.scene_id for record in records}.pop()
    assert read_records(out.table_file("labels", one), Label) == [
        record for record in records if record.scene_id == one
    ]
    assert expand(out) == {"scenes": 3, "renderings": 3, "rois": 3, "labels": 3}
    assert {p: p.read_bytes() for p in (out.root / "tables").rglob("*.parquet")} == before


def test_a_compacted_workspace_is_read_and_not_written(tiny, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(tiny, out)
    assert seagull("compact", "--out", out).stdout.split() == [
        word for name in ("scenes", "renderings", "rois", "labels") for word in (name, "1", "file")
    ]
    refused = seagull("masks", "--out", out)
    assert refused.returncode == 2
    assert "seagull compact --undo" in refused.stderr
    key = next((out / "renderings").iterdir()).name
    assert show(Workspace(out), key).is_file()
    config = _config(out)
    assert release(Workspace(out), config, tmp_path, recipe_only=True).is_dir()


def test_compacted_files_are_sorted_and_a_scene_is_in_one_row_group(tmp_path, monkeypatch):
    import pyarrow.parquet as pq

    from manifests.tables import schema
    from pipeline.release import compact as module

    monkeypatch.setattr(module, "ROWS_A_GROUP", 10)
    keys = [f"s{n}-0000000{n}" for n in range(7)]
    tables = [
        module.pa.Table.from_pylist(
            [{**_label(key), "roi_id": f"{key}_obj{r:03d}"} for r in range(4)], schema(Label)
        )
        for key in keys
    ]
    written = module.write_compacted(tables, tmp_path, "part", rows_a_file=20)
    assert [p.name for p in written] == ["part-00000.parquet", "part-00001.parquet"]
    seen: list[str] = []
    for path in written:
        data = pq.ParquetFile(path).metadata
        for number in range(data.num_row_groups):
            group = data.row_group(number)
            statistics = group.column(2).statistics  # scene_id
            assert group.sorting_columns[0].column_index == 2
            assert not seen or statistics.min > seen[-1]
            seen += [statistics.min, statistics.max]
    assert (seen[0], seen[-1]) == (keys[0], keys[-1])


def _label(key: str) -> dict:
    return {
        "rendering_id": f"{key}_ref", "scene_id": key, "quality": 1.0, "importance": 0.0,
        "distortion_label": "without", "scorer": "embedded", "scorer_version": "1",
    }  # fmt: skip


def test_release_json_names_libraries_and_processor_features(recipe):
    about = json.loads((recipe / "release.json").read_text())["environment"]
    assert about["libraries"]["opencv-python-headless"]
    assert set(about["features"]) == {"numpy", "opencv", "torch", "openblas"}


def test_a_release_opens_from_python(tiny, released):
    whole, out = manifests.open_dataset(tiny), manifests.open_dataset(released)
    row, roi = whole.frame("renderings").iloc[7], whole.frame("rois").iloc[0]
    assert (out.image(row.rendering_id) == whole.image(row.rendering_id)).all()
    assert (out.mask(roi.roi_id) == whole.mask(roi.roi_id)).all()
    assert len(out.table("labels")) == len(whole.table("labels"))
