"""``ServedScorer``: log p(y | prompt) by a server's own log-probabilities of prompts.

Every context with every answer is sent as one prompt to be echoed (``echo`` true, ``logprobs`` 1, ``max_tokens`` 0: nothing is written).
- vLLM answers, and writes tokens as ids under ``return_tokens_as_token_ids``; 0 tokens are allowed beside ``echo``
  (https://github.com/vllm-project/vllm/blob/002032ee2b18e1f7bd924ec47b62504ba3866063/vllm/entrypoints/openai/completion/protocol.py,
  ``to_sampling_params``). Its older versions want ``max_tokens`` of 1, whose entry is then left out.
- llama.cpp passes over ``echo`` and returns log-probabilities of what it writes alone
  (https://github.com/ggml-org/llama.cpp/issues/27174); it is asked in its own way, see ``core.served.llama_cpp``.
- text-generation-inference returns them through its own ``decoder_input_details``, not through ``/v1/completions``
  (https://github.com/huggingface/text-generation-inference/issues/1069).
What comes back is checked, because the second kind looks like scores of 0.0.

The answer's tokens are, as in ``Scorer``, those after the longest prefix that the joint tokenisation shares with the context's own:
the server's tokens of both, or, where the model's tokenizer is named, ids made here and sent as they are.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

from core.errors import InvalidQuery, PromptTooLong, ServerUnavailable
from core.scoring.base import Request
from core.scoring.trie import shared_length
from core.served.client import Echoed, Refused, boundary, choices_of, echoed, refusal
from core.served.llama_cpp import answer_logs
from core.served.model import ServedModel

BATCH = 32  # prompts of one request
_REMEMBER = 100_000  # answers
Pair = tuple[str, str]


class ServedScorer:
    """Scores requests on one served model. Keeps results by (context, answer)."""

    def __init__(self, model: ServedModel) -> None:
        """Nothing is asked before the first score."""
        self.model = model
        self._known: OrderedDict[Pair, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()
        self._writes = 0  # tokens that the server insists on writing beside an echo

    @property
    def method(self) -> str:
        """How the answer's tokens are distinguished, for records."""
        way = "served by llama.cpp" if self.model.is_llama_cpp else "served"
        return f"{way}, own ids" if self.model.tokenizer is not None else f"{way}, the server's tokens"

    def score(self, requests: Sequence[Request], progress: Callable[[float], None] | None = None) -> list[np.ndarray]:
        """Log-probabilities, one array ``(answers,)`` per request, nats.

        Raises ``PromptTooLong``, ``NoLogProbs`` for a server that does not return them, ``ServerUnavailable``.
        """
        pairs = [(request.context, answer) for request in requests for answer in request.answers]
        sums = iter([float(values.sum()) for values in self._scored(pairs, progress)])
        return [np.array([next(sums) for _ in request.answers]) for request in requests]

    def token_scores(self, pairs: Sequence[Pair]) -> list[np.ndarray]:
        """Log-probability of every token of each answer, nats."""
        return self._scored(pairs)

    def lengths(self, pairs: Sequence[Pair]) -> list[int]:
        """Tokens of each answer."""
        return [len(values) for values in self._scored(pairs)]

    def _scored(self, pairs: Sequence[Pair], progress: Callable[[float], None] | None = None) -> list[np.ndarray]:
        with self._lock:
            scored = {pair: self._known[pair] for pair in pairs if pair in self._known}
        missing = [pair for pair in dict.fromkeys(pairs) if pair not in scored]
        ask = self._by_ids if self.model.tokenizer is not None else self._by_text
        if self.model.is_llama_cpp:
            ask = self._by_next_tokens
        for start in range(0, len(missing), BATCH):
            part = missing[start : start + BATCH]
            scored.update(zip(part, ask(part), strict=True))
            if progress is not None:
                progress(min(1.0, (start + len(part)) / len(missing)))
        if progress is not None and not missing:
            progress(1.0)
        with self._lock:
            self._known.update((pair, scored[pair]) for pair in missing)
            while len(self._known) > _REMEMBER:
                self._known.popitem(last=False)
        return [scored[pair] for pair in pairs]

    def _by_ids(self, pairs: Sequence[Pair]) -> list[np.ndarray]:
        """The named tokenizer says where an answer begins, and the server sees its ids."""
        model, start = self.model, len(self.model.start)
        contexts = list(dict.fromkeys(context for context, _ in pairs))
        alone = dict(zip(contexts, model.encode(contexts), strict=True))
        joint = model.encode([context + answer for context, answer in pairs])
        rows = [[*model.start, *ids] for ids in joint]
        for row in rows:
            self._fits(len(row))
        scored = []
        for pair, row, ids, echo in zip(pairs, rows, joint, self._echo(rows), strict=True):
            if len(echo.tokens) != len(row):
                raise refusal(model.settings.host, f"{len(echo.tokens)} of a prompt of {len(row)} tokens")
            first = max(1, start + shared_length(alone[pair[0]], ids))
            scored.append(_after(echo, first, pair[1]))
        return scored

    def _by_text(self, pairs: Sequence[Pair]) -> list[np.ndarray]:
        """The server's tokens of the context alone and of both together say where an answer begins."""
        host = self.model.settings.host
        contexts = list(dict.fromkeys(context for context, _ in pairs))
        for context, answer in pairs:
            self._fits(self.model.length(context + answer))
        echoes = self._echo([*contexts, *(context + answer for context, answer in pairs)])
        alone = dict(zip(contexts, echoes, strict=False))
        scored = []
        for (context, answer), joint in zip(pairs, echoes[len(contexts) :], strict=True):
            first = boundary(alone[context], joint)
            if first is None:
                raise ServerUnavailable(
                    f"The model server at {host} tells tokens as texts, and one before the answer {answer!r} is half a character, so that "
                    "it cannot be told where the answer begins; name the model's tokenizer."
                )
            scored.append(_after(joint, first, answer))
        return scored

    def _by_next_tokens(self, pairs: Sequence[Pair]) -> list[np.ndarray]:
        """llama.cpp is asked for every token of an answer after those before it."""
        scored = []
        for (_, answer), (tokens, values) in zip(pairs, answer_logs(self.model, pairs), strict=True):
            self._fits(tokens)
            if not len(values):
                raise _empty(answer)
            scored.append(values)
        return scored

    def _fits(self, tokens: int) -> None:
        if tokens > self.model.context:
            raise PromptTooLong(
                f"Prompt and answer have {tokens} tokens, but the model reads at most {self.model.context}; shorten the text or lower K."
            )

    def _echo(self, prompts: list[str] | list[list[int]]) -> list[Echoed]:
        """The prompts as the server reads them."""
        host = self.model.settings.host
        body = self.model.asking(
            prompt=prompts,
            echo=True,
            logprobs=1,
            temperature=0.0,
            max_tokens=self._writes,
            return_tokens_as_token_ids=True,
        )
        try:
            answer = self.model.server.post("completions", body)
        except Refused as no:
            if no.status in (400, 422) and not self._writes and "max_tokens" in no.reply:
                self._writes = 1
                return self._echo(prompts)
            if no.status in (400, 404, 405, 422, 501):
                raise refusal(host, f"{no.status}{no.reply}") from no
            raise
        return [echoed(choice, self._writes, host) for choice in choices_of(answer, len(prompts), host)]


def _after(echo: Echoed, first: int, answer: str) -> np.ndarray:
    """Log-probabilities of the tokens from ``first`` on. Raises ``InvalidQuery`` when there are none."""
    if first >= len(echo.tokens):
        raise _empty(answer)
    return np.array(echo.logs[first:], dtype=np.float64)


def _empty(answer: str) -> InvalidQuery:
    return InvalidQuery(f"The answer {answer!r} adds no token to its prompt; an answer needs at least one letter.")
