"""The training benchmark counts operations as PyTorch's own counter does."""

import pytest
import torch
from benchmarks import training
from torch.utils.flop_counter import FlopCounterMode
from toys import byte_tokenizer, tiny_llama_config
from transformers import LlamaForCausalLM


def test_operations_of_a_step_are_those_that_pytorch_counts() -> None:
    """Eager attention multiplies over all positions, twice what a causal one needs; every other product is counted alike."""
    config = tiny_llama_config(byte_tokenizer(), num_key_value_heads=2, attn_implementation="eager")
    rows, length = 3, 16
    model = LlamaForCausalLM(config)
    ids = torch.randint(config.vocab_size, (rows, length))
    with FlopCounterMode(display=False) as counter:
        model(ids).logits.sum().backward()
    flops = training.step_flops(config, rows, length, rows * length)
    assert counter.get_total_flops() == pytest.approx(flops["weights"] + 2 * flops["attention"], rel=1e-9)


def test_the_plain_products_are_those_of_the_weights() -> None:
    config = tiny_llama_config(byte_tokenizer())
    # Two layers: four of 32 x 32, three of 32 x 64; then the vocabulary.
    found = training.products(config, 10, 4)
    assert sum(inputs * outputs for many, inputs, outputs in found if many == 10) == 2 * (4 * 32 * 32 + 3 * 32 * 64)
    assert found[-1] == (4, 32, config.vocab_size)
