"""How many of a text's words and letter sequences a language's bundled sentences know.

An identifier answers with the likeliest of its languages also for a text in a language that it was never shown: Lingala comes out as
Swahili, with certainty. The 200 bundled sentences of a language hold its commonest words, which another language lacks. Measures the
share of a text's words, and of its sequences of four letters (blanks counted), that occur in them, over the share that is usual for a
sentence of the language: that of each bundled sentence in the others. A language is left out whose sentences share too little, as
where words are not parted by blanks.

Open-set identification by the vocabulary, in the sense of Cavnar and Trenkle 1994 (n-gram profiles); no profile is shipped.
"""

import json
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import regex

from core.config import ASSETS

FOLDERS = ("topic", "sentiment")
LETTERS = 4  # of a sequence
LEAST_USUAL = 0.3  # share of sequences that sentences of a language have in common, below which nothing is said
FEWEST_LETTERS = 40  # of a text, below which nothing is said: one unknown word would decide
_WORD = regex.compile(r"[\p{L}\p{M}]+")


@dataclass(frozen=True)
class Known:
    """Words and sequences of a language, and their usual shares in a sentence of it."""

    words: frozenset[str]
    sequences: frozenset[str]
    usual_words: float
    usual_sequences: float


def familiarity(text: str, code: str) -> float | None:
    """Mean of both shares, each over its usual value: about 1 for a sentence of the language, towards 0 for any other.

    ``code`` of a language as in FLORES-200. None where there is too little to go by: no bundled sentences, a short text, a script
    without blanks.
    """
    known = _known(code)
    words, sequences = _parts(text)
    if known is None or sum(map(len, words)) < FEWEST_LETTERS:
        return None
    return (
        _share(words, known.words) / known.usual_words + _share(sequences, known.sequences) / known.usual_sequences
    ) / 2


def _parts(text: str) -> tuple[list[str], list[str]]:
    words = _WORD.findall(text.casefold())
    line = f" {' '.join(words)} "
    return words, [line[at : at + LETTERS] for at in range(len(line) - LETTERS + 1)]


def _share(parts: list[str], known: frozenset[str]) -> float:
    return sum(part in known for part in parts) / len(parts)


@lru_cache
def _known(code: str) -> Known | None:
    texts = [
        json.loads(line)["text"]
        for folder in FOLDERS
        if (path := ASSETS / "demonstrations" / folder / f"{code}.jsonl").is_file()
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    parts = [_parts(text) for text in texts]
    counts = [Counter(one for both in parts for one in set(both[kind])) for kind in (0, 1)]
    usual = []
    for kind in (0, 1):
        more_than_here = frozenset(one for one, count in counts[kind].items() if count > 1)
        shares = [_share(both[kind], more_than_here) for both in parts if both[kind]]
        usual.append(sum(shares) / max(len(shares), 1))
    if usual[1] < LEAST_USUAL or not usual[0]:
        return None
    return Known(frozenset(counts[0]), frozenset(counts[1]), *usual)
