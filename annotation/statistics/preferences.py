"""What rankings of answers say of systems: win rates with ties, tests paired by item, strengths, agreement of raters on pairs.

A rater's order of an item's answers is taken apart into its pairs: one is better, or they are equal; the size of a rank means nothing.
Pairs of one rater and item, and raters of one item, depend on each other, so items are what is drawn, flipped and counted. Over all
languages an item's pairs of all languages are drawn together.

Shapes: `I` items, `S` systems, `D` resamples, `U` pairs of answers of one item and language.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from annotation.preference_records import PreferenceRecord
from annotation.statistics.agreement import alpha, alpha_interval, equal_share
from annotation.statistics.bradley_terry import fit, is_connected
from annotation.statistics.values import Interval, Undefined, undefined
from core.statistics.bootstrap import intervals, percentiles, resampled, seed_of
from core.statistics.paired import holm, sign_flip_test

FEWEST = 2  # items
RESAMPLES = 2_000  # of strengths, each of which is a model fitted anew
UNSTEADY = 0.05  # share of resamples without finite strengths above which there is no interval
BETTER, EQUAL, WORSE = 1, 0, -1
POINTS = (WORSE, EQUAL, BETTER)


@dataclass(frozen=True, slots=True)
class Standing:
    """One system against all others on one question."""

    system: str
    items: int
    wins: int  # single comparisons: a rater, an item, another system
    ties: int
    losses: int
    win_rate: Interval | Undefined  # wins plus half of the ties, as a share of its comparisons; interval over items
    rate: float  # the same without interval
    strength: float | Undefined  # Davidson's log-strength; all of a question sum to 0
    strength_interval: Interval | Undefined


@dataclass(frozen=True, slots=True)
class Duel:
    """`first` against `second`, item by item."""

    first: str
    second: str
    items: int
    wins: int  # single comparisons in which first is better
    ties: int
    losses: int
    difference: float | Undefined  # mean over items of (wins - losses) / comparisons, -1..1
    interval: Interval | Undefined
    p: float | Undefined  # two-sided sign-flip test by item
    p_holm: float | Undefined  # over all pairs, questions and languages of preferences


@dataclass(frozen=True, slots=True)
class Preferences:
    """All that is computed of one question, in one language (None: over all of them)."""

    question: str
    language: str | None
    preferences: int  # orders given
    raters: int
    items: int
    standings: tuple[Standing, ...]  # best win rate first
    duels: tuple[Duel, ...]
    tie: float | Undefined  # Davidson's tie parameter v; 0 without ties
    agreement: float | Undefined  # Krippendorff's alpha on pairs, ordinal: better, equal, worse
    agreement_interval: Interval | Undefined
    equal: float | Undefined  # share of pairs of raters who said the same of a pair
    pairs: int  # pairs of answers that at least two raters compared

    def named_strength(self, system: str) -> float | Undefined:
        """The strength of a system."""
        return next(one.strength for one in self.standings if one.system == system)


Outcomes = dict[tuple[str, str], list[int]]  # (first, second), by name -> one of POINTS for each rater


def outcomes(records: Iterable[PreferenceRecord]) -> dict[str, dict[tuple[str, ...], list[tuple[str, int]]]]:
    """Item -> (language, first, second) -> (rater, BETTER, EQUAL or WORSE for the first); systems in the order of their names."""
    result: dict[str, dict[tuple[str, ...], list[tuple[str, int]]]] = defaultdict(lambda: defaultdict(list))
    for one in records:
        rank = dict(zip(one.systems, one.ranks, strict=True))
        for first, second in combinations(sorted(rank), 2):
            sign = (rank[second] > rank[first]) - (rank[second] < rank[first])
            result[one.item_key][one.language, first, second].append((one.rater, sign))
    return result


def analyse_preferences(
    records: Iterable[PreferenceRecord], questions: Sequence[str], *, without: Collection[str] = (), seed: int = 0
) -> tuple[Preferences, ...]:
    """One for each question and language and, with several languages, for each question over all of them; attention checks and
    raters in `without` are left out. The tests are one Holm family.
    """
    counted = [one for one in records if one.item_kind == "normal" and one.rater not in without]
    languages = sorted({one.language for one in counted})
    scopes: list[str | None] = [None, *languages] if len(languages) > 1 else [*languages]
    results = []
    for question in questions:
        for scope in scopes:
            rows = [one for one in counted if one.question == question and scope in (None, one.language)]
            if rows:
                results.append(_of_question(rows, question, scope, seed))
    return _corrected(results)


def _corrected(results: Sequence[Preferences]) -> tuple[Preferences, ...]:
    tested = [duel.p for one in results for duel in one.duels if not isinstance(duel.p, Undefined)]
    adjusted = iter(holm(tested))
    return tuple(
        replace(
            one,
            duels=tuple(
                replace(duel, p_holm=duel.p if isinstance(duel.p, Undefined) else next(adjusted)) for duel in one.duels
            ),
        )
        for one in results
    )


def _of_question(rows: Sequence[PreferenceRecord], question: str, language: str | None, seed: int) -> Preferences:
    by_item = outcomes(rows)
    systems = sorted({system for one in rows for system in one.systems})
    wins, ties = _counts(by_item, systems)
    own = seed_of(seed, "preferences", question, language or "")
    strengths, spreads, tie = _strengths(wins, ties, own)
    agreed, spread, equal, pairs = _agreement(by_item, own)
    standings = [
        _standing(system, index, wins, ties, strengths[index], spreads[index], own)
        for index, system in enumerate(systems)
    ]
    return Preferences(
        question=question,
        language=language,
        preferences=len(rows),
        raters=len({one.rater for one in rows}),
        items=len(by_item),
        standings=tuple(sorted(standings, key=lambda one: (-one.rate, one.system))),
        duels=tuple(_duel(by_item, first, second, own) for first, second in combinations(systems, 2)),
        tie=tie,
        agreement=agreed,
        agreement_interval=spread,
        equal=equal,
        pairs=pairs,
    )


def _counts(
    by_item: Mapping[str, Mapping[tuple[str, ...], list[tuple[str, int]]]], systems: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wins of the row over the column, and ties, of each item: both (I, S, S)."""
    index = {system: at for at, system in enumerate(systems)}
    wins = np.zeros((len(by_item), len(systems), len(systems)))
    ties = np.zeros_like(wins)
    for item, pairs in enumerate(by_item[key] for key in sorted(by_item)):
        for (_, first, second), answers in pairs.items():
            one, other = index[first], index[second]
            for _, sign in answers:
                wins[item, one, other] += sign == BETTER
                wins[item, other, one] += sign == WORSE
                ties[item, one, other] += sign == EQUAL
                ties[item, other, one] += sign == EQUAL
    return wins, ties


