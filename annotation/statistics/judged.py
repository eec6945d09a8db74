"""How a model that grades agrees with people: quadratic-weighted kappa, alpha with and without it, and the confusion table.

A model is no rater: nothing here enters a mean, a test or the agreement of people. Kappa after Cohen (1968), "Weighted kappa", over
pairs of a rater's value and the model's most probable point for the same text; one coder's margin is that of all raters together.
Alpha is Krippendorff's, of the raters alone and with the model as one more coder of the same texts: where it falls, the model agrees
with raters less than they do with each other.

Shapes: N pairs, I items, P = 6 moments, R resamples, V bins of a scale.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.judge_records import JudgeScoreRecord
from annotation.records import RatingRecord
from annotation.scales import ALL_FIVE, Scale, scale_of
from annotation.statistics.agreement import UNSTEADY, alpha, value_counts
from annotation.statistics.values import Interval, Undefined, undefined
from core.statistics.bootstrap import DRAWS, percentiles, resampled, seed_of


@dataclass(frozen=True, slots=True)
class Judged:
    """One model beside the raters of the same texts, on one criterion in one language."""

    judge: str
    language: str
    criterion: str
    texts: int  # scored by the model and rated by at least one person
    pairs: int  # of a rating and the model's value
    kappa: float | Undefined  # quadratic weights; 1 complete, 0 as by chance
    interval: Interval | Undefined  # of kappa, percentile bootstrap over items
    alpha_people: float | Undefined  # of these texts' raters
    alpha_with: float | Undefined  # of the same raters and the model as one more
    shift: float  # mean of the model's expected points minus the raters' mean, over texts
    confusion: tuple[tuple[int, ...], ...]  # rows: bins of what people gave, columns: of what the model gave


def judged(
    scores: Iterable[JudgeScoreRecord],
    ratings: Iterable[RatingRecord],
    criteria: Sequence[str],
    *,
    scales: Mapping[str, Scale] = ALL_FIVE,
    seed: int = 0,
) -> list[Judged]:
    """One per model, language and criterion. "Not applicable", and texts too long for the model, are left out."""
    people: dict[tuple[int, str], list[int]] = defaultdict(list)
    for one in ratings:
        if one.value is not None and one.item_kind == "normal":
            people[one.output_id, one.criterion].append(one.value)
    groups: dict[tuple[str, str, str], list[tuple[JudgeScoreRecord, list[int]]]] = defaultdict(list)
    for score in scores:
        values = people.get((score.output_id, score.criterion))
        if score.judged_value is not None and values:
            groups[score.judge, score.language, score.criterion].append((score, values))
    order = sorted(groups, key=lambda key: (key[0], key[1], criteria.index(key[2])))
    return [_judged(key, groups[key], scale_of(scales, key[2]), seed) for key in order]


def _judged(
    key: tuple[str, str, str], texts: Sequence[tuple[JudgeScoreRecord, list[int]]], scale: Scale, seed: int
) -> Judged:
    points = [score.judged_value for score, _ in texts if score.judged_value is not None]
    confusion = np.zeros((len(scale.bins()), len(scale.bins())), dtype=np.int64)
    for point, (_, values) in zip(points, texts, strict=True):
        for value in values:
            confusion[scale.bin_of(value), scale.bin_of(point)] += 1
    items = [score.item_key for score, _ in texts]
    moments = np.array([_moments(values, point) for point, (_, values) in zip(points, texts, strict=True)])
    rows = [values for _, values in texts]
    with_model = [[*values, point] for point, values in zip(points, rows, strict=True)]
    shifts = [(score.expected_value or 0.0) - sum(values) / len(values) for score, values in texts]
    return Judged(
        *key,
        texts=len(texts),
        pairs=int(confusion.sum()),
        kappa=weighted_kappa(moments),
        interval=_interval(moments, items, seed_of(seed, "judge", *key)),
        alpha_people=alpha(value_counts(rows, scale.points), scale.level, scale.points),
        alpha_with=alpha(value_counts(with_model, scale.points), scale.level, scale.points),
        shift=float(np.mean(shifts)),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
    )


def _moments(values: Sequence[int], point: int) -> tuple[float, ...]:
    """Of the pairs (a rating, the model's point) of one text: count, sums, sums of squares, sum of products (P,)."""
    n, total = len(values), sum(values)
    return (n, total, n * point, sum(value**2 for value in values), n * point**2, total * point)


def weighted_kappa(moments: NDArray[np.float64]) -> float | Undefined:
    """Quadratic-weighted kappa of all pairs behind `moments` (N, P)."""
    value = _kappas(moments.sum(0)[None])[0]
    return undefined("all_equal") if np.isnan(value) else float(value)


def _kappas(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kappa of summed moments (R, P): one minus the mean squared distance over that of independent pairs; NaN where that is 0."""
    n, x, y, xx, yy, xy = sums.T
    observed = (xx + yy - 2 * xy) / n
    chance = xx / n + yy / n - 2 * (x / n) * (y / n)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(chance > 1e-12, 1 - observed / chance, np.nan))


def _interval(moments: NDArray[np.float64], items: Sequence[str], seed: int) -> Interval | Undefined:
    """Percentile bootstrap (95 %): the texts of an item are drawn together."""
    value = weighted_kappa(moments)
    if isinstance(value, Undefined):
        return value
    names, index = np.unique(np.asarray(items, dtype=str), return_inverse=True)
    if len(names) < 2:
        return undefined("few_items", {"needed": 2, "seen": len(names)})
    totals = np.zeros((len(names), moments.shape[1]))
    np.add.at(totals, index, moments)
    drawn = _kappas(resampled(totals, DRAWS, seed))
    lost = float(np.isnan(drawn).mean())
    if lost > UNSTEADY:
        return undefined("unsteady", {"share": round(100 * lost)})
    if np.ptp(np.round(drawn[~np.isnan(drawn)], 9)) == 0:
        return undefined("no_width")
    return percentiles(value, drawn)
