"""Language adherence: is the answer in the language that was asked for?

Closed tasks: the share of the model's probability that falls on label words of the asked language, among the label words of all
languages in play. Free text: the probability that ``py3langid`` gives the language, zero in a foreign script.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from core.languages import language

FEWEST_LETTERS = 6  # below this, a text is too short to tell its language


def label_adherence(log_probs: np.ndarray, own: Sequence[bool]) -> float:
    """Share of probability on words of the asked language, in [0, 1].

    ``log_probs`` ``(W,)`` over distinct words, ``own`` whether the asked language uses the word for a label.
    """
    weights = np.exp(log_probs - log_probs.max())
    return float(weights[np.array(own)].sum() / weights.sum())


def text_adherence(text: str, code: str, among: Sequence[str]) -> float | None:
    """Probability that ``text`` is in ``code``, given that it is in one of ``among``; None if it cannot be told."""
    wanted = language(code)
    share = wanted.share_of_script(text)
    if share is None or sum(character.isalpha() for character in text) < FEWEST_LETTERS:
        return None
    if share < 0.5:
        return 0.0
    tags = _identifiable()
    candidates = {_short(language(other).tag) for other in (code, *among)}
    if _short(wanted.tag) not in tags:
        return None
    ranked = dict(_identifier().rank(text))
    total = sum(probability for tag, probability in ranked.items() if tag in candidates)
    return float(ranked.get(_short(wanted.tag), 0.0) / total) if total > 0 else 0.0


def detect(text: str, among: Sequence[str]) -> str | None:
    """The most likely language of ``text`` among codes; None when too short or not identifiable."""
    if sum(character.isalpha() for character in text) < FEWEST_LETTERS:
        return None
    by_tag: dict[str, str] = {}
    for code in among:
        by_tag.setdefault(_short(language(code).tag), code)
    fitting = [code for code in among if (language(code).share_of_script(text) or 0) >= 0.5]
    for tag, _ in _identifier().rank(text):
        if by_tag.get(tag) in fitting:
            return by_tag[tag]
    return fitting[0] if fitting else None


@lru_cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


@lru_cache
def _identifiable() -> frozenset[str]:
    return frozenset(_identifier().labels)


def _short(tag: str) -> str:
    """py3langid's label for a BCP-47 tag."""
    base = tag.split("-")[0]
    return {"fil": "tl", "nb": "no"}.get(base, base)
