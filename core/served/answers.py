"""Reading answers of ``POST /completions``. Pure functions of what came over the wire, which is checked before it is used."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import ServerUnavailable
from core.generation import Generated
from core.served.client import Json

IDS = "token_id:"  # how vLLM writes tokens under return_tokens_as_token_ids
_ROUNDING = 1e-6  # nats by which a log-probability may be above 0


@dataclass(frozen=True)
class Echoed:
    """A prompt as the server read it: one entry a token."""

    tokens: tuple[str, ...]  # "token_id:17", or the token's text
    logs: tuple[float | None, ...]  # log-probability of each given those before, nats; None where nothing is before

    @property
    def as_ids(self) -> bool:
        """Whether tokens are ids, which differ where tokens do; texts of half characters may not."""
        return all(token.startswith(IDS) for token in self.tokens)


class NoLogProbs(ServerUnavailable):
    """A server that does not tell log-probabilities of a prompt."""


def refusal(host: str, seen: str) -> NoLogProbs:
    """The sentence for whoever needs label probabilities from such a server."""
    return NoLogProbs(
        f"The model server at {host} tells no log-probabilities of a prompt ({seen}), and labels cannot be scored without; serve the model "
        "by vLLM, or ask a task with free-text answers, such as translation."
    )


def choices_of(answer: Any, count: int, host: str) -> list[Json]:
    """The choices in the order of the prompts. Raises ``ServerUnavailable`` when they are not one a prompt."""
    listed = answer.get("choices") if isinstance(answer, dict) else None
    choices = [one for one in listed or [] if isinstance(one, dict)]
    if len(choices) != count:
        raise ServerUnavailable(
            f"The model server at {host} answered {len(choices)} of {count} prompts; check that it is an OpenAI-compatible server."
        )
    return sorted(choices, key=lambda one: int(one.get("index") or 0))


def echoed(choice: Json, generated: int, host: str) -> Echoed:
    """The prompt's entries of an answer with ``echo``; the last ``generated`` are of what was written. Raises ``NoLogProbs``."""
    told = choice.get("logprobs")
    tokens, logs = (told.get("tokens"), told.get("token_logprobs")) if isinstance(told, dict) else (None, None)
    if not isinstance(tokens, list) or not isinstance(logs, list) or len(tokens) != len(logs):
        raise refusal(host, "it answers without them")
    last = len(tokens) - generated
    tokens, logs = tokens[:last], logs[:last]
    if len(tokens) < 2:
        raise refusal(host, "it tells them of what it writes alone")
    for value in logs[1:]:
        if not isinstance(value, int | float) or not math.isfinite(value) or value > _ROUNDING:
            raise refusal(host, f"one of them is {value!r}")
    first = logs[0] if isinstance(logs[0], int | float) else None
    return Echoed(tuple(map(str, tokens)), (first, *map(float, logs[1:])))


def boundary(context: Echoed, joint: Echoed) -> int | None:
    """Place of the answer's first token in ``joint``, after the longest prefix that it shares with the context's own tokens.

    None where it cannot be told: tokens are texts, and one near the boundary is half a character, which stands for many tokens alike.
    """
    place = 0
    while place < min(len(context.tokens), len(joint.tokens)) and context.tokens[place] == joint.tokens[place]:
        place += 1
    if not joint.as_ids and any("\ufffd" in token for token in joint.tokens[max(0, place - 8) : place + 1]):
        return None
    return max(1, place)


def written_line(choice: Json) -> Generated:
    """The line of an answer that stops at a line break; the confidence covers the tokens kept, None where the server tells none."""
    text, ended = str(choice.get("text") or ""), choice.get("finish_reason") != "length"
    told = choice.get("logprobs")
    tokens, logs = (told.get("tokens"), told.get("token_logprobs")) if isinstance(told, dict) else (None, None)
    line = text.split("\n")[0]
    if not line.strip():
        return Generated("", 0.0, ended)
    if not isinstance(tokens, list) or not isinstance(logs, list) or len(tokens) != len(logs):
        return Generated(line.strip(), None, ended)
    kept = [value for value in _kept(list(map(str, tokens)), logs, text, ended) if isinstance(value, int | float)]
    return Generated(line.strip(), math.exp(sum(kept) / len(kept)) if kept else None, ended)


def _kept(tokens: Sequence[str], logs: Sequence[Any], text: str, ended: bool) -> Sequence[Any]:
    """Without the token that ended the line, which servers list although it is not part of the text."""
    if ended and tokens and ("\n" in tokens[-1] or not tokens[-1] or not text.endswith(tokens[-1])):
        return logs[:-1]
    return logs
