"""How adjudicated values stand to the ratings of the same texts: a description, which no mean, test or agreement includes."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from annotation.adjudication_records import AdjudicationRecord
from annotation.records import RatingRecord


@dataclass(frozen=True, slots=True)
class Adjudicated:
    """The values of one adjudicator on one criterion in one language, beside those of the raters of the same texts."""

    adjudicator: str
    language: str
    criterion: str
    texts: int  # with a value of hers and at least one rating
    mean: float  # of her values
    raters_mean: float  # of the texts' means over raters
    distance: float  # mean absolute difference between her value and the mean of the text's raters, in points
    shared: float  # share of her values that at least one rater had given too, 0..1


def adjudicated(
    decisions: Iterable[AdjudicationRecord], ratings: Iterable[RatingRecord], criteria: Sequence[str]
) -> list[Adjudicated]:
    """One per adjudicator, language and criterion; "not applicable" is left out on both sides."""
    rated: dict[tuple[int, str], list[int]] = defaultdict(list)
    for one in ratings:
        if one.value is not None:
            rated[one.output_id, one.criterion].append(one.value)
    groups: dict[tuple[str, str, str], list[tuple[int, list[int]]]] = defaultdict(list)
    for decision in decisions:
        values = rated.get((decision.output_id, decision.criterion))
        if decision.value is not None and values:
            groups[decision.adjudicator, decision.language, decision.criterion].append((decision.value, values))
    order = sorted(groups, key=lambda key: (key[0], key[1], criteria.index(key[2])))
    return [_compared(key, groups[key]) for key in order]


def _compared(key: tuple[str, str, str], pairs: Sequence[tuple[int, list[int]]]) -> Adjudicated:
    means = [statistics.fmean(values) for _, values in pairs]
    return Adjudicated(
        *key,
        len(pairs),
        statistics.fmean(value for value, _ in pairs),
        statistics.fmean(means),
        statistics.fmean(abs(value - mean) for (value, _), mean in zip(pairs, means, strict=True)),
        sum(value in values for value, values in pairs) / len(pairs),
    )
