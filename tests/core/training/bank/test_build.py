"""Which candidates a bank holds, and what is done to their scores."""

from typing import Any

import numpy as np
import pytest
import torch
from toys import toy_examples

from core.data.pool import Pool
from core.errors import InvalidConfig
from core.prompting import PromptConfig, PromptWriter
from core.scoring import Scorer
from core.training.bank.build import (
    BankConfig,
    bank_requests,
    choose_candidates,
    read_bank,
    spread,
    without_prior,
)
from core.training.bank.store import ScoreStore, fill

CONFIG = BankConfig(queries=6, candidates=4, shortlist=8, answers="eng_Latn", second="fra_Latn")


def chosen(config: BankConfig = CONFIG, seed: int = 0) -> tuple[list[Any], Pool, np.ndarray, torch.Tensor]:
    pool = Pool(toy_examples())
    queries = spread(pool.examples, config.queries, seed)
    source = torch.Generator().manual_seed(3)
    vectors = torch.nn.functional.normalize(torch.randn(len(pool), 8, generator=source), dim=-1)
    own = torch.stack([vectors[pool.examples.index(query)] for query in queries])
    return queries, pool, choose_candidates(queries, pool, own, vectors, 0.1, config, seed), vectors


def test_the_first_half_are_the_nearest_usable_ones() -> None:
    queries, pool, candidates, vectors = chosen()
    for query, row in zip(queries, candidates, strict=True):
        scores = vectors @ vectors[pool.examples.index(query)]
        usable = np.flatnonzero(pool.usable(query.query)).tolist()
        best = max(usable, key=lambda i: float(scores[i]))
        assert row[0] == best


def test_no_candidate_is_in_the_querys_language_or_of_its_item_and_no_item_stands_twice() -> None:
    queries, pool, candidates, _ = chosen()
    for query, row in zip(queries, candidates, strict=True):
        examples = [pool.examples[i] for i in row]
        assert all(e.language != query.language and e.item != query.item for e in examples)
        assert len({e.item for e in examples}) == len(examples)


def test_the_drawn_half_depends_on_seed_and_query_alone() -> None:
    _, _, first, _ = chosen()
    _, _, again, _ = chosen()
    assert np.array_equal(first, again)
    queries, pool, _, vectors = chosen()
    own = torch.stack([vectors[pool.examples.index(query)] for query in queries])
    alone = choose_candidates(queries[2:3], pool, own[2:3], vectors, 0.1, CONFIG, 0)
    assert np.array_equal(alone[0], first[2])


def test_queries_come_from_languages_in_turn_and_items_are_used_evenly() -> None:
    queries = spread(toy_examples(), 9, 0)
    assert sorted(q.language for q in queries) == sorted(["eng_Latn", "fra_Latn", "swh_Latn"] * 3)
    assert len({q.item for q in queries}) == 9


def test_the_prior_of_label_words_is_taken_off() -> None:
    scores = np.log(np.array([[0.8, 0.2], [0.6, 0.4]]))
    logs = np.log(np.array([[0.8, 0.2], [0.6, 0.4]]))
    expected = logs - logs.mean(0)
    result = without_prior(scores + 5.0)  # a constant of the row changes nothing
    np.testing.assert_allclose(result[:, 0] - result[:, 1], expected[:, 0] - expected[:, 1])
    np.testing.assert_allclose(np.exp(result).sum(-1), 1.0)


def test_a_bank_holds_what_the_model_says_under_each_candidate(model: Any, tasks: Any, tmp_path: Any) -> None:
    queries, pool, candidates, _ = chosen()
    writer = PromptWriter(tasks["topic"], pool, model, PromptConfig())
    store = ScoreStore(tmp_path, model.fingerprint)
    parts = bank_requests(writer, queries, pool.examples, candidates, CONFIG)
    assert [len(part) for part in parts] == [24, 6, 6]
    fill(store, Scorer(model), [request for part in parts for request in part])
    bank = read_bank(store, writer, queries, pool.examples, candidates, CONFIG)
    assert bank.scores.shape == (6, 4, 7)
    raw = np.stack(Scorer(model).score(parts[0]))
    np.testing.assert_allclose(bank.scores.reshape(24, 7), without_prior(raw), atol=1e-3)
    assert bank.second is not None and bank.second.shape == bank.zero_shot.shape == (6, 7)


def test_an_odd_number_of_candidates_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="candidates is 3"):
        BankConfig(candidates=3)
