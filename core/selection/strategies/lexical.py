"""BM25 over the model's own tokens, which cut every script, and the strategy that uses it."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from scipy import sparse

from core.records import Selection
from core.selection.strategies.base import Candidates, Strategy

K1, B = 1.5, 0.75


class Bm25Index:
    """BM25 with the idf of Lucene, ``log(1 + (N - df + 0.5) / (df + 0.5))`` (Robertson and Zaragoza 2009, section 3)."""

    def __init__(self, documents: Sequence[Sequence[int]]) -> None:
        """``documents``: token ids of each candidate."""
        lengths = np.array([len(document) for document in documents], dtype=np.float64)
        mean = max(1e-9, float(lengths.mean()))
        rows, columns, counts = [], [], []
        for row, document in enumerate(documents):
            for token, count in Counter(document).items():
                rows.append(row)
                columns.append(token)
                counts.append(count)
        width = max(columns, default=0) + 1
        frequency = np.bincount(columns, minlength=width)
        idf = np.log1p((len(documents) - frequency + 0.5) / (frequency + 0.5))
        occurs = np.array(counts, dtype=np.float64)
        norm = K1 * (1 - B + B * lengths[rows] / mean)
        weights = idf[columns] * occurs * (K1 + 1) / (occurs + norm)
        self._weights = sparse.csc_array((weights, (rows, columns)), shape=(len(documents), width))

    def scores(self, query: Sequence[int]) -> np.ndarray:
        """BM25 score of every candidate ``(N,)``; repeated query tokens count as often as they occur."""
        indexed = [token for token in query if token < self._weights.shape[1]]
        return (
            np.asarray(self._weights[:, indexed].sum(axis=1)).ravel() if indexed else np.zeros(self._weights.shape[0])
        )


class Bm25(Strategy):
    """The candidates that share the rarest tokens with the query."""

    name = "bm25"
    title = "Shared words (BM25)"

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Choose the highest scores; candidates that share nothing come last, by a seeded random order."""
        scores = torch.from_numpy(candidates.index.lexical_scores(candidates.query))
        ties = torch.rand(len(scores), generator=candidates.generator(), dtype=scores.dtype) * 1e-9
        return candidates.selection(
            self.name, candidates.best(scores + ties, count).tolist(), lambda i: float(scores[i])
        )
