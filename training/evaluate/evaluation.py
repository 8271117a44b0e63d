"""A network against the labels of a split: all metrics, the majority answer beside each, examples.

Quality and importance are closed-set scores, distortions the parsed answer, judgments the likelier
of Yes and No. Large splits are answered on a seeded subset; its size is among the counts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

import torch

from manifests.chance import generator, unit_interval
from manifests.config import NetworkConfig
from manifests.keys import WITHOUT
from manifests.sample import Sample, SampleSource
from manifests.words import QUALITY_WORDS
from manifests.workspace import Workspace
from training.data import texts
from training.data.batches import prefetch, stack
from training.data.instructions import Instruction, Truth, analyses, fixed, truth
from training.data.sample_arrays import SampleArrays, framing_of, prepare
from training.data.shard_reader import Card, in_order, labelled_sample
from training.evaluate import answer, metrics
from training.network.language_model import base_of
from training.network.network import Network

QUESTIONED = 1500  # ROIs, at most about so many of a split
IMAGES = 16  # a batch
EXAMPLES = 12
PROMPT_TOKENS, ROIS_EXPECTED, CACHE_BYTES = 128, 8, 2**31  # a sequence's, an image's, a CPU's


@dataclass(frozen=True)
class Answered:
    """One ROI: what is true and what the network said."""

    truth: Truth
    quality: float  # closed-set score in [0, 4]
    importance: float
    quality_grade: int  # the likeliest of the five words
    importance_grade: int
    distortions: str  # as generated
    judged: tuple[bool, bool, bool] | None = None  # whether each JIR was answered rightly

    @property
    def severities(self) -> texts.Severities | None:
        """The parsed answer; None when it cannot be parsed."""
        return texts.parse_distortions(self.distortions, self.truth.distortions)


@dataclass(frozen=True)
class Subset:
    """The share of renderings asked about, and how many ROIs of each."""

    share: float
    rois: int


def subset(samples: int, questioned: int = QUESTIONED) -> Subset:
    """Every rendering with several ROIs where they are few, else a share with one ROI each."""
    if samples >= questioned:
        return Subset(questioned / samples, 1)
    return Subset(1.0, questioned // max(samples, 1))


@dataclass(frozen=True)
class Questioned:
    """One rendering prepared, with what is true of its chosen ROIs and what they are asked."""

    arrays: SampleArrays
    truths: list[Truth]
    judgments: list[tuple[Instruction, ...]]  # three a ROI


@dataclass(frozen=True)
class Evaluation:
    """The questions put to one network about a split of one workspace."""

    workspace: Workspace
    card: Card
    network: Network
    config: NetworkConfig
    seed: int
    threads: int
    split: str = "test"
    questioned: int = QUESTIONED  # ROIs, at most about so many
    source: SampleSource | None = None  # of the samples, where they are not in shards

    def answers(self) -> list[Answered]:
        """Every chosen ROI answered, in the order of the shards."""
        self.network.eval()
        asked, answered = self.questions(), []
        while images := list(islice(asked, images_at_once(self.network))):
            answered += self._answer(images)
        return answered

    def questions(self) -> Iterator[Questioned]:
        """Every chosen rendering, in the order of the shards."""
        part = subset(self.card.samples.get(self.split, 0), self.questioned)

        def is_chosen(name: str) -> bool:
            return unit_interval("evaluate", self.seed, name) < part.share

        chosen: Iterator[Sample]
        if self.source:
            made = self.source.in_order(self.split, is_chosen)
            chosen = (labelled_sample("the source", *parts) for parts in made)
        else:
            there = in_order(self.workspace, self.split)
            chosen = (s for s in there if is_chosen(s.rendering_id))
        return prefetch(lambda s: self._prepare(s, part.rois), chosen, self.threads, IMAGES)

    def _prepare(self, sample: Sample, rois: int) -> Questioned:
        rng = generator("evaluate", self.seed, sample.rendering_id)
        order = [int(i) for i in rng.permutation(len(sample.rois))[:rois]]
        view, patch = self.config.view, self.config.patch
        arrays = prepare(sample, order, view, patch, rng, framing=framing_of(self.config))
        truths = [truth(sample.labels[i], *self.card.scales) for i in order]
        return Questioned(arrays, truths, [fixed(t, self.seed)[3:] for t in truths])

    def _answer(self, images: Sequence[Questioned]) -> list[Answered]:
        device = next(self.network.parameters()).device
        most = max(len(i.truths) for i in images)
        filled = [SampleArrays(i.arrays.view, (i.arrays.regions * most)[:most]) for i in images]
        real = torch.tensor([k < len(i.truths) for i in images for k in range(most)])
        with torch.no_grad():
            visual, _ = self.network.look(stack(filled).to(str(device)))
        asked = answer.Prefilled(self.network, visual, real.nonzero()[:, 0].to(device))
        sets = {k: asked.closed_set(*v) for k, v in answer.CLOSED_SETS.items()}
        columns = (
            [t for i in images for t in i.truths],
            answer.scores(sets["quality"]).tolist(),
            answer.scores(sets["importance"]).tolist(),
            sets["quality"].argmax(1).tolist(),
            sets["importance"].argmax(1).tolist(),
            self._distortions(asked),
            _judged(asked, [j for i in images for j in i.judgments]),
        )
        return [Answered(*row) for row in zip(*columns, strict=True)]

    def _distortions(self, asked: answer.Prefilled) -> list[str]:
        """Within the grammar; the released model, whose answers have another, as it likes."""
        if self.config.prompt == "released":
            return answer.generate_answers(self.network, asked.visual, texts.DISTORTION_QUESTION)
        return asked.distortions()


def _judged(
    asked: answer.Prefilled, judgments: Sequence[tuple[Instruction, ...]]
) -> list[tuple[bool, bool, bool]]:
    """Whether each ROI's three JIRs are answered rightly; a question is put to all at once."""
    verdicts = {
        question: asked.verdict(question).tolist()
        for question in sorted({j.question for row in judgments for j in row})
    }
    return [
        cast(
            tuple[bool, bool, bool],
            tuple((verdicts[j.question][n] > 0) == (j.answer == texts.YES) for j in row),
        )
        for n, row in enumerate(judgments)
    ]


