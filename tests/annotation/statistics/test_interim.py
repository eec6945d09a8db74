"""Interim looks: the p-value of a pair, Holm's steps over looks, and the error of the whole procedure by simulation.

Ratings are whole numbers from 1 to 5 of three systems: item, item by system, and noise within a rater (the spreads of `statistics.power`),
in the order that the queue gives them: every item gets its first rater before one gets its second.
"""

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import ttest_1samp

from annotation.statistics.interim import look_at, p_of
from annotation.stopping import Look, all_decided, closed, decided
from core.statistics.sequential import levels

SYSTEMS = ("a", "b", "c")
PAIRS = list(combinations(range(3), 2))


def test_p_is_that_of_the_paired_t_test_but_never_below_what_sign_flips_could_give() -> None:
    differences = [0.5, -0.25, 1.0, 0.75, 0.0, 0.5, -1.0, 0.25, 1.5, 0.0, 0.5, 0.25]
    assert p_of(differences) == pytest.approx(ttest_1samp(differences, 0).pvalue)
    assert p_of([1.0, 1.0, 1.1, 1.0, 0.9]) == 2 / 2**5  # t alone would say 1e-5
    assert p_of([1.0] * 8) == 2 / 2**8
    assert p_of([1.0]) == p_of([]) == p_of([0.0] * 9) == 1.0


def test_a_decided_pair_leaves_the_open_ones_more_of_the_level() -> None:
    rng = np.random.default_rng(1)
    clear, close = list(rng.normal(1.5, 0.4, 40)), list(rng.normal(0.0, 0.4, 40))
    fractions = [0.5, 1.0]
    first, second = look_at({("a", "b"): clear, ("a", "c"): close}, 0.05, fractions)
    assert first.decided and not second.decided
    assert first.level == levels(0.025, fractions)[1] and second.level == levels(0.05, fractions)[1]
    assert (first.items, round(first.difference or 0, 6)) == (40, round(float(np.mean(clear)), 6))
    (alone,) = look_at({("a", "c"): close}, 0.05, fractions)  # once the other pair was decided at an earlier look
    assert alone.level == second.level
    (none,) = look_at({("a", "c"): []}, 0.05, fractions)
    assert (none.difference, none.p, none.decided) == (None, 1.0, False)


def studies(
    rng: np.random.Generator, count: int, items: int, raters: int, shift: tuple[float, float, float]
) -> NDArray[np.float64]:
    """Ratings of simulated studies: (studies, items, raters, systems)."""
    item = rng.normal(0, 0.7, (count, items, 1, 1))
    favour = rng.normal(0, 0.5, (count, items, 1, 3))
    noise = rng.normal(0, 0.6, (count, items, raters, 3))
    return np.clip(np.rint(3.4 + np.asarray(shift) + item + favour + noise), 1, 5)


def run(ratings: NDArray[np.float64], looks: int) -> tuple[set[tuple[str, str]], int]:
    """Decided pairs of one study, and the look after which nothing was open (`looks` if something was to the end)."""
    items, raters, _ = ratings.shape
    taken: list[Look] = []
    for number in range(1, looks + 1):
        done = -(-items * raters * number // looks)
        full, more = divmod(done, items)
        differences = {}
        for first, second in PAIRS:
            pair = SYSTEMS[first], SYSTEMS[second]
            if pair in {(one.first, one.second) for one in decided(taken)}:
                continue
            one = ratings[:, :, first] - ratings[:, :, second]
            sums, counts = one[:, :full].sum(1), np.full(items, full)
            if more:
                sums[:more] += one[:more, full]
                counts[:more] += 1
            differences[pair] = [float(value) for value in (sums[counts > 0] / counts[counts > 0])]
        fractions = [count / looks for count in range(1, number + 1)]
        pairs = tuple(look_at(differences, 0.05, fractions))
        taken.append(Look(number, None, done, items * raters, pairs))  # type: ignore[arg-type]
        if all_decided(taken):
            break
    return {(one.first, one.second) for one in decided(taken)}, taken[-1].number


def error(count: int, seed: int, items: int, raters: int, looks: int, shift: tuple[float, float, float]) -> float:
    """Share of studies that decide a pair of systems that are equal."""
    equal = {(SYSTEMS[a], SYSTEMS[b]) for a, b in PAIRS if shift[a] == shift[b]}
    ratings = studies(np.random.default_rng(seed), count, items, raters, shift)
    return sum(bool(run(one, looks)[0] & equal) for one in ratings) / count


SETTINGS = [
    (30, 4, 4, (0.0, 0.0, 0.0)),  # each look: one more rater on every item
    (30, 2, 4, (0.0, 0.0, 0.0)),  # the first look: half of the items
    (40, 3, 3, (0.0, 0.0, 0.8)),  # one system is better, so one pair is equal and gets the others' part of the level
    (12, 2, 5, (0.0, 0.0, 0.0)),  # few items
]


@pytest.mark.parametrize(("items", "raters", "looks", "shift"), SETTINGS)
def test_equal_systems_are_told_apart_in_no_more_studies_than_the_level_allows(
    items: int, raters: int, looks: int, shift: tuple[float, float, float]
) -> None:
    count = 500
    # Three standard errors of a share of .05 above the level; with a fixed seed the outcome is the same at every run.
    assert error(count, 7, items, raters, looks, shift) <= 0.05 + 3 * (0.05 * 0.95 / count) ** 0.5


@pytest.mark.soak
@pytest.mark.parametrize(("items", "raters", "looks", "shift"), SETTINGS)
def test_the_level_holds_over_many_studies(
    items: int, raters: int, looks: int, shift: tuple[float, float, float]
) -> None:
    count = 20_000
    assert error(count, 11, items, raters, looks, shift) <= 0.05 + 3 * (0.05 * 0.95 / count) ** 0.5


def test_a_large_difference_is_decided_early_and_saves_ratings() -> None:
    ratings = studies(np.random.default_rng(3), 40, 40, 4, (0.0, 0.9, 1.8))
    outcomes = [run(one, 4) for one in ratings]
    assert sum(len(pairs) == 3 for pairs, _ in outcomes) >= 38
    assert np.mean([last for _, last in outcomes]) < 3


def test_a_system_is_closed_once_all_its_pairs_are_decided() -> None:
    def look(number: int, *outcomes: tuple[str, str, bool]) -> Look:
        rows = [look_at({(first, second): []}, 0.05, [1.0])[0] for first, second, _ in outcomes]
        made = [
            type(row)(row.first, row.second, 0, None, 1.0, 0.05, outcome[2])
            for row, outcome in zip(rows, outcomes, strict=True)
        ]
        return Look(number, None, 1, 2, tuple(made))  # type: ignore[arg-type]

    one = look(1, ("a", "b", False), ("a", "c", True), ("b", "c", True))
    assert closed([]) == frozenset() and not all_decided([])
    assert closed([one]) == {"c"} and not all_decided([one])
    two = [one, look(2, ("a", "b", True))]
    assert closed(two) == {"a", "b", "c"} and all_decided(two)
