"""Signs that a rater answered without care: sameness, long strings, speed. Pure; a sign is no proof, a person decides.

Long strings and sameness follow the survey literature on careless responding (Meade and Craig 2012, doi
10.1037/a0028085); reading speed is compared with 60 characters a second, several times what people read.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from annotation.records import AssignmentRecord, OutputRecord, RatingRecord
from annotation.scales import ALL_FIVE, Scale, scale_of

Flag = Literal["same_values", "long_string", "fast"]
FEWEST_RATINGS = 12  # below that, sameness says nothing
SAME_SHARE = 0.9  # of all answers at one place of the scale
LONGEST_STRING = 18  # equal values in a row
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
    flags: tuple[Flag, ...]


def signs(
    ratings: Iterable[RatingRecord],
    assignments: Sequence[AssignmentRecord],
    outputs: Iterable[OutputRecord],
    scales: Mapping[str, Scale] = ALL_FIVE,
) -> list[RaterSigns]:
    """One for each rater with an answered item, by name. All records are of one study; attention checks count too.

    Answers on different scales are alike where they lie at the same place of theirs; "not applicable" is a place of its own.
    """
    of_output: dict[int, list[RatingRecord]] = defaultdict(list)
    for rating in ratings:
        of_output[rating.output_id].append(rating)
    texts = {output.output_id: output for output in outputs}
    done: dict[str, list[AssignmentRecord]] = defaultdict(list)
    for one in assignments:
        if one.state == "done":
            done[one.rater].append(one)
    return [
        _signs(rater, sorted(mine, key=lambda one: one.position), of_output, texts, scales)
        for rater, mine in sorted(done.items())
    ]


def _signs(
    rater: str,
    mine: Sequence[AssignmentRecord],
    of_output: dict[int, list[RatingRecord]],
    texts: dict[int, OutputRecord],
    scales: Mapping[str, Scale],
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
    flags: list[Flag] = []
    if len(values) >= FEWEST_RATINGS and same >= SAME_SHARE:
        flags.append("same_values")
    if string >= LONGEST_STRING:
        flags.append("long_string")
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
        flags=tuple(flags),
    )
