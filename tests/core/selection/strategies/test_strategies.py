"""Every strategy against brute force or a package, and the promises that hold for all.

Tests of `core.selection.strategies.dense`, `core.selection.strategies.lexical`, `core.selection.strategies.plain`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import bm25s
import numpy as np
import pytest
import torch
from toys import LABELS, LANGUAGES, SENTENCES

from core.data.pool import Pool
from core.records import Example, Query, Selection
from core.selection import policy
from core.selection.policy import PolicyConfig
from core.selection.pool_index import PoolIndex
from core.selection.strategies import STRATEGIES, Candidates
from core.selection.strategies.dense import MaximalMarginalRelevance
from core.selection.strategies.lexical import Bm25Index

QUERY = Query("The nurse won a race in the desert.", "eng_Latn")


def choose(index: Any, name: str, count: int, query: Query = QUERY, seed: int = 0, sample: bool = False) -> Selection:
    usable = index.pool.usable(query)
    return STRATEGIES[name].select(Candidates(index, query, usable, PolicyConfig(), seed, sample), count)


SCORED = {"agl", "agl-untrained", "knn", "mmr", "bm25", "balanced-knn", "dpp", "self-generated"}
IN_OTHER_ORDER = {"mmr", "balanced-knn"}  # scores of later demonstrations may be higher


@dataclass
class FixedIndex:
    """Vectors given by hand."""

    pool: Pool
    rows: torch.Tensor
    query: torch.Tensor

    def encoder_vectors(self) -> torch.Tensor:
        return self.rows

    def encoder_vector(self, query: Query) -> torch.Tensor:
        return self.query


@pytest.mark.parametrize(
    "name", ["agl", "knn", "mmr", "bm25", "balanced", "random", "balanced-knn", "dpp", "agl-untrained"]
)
@pytest.mark.parametrize("count", [1, 3, 7, 9])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_strategy_keeps_out_own_language_own_item_and_repeats(
    index: PoolIndex, name: str, count: int, language: str
) -> None:
    text = SENTENCES[3][1 + LANGUAGES.index(language)]  # a sentence of the pool: its translations give the answer away
    for query in (Query(text, language), Query("Something else.", language, item="item-3")):
        selection = choose(index, name, count, query)
        shown = [entry.example for entry in selection.demonstrations]
        assert len(shown) == count  # nine other items are there to choose from
        assert language not in {example.language for example in shown}
        assert "item-3" not in {example.item for example in shown}
        assert len({example.item for example in shown}) == count
        assert selection.candidates == 2 * 9  # nine items in the two other languages
        scores = [entry.score for entry in selection.demonstrations if entry.score is not None]
        assert name in IN_OTHER_ORDER or scores == sorted(scores, reverse=True)  # best first
        assert bool(scores) == (name in SCORED)


@pytest.mark.parametrize("name", ["agl", "knn", "mmr", "bm25", "balanced-knn", "dpp"])
def test_strategies_without_chance_ignore_the_seed(index: PoolIndex, name: str) -> None:
    assert choose(index, name, 4, seed=1) == choose(index, name, 4, seed=2)


@pytest.mark.parametrize("name", ["random", "balanced"])
def test_chance_depends_on_the_seed_and_the_query_alone(index: PoolIndex, name: str) -> None:
    torch.manual_seed(1)
    first = choose(index, name, 5, seed=4)
    torch.manual_seed(2)
    assert choose(index, name, 5, seed=4) == first
    assert len({tuple(e.example.id for e in choose(index, name, 5, seed=s).demonstrations) for s in range(6)}) > 3
    others = {choose(index, name, 5, Query(f"Text {n}.", "eng_Latn"), 4).demonstrations for n in range(6)}
    assert len(others) > 3


def test_zero_shot_shows_nothing(index: PoolIndex) -> None:
    assert choose(index, "zero-shot", 4).demonstrations == ()
    assert not STRATEGIES["zero-shot"].needs_k


def test_random_is_uniform_over_usable_items(index: PoolIndex) -> None:
    # 600 single draws over 10 items: 60 each, standard deviation 7.3; 100 or 25 would be 5 deviations off.
    counts: dict[str, int] = {}
    for seed in range(600):
        item = choose(index, "random", 1, seed=seed).demonstrations[0].example.item
        counts[item] = counts.get(item, 0) + 1
    assert len(counts) == 10
    assert all(25 < count < 100 for count in counts.values())


@pytest.mark.parametrize("seed", range(5))
def test_balanced_gives_every_label_before_any_repeats(index: PoolIndex, seed: int) -> None:
    labels = [entry.example.label for entry in choose(index, "balanced", 10, seed=seed).demonstrations]
    assert set(labels[:7]) == set(LABELS)
    assert sorted(labels[7:]) == ["health", "sports", "travel"]  # the three labels with two items


def test_balanced_passes_over_labels_that_ran_out(index: PoolIndex) -> None:
    labels = [
        entry.example.label for entry in choose(index, "balanced", 9, Query("x", "eng_Latn", "item-0")).demonstrations
    ]
    assert "science/technology" not in labels  # its only item is the query's own
    assert len(set(labels[:6])) == 6


@pytest.mark.parametrize("name", ["knn", "mmr"])
def test_dense_strategies_equal_brute_force(index: PoolIndex, name: str) -> None:
    vectors = index.encoder.vectors([example.text for example in index.pool.examples])
    query = index.encoder.vectors([QUERY.text])[0]
    examples = index.pool.examples
    chosen: list[int] = []
    for _ in range(6):
        items = {examples[i].item for i in chosen}
        free = [i for i, e in enumerate(examples) if e.language != QUERY.language and e.item not in items]

        def marginal(i: int) -> float:
            if name == "knn" or not chosen:
                return float(vectors[i] @ query) * (0.7 if name == "mmr" else 1.0)
            return 0.7 * float(vectors[i] @ query) - 0.3 * max(float(vectors[i] @ vectors[j]) for j in chosen)

        chosen.append(max(free, key=marginal))
    selection = choose(index, name, 6)
    assert [entry.example.id for entry in selection.demonstrations] == [examples[i].id for i in chosen]


def test_mmr_worked_example() -> None:
    """Two dimensions, balance 0.7. Query (1, 0); a = (1, 0), b = (0.96, 0.28), c = (0.6, -0.8).

    First a: 0.7 * 1 = 0.7. Then b: 0.7 * 0.96 - 0.3 * 0.96 = 0.384 and c: 0.7 * 0.6 - 0.3 * 0.6 = 0.24, so b.
    Last c: nearest is max(0.6, 0.96 * 0.6 - 0.28 * 0.8) = 0.6, again 0.24.
    """
    pool = Pool(tuple(Example(name, name, "fra_Latn", name, "x") for name in "abc"))
    rows = torch.tensor([[1.0, 0.0], [0.96, 0.28], [0.6, -0.8]])
    selection = choose(FixedIndex(pool, rows, torch.tensor([1.0, 0.0])), "mmr", 3)
    assert [entry.example.id for entry in selection.demonstrations] == ["a", "b", "c"]
    assert [entry.score for entry in selection.demonstrations] == pytest.approx([0.7, 0.384, 0.24])


def test_mmr_prefers_a_different_neighbour_to_a_copy() -> None:
    # c = (0.8, -0.6) is less near than the copy of a, but 0.7 * 0.8 - 0.3 * 0.8 = 0.32 stands against 0.7 - 0.3 = 0.4 for the
    # copy; at balance 0.4 it is 0.4 * 0.8 - 0.6 * 0.8 = -0.16 against 0.4 - 0.6 = -0.2.
    pool = Pool(tuple(Example(name, name, "fra_Latn", name, "x") for name in ("a", "copy", "c")))
    rows = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.8, -0.6]])
    index = FixedIndex(pool, rows, torch.tensor([1.0, 0.0]))
    assert [e.example.id for e in choose(index, "mmr", 2).demonstrations] == ["a", "copy"]
    bold = MaximalMarginalRelevance()
    bold.balance = 0.4
    usable = pool.usable(QUERY)
    chosen = bold.select(Candidates(index, QUERY, usable, PolicyConfig(), 0), 2)  # type: ignore[arg-type]
    assert [entry.example.id for entry in chosen.demonstrations] == ["a", "c"]


def test_self_selection_follows_the_policy(index: PoolIndex) -> None:
    selection = choose(index, "agl", 4)
    usable = torch.from_numpy(index.pool.usable(QUERY))
    query, vectors = index.own_vector(QUERY), index.own_vectors()
    score = policy.scores(query, vectors, PolicyConfig())
    places = [index.pool.examples.index(entry.example) for entry in selection.demonstrations]
    groups = torch.from_numpy(index.pool.groups)
    assert selection.log_prob == pytest.approx(
        float(policy.log_prob(score, torch.tensor(places), usable, groups).sum()), abs=1e-5
    )
    assert selection.log_prob == pytest.approx(sum(entry.log_prob or 0.0 for entry in selection.demonstrations))
    assert selection.entropy == pytest.approx(float(policy.entropy(score, usable)), abs=1e-6)


def test_sampling_the_policy_depends_on_the_seed(index: PoolIndex) -> None:
    draws = [choose(index, "agl", 4, seed=seed, sample=True) for seed in range(6)]
    assert len({draw.demonstrations for draw in draws}) > 1
    assert choose(index, "agl", 4, seed=3, sample=True) == draws[3]


def bm25s_scores(documents: Sequence[Sequence[int]], query: Sequence[int]) -> np.ndarray:
    package = bm25s.BM25(method="lucene", k1=1.5, b=0.75, dtype="float64")
    package.index([[str(token) for token in document] for document in documents], show_progress=False)
    return np.asarray(package.get_scores([str(token) for token in query]))


def test_bm25_equals_the_package_up_to_a_constant(index: PoolIndex) -> None:
    """Both follow Lucene's idf; the package leaves out the factor k1 + 1 = 2.5, which changes no ranking."""
    rng = np.random.default_rng(5)
    documents = [rng.integers(0, 30, rng.integers(1, 25)).tolist() for _ in range(40)]
    ours = Bm25Index(documents)
    for _ in range(20):
        query = sorted(set(rng.integers(0, 30, 6).tolist()))
        expected = bm25s_scores(documents, query)
        assert ours.scores(query) == pytest.approx(2.5 * expected, rel=1e-6, abs=1e-9)


