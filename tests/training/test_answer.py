import re
from copy import deepcopy

import pytest
import torch

from manifests.words import IMPORTANCE_WORDS, QUALITY_WORDS, SEVERITY_WORDS
from training.data import texts
from training.evaluate import answer
from training.network.network import Network, VisualTokens, build


@pytest.fixture(scope="module")
def network() -> Network:
    from manifests.config import NetworkConfig

    made = build(NetworkConfig(view=64, patch=32, width=32), seed=3).eval()
    torch.manual_seed(0)
    for parameter in made.llm.parameters():  # far from uniform, so that words differ
        torch.nn.init.normal_(parameter, std=0.15)
    return made


@pytest.fixture
def seen() -> VisualTokens:
    torch.manual_seed(1)
    return VisualTokens(*(torch.randn(2, *shape, 128) for shape in ((4,), (2, 2), (2,))))


def brute_force(network, seen, question, lead, words):
    """One forward pass a word over the whole sequence, each token's log-probability read off."""
    rows = []
    for word in words:
        start = network.sequencer.prompt(question, lead)
        ids = network.sequencer.prompt(question) + network.sequencer.ids(f"{lead} {word}")
        batch = torch.tensor([ids] * 4)
        with torch.no_grad():
            logits = network.token_logits(batch, torch.ones_like(batch), seen)
        given = logits.log_softmax(-1)
        rows.append(sum(given[:, n - 1, ids[n]] for n in range(len(start), len(ids))))
    return torch.stack(rows, 1)


@pytest.mark.parametrize("name", ["quality", "importance"])
def test_closed_set_equals_brute_force(network, seen, name):
    question, lead, words = answer.CLOSED_SETS[name]
    found = answer.closed_set(network, seen, question, lead, words)
    torch.testing.assert_close(
        found, brute_force(network, seen, question, lead, words), atol=1e-4, rtol=1e-4
    )


def test_words_of_several_tokens_and_shared_beginnings(network, seen):
    words = ("good", "good quality", "good quality region", "bad")
    asked = (texts.QUALITY_QUESTION, texts.QUALITY_LEAD, words)
    found = answer.closed_set(network, seen, *asked)
    torch.testing.assert_close(found, brute_force(network, seen, *asked), atol=1e-4, rtol=1e-4)
    assert (found[:, 0] > found[:, 1]).all() and (found[:, 1] > found[:, 2]).all()


def test_scores_are_expected_levels():
    from manifests.words import expected_grade

    logs = torch.tensor([[0.1, 0.2, 0.3, 0.2, 0.1], [0, 0, 0, 0, 1e-3]]).log()
    wanted = [expected_grade(row) for row in logs.exp().tolist()]
    assert answer.scores(logs).tolist() == pytest.approx(wanted, abs=1e-6)
    assert len(QUALITY_WORDS) == len(IMPORTANCE_WORDS) == logs.shape[1]


def test_greedy_answers_are_the_likeliest_tokens(network, seen):
    said = answer.generate_answers(network, seen, texts.DISTORTION_QUESTION)
    assert len(said) == 4
    ids = torch.tensor([network.sequencer.prompt(texts.DISTORTION_QUESTION)] * 4)
    prompt = ids.shape[1]
    for _ in range(answer.LONGEST_ANSWER):
        with torch.no_grad():
            logits = network.token_logits(ids, torch.ones_like(ids), seen)[:, -1]
        ids = torch.cat([ids, logits.argmax(-1, keepdim=True)], 1)
    end = network.sequencer.tokenizer.eos_token_id
    for row, text in zip(ids[:, prompt:].tolist(), said, strict=True):
        until = row.index(end) if end in row else len(row)
        assert network.sequencer.text(row[:until]) == text


def test_what_a_distortion_answer_names_is_the_likeliest_over_all_severities(network, seen):
    types, severities = network.distortions, ("", *(f"{w} " for w in SEVERITY_WORDS))
    named = [f"With {severity}{name}" for name in types for severity in severities]
    named_once = " ".join(["With", *types, *SEVERITY_WORDS])
    phrases, said, network = ("Without", *named), [], deepcopy(network)
    for seed in range(30):
        torch.manual_seed(seed)
        for parameter in network.llm.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        with torch.no_grad():  # so that words of such answers are likelier than others
            network.llm.lm_head.weight[network.sequencer.ids(named_once)] *= 6
        p = brute_force(network, seen, texts.DISTORTION_QUESTION, "", phrases).exp()
        by_type = p[:, 1:].unflatten(1, (len(types), len(severities)))
        for row, text in enumerate(answer.Prefilled(network, seen).distortions()):
            likeliest = int(by_type[row].sum(1).argmax())
            if p[row, 0] > by_type[row].sum(1)[likeliest]:
                assert text == texts.WITHOUT_DISTORTIONS
            else:
                words = severities[int(by_type[row, likeliest].argmax())] + types[likeliest]
                assert re.match(rf"With {words}\b", text)
            said.append(text)
    assert texts.WITHOUT_DISTORTIONS in said and len({t.split()[1] for t in said}) > 4
