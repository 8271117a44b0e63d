"""All checks of all raters, and who is left out.

A rater who fails one check needs a look; one who fails `least_failures` of them (two by default,
for every check alone has honest raters on its wrong side) is left out. Nothing is deleted: the
ratings stay in their table, marked not valid.
"""

import math
from collections.abc import Mapping

from annotation.opinions.score_matrix import Scores
from annotation.screening import own_checks
from annotation.screening.answers import Answers
from annotation.screening.standards import (
    BT500_ONE_SIDED,
    bt500_figures,
    correlations,
    p913_figures,
)
from manifests.config import ScreeningConfig
from manifests.ratings import ScreeningFigure


def screen(
    quality: Scores, answers: Mapping[str, Answers], config: ScreeningConfig
) -> list[ScreeningFigure]:
    """Every check of every rater.

    Args:
        quality: (raters, ROIs) in the order of `answers`, NaN where nobody voted.
        answers: of each rater, by name.
        config: thresholds, and the number of answers under which a rater is not judged.
    """
    share, one_sided = bt500_figures(quality)
    alone = correlations(quality, leave_out=True)
    p913 = p913_figures(quality, config.p913)
    figures = []
    for row, (rater, mine) in enumerate(answers.items()):
        enough = len(mine.quality) >= config.least_answers
        two_sided = one_sided[row] < BT500_ONE_SIDED
        checks = (
            ("golden", own_checks.golden_share(mine), config.golden, "least"),
            ("repeats", own_checks.repeat_difference(mine), config.repeats, "most"),
            ("straight_lining", own_checks.same_share(mine), config.straight_lining, "most"),
            ("seconds", own_checks.median_seconds(mine), config.seconds, "least"),
            ("leave_one_out", float(alone[row]), config.leave_one_out, "least"),
            ("bt500", float(share[row]) if two_sided else 0.0, config.bt500, "most"),
            ("p913", float(p913[row]), config.p913, "least"),
        )
        figures += [_figure(rater, *check, enough) for check in checks]
    return figures


def _figure(
    rater: str, check: str, figure: float, threshold: float, bound: str, enough: bool
) -> ScreeningFigure:
    if math.isnan(figure) or not enough:
        return ScreeningFigure(rater, check, None, threshold, bound, True)
    passed = figure >= threshold if bound == "least" else figure <= threshold
    return ScreeningFigure(rater, check, round(figure, 6), threshold, bound, passed)


def failures(figures: list[ScreeningFigure]) -> dict[str, list[str]]:
    """The checks that each rater fails, for all raters named."""
    failed: dict[str, list[str]] = {}
    for figure in figures:
        failed.setdefault(figure.rater, [])
        if not figure.passed:
            failed[figure.rater].append(figure.check)
    return failed


def left_out(figures: list[ScreeningFigure], config: ScreeningConfig) -> set[str]:
    """The raters who fail as many checks as the study file allows to nobody."""
    return {
        rater for rater, checks in failures(figures).items() if len(checks) >= config.least_failures
    }
