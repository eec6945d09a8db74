"""Labels that demonstrations show, and evaluation under them, with several k and few queries."""

import json
from collections import Counter
from dataclasses import replace
from random import Random

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import LABELS, LANGUAGES, toy_examples

from core.errors import InvalidConfig
from core.evaluation import EvaluationConfig, Run, at_most, evaluate, runs_of, summary, tables_by_k
from core.inference.perturbation import SHOWN_LABELS, derangement, show_labels
from core.inference.predictor import Predictor
from core.records import Demonstration, Example

SHOWN = tuple(Demonstration(example, 0.5, -1.0) for example in toy_examples()[::3])  # ten items in English
OWN = [entry.example.label for entry in SHOWN]
CONFIG = EvaluationConfig(("zero-shot", "random", "agl"), (0, 1, 3), (0, 5), None)
QUERIES = [
    Example(f"q{number}/{code}", f"query-{number}", code, f"{word} {number}", LABELS[number % 7])
    for code, word in zip(LANGUAGES, ("Sentence", "Phrase", "Sentensi"), strict=True)
    for number in range(6)
]


def labels(how: str, seed: int = 0, query: str = "q") -> list[str]:
    return [entry.example.label for entry in show_labels(SHOWN, how, LABELS, seed, query)]


def test_gold_labels_are_shown_as_they_are() -> None:
    assert show_labels(SHOWN, "gold", LABELS, 0, "q") == SHOWN


@pytest.mark.parametrize("how", SHOWN_LABELS)
def test_nothing_but_the_label_of_a_demonstration_changes(how: str) -> None:
    for shown, was in zip(show_labels(SHOWN, how, LABELS, 0, "q"), SHOWN, strict=True):
        assert replace(shown, example=replace(shown.example, label=was.example.label)) == was


@given(st.integers(0, 50), st.text(max_size=5))
def test_permuted_labels_are_those_of_the_demonstrations_as_often(seed: int, query: str) -> None:
    assert Counter(labels("permuted", seed, query)) == Counter(OWN)


@given(st.integers(0, 50), st.text(max_size=5))
def test_swapped_labels_follow_one_mapping_that_leaves_none_in_place(seed: int, query: str) -> None:
    found = labels("swapped", seed, query)
    assert all(shown != own for shown, own in zip(found, OWN, strict=True))
    assert len(set(zip(OWN, found, strict=True))) == len(set(OWN)) == len(set(found))


def test_random_labels_are_uniform_over_the_task_and_independent_of_the_own() -> None:
    """4,000 draws: each of 7 labels 571 times, standard deviation 22; a seventh of them equals the own label."""
    drawn = [labels("random", seed) for seed in range(400)]
    counts = Counter(label for row in drawn for label in row)
    assert set(counts) == set(LABELS)
    assert all(abs(count - 4000 / 7) < 4.5 * 22.2 for count in counts.values())
    same = sum(a == b for row in drawn for a, b in zip(row, OWN, strict=True))
    assert abs(same - 4000 / 7) < 4.5 * 22.2


@pytest.mark.parametrize("how", ["permuted", "random", "swapped"])
def test_draws_depend_on_the_seed_and_the_query_alone(how: str) -> None:
    assert labels(how, 3, "a") == labels(how, 3, "a")
    assert len({tuple(labels(how, seed, query)) for seed in range(3) for query in "abc"}) > 5


def test_derangements_of_three_labels_are_the_two_cycles_as_often() -> None:
    """2,000 draws of two: 1,000 each, standard deviation 22."""
    rng = Random(0)
    counts = Counter(tuple(derangement("abc", rng).values()) for _ in range(2000))
    assert set(counts) == {("b", "c", "a"), ("c", "a", "b")}
    assert abs(counts["b", "c", "a"] - 1000) < 4.5 * 22.4


def test_one_label_cannot_be_swapped_and_unknown_ways_are_refused() -> None:
    with pytest.raises(InvalidConfig, match=r"labels \['a'\]; labels can be swapped only where there are two or more"):
        show_labels(SHOWN, "swapped", ["a"], 0, "q")
    with pytest.raises(InvalidConfig, match=r"labels shown are 'wrong'; choose one of gold, permuted, random, swapped"):
        show_labels(SHOWN, "wrong", LABELS, 0, "q")


# In an evaluation ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def items(predictor: Predictor) -> pd.DataFrame:
    return evaluate(predictor, QUERIES, CONFIG)


def test_every_strategy_runs_for_every_k_and_zero_shot_once() -> None:
    assert runs_of(CONFIG) == [
        Run("zero-shot", 0, 0),
        Run("random", 1, 0),
        Run("random", 1, 5),
        Run("agl", 1, 0),
        Run("random", 3, 0),
        Run("random", 3, 5),
        Run("agl", 3, 0),
    ]
    assert runs_of(replace(CONFIG, strategies=("agl", "knn"), k=(2, 0, 2))) == [
        Run("agl", 2, 0),
        Run("knn", 2, 0),
        Run("zero-shot", 0, 0),
    ]


