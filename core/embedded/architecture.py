"""The language model before its first step: a Llama that knows words across languages and how to look one up.

Token vectors have four parts: *meaning* (the sentence encoder's vector of the token: translations lie close to
each other), *language* (in which languages the token occurs), one *constant*, and *note*, empty at first. The lower half of
the layers begins as the identity. The upper half begins with one circuit in place (Olsson et al. 2022, arXiv 2209.11895,
"induction heads", here over meanings instead of tokens):

- its first layer has a head that attends to the position before and notes the meaning found there;
- its second layer attends to positions whose note is like the own meaning, and takes over the token that stands there.

So where the state before an answer is the meaning of its sentence (the summary loss teaches this), a query finds the labels
of demonstrations like it; where states are the meanings of words, a translation finds the word that follows.
Everything is trained on from there.

Shapes: V vocabulary entries, M meaning dimensions, C languages, H hidden size, D size of a head.
"""

import math
from dataclasses import dataclass

import pandas as pd
import torch
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from core.embedded.config import DecoderConfig
from core.errors import InvalidConfig

MEANING_NORM, LANGUAGE_NORM = 4.0, 1.5  # of a token's vector at the start, in the mean
CONSTANT = 0.25  # as a share of the vector's norm, so that it is the same for all tokens after normalisation
LIKENESS = 1.5  # weight of a compared dimension, on both sides
ROPE_THETA = 1e6  # half of a head's dimensions turn by under half a radian over 512 positions: they compare meanings


@dataclass(frozen=True)
class Layout:
    """Where the parts of a state lie."""

    meaning: int  # dimensions 0 .. meaning - 1
    languages: int  # the next ones
    note: int  # the last ones

    @property
    def constant(self) -> int:
        """The dimension that is the same for every token."""
        return self.meaning + self.languages


def language_shares(tokenizer: Tokenizer, text: pd.DataFrame, languages: tuple[str, ...]) -> torch.Tensor:
    """Square roots of the share of each language among a token's uses ``(V, C)``, rows of unit norm.

    ``text`` has columns language, text. Languages count alike however much text they have; a token never seen is
    spread over all.
    """
    counts = torch.full((tokenizer.get_vocab_size(), len(languages)), 1e-6)
    for column, code in enumerate(languages):
        lines = text.loc[text["language"] == code, "text"].tolist()
        ids = [i for encoding in tokenizer.encode_batch([" " + line for line in lines]) for i in encoding.ids]
        used = torch.bincount(torch.tensor(ids, dtype=torch.int64), minlength=counts.shape[0]).float()
        counts[:, column] += used / max(1, len(ids))
    return (counts / counts.sum(1, keepdim=True)).sqrt()


def build_decoder(
    meanings: torch.Tensor, shares: torch.Tensor, config: DecoderConfig, start: int, end: int
) -> LlamaForCausalLM:
    """``meanings`` are the encoder's token vectors ``(V, at least config.meaning)``, the leading dimensions weighing most."""
    torch.manual_seed(config.seed)
    layout = Layout(config.meaning, shares.shape[1], config.note)
    if layout.constant + 1 + config.note > config.hidden:
        raise InvalidConfig(
            f"hidden is {config.hidden}, but meaning, {shares.shape[1]} languages, one constant and note take "
            f"{layout.constant + 1 + config.note}; make hidden larger or meaning smaller."
        )
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=meanings.shape[0],
            hidden_size=config.hidden,
            intermediate_size=config.feed_forward,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            num_key_value_heads=config.heads,
            max_position_embeddings=config.context,
            rope_parameters={"rope_type": "default", "rope_theta": ROPE_THETA},
            tie_word_embeddings=True,
            bos_token_id=start,
            eos_token_id=end,
            pad_token_id=end,
        )
    )
    with torch.no_grad():
        vectors = model.get_input_embeddings().weight
        vectors.zero_()
        known = meanings[:, : config.meaning]
        vectors[:, : config.meaning] = MEANING_NORM * known / known.norm(dim=1).mean()
        vectors[:, config.meaning : layout.constant] = LANGUAGE_NORM * shares
        vectors[:, layout.constant] = CONSTANT * vectors.norm(dim=1)
        model.model.norm.weight.fill_(1.0 / MEANING_NORM)
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        if config.circuit:
            _wire(model, layout)
    if config.circuit:
        _guard_note(model, layout)
    return model


