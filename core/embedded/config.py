"""Settings of the pre-training recipe; ``assets/configs/pretrain_*.toml`` give every value."""

from dataclasses import dataclass

from core.errors import InvalidConfig


@dataclass(frozen=True)
class TokenizerConfig:
    """Byte-level BPE."""

    size: int  # vocabulary entries
    characters_per_language: int  # text of each language seen in training, at most


@dataclass(frozen=True)
class TeacherConfig:
    """Whose sentence vectors are imitated, and on what."""

    model: str  # "packaged", or a sentence-transformers folder or Hub id that knows English
    dimensions: int  # its leading principal directions that are kept
    fragments: int  # English fragments, at most, that it gives vectors to beside the sentences


@dataclass(frozen=True)
class EncoderConfig:
    """Distillation of token vectors whose mean is a sentence vector."""

    dimensions: int  # leading ones of the teacher's vectors
    batch: int  # sentences
    epochs: int
    learning_rate: float  # peak, Adam, one cycle
    temperature: float  # of the softmax over cosines
    word_dropout: float  # share of tokens left out of a sentence
    sum_weight: float  # of the loss that two sentences together lie between their targets
    bpe_dropout: float  # share of merges skipped when a sentence is split
    seed: int


@dataclass(frozen=True)
class EpisodeConfig:
    """What episodes are made of."""

    arbitrary_share: float  # share of labelled episodes whose label words are permuted or arbitrary
    clusters: int  # clusters of meaning that "cluster" episodes take for labels
    english_share: float  # share of translations that start from English where there is an English side
    focus: tuple[str, ...]  # languages that get a share of the translations to themselves
    focus_share: float


@dataclass(frozen=True)
class DecoderConfig:
    """Training of the language model."""

    hidden: int  # size of a state: meaning + languages + 1 + note dimensions, or more
    meaning: int  # dimensions of a state that hold meaning: the leading ones of the encoder's vectors
    note: int  # dimensions that are empty in a token's vector, for what the layers write down
    layers: int
    heads: int
    feed_forward: int  # inner size of a layer's feed-forward part
    context: int  # positions the model can attend over
    steps: int  # optimiser steps
    reading_steps: int  # the first of them train the lower half alone, to read a sentence to its end
    rows: int  # training rows of a step
    row_tokens: int  # tokens of a row
    sentences: int  # sentences of a step that are pulled to their teacher vectors
    learning_rate: float  # peak, AdamW
    reading_rate: float  # share of it for token vectors and lower half, in the reading steps
    lower_rate: float  # and after them: they know meaning by then
    circuit_rate: float  # the same share for the attention of the noting and the look-up layer
    warm_up: int  # steps
    weight_decay: float
    text_weight: float  # of the next-token loss of translations and running text; that of label words counts 1
    alignment_weight: float  # of the loss that keeps mean middle states near the teacher's vectors
    summary_weight: float  # of the same loss on the state before each answer
    pointer_weight: float  # of the loss that turns the look-up layer's attention to where the answer stands
    growth_weight: float  # of the loss that keeps middle states short
    temperature: float  # of the softmax over cosines in the alignment and the summary loss
    head_share: float  # share of the plain-text positions whose next-token loss is computed
    shares_first: dict[str, float]  # kinds of rows in the first part of training
    shares_then: dict[str, float]  # and in the second
    first_part: float  # share of the steps that belong to the first part
    threads: int  # CPU threads
    device: str  # "cpu" or "cuda"
    circuit: bool  # start with the heads that look up a demonstration by meaning
    seed: int

    def __post_init__(self) -> None:
        """Refuse sizes that do not fit each other. Raises ``InvalidConfig``."""
        head = self.hidden // self.heads
        if self.hidden % self.heads or self.note not in (head, head // 2):
            raise InvalidConfig(
                f"hidden is {self.hidden}, heads {self.heads} and note {self.note}; heads must divide hidden, and note must be "
                f"hidden / heads or half of it."
            )
        if self.meaning + self.note >= self.hidden:
            raise InvalidConfig(
                f"meaning ({self.meaning}) and note ({self.note}) leave no room in hidden ({self.hidden}); make them smaller."
            )
        if self.layers // 2 + 1 >= self.layers:
            raise InvalidConfig(f"layers is {self.layers}; the upper half needs two layers or more, so at least 3.")


@dataclass(frozen=True)
class PretrainConfig:
    """The whole recipe."""

    languages: tuple[str, ...]
    teacher: TeacherConfig
    encoder_tokenizer: TokenizerConfig
    encoder: EncoderConfig
    tokenizer: TokenizerConfig  # of the language model
    token_vectors: EncoderConfig  # what the language model starts from
    episodes: EpisodeConfig
    decoder: DecoderConfig
