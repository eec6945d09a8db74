"""Soft prompts: learnt vectors in front of every prompt (prompt tuning, Lester et al. 2021, arXiv 2104.08691), kept as PEFT keeps them.

PEFT hands embeddings to the network, but a scorer that shares prefixes and keeps their keys and values works on token ids. So the vectors
become tokens beyond the vocabulary, which the input embedding alone knows: the output head and its normaliser stay as they were. The model
puts these tokens first (``LanguageModel.start``), and everything that reads, scores, generates or learns does so behind them.

Shapes: V words of the vocabulary, S virtual tokens, H hidden size.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file, save_file
from torch import nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel

KIND = "PROMPT_TUNING"  # peft_type in adapter_config.json
KEY = "prompt_embeddings"  # in adapter_model.safetensors


class SoftEmbedding(nn.Module):
    """An input embedding whose ids from V on are virtual tokens."""

    def __init__(self, words: nn.Module, vectors: torch.Tensor) -> None:
        """``words``: the embedding of the vocabulary. ``vectors`` ``(S, H)`` enter as they are: an embedding's own scale is not applied."""
        super().__init__()
        self.words, self.soft_prompt, self.active = words, nn.Parameter(vectors), True

    @property
    def weight(self) -> torch.Tensor:
        """The vocabulary's rows ``(V, H)``."""
        weight: torch.Tensor = self.words.weight  # type: ignore[assignment]
        return weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """``(B, T)`` to ``(B, T, H)``."""
        size = self.weight.shape[0]
        virtual = ids >= size
        vectors: torch.Tensor = self.words(ids.masked_fill(virtual, 0))
        own = self.soft_prompt[(ids - size).clamp_min(0)].to(vectors.dtype)
        return torch.where(virtual[..., None], own, vectors)


def add_soft_prompt(network: "PreTrainedModel", vectors: torch.Tensor) -> None:
    """Put ``vectors`` ``(S, H)`` in front of everything that ``network`` reads from now on; in place."""
    words = network.get_input_embeddings()
    network.set_input_embeddings(SoftEmbedding(words, vectors.float().to(network.device)))


def soft_prompt_of(network: "PreTrainedModel") -> SoftEmbedding | None:
    """The embedding with a soft prompt; None where the network has none."""
    embedding = network.get_input_embeddings()
    return embedding if isinstance(embedding, SoftEmbedding) else None


def virtual_tokens(network: "PreTrainedModel") -> tuple[int, ...]:
    """Ids of the soft prompt, in order; none while it is switched off."""
    soft = soft_prompt_of(network)
    if soft is None or not soft.active:
        return ()
    size = soft.weight.shape[0]
    return tuple(range(size, size + len(soft.soft_prompt)))


@torch.no_grad()
def vectors_of_tokens(network: "PreTrainedModel", ids: Sequence[int], count: int) -> torch.Tensor:
    """Vectors ``(S, H)`` of ``count`` tokens, those of ``ids`` again and again: a soft prompt that begins as words."""
    embed = network.get_input_embeddings()
    repeated = [ids[i % len(ids)] for i in range(count)]
    vectors: torch.Tensor = embed(torch.tensor([repeated], device=network.device))
    return vectors[0].float().clone()


def save_soft_prompt(network: "PreTrainedModel", folder: Path) -> None:
    """Write the soft prompt as PEFT does, so that ``PeftModel.from_pretrained`` opens the folder too."""
    from peft import PromptTuningConfig

    soft = soft_prompt_of(network)
    assert soft is not None
    vectors = soft.soft_prompt.detach().float().cpu().contiguous()
    settings = PromptTuningConfig(
        task_type="CAUSAL_LM",
        num_virtual_tokens=vectors.shape[0],
        token_dim=vectors.shape[1],
        num_transformer_submodules=1,
        inference_mode=True,
    )
    folder.mkdir(parents=True, exist_ok=True)
    settings.save_pretrained(str(folder))
    save_file({KEY: vectors}, folder / "adapter_model.safetensors")


def is_soft_prompt(folder: Path) -> bool:
    """Whether the adapter in ``folder`` is a soft prompt. ``ValueError`` for a file that is no JSON."""
    entry = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    return isinstance(entry, dict) and entry.get("peft_type") == KIND


def load_soft_prompt(network: "PreTrainedModel", folder: Path) -> None:
    """Put the soft prompt in ``folder`` on ``network``. ``ValueError`` where it is of another width or no soft prompt."""
    vectors = load_file(folder / "adapter_model.safetensors").get(KEY)
    width = int(network.get_input_embeddings().weight.shape[1])
    if vectors is None or vectors.dim() != 2:
        raise ValueError(f"it holds no {KEY}")
    if vectors.shape[1] != width:
        raise ValueError(f"its vectors have {vectors.shape[1]} numbers, the model's {width}")
    add_soft_prompt(network, vectors)
    soft = soft_prompt_of(network)
    assert soft is not None
    soft.soft_prompt.requires_grad_(False)
