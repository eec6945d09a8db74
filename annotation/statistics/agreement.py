"""How far raters agree: Krippendorff's alpha and the share of equal pairs.

After Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability": coincidences of pairable values, any
number of raters, any holes. Written anew from the formulas, tested against his worked examples and against an
independent implementation.

Points are ordinal, 0 to 100 is an interval scale (`annotation.scales`); "not applicable" is a missing value.

Shapes: `U` rated outputs (the units), `V` scale points, `P` sufficient statistics, `I` items, `R` resamples.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.records import RatingRecord
from annotation.scales import ALL_FIVE, FIVE, Level, Scale, scale_of
from annotation.statistics.values import Interval, Undefined, undefined
from core.statistics.bootstrap import DRAWS, percentiles, resampled, seed_of

UNSTEADY = 0.05  # share of resamples without a value above which there is no interval


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement on one criterion, in one language (None: over all of them)."""

    criterion: str
    language: str | None
    alpha: float | Undefined  # 1 = complete, 0 = as by chance, below 0 = worse than chance
    interval: Interval | Undefined  # of alpha, percentile bootstrap over items
    equal: float | Undefined  # share of pairs of ratings of one output that are equal, 0..1
    outputs: int  # rated by at least two raters
    raters: int  # who rated any of these
    level: Level = "ordinal"  # of measurement, that alpha is computed for


def value_counts(units: Sequence[Sequence[int]], points: Sequence[int] = FIVE.points) -> NDArray[np.int64]:
    """How often each unit got each scale point: (U, V). Raises ValueError for a value off the scale."""
    column = {point: index for index, point in enumerate(points)}
    counts = np.zeros((len(units), len(points)), dtype=np.int64)
    for row, values in enumerate(units):
        for value in values:
            if value not in column:
                raise ValueError(f"the value {value!r} is not one of {list(points)}")
            counts[row, column[value]] += 1
    return counts


def alpha(
    counts: NDArray[np.int64], level: Level = "ordinal", points: Sequence[float] = FIVE.points
) -> float | Undefined:
    """Krippendorff's alpha of `counts` (U, V); `points` (V,) in ascending order.

    Units with fewer than two values say nothing about agreement and are left out.
    """
    if not (counts.sum(1) >= 2).any():
        return undefined("no_pairable")
    scale = np.asarray(points, dtype=np.float64)
    observed, expected = _disagreements(_parts(counts, level, scale).sum(0)[None], level, scale)
    if expected[0] <= 0:
        return undefined("all_equal")
    return float(1 - observed[0] / expected[0])


def alpha_interval(
    counts: NDArray[np.int64],
    items: Sequence[str],
    seed: int,
    level: Level = "ordinal",
    points: Sequence[float] = FIVE.points,
    resamples: int = DRAWS,
) -> Interval | Undefined:
    """Percentile bootstrap interval (95 %) of alpha; `items` (U,) names the item of each unit.

    The outputs of an item are drawn together. Resamples in which alpha is undefined (all values equal) are
    left out; above 5 % of them there is no interval, nor where all resamples have the same value.
    """
    pairable = counts.sum(1) >= 2
    names, item_index = np.unique(np.asarray(items, dtype=str)[pairable], return_inverse=True)
    if len(names) < 2:
        return undefined("few_items", {"needed": 2, "seen": len(names)})
    scale = np.asarray(points, dtype=np.float64)
    parts = _parts(counts, level, scale)[pairable]
    by_item = np.zeros((len(names), parts.shape[1]))
    np.add.at(by_item, item_index, parts)
    observed, expected = _disagreements(resampled(by_item, resamples, seed), level, scale)
    defined = expected > 0
    lost = 1 - defined.mean()
    if lost > UNSTEADY:
        return undefined("unsteady", {"share": round(100 * lost)})
    values = 1 - observed[defined] / expected[defined]
    if np.ptp(np.round(values, 9)) == 0:
        return undefined("no_width")
    whole = alpha(counts, level, points)
    assert isinstance(whole, float), "resamples have a value, so the whole has one"
    return percentiles(whole, values)


def equal_share(counts: NDArray[np.int64]) -> float | Undefined:
    """Share of pairs of values of one unit that are equal, over all pairs of all units of `counts` (U, V)."""
    sizes = counts.sum(1)
    pairs = int((sizes * (sizes - 1)).sum())
    if pairs == 0:
        return undefined("no_pairable")
    return float((counts * (counts - 1)).sum() / pairs)


