"""A pool that is read in parts is read once: what was read lies on disk afterwards."""

from pathlib import Path
from typing import Any

import pytest

from app.explore import reading
from core.data.pool import Pool
from core.models.embeddings import SentenceVectors
from core.models.loading import LanguageModel
from core.selection.pool_index import PoolIndex


def test_what_was_read_in_parts_is_kept_on_disk(
    model: LanguageModel, encoder: Any, pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PART", 4)
    cache = tmp_path / "vectors.npz"
    index = PoolIndex(pool, SentenceVectors(model), encoder, cache)
    steps = list(reading.read_pool(index))
    texts = [example.text for example in pool.examples]
    assert [step.done for step in steps][-1] == len(set(texts)) and len(steps) > 1
    again = SentenceVectors(model)
    again.load(cache)
    assert again.knows(texts)
    assert list(reading.read_pool(PoolIndex(pool, again, encoder, cache))) == []  # nothing is left to read
