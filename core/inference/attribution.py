"""Contrastive attribution of one answer on its exact prompt: what raises the answer given over its runner-up.

The contrast is log p(answer | prompt) - log p(runner-up | prompt), nats, as scored before calibration, which adds the same to every prompt
of a language. Two measures of it that know nothing of each other:

- gradient x input: the gradient at every token's embedding times that embedding (Simonyan et al. 2014, arXiv 1312.6034; Shrikumar et al.
  2017, arXiv 1605.01713), contrastive as in Yin and Neubig 2022 (arXiv 2202.10419). A linear approximation: where the contrast is linear in
  the embeddings its sum is the contrast less that of an empty prompt (completeness), elsewhere nothing of the kind holds. Held to Inseq's
  (arXiv 2302.13942) by tests/core/inference/test_attribution_against_inseq.py.
- occlusion: the contrast less that of the prompt written anew without one demonstration. Exact for what it asks.

Free text has no runner-up: there the contrast is log p(answer) alone. Shapes: T tokens, H hidden.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from core.data.templates import SEPARATOR
from core.inference.explanation_records import Unmeasured
from core.inference.predictor import Predictor
from core.models.chat import OPEN
from core.models.loading import LanguageModel
from core.records import Answer, Demonstration, Prediction
from core.scoring import Request, Scorer
from core.scoring.trie import Target


@dataclass(frozen=True)
class Piece:
    """A token of the prompt, or several that share a character, with the white space before it."""

    text: str
    value: float  # gradient x input, nats; positive: speaks for the answer
    demonstration: int | None  # its position, best first; None outside demonstrations


@dataclass(frozen=True)
class DemonstrationEffect:
    """What one demonstration does to the contrast, by both measures, nats; positive: speaks for the answer."""

    demonstration: Demonstration
    occlusion: float
    gradient: float | None  # sum over its tokens; None where a chat template hides which they are


@dataclass(frozen=True)
class Attribution:
    """What raises the answer over its runner-up."""

    answer: str  # label, or the text that was written
    runner_up: str | None  # the second likeliest label; None for free text
    contrast: float  # nats
    pieces: tuple[Piece, ...]  # the prompt, in order
    effects: tuple[DemonstrationEffect, ...]  # best first

    @property
    def agree(self) -> bool | None:
        """Whether both measures name the same demonstration as the one that speaks most for the answer; None without two to compare."""
        by_gradient = [effect.gradient for effect in self.effects if effect.gradient is not None]
        if len(self.effects) < 2 or len(by_gradient) < len(self.effects):
            return None
        by_occlusion = [effect.occlusion for effect in self.effects]
        return by_occlusion.index(max(by_occlusion)) == by_gradient.index(max(by_gradient))


def attribute(predictor: Predictor, prediction: Prediction, index: int = 0) -> Attribution | Unmeasured:
    """The attribution of the answer at ``index``; ``predictor`` is the one that gave ``prediction``.

    Not measured: without the weights at hand (a model behind a server), for an answer out of several prompts, for no text.
    """
    model, answer = predictor.model, prediction.answers[index]
    if not isinstance(model, LanguageModel) or not isinstance(predictor.scorer, Scorer):
        return Unmeasured("no_weights")
    if answer.further or prediction.selection.framing.codes:
        return Unmeasured("several_prompts")
    if not answer.text:
        return Unmeasured("nothing_written")
    runner_up, words = _contrasted(predictor, prediction, answer)
    targets = predictor.scorer.targets([(answer.prompt.text, word) for word in words])
    with model.lock:
        values, contrast = gradient_times_input(model.network, targets)
    pieces = _pieces(model, answer, prediction, values)
    effects = _effects(predictor, prediction, answer, words, pieces)
    return Attribution(answer.label or answer.text, runner_up, contrast, pieces, effects)


def gradient_times_input(network: Any, targets: Sequence[Target]) -> tuple[list[float], float]:
    """Attribution of every token that the first target and its rival, if any, read before they differ, and the contrast; nats.

    One pass forward and one backward for each target; no gradient reaches the weights.
    """
    shared = min(target.first for target in targets)
    total, contrast = torch.zeros(shared), 0.0
    for sign, target in zip((1.0, -1.0), targets, strict=False):
        ids = torch.tensor([target.inputs], device=network.device)
        embedded = network.get_input_embeddings()(ids).detach().requires_grad_(True)  # (1, T, H)
        score = _log_probability(network, embedded, target)
        (gradient,) = torch.autograd.grad(score, embedded)
        products = (gradient.float() * embedded.detach().float()).sum(-1)[0]  # (T,)
        total += sign * products[:shared].cpu()
        contrast += sign * float(score.detach())
    return total.tolist(), contrast


def _log_probability(network: Any, embedded: torch.Tensor, target: Target) -> torch.Tensor:
    """Sum of the log-probabilities of the answer's tokens; logits are asked for where one is read, and nowhere else."""
    scored = len(target.tokens) - target.first
    extra = {"logits_to_keep": scored} if "logits_to_keep" in inspect.signature(network.forward).parameters else {}
    mask = torch.ones(embedded.shape[:2], dtype=torch.long, device=embedded.device)
    logits: torch.Tensor = network(inputs_embeds=embedded, attention_mask=mask, use_cache=False, **extra).logits[
        0, -scored:
    ]
    answer = torch.tensor(target.tokens[target.first :], device=logits.device)
    return logits.float().log_softmax(-1).gather(-1, answer[:, None]).sum()


