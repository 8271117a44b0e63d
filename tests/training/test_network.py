import dataclasses
from pathlib import Path

import pytest
import torch

from manifests.config import TrainConfig
from manifests.errors import SeagullError
from manifests.keys import DISTORTIONS
from training.data.feed import Feed
from training.data.shard_reader import read_card
from training.network.network import Network, VisualTokens, build
from training.train.training_state import trained_state


@pytest.fixture
def network(small) -> Network:
    return build(small, seed=0)


def batch_of(workspace, config, network, images=2, rois=2):
    training = TrainConfig(batch=images, rois=rois, threads=1)
    feed = Feed(workspace, read_card(workspace), config, training, network.sequencer, seed=0)
    return next(feed.batches(0))


def test_shapes(workspace, small, network):
    batch = batch_of(workspace, small, network)
    seen, readings = network.look(batch.pixels)
    assert seen.image.shape == (2, 4, 128)  # 64 px at stride 32: 2 x 2 image tokens
    assert seen.regions.shape == (2, 2, 2, 128)
    assert readings.shape == (4, 2 * len(DISTORTIONS) + 3)
    logits = network.token_logits(batch.ids, batch.attention, seen)
    assert logits.shape == (*batch.ids.shape, len(network.sequencer.tokenizer))


def test_what_the_heads_read_is_told_from_the_roi_on_and_learned_from_labels_alone(
    workspace, small
):
    batch = batch_of(workspace, small, build(small, 0))
    network = build(small, 0).eval()
    seen, readings = network.look(batch.pixels)
    torch.testing.assert_close(seen.told.flatten(0, 1), network.tell(readings))
    silent = VisualTokens(seen.image, seen.regions)
    change = network.embed(batch.ids, seen) - network.embed(batch.ids, silent)
    roi = int((batch.ids[0] == network.sequencer.image_id + 1).nonzero())
    told = seen.told.flatten(0, 1)[:, None].expand_as(change[:, roi:])
    torch.testing.assert_close(change[:, roi:], told, atol=1e-5, rtol=1e-5)
    assert not change[:, :roi].any()
    change.sum().backward()
    assert network.read_types.weight.grad is None and network.tell[0].weight.grad is not None


def test_placeholders_take_the_tokens_of_their_own_image_and_roi(network):
    seen = VisualTokens(torch.arange(2.0 * 4 * 128).view(2, 4, 128), -torch.rand(2, 3, 2, 128))
    ids = torch.tensor([network.sequencer.prompt("Analyze the quality of this region.")] * 6)
    embedded = network.embed(ids, seen)
    first = network.sequencer.image_id
    for row in range(6):
        image, roi = divmod(row, 3)
        assert torch.equal(embedded[row, ids[row] == first], seen.image[image])
        assert torch.equal(embedded[row, ids[row] == first + 1][0], seen.regions[image, roi, 0])
        assert torch.equal(embedded[row, ids[row] == first + 2][0], seen.regions[image, roi, 1])
        words = ids[row] < first
        wanted = network.llm.get_input_embeddings()(ids[row, words])
        assert torch.equal(embedded[row, words], wanted)


def test_tokens_of_chosen_sequences(network):
    seen = VisualTokens(torch.rand(2, 4, 128), torch.rand(2, 3, 2, 128))
    some = seen.of(torch.tensor([1, 5]))
    assert torch.equal(some.image, seen.image)
    assert torch.equal(some.regions[:, 0], torch.stack([seen.regions[0, 1], seen.regions[1, 2]]))


def test_every_parameter_of_the_compact_network_learns(workspace, small, network):
    network.loss(batch_of(workspace, small, network), 0.5).backward()
    assert [n for n, p in network.named_parameters() if p.grad is None] == []


def test_an_encoder_with_weights_is_frozen_and_not_saved(workspace, small, network, tmp_path):
    import timm

    path = tmp_path / "encoder.pt"
    torch.save(whole_convnext().state_dict(), path)
    given = dataclasses.replace(small, encoder="test_convnext", encoder_weights=str(path))
    frozen = build(given, seed=0)
    frozen.train()
    assert not any(p.requires_grad for p in frozen.encoder.parameters())
    assert not frozen.encoder.body.training
    assert not [n for n in trained_state(frozen) if n.startswith("encoder.")]
    expected = timm.create_model("test_convnext", features_only=True)
    expected.load_state_dict(frozen.encoder.body.state_dict())
    views = torch.zeros(1, 64, 64, 3, dtype=torch.uint8)
    reference = whole_convnext()
    reference.load_state_dict(torch.load(path, weights_only=True))
    pixels = ((views.permute(0, 3, 1, 2) - frozen.encoder.mean) / frozen.encoder.std).contiguous()
    wanted = reference.eval().forward_intermediates(pixels, intermediates_only=True)
    for found, level in zip(frozen.encoder(views), wanted, strict=True):
        torch.testing.assert_close(found, level)


def whole_convnext():
    import timm

    torch.manual_seed(5)
    return timm.create_model("test_convnext", num_classes=3)


def test_wrong_encoder_weights_are_refused(small, tmp_path):
    path = tmp_path / "other.pt"
    torch.save({"layer.weight": torch.zeros(3)}, path)
    for weights, words in ((tmp_path / "none.pt", "is missing"), (path, "0 of")):
        given = dataclasses.replace(small, encoder="test_convnext", encoder_weights=str(weights))
        with pytest.raises(SeagullError, match=words):
            build(given, seed=0)
    with pytest.raises(SeagullError, match="neither compact nor"):
        build(dataclasses.replace(small, encoder="resnet18"), seed=0)


@pytest.fixture
def llm_folder(network, tmp_path) -> Path:
    folder = tmp_path / "llm"
    network.llm.save_pretrained(folder)
    network.sequencer.tokenizer.save_pretrained(folder)
    return folder


def test_lora_trains_adapters_beside_extractor_and_projectors(small, llm_folder, workspace):
    given = dataclasses.replace(small, llm=str(llm_folder), lora_rank=4, lora_alpha=8)
    network = build(given, seed=0)
    learning = {n for n, p in network.named_parameters() if p.requires_grad}
    of_llm = {n for n in learning if n.startswith("llm.")}
    assert of_llm and all("lora_" in n for n in of_llm)
    adapted = {n.split(".lora_")[0].split(".")[-1] for n in of_llm}
    assert adapted == {
        *("q_proj", "k_proj", "v_proj", "o_proj"),
        *("gate_proj", "up_proj", "down_proj"),
    }
    others = {n.split(".")[0] for n in learning - of_llm}
    assert {"global_view", "local_view", "project_image", "project_global"} <= others
    saved = {n for n in trained_state(network) if n.startswith("llm.")}
    assert saved == of_llm
    assert network.loss(batch_of(workspace, given, network), 0.5).isfinite()


def test_a_folder_without_a_model_is_said(small, tmp_path):
    with pytest.raises(SeagullError, match="tokenizer"):
        build(dataclasses.replace(small, llm=str(tmp_path)), seed=0)
