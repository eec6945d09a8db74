"""A pool of thousands of rows: a strategy that reads no vectors has none computed, and answers while others would still embed."""

import pytest
from toys import LABELS, LANGUAGES, LetterEncoder

from core.data.pool import Pool
from core.inference.predictor import Question
from core.models.loading import LanguageModel
from core.records import Example, Query
from core.selection.pool_index import MEANS_FROM, PoolIndex
from core.workbench import Workbench

ROWS = 5000
QUERY = Query("The bus number 7 leaves.", "eng_Latn")


@pytest.fixture(scope="module")
def large() -> Pool:
    """Rows without items, as strangers bring them."""
    return Pool(
        tuple(
            Example(str(n), str(n), LANGUAGES[n % 3], f"Row {n} of the table.", LABELS[n % len(LABELS)])
            for n in range(ROWS)
        )
    )


class Counting(LetterEncoder):
    """The toy encoder, counting texts."""

    texts = 0

    def vectors(self, texts):  # type: ignore[no-untyped-def]
        self.texts += len(texts)
        return super().vectors(texts)


@pytest.mark.parametrize("strategy", ["zero-shot", "random", "balanced", "bm25"])
def test_strategies_without_vectors_embed_neither_pool_nor_query(
    strategy: str, large: Pool, model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zero-shot took 24 s over 4,000 rows, because the pool's vectors were computed for every strategy."""
    encoder = Counting()
    predictor = Workbench(model, encoder, pools={"topic": large}).predictor("topic")  # type: ignore[arg-type]
    read: list[int] = []
    raw = predictor.index.vectors.raw
    monkeypatch.setattr(
        predictor.index.vectors, "raw", lambda texts, **rest: (read.append(len(texts)), raw(texts, **rest))[1]
    )
    prediction = predictor.predict(Question(QUERY, strategy, 4))
    assert len(prediction.selection.demonstrations) == (0 if strategy == "zero-shot" else 4)
    assert encoder.texts == 0
    assert prediction.answers[0].coherence is not None
    assert max(read) <= MEANS_FROM * len(LANGUAGES)  # the languages' means, for the coherence of the answer


def test_preparing_computes_what_is_needed_and_tells_how_far_it_is(large: Pool, model: LanguageModel) -> None:
    encoder, shares = Counting(), []
    index: PoolIndex = Workbench(model, encoder, pools={"topic": large}).index("topic")  # type: ignore[arg-type]
    index.prepare(lambda share, stage: shares.append(share), needs=())
    assert (encoder.texts, shares) == (0, [])
    index.prepare(lambda share, stage: shares.append(share), needs=("encoder",))
    assert encoder.texts == ROWS
    assert shares == sorted(shares)
    assert (len(shares) > 2, shares[-1]) == (True, 1.0)
    index.prepare(needs=("encoder",))
    assert encoder.texts == ROWS
