"""The scorer against one-by-one scoring: full logits of one sequence at a time, in float32, with no mask and no cache.

Tests of `core.scoring.packed`, `core.scoring.padded`.
"""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from toys import byte_tokenizer, tiny_llama_config, tiny_model
from transformers import (
    BloomConfig,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    MambaConfig,
    MistralConfig,
    OPTConfig,
    PretrainedConfig,
    PreTrainedTokenizerFast,
    Qwen3Config,
)

from core.errors import InvalidQuery, PromptTooLong
from core.models.loading import LanguageModel
from core.scoring import Request, Scorer
from core.scoring.packed import PackedScorer
from core.scoring.padded import PaddedScorer
from core.scoring.trie import Target

PARITY = 1e-4  # nats, the bar of SPEC section 2
WINDOW = 48  # tokens: shorter than every prompt below but "Short:", longer than the scorer's own probe

_GROUPED = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
_GROUPED |= {"num_key_value_heads": 2, "max_position_embeddings": 1024}
ARCHITECTURES: dict[str, Callable[..., PretrainedConfig]] = {
    "gpt2": lambda **ids: GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=1024, **ids),
    "qwen3": lambda **ids: Qwen3Config(head_dim=8, **_GROUPED, **ids),
    "opt": lambda **ids: OPTConfig(
        hidden_size=32, word_embed_proj_dim=32, ffn_dim=64, num_hidden_layers=2, num_attention_heads=4, **ids
    ),
    "mistral": lambda **ids: MistralConfig(sliding_window=WINDOW, **_GROUPED, **ids),
    "gemma2": lambda **ids: Gemma2Config(sliding_window=WINDOW, head_dim=8, query_pre_attn_scalar=8, **_GROUPED, **ids),
    "gemma3": lambda **ids: Gemma3TextConfig(
        sliding_window=WINDOW,
        layer_types=["sliding_attention", "full_attention"],
        head_dim=8,
        query_pre_attn_scalar=8,
        **_GROUPED,
        **ids,
    ),
    "bloom": lambda **ids: BloomConfig(hidden_size=32, n_layer=2, n_head=4, **ids),
    "mamba": lambda **ids: MambaConfig(hidden_size=32, state_size=4, num_hidden_layers=2, **ids),
}

SHARED = "Name the topic of the last sentence.\n\n" + "Sentence: The river crosses a desert.\nTopic: geography\n\n" * 2
WORDS = (" geography", " geology", " sports", " s", " health and hope")  # two share letters, one begins another
REQUESTS = [
    *(Request(f"{SHARED}Sentence: {query}\nTopic:", WORDS) for query in ("They won.", "They won it all.", "A bus.")),
    Request("Short:", ("a", "ab", "abc", "z")),  # one-token answers, an answer that begins another
    Request("Another prompt altogether, of middling length:", (" yes", " no")),
]


def alone(model: LanguageModel, context: str, answer: str) -> float:
    """The independent implementation. Byte tokens never merge, so the answer's tokens are its bytes."""
    ids = [*model.start, *model.encode([context + answer])[0]]
    with torch.inference_mode():
        logits = model.network(input_ids=torch.tensor([ids])).logits[0].float().log_softmax(-1)
    first = len(ids) - len(answer.encode())
    return sum(float(logits[place - 1, ids[place]]) for place in range(first, len(ids)))


def expected(model: LanguageModel, requests: list[Request]) -> np.ndarray:
    return np.array([alone(model, request.context, answer) for request in requests for answer in request.answers])


