"""Signs that a rater answered without care: sameness, long strings, one order, no errors, speed.

Pure; a sign is no proof, a person decides.

Long strings and sameness follow the survey literature on careless responding (Meade and Craig 2012, doi
10.1037/a0028085); reading speed is compared with 60 characters a second, several times what people read.

Answers stand in an order drawn for each rater and item, so one order by place (the first is always better, or all are always
equal) is a sign. That one system always wins is none: who reads nothing cannot know which it is.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from annotation.preference_records import PreferenceRecord
from annotation.records import AssignmentRecord, OutputRecord, RatingRecord
from annotation.scales import ALL_FIVE, Scale, scale_of
from annotation.span_records import SpanRecord

Flag = Literal["same_values", "long_string", "same_order", "no_errors", "fast"]
FEWEST_RATINGS = 12  # below that, sameness says nothing
SAME_SHARE = 0.9  # of all answers at one place of the scale
LONGEST_STRING = 18  # equal values in a row
FEWEST_ORDERS = 8  # with two answers and no ties, one in 128 careful raters has 8 of 8 by chance
FEWEST_MISSED = 6  # outputs in which somebody else marked an error
CHARACTERS_A_SECOND = 60.0
LEAST_SECONDS = 2.0  # an item cannot be answered faster, however short


@dataclass(frozen=True, slots=True)
class RaterSigns:
    """What is unusual about one rater's answers."""

    rater: str
    ratings: int
    same_share: float  # of her answers at her most frequent place of the scale, 0..1; 0 without any
    longest_string: int  # equal values in a row, in the order of her items and of the page
    median_seconds: float | None  # per item; None without an answered item
    fast_share: float  # of her items answered faster than they can be read, 0..1
    same_order_share: (
        float  # of her orders on one question in the most frequent one, as letters stand, 0..1; 0 for a few
    )
    marked: int  # outputs in which she marked an error
    missed: int  # outputs in which she marked none and another rater one
    flags: tuple[Flag, ...]


def signs(
    ratings: Iterable[RatingRecord],
    assignments: Sequence[AssignmentRecord],
    outputs: Iterable[OutputRecord],
    scales: Mapping[str, Scale] = ALL_FIVE,
    *,
    preferences: Iterable[PreferenceRecord] = (),
    error_spans: Iterable[SpanRecord] = (),
) -> list[RaterSigns]:
    """One for each rater with an answered item, by name. All records are of one study; attention checks count too.

    Answers on different scales are alike where they lie at the same place of theirs; "not applicable" is a place of its own.
    """
    of_output: dict[int, list[RatingRecord]] = defaultdict(list)
    for rating in ratings:
        of_output[rating.output_id].append(rating)
    texts = {output.output_id: output for output in outputs}
    orders: dict[str, dict[str, list[tuple[int, ...]]]] = defaultdict(lambda: defaultdict(list))
    for one in preferences:
        levels = sorted(set(one.ranks))  # 1, 3, 3 is the order of 1, 2, 2
        orders[one.rater][one.question].append(tuple(levels.index(rank) for rank in one.ranks))
    marks: dict[int, dict[str, bool]] = defaultdict(dict)
    for span in error_spans:
        marks[span.output_id][span.rater] = span.severity is not None
    done: dict[str, list[AssignmentRecord]] = defaultdict(list)
    for assignment in assignments:
        if assignment.state == "done":
            done[assignment.rater].append(assignment)
    return [
        _signs(
            rater,
            sorted(mine, key=lambda one: one.position),
            of_output,
            texts,
            scales,
            orders[rater].values(),
            [
                (by_rater[rater], any(marked for other, marked in by_rater.items() if other != rater))
                for by_rater in marks.values()
                if rater in by_rater
            ],
        )
        for rater, mine in sorted(done.items())
    ]


def _signs(
    rater: str,
    mine: Sequence[AssignmentRecord],
    of_output: dict[int, list[RatingRecord]],
    texts: dict[int, OutputRecord],
    scales: Mapping[str, Scale],
    orders: Iterable[Sequence[tuple[int, ...]]],  # on each question
    marks: Sequence[
        tuple[bool, bool]
    ],  # of each output that she looked at for errors: whether she and another marked one
) -> RaterSigns:
    values = [
        None if rating.value is None else scale_of(scales, rating.criterion).share(rating.value)
        for one in mine
        for output in one.output_ids
        for rating in sorted(of_output[output], key=lambda rating: rating.criterion)
        if rating.rater == rater
    ]
    fast = []
    for one in mine:
        outputs = [texts[output] for output in one.output_ids if output in texts]
        characters = sum(len(output.text) for output in outputs) + (len(outputs[0].source_text) if outputs else 0)
        fast.append(one.seconds < max(LEAST_SECONDS, characters / CHARACTERS_A_SECOND))
    same = max(Counter(values).values(), default=0) / max(1, len(values))
    string = max((len(list(group)) for _, group in groupby(values)), default=0)
    enough = [on_one for on_one in orders if len(on_one) >= FEWEST_ORDERS]
    one_order = max((max(Counter(on_one).values()) / len(on_one) for on_one in enough), default=0.0)
    marked, missed = sum(mine for mine, _ in marks), sum(others and not mine for mine, others in marks)
    flags: list[Flag] = []
    if len(values) >= FEWEST_RATINGS and same >= SAME_SHARE:
        flags.append("same_values")
    if string >= LONGEST_STRING:
        flags.append("long_string")
    if one_order >= SAME_SHARE:
        flags.append("same_order")
    if missed >= FEWEST_MISSED and not marked:
        flags.append("no_errors")
    if fast and sum(fast) > len(fast) / 2:
        flags.append("fast")
    seconds = [one.seconds for one in mine]
    return RaterSigns(
        rater=rater,
        ratings=len(values),
        same_share=same,
        longest_string=string,
        median_seconds=statistics.median(seconds) if seconds else None,
        fast_share=sum(fast) / max(1, len(fast)),
        same_order_share=one_order,
        marked=marked,
        missed=missed,
        flags=tuple(flags),
    )
