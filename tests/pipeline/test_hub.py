"""Hugging Face `datasets` reads what we write: every sample whole, of one type, both ways."""

from pathlib import Path

import pytest
from runs import TINY, seagull

LOCAL = ("--executor", "local", "--workers", "1")


@pytest.fixture(scope="module")
def studied(tiny_raw, tmp_path_factory) -> Path:
    """A workspace of PNG with a study, of one scene."""
    import shutil

    folder = tmp_path_factory.mktemp("hub")
    (folder / "raw").mkdir()
    shutil.copy(tiny_raw / "coffee.dng", folder / "raw")
    out, png = folder / "out", ["--set", "render.format=png", "--set", "render.long_edge=128"]
    options = ["--raw", folder / "raw", "--out", out, *LOCAL, *TINY, *png]
    for command in (["build"], ["study", "--simulate"]):
        ran = seagull(*command, *options, "--set", "study.images_per_scene=8")
        assert ran.returncode == 0, ran.stderr
    return out


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("name", ["tiny", "studied", "study"])
def test_every_sample_has_its_image_and_the_same_types(name, streaming, request, tmp_path):
    import datasets

    out = request.getfixturevalue("studied" if name == "study" else name)
    shards = (out / "study" if name == "study" else out) / "shards"
    tars = sorted(map(str, shards.glob("*/*.tar")))
    loaded = datasets.load_dataset("webdataset", data_files={"train": tars}, split="train",
                                   streaming=streaming, cache_dir=str(tmp_path))  # fmt: skip
    kind = "jpg" if name == "tiny" else "png"
    samples = list(loaded)
    assert len(samples) == {"tiny": 363, "studied": 121, "study": 8}[name]
    for sample in samples:
        assert sample[kind].size[0] > 0
        assert sample["json"]["rendering_id"] == sample["__key__"]
        assert len(sample["json"]["rois"]) == len(sample["json"]["labels"]) > 0
    assert set(samples[0]) == {kind, "json", "__key__", "__url__"}


def test_a_codec_that_ships_as_png_is_refused_in_a_dataset_of_jpeg(tmp_path):
    from dataclasses import replace

    from isp.development.recipes import recipes
    from manifests.config import Config, RenderConfig
    from manifests.errors import SeagullError
    from pipeline.stages import render_stage

    steps = recipes(RenderConfig())[-1]
    webp = replace(steps, steps=(replace(steps.steps[0], options=(("codec", "webp"),)),))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(render_stage, "recipes", lambda config: [webp])
        with pytest.raises(SeagullError, match=r"set render\.format=png"):
            render_stage.RENDER.load(Config())
        render_stage.RENDER.load(Config(render=RenderConfig(format="png")))
