"""Reads a pool that a model has not seen yet: a first answer comes from a few candidates, the rest is read in small parts.

Every part takes the model for itself only while it is computed, so other visitors are answered in between, two visitors who wait for
the same pool read it together, and a visitor who leaves ends her reading after the part in progress.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from core.data.pool import Pool
from core.inference.predictor import Predictor
from core.models.embeddings import by_tokens
from core.records import Query
from core.selection.pool_index import PoolIndex

FIRST_CANDIDATES = 200
PART = 48  # texts read between two looks at who is still there


@dataclass(frozen=True)
class Reading:
    """How far a pool is read."""

    done: int  # texts
    total: int
    seconds_left: float

    @property
    def share(self) -> float:
        """Done, in [0, 1]."""
        return self.done / max(1, self.total)


def _unread(index: PoolIndex) -> list[str]:
    """Distinct texts of the pool without vectors, shortest first; those of the cache file are taken in before."""
    if index.unseen:
        return []
    texts = sorted({example.text for example in index.pool.examples}, key=lambda text: (len(text), text))
    if not index.vectors.knows(texts) and index.cache is not None:
        with index.vectors.model.lock:
            index.vectors.load(index.cache)
    return [text for text in texts if not index.vectors.knows([text])]


def is_read(index: PoolIndex) -> bool:
    """Whether an answer need not wait for the pool to be read."""
    return len(_unread(index)) <= FIRST_CANDIDATES


def first_candidates(predictor: Predictor, query: Query) -> Predictor | None:
    """The predictor over a few candidates of every language and label, spread evenly, none of them saying what ``query`` says.

    None for a small pool, and for translation, which needs all sides of an item.
    """
    index = predictor.index
    if len(index.pool.examples) <= 2 * FIRST_CANDIDATES or not predictor.task.is_closed:
        return None
    own = index.pool.items_of(
        query
    )  # asked of the whole pool: the part may hold a translation and lack the query itself
    others = [example for example in index.pool.examples if example.item not in own]
    by_kind = sorted(others, key=lambda example: (example.language, example.label, example.id))
    step = len(by_kind) / FIRST_CANDIDATES
    few = Pool(tuple(by_kind[int(number * step)] for number in range(FIRST_CANDIDATES)))
    partial = PoolIndex(few, index.vectors, index.encoder)
    return Predictor(predictor.task, partial, predictor.scorer, predictor.settings, predictor.translation)


def read_pool(index: PoolIndex) -> Iterator[Reading]:
    """Read what is missing, part by part; the last part writes the cache file."""
    missing = by_tokens(index.vectors.model, _unread(index))
    total = len({example.text for example in index.pool.examples})
    began, letters, read = time.monotonic(), sum(map(len, missing)), 0
    for start in range(0, len(missing), PART):
        part = missing[start : start + PART]
        index.vectors.raw(part)
        read += sum(map(len, part))
        elapsed = time.monotonic() - began
        yield Reading(total - len(missing) + start + len(part), total, elapsed * (letters - read) / max(1, read))
    index.prepare()
