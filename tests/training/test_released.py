"""The released SEAGULL-7B: its layout at tiny widths, its extractor against another writing."""

import dataclasses
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from llama_folders import ENCODER, PATCH, VIEW, WIDTH, write_released, write_weights
from safetensors import safe_open

from manifests.errors import SeagullError
from manifests.presets import PRESETS
from training import open_network
from training.data import texts
from training.data.sample_arrays import prepare_arrays
from training.released import key_map, model_folder
from training.released.exporting import export
from training.released.model_folder import open_model

ASKED = dataclasses.replace(
    PRESETS["seagull-7b-released"].network, encoder=ENCODER, lora_rank=0, llm_precision="fp32"
)


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    folder = tmp_path_factory.mktemp("released") / "SEAGULL-7B"
    torch.manual_seed(0)
    state = write_released(folder)
    return folder, state, open_model(folder, ASKED)


def test_every_tensor_is_used_or_named_as_unused(released):
    _, state, opened = released
    used = key_map.renamed(state)
    assert set(used) | set(opened.unused) == set(state) and not set(used) & set(opened.unused)
    own = opened.network.state_dict()
    for theirs, ours in used.items():
        torch.testing.assert_close(own[ours], state[theirs].half().float())
    unread = {name.split(".")[1] for name in opened.unused if name.startswith("mask_extractor")}
    assert unread == {"mask_linear"}
    assert set(own) - set(used.values()) == {
        f"read_{head}.{part}"
        for head in ("types", "scores", "degrees")
        for part in ("weight", "bias")
    }
    assert (opened.network.config.view, opened.network.config.patch) == (VIEW, PATCH)
    assert opened.network.config.width == WIDTH


def test_names_are_turned_both_ways(released):
    for theirs, ours in key_map.renamed(released[1]).items():
        assert key_map.theirs(ours) == theirs


@pytest.mark.parametrize("what", ["missing", "foreign", "shape"])
def test_what_does_not_fit_is_said_in_a_line(released, tmp_path, what):
    folder, state = tmp_path / "other", dict(released[1])
    write_released(folder)
    name = "mask_extractor.final_mlp.weight"
    if what == "missing":
        del state[name]
    elif what == "foreign":
        state["mask_extractor.novel.weight"] = torch.zeros(1)
    else:
        state[name] = torch.zeros(3, 3)
    write_weights(folder, state)
    words = {"missing": "lacks 1", "foreign": "foreign", "shape": "another shape"}[what]
    with pytest.raises(SeagullError, match=words) as error:
        open_model(folder, ASKED)
    assert "\n" not in str(error.value)


def test_the_prompt_is_the_released_models(released):
    sequencer = released[2].network.sequencer
    ids = sequencer.prompt(texts.DISTORTION_QUESTION)
    first = sequencer.image_id
    assert [i - first for i in ids if i >= first] == [0] * (VIEW // 16) ** 2 + [1, 2]
    pieces = sequencer.tokenizer.convert_ids_to_tokens([i for i in ids if i < first])
    said = "".join(pieces).replace("▁", " ").replace("<0x0A>", "\n").replace("<0x27>", "'")
    assert said.startswith("<s> A chat between a curious human and an artificial intelligence")
    assert "to the human's questions. USER: " in said and "<global>" not in said
    assert said.endswith(
        "Here is the region . Provide the distortion type of this region. ASSISTANT:"
    )
    at = ids.index(first)
    assert sequencer.tokenizer.convert_ids_to_tokens([ids[at - 1]]) == ["▁"]
    region = sequencer.tokenizer.convert_ids_to_tokens([ids[ids.index(first + 1) - 1]])
    behind = sequencer.tokenizer.convert_ids_to_tokens([ids[ids.index(first + 2) + 1]])
    assert (region, behind) == (["▁"], ["."])


def test_preprocessing_is_bicubic_to_the_shorter_edge_then_squashed():
    from transformers import CLIPImageProcessor

    rng = np.random.default_rng(0)
    image = np.kron(rng.integers(0, 256, (15, 20, 3)), np.ones((6, 6, 1))).astype(np.uint8)
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[20:61, 30:91] = 1
    made = prepare_arrays(image, [mask], 64, 64, rng, framing="released")
    processor = CLIPImageProcessor(
        size={"shortest_edge": 64}, resample=3, do_center_crop=False, do_normalize=False
    )
    for found, pixels in ((made.view, image), (made.regions[0].patch, image[20:60, 30:90])):
        edged = torch.as_tensor(np.stack(processor(pixels)["pixel_values"]))[0][None]
        wanted = F.interpolate(edged, (64, 64), mode="bilinear")[0].permute(1, 2, 0) * 255
        # Two writings of bicubic on bytes, and a rounding each.
        error = np.abs(found - wanted.numpy())
        assert error.max() <= 2 and error.mean() < 0.4


def test_an_export_opens_as_the_same_network(released, tmp_path):
    opened = released[2]
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    export(opened.network, opened.config, {"quality_srocc": 0.5}, theirs, "released")
    again = open_model(theirs, ASKED).network
    export(opened.network, opened.config, {}, ours, "ours")
    third = open_model(ours, ASKED).network
    own = opened.network.state_dict()
    for network in (again, third):
        assert all(torch.equal(network.state_dict()[k], own[k]) for k in own if "read_" not in k)
    card = (theirs / "README.md").read_text()
    assert "| quality_srocc | 0.5000 |" in card and "`mask_extractor.mask_linear.*`" in card
    assert "mask_linear" not in (ours / "README.md").read_text()
    # All that the released folder holds and its code reads is there under its name, and no more.
    with safe_open(theirs / "model.safetensors", "pt") as file:
        assert set(file.keys()) == set(key_map.renamed(released[1]))
    model, added = "tokenizer.model", "added_tokens.json"
    assert (theirs / model).read_bytes() == (released[0] / model).read_bytes()
    read = [json.loads((folder / added).read_text()) for folder in (theirs, released[0])]
    assert read[0] == read[1]
    with pytest.raises(SeagullError, match="not empty"):
        export(opened.network, opened.config, {}, ours, "ours")
    image = np.random.default_rng(1).integers(0, 256, (90, 120, 3), np.uint8)
    mask = np.zeros((90, 120), np.bool_)
    mask[10:60, 20:80] = True
    assert len(open_network(ours).ask(image, mask).quality.probabilities) == 5


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(SeagullError, match="holds no network"):
        open_model(tmp_path)
    assert not model_folder.is_model(tmp_path)
