"""What the demonstrations do to one answer, token by token, and which of them it was copied from.

- context sensitivity: KL(p(. | prompt, y_<t) || p(. | the same without demonstrations, y_<t)) over all tokens, nats, for every token of the
  answer (Sarti et al. 2023, PECoRe, arXiv 2310.01188, section 3).
- in-context PVI: log p(y | x, C) - log p(y | x), nats, of the answer that was given, where Lu et al. 2023 (arXiv 2310.12300) have the gold
  label and bits. For labels p is normalised over them, as scored before calibration; for free text it is that of the text. Also with
  every demonstration alone.
- induction: for labels, the demonstrations whose label is the answer; for free text, what stands in a demonstration word for word.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import numpy as np
import torch

from core.inference.explanation_records import Unmeasured
from core.inference.predictor import Predictor
from core.models.loading import LanguageModel
from core.records import Answer, Demonstration, Prediction
from core.scoring import Request, Scorer
from core.scoring.calibration import log_softmax
from core.scoring.trie import Target

SHORTEST = 6  # characters that two texts share before they count as copied


@dataclass(frozen=True)
class AnswerToken:
    """A token of the answer, read with and without demonstrations."""

    text: str
    kl: float  # nats, >= 0: how far the demonstrations move what may stand here
    change: float  # log p with demonstrations less log p without, nats


@dataclass(frozen=True)
class Source:
    """What a demonstration has to do with the answer."""

    demonstration: Demonstration
    pvi: float  # nats, of this demonstration alone
    same_label: bool = False
    span: str = ""  # free text: the longest part of the answer that stands in it, at least ``SHORTEST`` characters


@dataclass(frozen=True)
class ContextUse:
    """How one answer uses its demonstrations."""

    pvi: float  # nats, of all demonstrations together
    sources: tuple[Source, ...]  # best first
    tokens: tuple[AnswerToken, ...]  # () where the answer is cut into other tokens without demonstrations


def context_use(predictor: Predictor, prediction: Prediction, index: int = 0) -> ContextUse | Unmeasured:
    """How the answer at ``index`` uses its demonstrations; ``predictor`` is the one that gave ``prediction``.

    Not measured: without the weights at hand, for an answer out of several prompts, for no text, without demonstrations.
    """
    answer = prediction.answers[index]
    model, scorer = predictor.model, predictor.scorer
    if not isinstance(model, LanguageModel) or not isinstance(scorer, Scorer):
        return Unmeasured("no_weights")
    if answer.further or prediction.selection.framing.codes:
        return Unmeasured("several_prompts")
    if not answer.text:
        return Unmeasured("nothing_written")
    chosen = [entry for entry in prediction.selection.demonstrations if entry in answer.prompt.demonstrations]
    if not chosen:
        return Unmeasured("none_shown")
    framing, code = prediction.selection.framing, answer.prompt.language
    alone = [predictor.writer.prompt(prediction.query, [entry], code, framing).text for entry in chosen]
    without = predictor.writer.prompt(prediction.query, [], code, framing).text
    together, none, *single = _log_probs(predictor, prediction, answer, [answer.prompt.text, without, *alone])
    sources = tuple(
        Source(
            entry,
            value - none,
            answer.label is not None and entry.example.label == answer.label,
            "" if answer.label is not None else longest_shared(answer.text, _sides(predictor, entry, code)),
        )
        for entry, value in zip(chosen, single, strict=True)
    )
    return ContextUse(together - none, sources, _tokens(model, scorer, _pairs(predictor, answer, without)))


def longest_shared(text: str, others: Sequence[str]) -> str:
    """The longest part that ``text`` shares with one of ``others``, from word to word; "" for less than ``SHORTEST`` characters."""
    longest = ""
    for other in others:
        match = SequenceMatcher(None, text.casefold(), other.casefold(), autojunk=False).find_longest_match()
        part = _whole_words(text, match.a, match.a + match.size).strip()
        longest = max(longest, part, key=len)
    return longest if len(longest) >= SHORTEST else ""


def _whole_words(text: str, begin: int, end: int) -> str:
    """``text[begin:end]`` without words that it cuts; scripts without spaces have none to cut."""
    if " " not in text:
        return text[begin:end]
    if begin > 0 and text[begin - 1].isalnum() and text[begin : begin + 1].isalnum():
        begin = next((position + 1 for position in range(begin, end) if not text[position].isalnum()), end)
    if end < len(text) and text[end].isalnum() and text[end - 1 : end].isalnum():
        end = next((position for position in range(end - 1, begin - 1, -1) if not text[position].isalnum()), begin)
    return text[begin:end]


def _sides(predictor: Predictor, entry: Demonstration, code: str) -> list[str]:
    """The texts of a demonstration that the prompt may show: its own, and its side in the language of the answer."""
    example = entry.example
    listed = predictor.index.pool.examples
    translated = [other.text for other in listed if other.item == example.item and other.language == code]
    return [example.text, *translated, *([example.label] if not predictor.task.is_closed and example.label else [])]


def _words(predictor: Predictor, prediction: Prediction, answer: Answer) -> list[str]:
    """What is scored after a prompt: every label's word, or the text that was written."""
    writer = predictor.writer
    if answer.label is None:
        return [writer.continuation(answer.prompt.language, answer.text)]
    return list(writer.words(answer.prompt.language, prediction.query.choices))


