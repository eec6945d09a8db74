"""Krippendorff's alpha against his published examples and an independent implementation.

Tests of `annotation.statistics.values`.
"""

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rating_examples import UNHURRIED
from simulated_raters import People, rating

from annotation.statistics.agreement import Level, agreements, alpha, alpha_interval, equal_share, value_counts
from annotation.statistics.values import Interval, Undefined

LEVELS: tuple[Level, ...] = ("nominal", "ordinal", "interval")
# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", section C: four observers, twelve units,
# missing values as 0.
PUBLISHED = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
    [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
]


def units_of(matrix: list[list[int]]) -> list[list[int]]:
    """Units from rows of observers; 0 is a hole."""
    return [[value for value in unit if value] for unit in zip(*matrix, strict=True)]


@pytest.mark.parametrize(("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_of_krippendorffs_example_is_the_published_one(level: Level, published: float) -> None:
    found = alpha(value_counts(units_of(PUBLISHED)), level)
    assert found == pytest.approx(published, abs=0.0006)


def test_two_observers_and_two_values_give_the_published_alpha() -> None:
    """Section A of the same paper: two observers, ten units, binary values, alpha = 0.095."""
    first, second = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    counts = value_counts(list(zip(first, second, strict=True)), points=(0, 1))
    assert alpha(counts, "nominal", (0, 1)) == pytest.approx(0.095, abs=0.0006)


@pytest.mark.parametrize("level", LEVELS)
def test_alpha_is_that_of_the_krippendorff_package_on_random_matrices_with_holes(level: Level) -> None:
    rng = np.random.default_rng(11)
    compared = 0
    for _ in range(60):
        matrix = rng.integers(1, 6, (rng.integers(2, 6), rng.integers(2, 15)))
        matrix[rng.random(matrix.shape) < 0.4] = 0
        units = units_of(matrix.tolist())
        if not any(len(unit) > 1 for unit in units) or len({v for unit in units if len(unit) > 1 for v in unit}) < 2:
            continue
        data = np.where(matrix == 0, np.nan, matrix.astype(float))
        theirs = krippendorff.alpha(
            reliability_data=data, level_of_measurement=level, value_domain=[1.0, 2.0, 3.0, 4.0, 5.0]
        )
        assert alpha(value_counts(units), level) == pytest.approx(theirs, abs=1e-10)
        compared += 1
    assert compared > 50


def test_the_equal_share_is_worked_out_by_hand() -> None:
    # Unit 1: pairs 4-4, 4-5, 4-5: 1 of 3 equal. Unit 2: 2-2: 1 of 1. Unit 3 has one value and no pair.
    assert equal_share(value_counts([[4, 4, 5], [2, 2], [1]])) == pytest.approx(2 / 4)


@pytest.mark.parametrize(
    ("units", "code"), [([[3], [4]], "no_pairable"), ([], "no_pairable"), ([[3, 3], [3, 3]], "all_equal")]
)
def test_alpha_that_cannot_be_computed_says_why(units: list[list[int]], code: str) -> None:
    found = alpha(value_counts(units))
    assert isinstance(found, Undefined)
    assert found.code == code
    assert str(found).startswith("not computable: ")


def test_units_with_one_value_change_nothing() -> None:
    units = units_of(PUBLISHED)
    assert alpha(value_counts([*units, [1], [5], []])) == alpha(value_counts(units))


def test_the_interval_is_that_of_resampled_matrices() -> None:
    """Slow and plain: draw items with all their units, take alpha of what was drawn."""
    people = People({"agl": 0.0}, seed=2)
    units = [[people.value(f"i{item}", "agl", rater) for rater in ("r1", "r2", "r3")] for item in range(25)]
    items = [f"i{place // 2}" for place in range(25)]  # two outputs an item, the last item one
    found = alpha_interval(value_counts(units), items, seed=1, resamples=20_000)
    rng, plain = np.random.default_rng(5), []
    for _ in range(4000):
        drawn = [unit for item in rng.integers(0, 13, 13) for unit in units[2 * item : 2 * item + 2]]
        plain.append(alpha(value_counts(drawn)))
    assert isinstance(found, Interval)
    assert [found.low, found.high] == pytest.approx(list(np.quantile(plain, [0.025, 0.975])), abs=0.03)
    assert found.high - found.low > 0.1


def test_an_interval_needs_two_items_and_resamples_that_are_defined() -> None:
    one = alpha_interval(value_counts([[3, 4], [4, 5]]), ["i1", "i1"], seed=0)
    assert isinstance(one, Undefined)
    assert one.facts == {"needed": 2, "seen": 1}
    # Two items of equal values each: a resample of one item alone has no expected disagreement (half of them).
    unsteady = alpha_interval(value_counts([[3, 3], [4, 4]]), ["i1", "i2"], seed=0)
    assert isinstance(unsteady, Undefined)
    assert unsteady.code == "unsteady"


def test_complete_agreement_has_no_interval_of_width_zero() -> None:
    units = [[1 + n % 5] * 3 for n in range(10)]
    assert alpha(value_counts(units)) == 1.0
    interval = alpha_interval(value_counts(units), [f"i{n}" for n in range(10)], seed=0)
    assert isinstance(interval, Undefined)
    assert interval.code == "no_width"


@UNHURRIED
@given(st.lists(st.lists(st.integers(1, 5), max_size=4), min_size=1, max_size=10), st.randoms())
def test_alpha_is_at_most_1_and_does_not_depend_on_order(units: list[list[int]], random) -> None:
    found = alpha(value_counts(units))
    if isinstance(found, float):
        assert found <= 1 + 1e-12
        shuffled = [random.sample(unit, len(unit)) for unit in random.sample(units, len(units))]
        assert alpha(value_counts(shuffled)) == pytest.approx(found, abs=1e-9)


def test_agreement_is_given_per_language_and_over_all_of_them() -> None:
    rows = [
        rating(item, "agl", rater, value, language=language)
        for language, values in {"sw": (5, 1, 3), "fr": (2, 4, 4)}.items()
        for item, value in zip(("i1", "i2", "i3"), values, strict=True)
        for rater in (f"{language}-a", f"{language}-b")
    ]
    found = agreements(rows, ["fluency", "relevance"])
    assert [(one.criterion, one.language, one.alpha) for one in found[:3]] == [
        ("fluency", None, 1.0),
        ("fluency", "fr", 1.0),
        ("fluency", "sw", 1.0),
    ]
    assert [(one.outputs, one.raters, one.equal) for one in found[:3]] == [(6, 4, 1.0), (3, 2, 1.0), (3, 2, 1.0)]
    assert all(isinstance(one.alpha, Undefined) and one.outputs == 0 for one in found[3:])


def test_a_value_off_the_scale_raises() -> None:
    with pytest.raises(ValueError, match="the value 6"):
        value_counts([[6, 1]])
