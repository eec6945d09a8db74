"""Ratings per system, criterion and language: counts, median, mean with its interval, what is missing.

Nothing is pooled over languages unless `over_languages` is asked for beside the cells of each language.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from annotation.records import AssignmentRecord, OutputRecord, RatingRecord
from annotation.scales import ALL_FIVE, FIVE, Scale, scale_of
from annotation.statistics.values import Interval, Undefined, undefined
from core.statistics.bootstrap import DRAWS, mean_over_items, seed_of


@dataclass(frozen=True, slots=True)
class Cell:
    """One system, criterion and language (None: all of them together).

    counts: number of ratings of each point, or in each tenth of 0 to 100 (`Scale.bins`).  n: their sum.  items, raters: how
    many distinct ones gave the n.
    not_applicable: answers that are no ratings.
    missing: answers still due, over the outputs of the system: per output, `raters_per_item` minus those it
    has, "not applicable" among them.
    skipped: times an output of the system stands skipped by a rater.
    median, mean: over the n ratings, in points of the scale.
    mean_interval: of the mean, by percentile bootstrap over items.
    """

    system: str
    criterion: str
    language: str | None
    counts: tuple[int, ...]
    n: int
    items: int
    raters: int
    missing: int
    skipped: int
    median: float | Undefined
    mean: float | Undefined
    mean_interval: Interval | Undefined
    not_applicable: int = 0


def summarise(
    ratings: Iterable[RatingRecord],
    outputs: Iterable[OutputRecord],
    assignments: Iterable[AssignmentRecord],
    criteria: Sequence[str],
    raters_per_item: int,
    *,
    scales: Mapping[str, Scale] = ALL_FIVE,
    quotas: Mapping[str, int] = MappingProxyType({}),
    closed: Container[str] = (),
    seed: int = 0,
    over_languages: bool = False,
) -> list[Cell]:
    """One cell for each system, language and criterion that has outputs, rated or not, in sorted order of the
    first two. With `over_languages` one for each system and criterion instead, over all languages; an item is
    then drawn with its ratings in all of them.

    All records are of one study. `criteria` gives the order of the criteria, `quotas` the raters per item of languages that need
    others, `closed` the systems that no more answers are due for. The same seed gives the same
    intervals, whatever the order of the records.
    """
    values_of: dict[tuple[str, str | None, str], list[RatingRecord]] = defaultdict(list)
    for rating in ratings:
        values_of[rating.system, None if over_languages else rating.language, rating.criterion].append(rating)
    texts: dict[tuple[str, str | None], dict[int, int]] = defaultdict(dict)  # output -> answers due on each criterion
    cell_of: dict[int, tuple[str, str | None]] = {}
    for output in outputs:
        cell = (output.system, None if over_languages else output.language)
        due = 0 if output.system in closed else quotas.get(output.language, raters_per_item)
        texts[cell][output.output_id] = due
        cell_of[output.output_id] = cell
    skips: Counter[tuple[str, str | None]] = Counter()
    for assignment in assignments:
        if assignment.state == "skipped":
            skips.update(cell_of[output] for output in assignment.output_ids)
    return [
        _cell(
            (*key, criterion),
            values_of[(*key, criterion)],
            texts[key],
            skips[key],
            scale_of(scales, criterion),
            seed,
        )
        for key in sorted(texts, key=lambda cell: (cell[0], cell[1] or ""))
        for criterion in criteria
    ]


def _cell(
    key: tuple[str, str | None, str],
    answers: list[RatingRecord],
    due: Mapping[int, int],
    skipped: int,
    scale: Scale,
    seed: int,
) -> Cell:
    system, language, criterion = key
    ratings = [rating for rating in answers if rating.value is not None]
    values = [rating.point for rating in ratings]
    points = Counter(scale.bin_of(value) for value in values)
    per_output = Counter(rating.output_id for rating in answers)
    by_item: dict[str, list[int]] = defaultdict(list)
    for rating in ratings:
        by_item[rating.item_key].append(rating.point)
    return Cell(
        system=system,
        criterion=criterion,
        language=language,
        counts=tuple(points[index] for index in range(len(scale.bins()))),
        n=len(values),
        items=len(by_item),
        raters=len({rating.rater for rating in ratings}),
        missing=sum(max(0, count - per_output[output]) for output, count in due.items()),
        skipped=skipped,
        median=float(statistics.median(values)) if values else undefined("no_ratings"),
        mean=sum(values) / len(values) if values else undefined("no_ratings"),
        mean_interval=mean_interval(
            [by_item[item] for item in sorted(by_item)], seed_of(seed, system, language or "", criterion), scale=scale
        ),
        not_applicable=len(answers) - len(ratings),
    )


def mean_interval(
    values_by_item: Sequence[Sequence[int]], seed: int, resamples: int = DRAWS, scale: Scale = FIVE
) -> Interval | Undefined:
    """Percentile bootstrap interval (95 %) of the mean of all ratings, resampling items with all their
    ratings.

    Ratings of one item are not independent, so items are what is drawn. values_by_item: I lists, none of them
    empty, each with values on the scale. Not computable below two items, or where all items have the same mean:
    the resamples then have no spread, and an interval of width zero would claim a certainty that nobody has.
    """
    if any(not scale.accepts(value) for values in values_by_item for value in values):
        raise ValueError(f"ratings outside {scale} in {values_by_item!r}")
    flat = [value for values in values_by_item for value in values]
    items = [f"{index:09d}" for index, values in enumerate(values_by_item) for _ in values]
    return mean_over_items(flat, items, resamples, seed)
