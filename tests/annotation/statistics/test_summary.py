"""The summary against examples worked out by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rating_examples import UNHURRIED, filled, submission

from annotation.records import AssignmentRecord, OutputRecord, RatingRecord, Study
from annotation.statistics.summary import Cell, mean_interval, summarise
from annotation.statistics.values import Interval, Undefined
from annotation.store import RatingStore
from annotation.vocabulary import CRITERION_KEYS

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def output(number: int, item: str, system: str = "agl", language: str = "sw") -> OutputRecord:
    return OutputRecord(number, "s", item, "sw", "source", "task", None, system, language, "text", {})


def rating(number: int, item: str, rater: str, value: int, system: str = "agl", language: str = "sw") -> RatingRecord:
    where = ("s", item, "sw", system, language, "fluency", "1", rater, value)
    return RatingRecord(*where, 1, "id", NOW, NOW, number)


def skipped(number: int, item: str, outputs: tuple[int, ...]) -> AssignmentRecord:
    return AssignmentRecord(
        *(
            number,
            "s",
            item,
            "sw",
            "r9",
            1,
            outputs,
            ("agl",) * len(outputs),
            "skipped",
            "other",
            None,
            NOW,
            0.0,
        )
    )


# Three items, k = 3 raters each:   i1: 5 4 4   i2: 2 (two missing)   i3: none (three missing, one skip)
OUTPUTS = [output(1, "i1"), output(2, "i2"), output(3, "i3")]
RATINGS = [
    rating(1, "i1", "r1", 5),
    rating(1, "i1", "r2", 4),
    rating(1, "i1", "r3", 4),
    rating(2, "i2", "r1", 2),
]


def only(cells: Sequence[Cell]) -> Cell:
    (cell,) = cells
    return cell


def test_counts_missing_skipped_median_and_mean_are_as_worked_out_by_hand() -> None:
    cell = only(summarise(RATINGS, OUTPUTS, [skipped(1, "i3", (3,))], ["fluency"], 3))
    assert cell.counts == (0, 1, 0, 2, 1)
    assert (cell.n, cell.items, cell.raters) == (4, 2, 3)
    assert (cell.missing, cell.skipped) == (0 + 2 + 3, 1)
    assert cell.median == 4.0  # of 2 4 4 5
    assert cell.mean == 3.75  # (5 + 4 + 4 + 2) / 4


def test_the_interval_resamples_items_with_all_their_ratings() -> None:
    """Two items give three possible resamples, with probabilities 1/4, 1/2, 1/4: i2 twice has the mean 2,
    both have (13 + 2) / 4 = 3.75, i1 twice has 13/3. So the 2.5 % point is 2 and the 97.5 % point is 13/3.
    """
    cell = only(summarise(RATINGS, OUTPUTS, [], ["fluency"], 3))
    assert isinstance(cell.mean_interval, Interval)
    assert cell.mean_interval.low == 2.0
    assert cell.mean_interval.high == pytest.approx(13 / 3)


def test_the_interval_agrees_with_all_46656_possible_resamples_of_six_items() -> None:
    items = [[1, 2], [3], [4, 4, 5], [5], [2], [5, 5]]
    means = [
        sum(sum(items[index]) for index in drawn) / sum(len(items[index]) for index in drawn)
        for drawn in product(range(6), repeat=6)
    ]
    found = mean_interval(items, seed=3, resamples=200_000)
    exact = np.quantile(means, [0.025, 0.975])
    assert isinstance(found, Interval)
    assert [found.low, found.high] == pytest.approx(list(exact), abs=0.02)
    assert [found.low, found.high] != pytest.approx(list(np.quantile(means, [0.05, 0.95])), abs=0.1)


def test_the_same_seed_gives_the_same_interval_in_any_order_of_the_records() -> None:
    one = summarise(RATINGS, OUTPUTS, [], ["fluency"], 3, seed=5)
    assert summarise(reversed(RATINGS), reversed(OUTPUTS), [], ["fluency"], 3, seed=5) == one


def test_another_system_moves_no_interval_of_the_first() -> None:
    more_outputs = [*OUTPUTS, output(4, "i1", "knn"), output(5, "i2", "knn")]
    more = [*RATINGS, rating(4, "i1", "r1", 1, "knn"), rating(5, "i2", "r1", 3, "knn")]
    agl, knn = summarise(more, more_outputs, [], ["fluency"], 3)
    assert agl == only(summarise(RATINGS, OUTPUTS, [], ["fluency"], 3))
    assert (knn.system, knn.mean) == ("knn", 2.0)


def test_languages_are_never_pooled() -> None:
    outputs = [output(1, "i1", language="sw"), output(2, "i1", language="fr")]
    ratings = [rating(1, "i1", "r1", 5, language="sw"), rating(2, "i1", "r2", 1, language="fr")]
    cells = summarise(ratings, outputs, [], ["fluency"], 1)
    assert [(cell.language, cell.mean) for cell in cells] == [("fr", 1.0), ("sw", 5.0)]


@pytest.mark.parametrize(
    ("ratings", "reason"),
    [
        ([], "at least 2 items, there are 0"),
        ([rating(1, "i1", "r1", 3), rating(1, "i1", "r2", 5)], "at least 2 items, there are 1"),
        ([rating(1, "i1", "r1", 3), rating(2, "i2", "r1", 3)], "the same value"),
    ],
)
def test_an_interval_that_cannot_be_computed_says_why(ratings: list[RatingRecord], reason: str) -> None:
    interval = only(summarise(ratings, OUTPUTS, [], ["fluency"], 3)).mean_interval
    assert isinstance(interval, Undefined)
    assert reason in interval.reason


def test_a_cell_without_ratings_says_so_and_has_no_nan() -> None:
    cell = only(summarise([], OUTPUTS, [], ["fluency"], 3))
    assert (cell.n, cell.missing) == (0, 9)
    assert str(cell.median) == str(cell.mean) == "not computable: no ratings yet"


@UNHURRIED
@given(st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=4), min_size=2, max_size=8), st.integers(0, 9))
def test_an_interval_lies_between_the_lowest_and_the_highest_item_mean(items: list[list[int]], seed: int) -> None:
    interval = mean_interval(items, seed, resamples=200)
    means = [sum(values) / len(values) for values in items]
    if isinstance(interval, Interval):
        assert min(means) - 1e-9 <= interval.low <= interval.high <= max(means) + 1e-9
    else:
        assert len({round(mean, 9) for mean in means}) == 1


def test_a_value_off_the_scale_is_our_own_mistake_and_raises() -> None:
    with pytest.raises(ValueError, match=r"outside 1 to 5"):
        mean_interval([[0], [3]], seed=0)


def test_a_study_summarised_from_the_store_counts_everything(store: RatingStore, study: Study) -> None:
    rater, _ = store.new_rater(study.id, "sw")
    view = store.next_assignment(rater.id)
    assert view is not None
    store.submit(submission(rater.id, view, 5))
    data = store.data(study.id)
    cells = summarise(data.ratings, data.outputs, data.assignments, CRITERION_KEYS, study.raters_per_item)
    assert [(cell.system, cell.criterion) for cell in cells] == [
        (system, criterion) for system in ("agl", "knn", "zero-shot") for criterion in CRITERION_KEYS
    ]
    assert {(cell.n, cell.counts, cell.missing) for cell in cells} == {(1, (0, 0, 0, 0, 1), 3 * 3 - 1)}
    assert sum(cell.n for cell in cells) == len(filled(view))
