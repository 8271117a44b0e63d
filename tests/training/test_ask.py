import dataclasses
import json

import numpy as np
import pytest

from manifests.config import Config, TrainConfig
from manifests.errors import SeagullError
from manifests.keys import DISTORTIONS
from manifests.words import QUALITY_WORDS, SEVERITY_WORDS, expected_grade
from training import open_network
from training.evaluate import reading
from training.train import learning


@pytest.fixture
def folder(workspace, small):
    training = TrainConfig(steps=2, batch=2, rois=2, threads=1)
    learning.pretrain(workspace, Config(network=small, pretrain=training))
    return workspace.models / "pretrain"


def photo(height=300, width=400):
    image = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    masks = np.zeros((2, height, width), np.bool_)
    masks[0, 20:200, 30:150] = True
    masks[1, 210:250, 200:380] = True
    return image, list(masks)


def numbers(answer):
    scales = answer.quality, answer.importance
    said = [p for s in scales for p in s.probabilities.values()]
    return said + [p for d in answer.distortions for p in (d.probability, d.judged)]


def test_answers_of_a_trained_network(folder):
    asked = open_network(folder)
    image, masks = photo()
    first = asked.ask(image, masks[0])
    assert first == asked.ask(image.copy(), masks[0].copy())  # the same answer every time
    assert first == open_network(folder).ask(image, masks[0])
    for scale in (first.quality, first.importance):
        p = list(scale.probabilities.values())
        assert sum(p) == pytest.approx(1, abs=1e-5)
        assert scale.probabilities[scale.word] == max(p)
        assert scale.score == pytest.approx(expected_grade(p), abs=1e-3)
    assert list(first.quality.probabilities) == list(QUALITY_WORDS)
    assert [d.name for d in first.distortions] == list(DISTORTIONS)
    begun = [first.without, *(d.probability for d in first.distortions)]
    assert sum(begun) == pytest.approx(1, abs=1e-5)  # an answer begins with one of these
    assert f"quality is {first.quality.word}" in first.sentences[0]
    assert json.loads(json.dumps(first.to_dict()))["quality"]["word"] == first.quality.word

    opened = asked.open(image)
    together = opened.ask(masks)
    assert opened.ask([masks[1]])[0].quality.word == together[1].quality.word
    batches = list(asked.ask_many([(image, masks[0]), (image, masks[1]), (image, masks[0])], 2))
    for one, other in zip([*together, together[0]], batches, strict=True):
        assert numbers(one) == pytest.approx(numbers(other), abs=1e-4)
        assert one.sentences == other.sentences
    assert numbers(together[0]) != pytest.approx(numbers(together[1]), abs=1e-6)


def test_an_image_larger_than_the_training_s_is_brought_to_its_size(folder):
    asked = open_network(folder)
    image, masks = photo(96, 128)
    asked.config = dataclasses.replace(
        asked.config, render=dataclasses.replace(asked.config.render, long_edge=128)
    )
    large = image.repeat(4, 0).repeat(4, 1), masks[0].repeat(4, 0).repeat(4, 1)
    assert asked.ask(*large) == asked.ask(image, masks[0])  # area averaging undoes the repetition


def test_severities_are_read_at_their_place_in_the_answer(folder, monkeypatch):
    said = "With minor exposure and severe noise distortions."
    monkeypatch.setattr(reading.Prefilled, "distortions", lambda asked: [said])
    image, masks = photo()
    answer = open_network(folder).ask(image, masks[0])
    exposure, noise, *others = answer.distortions
    assert (exposure.severity, noise.severity) == ("minor", "severe")
    assert exposure.said and noise.said and not any(d.said for d in others)
    for one in (exposure, noise):
        assert list(one.severities) == list(SEVERITY_WORDS)
        assert sum(one.severities.values()) == pytest.approx(1, abs=1e-5)
    assert exposure.severities != noise.severities
    assert answer.sentences[2] == said


def test_what_cannot_be_asked_is_said(folder, tmp_path):
    with pytest.raises(SeagullError, match="no trained network"):
        open_network(tmp_path / "nowhere")
    asked = open_network(folder)
    image, masks = photo()
    with pytest.raises(SeagullError, match="empty"):
        asked.ask(image, np.zeros_like(masks[0]))
    with pytest.raises(SeagullError, match="400x300"):
        asked.ask(image, masks[0][:100])
