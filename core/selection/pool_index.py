"""A pool with everything that strategies look at, computed on first use and remembered."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from core.data.pool import Pool
from core.errors import InvalidConfig
from core.models.embeddings import Projection, SentenceVectors
from core.models.sentence_encoder import SentenceEncoder
from core.models.untrained import untrained_vectors
from core.records import Query
from core.selection.policy import halved
from core.selection.strategies.lexical import Bm25Index


class PoolIndex:
    """Vectors and tokens of one pool by one language model and one sentence encoder."""

    def __init__(
        self,
        pool: Pool,
        vectors: SentenceVectors,
        encoder: SentenceEncoder,
        cache: Path | None = None,
        unseen: str = "",
    ) -> None:
        """``cache``: file that keeps the pool's vectors between runs; ``unseen``: why the model's states are out of reach, "" where not.

        Where they are, ``vectors`` lends its tokens alone.
        """
        self.pool, self.vectors, self.encoder, self.cache, self.unseen = pool, vectors, encoder, cache, unseen

    def prepare(self, progress: Callable[[float, str], None] | None = None) -> None:
        """Compute the pool's own vectors now, with progress, reading and writing the cache file."""
        if self.unseen:
            return
        texts = [example.text for example in self.pool.examples]
        with self.vectors.model.lock:
            if "_raw" in self.__dict__:
                return
            if self.cache is not None:
                self.vectors.load(self.cache)
            complete = self.vectors.knows(texts)
            self.__dict__["_raw"] = self.vectors.raw(texts, progress=progress)
            if self.cache is not None and not complete:
                self.vectors.save(self.cache, texts)

    @cached_property
    def _raw(self) -> np.ndarray:
        return self.vectors.raw([example.text for example in self.pool.examples])

    @property
    def sees(self) -> bool:
        """Whether the model's own vectors can be had."""
        return not self.unseen

    def prepared(self, texts: Sequence[str]) -> None:
        """Compute the vectors of these texts now, where they can be had."""
        if self.sees:
            self.vectors.raw(texts)

    @cached_property
    def projection(self) -> Projection:
        """``z`` with the language means of this pool. Raises ``InvalidConfig`` where the model's states are out of reach."""
        if self.unseen:
            raise InvalidConfig(self.unseen)
        self.prepare()
        fitted = Projection.fit(self._raw, [example.language for example in self.pool.examples])
        return Projection(fitted.means, fitted.overall, self.vectors.model.projection)

    @cached_property
    def _own(self) -> torch.Tensor:
        projection = self.projection
        languages = [example.language for example in self.pool.examples]
        return torch.from_numpy(projection(self._raw, languages)).float()

    def own_vectors(self) -> torch.Tensor:
        """``z`` of the pool, ``(N, D)``."""
        return self._own

    @cached_property
    def _halves(self) -> torch.Tensor | None:
        return halved(self._own)

    def own_halves(self) -> torch.Tensor | None:
        """Float16 copies of ``z`` of a large pool, ``(N, D)``; None for others."""
        return self._halves

    def own_vector(self, query: Query) -> torch.Tensor:
        """``z`` of a query, ``(D,)``."""
        return torch.from_numpy(self.own([query.text], [query.language])[0]).float()

    def own(self, texts: list[str], languages: list[str]) -> np.ndarray:
        """``z`` of any texts, ``(N, D)``."""
        projection = self.projection
        return projection(self.vectors.raw(texts), languages)

    @cached_property
    def untrained(self) -> "PoolIndex":
        """The pool as the model saw it before its closed-loop run; itself where no run changed what it sees."""
        if self.vectors.model.projection is None:
            return self
        untrained = untrained_vectors(self.vectors.model, self.vectors.layer)
        return PoolIndex(self.pool, untrained, self.encoder)

    @cached_property
    def _encoded(self) -> torch.Tensor:
        return torch.from_numpy(self.encoder.vectors([example.text for example in self.pool.examples]))

    def encoder_vectors(self) -> torch.Tensor:
        """Sentence encoder's vectors of the pool, ``(N, E)``."""
        return self._encoded

    def encoder_vector(self, query: Query) -> torch.Tensor:
        """Sentence encoder's vector of a query, ``(E,)``."""
        return torch.from_numpy(self.encoder.vectors([query.text])[0])

    @cached_property
    def _lexical(self) -> Bm25Index:
        return Bm25Index(self.vectors.model.encode([" " + example.text.casefold() for example in self.pool.examples]))

    def lexical_scores(self, query: Query) -> np.ndarray:
        """BM25 scores of the pool, ``(N,)``."""
        return self._lexical.scores(self.vectors.model.encode([" " + query.text.casefold()])[0])