def of(architecture: str, tokenizer: PreTrainedTokenizerFast) -> LanguageModel:
    ids: dict[str, Any] = {"vocab_size": len(tokenizer), "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    return tiny_model(tokenizer, ARCHITECTURES[architecture](**ids))


@pytest.fixture(scope="module")
def truth(model: LanguageModel) -> np.ndarray:
    return expected(model, REQUESTS)


def test_toy_scores_differ_enough_for_parity_to_mean_something(truth: np.ndarray) -> None:
    assert truth.std() > 1.0  # nats


@pytest.mark.parametrize("budget", [1, 48, 200, None])
def test_packed_scores_equal_one_by_one_under_every_budget(
    model: LanguageModel, truth: np.ndarray, budget: int | None
) -> None:
    scorer = Scorer(model, budget)
    assert np.concatenate(scorer.score(REQUESTS)) == pytest.approx(truth, abs=PARITY)
    assert scorer.method == "packed"


def test_small_budget_extends_and_crops_the_cache(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the parity tests above would not touch the code that fails silently."""
    calls: list[str] = []
    extend, shrink = PackedScorer._extend, PackedScorer._shrink
    monkeypatch.setattr(PackedScorer, "_extend", lambda *rest: (calls.append("_extend"), extend(*rest)))
    monkeypatch.setattr(PackedScorer, "_shrink", lambda *rest: (calls.append("_shrink"), shrink(*rest)))
    scorer = Scorer(model, budget=48, method="packed")
    scorer.score(REQUESTS)
    assert calls.count("_extend") >= 2  # the demonstrations, then at least one query below them
    assert calls.count("_shrink") >= calls.count("_extend") + 3  # one for each extension and one for each pack


@pytest.mark.parametrize("architecture", ["gpt2", "qwen3", "opt"])
def test_full_attention_architectures_are_packed_and_exact(
    architecture: str, tokenizer: PreTrainedTokenizerFast
) -> None:
    model = of(architecture, tokenizer)
    scorer = Scorer(model, budget=64)
    assert np.concatenate(scorer.score(REQUESTS)) == pytest.approx(expected(model, REQUESTS), abs=PARITY)
    assert scorer.method == "packed"


@pytest.mark.parametrize("architecture", ["mistral", "gemma2", "gemma3", "bloom", "mamba"])
def test_other_architectures_are_exact_by_whatever_method(
    architecture: str, tokenizer: PreTrainedTokenizerFast
) -> None:
    model = of(architecture, tokenizer)
    assert np.concatenate(Scorer(model, budget=64).score(REQUESTS)) == pytest.approx(
        expected(model, REQUESTS), abs=PARITY
    )


def test_sliding_window_matters_for_the_toy_prompts(tokenizer: PreTrainedTokenizerFast) -> None:
    """If it did not, exactness on mistral would prove nothing: full attention must give other scores."""
    model = of("mistral", tokenizer)
    narrow = expected(model, REQUESTS[:1])
    model.network.config.sliding_window = None
    assert np.abs(expected(model, REQUESTS[:1]) - narrow).max() > 100 * PARITY


@pytest.mark.parametrize("architecture", ["mistral", "gemma2", "gemma3"])
def test_sequences_beyond_a_sliding_window_are_packed_and_exact(
    architecture: str, tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Layers of both kinds get masks of their own; with one mask for all, every token would see past the window."""
    model = of(architecture, tokenizer)
    scorer = Scorer(model, budget=64)
    assert (scorer.method, scorer.window) == ("packed", model.context)
    monkeypatch.setattr(PaddedScorer, "score", lambda *rest: pytest.fail("a sequence was not packed"))
    for _ in range(2):  # the second time from the stored prefixes
        got = np.concatenate(scorer.score(REQUESTS))
        assert got == pytest.approx(expected(model, REQUESTS), abs=PARITY)
        scorer._cache.clear()


def test_a_model_whose_window_packing_cannot_follow_is_scored_by_padded_batches(
    tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = of("mistral", tokenizer)
    monkeypatch.setattr("core.scoring.packed.layer_masks", lambda _, visible, *rest: visible[:, None])
    scorer = Scorer(model)
    assert scorer.method == "packed"
    got = np.concatenate(scorer.score(REQUESTS))
    assert got == pytest.approx(expected(model, REQUESTS), abs=PARITY)
    assert scorer.window == WINDOW


def test_padded_scores_equal_one_by_one(model: LanguageModel, truth: np.ndarray) -> None:
    assert np.concatenate(Scorer(model, method="padded").score(REQUESTS)) == pytest.approx(truth, abs=PARITY)


def test_order_of_requests_does_not_matter(model: LanguageModel, truth: np.ndarray) -> None:
    pairs = [Request(request.context, (answer,)) for request in REQUESTS for answer in request.answers]
    order = random.Random(3).sample(range(len(pairs)), len(pairs))
    got = Scorer(model, budget=48).score([pairs[place] for place in order])
    assert np.concatenate(got) == pytest.approx(truth[order], abs=PARITY)


def test_many_queries_below_one_long_prefix_stay_exact(model: LanguageModel) -> None:
    requests = [Request(f"{SHARED}Sentence: Number {n * n}.\nTopic:", (" a", " ab", " ba")) for n in range(12)]
    got = np.concatenate(Scorer(model, budget=40).score(requests))
    assert got == pytest.approx(expected(model, requests), abs=PARITY)


def test_model_without_a_start_token_is_scored_exactly() -> None:
    model = tiny_model(byte_tokenizer(start=False))
    assert model.start == ()
    assert np.concatenate(Scorer(model, budget=48).score(REQUESTS)) == pytest.approx(
        expected(model, REQUESTS), abs=PARITY
    )


def test_token_scores_give_one_value_per_answer_token(model: LanguageModel) -> None:
    values = Scorer(model).token_scores([("Short:", "é!"), ("Short:", "a")])
    assert [len(value) for value in values] == [3, 1]  # é is two bytes
    assert values[0].sum() == pytest.approx(alone(model, "Short:", "é!"), abs=PARITY)


def test_probe_rejects_packing_that_ignores_positions(
    model: LanguageModel, truth: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Key-value reuse fails silently: a method that puts tokens at wrong positions must be found out before it is used."""
    body = model.network.get_decoder()
    real = body.forward

    def forward(*rest: Any, position_ids: torch.Tensor | None = None, **named: Any) -> Any:
        return real(*rest, position_ids=None, **named)

    pack = PackedScorer._pack

    def without_positions(self: PackedScorer, targets: list[Target], base: int) -> list[np.ndarray]:
        with monkeypatch.context() as patch:
            patch.setattr(body, "forward", forward)
            return pack(self, targets, base)

    monkeypatch.setattr(PackedScorer, "_pack", without_positions)
    wrong = np.concatenate(Scorer(model, method="packed").score(REQUESTS))
    assert np.abs(wrong - truth).max() > 100 * PARITY  # the fault is real
    scorer = Scorer(model)
    assert np.concatenate(scorer.score(REQUESTS)) == pytest.approx(truth, abs=PARITY)
    assert scorer.method == "padded"


def test_probe_rejects_a_cache_that_is_not_cropped(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PackedScorer, "_shrink", lambda self, count: None)
    assert Scorer(model).method == "padded"


def test_prompt_beyond_the_context_window_is_refused(model: LanguageModel) -> None:
    # 1 start token + 1021 + 2 = 1024 tokens fit; one more does not.
    fits = Request("x" * (model.context - 3), (" a",))
    assert np.isfinite(Scorer(model).score([fits])[0]).all()
    with pytest.raises(PromptTooLong, match=r"1025 tokens.*at most 1024"):
        Scorer(model).score([Request("x" * (model.context - 2), (" a",))])


def test_answer_that_adds_no_token_is_refused(model: LanguageModel) -> None:
    with pytest.raises(InvalidQuery, match="adds no token"):
        Scorer(model).score([Request("Topic:", (" a", ""))])


def test_second_asking_is_answered_without_the_model(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = Scorer(model)
    first = scorer.score(REQUESTS)

    def no_more(*rest: Any) -> None:
        raise AssertionError("the model was run again")

    monkeypatch.setattr(scorer, "token_scores", no_more)
    assert np.array_equal(np.concatenate(scorer.score(REQUESTS)), np.concatenate(first))


def test_scores_survive_the_eviction_of_their_own_cache_entries(
    model: LanguageModel, truth: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.scoring.scorer._REMEMBER", 2)
    scorer = Scorer(model)
    assert np.concatenate(scorer.score(REQUESTS)) == pytest.approx(truth, abs=PARITY)
    assert len(scorer._cache) == 2


def test_progress_rises_to_one_and_changes_no_score(model: LanguageModel, truth: np.ndarray) -> None:
    shares: list[float] = []
    got = Scorer(model).score(REQUESTS, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert np.concatenate(got) == pytest.approx(truth, abs=PARITY)


def test_no_requests_give_no_scores(model: LanguageModel) -> None:
    assert Scorer(model).score([]) == []


def test_marks_of_special_tokens_in_a_text_are_plain_text(model: LanguageModel) -> None:
    """Else a user could end the prompt by typing the end token."""
    rows = model.encode(["a<|end|>b"])[0]
    assert len(rows) == len("a<|end|>b")  # bytes, all of them
    assert model.tokenizer.eos_token_id not in rows
    got = Scorer(model).score([Request("Say <|end|> now:", (" x",))])[0][0]
    assert got == pytest.approx(alone(model, "Say <|end|> now:", " x"), abs=PARITY)


def test_bf16_stays_near_float32(tokenizer: PreTrainedTokenizerFast) -> None:
    # bf16 keeps 8 bits; over up to 16 answer tokens of a model with ordinary weights the sums move by hundredths.
    model = tiny_model(tokenizer, tiny_llama_config(tokenizer), spread=1.0)
    truth = expected(model, REQUESTS)
    half = tiny_model(tokenizer, tiny_llama_config(tokenizer), spread=1.0)
    half.network.to(torch.bfloat16)
    got = np.concatenate(Scorer(half, budget=64).score(REQUESTS))
    assert got == pytest.approx(truth, abs=0.3)
    assert not np.array_equal(got, truth)
