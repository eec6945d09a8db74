"""Batched generation of one-line answers, with the model's own confidence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import torch

from core.models.devices import fitting
from core.models.engine import Engine
from core.models.loading import LanguageModel

BATCH = 16  # prompts
ROUNDS = 3  # of a cycle, after which a line is cut
LONGEST_CIRCLE = 16  # tokens of a cycle


@dataclass(frozen=True)
class Generated:
    """One generated line."""

    text: str
    confidence: (
        float | None
    )  # geometric mean probability of its tokens, in [0, 1]; 0 for an empty line, None where unavailable
    ended: bool = True  # whether the line came to its end within the tokens allowed
    repeated: bool = False  # whether it went round in a circle, and was cut after the first round


@dataclass(frozen=True)
class GenerationConfig:
    """How answers are written."""

    max_tokens: int = 48
    temperature: float = 0.0  # 0 = greedy


class _LineEnds:
    """Stops a row when its continuation holds a line break after some text, or goes round in a circle."""

    def __init__(self, model: LanguageModel, prompt_length: int) -> None:
        self._model, self._length = model, prompt_length

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: object) -> torch.Tensor:  # noqa: ARG002 - the library's interface
        rows = input_ids[:, self._length :]
        texts = self._model.tokenizer.batch_decode(rows, skip_special_tokens=True)
        ended = [
            "\n" in text.lstrip(" ") or text_circle(row, self._model.tokenizer.decode) > 0
            for text, row in zip(texts, rows.tolist(), strict=True)
        ]
        return torch.tensor(ended, device=input_ids.device)


class _ChosenLogs:
    """Log-probabilities of the tokens that were chosen, before temperature: one step's logits are held, never those of all steps."""

    def __init__(self) -> None:
        self._last: torch.Tensor | None = None
        self._logs: list[torch.Tensor] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self._settle(input_ids[:, -1])
        self._last = scores.detach()
        return scores

    def _settle(self, chosen: torch.Tensor) -> None:
        if self._last is not None:
            logits = self._last.float()
            self._logs.append(logits.gather(1, chosen[:, None])[:, 0] - logits.logsumexp(-1))

    def of(self, sequences: torch.Tensor) -> torch.Tensor:
        """``(B, steps)`` nats, of the whole ``sequences``."""
        self._settle(sequences[:, -1])
        return torch.stack(self._logs, dim=1)


