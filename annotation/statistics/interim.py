"""Interim looks: which pairs of systems are decided before all ratings are there, with one level for all pairs and looks together.

The statistic of a pair is that of the final comparison: ratings averaged over raters per item (and over an item's languages), paired
differences, their mean over items divided by its standard error. Its p-value comes from the t distribution, because a first look asks
for p-values that 10,000 sign flips cannot reach, and is never below 2 / 2^n, the least that sign flips of n items that differ could give.

Over looks the level is spent as in `core.statistics.sequential`, over pairs by Holm's steps: at a look the smallest p of the open pairs
is held to the boundary at alpha / (open pairs), a decided pair leaves the rest more (Ye, Li, Liu and Yao 2013, Statistics in Medicine
32:1112-1124; Maurer and Bretz 2013, Statistics in Biopharmaceutical Research 5:311-320). What is decided stays decided.

What the error control rests on, besides that: differences of items that are nearly normal in the mean, for which small studies of coarse
scales are checked by simulation, and looks whose statistics are correlated by at least the root of the ratio of their ratings. The latter
holds when ratings are spread over items first, as the queue does: more raters on known items tell less than new items would. Raters are
not a second sample: as in all paired tests of this project, results are for these raters.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from annotation.stopping import LookedAt
from core.statistics.sequential import last_level, levels

Pair = tuple[str, str]


def p_of(differences: Sequence[float]) -> float:
    """Two-sided p-value of "no difference" from an item's difference each; 1 below two items."""
    return float(p_values(np.asarray(differences, dtype=float)[None, :])[0])


def p_values(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same of many studies at once: (studies, items) -> (studies,)."""
    from scipy.special import stdtr  # here, because a start of the app waits for what this file imports

    studies, items = differences.shape
    differing = np.count_nonzero(differences, axis=1)
    if items < 2:
        return np.ones(studies)
    means = np.abs(differences.mean(axis=1))
    errors = differences.std(axis=1, ddof=1) / math.sqrt(items)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(
            errors > 0, 2 * stdtr(items - 1, -means / errors), 0.0
        )  # equal differences: as small as flips allow
    return np.where(differing == 0, 1.0, np.maximum(p, 2.0 ** (1 - differing)))


def look_at(
    open_pairs: Mapping[Pair, Sequence[float]], alpha: float, fractions: Sequence[float], *, ended: bool = False
) -> list[LookedAt]:
    """The pairs that are not decided yet, in their order. `fractions`: of the ratings, at all looks until now, this one last.

    `ended`: the study is closed, no look follows, and this one may spend all of the level that is left.

    `alpha` is the level of all pairs of the study, those that earlier looks decided included: Holm gives the open ones all of it.
    """
    p = {pair: p_of(differences) for pair, differences in open_pairs.items()}
    level_of: dict[Pair, float] = {}
    waiting = sorted(p, key=lambda pair: p[pair])
    while waiting:
        level = _level(alpha / len(waiting), fractions, ended)
        if p[waiting[0]] > level:
            level_of.update(dict.fromkeys(waiting, level))
            break
        level_of[waiting.pop(0)] = level
    return [
        LookedAt(
            *pair,
            items=len(differences),
            difference=float(np.mean(differences)) if len(differences) else None,
            p=p[pair],
            level=level_of[pair],
            decided=p[pair] <= level_of[pair],
        )
        for pair, differences in open_pairs.items()
    ]


def _level(alpha: float, fractions: Sequence[float], ended: bool) -> float:
    return last_level(alpha, fractions[:-1], fractions[-1]) if ended else levels(alpha, fractions)[-1]
