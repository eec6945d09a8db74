"""A pool with everything that strategies look at, computed on first use and remembered."""

from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from core.data.pool import Pool
from core.errors import InvalidConfig
from core.models.embeddings import Projection, SentenceVectors
from core.models.sentence_encoder import SentenceEncoder
from core.models.untrained import untrained_vectors
from core.records import Example, Query
from core.seeds import seed_of
from core.selection.policy import halved
from core.selection.strategies.base import Vectors
from core.selection.strategies.lexical import Bm25Index

OWN: frozenset[Vectors] = frozenset({"own"})
MEANS_FROM = 200  # sentences of a language that its mean is taken from where only measures need it
ENCODED_AT_ONCE = 2048  # texts between two reports of progress


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

    def prepare(self, progress: Callable[[float, str], None] | None = None, needs: Collection[Vectors] = OWN) -> None:
        """Compute vectors of the pool now, with progress: those that ``needs`` names, see ``Strategy.needs``.

        The model's own are read from the cache file and written to it.
        """
        if "encoder" in needs and "_encoded" not in self.__dict__:
            self.__dict__["_encoded"] = self._encode(progress)
        if "own" in needs and not self.unseen:
            self._prepare_own(progress)

    def _prepare_own(self, progress: Callable[[float, str], None] | None = None) -> None:
        texts = [example.text for example in self.pool.examples]
        with self.vectors.model.lock:
            if "_raw" in self.__dict__:
                return
            kept = frozenset[str]() if self.cache is None else self.vectors.load(self.cache)
            self.__dict__["_raw"] = self.vectors.raw(texts, progress=progress)
            if self.cache is not None and not kept.issuperset(texts):  # whoever read them, and in whatever parts
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
        self._prepare_own()
        return self._projected(Projection.fit(self._raw, [example.language for example in self.pool.examples]))

    def _projected(self, fitted: Projection) -> Projection:
        """The centring that the run was trained with, where it has its own, else ``fitted``; with the trained projection."""
        model = self.vectors.model
        if model.projection is None or model.trained is None or model.trained.overall is None:
            return Projection(fitted.means, fitted.overall, model.projection)
        return Projection({**fitted.means, **model.trained.means}, model.trained.overall, model.projection)

    @cached_property
    def measuring(self) -> Projection:
        """``z`` for measures such as coherence, with means of at most ``MEANS_FROM`` sentences a language.

        They are drawn by their ids alone, so that every strategy is measured alike, and a strategy that reads no vectors does not
        have the whole pool embedded for its measures. Equal to ``projection`` for a pool that has no more.
        """
        if self.unseen:
            raise InvalidConfig(self.unseen)
        by_language: dict[str, list[Example]] = {}
        for example in self.pool.examples:
            by_language.setdefault(example.language, []).append(example)
        if all(len(rows) <= MEANS_FROM for rows in by_language.values()):
            return self.projection
        drawn = [e for rows in by_language.values() for e in sorted(rows, key=lambda e: seed_of(e.id))[:MEANS_FROM]]
        return self._projected(Projection.fit(self.vectors.raw([e.text for e in drawn]), [e.language for e in drawn]))

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

    def own_bias(self) -> torch.Tensor | None:
        """The trained policy's term per candidate, ``(N,)``, in units of its score; None without one."""
        return self._bias

    @cached_property
    def _bias(self) -> torch.Tensor | None:
        model = self.vectors.model
        if model.projection is None or model.trained is None or model.trained.head is None:
            return None
        plain = Projection(self.projection.means, self.projection.overall)
        centred = plain(self._raw, [example.language for example in self.pool.examples])
        return torch.from_numpy(centred @ model.trained.head).float()

    def own_vector(self, query: Query) -> torch.Tensor:
        """``z`` of a query, ``(D,)``."""
        return torch.from_numpy(self.projection(self.vectors.raw([query.text]), [query.language])[0]).float()

    def own(self, texts: list[str], languages: list[str]) -> np.ndarray:
        """``z`` of any texts as they are measured, ``(N, D)``: see ``measuring``."""
        return self.measuring(self.vectors.raw(texts), languages)

    @cached_property
    def untrained(self) -> "PoolIndex":
        """The pool as the model saw it before its closed-loop run; itself where no run changed what it sees."""
        if self.vectors.model.projection is None:
            return self
        untrained = untrained_vectors(self.vectors)
        return PoolIndex(self.pool, untrained, self.encoder)

    @cached_property
    def _encoded(self) -> torch.Tensor:
        return self._encode(None)

    def _encode(self, progress: Callable[[float, str], None] | None) -> torch.Tensor:
        texts = [example.text for example in self.pool.examples]
        parts = []
        for start in range(0, len(texts), ENCODED_AT_ONCE):
            parts.append(self.encoder.vectors(texts[start : start + ENCODED_AT_ONCE]))
            if progress is not None:
                progress(min(1.0, (start + ENCODED_AT_ONCE) / len(texts)), "encoding the pool")
        return torch.from_numpy(np.concatenate(parts))

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
