"""Votes to tables: ratings, opinions of both kinds, screening, agreement. Pure: it stores nothing.

The same votes give the same tables. Raters are `r01`, `r02` there, and nothing else.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from annotation.opinions.aggregate import opinions
from annotation.opinions.agreement import krippendorff_alpha
from annotation.opinions.bias_model import BiasModel, fit
from annotation.opinions.score_matrix import Scores, score_matrix
from annotation.plan.schedule import Item
from annotation.screening.answers import Answers
from annotation.screening.decisions import failures, screen
from annotation.screening.own_checks import is_golden_right
from annotation.votes.vote_store import Cast, RaterRow
from manifests.config import ScreeningConfig, StudyConfig
from manifests.keys import DISTORTIONS
from manifests.ratings import (
    Agreement,
    Estimate,
    Rater,
    Rating,
    ScreeningFigure,
    questions,
)


@dataclass(frozen=True)
class Results:
    """A study's tables."""

    ratings: list[Rating]
    estimates: list[Estimate]
    raters: list[Rater]
    screening: list[ScreeningFigure]
    agreement: list[Agreement]


@dataclass(frozen=True)
class _Votes:
    """The votes about ROIs of the dataset, as rows of a matrix each."""

    casts: list[Cast]  # one a rater and item, repeats left out
    raters: list[int]
    items: list[Item]

    def matrix(self, question: str, only: Sequence[int] | None = None) -> Scores:
        """Scores (raters, items); with `only`, of these raters, the others NaN."""
        row = {rater: n for n, rater in enumerate(self.raters)}
        column = {item.item: n for n, item in enumerate(self.items)}
        kept = [c for c in self.casts if only is None or c.rater in only]
        return score_matrix(
            [row[c.rater] for c in kept],
            [column[c.item] for c in kept],
            [c.answers[question] for c in kept],
            (len(row), len(column)),
        )


def rater_name(rater: int) -> str:
    """The rater's name in every table: a number.

    >>> rater_name(7)
    'r07'
    """
    return f"r{rater:02d}"


def results(
    casts: Sequence[Cast],
    items: Sequence[Item],
    raters: Sequence[RaterRow],
    config: StudyConfig,
    kind: str,
    distortions: Sequence[str] = DISTORTIONS,
) -> Results:
    """The tables of these votes.

    Args:
        casts: all votes that count, by rater and position.
        items: of the plan.
        raters: with the leader's decisions, which stand above the screening's.
        config: thresholds of the screening, and which opinion is the label.
        kind: people | simulated.
        distortions: that the raters were asked about.
    """
    asked = questions(distortions)
    by_number = {item.item: item for item in items}
    rated = [c for c in casts if c.purpose == "rating"]
    votes = _Votes(rated, [r.rater for r in raters], [item for item in items if item.kind == "roi"])
    quality = votes.matrix("quality")
    answers = {
        rater_name(r.rater): _answers(r.rater, casts, by_number, distortions) for r in raters
    }
    screening = screen(quality, answers, config.screening)
    why = _why_not(raters, screening, config.screening)
    valid = [r.rater for r in raters if not why[r.rater]]
    models = {q: fit(votes.matrix(q, valid)) for q in asked}
    ratings = _ratings(casts, by_number, set(valid), kind, distortions)
    return Results(
        ratings=ratings,
        estimates=_estimates(ratings, votes, models, config.opinion),
        raters=[_rater(r.rater, n, votes, why[r.rater], models, kind)
                for n, r in enumerate(raters)],
        screening=screening,
        agreement=[_agreement(q, votes, valid) for q in asked],
    )  # fmt: skip


def quality_matrix(
    casts: Sequence[Cast], items: Sequence[Item], raters: Sequence[int]
) -> tuple[Scores, list[Item]]:
    """Quality votes of these raters as (raters, items), and the items."""
    rated = [c for c in casts if c.purpose == "rating" and c.rater in set(raters)]
    votes = _Votes(rated, list(raters), [item for item in items if item.kind == "roi"])
    return votes.matrix("quality"), votes.items


def _why_not(
    raters: Sequence[RaterRow], screening: list[ScreeningFigure], config: ScreeningConfig
) -> dict[int, str]:
    """Why each rater's answers do not count; empty where they do."""
    failed, why = failures(screening), {}
    for row in raters:
        checks = failed.get(rater_name(row.rater), [])
        screened = ", ".join(checks) if len(checks) >= config.least_failures else ""
        leader = "the leader's decision" if row.decision == "exclude" else ""
        why[row.rater] = "" if row.decision == "keep" else leader or screened
    return why


