"""Only the rows of the head that a score needs: exact where all words count, without a normaliser where it cancels."""

from typing import Any

import numpy as np
import pytest
import torch
from toys import tiny_llama_config, tiny_model
from transformers import CohereConfig, Gemma2Config, PreTrainedTokenizerFast

from core.models.loading import LanguageModel
from core.scoring import Request, Scorer
from core.scoring.head import Head

LETTERS = (" a", " b", " c")  # one token after the space, which they share with nothing else
CONTEXT = "Sentence: The river crosses a desert.\nTopic:"


@pytest.mark.parametrize("method", ["packed", "padded"])
def test_relative_scores_are_exact_ones_up_to_one_constant(model: LanguageModel, method: str) -> None:
    words = (" sports", " s", " geography")
    exact = Scorer(model, method=method).score([Request(CONTEXT, words)])[0]
    relative = Scorer(model, method=method).score([Request(CONTEXT, words, relative=True)])[0]
    shift = relative - exact
    assert shift == pytest.approx([shift[0]] * 3, abs=1e-4)
    assert abs(shift[0]) > 1e-2  # the normaliser was left out indeed


@pytest.mark.parametrize("method", ["packed", "padded"])
def test_one_token_labels_that_are_only_compared_need_no_normaliser(
    model: LanguageModel, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = Scorer(model, method=method)
    assert scorer.method == method
    monkeypatch.setattr(Head, "normalisers", lambda *rest: pytest.fail("the whole vocabulary was projected"))
    scorer.score([Request(CONTEXT + " ", ("a", "b", "c"), relative=True)])


def test_answers_that_begin_at_different_positions_keep_their_normalisers(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a joint tokenisation takes back part of the context, first positions differ and nothing cancels."""
    request = Request(CONTEXT, (" a", " b"), relative=True)
    scorer = Scorer(model)
    targets = scorer.targets([(CONTEXT, answer) for answer in request.answers])
    shorter = [targets[0], type(targets[1])(targets[1].tokens, targets[1].first - 1)]
    monkeypatch.setattr(scorer, "targets", lambda pairs: shorter)
    got = scorer.score([request])[0]
    assert got == pytest.approx([values.sum() for values in scorer._values(shorter)], abs=1e-5)


def test_the_whole_vocabulary_is_projected_in_blocks_and_at_needed_positions_alone(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = Scorer(model)
    assert scorer.method == "packed"
    sizes: list[int] = []
    real = Head.normalisers
    monkeypatch.setattr(Head, "normalisers", lambda self, states: (sizes.append(len(states)), real(self, states))[1])
    expected = scorer.score([Request(CONTEXT, LETTERS)])[0]
    # After the context once, and after the space that the three answers share.
    assert sizes == [2]
    monkeypatch.setattr("core.scoring.head.BLOCK", 1)  # a block has 1024 words all the same; the toy's 258 fit into one
    scorer.forget()
    assert scorer.score([Request(CONTEXT, LETTERS)])[0] == pytest.approx(expected, abs=1e-5)


def test_blocks_sum_up_to_the_normaliser_of_the_whole_vocabulary(
    tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_model(tokenizer, tiny_llama_config(tokenizer, vocab_size=5000))
    head, states = Head(model.network), torch.randn(7, 32, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr("core.scoring.head.BLOCK", 1)  # five blocks of 1024 at most
    with torch.inference_mode():
        whole = model.network.get_output_embeddings()(states).logsumexp(-1)
        assert head.normalisers(states) == pytest.approx(whole, abs=1e-4)


def test_logits_with_a_soft_cap_are_capped_by_the_head_alone(tokenizer: PreTrainedTokenizerFast) -> None:
    config = Gemma2Config(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=8,
        final_logit_softcapping=2.0, vocab_size=len(tokenizer), pad_token_id=1, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    assert Scorer(tiny_model(tokenizer, config)).head is not None


def test_a_model_that_scales_its_logits_keeps_its_own_head(tokenizer: PreTrainedTokenizerFast) -> None:
    config: Any = CohereConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, logit_scale=0.25,
        vocab_size=len(tokenizer), pad_token_id=1, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    model = tiny_model(tokenizer, config)
    scorer = Scorer(model)
    got = scorer.score([Request(CONTEXT, LETTERS)])[0]
    assert scorer.head is None
    ids = [*model.start, *model.encode([CONTEXT + LETTERS[0]])[0]]
    with torch.inference_mode():
        logs = model.network(torch.tensor([ids])).logits[0].log_softmax(-1)
    assert got[0] == pytest.approx(float(logs[-3, ids[-2]] + logs[-2, ids[-1]]), abs=1e-4)
    assert np.isfinite(got).all()