def test_under_other_labels_every_strategy_with_demonstrations_has_chance_in_it() -> None:
    config = replace(CONFIG, strategies=("zero-shot", "agl"), k=(2,), shown_labels="permuted")
    assert runs_of(config) == [Run("zero-shot", 0, 0), Run("agl", 2, 0), Run("agl", 2, 5)]


def test_items_say_their_k_and_the_labels_shown(items: pd.DataFrame) -> None:
    assert set(items["shown_labels"]) == {"gold"}
    assert len(items) == 7 * len(QUERIES)
    assert [len(json.loads(shown)) for shown in items["demonstrations"]] == items["k"].tolist()
    own = {example.id: example.label for example in toy_examples()}
    for ids, shown in zip(items["demonstrations"], items["demonstration_labels"], strict=True):
        assert [own[name] for name in json.loads(ids)] == json.loads(shown)


@pytest.mark.parametrize("how", ["permuted", "random", "swapped"])
def test_prompts_hold_the_labels_that_are_shown(
    how: str, items: pd.DataFrame, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same demonstrations as under gold labels, other labels in the record and in the prompt."""
    prompts: list[str] = []
    real = predictor.scorer.score
    monkeypatch.setattr(
        predictor.scorer,
        "score",
        lambda requests, tell: (prompts.extend(r.context for r in requests), real(requests))[1],
    )
    config = EvaluationConfig(("agl",), (3,), (0,), None, how)
    other = evaluate(predictor, QUERIES, config)
    gold = items[(items["strategy"] == "agl") & (items["k"] == 3)]
    assert other["demonstrations"].tolist() == gold["demonstrations"].tolist()
    assert other["demonstration_labels"].tolist() != gold["demonstration_labels"].tolist()
    assert set(other["shown_labels"]) == {how}
    for row, prompt in zip(other.to_dict("records"), prompts, strict=True):
        words = predictor.task.verbaliser(row["language"]).words
        ends = [block.split("\n")[-1] for block in prompt.split("\n\n")[1:-1]]
        expected = [words[label] for label in json.loads(row["demonstration_labels"])[::-1]]  # best last
        assert all(end.endswith(word) for end, word in zip(ends, expected, strict=True))


def test_the_summary_has_a_row_for_every_k(items: pd.DataFrame, predictor: Predictor) -> None:
    table = summary(items, predictor.task.labels)
    mean = table[table["language"] == "mean"]
    assert list(zip(mean["strategy"], mean["k"], strict=True)) == [
        ("zero-shot", 0),
        ("random", 1),
        ("agl", 1),
        ("random", 3),
        ("agl", 3),
    ]
    part = items[(items["strategy"] == "agl") & (items["k"] == 3) & (items["language"] == "swh_Latn")]
    row = table[(table["strategy"] == "agl") & (table["k"] == 3) & (table["language"] == "swh_Latn")]
    assert row["accuracy"].item() == pytest.approx((part["gold"] == part["prediction"]).mean())


def test_one_table_a_k_with_zero_shot_beside_each() -> None:
    rows = [
        (strategy, k, code, 10 * k + place)
        for place, code in enumerate(("swh_Latn", "eng_Latn", "mean"))
        for strategy, k in (("agl", 1), ("zero-shot", 0), ("agl", 4), ("knn", 4))
    ]
    table = pd.DataFrame(rows, columns=["strategy", "k", "language", "accuracy"])
    found = tables_by_k(table, "accuracy")
    assert list(found) == [1, 4]
    assert {k: list(wide.columns) for k, wide in found.items()} == {
        1: ["zero-shot", "agl"],
        4: ["zero-shot", "agl", "knn"],
    }
    assert list(found[4].index) == ["swh_Latn", "eng_Latn", "mean"]
    assert found[4].loc["eng_Latn"].tolist() == [1, 41, 41]
    assert list(tables_by_k(table[table["k"] == 0], "accuracy")) == [0]


def test_at_most_so_many_queries_of_a_language_other_items_in_each(predictor: Predictor) -> None:
    kept = at_most(QUERIES, 4)
    by_language = {code: [q.item for q in kept if q.language == code] for code in {q.language for q in QUERIES}}
    assert {len(items) for items in by_language.values()} == {4}
    assert kept == [query for query in QUERIES if query in kept]
    assert kept == at_most(QUERIES, 4)
    assert len({tuple(items) for items in by_language.values()}) > 1
    assert at_most(QUERIES, None) == at_most(QUERIES, 99) == QUERIES
    few = evaluate(predictor, QUERIES, replace(CONFIG, strategies=("zero-shot",), most=2))
    assert few["id"].tolist() == [query.id for query in at_most(QUERIES, 2)]