def _contrasted(predictor: Predictor, prediction: Prediction, answer: Answer) -> tuple[str | None, list[str]]:
    """The runner-up's label, and what is scored after the prompt: the answer, then the runner-up."""
    writer = predictor.writer
    if answer.label is None or answer.with_context is None:
        return None, [writer.continuation(answer.prompt.language, answer.text)]
    labels = writer.task.labels
    shares = answer.with_context.log_probs
    runner_up = max((label for label in labels if label != answer.label), key=lambda label: shares[label])
    words = writer.words(answer.prompt.language, prediction.query.choices)
    return runner_up, [words[labels.index(label)] for label in (answer.label, runner_up)]


def _effects(
    predictor: Predictor, prediction: Prediction, answer: Answer, words: Sequence[str], pieces: Sequence[Piece]
) -> tuple[DemonstrationEffect, ...]:
    """Every demonstration of the prompt occluded, all in one call of the scorer."""
    chosen = _in_prompt(answer, prediction)
    contexts = [answer.prompt.text]
    for left_out in range(len(chosen)):
        rest = [entry for index, entry in enumerate(chosen) if index != left_out]
        framing, code = prediction.selection.framing, answer.prompt.language
        contexts.append(predictor.writer.prompt(prediction.query, rest, code, framing).text)
    scores = predictor.scorer.score([Request(context, tuple(words)) for context in contexts])
    whole, *without = [float(row[0] - row[1]) if len(words) > 1 else float(row[0]) for row in scores]
    grouped = any(piece.demonstration is not None for piece in pieces)
    sums = [sum(piece.value for piece in pieces if piece.demonstration == index) for index in range(len(chosen))]
    return tuple(
        DemonstrationEffect(entry, whole - contrast, sums[index] if grouped else None)
        for index, (entry, contrast) in enumerate(zip(chosen, without, strict=True))
    )


def _pieces(model: LanguageModel, answer: Answer, prediction: Prediction, values: Sequence[float]) -> tuple[Piece, ...]:
    """The prompt's text cut into tokens with their values; special tokens in front are left out."""
    text, own = answer.prompt.text, values[len(model.start) :]
    if OPEN in text:  # a chat: special tokens stand inside, and no offsets are to be had
        ids = model.encode([text])[0][: len(own)]
        return tuple(Piece(model.tokenizer.decode([token]), value, None) for token, value in zip(ids, own, strict=True))
    spans = model.tokenizer(
        text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True
    ).offset_mapping
    owner = _owners(answer, prediction)
    pieces: list[Piece] = []
    done = 0
    for (begin, end), value in zip(spans, own, strict=False):
        if end <= done and pieces:  # another token of a character that is there already
            pieces[-1] = Piece(pieces[-1].text, pieces[-1].value + value, pieces[-1].demonstration)
            continue
        pieces.append(Piece(text[done:end], value, owner(max(begin, done))))
        done = end
    return tuple(pieces)


def _owners(answer: Answer, prediction: Prediction) -> Callable[[int], int | None]:
    """Which demonstration, best first, a character of the prompt belongs to: blocks stand between empty lines, and no text holds one."""
    prompt, framing = answer.prompt, prediction.selection.framing
    chosen = _in_prompt(answer, prediction)
    blocks = prompt.text.split(SEPARATOR)
    last = (
        len(blocks)
        - 1
        - (framing.aligners.get(prompt.language, "").count(SEPARATOR) + (prompt.language in framing.aligners))
    )
    first = last - len(prompt.demonstrations)  # of the demonstrations' blocks; the query's are at the end
    edges: list[tuple[int, int, int]] = []
    position = 0
    for number, block in enumerate(blocks):
        end = position + len(block) + len(SEPARATOR)
        if first <= number < last:
            edges.append((position, end, chosen.index(prompt.demonstrations[number - first])))
        position = end

    def owner(position: int) -> int | None:
        return next((index for begin, end, index in edges if begin <= position < end), None)

    return owner


def _in_prompt(answer: Answer, prediction: Prediction) -> list[Demonstration]:
    """The demonstrations that the prompt has, best first."""
    return [entry for entry in prediction.selection.demonstrations if entry in answer.prompt.demonstrations]
