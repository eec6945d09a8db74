"""Scores by llama.cpp's own server, which tells no log-probabilities of a prompt, but those of the likeliest next tokens after one.

``POST /completion`` with ``n_probs`` answers them, normalised over the whole vocabulary before any sampling (``post_sampling_probs`` off;
tools/server/README.md of https://github.com/ggml-org/llama.cpp). So every token of an answer is asked for after those before it, and with
more of the likeliest ones until it is among them. Its slot keeps what prompts share, so that one more request reads few tokens. Tokens are
the server's own by ``POST /tokenize``, or those of the model's tokenizer where it is named; they are sent as ids, so that no mark of a
special token inside a text works as one.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from core.errors import ServerUnavailable
from core.scoring.trie import shared_length
from core.served.client import refusal
from core.served.model import ServedModel

FIRST_COUNT = 1000  # likeliest tokens of the first request; label words are nearly always among them
STEP = 16  # times as many in each further one


def answer_logs(model: ServedModel, pairs: Sequence[tuple[str, str]]) -> list[tuple[int, np.ndarray]]:
    """Per (context, answer) the tokens of both together, and the log-probability of every token of the answer, nats.

    Raises ``NoLogProbs`` where the server does not tell them, ``ServerUnavailable``.
    """
    texts = list(dict.fromkeys([*(context for context, _ in pairs), *(context + answer for context, answer in pairs)]))
    rows = dict(zip(texts, _rows(model, texts), strict=True))
    spans = []
    required: dict[tuple[int, ...], set[int]] = {}
    for context, answer in pairs:
        row = rows[context + answer]
        first = max(1, shared_length(rows[context], row))
        spans.append((row, first))
        for index in range(first, len(row)):
            required.setdefault(tuple(row[:index]), set()).add(row[index])
    next_logs = {prefix: _next_logs(model, prefix, tokens) for prefix, tokens in sorted(required.items())}
    return [
        (
            len(row),
            np.array([next_logs[tuple(row[:index])][row[index]] for index in range(first, len(row))], dtype=float),
        )
        for row, first in spans
    ]


def _rows(model: ServedModel, texts: Sequence[str]) -> list[list[int]]:
    """Ids of texts, special tokens in front."""
    if model.tokenizer is not None:
        return [[*model.start, *ids] for ids in model.encode(list(texts))]
    rows = []
    for text in texts:
        body = model.asking(content=text, add_special=True, parse_special=False)
        reply = model.server.post("tokenize", body, beside=True)
        tokens = reply.get("tokens") if isinstance(reply, dict) else None
        if not isinstance(tokens, list) or not all(isinstance(token, int) for token in tokens):
            raise ServerUnavailable(
                f"The model server at {model.settings.host} does not tell how it cuts a text into tokens; name the model's tokenizer."
            )
        rows.append(tokens)
    return rows


def _next_logs(model: ServedModel, prefix: Sequence[int], tokens: set[int]) -> dict[int, float]:
    """Log-probabilities of ``tokens`` after ``prefix``, nats."""
    count, last = FIRST_COUNT, 0
    while True:
        body = model.asking(
            prompt=list(prefix),
            n_predict=1,
            n_probs=count,
            temperature=0.0,
            cache_prompt=True,
            post_sampling_probs=False,
        )
        logs = _likeliest(model, model.server.post("completion", body, beside=True))
        if tokens <= logs.keys():
            return {token: logs[token] for token in tokens}
        if len(logs) <= last:  # it has no more to tell
            raise refusal(
                model.settings.host, f"it tells {len(logs)} of the likeliest words, and a label's is not among them"
            )
        count, last = STEP * count, len(logs)


def _likeliest(model: ServedModel, reply: Any) -> dict[int, float]:
    """The likeliest next tokens of an answer, by id. Raises ``NoLogProbs`` for anything else."""
    parts = reply.get("completion_probabilities") if isinstance(reply, dict) else None
    entries = parts[0].get("top_logprobs") if isinstance(parts, list) and parts and isinstance(parts[0], dict) else None
    logs: dict[int, float] = {}
    for entry in entries if isinstance(entries, list) else []:
        token, value = (entry.get("id"), entry.get("logprob")) if isinstance(entry, dict) else (None, None)
        if isinstance(token, int) and isinstance(value, int | float) and math.isfinite(value) and value <= 1e-6:
            logs[token] = float(value)
    if not logs:
        raise refusal(model.settings.host, "its /completion answers without them")
    return logs
