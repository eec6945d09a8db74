"""HTTP client of an OpenAI-compatible server: requests with time-outs and retries, and pure functions that read its completions.

Every failure is one sentence without the key. Redirects are not followed, so that the key goes to no host but the one that was named.
What comes over the wire is checked before it is used.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from core.errors import ServerUnavailable
from core.models.generation import Generated, before_circle
from core.served.settings import KEY_NAME, ServedConfig

TRIES = 4
WAIT_S = 0.5  # before the second try; doubles
LONGEST_WAIT_S = 10.0
CONNECT_S = 5.0
_PASSING = {429, 500, 502, 503, 504}
Json = dict[str, Any]


class Refused(ServerUnavailable):
    """The server understood and said no; ``status`` and its message give the reason."""

    def __init__(self, message: str, status: int, reply: str) -> None:
        super().__init__(message)
        self.status, self.reply = status, reply


class ModelServer:
    """One server. May be shared by threads."""

    def __init__(
        self,
        config: ServedConfig,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``transport`` and ``sleep`` stand in for the network and the clock."""
        self.config, self._sleep = config, sleep
        headers = {"Authorization": f"Bearer {config.key}"} if config.key else {}
        self._client = httpx.Client(
            headers=headers,
            timeout=httpx.Timeout(config.timeout, connect=min(CONNECT_S, config.timeout)),
            transport=transport,
            follow_redirects=False,
        )

    def get(self, path: str) -> Any:
        """What stands below the root of the API."""
        return self._ask("GET", f"{self.config.url}/{path}", None)

    def post(self, path: str, body: Json, beside: bool = False) -> Any:
        """The answer to ``body``; ``beside``: next to the API's version folder, where servers keep what OpenAI has not."""
        root = self.config.url.removesuffix("/v1") if beside else self.config.url
        return self._ask("POST", f"{root}/{path}", body)

    def _ask(self, method: str, address: str, body: Json | None) -> Any:
        """Raises ``ServerUnavailable``, or ``Refused`` for an answer that says no."""
        host, wait, why = self.config.host, WAIT_S, ""
        for tried in range(TRIES):
            if tried:
                self._sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT_S)
            try:
                answer = self._client.request(method, address, json=body)
            except httpx.TimeoutException as error:
                connecting = isinstance(error, httpx.ConnectTimeout)
                why = f"did not answer within {CONNECT_S if connecting else self.config.timeout:g} s"
                if not connecting:
                    break  # it is at work or lost; asking again would only add to its work
                continue
            except httpx.TransportError as error:
                why = f"cannot be reached ({type(error).__name__})"
                continue
            if answer.status_code not in _PASSING:
                return self._read(answer)
            why = f"answers {answer.status_code}{self._reply(answer)}"
            wait = max(wait, _retry_after(answer))
        raise ServerUnavailable(
            f"The model server at {host} {why}; check that it runs and that the address is right, or try again later."
        )

    def _read(self, answer: httpx.Response) -> Any:
        host, status, reply = self.config.host, answer.status_code, self._reply(answer)
        if status in (401, 403):
            raise Refused(f"The model server at {host} refuses the key ({status}); set {KEY_NAME}.", status, reply)
        if status >= 300:
            raise Refused(f"The model server at {host} says no ({status}{reply}).", status, reply)
        try:
            return answer.json()
        except ValueError as error:
            raise ServerUnavailable(
                f"The model server at {host} answers something else than JSON; check that the address ends in /v1."
            ) from error

    def _reply(self, answer: httpx.Response) -> str:
        """The server's own words, shortened and without the key."""
        try:
            content = answer.json()
            error = content.get("error", content) if isinstance(content, dict) else content
            words = str(error.get("message") or error.get("detail") or "") if isinstance(error, dict) else str(error)
        except ValueError:
            words = ""
        if self.config.key:
            words = words.replace(self.config.key, "…")
        words = " ".join(words.split())[:200]
        return f": {words}" if words else ""


def _retry_after(answer: httpx.Response) -> float:
    try:
        return min(LONGEST_WAIT_S, max(0.0, float(answer.headers.get("retry-after", "0"))))
    except ValueError:
        return 0.0


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
    """A server that does not return log-probabilities of a prompt."""


def refusal(host: str, reply: str) -> NoLogProbs:
    """The sentence for whoever needs label probabilities from such a server."""
    return NoLogProbs(
        f"The model server at {host} tells no log-probabilities of a prompt ({reply}), and labels cannot be scored without; serve it "
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
    reported = choice.get("logprobs")
    tokens, logs = (
        (reported.get("tokens"), reported.get("token_logprobs")) if isinstance(reported, dict) else (None, None)
    )
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
    """Index of the answer's first token in ``joint``, after the longest prefix that it shares with the context's own tokens.

    None where it cannot be determined: tokens are texts, and one near the boundary is half a character, which stands for many tokens alike.
    """
    shared = 0
    while shared < min(len(context.tokens), len(joint.tokens)) and context.tokens[shared] == joint.tokens[shared]:
        shared += 1
    if not joint.as_ids and any("\ufffd" in token for token in joint.tokens[max(0, shared - 8) : shared + 1]):
        return None
    return max(1, shared)


def written_line(choice: Json) -> Generated:
    """The line of an answer that stops at a line break; the confidence covers the tokens kept, None where the server returns none."""
    text, ended = str(choice.get("text") or ""), choice.get("finish_reason") != "length"
    tokens, logs = _written_tokens(choice.get("logprobs"))
    line = text.split("\n")[0]
    if not line.strip():
        return Generated("", 0.0, ended)
    if not isinstance(tokens, list) or not isinstance(logs, list) or len(tokens) != len(logs):
        return Generated(line.strip(), None, ended)
    pieces = list(map(str, tokens))
    part = _written_part(pieces, logs, text, ended)
    repeated = (left := before_circle(pieces[: len(part)], "".join)) < len(part)
    if repeated:
        line, part, ended = "".join(pieces[:left]).split("\n")[0], part[:left], False
    probabilities = [value for value in part if isinstance(value, int | float)]
    confidence = math.exp(sum(probabilities) / len(probabilities)) if probabilities else None
    return Generated(line.strip(), confidence, ended, repeated)


def _written_tokens(reported: Any) -> tuple[Any, Any]:
    """Tokens and their log-probabilities, as completions tell them, or as chats and llama.cpp do; None for what is not told."""
    if not isinstance(reported, dict):
        return None, None
    content = reported.get("content")
    if isinstance(content, list) and all(isinstance(entry, dict) for entry in content):
        return [entry.get("token") for entry in content], [entry.get("logprob") for entry in content]
    return reported.get("tokens"), reported.get("token_logprobs")


def _written_part(tokens: Sequence[str], logs: Sequence[Any], text: str, ended: bool) -> Sequence[Any]:
    """Without the token that ended the line, which servers list although it is not part of the text."""
    if ended and tokens and ("\n" in tokens[-1] or not tokens[-1] or not text.endswith(tokens[-1])):
        return logs[:-1]
    return logs
