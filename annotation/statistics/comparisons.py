"""Differences between systems, paired by item.

Ratings of one text are averaged over its raters first; then items are what is compared, drawn and flipped.
Testing the single ratings as if they were independent (Mann-Whitney on pooled ratings) is wrong and not done.
Over all languages, an item's values are first averaged over the languages in which both systems were rated, so
that translations of an item count as one observation.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from annotation.records import RatingRecord
from annotation.statistics.values import Interval, Undefined, undefined
from core.statistics.bootstrap import DRAWS, mean_over_items, seed_of
from core.statistics.paired import holm, sign_flip_test

Pairs = Mapping[str, tuple[float, float]]  # item -> (value of the first system, of the second)
Means = dict[tuple[str, str, str], dict[str, float]]  # (language, criterion, system) -> item -> mean over raters
FEWEST = 2  # items


@dataclass(frozen=True, slots=True)
class Comparison:
    """`first` against `second` on one criterion, in one language (None: over all of them)."""

    criterion: str
    language: str | None
    first: str
    second: str
    items: int  # rated for both
    difference: float | Undefined  # mean over items of first minus second, in scale points
    spread: float | Undefined  # standard deviation of the differences over items, in scale points
    interval: Interval | Undefined  # of the difference, percentile bootstrap over items
    p: float | Undefined  # two-sided sign-flip test, uncorrected
    p_holm: float | Undefined  # corrected over all comparisons that were made together
    delta: float | Undefined  # Cliff's delta of the item values, -1..1
    win_rate: float | Undefined  # share of items in which first is better, ties as halves, 0..1
    wins: int  # items in which first is better
    ties: int
    losses: int


def item_means(ratings: Iterable[RatingRecord]) -> Means:
    """The mean over raters of every rated text, by language, criterion and system, then item."""
    return means_by_item((one.language, one.criterion, one.system, one.item_key, one.point) for one in ratings)


def means_by_item(rows: Iterable[tuple[str, str, str, str, int]]) -> Means:
    """The same from rows of language, criterion, system, item and value."""
    values_of: dict[tuple[str, str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for language, criterion, system, item, value in rows:
        values_of[language, criterion, system][item].append(value)
    return {
        key: {item: sum(values) / len(values) for item, values in sorted(items.items())}
        for key, items in sorted(values_of.items())
    }


def paired(means: Means, criterion: str, first: str, second: str, languages: Sequence[str]) -> Pairs:
    """Both systems' values of the items rated for both, averaged over those of `languages` where both are."""
    values: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for language in languages:
        one, other = means.get((language, criterion, first), {}), means.get((language, criterion, second), {})
        for item in sorted(one.keys() & other.keys()):
            values[item].append((one[item], other[item]))
    # Rounded, because equal means must be equal: (1 + 2) / 2 over languages and over raters may differ in the last bit.
    return {
        item: (round(sum(a for a, _ in both) / len(both), 9), round(sum(b for _, b in both) / len(both), 9))
        for item, both in sorted(values.items())
    }


def cliffs_delta(first: Sequence[float], second: Sequence[float]) -> float:
    """P(a > b) - P(a < b) over all pairs of values (Cliff 1993). Raises ValueError if one side is empty."""
    if not first or not second:
        raise ValueError("Cliff's delta needs values on both sides")
    return float(np.sign(np.asarray(first)[:, None] - np.asarray(second)[None, :]).mean())


def difference_interval(differences: Sequence[float], seed: int, resamples: int = DRAWS) -> Interval | Undefined:
    """Percentile bootstrap interval (95 %) of the mean of paired differences (I,), over items."""
    if len(differences) < FEWEST:
        return undefined("not_shared", {"needed": FEWEST, "seen": len(differences)})
    if len(set(differences)) == 1:
        return undefined("same_differences")
    return mean_over_items(differences, [f"{index:09d}" for index in range(len(differences))], resamples, seed)


def compare(
    pairs: Pairs, criterion: str, language: str | None, first: str, second: str, *, seed: int = 0
) -> Comparison:
    """One comparison, not yet corrected for others."""
    key = (criterion, language, first, second)
    if len(pairs) < FEWEST:
        none = undefined("not_shared", {"needed": FEWEST, "seen": len(pairs)})
        return Comparison(*key, len(pairs), none, none, none, none, none, none, none, 0, 0, 0)
    differences = [round(one - other, 9) for one, other in pairs.values()]
    wins, losses = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    ties = len(differences) - wins - losses
    own = seed_of(seed, "difference", criterion, language or "", first, second)
    return Comparison(
        *key,
        items=len(differences),
        difference=float(np.mean(differences)),
        spread=float(np.std(differences, ddof=1)),
        interval=difference_interval(differences, own),
        p=sign_flip_test(np.asarray(differences), seed=own).p,
        p_holm=undefined("not_asked"),
        delta=cliffs_delta([one for one, _ in pairs.values()], [other for _, other in pairs.values()]),
        win_rate=(wins + ties / 2) / len(differences),
        wins=wins,
        ties=ties,
        losses=losses,
    )


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same with `p_holm` over all of them that have a p; one without passes its reason on."""
    tested = [one.p for one in comparisons if not isinstance(one.p, Undefined)]
    adjusted = iter(holm(tested))
    return [replace(one, p_holm=one.p if isinstance(one.p, Undefined) else next(adjusted)) for one in comparisons]


def compare_all(ratings: Iterable[RatingRecord], criteria: Sequence[str], *, seed: int = 0) -> list[Comparison]:
    """All pairs of systems, on each criterion, over all languages (if several) and in each; one Holm family."""
    means = item_means(ratings)
    systems = sorted({system for _, _, system in means})
    languages = sorted({language for language, _, _ in means})
    scopes: list[str | None] = [None, *languages] if len(languages) > 1 else [*languages]
    results = [
        compare(
            paired(means, criterion, first, second, languages if scope is None else [scope]),
            criterion,
            scope,
            first,
            second,
            seed=seed,
        )
        for scope in scopes
        for criterion in criteria
        for first, second in combinations(systems, 2)
    ]
    return corrected(results)
