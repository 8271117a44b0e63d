"""The named options of the network and its training, each held by what it changes."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from manifests.config import TrainConfig
from manifests.keys import DISTORTIONS
from manifests.presets import PRESETS
from manifests.words import SEVERITY_WORDS
from training.data import texts
from training.data.feed import Feed
from training.data.shard_reader import read_card
from training.evaluate import answer
from training.evaluate.evaluation import Evaluation
from training.evaluate.grammar import DistortionGrammar, following
from training.evaluate.validation import Validation, best
from training.network.extractor import CropView, SelfAttention, mask_pool
from training.network.network import build, learned_tokens

KEYS = torch.zeros(2, dtype=torch.int64)  # of two ROIs


def batch_of(workspace, config, network, **changes):
    training = TrainConfig(batch=2, rois=2, threads=1, **changes)
    feed = Feed(workspace, read_card(workspace), config, training, network.sequencer, seed=0)
    return next(feed.batches(0))


def test_the_papers_preset_is_the_papers():
    preset = PRESETS["seagull-7b"]
    network, first, second = preset.network, preset.pretrain, preset.finetune
    assert (network.rank, network.alpha, network.lora_dropout) == (128, 256, 0.05)
    assert (network.view, network.image_tokens_from, network.projector) == (512, 4, "linear")
    assert (first.batch, first.learning_rate, first.epochs, first.steps) == (32, 4e-5, 1, 0)
    assert (second.batch, second.learning_rate, second.epochs) == (32, 1e-5, 5)
    assert second.questions == "fixed" and first.augmentation == "none"
    assert (preset.shards.train, preset.shards.val) == (0.8, 0.0)
    released = PRESETS["seagull-7b-released"].network
    assert (released.image_tokens_from, released.projector) == (3, "mlp2x_gelu")


def test_mask_pooling_of_every_kind():
    features = torch.arange(4.0).view(1, 1, 2, 2)
    mask = torch.zeros(1, 1, 8, 8)
    mask[0, 0, 0:4, 0:5] = 1  # the first cell whole, a quarter of the second
    wanted = {"touched": 0.5, "area": 0.2, "bilinear": 0.0}  # cells 0 and 1; bilinear sees centres
    centre = F.interpolate(mask, (2, 2), mode="bilinear")[0, 0] > 0
    wanted["bilinear"] = float(features[0, 0][centre].mean())
    for pooling, value in wanted.items():
        assert mask_pool(features, mask, pooling).item() == pytest.approx(value)
    speck = torch.zeros(1, 1, 8, 8)
    speck[0, 0, 0, 7] = 1
    assert mask_pool(features, speck, "touched").item() == 1
    assert mask_pool(features + 5, speck, "bilinear").item() == 0  # vanished


def test_self_attentions_norm():
    torch.manual_seed(0)
    tokens = torch.randn(2, 5, 16)
    for norm in ("pre", "post", "none"):
        module = SelfAttention(16, norm)
        mixed = module.attention(tokens, tokens, tokens)[0]
        if norm == "none":
            torch.testing.assert_close(module(tokens), mixed)
        if norm == "post":
            torch.testing.assert_close(module(tokens), F.layer_norm(tokens + mixed, (16,)))


def test_the_crop_view_sees_the_mask_alone():
    torch.manual_seed(0)
    view = CropView(16, "none")
    crops = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    inside = torch.zeros(2, 64, 64, dtype=torch.uint8)
    inside[:, 10:40, 10:40] = 1
    statistics = torch.zeros(2, 1)
    other = crops.clone()
    other[:, 45:] = 7
    assert torch.equal(view(crops, inside, statistics, KEYS), view(other, inside, statistics, KEYS))
    other[:, 20:30] = 7
    assert not torch.allclose(
        view(crops, inside, statistics, KEYS), view(other, inside, statistics, KEYS), atol=1e-4
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"local_view": "crop", "sa_norm": "none", "mask_pooling": "bilinear", "fuse_gelu": False},
        {"extractor": "released", "view": 64, "patch": 64, "projector": "mlp2x_gelu"},
        {"global_token": False},
        {"local_token": False},
    ],
)
def test_every_parameter_of_every_variant_learns(workspace, small, changes):
    config = dataclasses.replace(small, **changes)
    network = build(config, 0)
    network.loss(batch_of(workspace, config, network), 0.5).backward()
    assert [n for n, p in network.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize("kind", ["none", "symmetries", "channels"])
def test_augmentation_is_what_it_says(kind):
    from training.data.sample_arrays import draw_augmentation

    rng = np.random.default_rng(0)
    drawn = {draw_augmentation(rng, kind) for _ in range(500)}
    assert len(drawn) == {"none": 1, "symmetries": 8, "channels": 48}[kind]


def test_soft_words_are_learned_as_shares(workspace, small):
    network = build(small, 0)
    hard = batch_of(workspace, small, network, judgments=0.0)
    soft = batch_of(workspace, small, network, judgments=0.0, word_targets="soft")
    assert torch.equal(hard.ids, soft.ids) and not len(hard.word_at) and len(soft.word_at)
    torch.testing.assert_close(soft.word_shares.sum(1), torch.ones(len(soft.word_at)))
    network.eval()
    with torch.no_grad():
        seen, _ = network.look(soft.pixels)
        logs = network.token_logits(soft.ids, soft.attention, seen).log_softmax(-1)
        total = 0.0
        words = {tuple(at): n for n, at in enumerate(soft.word_at.tolist())}
        for row, column in (soft.labels != -100).nonzero().tolist():
            shares = {int(soft.labels[row, column]): 1.0}
            if (row, column) in words:
                n = words[row, column]
                pairs = zip(soft.word_ids[n].tolist(), soft.word_shares[n].tolist(), strict=True)
                shares = dict(pairs)
            total -= sum(p * float(logs[row, column - 1, i]) for i, p in shares.items())
        found = float(network.loss(soft, 0.0))
    assert found == pytest.approx(total / learned_tokens(soft), rel=1e-5)


def test_constrained_answers_parse_and_name_nothing_twice(small):
    network = build(small, 0)
    grammar, rng = DistortionGrammar(network.sequencer), np.random.default_rng(0)
    said = Counter()
    for _ in range(400):
        growing, ids = grammar.start(), []
        while not growing.ended:
            logits = torch.from_numpy(rng.normal(size=len(network.sequencer.tokenizer)))
            ids.append(growing.take(logits))
        parsed = texts.parse_distortions(growing.text)
        assert parsed is not None and texts.distortion_answer(parsed) == growing.text
        assert network.sequencer.text(ids) == growing.text
        said[len(parsed)] += 1
    assert {0, 1, 2, 3, 4} <= set(said)
    wishes = torch.zeros(len(network.sequencer.tokenizer))  # every type in turn, all of them
    for n, piece in enumerate(["With", ",", *(f" {d}" for d in DISTORTIONS)]):
        wishes[grammar.ids[piece][0]] = 20 - n
    growing = grammar.start()
    while not growing.ended:
        growing.take(wishes)
    assert growing.text == texts.distortion_answer(dict.fromkeys(DISTORTIONS))
    assert following([]) == ["With", "Without"]
    begun = ["With", f" {SEVERITY_WORDS[0]}"]
    assert following(begun) == [f" {d}" for d in DISTORTIONS]


def test_prefilled_answers_are_the_whole_sequences(workspace, small):
    network = build(small, 0).eval()
    for parameter in network.llm.parameters():
        torch.nn.init.normal_(parameter, std=0.15)
    with torch.no_grad():
        seen, _ = network.look(batch_of(workspace, small, network).pixels)
        rows = torch.tensor([0, 3])
        asked = answer.Prefilled(network, seen, rows)
        ids = torch.tensor([network.sequencer.prompt(texts.quality_judgment(2))] * 2)
        logits = network.token_logits(ids, torch.ones_like(ids), seen.of(rows))[:, -1]
    yes, no = (network.sequencer.ids(w)[0] for w in ("Yes", "No"))
    for _ in range(2):  # what was asked is forgotten
        found = asked.verdict(texts.quality_judgment(2))
        torch.testing.assert_close(found, logits[:, yes] - logits[:, no], atol=1e-4, rtol=1e-4)


def test_validation_names_the_best_step(workspace, small):
    card, network = read_card(workspace), build(small, 0)
    questions = Evaluation(workspace, card, network, small, 0, 1, "test", 6)
    validation = Validation(questions)
    found = validation(network)
    assert found["val_loss"] == pytest.approx(validation(network)["val_loss"])
    assert 3 < found["val_loss"] < 6 and {"val_quality_srocc", "val_f1"} <= set(found)
    rows = [{"step": s, "val_loss": loss} for s, loss in ((10, 3.0), (20, 1.0), (30, 2.0))]
    assert best(rows) == {"val_best_step": 20.0, "val_best_loss": 1.0} and best([]) == {}
