"""Rate, without a browser."""

import pytest

from annotation.errors import AnnotationError, UnknownRater
from annotation.records import NewOutput
from app.rate.tab_service import RatingDesk, missing_names
from app.services import Services


@pytest.fixture
def desk(services: Services) -> RatingDesk:
    outputs = [
        NewOutput(
            f"topic|en|text {number}",
            "en",
            f"text {number}",
            "topic",
            system,
            "en",
            f"answer of {system[:3]}",
            {"seed": "0"},
        )
        for number in range(3)
        for system in ("agl|k=4", "knn|k=4")
    ]
    services.store.add_outputs(services.study.id, outputs)
    return RatingDesk(services)


def all_values(visit, value: int) -> dict[tuple[int, str], int]:
    return {
        (output.output_id, criterion.key): value for output in visit.view.outputs for criterion in visit.view.criteria
    }


def test_a_rater_goes_through_all_items_and_is_thanked(desk: RatingDesk) -> None:
    visit = desk.start("en")
    for _ in range(3):
        visit = desk.submit(visit, all_values(visit, 4), "", 2.0)
        assert visit.receipt is not None
    assert visit.view is None
    assert (visit.progress.done, visit.progress.total) == (3, 3)


def test_no_system_name_reaches_the_rater(desk: RatingDesk) -> None:
    view = desk.start("en").view
    assert "agl" not in repr(view).replace("answer of agl", "")
    assert "knn" not in repr(view).replace("answer of knn", "")


def test_pressing_save_twice_stores_once(desk: RatingDesk) -> None:
    visit = desk.start("en")
    values = all_values(visit, 3)
    desk.submit(visit, values, "good", 1.0)
    again = desk.submit(visit, values, "good", 1.0)
    assert again.receipt is not None
    assert again.receipt.repeated
    assert len(desk.store.ratings(desk.study.id)) == 6


def test_missing_rows_are_named(desk: RatingDesk) -> None:
    visit = desk.start("en")
    values = all_values(visit, 3)
    first = visit.view.outputs[0]
    del values[first.output_id, "relevance"]
    assert missing_names(visit, values) == [(first.letter, "relevance")]
    with pytest.raises(AnnotationError):
        desk.submit(visit, values, "", 1.0)


def test_going_back_shows_what_was_given_and_a_change_counts(desk: RatingDesk) -> None:
    visit = desk.start("en")
    desk.submit(visit, all_values(visit, 2), "", 1.0)
    back = desk.look_at(visit.token, 1)
    assert set(back.view.values.values()) == {2}
    desk.submit(back, all_values(back, 5), "", 1.0)
    assert {record.value for record in desk.store.ratings(desk.study.id)} == {5}
    assert len(desk.store.history(desk.study.id)) == 12


def test_a_forged_token_is_refused(desk: RatingDesk) -> None:
    visit = desk.start("en")
    assert desk.resume("forged") is None
    with pytest.raises(UnknownRater):
        desk.look_at("forged", 1)
    with pytest.raises(UnknownRater):
        desk.look_at("", 1)
    assert desk.resume(visit.token).view is not None


def test_skips_are_counted_and_not_asked_again(desk: RatingDesk) -> None:
    visit = desk.start("en")
    after = desk.skip(visit, "source_unclear", "odd")
    assert after.progress.skipped == 1
    assert after.view.item_key != visit.view.item_key
