"""Which query is asked under what: strategies in turn, no item set aside, nothing of the query's own item or language."""

from dataclasses import replace
from typing import Any

import pytest
from toys import toy_examples

from core.training.tuning.config import TuneConfig
from core.training.tuning.rows import asks_of, training_rows

CONFIG = TuneConfig(contexts=("random", "zero-shot"), teacher="agl", k=2, steps=6, queries=4)


def test_every_language_is_asked_under_every_strategy(predictor: Any) -> None:
    rows = training_rows(predictor, toy_examples(), CONFIG)
    assert len(rows) == 24
    shown = {(row.ask.query.language, len(row.ask.context)) for row in rows}
    assert shown == {(code, count) for code in {example.language for example in toy_examples()} for count in (0, 2)}
    assert all(row.teacher is None for row in rows)


def test_a_context_is_cross_lingual_and_never_a_translation_of_the_query(predictor: Any) -> None:
    items = {example.text: example.item for example in toy_examples()}
    for row in training_rows(predictor, toy_examples(), replace(CONFIG, contexts=("agl", "random"))):
        assert all(example.language != row.ask.query.language for example in row.ask.context)
        assert all(example.item != items[row.ask.query.text] for example in row.ask.context)


def test_gold_is_the_label_of_the_query(predictor: Any) -> None:
    labels = {example.text: example.label for example in toy_examples()}
    rows = training_rows(predictor, toy_examples(), CONFIG)
    assert all(predictor.task.labels[row.gold] == labels[row.ask.query.text] for row in rows)


def test_with_too_few_queries_they_are_asked_again(predictor: Any) -> None:
    few = toy_examples()[:3]
    rows = training_rows(predictor, few, replace(CONFIG, steps=3, queries=2))
    assert rows[:3] == rows[3:]


def test_a_teacher_answers_the_same_query_under_its_own_context(predictor: Any) -> None:
    rows = training_rows(predictor, toy_examples(), replace(CONFIG, objective="align"))
    for row in rows:
        assert row.teacher is not None
        assert row.teacher.query == row.ask.query
        assert len(row.teacher.context) == 2


@pytest.mark.parametrize("strategy", ["agl", "random", "zero-shot"])
def test_the_choice_is_that_of_the_predictor(predictor: Any, strategy: str) -> None:
    from core.inference.predictor import Question

    queries = toy_examples()[:4]
    for ask, query in zip(asks_of(predictor, queries, strategy, CONFIG), queries, strict=True):
        expected = predictor.select(Question(query.query, strategy, 2, seed=0)).demonstrations
        assert ask.context == tuple(entry.example for entry in expected)
        assert ask.code == query.language
