"""Retrieval of translations: a held-out Tatoeba sentence must find its English side, by cosine.

Candidates are the English sides of its language's held-out pairs. P@1 is the share that finds its own, in [0, 1]; chance is
one over the number of pairs.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from core.embeddings import Projection, SentenceVectors
from core.encoder import SentenceEncoder

ENGLISH = "eng_Latn"
FEWEST = 10  # held-out pairs of a language below which nothing is reported

Embedding = Callable[[list[str], list[str]], np.ndarray]  # texts and their language codes to unit vectors (N, D)


def pairs_by_language(held_out: pd.DataFrame, fewest: int = FEWEST) -> dict[str, pd.DataFrame]:
    """Pairs of each language that has at least ``fewest`` with different English sides.

    ``held_out`` has the columns language, text, english.
    """
    parts = {str(code): part.drop_duplicates("english") for code, part in held_out.groupby("language", sort=True)}
    return {code: part for code, part in parts.items() if len(part) >= fewest}


def retrieval(held_out: pd.DataFrame, vectors: SentenceVectors, encoder: SentenceEncoder) -> pd.DataFrame:
    """One row per language: pairs, P@1 by the sentence encoder, P@1 by the model's own states."""

    def own(texts: list[str], codes: list[str]) -> np.ndarray:
        raw = vectors.raw(texts)
        return Projection.fit(raw, codes)(raw, codes)

    def encoded(texts: list[str], _codes: list[str]) -> np.ndarray:
        return encoder.vectors(texts)

    return pd.DataFrame(
        [
            {
                "language": code,
                "pairs": len(pairs),
                "encoder_p1": precision_at_one(pairs, code, encoded),
                "own_states_p1": precision_at_one(pairs, code, own),
            }
            for code, pairs in pairs_by_language(held_out).items()
        ]
    )


def precision_at_one(pairs: pd.DataFrame, code: str, embed: Embedding) -> float:
    """Share of sentences whose nearest English side is their own, in [0, 1]."""
    texts, english = pairs["text"].tolist(), pairs["english"].tolist()
    vectors = embed(texts + english, [code] * len(texts) + [ENGLISH] * len(english))
    nearest = (vectors[: len(texts)] @ vectors[len(texts) :].T).argmax(1)
    return float((nearest == np.arange(len(texts))).mean())
