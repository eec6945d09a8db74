"""The k-DPP: greedy steps against determinants, the set against enumeration, and what happens past the rank.

Tests of `core.selection.strategies.base`.
"""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch

from core.inference.predictor import Question
from core.records import Query
from core.selection.strategies.determinantal import LEAST, Determinantal, greedy_map
from core.workbench import Workbench


def kernel(relevance: torch.Tensor, similarity: torch.Tensor) -> np.ndarray:
    scale = np.exp(relevance.numpy() / 2)
    return np.asarray(scale[:, None] * similarity.numpy() * scale[None, :])


def log_det(matrix: np.ndarray, places: Any) -> float:
    rows = list(places)
    return float(np.linalg.slogdet(matrix[np.ix_(rows, rows)])[1])


def unit_rows(count: int, size: int, seed: int) -> torch.Tensor:
    rows = torch.randn(count, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return rows / rows.norm(dim=1, keepdim=True)


@pytest.mark.parametrize("seed", range(4))
def test_each_step_takes_what_adds_most_to_the_log_determinant(seed: int) -> None:
    rows = unit_rows(20, 12, seed)
    relevance = torch.linspace(0, 2, 20, dtype=torch.float64)
    similarity = (1 + rows @ rows.T) / 2
    whole = kernel(relevance, similarity)
    places, gains = greedy_map(relevance, similarity, 8)
    chosen: list[int] = []
    for place, gain in zip(places.tolist(), gains.tolist(), strict=True):
        before = log_det(whole, chosen) if chosen else 0.0
        brute = {i: log_det(whole, [*chosen, i]) - before for i in range(20) if i not in chosen}
        assert place == max(brute, key=lambda i: brute[i])
        assert gain == pytest.approx(brute[place], abs=1e-8)
        chosen.append(place)
    assert float(gains.sum()) == pytest.approx(log_det(whole, chosen), abs=1e-8)


def test_worked_example() -> None:
    """S = [[1, .9, 0], [.9, 1, 0], [0, 0, 1]], relevances 0.3, 0.2, 0.

    First 0 with 0.3; 1 then adds 0.2 + log(1 - .81) = -1.4607, and 2 adds 0 + log 1 = 0, so 2; 1 comes last.
    """
    similarity = torch.tensor([[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    places, gains = greedy_map(torch.tensor([0.3, 0.2, 0.0], dtype=torch.float64), similarity, 3)
    assert places.tolist() == [0, 2, 1]
    assert gains.tolist() == pytest.approx([0.3, 0.0, 0.2 + np.log(0.19)])


def test_greedy_is_the_most_probable_set_where_blocks_are_independent() -> None:
    """Pairs of near copies, nothing shared between pairs: log det adds up over pairs, so greed finds the best set of any size to 3."""
    similarity = torch.eye(6, dtype=torch.float64)
    for first in (0, 2, 4):
        similarity[first, first + 1] = similarity[first + 1, first] = 0.95
    relevance = torch.tensor([0.1, 0.4, 0.9, 0.2, 0.3, 0.5], dtype=torch.float64)
    whole = kernel(relevance, similarity)
    for count in (1, 2, 3):
        places, _ = greedy_map(relevance, similarity, count)
        assert set(places.tolist()) == set(max(combinations(range(6), count), key=lambda c: log_det(whole, c)))


def test_past_the_rank_nothing_repeats_and_relevance_decides() -> None:
    rows = unit_rows(9, 2, 1)  # (1 + cos) / 2 of two dimensions has rank 3
    relevance = torch.tensor([0.0, 0.8, 0.1, 0.7, 0.2, 0.6, 0.3, 0.5, 0.4], dtype=torch.float64)
    places, gains = greedy_map(relevance, (1 + rows @ rows.T) / 2, 9)
    assert sorted(places.tolist()) == list(range(9))
    assert bool(torch.isfinite(gains).all())
    late = places[3:].tolist()
    assert late == sorted(late, key=lambda i: -float(relevance[i]))
    assert gains[3:].tolist() == pytest.approx([float(relevance[i]) + np.log(LEAST) for i in late])


def test_the_strategy_weighs_each_item_by_its_nearest_translation(bench: Workbench) -> None:
    predictor = bench.predictor("topic")
    query = Query("The nurse won a race in the desert.", "eng_Latn")
    shown = predictor.select(Question(query, "dpp", 4)).demonstrations
    index = predictor.index
    vectors = index.encoder_vectors().double().numpy()
    near = index.encoder_vector(query).double().numpy()
    best: dict[str, int] = {}
    for place, example in enumerate(index.pool.examples):
        if example.language != "eng_Latn" and (
            example.item not in best or vectors[place] @ near > vectors[best[example.item]] @ near
        ):
            best[example.item] = place
    places = list(best.values())
    relevance = (1 + vectors[places] @ near) / 2 / Determinantal.trade
    whole = np.exp(relevance / 2)[:, None] * (1 + vectors[places] @ vectors[places].T) / 2 * np.exp(relevance / 2)
    chosen: list[int] = []
    for _ in range(4):
        free = [i for i in range(len(places)) if i not in chosen]
        chosen.append(max(free, key=lambda i: log_det(whole, [*chosen, i])))
    assert [entry.example for entry in shown] == [index.pool.examples[places[i]] for i in chosen]
    assert sum(entry.score or 0.0 for entry in shown) == pytest.approx(log_det(whole, chosen), abs=1e-4)
