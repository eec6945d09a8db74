"""What marked errors say of systems, and how far raters agree on them, character by character.

Systems: errors of each severity per marked output, and weighted errors (a minor one 1, a major one 5, as MQM weighs them: Freitag et
al. 2021, doi 10.1162/tacl_a_00437), averaged over raters, compared by item. Agreement: F1 of the characters that two raters marked
(twice those that both did, over those of the one plus those of the other), and Krippendorff's alpha, nominal, with every character
of a text as a unit and none, minor and major as values, which corrects for chance. Characters of one text depend on each other, so
items are what is drawn.

Shapes: `I` items, `C` characters.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from annotation.records import OutputRecord
from annotation.span_records import SpanRecord
from annotation.statistics.agreement import alpha, alpha_interval
from annotation.statistics.comparisons import Comparison, compare, corrected, paired
from annotation.statistics.values import Interval, Undefined, undefined
from core.statistics.bootstrap import intervals, seed_of

WEIGHTS = {"minor": 1, "major": 5}
CRITERION = "errors"  # what comparisons of weighted errors are called
NONE, MINOR, MAJOR = 0, 1, 2
VALUES = {"minor": MINOR, "major": MAJOR}


@dataclass(frozen=True, slots=True)
class ErrorCounts:
    """The errors of one system in one language (None: over all of them)."""

    system: str
    language: str | None
    markings: int  # outputs marked, each by each of its raters
    clean: int  # of these, without an error
    minor: int
    major: int
    weighted: Interval | Undefined  # per output, over raters' markings; interval over items
    weighted_mean: float


@dataclass(frozen=True, slots=True)
class SpanAgreement:
    """How far raters agree on errors, in one language (None: over all of them)."""

    language: str | None
    outputs: int  # marked by at least two raters
    f1: float | Undefined  # of marked characters, whatever the severity, 0..1
    f1_severity: float | Undefined  # of characters marked alike
    alpha: float | Undefined
    interval: Interval | Undefined  # of alpha, percentile bootstrap over items


@dataclass(frozen=True, slots=True)
class Errors:
    """All that is computed of marked errors."""

    counts: tuple[ErrorCounts, ...]
    comparisons: tuple[Comparison, ...]  # of weighted errors, first minus second; a Holm family of their own
    agreements: tuple[SpanAgreement, ...]


Marks = dict[int, dict[str, list[SpanRecord]]]  # output -> rater -> her errors, [] for none


def analyse_errors(
    records: Iterable[SpanRecord], outputs: Sequence[OutputRecord], *, without: Collection[str] = (), seed: int = 0
) -> Errors | None:
    """Of normal items, without the raters in `without`; None where nothing was marked or said to be without errors."""
    marks: Marks = defaultdict(lambda: defaultdict(list))
    for one in records:
        if one.item_kind == "normal" and one.rater not in without:
            hers = marks[one.output_id][one.rater]
            hers += [] if one.start is None else [one]
    if not marks:
        return None
    of_output = {one.output_id: one for one in outputs if one.output_id in marks}
    languages = sorted({one.language for one in of_output.values()})
    scopes: list[str | None] = [None, *languages] if len(languages) > 1 else [*languages]
    systems = sorted({one.system for one in of_output.values()})
    counts, agreements = [], []
    for scope in scopes:
        inside = [one for one in of_output.values() if scope in (None, one.language)]
        for system in systems:
            own = [one for one in inside if one.system == system]
            if own:
                counts.append(_counts(system, scope, own, marks, seed))
        agreements.append(_agreement(scope, inside, marks, seed))
    return Errors(tuple(counts), tuple(_comparisons(of_output, marks, systems, scopes, seed)), tuple(agreements))


def weight(errors: Iterable[SpanRecord]) -> int:
    """The weighted errors of one output by one rater."""
    return sum(WEIGHTS[one.severity] for one in errors if one.severity is not None)


def _counts(system: str, language: str | None, outputs: Sequence[OutputRecord], marks: Marks, seed: int) -> ErrorCounts:
    markings = [(one.item_key, errors) for one in outputs for errors in marks[one.output_id].values()]
    weights = [weight(errors) for _, errors in markings]
    items = sorted({item for item, _ in markings})
    sums, number = np.zeros((len(items), 1)), np.zeros((len(items), 1))
    for (item, _), value in zip(markings, weights, strict=True):
        sums[items.index(item)] += value
        number[items.index(item)] += 1
    spread: Interval | Undefined
    if len(items) < 2:
        spread = undefined("few_items", {"needed": 2, "seen": len(items)})
    elif np.ptp(np.round(sums / number, 9)) == 0:
        spread = undefined("no_width")
    else:
        spread = intervals(sums, number, seed=seed_of(seed, "errors", system, language or ""))[0]
    every = [error.severity for _, errors in markings for error in errors]
    return ErrorCounts(
        system=system,
        language=language,
        markings=len(markings),
        clean=sum(not errors for _, errors in markings),
        minor=every.count("minor"),
        major=every.count("major"),
        weighted=spread,
        weighted_mean=sum(weights) / len(weights),
    )


def _comparisons(
    outputs: Mapping[int, OutputRecord],
    marks: Marks,
    systems: Sequence[str],
    scopes: Sequence[str | None],
    seed: int,
) -> list[Comparison]:
    means: dict[tuple[str, str, str], dict[str, float]] = defaultdict(dict)
    for one in sorted(outputs.values(), key=lambda output: output.item_key):
        weights = [weight(errors) for errors in marks[one.output_id].values()]
        means[one.language, CRITERION, one.system][one.item_key] = sum(weights) / len(weights)
    languages = [scope for scope in scopes if scope is not None]
    return corrected(
        [
            compare(
                paired(means, CRITERION, first, second, languages if scope is None else [scope]),
                CRITERION,
                scope,
                first,
                second,
                seed=seed,
            )
            for scope in scopes
            for first, second in combinations(systems, 2)
        ]
    )


def characters(length: int, errors: Iterable[SpanRecord]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """NONE, MINOR or MAJOR for every character (C,) of a text, as one rater marked it."""
    values = np.zeros(length, dtype=np.int64)
    for one in errors:
        if one.severity is not None:
            values[one.start : one.end] = VALUES[one.severity]
    return values


def _agreement(language: str | None, outputs: Sequence[OutputRecord], marks: Marks, seed: int) -> SpanAgreement:
    both = same = marked = compared = 0
    counts, items = [], []
    for output in outputs:
        rows = [characters(len(output.text), errors) for errors in marks[output.output_id].values()]
        if len(rows) < 2:
            continue
        compared += 1
        counts.append(np.stack([sum((row == value) for row in rows) for value in (NONE, MINOR, MAJOR)], axis=1))
        items += [output.item_key] * len(output.text)
        for one, other in combinations(rows, 2):
            both += int(((one > 0) & (other > 0)).sum())
            same += int(((one > 0) & (one == other)).sum())
            marked += int((one > 0).sum() + (other > 0).sum())
    if not compared or not items:
        none = undefined("no_pairable")
        return SpanAgreement(language, compared, none, none, none, none)
    units = np.concatenate(counts).astype(np.int64)
    value = alpha(units, "nominal", (NONE, MINOR, MAJOR))
    own = seed_of(seed, "error spans", language or "")
    spread = (
        value if isinstance(value, Undefined) else alpha_interval(units, items, own, "nominal", (NONE, MINOR, MAJOR))
    )
    nothing = undefined("nothing_marked")
    return SpanAgreement(
        language=language,
        outputs=compared,
        f1=2 * both / marked if marked else nothing,
        f1_severity=2 * same / marked if marked else nothing,
        alpha=value,
        interval=spread,
    )
