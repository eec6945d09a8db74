"""Tiny real stand-ins: a byte tokenizer, seeded models of two layers, an encoder that counts letters, a small pool."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import AutoModelForCausalLM, LlamaConfig, PretrainedConfig, PreTrainedTokenizerFast

from core.models.loading import LanguageModel, ModelConfig
from core.records import Example

START, END = "<|start|>", "<|end|>"

LABELS = ("science/technology", "travel", "politics", "sports", "health", "entertainment", "geography")

# One line per item: label, English, French, Swahili. Every item is a set of translations.
SENTENCES = (
    ("science/technology", "A robot repairs the pipe.", "Un robot répare le tuyau.", "Roboti inarekebisha bomba."),
    ("travel", "The bus leaves for the coast.", "Le bus part pour la côte.", "Basi linaondoka kwenda pwani."),
    ("politics", "The mayor lost the vote.", "Le maire a perdu le vote.", "Meya alishindwa katika kura."),
    ("sports", "She won the long race.", "Elle a gagné la longue course.", "Alishinda mbio ndefu."),
    ("health", "The nurse treats a fever.", "L'infirmière soigne une fièvre.", "Muuguzi anatibu homa."),
    ("entertainment", "The film made us laugh.", "Le film nous a fait rire.", "Filamu ilituchekesha."),
    ("geography", "The river crosses a desert.", "Le fleuve traverse un désert.", "Mto unapita jangwani."),
    ("sports", "The team lost the match.", "L'équipe a perdu le match.", "Timu ilishindwa mchezo."),
    ("travel", "Our train was very late.", "Notre train était très en retard.", "Treni yetu ilichelewa sana."),
    ("health", "Clean water prevents disease.", "L'eau propre évite la maladie.", "Maji safi huzuia magonjwa."),
)
LANGUAGES = ("eng_Latn", "fra_Latn", "swh_Latn")


def toy_examples() -> tuple[Example, ...]:
    """Ten items in three languages."""
    return tuple(
        Example(f"{code}/{number}", f"item-{number}", code, text, label)
        for number, (label, *texts) in enumerate(SENTENCES)
        for code, text in zip(LANGUAGES, texts, strict=True)
    )


def raw_byte_tokenizer(start: bool) -> Tokenizer:
    """One token per byte, two special tokens; ``start`` puts the first in front of every text."""
    vocabulary = {START: 0, END: 1}
    for symbol in sorted(pre_tokenizers.ByteLevel.alphabet()):
        vocabulary[symbol] = len(vocabulary)
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([START, END])
    if start:
        tokenizer.post_processor = processors.TemplateProcessing(single=f"{START} $A", special_tokens=[(START, 0)])
    return tokenizer


def byte_tokenizer(start: bool = True) -> PreTrainedTokenizerFast:
    """The byte tokenizer as ``transformers`` sees it."""
    return PreTrainedTokenizerFast(
        tokenizer_object=raw_byte_tokenizer(start), bos_token=START, eos_token=END, pad_token=END, padding_side="left"
    )


def tiny_llama_config(tokenizer: PreTrainedTokenizerFast, **changes: Any) -> LlamaConfig:
    """Two layers of width 32."""
    settings: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "max_position_embeddings": 1024,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    return LlamaConfig(**(settings | changes))


def tiny_model(
    tokenizer: PreTrainedTokenizerFast, config: PretrainedConfig | None = None, seed: int = 0, spread: float = 10.0
) -> LanguageModel:
    """A seeded model of ``config``. Fresh weights barely tell tokens apart, so they are spread to make errors visible."""
    torch.manual_seed(seed)
    network = AutoModelForCausalLM.from_config(config or tiny_llama_config(tokenizer), dtype=torch.float32)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.ndim == 2 and "embed" not in name:
                weight.mul_(spread)
    return LanguageModel(network.eval(), tokenizer, ModelConfig("tiny"))


class LetterEncoder:
    """Unit vectors from hashed letter pairs: texts that look alike are near. Stands in for a sentence encoder."""

    def __init__(self, name: str = "bundled", dimensions: int = 48) -> None:
        self.name, self.dimensions = name, dimensions

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """``(N, dimensions)`` float32."""
        rows = np.full((len(texts), self.dimensions), 1e-3, dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for pair in zip(text.casefold(), text.casefold()[1:], strict=False):
                row[hashlib.md5("".join(pair).encode()).digest()[0] % self.dimensions] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)
