"""Batched generation of one-line answers, with the model's own confidence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch

from core.models.devices import fitting
from core.models.engine import Engine
from core.models.loading import LanguageModel

BATCH = 16  # prompts


@dataclass(frozen=True)
class Generated:
    """One generated line."""

    text: str
    confidence: (
        float | None
    )  # geometric mean probability of its tokens, in [0, 1]; 0 for an empty line, None where nobody tells
    ended: bool = True  # whether the line came to its end within the tokens allowed


@dataclass(frozen=True)
class GenerationConfig:
    """How answers are written."""

    max_tokens: int = 48
    temperature: float = 0.0  # 0 = greedy


class _LineEnds:
    """Stops a row when its continuation holds a line break, after some text."""

    def __init__(self, model: LanguageModel, prompt_length: int) -> None:
        self._model, self._length = model, prompt_length

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: object) -> torch.Tensor:  # noqa: ARG002 - the library's interface
        written = self._model.tokenizer.batch_decode(input_ids[:, self._length :], skip_special_tokens=True)
        return torch.tensor(["\n" in text.lstrip(" ") for text in written], device=input_ids.device)


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
        parts = [prompts[place : place + size] for place in range(0, len(prompts), size)]
        return [line for part in parts for line in _generate(model, part, config, generator)]

    with model.lock:
        return fitting(work, len(prompts) if model.pads else 1)[0] if prompts else []


def generate_all(
    model: Engine,
    prompts: Sequence[str],
    config: GenerationConfig = GenerationConfig(),
    tell: Callable[[float], None] = lambda _: None,
) -> list[Generated]:
    """Greedy lines in the order of ``prompts``; prompts of like length share a batch, equal ones an answer."""
    distinct = sorted(set(prompts), key=lambda prompt: (len(prompt), prompt))
    found: dict[str, Generated] = {}
    for place in range(0, len(distinct), BATCH):
        part = distinct[place : place + BATCH]
        found.update(zip(part, generate(model, part, replace(config, temperature=0.0)), strict=True))
        tell(len(found) / len(distinct))
    return [found[prompt] for prompt in prompts]


def _generate(
    model: LanguageModel, prompts: Sequence[str], config: GenerationConfig, generator: torch.Generator | None
) -> list[Generated]:
    rows = [[*model.start, *ids] for ids in model.encode(list(prompts))]
    length = max(map(len, rows))
    pad = model.tokenizer.pad_token_id
    ids = torch.tensor([[pad] * (length - len(row)) + row for row in rows], device=model.device)
    mask = torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows], device=model.device)
    from transformers import StoppingCriteriaList

    choice: dict[str, object] = {"do_sample": False}
    if config.temperature > 0 and generator is not None:
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
        choice = {"do_sample": True, "temperature": config.temperature, "top_p": 0.95}
    output = model.network.generate(
        input_ids=ids,
        attention_mask=mask,
        max_new_tokens=min(config.max_tokens, model.context - length),
        pad_token_id=pad,
        stopping_criteria=StoppingCriteriaList([_LineEnds(model, length)]),
        return_dict_in_generate=True,
        output_logits=True,
        **choice,
    )
    logs = torch.stack(output.logits, dim=1).float().log_softmax(-1)
    written = output.sequences[:, length:]
    chosen = logs.gather(2, written[:, :, None])[:, :, 0]
    return [_line(model, tokens.tolist(), values.tolist()) for tokens, values in zip(written, chosen, strict=True)]


def _line(model: LanguageModel, tokens: list[int], logs: list[float]) -> Generated:
    """Cut at the first line break or end token; the confidence covers what is kept."""
    text, count, ended = "", 0, False
    for place in range(1, len(tokens) + 1):
        if tokens[place - 1] in (model.tokenizer.eos_token_id, model.tokenizer.pad_token_id):
            ended = True
            break
        piece = model.tokenizer.decode(tokens[:place], skip_special_tokens=True)
        if "\n" in piece.lstrip():
            ended = True
            break
        text, count = piece, place
    text = text.strip()
    confidence = float(torch.tensor(logs[:count]).mean().exp()) if count and text else 0.0
    return Generated(text, confidence, ended)
