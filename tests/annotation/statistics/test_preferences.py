"""Win rates, strengths and agreement of preferences, against values by hand, scipy's optimiser and the package krippendorff.

Tests of `annotation.statistics.bradley_terry`.
"""

from itertools import combinations

import krippendorff
import numpy as np
import pytest
from numpy.typing import NDArray
from preference_examples import preference, simulated
from scipy.optimize import minimize

from annotation.preference_records import PreferenceRecord
from annotation.statistics.bradley_terry import chances, fit, is_connected
from annotation.statistics.preferences import Preferences, analyse_preferences
from annotation.statistics.values import Interval, Undefined
from core.statistics.paired import holm

STRENGTHS = {"a": 0.9, "b": 0.1, "c": -0.3, "d": -0.7}


def counts(records: list[PreferenceRecord], systems: list[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wins and ties, counted record by record in another way than the module does."""
    wins, ties = np.zeros((len(systems),) * 2), np.zeros((len(systems),) * 2)
    for one in records:
        for row, first in enumerate(one.systems):
            for column, second in enumerate(one.systems):
                at = systems.index(first), systems.index(second)
                wins[at] += one.ranks[row] < one.ranks[column]
                ties[at] += row != column and one.ranks[row] == one.ranks[column]
    return wins, ties


def davidson_by_scipy(wins: NDArray[np.float64], ties: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Davidson's likelihood as he writes it, in strengths and not in logarithms, maximised without derivatives of ours."""
    systems = len(wins)

    def loss(free: NDArray[np.float64]) -> float:
        worth, v = np.exp(np.append(free[: systems - 1], 0.0)), np.exp(free[-1])
        total = 0.0
        for one, other in combinations(range(systems), 2):
            root = v * np.sqrt(worth[one] * worth[other])
            d = worth[one] + worth[other] + root
            total += wins[one, other] * np.log(worth[one] / d) + wins[other, one] * np.log(worth[other] / d)
            total += ties[one, other] * np.log(root / d)
        return -total

    result = minimize(loss, np.zeros(systems), method="BFGS", options={"gtol": 1e-7})
    strengths = np.append(result.x[:-1], 0.0)
    return strengths - strengths.mean(), float(np.exp(result.x[-1]))


def of(records: list[PreferenceRecord], language: str | None = "sw", **options: object) -> Preferences:
    results = analyse_preferences(records, ["overall"], **options)  # type: ignore[arg-type]
    return next(one for one in results if one.language == language)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_strengths_are_those_of_an_independent_maximisation_of_davidsons_likelihood(seed: int) -> None:
    records = simulated(STRENGTHS, items=25, raters=2, seed=seed)
    result = of(records)
    wins, ties = counts(records, list(STRENGTHS))
    strengths, v = davidson_by_scipy(wins, ties)
    ours = [result.named_strength(one) for one in STRENGTHS]
    assert ours == pytest.approx(list(strengths), abs=2e-5)
    assert result.tie == pytest.approx(v, abs=2e-5)


def test_without_ties_it_is_the_model_of_bradley_and_terry_by_another_algorithm() -> None:
    """Zermelo's iteration (1929; Hunter 2004, MM): s_i = wins_i / sum over j of n_ij / (s_i + s_j)."""
    rng = np.random.default_rng(8)
    wins = rng.integers(1, 9, size=(5, 5)).astype(float)
    np.fill_diagonal(wins, 0)
    worth = np.ones(5)
    for _ in range(3000):
        worth = wins.sum(1) / ((wins + wins.T) / (worth[:, None] + worth[None, :])).sum(1)
        worth /= worth.sum()
    strengths, tie, ready = fit(wins[None], np.zeros((1, 5, 5)))
    assert ready[0] and tie[0] == -np.inf
    assert strengths[0] == pytest.approx(np.log(worth) - np.log(worth).mean(), abs=1e-6)


def test_two_systems_have_the_closed_form() -> None:
    """With w wins, l losses, t ties: log-strengths differ by ln(w / l), and v = t / sqrt(w l), as the model is saturated."""
    records = [
        preference(f"i{at}", "r", ("a", "b"), ranks)
        for at, ranks in enumerate([(1, 2)] * 6 + [(2, 1)] * 3 + [(1, 1)] * 4)
    ]
    result = of(records)
    assert result.named_strength("a") == pytest.approx(np.log(6 / 3) / 2)
    assert result.tie == pytest.approx(4 / np.sqrt(18))
    best = result.standings[0]
    assert (best.system, best.wins, best.ties, best.losses, best.rate) == ("a", 6, 4, 3, pytest.approx(8 / 13))
    assert chances(np.log(6 / 3) / 2, -np.log(6 / 3) / 2, np.log(4 / np.sqrt(18))) == pytest.approx(
        (6 / 13, 4 / 13, 3 / 13)
    )


def test_strengths_of_a_simulation_are_found_again_and_their_intervals_are_those_of_another_bootstrap() -> None:
    """Davidson's own model, drawn pair by pair: with many items the estimate is near, and scipy's refits spread as ours do."""
    rng = np.random.default_rng(4)
    systems, v = list(STRENGTHS), 0.8
    records = []
    for item in range(240):
        for one, other in combinations(systems, 2):
            chance = chances(STRENGTHS[one], STRENGTHS[other], np.log(v))
            outcome = rng.choice(3, p=chance)
            records.append(preference(f"i{item}", "r", (one, other), ((1, 2), (1, 1), (2, 1))[outcome]))
    result = of(records)
    for one in systems:
        assert result.named_strength(one) == pytest.approx(STRENGTHS[one], abs=0.25)
    assert result.tie == pytest.approx(v, rel=0.25)
    by_item = [counts(records[at : at + 6], systems) for at in range(0, len(records), 6)]
    drawn = []
    for _ in range(100):
        chosen = rng.integers(0, 240, 240)
        drawn.append(davidson_by_scipy(sum(by_item[at][0] for at in chosen), sum(by_item[at][1] for at in chosen))[0])
    for index, one in enumerate(systems):
        spread = next(two.strength_interval for two in result.standings if two.system == one)
        assert isinstance(spread, Interval)
        low, high = np.quantile([row[index] for row in drawn], [0.025, 0.975])
        assert (spread.low, spread.high) == pytest.approx((low, high), abs=0.1)


def test_who_never_lost_has_a_win_rate_and_no_finite_strength() -> None:
    records = [preference(f"i{at}", "r", ("a", "b", "c"), (1, 2 + at % 2, 3 - at % 2)) for at in range(6)]
    result = of(records)
    assert result.standings[0].rate == 1.0
    assert {one.strength.code for one in result.standings if isinstance(one.strength, Undefined)} == {"separated"}
    assert not is_connected(*counts(records, ["a", "b", "c"]))


def test_equal_answers_everywhere_say_so_and_never_an_order() -> None:
    records = [preference(f"i{at}", rater, ("a", "b"), (1, 1)) for at in range(5) for rater in ("r1", "r2")]
    result = of(records)
    assert [one.rate for one in result.standings] == [0.5, 0.5]
    (duel,) = result.duels
    assert (duel.wins, duel.ties, duel.losses, duel.difference, duel.p) == (0, 10, 0, 0.0, 1.0)
    assert isinstance(duel.interval, Undefined) and isinstance(result.agreement, Undefined)


def test_ranks_count_as_orders_alone() -> None:
    sparse = [preference(f"i{at}", "r", ("a", "b", "c"), (1, 3, 3) if at else (3, 1, 2)) for at in range(4)]
    dense = [preference(f"i{at}", "r", ("a", "b", "c"), (1, 2, 2) if at else (3, 1, 2)) for at in range(4)]
    assert of(sparse) == of(dense)


def test_agreement_on_pairs_is_that_of_an_independent_package_and_free_of_the_names() -> None:
    records = simulated(STRENGTHS, items=12, raters=3, seed=9)
    result = of(records)
    rows = []
    for item in sorted({one.item_key for one in records}):
        for first, second in combinations(STRENGTHS, 2):
            given = []
            for one in (row for row in records if row.item_key == item):
                rank = dict(zip(one.systems, one.ranks, strict=True))
                given.append(np.sign(rank[second] - rank[first]))
            rows += [given, [-value for value in given]]
    expected = krippendorff.alpha(
        np.array(rows, dtype=float).T, level_of_measurement="ordinal", value_domain=[-1, 0, 1]
    )
    assert result.agreement == pytest.approx(expected, abs=1e-9)
    assert result.pairs == 12 * 6
    equal = np.mean([a == b for row in rows[::2] for a, b in combinations(row, 2)])
    assert result.equal == pytest.approx(float(equal))
    names = {"a": "z", "b": "y", "c": "x", "d": "w"}
    turned = [
        preference(one.item_key, one.rater, [names[system] for system in one.systems], one.ranks) for one in records
    ]
    assert of(turned).agreement == pytest.approx(result.agreement)
    assert isinstance(result.agreement_interval, Interval)
    assert result.agreement_interval.low < expected < result.agreement_interval.high


def test_pairs_are_tested_by_item_and_corrected_over_all_of_them() -> None:
    """All 2^5 assignments of signs to five items are counted here by hand."""
    records = []
    for at, sign in enumerate((1, 1, 1, 1, -1)):
        for rater in ("r1", "r2", "r3"):
            records.append(preference(f"i{at}", rater, ("a", "b"), (1, 2) if sign > 0 else (2, 1)))
    (duel,) = of(records).duels
    assert duel.p == pytest.approx(12 / 32)  # sums of five signs at least as far from 0 as 3: 2 of 5 and 10 of 3
    assert duel.difference == pytest.approx(0.6)
    many = analyse_preferences(simulated(STRENGTHS, items=10, raters=1), ["overall"])[0]
    assert [duel.p_holm for duel in many.duels] == pytest.approx(holm([duel.p for duel in many.duels]))  # type: ignore[misc]


def test_languages_stand_alone_and_together_and_left_out_raters_nowhere() -> None:
    records = simulated({"a": 0.5, "b": 0.0}, items=6, raters=2)
    other = [
        preference(one.item_key, "r9", one.systems, one.ranks, language="en") for one in records if one.rater == "r0"
    ]
    results = analyse_preferences([*records, *other], ["overall", "tone"], without=["r1"])
    assert [(one.language, one.preferences, one.items) for one in results] == [
        (None, 12, 6),
        ("en", 6, 6),
        ("sw", 6, 6),
    ]


def test_a_system_that_ties_and_never_loses_has_no_finite_strength() -> None:
    """Results printed +37.95 [36.89, 38.49]: Newton's steps had stopped where the gradient was too small to be told from 0."""
    wins = np.array([[[0, 37, 60], [0, 0, 46], [0, 0, 0]]], dtype=float)
    ties = np.array([[[0, 23, 0], [23, 0, 14], [0, 14, 0]]], dtype=float)
    assert is_connected(wins[0], ties[0])
    assert not fit(wins, ties)[2].any()
    wins[0, 1, 0] = wins[0, 2, 1] = 1.0  # one loss each way is enough
    strengths, _, ready = fit(wins, ties)
    assert ready.all() and np.abs(strengths).max() < 6