def _parts(counts: NDArray[np.int64], level: Level, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(U, P): what a unit adds to observed and expected disagreement, summed over units; 0 if not pairable.

    The coincidences of all pairs of points; at the interval level four moments say as much of any number of points:
    squared distances of its ordered pairs over its number of values minus one, values, their sum, the sum of their squares.
    """
    if level != "interval":
        return _coincidences(counts).reshape(len(counts), -1)
    sizes, sums, squares = counts.sum(1), counts @ points, counts @ points**2
    apart = (2 * sizes * squares - 2 * sums**2) / np.maximum(sizes - 1, 1)
    return np.where((sizes >= 2)[:, None], np.stack([apart, sizes, sums, squares], axis=1), 0.0)


def _coincidences(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(U, V, V): ordered pairs of values within a unit over its number of values minus one; 0 if not pairable."""
    values = counts.astype(np.float64)
    sizes = values.sum(1)
    pairs = values[:, :, None] * values[:, None, :]
    diagonal = np.arange(values.shape[1])
    pairs[:, diagonal, diagonal] -= values
    return np.where((sizes >= 2)[:, None, None], pairs / np.maximum(sizes - 1, 1)[:, None, None], 0.0)


def _disagreements(
    parts: NDArray[np.float64], level: Level, points: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Observed and expected disagreement, each (R,), of summed `_parts` (R, P)."""
    if level == "interval":
        apart_sum, total, sums, squares = parts.T
        chance = 2 * total * squares - 2 * sums**2
        return apart_sum / np.maximum(total, 1), chance / np.maximum(total * (total - 1), 1)
    pairs = parts.reshape(len(parts), len(points), len(points))  # (R, V, V)
    margins = pairs.sum(2)  # (R, V)
    total = margins.sum(1)  # (R,)
    if level == "nominal":
        apart: NDArray[Any] = (1 - np.eye(len(points)))[None]
    else:
        # The values between c and k, with half of c and of k, which is the distance of their mid-ranks.
        where = np.cumsum(margins, 1) - margins / 2
        apart = (where[:, :, None] - where[:, None, :]) ** 2  # (R, V, V)
    observed = (pairs * apart).sum((1, 2)) / np.maximum(total, 1)
    chance = (margins[:, :, None] * margins[:, None, :] * apart).sum((1, 2))
    return observed, chance / np.maximum(total * (total - 1), 1)


def agreements(
    ratings: Iterable[RatingRecord], criteria: Sequence[str], *, scales: Mapping[str, Scale] = ALL_FIVE, seed: int = 0
) -> list[Agreement]:
    """One per criterion and language, and, with several languages, one per criterion over all of them.

    A unit is one output: raters of different languages never meet in one, so the value over all languages
    compares only raters of the same text. "Not applicable" is a missing value.
    """
    units: dict[tuple[str, str], dict[tuple[str, str], list[RatingRecord]]] = defaultdict(lambda: defaultdict(list))
    for rating in ratings:
        if rating.value is not None:
            units[rating.language, rating.criterion][rating.item_key, rating.system].append(rating)
    languages = sorted({language for language, _ in units})
    scopes: list[str | None] = [None, *languages] if len(languages) > 1 else [*languages]
    results = []
    for criterion in criteria:
        for scope in scopes:
            rows = {
                (item, language, system): values
                for language in languages
                if scope in (None, language)
                for (item, system), values in sorted(units[language, criterion].items())
            }
            results.append(_agreement(rows, criterion, scope, scale_of(scales, criterion), seed))
    return results


def _agreement(
    rows: dict[tuple[str, str, str], list[RatingRecord]],
    criterion: str,
    language: str | None,
    scale: Scale,
    seed: int,
) -> Agreement:
    paired = {unit: values for unit, values in rows.items() if len(values) > 1}
    counts = value_counts([[rating.point for rating in values] for values in paired.values()], scale.points)
    value = alpha(counts, scale.level, scale.points)
    spread: Interval | Undefined = (
        value
        if isinstance(value, Undefined)
        else alpha_interval(
            counts,
            [item for item, *_ in paired],
            seed_of(seed, "alpha", criterion, language or ""),
            scale.level,
            scale.points,
        )
    )
    raters = {rating.rater for values in paired.values() for rating in values}
    return Agreement(criterion, language, value, spread, equal_share(counts), len(paired), len(raters), scale.level)
