"""Ratings per system, criterion and language. Pure functions over records; nothing is pooled over languages.

Leaves out, for later files of their own: agreement, differences between systems with tests, rater-normalised
scores.
"""

import hashlib
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from annotation.records import AssignmentRecord, OutputRecord, RatingRecord
from annotation.vocabulary import SCALE

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval, or the reason why there is none.

    Exactly one of (low, high) and reason is set.
    """

    low: float | None
    high: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Cell:
    """One system, criterion and language.

    counts: number of ratings of 1, 2, 3, 4, 5.  n: their sum.  items, raters: how many distinct ones gave the
    n.
    missing: ratings still due, over the outputs of the system: per output, `raters_per_item` minus those it
    has.
    skipped: times an output of the system stands skipped by a rater.
    median, mean: over the n ratings, 1..5; None with `reason` if n is 0.
    mean_interval: of the mean, by percentile bootstrap over items.
    """

    system: str
    criterion: str
    language: str
    counts: tuple[int, int, int, int, int]
    n: int
    items: int
    raters: int
    missing: int
    skipped: int
    median: float | None
    mean: float | None
    mean_interval: Interval
    reason: str | None


def summarise(
    ratings: Iterable[RatingRecord],
    outputs: Iterable[OutputRecord],
    assignments: Iterable[AssignmentRecord],
    criteria: Sequence[str],
    raters_per_item: int,
    *,
    seed: int = 0,
) -> list[Cell]:
    """One cell for each system, language and criterion that has outputs, rated or not, in sorted order of the
    first two.

    All records are of one study. `criteria` gives the order of the criteria. The same seed gives the same
    intervals, whatever the order of the records.
    """
    given: dict[tuple[str, str, str], list[RatingRecord]] = defaultdict(list)
    for rating in ratings:
        given[rating.system, rating.language, rating.criterion].append(rating)
    texts: dict[tuple[str, str], list[int]] = defaultdict(list)
    cell_of: dict[int, tuple[str, str]] = {}
    for output in outputs:
        texts[output.system, output.language].append(output.output_id)
        cell_of[output.output_id] = (output.system, output.language)
    skips: Counter[tuple[str, str]] = Counter()
    for assignment in assignments:
        if assignment.state == "skipped":
            skips.update(cell_of[output] for output in assignment.output_ids)
    return [
        _cell((*key, criterion), given[(*key, criterion)], texts[key], skips[key], raters_per_item, seed)
        for key in sorted(texts)
        for criterion in criteria
    ]


def _cell(
    key: tuple[str, str, str],
    ratings: list[RatingRecord],
    output_ids: Sequence[int],
    skipped: int,
    raters_per_item: int,
    seed: int,
) -> Cell:
    system, language, criterion = key
    values = [rating.value for rating in ratings]
    points = Counter(values)
    per_output = Counter(rating.output_id for rating in ratings)
    by_item: dict[str, list[int]] = defaultdict(list)
    for rating in ratings:
        by_item[rating.item_key].append(rating.value)
    return Cell(
        system=system,
        criterion=criterion,
        language=language,
        counts=(points[1], points[2], points[3], points[4], points[5]),
        n=len(values),
        items=len(by_item),
        raters=len({rating.rater for rating in ratings}),
        missing=sum(max(0, raters_per_item - per_output[output]) for output in output_ids),
        skipped=skipped,
        median=float(statistics.median(values)) if values else None,
        mean=sum(values) / len(values) if values else None,
        mean_interval=mean_interval([by_item[item] for item in sorted(by_item)], _cell_seed(seed, *key)),
        reason=None if values else "not computable: no ratings yet",
    )


def _cell_seed(seed: int, *key: str) -> int:
    """A seed of its own for each cell, so that adding a system moves no other cell's interval."""
    return int.from_bytes(hashlib.sha256("\x1f".join((str(seed), *key)).encode()).digest()[:8], "big")


def mean_interval(values_by_item: Sequence[Sequence[int]], seed: int, resamples: int = RESAMPLES) -> Interval:
    """Percentile bootstrap interval (95 %) of the mean of all ratings, resampling items with all their
    ratings.

    Ratings of one item are not independent, so items are what is drawn. values_by_item: I lists, none of them
    empty, each with values in 1..5. Not computable below two items, or where all items have the same mean:
    the resamples then have no spread, and an interval of width zero would claim a certainty that nobody has.
    """
    if any(value not in SCALE for values in values_by_item for value in values):
        raise ValueError(f"ratings outside 1..5 in {values_by_item!r}")
    if len(values_by_item) < 2:
        seen = len(values_by_item)
        return Interval(None, None, f"not computable: needs ratings of at least 2 items, there are {seen}")
    sums = np.array([sum(values) for values in values_by_item], dtype=np.float64)  # (I,)
    sizes = np.array([len(values) for values in values_by_item], dtype=np.float64)  # (I,)
    if len(set((sums / sizes).tolist())) == 1:
        return Interval(None, None, "not computable: all items have the same mean rating")
    items = len(sums)
    drawn = np.random.default_rng(seed).multinomial(
        items, np.full(items, 1 / items), size=resamples
    )  # (R, I) times drawn
    means = (drawn @ sums) / (drawn @ sizes)  # (R,)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high), None)