def _log_probs(predictor: Predictor, prediction: Prediction, answer: Answer, contexts: Sequence[str]) -> list[float]:
    """Log p of the answer after each context, nats; over the labels where it is one."""
    words = _words(predictor, prediction, answer)
    rows = predictor.scorer.score([Request(context, tuple(words)) for context in contexts])
    if answer.label is None:
        return [float(row[0]) for row in rows]
    position = predictor.task.labels.index(answer.label)
    return [float(log_softmax(np.asarray(row, dtype=float)[None])[0, position]) for row in rows]


def _pairs(predictor: Predictor, answer: Answer, without: str) -> list[tuple[str, str]]:
    text = predictor.writer.continuation(answer.prompt.language, answer.text)
    return [(answer.prompt.text, text), (without, text)]


@torch.inference_mode()
def _tokens(model: LanguageModel, scorer: Scorer, pairs: Sequence[tuple[str, str]]) -> tuple[AnswerToken, ...]:
    """KL and change of every token of the answer; () where it is cut differently after the two prompts."""
    with_context, without = scorer.targets(pairs)
    ids = with_context.tokens[with_context.first :]
    if ids != without.tokens[without.first :]:
        return ()
    with model.lock:
        rows = [_next_log_probs(model.network, target) for target in (with_context, without)]
    kl, change = token_measures(rows[0], rows[1], ids)
    return tuple(
        AnswerToken(model.tokenizer.decode([token]), value, moved)
        for token, value, moved in zip(ids, kl, change, strict=True)
    )


def token_measures(
    with_context: torch.Tensor, without: torch.Tensor, ids: Sequence[int]
) -> tuple[list[float], list[float]]:
    """KL(with || without) at every position and the change of log p of its token, nats. Log-probabilities ``(T, V)``, ids ``(T,)``."""
    kl = (with_context.exp() * (with_context - without)).sum(-1)
    at = torch.tensor(list(ids), device=with_context.device)[:, None]
    change = (with_context - without).gather(-1, at)[:, 0]
    return [max(0.0, value) for value in kl.tolist()], change.tolist()


def _next_log_probs(network: Any, target: Target) -> torch.Tensor:
    """Log p of every token at each position of the answer, ``(T, V)``, float32."""
    scored = len(target.tokens) - target.first
    ids = torch.tensor([target.inputs], device=network.device)
    return torch.as_tensor(network(input_ids=ids, use_cache=False).logits[0, -scored:]).float().log_softmax(-1).cpu()
