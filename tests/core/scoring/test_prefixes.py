"""Prefixes kept between calls: what answers to one question share is read once, within a bound on memory."""

from typing import Any

import numpy as np
import pytest
import torch
from toys import START

from core.models.loading import LanguageModel
from core.scoring import Request, Scorer
from core.scoring.prefixes import Base, PrefixStore

SHARED = "Name the topic.\n\n" + "Sentence: The river crosses a desert.\nTopic: geography\n\n" * 3
WORDS = (" sports", " health")


def read_tokens(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tokens each forward pass reads, from now on."""
    sizes: list[int] = []
    body = model.network.get_decoder()
    real = body.forward

    def forward(*rest: Any, input_ids: torch.Tensor, **named: Any) -> Any:
        sizes.append(input_ids.numel())
        return real(*rest, input_ids=input_ids, **named)

    monkeypatch.setattr(body, "forward", forward)
    return sizes


def test_a_second_question_after_the_same_demonstrations_reads_them_no_more(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = Scorer(model)
    first, second = (Request(f"{SHARED}Sentence: {query}\nTopic:", WORDS) for query in ("They won.", "N/A"))
    scorer.score([first])
    sizes = read_tokens(model, monkeypatch)
    got = scorer.score([second])[0]
    assert sum(sizes) < 60 < len(SHARED)  # bytes are tokens: the query, its frame and its labels
    assert got == pytest.approx(Scorer(model, method="padded").score([second])[0], abs=1e-4)


def test_leaving_out_the_last_demonstration_reads_only_what_follows(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = Scorer(model)
    block = "Sentence: The river crosses a desert.\nTopic: geography\n\n"
    scorer.score([Request(f"{SHARED}Sentence: They won.\nTopic:", WORDS)])
    sizes = read_tokens(model, monkeypatch)
    request = Request(f"{SHARED.removesuffix(block)}Sentence: They won.\nTopic:", WORDS)
    assert scorer.score([request])[0] == pytest.approx(Scorer(model, method="padded").score([request])[0], abs=1e-4)
    assert sizes[0] < 60


def test_memory_stays_within_its_bound_and_results_stay_right(model: LanguageModel) -> None:
    scorer = Scorer(model)
    token = 2 * 2 * 32 * 4  # keys and values of two layers of width 32, four bytes each
    scorer._packed.prefixes.memory = 300 * token
    requests = [Request(f"{number}: {SHARED}Sentence: They won.\nTopic:", WORDS) for number in range(5)]
    for request in requests:
        got = scorer.score([request])[0]
        assert got == pytest.approx(Scorer(model, method="padded").score([request])[0], abs=1e-4)
        assert 0 < scorer._packed.prefixes.bytes <= 300 * token
    assert np.isfinite(np.concatenate(scorer.score(requests))).all()


def test_changed_weights_leave_no_prefix_behind(model: LanguageModel) -> None:
    scorer = Scorer(model)
    scorer.score([Request(SHARED, WORDS)])
    assert scorer._packed.prefixes.bytes > 0
    scorer.forget()
    assert scorer._packed.prefixes.bytes == 0


def test_a_prefix_evicted_since_it_was_looked_up_is_read_anew() -> None:
    cache, length = PrefixStore().cache(Base((1, 2, 3), 3))
    assert (length, cache.get_seq_length()) == (0, 0)


def test_large_calls_store_nothing(model: LanguageModel) -> None:
    scorer = Scorer(model)
    scorer.score([Request(f"{SHARED}Sentence: Number {number}.\nTopic:", WORDS) for number in range(150)])
    assert scorer._packed.prefixes.bytes == 0
    assert START  # the toy tokenizer puts one token in front of every text
