"""Samples made while they are asked for: those of a build, in one order, whoever makes them."""

import shutil
import subprocess
import sys
import tarfile
import time
from collections import Counter
from dataclasses import replace
from itertools import islice, pairwise

import pytest
from runs import TINY, seagull

from isp.development.recipes import recipes
from labelers.engine.label_engine import load_labelers
from labelers.engine.mask_models import load_mask_models
from manifests.config import RenderConfig
from manifests.errors import SceneError, SeagullError
from manifests.presets import load_config
from manifests.records import Failure, Label, Rendering
from manifests.sample import parse_sample
from manifests.store_url import StoreUrl
from manifests.tables import read_records
from manifests.workspace import SPLITS, Workspace
from pipeline.endless.drawn_recipes import drawn
from pipeline.endless.endless_order import epoch_order
from pipeline.endless.open_scene import Models, open_scene
from pipeline.endless.raw_source import open_source
from pipeline.intake.sources import find_sources, known_sources
from pipeline.mixing.placed_recipes import everywhere
from pipeline.store.object_store import ObjectStore
from pipeline.tools.mixtures import render_mixtures
from training.train import learning

SMALL = [
    *("pretrain.steps=8", "pretrain.batch=2", "pretrain.rois=1", "pretrain.threads=1"),
    *("network.view=64", "network.patch=32", "network.width=32", "pretrain.checkpoint_every=1"),
]


def config_of(*overrides):
    tiny = [value for key, value in pairwise(TINY) if key == "--set"]
    return load_config("demo", [*tiny, *overrides])


def stream(source, count, start=0, mine=lambda position: True):
    return [(n, f.result()) for n, f in islice(source.begin(start, mine), count)]


@pytest.fixture
def source_of(tiny_raw, tmp_path):
    """Opens sources that are closed after the test."""
    opened = []

    def opening(*overrides, raw=tiny_raw, workers=1, out="out"):
        config = config_of("shards.train=1.0", *overrides)
        opened.append(open_source(Workspace(tmp_path / out), config, raw, workers))
        return opened[-1]

    yield opening
    for source in opened:
        source.close()


def test_an_epoch_shows_everything_once_and_few_scenes_at_a_time():
    slots = [list(range(7)) for _ in range(20)]
    order = epoch_order(slots, 3, seed=5, epoch=2)
    shown = list(zip(order.scenes.tolist(), order.slots.tolist(), strict=True))
    assert sorted(shown) == [(scene, slot) for scene in range(20) for slot in range(7)]
    scenes = order.scenes.tolist()
    first = {scene: scenes.index(scene) for scene in range(20)}
    last = {scene: len(scenes) - 1 - scenes[::-1].index(scene) for scene in range(20)}
    for n in range(len(scenes)):
        assert sum(first[scene] <= n <= last[scene] for scene in range(20)) <= 3
    other = epoch_order(slots, 3, seed=5, epoch=3)
    assert other.scenes.tolist() != scenes


def test_drawn_parameters_lie_between_levels_of_a_kind():
    table = recipes(RenderConfig())
    assert drawn(table, 0, 1) == table[0]  # the reference
    for slot, recipe in enumerate(table[1:], start=1):
        (step,), (new,) = recipe.steps, drawn(table, slot, "key", slot).steps
        assert replace(new, parameter=step.parameter) == step
        later = [
            r.steps[0].parameter
            for r in table[slot + 1 :]
            if r.distortion == recipe.distortion
            and r.steps[0].parameter * step.parameter > 0
            and dict(r.steps[0].options).get("shape") == dict(step.options).get("shape")
        ]
        low, high = sorted((step.parameter, later[0] if later else step.parameter))
        assert low <= new.parameter <= high
    exposures = {drawn(table, 1, "key", epoch).steps[0].parameter for epoch in range(20)}
    assert len(exposures) > 15


def test_samples_are_the_builds_own_to_the_byte(tiny, source_of):
    built = {}
    for split in SPLITS:
        for tar in (tiny / "shards" / split).glob("*.tar"):
            with tarfile.open(tar) as archive:
                built |= {m.name: archive.extractfile(m).read() for m in archive}
    source = source_of("endless.scenes=2")
    made = [parts for _, parts in stream(source, source.images)]
    assert len(made) == 363
    names = set()
    for name, image, text in made:
        names |= {f"{name}.jpg", f"{name}.json"}
        assert built[f"{name}.json"] == text
        assert built[f"{name}.jpg"] == image
    assert names == set(built)


def test_the_stream_is_one_whoever_makes_it_and_wherever_it_is_taken_up(source_of):
    one = source_of("endless.parameters=drawn")
    whole = dict(stream(one, 40))
    two = source_of("endless.parameters=drawn", workers=2, out="elsewhere")
    assert two.identity == one.identity
    assert dict(stream(two, 12, start=28)) == {n: whole[n] for n in range(28, 40)}
    halves = [dict(stream(two, 6, mine=lambda n, h=half: n % 2 == h)) for half in range(2)]
    assert halves[0] | halves[1] == {n: whole[n] for n in range(12)}
    later = dict(stream(two, 2, start=two.images))
    assert list(later) == [two.images, two.images + 1]  # the next epoch


