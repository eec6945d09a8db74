"""What every strategy is given, and what it gives back."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch

from core import policy
from core.policy import PolicyConfig
from core.pool import Pool
from core.records import Demonstration, Query, Selection


class Index(Protocol):
    """Vectors and tokens of a pool, each computed when first asked for."""

    pool: Pool

    def own_vectors(self) -> torch.Tensor:
        """``z`` of the pool by the language model, ``(N, D)``."""
        ...

    def own_vector(self, query: Query) -> torch.Tensor:
        """``z`` of a query, ``(D,)``."""
        ...

    def encoder_vectors(self) -> torch.Tensor:
        """Unit vectors of the pool by the sentence encoder, ``(N, E)``."""
        ...

    def encoder_vector(self, query: Query) -> torch.Tensor:
        """Unit vector of a query by the sentence encoder, ``(E,)``."""
        ...

    def lexical_scores(self, query: Query) -> np.ndarray:
        """BM25 scores of the pool for a query, ``(N,)``."""
        ...


@dataclass(frozen=True)
class Candidates:
    """One choice to be made."""

    index: Index
    query: Query
    usable: np.ndarray  # (N,) bool
    policy: PolicyConfig
    seed: int
    sample: bool = False  # draw from the policy instead of taking its best

    @property
    def pool(self) -> Pool:
        """The pool."""
        return self.index.pool

    @cached_property
    def usable_mask(self) -> torch.Tensor:
        """``usable`` as a tensor."""
        return torch.from_numpy(self.usable)

    @cached_property
    def groups(self) -> torch.Tensor:
        """Item numbers ``(N,)``."""
        return torch.from_numpy(self.pool.groups)

    def generator(self) -> torch.Generator:
        """Random source that depends on the seed and the query alone."""
        digest = hashlib.sha256(f"{self.seed}/{self.query.language}/{self.query.text}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))

    def best(self, scores: torch.Tensor, count: int) -> torch.Tensor:
        """Indices of the ``count`` best usable candidates of different items, best first."""
        return policy.top(scores.masked_fill(~self.usable_mask, -torch.inf), count, self.groups)

    def selection(
        self, name: str, chosen: Sequence[int], score: Callable[[int], float | None] = lambda _: None
    ) -> Selection:
        """Wrap chosen indices of a strategy that has no policy."""
        shown = tuple(Demonstration(self.pool.examples[i], score(i), None) for i in chosen)
        return Selection(name, shown, candidates=int(self.usable.sum()))


class Strategy(Protocol):
    """A way to choose demonstrations."""

    name: str  # used in records and on the command line
    needs_k: bool  # False when it never shows any

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Choose ``count`` demonstrations, best first."""
        ...
