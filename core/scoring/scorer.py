"""Exact ``log p(answer | prompt)`` for answers of any number of tokens, remembered, by the fastest method that is right.

Context and answer are tokenised together; the answer's tokens are those after the longest prefix that the joint
tokenisation shares with the context's own. A score is the sum of their log-probabilities, in nats.

Which method is right depends on the architecture, and key-value reuse fails silently, so the contract is checked
on the model itself: before its first real work the packed method is compared with the padded one on a probe, and
given up when they differ; sequences beyond a sliding window are packed only after a probe of that length.
"""

import inspect
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch

from core.errors import InvalidQuery, PromptTooLong
from core.models.devices import fitting
from core.models.loading import LanguageModel
from core.models.soft_prompts import virtual_tokens
from core.scoring.attention import sliding_window
from core.scoring.base import Request
from core.scoring.head import Head
from core.scoring.packed import PackedScorer
from core.scoring.padded import PaddedScorer
from core.scoring.trie import Target, shared_length
from core.scoring.verdicts import Verdicts

_log = logging.getLogger(__name__)
_TOLERANCE = {torch.float32: 2e-3, torch.float64: 1e-6}  # nats, of the probe
_TOLERANCE_LOW = 0.5  # nats, of the probe in half precision, where methods differ by rounding alone
_REMEMBER = 100_000  # answers


