"""What is asked of a scorer, whoever computes: ``Scorer`` here, or a server (``core.served``)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from core.models.engine import Engine


@dataclass(frozen=True)
class Request:
    """One context and the answers to score after it."""

    context: str
    answers: tuple[str, ...]  # as they continue the context, leading space included
    relative: bool = (
        False  # scores up to one constant per request are enough: the answers are only compared with each other
    )


class Scores(Protocol):
    """log p(y | prompt), remembered."""

    @property
    def model(self) -> Engine:
        """The model that is asked."""
        ...

    @property
    def method(self) -> str:
        """How it is computed, for records."""
        ...

    def score(self, requests: Sequence[Request], progress: Callable[[float], None] | None = None) -> list[np.ndarray]:
        """Log-probabilities, one array ``(answers,)`` per request, nats; up to one constant for a request that is ``relative``."""
        ...

    def token_scores(self, pairs: Sequence[tuple[str, str]]) -> list[np.ndarray]:
        """Log-probability of every token of each answer."""
        ...

    def lengths(self, pairs: Sequence[tuple[str, str]]) -> list[int]:
        """Tokens of each answer."""
        ...
