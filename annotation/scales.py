"""What a criterion is answered on: 2 to 11 points, each a button, or 0 to 100 on a slider, with or without "not applicable".

Which statistics fit: points are ordinal, 0 to 100 is taken as an interval scale (as for direct assessment, Graham et al. 2013).
"Not applicable" is an answer, but no rating: it is stored, counted and told, and is a missing value to every statistic.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

NOT_APPLICABLE: Final = "not_applicable"  # the answer, on its way from a page to the database, where it is NULL
FEWEST_POINTS, MOST_POINTS = 2, 11
HUNDRED = (0, 100)
BINS = 10  # equal parts in which values of 0 to 100 are counted

Level = Literal["nominal", "ordinal", "interval"]
Answer = int | Literal["not_applicable"]


def answer_of(value: int | None) -> Answer:
    """The answer that the database holds as `value`."""
    return NOT_APPLICABLE if value is None else value


def value_of(answer: Answer) -> int | None:
    """What the database holds for an answer."""
    return None if answer == NOT_APPLICABLE else answer


@dataclass(frozen=True, slots=True)
class Scale:
    """From `low` to `high` in whole steps; `low` is worst."""

    low: int = 1
    high: int = 5
    not_applicable: bool = False  # whether raters may say that the criterion does not apply

    @property
    def points(self) -> range:
        """Every value that can be given."""
        return range(self.low, self.high + 1)

    @property
    def is_continuous(self) -> bool:
        """True for 0 to 100: a slider, and an interval scale."""
        return (self.low, self.high) == HUNDRED

    @property
    def level(self) -> Level:
        """The level of measurement that agreement is computed for."""
        return "interval" if self.is_continuous else "ordinal"

    @property
    def span(self) -> int:
        """From the lowest point to the highest: 4 for 1 to 5."""
        return self.high - self.low

    @property
    def low_part(self) -> int:
        """The highest point of the scale's lowest quarter: 2 for 1 to 5, 25 for 0 to 100."""
        return self.low + self.span // 4

    def accepts(self, answer: object) -> bool:
        """Whether this is an answer on the scale. A bool is no integer here, and 3.0 is not 3."""
        if answer == NOT_APPLICABLE:
            return self.not_applicable
        return type(answer) is int and self.low <= answer <= self.high

    def share(self, value: float) -> float:
        """Where a value lies, from 0 at the lowest point to 1 at the highest."""
        return (value - self.low) / self.span

    def of_five(self, difference: float) -> float:
        """A difference in points of 1 to 5 as the same share of this scale."""
        return difference * self.span / 4

    def labelled_points(self, labels: int) -> tuple[int, ...]:
        """The points that so many labels stand at: each one, or evenly from 0 to 100."""
        if not self.is_continuous:
            return tuple(self.points)
        return tuple(round(100 * index / (labels - 1)) for index in range(labels))

    def fits(self, labels: int) -> bool:
        """Whether so many labels can stand on the scale."""
        return FEWEST_POINTS <= labels <= MOST_POINTS if self.is_continuous else labels == len(self.points)

    def bins(self) -> tuple[str, ...]:
        """Names of the parts that values are counted in: every point, or tenths of 0 to 100."""
        if not self.is_continuous:
            return tuple(map(str, self.points))
        return tuple(f"{10 * index}–{10 * index + (9 if index < BINS - 1 else 10)}" for index in range(BINS))

    def bin_of(self, value: int) -> int:
        """The index of the part that a value is counted in."""
        return min(value // 10, BINS - 1) if self.is_continuous else value - self.low

    def __str__(self) -> str:
        return f"{self.low} to {self.high}"


FIVE = Scale()
ALL_FIVE: Mapping[str, Scale] = MappingProxyType({})  # scales by criterion: every one from 1 to 5


def is_allowed(scale: object) -> bool:
    """Whether an organiser may use this scale: 2 to 11 points from 0 or 1 on, or 0 to 100."""
    if not isinstance(scale, Scale) or type(scale.not_applicable) is not bool:
        return False
    if type(scale.low) is not int or type(scale.high) is not int:
        return False
    return scale.is_continuous or (scale.low in (0, 1) and FEWEST_POINTS <= scale.span + 1 <= MOST_POINTS)


def labels_of(scale: Scale, anchors: Sequence[str]) -> list[tuple[int, str]]:
    """The points that have a label, with it, lowest first."""
    points = scale.labelled_points(len(anchors))
    return [(point, label) for point, label in zip(points, anchors, strict=True) if label]


def scale_of(scales: Mapping[str, Scale], criterion: str) -> Scale:
    """The scale of a criterion by its key, 1 to 5 where none is named."""
    return scales.get(criterion, FIVE)