def test_mixtures_come_as_mix_renders_them(tiny, tiny_raw, tmp_path, source_of):
    recipes_of = tmp_path / "recipes.yaml"
    recipes_of.write_text(
        "- {exposure: {parameter: -1.5}, blur: {parameter: 2.0}}\n"
        "- {exposure: {parameter: 1}, blur: {parameter: 2.0, where: object, feather: 6}}\n"
    )
    space, config = Workspace(tmp_path / "mixtures"), load_config(str(tiny / "config.yaml"))
    sources = known_sources(Workspace(tiny))
    assert not render_mixtures(sources, recipes_of, space, config, Workspace(tiny))
    source = source_of(f"endless.mixtures={recipes_of}", "pretrain.share=0.4")
    assert source.card["counts"]["train"]["samples"] == 3 * 123
    made = [parts for _, parts in stream(source, source.images) if "_mixed_" in parts.rendering_id]
    assert 0 < len(made) < 6  # the share is of them too
    labels = read_records(space.table("labels"), Label)
    rows = {row.rendering_id: row for row in read_records(space.table("renderings"), Rendering)}
    for parts in made:
        sample = parse_sample(parts.text, parts.image)
        row = rows[parts.rendering_id]
        assert sample.rendering == row
        assert parts.image == space.file(row.path).read_bytes()
        assert list(sample.labels) == [x for x in labels if x.rendering_id == row.rendering_id]


def test_a_raw_may_lie_in_a_store(tiny_raw, tmp_path):
    """Fetched when its scene is opened, gone when it is closed; what fails names the store."""
    store, config = ObjectStore(StoreUrl("memory://endless/raw")), config_of()
    store.write("coffee.dng", (tiny_raw / "coffee.dng").read_bytes())
    store.write("text.dng", b"no photograph" * 40)
    there = find_sources(StoreUrl("memory://endless/raw"), Workspace(tmp_path / "out")).sources
    here = find_sources(tiny_raw / "coffee.dng", Workspace(tmp_path / "out")).sources
    device, wanted = config.work.device, [everywhere(r) for r in recipes(config.render)[:3]]
    models = Models(load_mask_models(config.masks, device), load_labelers(config.labels, device))
    made = []
    for source in (there[0], here[0]):
        scene = open_scene(source, config, models)
        made.append(scene.samples(wanted))
        copy = scene.raw.chain.sensor.path
        assert copy.exists()
        scene.close()
    assert made[0] == made[1] and len(made[0]) == 3
    with pytest.raises(SceneError, match=r"memory://endless/raw/text\.dng"):
        open_scene(there[1], config, models)


def test_a_bad_raw_costs_its_own_scene_and_the_same_samples_come(tiny_raw, tmp_path, source_of):
    raw = tmp_path / "raw"
    shutil.copytree(tiny_raw, raw)
    (raw / "text.NEF").write_text("This is no photograph.\n" * 40)
    source = source_of("endless.scenes=4", raw=raw)
    assert source.card["counts"]["train"] == {"scenes": 4, "samples": 484}
    made = stream(source, 40)
    (key,) = source.failed
    assert key.startswith("text-")
    (row,) = read_records(tmp_path / "out" / "tables" / "failures", Failure)
    assert (row.stage, row.key, row.reason) == ("endless", key, "not_raw")
    assert stream(source_of("endless.scenes=4", raw=raw, out="again"), 40) == made
    shown = Counter(parts.rendering_id.partition("-")[0] for _, parts in made)
    assert set(shown) == {"astronaut", "chelsea", "coffee"}


def test_where_every_scene_fails_nothing_is_learned(tmp_path, source_of):
    raw = tmp_path / "raw"
    raw.mkdir()
    for n in range(2):
        (raw / f"text{n}.NEF").write_text("This is no photograph.\n" * (40 + n))
    ((_, future),) = islice(source_of(raw=raw).begin(0, lambda n: True), 1)
    with pytest.raises(SeagullError, match=r"all 2 training scenes failed: .*text0\.NEF"):
        future.result()


@pytest.mark.skipif(sys.platform == "win32", reason="kills by POSIX signal")
def test_a_killed_pretraining_goes_on_to_the_same_network(tiny_raw, tmp_path, source_of):
    """By the command, with other workers after the kill; no shard is there, nor any rendering."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    config = config_of("shards.train=1.0", *SMALL)
    learning.pretrain(Workspace(whole), config, source_of(*SMALL, out="whole"))
    sets = [part for value in ("shards.train=1.0", *SMALL) for part in ("--set", value)]
    command = ["pretrain", "--endless", "--raw", tiny_raw, "--out", killed, *TINY, *sets]
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", *map(str, command), "--workers", "1"],
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 120
    while not list(killed.glob("models/pretrain/checkpoint-*")) and time.monotonic() < until:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not (killed / "models" / "pretrain" / "done.json").exists()
    again = seagull(*command, "--workers", "2")
    assert again.returncode == 0, again.stderr
    weights = [out / "models" / "pretrain" / "weights.safetensors" for out in (whole, killed)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert not (killed / "shards").exists() and not (killed / "renderings").exists()
    kept = [f for f in killed.rglob("*") if f.is_file() and "models" not in f.parts]
    assert sum(f.stat().st_size for f in kept) < 2**20
    finish = replace(config, finetune=replace(config.finetune, scratch=False))
    with pytest.raises(SeagullError, match="study"):  # and not: there is no pretrained network
        learning.finetune(Workspace(killed), finish)
    with pytest.raises(SeagullError, match="no shards yet"):
        learning.pretrain(Workspace(killed), config)


def test_a_test_split_is_made_as_well(tiny_raw, source_of, tmp_path):
    source = source_of("shards.train=0.75", "shards.salt=a")
    assert {s: c["scenes"] for s, c in source.card["counts"].items()} == {
        "train": 2, "val": 0, "test": 1
    }  # fmt: skip
    (scene,) = source.splits["test"]
    wanted = [f"{scene.scene_id}_blur_{n:02d}" for n in (1, 7, 13, 19)]
    made = source.in_order("test", lambda name: name in wanted)
    assert [parts.rendering_id for parts in made] == wanted
