"""What every strategy promises, on the toy pool, asked as the app and ``train.py`` ask.

Tests of `core.selection.pool_index`, `core.selection.strategies.own`.
"""

from dataclasses import replace

import pytest

from core.data.pool import Pool
from core.errors import InvalidConfig, PoolTooSmall
from core.evaluation import EvaluationConfig, runs_of
from core.inference.predictor import Predictor, Question
from core.records import Example, Query, Selection
from core.selection.pool_index import PoolIndex
from core.selection.strategies import STRATEGIES
from core.workbench import Workbench

QUERY = Query("Le fleuve traverse un désert.", "fra_Latn")  # item-6 of the pool, in French


@pytest.fixture(scope="module")
def toy_predictor(bench: Workbench, pool: Pool) -> Predictor:
    """The toy pool twice: as it is, and as if the model had written it."""
    written = [
        replace(e, id=f"written/{e.id}", item=f"written/{e.item}", text=f"So: {e.text}", origin="generated")
        for e in pool.examples
        if e.language == "swh_Latn"
    ]
    found = Workbench(bench.model, bench.encoder, pools={"topic": Pool((*pool.examples, *written))}).predictor("topic")  # type: ignore[arg-type]
    found.model_judge.writing = replace(found.model_judge.writing, max_tokens=8)
    return found


def examples(selection: Selection) -> list[Example]:
    return [entry.example for entry in selection.demonstrations]


@pytest.mark.parametrize("name", [name for name, strategy in STRATEGIES.items() if strategy.needs_k])
def test_every_strategy_shows_k_items_of_other_languages_and_never_the_query(
    toy_predictor: Predictor, name: str
) -> None:
    for count in (1, 4):
        question = Question(QUERY, name, count, seed=3)
        selection = toy_predictor.select(question)
        shown = examples(selection)
        assert selection.strategy == name
        assert len(shown) == count
        assert len({example.item for example in shown}) == count
        assert "fra_Latn" not in {example.language for example in shown}
        assert "item-6" not in {example.item for example in shown}
        assert selection.candidates >= count
        assert toy_predictor.select(question) == selection
    narrowed = toy_predictor.select(Question(QUERY, name, 3, pool_languages=("swh_Latn",)))
    assert {example.language for example in examples(narrowed)} == {"swh_Latn"}


@pytest.mark.parametrize("name", [name for name, strategy in STRATEGIES.items() if strategy.needs_k])
def test_the_seed_matters_where_a_strategy_says_so_and_nowhere_else(toy_predictor: Predictor, name: str) -> None:
    drawn = {
        tuple(e.id for e in examples(toy_predictor.select(Question(QUERY, name, 4, seed=seed)))) for seed in range(5)
    }
    assert (len(drawn) > 1) == STRATEGIES[name].seeded


@pytest.mark.parametrize("name", [name for name, strategy in STRATEGIES.items() if strategy.closed])
def test_strategies_of_labels_refuse_free_text(bench: Workbench, name: str) -> None:
    free = Predictor(bench.tasks["translation"], bench.index("topic"), bench.scorer)
    with pytest.raises(
        InvalidConfig, match=rf"{name}.*needs a task with labels, and 'translation' has free-text answers"
    ):
        free.select(Question(QUERY, name, 2))


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_reads_the_vectors_that_it_says_it_needs_and_no_others(
    toy_predictor: Predictor, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = set()
    for kind, method in (("own", "own_vectors"), ("encoder", "encoder_vectors")):
        original = getattr(PoolIndex, method)
        monkeypatch.setattr(PoolIndex, method, lambda self, k=kind, f=original: (read.add(k), f(self))[1])
    toy_predictor.select(Question(QUERY, name, 4, seed=3))
    assert read == STRATEGIES[name].needs


def test_every_strategy_has_a_title_of_its_own() -> None:
    titles = [strategy.title for strategy in STRATEGIES.values()]
    assert all(titles)
    assert len(set(titles)) == len(titles)


def test_written_pairs_are_the_only_ones_shown_by_self_generated(toy_predictor: Predictor, bench: Workbench) -> None:
    shown = examples(toy_predictor.select(Question(QUERY, "self-generated", 5)))
    assert {example.origin for example in shown} == {"generated"}
    with pytest.raises(
        PoolTooSmall,
        match=r"of the 0 in the pool only 0 may be shown .*train\.py fit\) and choose that run, or lower K",
    ):
        bench.predictor("topic").select(Question(QUERY, "self-generated", 1))


def test_runs_without_demonstrations_are_zero_shot_unless_the_query_is_framed() -> None:
    framed = {name for name, strategy in STRATEGIES.items() if strategy.framed}
    assert framed == {"task-alignment", "x-insta", "self-translate", "xlt", "clsp", "romanised", "taco"}
    runs = runs_of(EvaluationConfig(tuple(STRATEGIES), (0, 2), (5, 6), None))
    assert {run.strategy for run in runs if run.k == 0} == {"zero-shot", *framed}
    assert {run.seed for run in runs if run.k == 0} == {5}
    assert {run.strategy for run in runs if run.seed == 6} == {"random", "balanced", "mdl", "task-alignment"}