def _standing(
    system: str,
    index: int,
    wins: NDArray[np.float64],
    ties: NDArray[np.float64],
    strength: float | Undefined,
    spread: Interval | Undefined,
    seed: int,
) -> Standing:
    won, equal, lost = wins[:, index].sum(1), ties[:, index].sum(1), wins[:, :, index].sum(1)  # (I,) each
    number = won + equal + lost
    points = won + equal / 2
    there = number > 0
    rate: Interval | Undefined
    if there.sum() < FEWEST:
        rate = undefined("few_items", {"needed": FEWEST, "seen": int(there.sum())})
    elif np.ptp(np.round(points[there] / number[there], 9)) == 0:
        rate = undefined("no_width")
    else:
        rate = intervals(points[there][:, None], number[there][:, None], seed=seed)[0]
    return Standing(
        system=system,
        items=int(there.sum()),
        wins=int(won.sum()),
        ties=int(equal.sum()),
        losses=int(lost.sum()),
        win_rate=rate,
        rate=float(points.sum() / max(1, number.sum())),
        strength=strength,
        strength_interval=spread,
    )


def _duel(
    by_item: Mapping[str, Mapping[tuple[str, ...], list[tuple[str, int]]]], first: str, second: str, seed: int
) -> Duel:
    signs = {
        item: [
            sign for (_, one, other), answers in pairs.items() if (one, other) == (first, second) for _, sign in answers
        ]
        for item, pairs in sorted(by_item.items())
    }
    signs = {item: values for item, values in signs.items() if values}
    every = [sign for values in signs.values() for sign in values]
    counts = (len(signs), every.count(BETTER), every.count(EQUAL), every.count(WORSE))
    if len(signs) < FEWEST:
        none = undefined("not_shared", {"needed": FEWEST, "seen": len(signs)})
        return Duel(first, second, *counts, none, none, none, none)
    means = np.array([sum(values) / len(values) for values in signs.values()])
    own = seed_of(seed, first, second)
    same = np.ptp(np.round(means, 9)) == 0
    spread = undefined("same_differences") if same else intervals(means[:, None], np.ones((len(means), 1)), seed=own)[0]
    p = sign_flip_test(means, seed=own).p
    return Duel(first, second, *counts, float(means.mean()), spread, p, undefined("not_asked"))


