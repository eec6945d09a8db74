"""Scores with a gradient against the scorer, and their gradient against one sequence at a time without mask or padding.

Tests of `core.scoring.attention`.
"""

import numpy as np
import pytest
import torch
from toys import byte_tokenizer, tiny_llama_config, tiny_model
from transformers import (
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    MistralConfig,
    PretrainedConfig,
    PreTrainedTokenizerFast,
)

from core.models.loading import LanguageModel
from core.scoring import Scorer
from core.scoring.graded import graded_scores
from core.scoring.head import Head
from core.scoring.trie import Target

PARITY = 1e-4  # nats, the bar of SPEC section 2
# Of different lengths; two share a long prefix.
CONTEXTS = (
    "Sentence: The river crosses a desert.\nTopic: geography\n\nSentence: They won.\nTopic:",
    "Sentence: The river crosses a desert.\nTopic: geography\n\nSentence: A bus.\nTopic:",
    "Short:",
)
# Several tokens each (one per byte); two share letters, one begins another, and they are not in order.
WORDS = (" sports", " geology", " s", " geography", " health and hope")


@pytest.fixture(scope="module")
def own(tokenizer: PreTrainedTokenizerFast) -> LanguageModel:
    """A model of these tests alone, since they ask for gradients."""
    return tiny_model(tokenizer, seed=3)


def asked(model: LanguageModel) -> list[list[Target]]:
    scorer = Scorer(model)
    return [scorer.targets([(context, word) for word in WORDS]) for context in CONTEXTS]


def alone(model: LanguageModel) -> torch.Tensor:
    """The independent implementation ``(R, L)``. Byte tokens never merge, so a word's tokens are its bytes."""
    rows = []
    for context in CONTEXTS:
        for word in WORDS:
            ids = torch.tensor([[*model.start, *model.encode([context + word])[0]]])
            logs = model.network(input_ids=ids).logits[0].log_softmax(-1)
            places = range(ids.shape[1] - len(word.encode()), ids.shape[1])
            rows.append(sum((logs[place - 1, ids[0, place]] for place in places), torch.zeros(())))
    return torch.stack(rows).view(len(CONTEXTS), len(WORDS))


def head_of(model: LanguageModel, apart: bool) -> Head | None:
    return Head(model.network) if apart else None


BOTH_WAYS = pytest.mark.parametrize(("packed", "apart"), [(True, True), (True, False), (False, True), (False, False)])


@BOTH_WAYS
def test_graded_scores_equal_the_scorer(own: LanguageModel, packed: bool, apart: bool) -> None:
    pairs = [(context, word) for context in CONTEXTS for word in WORDS]
    expected = np.array([values.sum() for values in Scorer(own).token_scores(pairs)]).reshape(len(CONTEXTS), -1)
    assert expected.std() > 1.0  # so that parity means something
    found = graded_scores(own, asked(own), packed, head_of(own, apart))
    assert found.shape == (len(CONTEXTS), len(WORDS))
    assert found.requires_grad
    assert found.detach().numpy() == pytest.approx(expected, abs=PARITY)


@BOTH_WAYS
def test_the_gradient_equals_that_of_one_sequence_at_a_time(own: LanguageModel, packed: bool, apart: bool) -> None:
    """Compared parameter by parameter, relative to the largest entry of each gradient."""
    weights = torch.randn(len(CONTEXTS), len(WORDS), generator=torch.Generator().manual_seed(0))
    parameters = dict(own.network.named_parameters())
    expected = torch.autograd.grad((weights * alone(own)).sum(), list(parameters.values()))
    found = graded_scores(own, asked(own), packed, head_of(own, apart))
    seen = torch.autograd.grad((weights * found).sum(), list(parameters.values()))
    for name, got, truth in zip(parameters, seen, expected, strict=True):
        assert float(truth.abs().max()) > 1e-6, name
        assert float((got - truth).abs().max() / truth.abs().max()) < 1e-4, name


def test_a_context_has_the_same_scores_alone_and_among_others(own: LanguageModel) -> None:
    everything = graded_scores(own, asked(own), packed=True).detach()
    for row, targets in enumerate(asked(own)):
        assert graded_scores(own, [targets], packed=True)[0].tolist() == pytest.approx(
            everything[row].tolist(), abs=PARITY
        )


def test_one_answer_of_one_token_is_scored(own: LanguageModel) -> None:
    targets = Scorer(own).targets([("Short:", "a")])
    expected = Scorer(own).token_scores([("Short:", "a")])[0]
    for packed in (True, False):
        assert graded_scores(own, [targets], packed).tolist() == [pytest.approx(expected.tolist(), abs=PARITY)]


GROUPED = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
GEMMA = {"num_key_value_heads": 2, "head_dim": 8, "query_pre_attn_scalar": 8}
LAYERS = ["sliding_attention", "full_attention"]
IDS = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}


@pytest.mark.parametrize(
    ("config", "packed"),
    [
        (GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=1024, vocab_size=258, **IDS), True),
        (MistralConfig(sliding_window=24, num_key_value_heads=2, vocab_size=258, **GROUPED, **IDS), False),
        (MistralConfig(sliding_window=24, num_key_value_heads=2, vocab_size=258, **GROUPED, **IDS), True),
        (Gemma3TextConfig(sliding_window=24, layer_types=LAYERS, vocab_size=258, **GEMMA, **GROUPED, **IDS), True),
        (Gemma2Config(sliding_window=24, vocab_size=258, **GEMMA, **GROUPED, **IDS), True),
    ],
    ids=["learnt positions", "window padded", "window packed", "windows in some layers", "eager attention"],
)
def test_other_architectures_are_scored_the_same(
    tokenizer: PreTrainedTokenizerFast, config: PretrainedConfig, packed: bool
) -> None:
    assert len(tokenizer) == 258
    model = tiny_model(tokenizer, config)
    with torch.no_grad():
        for head in (None, Scorer(model).head):
            found = graded_scores(model, asked(model), packed, head)
            assert found.numpy() == pytest.approx(alone(model).numpy(), abs=PARITY)


def test_a_tokenizer_without_a_start_token_is_scored_the_same() -> None:
    tokenizer = byte_tokenizer(start=False)
    model = tiny_model(tokenizer, tiny_llama_config(tokenizer))
    with torch.no_grad():
        assert graded_scores(model, asked(model), packed=True).numpy() == pytest.approx(
            alone(model).numpy(), abs=PARITY
        )
