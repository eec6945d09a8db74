"""What a loaded model must be: whole, causal, finite, with a tokenizer that fits; each fault a folder somebody might name.

Tests of `core.models.engine`, `core.models.generation`.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from toys import byte_tokenizer, tiny_llama_config, tiny_model

from core.errors import ModelUnavailable
from core.models.checks import refuse_tokenizer
from core.models.generation import generate
from core.models.loading import ModelConfig, load_model


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder whose head is tied to its token vectors, as those of most small models are."""
    folder = tmp_path_factory.mktemp("model")
    tokenizer = byte_tokenizer()
    tiny_model(tokenizer, tiny_llama_config(tokenizer, tie_word_embeddings=True)).network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(whole, tmp_path / "model"))


def rewritten(folder: Path, change: Any) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def test_a_whole_model_with_a_tied_head_loads(folder: Path) -> None:
    assert "lm_head.weight" not in load_file(folder / "model.safetensors")
    assert load_model(ModelConfig(str(folder))).pads


NORM = "model.layers.1.input_layernorm.weight"


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (lambda weights: weights.pop(NORM), rf"1 are missing \({NORM}\)"),
        (lambda weights: weights.update(stray=torch.zeros(2)), r"1 belong to no part of it \(stray\)"),
        (lambda weights: weights.update({NORM: torch.ones(7)}), rf"1 have other shapes .*\({NORM}\)"),
    ],
)
def test_missing_left_over_and_misshapen_weights_are_refused_by_name(folder: Path, change: Any, seen: str) -> None:
    """They were filled at random with a warning: two loads of one folder gave two models."""
    rewritten(folder, change)
    with pytest.raises(ModelUnavailable, match=seen):
        load_model(ModelConfig(str(folder)))


def test_weights_that_are_not_finite_are_refused(folder: Path) -> None:
    rewritten(folder, lambda weights: weights[NORM].fill_(float("nan")))
    with pytest.raises(ModelUnavailable, match=r"not finite .*its weights are damaged"):
        load_model(ModelConfig(str(folder)))


def test_a_bidirectional_model_is_refused(tmp_path: Path) -> None:
    """A BERT of masked words was accepted, and scored as if each token had been expected from those before it."""
    from transformers import BertConfig, BertForMaskedLM

    tokenizer = byte_tokenizer()
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        initializer_range=0.2,
    )
    BertForMaskedLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ModelUnavailable, match=r"bidirectional|not those of its config.json"):
        load_model(ModelConfig(str(tmp_path)))


def test_the_probe_sees_a_causal_architecture_told_to_read_both_ways(whole: Path) -> None:
    from core.models.checks import probe

    model = load_model(ModelConfig(str(whole)))
    network = model.network

    class BothWays(torch.nn.Module):
        """The network on its input and, added to every position, what stands last."""

        def __init__(self) -> None:
            super().__init__()
            self.device = network.device

        def get_input_embeddings(self) -> torch.nn.Module:
            return network.get_input_embeddings()

        def forward(self, input_ids: torch.Tensor) -> Any:
            output = network(input_ids=input_ids)
            output.logits = output.logits + network.get_input_embeddings()(input_ids)[:, -1:].sum(-1, keepdim=True)
            return output

    with pytest.raises(ModelUnavailable, match="is bidirectional"):
        probe("both ways", BothWays(), model.start, 0, "fp32")  # type: ignore[arg-type]


def test_a_recurrent_model_is_continued_row_by_row_as_it_continues_each_alone(tmp_path: Path) -> None:
    """RWKV reads padding as text, so that answers of a batch were others than those written one by one."""
    from transformers import RwkvConfig, RwkvForCausalLM

    tokenizer = byte_tokenizer()
    torch.manual_seed(0)
    network = RwkvForCausalLM(
        RwkvConfig(vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, context_length=64)
    )
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    network.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model = load_model(ModelConfig(str(tmp_path)))
    assert not model.pads
    prompts = ["a", "The river runs far"]
    together = [line.text for line in generate(model, prompts)]
    assert together == [generate(model, [prompt])[0].text for prompt in prompts]


def test_a_tokenizer_without_end_and_padding_is_refused(folder: Path) -> None:
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps({**settings, "eos_token": None, "pad_token": None}))
    with pytest.raises(ModelUnavailable, match="neither a pad nor an end token"):
        load_model(ModelConfig(str(folder)))


def test_a_tokenizer_with_more_words_than_the_model_has_vectors_is_refused_and_special_ones_pass() -> None:
    tokenizer = byte_tokenizer()
    rows = len(tokenizer)
    tokenizer.add_special_tokens(
        {"additional_special_tokens": ["<image>"]}
    )  # as Gemma 3 has: one id beyond its vectors
    refuse_tokenizer("some", tokenizer, rows)
    with pytest.raises(ModelUnavailable, match=rf"has {rows + 1} tokens, and the model vectors for 200"):
        refuse_tokenizer("some", tokenizer, 200)
