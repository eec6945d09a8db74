"""Quality of vectors and tokens: retrieval of translations, topic by nearest neighbours, and what text costs by language.

- *Retrieval*: a held-out Tatoeba sentence has to find its English side by cosine among the English sides of its language's held-out
  pairs. P@1 is the share that does, in [0, 1]; chance is one over the number of pairs.
- *Topic*: the topic that most of the five nearest ``demo`` sentences in other languages have, for SIB-200 ``dev_query`` sentences;
  accuracy in [0, 1].
- *Cost*: tokens on parallel sentences, so that languages can be compared: ``premium`` is their number over that of the same sentences in
  English (Petrov et al. 2023, arXiv 2305.15425, section 2). Bits per byte on held-out Tatoeba sentences: negative log2-likelihood over
  UTF-8 bytes, which does not depend on how text is cut.

Shapes: Q queries, N examples of the pool, D dimensions.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from tokenizers import Tokenizer

from core.data.pool import Pool
from core.metrics import accuracy
from core.models.embeddings import Projection, SentenceVectors
from core.models.sentence_encoder import SentenceEncoder
from core.records import Example
from core.scoring import Scorer
from core.selection.pool_index import PoolIndex

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
        language_queries = [query for query in queries if query.language == code]
        texts, gold = [query.text for query in language_queries], [query.label for query in language_queries]
        results = {
            "encoder": index.encoder.vectors(texts) @ index.encoder_vectors().numpy().T,
            "own": index.own(texts, [code] * len(texts)) @ index.own_vectors().numpy().T,
        }
        row: dict[str, object] = {"language": code, "queries": len(language_queries)}
        for name, similarities in results.items():
            for source, usable in (("english", _in_language(pool, ENGLISH)), ("others", ~_in_language(pool, code))):
                row[f"{name}_{source}"] = accuracy(gold, nearest_labels(language_queries, pool, similarities, usable))
        rows.append(row)
    return pd.DataFrame(rows)


def nearest_labels(queries: Sequence[Example], pool: Pool, similarities: np.ndarray, usable: np.ndarray) -> list[str]:
    """The label that the nearest usable examples of other items vote for, per query.

    ``similarities`` ``(Q, N)``, ``usable`` ``(N,)`` bool, True = may vote.
    """
    items = np.array([example.item for example in pool.examples])
    labels = [example.label for example in pool.examples]
    results = []
    for query, row in zip(queries, similarities, strict=True):
        positions = np.flatnonzero(usable & (items != query.item))
        near = positions[np.argsort(-row[positions], kind="stable")[:NEIGHBOURS]]
        results.append(vote([labels[index] for index in near], row[near].tolist()))
    return results


def vote(labels: Sequence[str], similarities: Sequence[float]) -> str:
    """The most frequent label; of those as frequent, the one with the highest sum of similarities."""
    counts = Counter(labels)
    sums = dict.fromkeys(labels, 0.0)
    for label, similarity in zip(labels, similarities, strict=True):
        sums[label] += similarity
    return max(counts, key=lambda label: (counts[label], sums[label]))


def _in_language(pool: Pool, code: str) -> np.ndarray:
    return np.array([example.language == code for example in pool.examples])


def costs(sentences: Sequence[Example], held_out: pd.DataFrame, scorer: Scorer) -> pd.DataFrame:
    """One row per language: tokens per character, premium over English, bits per byte.

    ``sentences`` say the same in every language, English among them; ``held_out`` has the columns language, text, english.
    A measure is missing where a language has no sentences or too few held-out pairs.
    """
    text = pd.DataFrame({"language": [e.language for e in sentences], "text": [e.text for e in sentences]})
    tokenizer = scorer.model.tokenizer.backend_tokenizer
    counts = tokens_by_language(tokenizer, text)
    measures = {
        "tokens_per_character": tokens_per_character(tokenizer, text),
        "premium": {code: count / counts[ENGLISH] for code, count in counts.items()},
        "bits_per_byte": {
            code: bits_per_byte(pairs["text"].tolist(), scorer) for code, pairs in pairs_by_language(held_out).items()
        },
    }
    return pd.DataFrame(measures).sort_index().rename_axis("language").reset_index()


def tokens_by_language(tokenizer: Tokenizer, text: pd.DataFrame) -> dict[str, int]:
    """Tokens of all lines of each language, special tokens left out. ``text`` has the columns language, text."""
    return {
        str(code): sum(
            len(encoding.ids)
            for encoding in tokenizer.encode_batch([" " + line for line in lines], add_special_tokens=False)
        )
        for code, lines in text.groupby("language", sort=True)["text"]
    }


def tokens_per_character(tokenizer: Tokenizer, text: pd.DataFrame) -> dict[str, float]:
    """Tokens per character by language (lower is cheaper), over the given text; the space before a line counts too."""
    characters = (text["text"].str.len() + 1).groupby(text["language"], sort=True).sum()
    counts = tokens_by_language(tokenizer, text)
    return {code: count / int(characters[code]) for code, count in counts.items()}


def bits_per_byte(texts: list[str], scorer: Scorer) -> float:
    """Mean bits a UTF-8 byte, over all texts together; a text begins with a space, as inside a prompt, and has no end."""
    nats = -sum(float(values.sum()) for values in scorer.token_scores([("", " " + text) for text in texts]))
    return nats / math.log(2) / sum(len(text.encode()) + 1 for text in texts)


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
