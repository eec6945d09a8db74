"""Topic by nearest neighbours: do vectors put a sentence among others of its topic, in other languages?

Queries are SIB-200 ``dev_query`` sentences, neighbours come from ``demo``. Five of them vote. Accuracy is in [0, 1].

Shapes: Q queries, N examples of the pool, D dimensions.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.index import PoolIndex
from core.metrics import accuracy
from core.pool import Pool
from core.quality.retrieval import ENGLISH
from core.records import Example

NEIGHBOURS = 5


def topic_accuracy(queries: Sequence[Example], index: PoolIndex) -> pd.DataFrame:
    """One row per language: queries, accuracy by encoder and by the model's own states, from English and from all others.

    The own states are centred by the language means of the pool. ``*_others`` looks among all languages of the pool but
    the query's, where several neighbours may be translations of each other. For English queries ``*_english`` stays
    within one language.
    """
    pool = index.pool
    rows = []
    for code in sorted({query.language for query in queries}):
        asked = [query for query in queries if query.language == code]
        texts, gold = [query.text for query in asked], [query.label for query in asked]
        found = {
            "encoder": index.encoder.vectors(texts) @ index.encoder_vectors().numpy().T,
            "own": index.own(texts, [code] * len(texts)) @ index.own_vectors().numpy().T,
        }
        row: dict[str, object] = {"language": code, "queries": len(asked)}
        for name, similarities in found.items():
            for place, usable in (("english", _in_language(pool, ENGLISH)), ("others", ~_in_language(pool, code))):
                row[f"{name}_{place}"] = accuracy(gold, nearest_labels(asked, pool, similarities, usable))
        rows.append(row)
    return pd.DataFrame(rows)


def nearest_labels(queries: Sequence[Example], pool: Pool, similarities: np.ndarray, usable: np.ndarray) -> list[str]:
    """The label that the nearest usable examples of other items vote for, per query.

    ``similarities`` ``(Q, N)``, ``usable`` ``(N,)`` bool, True = may vote.
    """
    items = np.array([example.item for example in pool.examples])
    labels = [example.label for example in pool.examples]
    found = []
    for query, row in zip(queries, similarities, strict=True):
        places = np.flatnonzero(usable & (items != query.item))
        near = places[np.argsort(-row[places], kind="stable")[:NEIGHBOURS]]
        found.append(vote([labels[place] for place in near], row[near].tolist()))
    return found


def vote(labels: Sequence[str], similarities: Sequence[float]) -> str:
    """The most frequent label; of those as frequent, the one with the highest sum of similarities."""
    counts = Counter(labels)
    sums = dict.fromkeys(labels, 0.0)
    for label, similarity in zip(labels, similarities, strict=True):
        sums[label] += similarity
    return max(counts, key=lambda label: (counts[label], sums[label]))


def _in_language(pool: Pool, code: str) -> np.ndarray:
    return np.array([example.language == code for example in pool.examples])
