"""Settings of the pre-training recipe; ``assets/configs/pretrain_*.toml`` give every value."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TokenizerConfig:
    """Byte-level BPE."""

    size: int  # vocabulary entries
    characters_per_language: int  # text of each language seen in training, at most


@dataclass(frozen=True)
class EncoderConfig:
    """Distillation of the sentence encoder."""

    dimensions: int  # of a sentence vector; also the hidden size of the language model
    teacher: str  # "packaged", or a sentence-transformers folder or Hub id that knows English
    batch: int  # sentences
    epochs: int
    learning_rate: float  # peak, Adam, one cycle
    temperature: float  # of the softmax over cosines
    word_dropout: float  # share of tokens left out of a sentence
    bpe_dropout: float  # share of merges skipped when a sentence is split
    seed: int


@dataclass(frozen=True)
class DecoderConfig:
    """Training of the language model."""

    layers: int
    heads: int
    feed_forward: int  # inner size of a layer's feed-forward part
    context: int  # positions the model can attend over
    steps: int  # optimiser steps
    rows: int  # training rows of a step
    row_tokens: int  # tokens of a row
    sentences: int  # sentences of a step that are pulled to their teacher vectors
    learning_rate: float  # peak, AdamW
    lower_rate: float  # learning rate of token vectors and lower half, as a share: they know meaning from the start
    warm_up: int  # steps
    weight_decay: float
    alignment_weight: float  # of the loss that keeps mean middle states near the teacher's vectors
    summary_weight: float  # of the same loss on the state before each answer
    temperature: float  # of both
    head_share: float  # share of the plain-text positions whose next-token loss is computed
    shares_first: dict[str, float]  # kinds of rows in the first part of training
    shares_then: dict[str, float]  # and in the second
    first_part: float  # share of the steps that belong to the first part
    threads: int  # CPU threads
    seed: int


@dataclass(frozen=True)
class PretrainConfig:
    """The whole recipe."""

    languages: tuple[str, ...]
    tokenizer: TokenizerConfig
    encoder: EncoderConfig
    decoder: DecoderConfig
