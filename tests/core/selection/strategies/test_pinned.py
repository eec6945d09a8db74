"""Pinned demonstrations stay, and the strategy fills the rest with other items."""

import pytest

from core.errors import InvalidQuery, PoolTooSmall
from core.inference.predictor import Predictor, Question
from core.records import Demonstration, Query
from core.selection.strategies import STRATEGIES

QUERY = Query("The nurse won a race in the desert.", "eng_Latn")


def pin(predictor: Predictor, *ids: str) -> tuple[Demonstration, ...]:
    by_id = {example.id: example for example in predictor.index.pool.examples}
    return tuple(Demonstration(by_id[identity], None, None) for identity in ids)


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name not in ("self-generated", "zero-shot")])
def test_every_strategy_fills_up_with_other_items(predictor: Predictor, strategy: str) -> None:
    pinned = pin(predictor, "swh_Latn/5", "fra_Latn/2")
    selection = predictor.select(Question(QUERY, strategy, 4, pinned=pinned))
    assert selection.demonstrations[:2] == pinned
    assert len({entry.example.item for entry in selection.demonstrations}) == 4
    assert selection.strategy == strategy
    aligned = selection.framing.aligners.get("eng_Latn")
    if strategy in ("task-alignment", "x-insta"):  # the line speaks of the pinned languages too
        assert aligned
        assert aligned.count("sports") >= 1


def test_the_rest_is_what_the_strategy_would_choose_without_the_pinned_items(predictor: Predictor) -> None:
    ids = [entry.example.id for entry in predictor.select(Question(QUERY, "knn", 3)).demonstrations]
    around = predictor.select(Question(QUERY, "knn", 3, pinned=pin(predictor, ids[1])))
    assert [entry.example.id for entry in around.demonstrations] == [ids[1], ids[0], ids[2]]


def test_as_many_as_k_leave_nothing_to_choose_and_more_are_refused(predictor: Predictor) -> None:
    pinned = pin(predictor, "swh_Latn/5", "fra_Latn/2")
    assert predictor.select(Question(QUERY, "agl", 2, pinned=pinned)).demonstrations == pinned
    assert predictor.select(Question(QUERY, "zero-shot", 4, pinned=pinned)).demonstrations == pinned
    with pytest.raises(InvalidQuery, match="2 demonstrations are pinned, but K is 1; raise K or unpin 1"):
        predictor.select(Question(QUERY, "agl", 1, pinned=pinned))


def test_a_pinned_translation_of_the_query_is_refused(predictor: Predictor) -> None:
    asked = Query("She won the long race.", "eng_Latn")
    with pytest.raises(InvalidQuery, match="translation of the query"):
        predictor.select(Question(asked, "knn", 2, pinned=pin(predictor, "fra_Latn/3")))


def test_a_pool_without_enough_other_items_says_so(predictor: Predictor) -> None:
    with pytest.raises(PoolTooSmall, match="10 demonstrations were asked for, but only 9"):
        predictor.select(Question(QUERY, "knn", 11, pinned=pin(predictor, "fra_Latn/3")))


def test_the_record_names_the_pinned(predictor: Predictor) -> None:
    prediction = predictor.predict(Question(QUERY, "knn", 2, pinned=pin(predictor, "fra_Latn/3"), explain=False))
    assert prediction.provenance["edited"] == "pinned: fra_Latn/3"