def images_at_once(network: Network) -> int:
    """How many images fit: keys and values of a sequence, some ROIs each, in memory at hand."""
    llm = base_of(network.llm).config
    device = next(network.parameters()).device
    heads = getattr(llm, "num_key_value_heads", None) or llm.num_attention_heads
    width = heads * llm.hidden_size // llm.num_attention_heads
    tokens = network.sequencer.image_tokens + PROMPT_TOKENS
    size = base_of(network.llm).dtype.itemsize
    bytes_each = 2 * llm.num_hidden_layers * width * tokens * size * ROIS_EXPECTED
    at_hand = torch.cuda.mem_get_info(device)[0] // 2 if device.type == "cuda" else CACHE_BYTES
    return max(1, min(IMAGES, int(at_hand // bytes_each)))


def summary(answered: Sequence[Answered], card: Card) -> dict[str, Any]:
    """Return what `evaluation.json` holds: metrics of network and majority answer, examples."""
    truths = [a.truth for a in answered]
    said = [a.severities for a in answered]
    types = [None if s is None else frozenset(s) for s in said]
    true = [frozenset(t.severities) for t in truths]
    result: dict[str, Any] = {
        "dataset": card.dataset,
        "raters": card.raters,
        "counts": {"rois": len(answered), "renderings": len({t.rendering_id for t in truths})},
        "unparsable": sum(s is None for s in said) / max(len(said), 1),
        **_scores(answered),
        "quality_said": _said(answered),
        **_types(types, true, card.distortions),
        **_judgments(answered),
        "examples": list(_examples(answered)),
    }
    if card.dataset == "seagull-3k":
        result |= _severities(said, truths)
    else:
        classes = (*card.distortions, WITHOUT)
        result["confusion"] = {
            "labels": list(classes),
            "matrix": metrics.confusion(
                [_one(t) for t in types], [_one(t) or "" for t in true], classes
            ),
        }
    return result


def _said(answered: Sequence[Answered]) -> dict[str, float]:
    """The share of ROIs of which each word of quality is said."""
    grades = [a.quality_grade for a in answered]
    return {w: grades.count(g) / max(len(grades), 1) for g, w in enumerate(QUALITY_WORDS)}


def _scores(answered: Sequence[Answered]) -> dict[str, float]:
    scores: dict[str, float] = {}
    for name in ("quality", "importance"):
        true = [getattr(a.truth, name) for a in answered]
        grades = [getattr(a.truth, f"{name}_grade") for a in answered]
        right = [
            getattr(a, f"{name}_grade") == grade for a, grade in zip(answered, grades, strict=True)
        ]
        srocc, plcc = metrics.correlations([getattr(a, name) for a in answered], true)
        scores |= {
            f"{name}_srocc": srocc,
            f"{name}_plcc": plcc,
            f"{name}_grade_accuracy": sum(right) / max(len(right), 1),
            f"{name}_grade_majority": max(map(grades.count, grades), default=0)
            / max(len(grades), 1),
        }
    return scores


def _judgments(answered: Sequence[Answered]) -> dict[str, float]:
    """Accuracy of the JIRs of each kind; half of them are to be answered No."""
    judged = [a.judged for a in answered if a.judged]
    names = ("quality", "importance", "distortion")
    return {
        f"judged_{name}": sum(row[n] for row in judged) / len(judged)
        for n, name in enumerate(names)
        if judged
    }


def _types(
    answers: Sequence[frozenset[str] | None],
    true: Sequence[frozenset[str]],
    distortions: Sequence[str],
) -> dict[str, Any]:
    common = [metrics.majority(true)] * len(true)
    return {
        "type_accuracy": sum(s == t for s, t in zip(answers, true, strict=True))
        / max(len(true), 1),
        "type_majority": sum(s == t for s, t in zip(common, true, strict=True)) / max(len(true), 1),
        **metrics.sample_average(answers, true),
        "majority": metrics.sample_average(common, true),
        "type_f1": metrics.pooled_f1(answers, true, distortions),
        "majority_type_f1": metrics.pooled_f1(common, true, distortions),
    }


def _severities(said: Sequence[texts.Severities | None], truths: Sequence[Truth]) -> dict[str, Any]:
    true = [frozenset(t.severities.items()) for t in truths]
    common = [metrics.majority(true)] * len(true)
    answers = [None if s is None else frozenset(s.items()) for s in said]
    return {
        "severity": metrics.sample_average(answers, true),
        "majority_severity": metrics.sample_average(common, true),
    }


def _one(types: frozenset[str] | None) -> str | None:
    """Return the class of a set of at most one type; None for any other answer."""
    if types is None or len(types) > 1:
        return None
    return next(iter(types), WITHOUT)


def _examples(answered: Sequence[Answered]) -> Iterator[dict[str, str]]:
    """Answers spread over the split, the three questions in turn."""
    step = max(1, len(answered) // EXAMPLES)
    for n, a in enumerate(answered[::step][:EXAMPLES]):
        asked = analyses(a.truth)[n % 3]
        given = (
            texts.quality_answer(a.quality_grade),
            texts.importance_answer(a.importance_grade),
            a.distortions,
        )[n % 3]
        yield {
            "rendering_id": a.truth.rendering_id,
            "roi_id": a.truth.roi_id,
            "question": asked.question,
            "answer": given,
            "truth": asked.answer,
        }
