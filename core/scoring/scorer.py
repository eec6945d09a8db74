"""``Scorer``: log p(y | prompt) for answers of any number of tokens, exact, cached, by the fastest method that is right.

Context and answer are tokenised together; the answer's tokens are those after the longest prefix that the joint
tokenisation shares with the context's own. Scores are sums over these tokens, in nats.

Which method is right depends on the architecture, and key-value reuse fails silently, so the contract is checked
on the model itself: before its first real work the packed method is compared with the padded one on a probe, and
given up when they differ.
"""

import inspect
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import torch

from core.errors import InvalidQuery, PromptTooLong
from core.models.devices import fitting
from core.models.loading import LanguageModel
from core.scoring.base import Request
from core.scoring.packed import PackedScorer
from core.scoring.padded import PaddedScorer
from core.scoring.trie import Target, shared_length

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
        self._requested_method = method
        self._cache: OrderedDict[tuple[str, str], float] = OrderedDict()

    @cached_property
    def method(self) -> str:
        """The method in use: "packed" where the model passes the probe, else "padded"."""
        if self._requested_method != "auto":
            return self._requested_method
        return "packed" if self._passes_probe() else "padded"

    @cached_property
    def window(self) -> int:
        """Longest sequence for which attention is full in every layer."""
        settings = self.model.network.config.get_text_config()
        limits = [getattr(settings, name, None) for name in ("sliding_window", "attention_chunk_size")]
        if getattr(settings, "use_sliding_window", True) is False:
            limits = limits[1:]
        return min([self.model.context, *(int(limit) for limit in limits if limit)])

    def score(self, requests: Sequence[Request], progress: Callable[[float], None] | None = None) -> list[np.ndarray]:
        """Log-probabilities, one array ``(answers,)`` per request, nats.

        Raises ``PromptTooLong`` when a context with its answer exceeds the context window.
        """
        with self.model.lock:
            return self._score(requests, progress)

    def _score(self, requests: Sequence[Request], progress: Callable[[float], None] | None) -> list[np.ndarray]:
        keys = [(request.context, answer) for request in requests for answer in request.answers]
        missing = list(dict.fromkeys(key for key in keys if key not in self._cache))
        step = len(missing) if progress is None else 256
        for start in range(0, len(missing), max(1, step)):
            part = missing[start : start + step]
            for key, values in zip(part, self.token_scores(part), strict=True):
                self._cache[key] = float(values.sum())
            if progress is not None:
                progress(min(1.0, (start + step) / len(missing)))
        if progress is not None and not missing:
            progress(1.0)
        results = [
            np.array([self._cache[request.context, answer] for answer in request.answers]) for request in requests
        ]
        while len(self._cache) > _REMEMBER:
            self._cache.popitem(last=False)
        return results

    def token_scores(self, pairs: Sequence[tuple[str, str]]) -> list[np.ndarray]:
        """Log-probability of every token of each answer, uncached."""
        with self.model.lock:
            return self._token_scores(pairs)

    def _token_scores(self, pairs: Sequence[tuple[str, str]]) -> list[np.ndarray]:
        targets = self.targets(pairs)
        if self.method == "padded":
            return _within_memory(self._padded, targets)
        long = [i for i, target in enumerate(targets) if len(target.tokens) > self.window]
        short = [i for i, target in enumerate(targets) if len(target.tokens) <= self.window]
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
        """Drop all results: the model's weights have changed."""
        self._cache.clear()

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

    def _passes_probe(self) -> bool:
        parameters = inspect.signature(self.model.network.forward).parameters
        if not {"position_ids", "past_key_values", "logits_to_keep"} <= set(parameters):
            return False
        probe = self._probe()
        expected = np.concatenate(self._padded.score(probe))
        try:
            packed = np.concatenate(PackedScorer(self.model.network, 16).score(probe))  # several packs below one cache
        except Exception as error:  # an architecture that cannot take a tree mask or a cache
            _log.info("packed scoring is off for this model: %s", error)
            return False
        tolerance = _TOLERANCE.get(self.model.network.dtype, _TOLERANCE_LOW)
        apart = float(np.abs(expected - packed).max())
        if not apart <= tolerance:
            _log.warning("packed scoring is off for this model: it differs from padded scoring by %.3g nats", apart)
        return apart <= tolerance

    def _probe(self) -> list[Target]:
        """Sequences that share a cached prefix, a branch, or nothing, over ordinary tokens of the vocabulary."""
        size = min(self.model.network.config.get_text_config().vocab_size, len(self.model.tokenizer))
        rng = np.random.default_rng(0)

        def draw(count: int) -> tuple[int, ...]:
            return tuple(int(token) for token in rng.integers(size // 4, size, count))

        shared, branch = draw(30), draw(6)
        tails = [shared + branch + draw(3), shared + branch + draw(4), shared + draw(12), shared + draw(1), draw(20)]
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
