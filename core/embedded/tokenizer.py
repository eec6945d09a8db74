r"""A byte-level BPE tokenizer that is fair across scripts.

Words are split with combining marks kept inside them (the older ``\p{L}+`` rule cuts Hindi, Bengali and Tamil words at
every vowel sign), numbers into at most three digits. Text is balanced over languages before training, so that
a language written in three bytes a character is not outvoted. Byte-level means that no text is out of vocabulary.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

WORDS = r"\n| ?[\p{L}\p{M}]+| ?\p{N}{1,3}| ?[^\s\p{L}\p{M}\p{N}]+|\s+(?!\S)|\s+"
START, END = "<|start|>", "<|end|>"


def train_tokenizer(text: pd.DataFrame, extra: list[str], size: int, characters_per_language: int) -> Tokenizer:
    """Train on ``text`` (columns language, text), at most so many characters per language, plus ``extra`` lines.

    Returns a tokenizer of exactly ``size`` entries, the two special tokens included.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=3,
        show_progress=False,
    )
    tokenizer.train_from_iterator(_balanced(text, extra, characters_per_language), trainer)
    return tokenizer


def _balanced(text: pd.DataFrame, extra: list[str], limit: int) -> Iterator[str]:
    """Lines of each language up to ``limit`` characters; a language with less is repeated (at most four times)."""
    for _, lines in text.groupby("language", sort=True)["text"]:
        rest = limit
        pool = lines.sample(frac=1.0, random_state=0).tolist()
        for line in (pool * 4)[: 4 * len(pool)]:
            if rest <= 0:
                break
            rest -= len(line)
            yield " " + line
    yield from extra


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> PreTrainedTokenizerFast:
    """Save as an ordinary ``transformers`` tokenizer folder and return it."""
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=START, eos_token=END, pad_token=END, padding_side="left"
    )
    wrapped.save_pretrained(folder)
    return wrapped