def test_bm25_strategy_ranks_as_the_package_does(index: PoolIndex) -> None:
    encode = index.vectors.model.encode
    documents = encode([" " + example.text.casefold() for example in index.pool.examples])
    query = encode([" " + QUERY.text.casefold()])[0]
    expected = np.zeros(len(documents))
    for token in query:  # the package counts a repeated query token once, we as often as it occurs
        expected += bm25s_scores(documents, [token])
    expected[~index.pool.usable(QUERY)] = -np.inf
    ranked: list[int] = []
    for place in np.argsort(-expected, kind="stable"):
        if index.pool.examples[place].item not in {index.pool.examples[i].item for i in ranked}:
            ranked.append(int(place))
    selection = choose(index, "bm25", 5)
    assert [entry.example.id for entry in selection.demonstrations] == [index.pool.examples[i].id for i in ranked[:5]]


def test_bm25_worked_example() -> None:
    # Documents [1, 1, 2] and [3]; N = 2, mean length 2. Token 1: df 1, idf = log(1 + 1.5 / 1.5) = log 2.
    # tf 2, norm = 1.5 * (0.25 + 0.75 * 3 / 2) = 2.0625; score = log 2 * 2 * 2.5 / (2 + 2.0625).
    index = Bm25Index([[1, 1, 2], [3]])
    assert index.scores([1]).tolist() == pytest.approx([np.log(2) * 5 / 4.0625, 0.0])
    assert index.scores([1, 1]).tolist() == pytest.approx([2 * np.log(2) * 5 / 4.0625, 0.0])
    assert index.scores([99]).tolist() == [0.0, 0.0]  # a token no candidate has
    assert index.scores([]).tolist() == [0.0, 0.0]