def _strengths(
    wins: NDArray[np.float64], ties: NDArray[np.float64], seed: int
) -> tuple[list[float | Undefined], list[Interval | Undefined], float | Undefined]:
    """Strengths with their percentile bootstrap intervals over items, and the tie parameter.

    Resamples in which a system wins or loses everything have no finite strengths and are left out; above 5 % of them there is no
    interval.
    """
    systems = wins.shape[1]
    if not is_connected(wins.sum(0), ties.sum(0)):
        none = undefined("separated")
        return [none] * systems, [none] * systems, none
    whole, tie, ready = fit(wins.sum(0)[None], ties.sum(0)[None])
    if not ready[0]:
        none = undefined("separated")
        return [none] * systems, [none] * systems, none
    values: list[float | Undefined] = [float(one) for one in whole[0]]
    parameter = float(np.exp(tie[0]))
    if len(wins) < FEWEST:
        few = undefined("few_items", {"needed": FEWEST, "seen": len(wins)})
        return values, [few] * systems, parameter
    flat = np.concatenate([wins.reshape(len(wins), -1), ties.reshape(len(ties), -1)], axis=1)
    drawn = resampled(flat, RESAMPLES, seed).reshape(RESAMPLES, 2, systems, systems)
    connected = np.array([is_connected(one[0], one[1]) for one in drawn])
    usable = drawn[connected]
    strengths, _, ready = fit(usable[:, 0], usable[:, 1])
    lost = 1 - ready.sum() / RESAMPLES
    if lost > UNSTEADY:
        unsteady = undefined("unsteady", {"share": round(100 * lost)})
        return values, [unsteady] * systems, parameter
    spread = strengths[ready]
    if np.ptp(np.round(spread, 9), axis=0).max() == 0:
        return values, [undefined("no_width")] * systems, parameter
    return values, [percentiles(float(whole[0, at]), spread[:, at]) for at in range(systems)], parameter


def _agreement(
    by_item: Mapping[str, Mapping[tuple[str, ...], list[tuple[str, int]]]], seed: int
) -> tuple[float | Undefined, Interval | Undefined, float | Undefined, int]:
    """Ordinal alpha of better, equal, worse on pairs, its interval, the share of equal answers, and the number of pairs.

    Which system of a pair is called the first is a matter of names. So every pair counts in both orders, which makes both
    ends as likely by chance and the value free of the names.
    """
    units = [
        (item, answers) for item, pairs in sorted(by_item.items()) for answers in pairs.values() if len(answers) > 1
    ]
    counts = np.array([[sum(sign == point for _, sign in answers) for point in POINTS] for _, answers in units])
    if not len(units):
        none = undefined("no_pairable")
        return none, none, none, 0
    both = np.concatenate([counts, counts[:, ::-1]])
    items = [item for item, _ in units] * 2
    value = alpha(both, "ordinal", POINTS)
    spread = value if isinstance(value, Undefined) else alpha_interval(both, items, seed, "ordinal", POINTS)
    return value, spread, equal_share(counts), len(units)
