"""How good the embedded models are, on text that was held out: retrieval of translations, bits per byte.

Retrieval P@1: a held-out Tatoeba sentence must find its English side among the English sides of its language's held-out
pairs, by cosine. Bits per byte: negative log2-likelihood of a sentence, end included, over its UTF-8 bytes.
"""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from core.embeddings import Projection, SentenceVectors
from core.encoder import SentenceEncoder
from core.scoring import Scorer

FEWEST = 10  # held-out pairs of a language below which nothing is reported


def quality(held_out: pd.DataFrame, scorer: Scorer, encoder: SentenceEncoder) -> pd.DataFrame:
    """One row per language: pairs, retrieval by the encoder and by the model's own states, bits per byte.

    ``held_out`` has columns language, text, english.
    """
    vectors = SentenceVectors(scorer.model)

    def own(texts: list[str], codes: list[str]) -> np.ndarray:
        raw = vectors.raw(texts)
        return Projection.fit(raw, codes)(raw, codes)

    def encoded(texts: list[str], _codes: list[str]) -> np.ndarray:
        return encoder.vectors(texts)

    rows = []
    for code, part in held_out.groupby("language", sort=True):
        pairs = part.drop_duplicates("english")
        if len(pairs) < FEWEST:
            continue
        rows.append(
            {
                "language": code,
                "pairs": len(pairs),
                "encoder_p1": retrieval(pairs, str(code), encoded),
                "own_states_p1": retrieval(pairs, str(code), own),
                "bits_per_byte": bits_per_byte(pairs["text"].tolist(), scorer),
            }
        )
    return pd.DataFrame(rows)


def retrieval(pairs: pd.DataFrame, code: str, embed: Callable[[list[str], list[str]], np.ndarray]) -> float:
    """Share of sentences whose nearest English side is their own, in [0, 1]."""
    texts, english = pairs["text"].tolist(), pairs["english"].tolist()
    vectors = embed(texts + english, [code] * len(texts) + ["eng_Latn"] * len(english))
    nearest = (vectors[: len(texts)] @ vectors[len(texts) :].T).argmax(1)
    return float((nearest == np.arange(len(texts))).mean())


def bits_per_byte(texts: list[str], scorer: Scorer) -> float:
    """Mean bits a UTF-8 byte, over all texts together."""
    nats = -sum(float(values.sum()) for values in scorer.token_scores([("", " " + text) for text in texts]))
    return nats / math.log(2) / sum(len(text.encode()) + 1 for text in texts)