def _answers(
    rater: int, casts: Sequence[Cast], items: Mapping[int, Item], distortions: Sequence[str]
) -> Answers:
    mine = [c for c in casts if c.rater == rater]
    rated = [c for c in mine if c.purpose == "rating"]
    first = {c.item: c.answers["quality"] for c in rated}
    repeats = [
        (first[c.item], c.answers["quality"])
        for c in mine
        if c.purpose == "repeat" and c.item in first
    ]
    return Answers(
        quality=np.array([c.answers["quality"] for c in rated], np.int64),
        severities=np.array([[c.answers[name] for name in distortions] for c in rated], np.int64),
        seconds=np.array([c.seconds for c in rated], float),
        golden=tuple(_golden(c, items[c.item], distortions) for c in mine if c.purpose == "golden"),
        repeats=np.array(repeats, np.int64).reshape(-1, 2),
    )


def _golden(cast: Cast, item: Item, distortions: Sequence[str]) -> bool:
    severities = {name: cast.answers[name] for name in distortions}
    return is_golden_right(json.loads(item.known), severities, cast.answers["quality"])


def _ratings(
    casts: Sequence[Cast],
    items: Mapping[int, Item],
    valid: set[int],
    kind: str,
    distortions: Sequence[str],
) -> list[Rating]:
    rows = [
        Rating(
            rendering_id=items[c.item].rendering_id,
            roi_id=items[c.item].roi_id,
            scene_id=items[c.item].scene_id,
            rater=rater_name(c.rater),
            raters=kind,
            quality=c.answers["quality"],
            importance=c.answers["importance"],
            severities={name: c.answers[name] for name in distortions},
            valid=c.rater in valid,
            repeat=c.purpose == "repeat",
            session=c.session,
            seconds=c.seconds,
            window_width=c.window_width,
            window_height=c.window_height,
            zoom=c.zoom,
        )
        for c in casts
        if c.purpose in ("rating", "repeat")
    ]
    return sorted(rows, key=lambda r: (r.rendering_id, r.roi_id, r.rater, r.repeat))


def _estimates(
    ratings: list[Rating], votes: _Votes, models: Mapping[str, BiasModel], label: str
) -> list[Estimate]:
    column = {(i.rendering_id, i.roi_id): n for n, i in enumerate(votes.items)}
    rows = []
    for opinion in opinions(ratings):
        means = {
            "quality": opinion.quality, "importance": opinion.importance, **opinion.severities
        }  # fmt: skip
        place = column[(opinion.rendering_id, opinion.roi_id)]
        for question, model in models.items():
            rows.append(
                Estimate(
                    rendering_id=opinion.rendering_id,
                    roi_id=opinion.roi_id,
                    scene_id=opinion.scene_id,
                    question=question,
                    raters=opinion.raters,
                    ratings=opinion.ratings,
                    mean=means[question],
                    estimate=round(float(model.opinion[place]), 6),
                    low=round(float(model.low[place]), 6),
                    high=round(float(model.high[place]), 6),
                    label=label,
                )
            )
    return rows


def _rater(
    rater: int, row: int, votes: _Votes, why: str, models: Mapping[str, BiasModel], kind: str
) -> Rater:
    model = models["quality"]
    return Rater(
        rater=rater_name(rater),
        raters=kind,
        votes=sum(c.rater == rater for c in votes.casts),
        valid=not why,
        why=why,
        bias=_known(model.bias[row]),
        inconsistency=_known(model.inconsistency[row]),
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)


def _agreement(question: str, votes: _Votes, valid: Sequence[int]) -> Agreement:
    scores = votes.matrix(question, valid)
    compared = (~np.isnan(scores)).sum(axis=0) > 1
    return Agreement(
        question=question,
        measure="Krippendorff's alpha, interval",
        value=_known(krippendorff_alpha(scores)),
        raters=int((~np.isnan(scores)).any(axis=1).sum()),
        rois=int(compared.sum()),
    )


def votes_by_item(casts: Sequence[Cast], valid: set[int]) -> dict[int, int]:
    """How many valid ratings each item has."""
    counted: dict[int, int] = defaultdict(int)
    for cast in casts:
        if cast.purpose == "rating" and cast.rater in valid:
            counted[cast.item] += 1
    return dict(counted)
