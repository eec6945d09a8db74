"""The interface of strategies: the candidates of one choice, and the protocol ``Strategy``.

Shapes: N candidates, C contexts, L labels, D and E dimensions of vectors.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
import torch

from core.data.pool import Pool
from core.errors import InvalidConfig
from core.records import Demonstration, Query, Selection
from core.selection import policy
from core.selection.model_judge import ModelJudge
from core.selection.policy import PolicyConfig


class Index(Protocol):
    """Vectors and tokens of a pool, each computed when first asked for."""

    pool: Pool

    def own_vectors(self) -> torch.Tensor:
        """``z`` of the pool by the language model, ``(N, D)``."""
        ...

    def own_halves(self) -> torch.Tensor | None:
        """Float16 copies of them for a first pass, ``(N, D)``; None for a pool that is read whole, see ``core.selection.policy``."""
        ...

    def own_bias(self) -> torch.Tensor | None:
        """The trained policy's term per candidate, ``(N,)``, in units of its score; None without one."""
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

    @property
    def untrained(self) -> "Index":
        """The same pool as the model saw it before its closed-loop run; itself where there was none."""
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
    model_judge: ModelJudge | None = None  # None where no language model may be consulted
    answered_in: tuple[str, ...] = ()  # languages of the answers; (): the query's own
    translation: Query | None = None  # the query in English, where it is known already
    count: int = 0  # demonstrations that will be asked for, for ``Strategy.prepare``

    @property
    def codes(self) -> tuple[str, ...]:
        """Languages of the answers."""
        return self.answered_in or (self.query.language,)

    @property
    def code(self) -> str:
        """Language of the first answer, by which strategies that consult the model do."""
        return self.codes[0]

    def required_judge(self, name: str) -> ModelJudge:
        """The model judge, for the strategy ``name`` that cannot do without. Raises ``InvalidConfig``."""
        if self.model_judge is None:
            raise InvalidConfig(
                f"The strategy {name!r} consults the language model, and none is at hand; ask through Predictor."
            )
        return self.model_judge

    def relevance(self) -> torch.Tensor:
        """Cosine of every candidate with the query by the sentence encoder, ``(N,)``."""
        return self.index.encoder_vectors() @ self.index.encoder_vector(self.query)

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

    @property
    def items(self) -> int:
        """How many different items are usable."""
        return len(torch.unique(self.groups[self.usable_mask]))

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
        demonstrations = tuple(Demonstration(self.pool.examples[i], score(i), None) for i in chosen)
        return Selection(name, demonstrations, candidates=int(self.usable.sum()))


Vectors = Literal["own", "encoder"]  # of the language model, or of the sentence encoder


class Strategy(Protocol):
    """A way to choose demonstrations. The defaults are those of a strategy without chance, for any task."""

    name: str  # used in records and on the command line
    title: str  # English name for people; an interface catalogue may translate it
    needs: frozenset[Vectors] = frozenset()  # vectors of the whole pool that it reads; only these are computed
    needs_k: bool = True  # False when it never shows any
    seeded: bool = False  # whether the seed changes what it chooses
    framed: bool = False  # whether it still does something without demonstrations: it puts the query in another way
    closed: bool = False  # whether it makes sense for a fixed set of labels only

    def prepare(self, choices: Sequence[Candidates], progress: Callable[[float], None] = lambda _: None) -> None:
        """Do at once, for many choices to be made soon, what is slow one by one; changes no choice."""
        return

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Choose ``count`` demonstrations, best first."""
        ...
