"""Attention checks: where they stand in a rater's order, how outputs are spoiled on purpose, who passes. Pure.

Two kinds. In a degraded item one of the outputs was spoiled; who reads it rates it low. A repeat shows an item
again in another order of systems; who rates with care says about the same. Both are items of their own, marked
as such, and never reach scores. Everything drawn here follows from seeds (see `assignments`), so it can be made
again; whether a rater failed is worked out from her answers each time and never stored.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from annotation.orders import digest, ranked
from annotation.scales import ALL_FIVE, FIVE, Scale, scale_of
from annotation.vocabulary import Degradation, ItemKind

TOLERANCE = 0.25  # mean absolute difference, as a share of the scale, up to which a repeat agrees with itself
SPOILS: Mapping[Degradation, str] = {"shuffled": "fluency", "truncated": "correctness", "foreign": "relevance"}
_UNSPACED = {
    "zh",
    "ja",
    "th",
    "lo",
    "km",
    "my",
    "bo",
    "dz",
    "yue",
    "wuu",
    "shn",
}  # written without spaces between words
_FEWEST_UNITS = 4  # below that, another order or a third of it may still read well

Values = Mapping[tuple[int, str], int]  # (output_id, criterion key) -> a point; "not applicable" is not in it


def is_check_position(position: int, seed: int, check_every: int | None) -> bool:
    """True where a rater with this seed gets a check instead of an item; positions count from 1.

    Positions fall into blocks of `check_every` items and one check. The check stands at a seeded position of its
    block, but not first: so it never opens the study, and at least one item lies between two checks.
    """
    if check_every is None:
        return False
    size = check_every + 1
    block, offset = divmod(position - 1, size)
    # The salt is part of stored orders: another word would move the checks of studies that run.
    return offset == 1 + digest(str(seed), "check place", str(block)) % (size - 1)


def kind_at(position: int, seed: int) -> ItemKind:
    """Which kind of check is tried first at a check position."""
    return "degraded" if digest(str(seed), "check kind", str(position)) % 2 == 0 else "repeat"


def units(text: str, language: str) -> list[str]:
    """What a text is shuffled or cut by: words, or characters where the language has no spaces between words."""
    if language.split("-")[0].lower() in _UNSPACED:
        return [character for character in text if not character.isspace()]
    return text.split()


def degrade(text: str, how: Degradation, language: str, seed: int, key: str, others: Sequence[str]) -> str | None:
    """The spoiled text, or None where this way would not spoil it clearly.

    shuffled: another order of its units, none of which may stay where it is if that is possible; truncated: the first
    third; foreign: one of `others`, the outputs of other items in this language, that is not this text.
    """
    parts = units(text, language)
    joint = "" if language.split("-")[0].lower() in _UNSPACED else " "
    if how == "foreign":
        different = [
            other for other in dict.fromkeys(others) if other.strip() and _letters_only(other) != _letters_only(text)
        ]
        return ranked(different, str(seed), "foreign", key)[0] if different else None
    if len(parts) < _FEWEST_UNITS:
        return None
    if how == "truncated":
        return joint.join(parts[: max(1, len(parts) // 3)])
    order = [int(index) for index in ranked([str(n) for n in range(len(parts))], str(seed), "shuffled", key)]
    turned = [order[(index + 1) % len(order)] for index in range(len(order))]  # a cycle moves every unit
    moved = list(parts)
    for index, source in zip(order, turned, strict=True):
        moved[index] = parts[source]
    return joint.join(moved) if moved != parts else None


def _letters_only(text: str) -> str:
    return re.sub(r"\W+", "", text).casefold()


def spoiled_criterion(how: Degradation, keys: Sequence[str]) -> str | None:
    """The criterion that has to suffer; the study's first one where it does not ask for the natural one; None without any."""
    return SPOILS[how] if SPOILS[how] in keys else next(iter(keys), None)


def score_degraded(
    expected: Mapping[str, Any],
    spoiled: int,
    values: Values,
    unspoiled: int | None = None,
    scales: Mapping[str, Scale] = ALL_FIVE,
) -> tuple[bool | None, str]:
    """Whether the spoiled output was rated lower on its criterion; None where the answers cannot tell.

    With `unspoiled`, what the same rater gave the same output before it was spoiled, it passes if it got less. At the lowest
    point before and after, or with "not applicable", nothing can be told. Without, it passes with at most `at_most` or less
    than every other output here. The same place on the scale for everything, where there is more than one answer, never
    passes: it distinguishes nothing.
    """
    key, at_most = str(expected["criterion"]), int(expected["at_most"])
    rating = values.get((spoiled, key))
    if rating is None:
        return None, f"'not applicable' on {key} of the spoiled output"
    others = [value for (output, criterion), value in values.items() if criterion == key and output != spoiled]
    if len(values) > 1 and len(_shares(values, scales)) == 1:
        if unspoiled is not None and unspoiled > rating:
            return True, f"spoiled output rated {rating} on {key}, {unspoiled} before it was spoiled"
        return (
            False,
            f"spoiled output rated {rating} on {key}, as was everything beside it; a check asks for a difference",
        )
    if unspoiled is not None:
        if unspoiled == rating == scale_of(scales, key).low:
            return None, f"rated {rating} on {key} unspoiled too; nothing lower is there"
        return rating < unspoiled, f"spoiled output rated {rating} on {key}, {unspoiled} unspoiled; passes below that"
    passed = rating <= at_most or (bool(others) and rating < min(others))
    return passed, f"spoiled output rated {rating} on {key}; passes at {at_most} or less, or below all others"


def _shares(values: Values, scales: Mapping[str, Scale]) -> set[float]:
    """Where values lie on their scales, which makes those of different scales comparable."""
    return {scale_of(scales, key).share(value) for (_, key), value in values.items()}


def score_repeat(
    expected: Mapping[str, Any], first: Values, again: Values, scales: Mapping[str, Scale] = ALL_FIVE
) -> tuple[bool | None, str]:
    """Passed if the mean absolute difference over outputs and criteria is at most `tolerance_share` of the scale.

    Both are keyed by the ids of the original outputs; what was "not applicable" at one of the times is left out. The same
    place on the scale for everything both times says nothing about care: None, where more than one value was asked.
    A study made before there were other scales than 1 to 5 has a `tolerance` in its points.
    """
    tolerance = float(
        expected["tolerance_share"] if "tolerance_share" in expected else expected["tolerance"] / FIVE.span
    )
    shared = sorted(first.keys() & again.keys())
    if not shared:
        return None, "no answer is there from both times; nothing can be compared"
    apart = sum(abs(first[key] - again[key]) / scale_of(scales, key[1]).span for key in shared) / len(shared)
    both = [_shares({key: values[key] for key in shared}, scales) for values in (first, again)]
    if len(shared) > 1 and len(both[0] | both[1]) == 1:
        return None, "the same value for everything both times; nothing can be compared"
    text = (
        f"mean difference {100 * apart:.0f} % of the scale from the first time; passes at {100 * tolerance:g} % or less"
    )
    return apart <= tolerance + 1e-9, text


def has_failed(answered: int, failed: int, share: float) -> bool | None:
    """True if more than `share` of the answered checks failed; None if none was answered."""
    return None if answered == 0 else failed / answered > share