def before_circle(tokens: Sequence[int | str], text_of: Callable[[Sequence[Any]], str]) -> int:
    """How many of ``tokens`` stand up to the end of the first round of the first circle; all of them where they go round in none."""
    for count in range(1, len(tokens) + 1):
        if cycle := text_circle(tokens[:count], text_of):
            return count - (max(ROUNDS, 6 // cycle) - 1) * cycle
    return len(tokens)


def text_circle(tokens: Sequence[int | str], text_of: Callable[[Sequence[Any]], str]) -> int:
    """As `circle`, of whole characters: ``text_of`` says tokens as text, and servers say different pieces of characters alike (U+FFFD)."""
    cycle = circle(tokens)
    return cycle if cycle and "\ufffd" not in text_of(tokens[len(tokens) - cycle :]) else 0


def circle(tokens: Sequence[int | str]) -> int:
    """Length of the cycle that ``tokens`` end in, after ``ROUNDS`` rounds of it; 0 where they end in none.

    Small models write the same words again and again until the tokens allowed run out; a line of verse may well say a thing twice.
    """
    for length in range(1, min(LONGEST_CIRCLE, len(tokens) // ROUNDS) + 1):
        rounds = max(ROUNDS, 6 // length)  # one token six times, two tokens three times: "ha ha ha" is a word
        end = tokens[-length:]
        if len(tokens) >= rounds * length and all(
            tokens[len(tokens) - (i + 1) * length : len(tokens) - i * length] == end for i in range(rounds)
        ):
            return length
    return 0


@runtime_checkable
class Writes(Protocol):
    """A model elsewhere, which writes by itself."""

    def written(
        self, texts: Sequence[str], config: GenerationConfig, generator: torch.Generator | None = None
    ) -> list[Generated]:
        """Continue each prompt to the end of its line."""
        ...


@torch.inference_mode()
def generate(
    model: Engine,
    prompts: Sequence[str],
    config: GenerationConfig = GenerationConfig(),
    generator: torch.Generator | None = None,
) -> list[Generated]:
    """Continue each prompt to the end of its line. Sampling needs ``generator``, whose state seeds the draw."""
    if isinstance(model, Writes):
        return model.written(prompts, config, generator)
    assert isinstance(model, LanguageModel)

    def work(size: int) -> list[Generated]:
        parts = [prompts[index : index + size] for index in range(0, len(prompts), size)]
        return [line for part in parts for line in _generate(model, part, config, generator)]

    with model.lock:
        return fitting(work, len(prompts) if model.pads else 1)[0] if prompts else []


def generate_all(
    model: Engine,
    prompts: Sequence[str],
    config: GenerationConfig = GenerationConfig(),
    progress: Callable[[float], None] = lambda _: None,
) -> list[Generated]:
    """Greedy lines in the order of ``prompts``; prompts of like length share a batch, equal ones an answer."""
    distinct = sorted(set(prompts), key=lambda prompt: (len(prompt), prompt))
    answers: dict[str, Generated] = {}
    for index in range(0, len(distinct), BATCH):
        part = distinct[index : index + BATCH]
        answers.update(zip(part, generate(model, part, replace(config, temperature=0.0)), strict=True))
        progress(len(answers) / len(distinct))
    return [answers[prompt] for prompt in prompts]


def _generate(
    model: LanguageModel, prompts: Sequence[str], config: GenerationConfig, generator: torch.Generator | None
) -> list[Generated]:
    rows = [[*model.start, *ids] for ids in model.encode(list(prompts))]
    length = max(map(len, rows))
    pad = model.tokenizer.pad_token_id
    ids = torch.tensor([[pad] * (length - len(row)) + row for row in rows], device=model.device)
    mask = torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows], device=model.device)
    from transformers import LogitsProcessorList, StoppingCriteriaList

    choice: dict[str, object] = {"do_sample": False}
    if config.temperature > 0 and generator is not None:
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
        choice = {"do_sample": True, "temperature": config.temperature, "top_p": 0.95}
    logs = _ChosenLogs()
    sequences = model.network.generate(
        input_ids=ids,
        attention_mask=mask,
        max_new_tokens=min(config.max_tokens, model.context - length),
        pad_token_id=pad,
        logits_processor=LogitsProcessorList([logs]),
        stopping_criteria=StoppingCriteriaList([_LineEnds(model, length)]),
        **choice,
    )
    values = logs.of(sequences).tolist()
    return [_line(model, row, own) for row, own in zip(sequences[:, length:].tolist(), values, strict=True)]


def _line(model: LanguageModel, tokens: list[int], logs: list[float]) -> Generated:
    """Cut at the first line break or end token, or after the first round of a circle; the confidence covers what is left."""
    text, count, ended = "", 0, False
    for number in range(1, len(tokens) + 1):
        if tokens[number - 1] in (model.tokenizer.eos_token_id, model.tokenizer.pad_token_id):
            ended = True
            break
        piece = model.tokenizer.decode(tokens[:number], skip_special_tokens=True)
        if "\n" in piece.lstrip():
            ended = True
            break
        text, count = piece, number
    repeated = (left := before_circle(tokens[:count], model.tokenizer.decode)) < count
    if repeated:
        text, count = model.tokenizer.decode(tokens[:left], skip_special_tokens=True), left
    text = text.strip()
    confidence = float(torch.tensor(logs[:count]).mean().exp()) if count and text else 0.0
    return Generated(text, confidence, ended and not repeated, repeated)