def _guard_note(model: LlamaForCausalLM, layout: Layout) -> None:
    """Keep what the look-up compares: up to it only the noting head writes to the note, and the noting layer not to the compared meaning.

    Gradients of everything else stop there, and in the weights of the two heads that note and compare. At the rate at which the
    rest learns, other layers would fill the note, the noting layer change the states that are compared with it, and
    the comparison drift, before the model has learnt to rely on them.
    """
    hidden, size = model.config.hidden_size, model.config.hidden_size // model.config.num_attention_heads
    middle = model.config.num_hidden_layers // 2
    unnoted, untouched = torch.ones(hidden, 1), torch.ones(hidden, 1)
    unnoted[hidden - layout.note :] = 0.0
    untouched[: layout.note] = 0.0  # the meaning that is compared with the note
    _stop_gradient(model.get_input_embeddings().weight, unnoted[:, 0])
    for layer in model.model.layers[:middle]:
        _stop_gradient(layer.mlp.down_proj.weight, unnoted)
        _stop_gradient(layer.self_attn.o_proj.weight, unnoted)
    noting, looking = model.model.layers[middle], model.model.layers[middle + 1]
    written = (unnoted * untouched).repeat(1, hidden)
    written[:, :size] = 1 - unnoted
    _stop_gradient(noting.mlp.down_proj.weight, unnoted * untouched)
    _stop_gradient(noting.self_attn.o_proj.weight, written)
    other, free = torch.ones(hidden, 1), torch.ones(hidden, 1)
    other[:size] = 0.0
    for head in range(model.config.num_attention_heads):
        free[torch.tensor(_compared(size)) + head * size] = 0.0
    for attention, mask in ((noting.self_attn, other), (looking.self_attn, free)):
        _stop_gradient(attention.q_proj.weight, mask)
        _stop_gradient(attention.k_proj.weight, mask)
    _stop_gradient(noting.self_attn.v_proj.weight, other)


def _compared(size: int) -> list[int]:
    """The dimensions of a head that turn least: three eighths, in which the look-up compares meanings; the rest is free to learn."""
    return [*range(5 * size // 16, size // 2), *range(13 * size // 16, size)]


def _stop_gradient(weight: torch.Tensor, mask: torch.Tensor) -> None:
    """Let through the gradient of ``weight`` where ``mask`` is 1."""
    weight.register_hook(lambda gradient: gradient * mask.to(gradient.device))  # type: ignore[no-untyped-call]


def _wire(model: LlamaForCausalLM, layout: Layout) -> None:
    """Put the circuit in place. Strengths follow from the sizes at the start: normalised states have norm sqrt(H)."""
    config = model.config
    hidden, size = config.hidden_size, config.hidden_size // config.num_attention_heads
    constant = CONSTANT * math.sqrt(hidden / (1 + CONSTANT**2))  # of a normalised state
    noting, looking = (layer.self_attn for layer in model.model.layers[config.num_hidden_layers // 2 :][:2])
    strength = 32.0  # nats between the position before and one beside it
    turns = 6  # fastest rotations: their sum has one sharp peak
    amplitude = math.sqrt(strength * math.sqrt(size) / turns * 2) / constant
    for weight in (noting.q_proj.weight, noting.k_proj.weight, noting.v_proj.weight):
        weight[:size].zero_()
    for pair in range(turns):
        angle = ROPE_THETA ** (-2 * pair / size)
        noting.q_proj.weight[pair, layout.constant] = amplitude
        noting.k_proj.weight[pair, layout.constant] = amplitude * math.cos(angle)
        noting.k_proj.weight[pair + size // 2, layout.constant] = amplitude * math.sin(angle)
    for index in range(layout.note):
        noting.v_proj.weight[index, index] = 1.0
        noting.o_proj.weight[hidden - layout.note + index, index] = 2 * MEANING_NORM / math.sqrt(hidden)
    for head in range(config.num_attention_heads):
        rows = torch.tensor(_compared(size)) + head * size
        positions = (head * len(rows) + torch.arange(len(rows))) % layout.note  # the heads share out the note
        looking.q_proj.weight[rows] = 0.0
        looking.k_proj.weight[rows] = 0.0
        looking.q_proj.weight[rows, positions] = LIKENESS
        looking.k_proj.weight[rows, hidden - layout.note + positions] = LIKENESS
    looking.v_proj.weight.copy_(torch.eye(hidden))
    looking.o_proj.weight.copy_(0.3 * torch.eye(hidden))