class Scorer:
    """Scores requests on one model. Keeps results by (context, answer)."""

    def __init__(self, model: LanguageModel, budget: int | None = None, method: str = "auto") -> None:
        """``budget``: tokens of one forward pass (default 512 on a CPU, 8192 on a GPU). ``method``: auto, packed or padded."""
        self.model = model
        self.budget = budget or (512 if model.device.type == "cpu" else 8192)
        self._padded = PaddedScorer(model.network, max(self.budget, 2048), model.tokenizer.pad_token_id)
        self._packed = PackedScorer(model.network, self.budget)
        self._requested_method, self._verdicts = method, Verdicts(model)
        self._cache: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._relative: OrderedDict[tuple[str, tuple[str, ...]], np.ndarray] = OrderedDict()

    @cached_property
    def method(self) -> str:
        """The method in use: "packed" where the model passes the probe, else "padded"."""
        with self.model.lock:
            if self.head is not None:
                self._padded.head = self._packed.head = self.head
            if self._requested_method != "auto":
                return self._requested_method
            passes = self._verdicts.passes("packed", lambda: self._passes_probe(self._probe()))
            return "packed" if passes else "padded"

    @cached_property
    def head(self) -> Head | None:
        """The head by itself, for the rows of it that are needed; None for a model whose head does more than multiply."""
        head = Head(self.model.network)
        words = self._probe()[0].tokens[len(virtual_tokens(self.model.network)) :]  # the head knows no virtual token
        return head if self._verdicts.passes("head", lambda: head.passes_probe(list(words))) else None

    @cached_property
    def window(self) -> int:
        """Longest sequence that may be packed: the context, or less for a model with local attention that packing cannot follow."""
        chunk = getattr(self.model.network.config.get_text_config(), "attention_chunk_size", None)
        local = sliding_window(self.model.network)
        if chunk:
            return min(self.model.context, int(chunk))
        if local is None or local >= self.model.context or self._passes_probe(self._probe(local)):
            return self.model.context
        return local

    def score(self, requests: Sequence[Request], progress: Callable[[float], None] | None = None) -> list[np.ndarray]:
        """Log-probabilities, one array ``(answers,)`` per request, nats; up to one constant for a request that is ``relative``.

        Raises ``PromptTooLong`` when a context with its answer exceeds the context window.
        """
        with self.model.lock:
            return self._score(requests, progress)

    def _score(self, requests: Sequence[Request], progress: Callable[[float], None] | None) -> list[np.ndarray]:
        missing = self._missing(requests)
        total, done = sum(len(request.answers) for request in missing), 0
        part: list[Request] = []
        for number, request in enumerate(missing, 1):
            part.append(request)
            size = sum(len(other.answers) for other in part)
            if number < len(missing) and (progress is None or size < 256):
                continue
            self._compute(part)
            part, done = [], done + size
            if progress is not None:
                progress(done / total)
        if progress is not None and not missing:
            progress(1.0)
        results = [self._remembered(request) for request in requests]
        for cache in (self._cache, self._relative):
            while len(cache) > _REMEMBER:
                cache.popitem(last=False)
        return results

    def _missing(self, requests: Sequence[Request]) -> list[Request]:
        """What has yet to be computed: whole relative requests, and single answers of the others, each once."""
        missing: dict[tuple[str, tuple[str, ...], bool], Request] = {}
        for request in requests:
            if request.relative:
                if (request.context, request.answers) not in self._relative:
                    missing[request.context, request.answers, True] = request
                continue
            for answer in request.answers:
                if (request.context, answer) not in self._cache:
                    missing[request.context, (answer,), False] = Request(request.context, (answer,))
        return list(missing.values())

    def _compute(self, requests: Sequence[Request]) -> None:
        targets = self.targets([(request.context, answer) for request in requests for answer in request.answers])
        start = 0
        for request in requests:
            own = targets[start : start + len(request.answers)]
            # The normaliser cancels only at one and the same position after one and the same prefix.
            if request.relative and len({target.tokens[: target.first] for target in own}) == 1:
                targets[start : start + len(own)] = [replace(target, relative=True) for target in own]
            start += len(own)
        values = iter(self._values(targets))
        for request in requests:
            sums = [float(next(values).sum()) for _ in request.answers]
            if request.relative:
                self._relative[request.context, request.answers] = np.array(sums)
            else:
                self._cache[request.context, request.answers[0]] = sums[0]

    def _remembered(self, request: Request) -> np.ndarray:
        if request.relative:
            return self._relative[request.context, request.answers]
        return np.array([self._cache[request.context, answer] for answer in request.answers])

    def token_scores(self, pairs: Sequence[tuple[str, str]]) -> list[np.ndarray]:
        """Log-probability of every token of each answer, uncached."""
        with self.model.lock:
            return self._values(self.targets(pairs))

    def _values(self, targets: Sequence[Target]) -> list[np.ndarray]:
        if self.method == "padded":
            return _within_memory(self._padded, targets)
        window = sliding_window(self.model.network) or self.model.context
        longest = max((len(target.tokens) for target in targets), default=0)
        limit = self.window if longest > window else longest  # the probe beyond a window waits until one is met
        long = [i for i, target in enumerate(targets) if len(target.tokens) > limit]
        short = [i for i, target in enumerate(targets) if len(target.tokens) <= limit]
        results: list[np.ndarray] = [np.empty(0)] * len(targets)
        for indices, part in ((short, self._packed), (long, self._padded)):
            if indices:
                for index, values in zip(indices, _within_memory(part, [targets[i] for i in indices]), strict=True):
                    results[index] = values
        return results

    def lengths(self, pairs: Sequence[tuple[str, str]]) -> list[int]:
        """Tokens of each answer."""
        return [len(target.tokens) - target.first for target in self.targets(pairs)]

    def forget(self) -> None:
        """Drop all results and stored prefixes: the model's weights have changed."""
        self._cache.clear()
        self._relative.clear()
        self._packed.prefixes.clear()

    def targets(self, pairs: Sequence[tuple[str, str]]) -> list[Target]:
        """The tokens of every (context, answer), and which of them belong to the answer."""
        contexts = list(dict.fromkeys(context for context, _ in pairs))
        start = self.model.start
        alone = dict(zip(contexts, self.model.encode(contexts), strict=True))
        joint = self.model.encode([context + answer for context, answer in pairs])
        targets = []
        for (context, answer), ids in zip(pairs, joint, strict=True):
            first = len(start) + shared_length(alone[context], ids)
            tokens = (*start, *ids)
            if first == len(tokens):
                raise InvalidQuery(
                    f"The answer {answer!r} adds no token to its prompt; an answer needs at least one letter."
                )
            if len(tokens) > self.model.context:
                raise PromptTooLong(
                    f"Prompt and answer have {len(tokens)} tokens, but the model reads at most {self.model.context}; "
                    "shorten the text or lower K."
                )
            targets.append(Target(tokens, max(1, first)))
        return targets

    def _passes_probe(self, probe: Sequence[Target]) -> bool:
        parameters = inspect.signature(self.model.network.forward).parameters
        if not {"position_ids", "past_key_values", "logits_to_keep"} <= set(parameters):
            return False
        expected = np.concatenate(self._padded.score(probe))
        trial = PackedScorer(self.model.network, 16, self.head)
        try:
            # Several packs below one cache; the second time from the stored prefixes.
            packed = [np.concatenate(trial.score(probe)) for _ in range(2)]
        except Exception as error:  # an architecture that cannot take a tree mask or a cache
            _log.info("packed scoring is off for this model: %s", error)
            return False
        tolerance = _TOLERANCE.get(self.model.network.dtype, _TOLERANCE_LOW)
        apart = float(np.abs(expected - np.stack(packed)).max())
        if not apart <= tolerance:
            _log.warning("packed scoring is off for this model: it differs from padded scoring by %.3g nats", apart)
        return apart <= tolerance

    def _probe(self, prefix: int = 0) -> list[Target]:
        """Sequences that share a cached prefix, a branch, or nothing, over ordinary tokens; the shared part ``prefix`` tokens longer."""
        size = min(self.model.network.config.get_text_config().vocab_size, len(self.model.tokenizer))
        rng = np.random.default_rng(0)

        def draw(count: int) -> tuple[int, ...]:
            return tuple(int(token) for token in rng.integers(size // 4, size, count))

        shared, branch = draw(30) + draw(prefix), draw(6)
        if prefix:  # long sequences: no more than it takes to see a cache, a branch and a window
            tails = [shared + branch + draw(3), shared + draw(12)]
        else:
            tails = [
                shared + branch + draw(3),
                shared + branch + draw(4),
                shared + draw(12),
                shared + draw(1),
                draw(20),
            ]
        return [
            Target((*self.model.start, *tokens), len(self.model.start) + len(tokens) - 2)
            for tokens in tails
            if len(tokens) > 3
        ]


def _within_memory(part: PackedScorer | PaddedScorer, targets: Sequence[Target]) -> list[np.ndarray]:
    """Scores of ``targets``; where memory runs out, in smaller batches, which are kept to from then on. Raises ``OutOfMemory``."""

    def work(budget: int) -> list[np.ndarray]:
        part.budget = budget
        return part.score(targets)

    longest = max((len(target.tokens) for target in targets), default=1)
    values, part.budget = fitting(work, part.budget, min(part.budget, longest))
    return values
