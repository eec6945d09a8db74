"""Language identification with a certainty and an answer "none of these", and language adherence of answers.

``py3langid`` ranks all of its 140 languages first; only then the offered ones are looked at, so that Catalan is not Spanish because
Catalan is not offered. The script is hard evidence: languages of another script are out. A language that the identifier never learnt
comes out as something else with certainty; so a text must hold words and letter sequences that the bundled sentences of its language
hold (`core.known_words`). The identifier's probabilities hold what they say on cut sentences of SIB-200 ``demo`` (of those above 0.8,
94 % are right at one word, all at five).

Adherence, closed tasks: the share of the model's probability that falls on label words of the language that the answer should be in,
among the label words of all languages in play. Free text: the probability that the text is in that language, zero in a foreign script.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import langcodes
import numpy as np

from core.known_words import familiarity
from core.languages import Language, language

FEWEST_LETTERS = 6  # a shorter text leaves its language uncertain, whatever the letters say
SHORT_AT_MOST = 0.5  # certainty of a shorter text
LEAST_CERTAINTY = (
    0.6  # of the most likely language, below which none is named (chosen on SIB-200 demo: 98 % of 28 languages pass)
)
LEAST_OF_GROUP = (
    1 / 3
)  # of the probability of close languages, that offered ones must have: many sentences fit Indonesian and Malay
LEAST_NAMED = 0.05  # probability from which another language is named beside the likeliest
# Of the likeliest language, see `core.known_words`; chosen on SIB-200 demo, where 1 of 390 sentences of the offered languages lies below
# it, and 238 of 342 that were taken for one of them and are in languages that the identifier never learnt.
LEAST_FAMILIAR = 0.5
UNFAMILIAR = 0.01
SHARE_OF_SCRIPT = 0.5  # of a text's letters

# Languages that differ in so few words that a sentence often fits several, by py3langid's labels. Only these alternatives are close;
# a text in one that is not offered is distinguished from an offered neighbour, and the neighbour is named.
CLOSE = (
    frozenset({"id", "ms"}),
    frozenset({"hr", "sr", "bs"}),
    frozenset({"no", "da", "nn"}),
    frozenset({"cs", "sk"}),
    frozenset({"xh", "zu"}),
    frozenset({"pt", "gl"}),
    frozenset({"es", "ca", "ext", "an"}),
    frozenset({"fa", "tg"}),
    frozenset({"hi", "ne", "sa"}),
    frozenset({"tl", "bcl"}),
    frozenset({"rw", "lg"}),
    frozenset({"ru", "uk", "be"}),
)
# py3langid distinguishes varieties that share a macrolanguage, which we do not.
_MACRO = {"yue": "zh", "wuu": "zh", "arz": "ar", "ary": "ar", "sdh": "ku", "uzs": "uz", "grc": "el", "hbo": "he"}

Fault = Literal["", "empty", "script", "language"]
Reason = Literal["", "no letters", "script", "close", "other", "unlike", "uncertain"]


@dataclass(frozen=True)
class Detection:
    """The language of a text, among those offered or none of them."""

    language: str | None  # code of an offered language; None: none of them, or not certain enough
    certainty: float  # [0, 1]: probability of ``language``; of the likeliest offered one where it is None
    alternatives: tuple[
        tuple[str, float], ...
    ] = ()  # other offered languages that it may be, likeliest first, with theirs
    reason: Reason = (
        ""  # why none is named: a script of none, a close or another language, unlike words, or too little to go by
    )
    seems: str = ""  # English name of the language that it seems to be, where that is not offered

    @property
    def sure(self) -> bool:
        """Whether a person need not be asked."""
        return self.language is not None and self.certainty >= LEAST_CERTAINTY

    @property
    def sentence(self) -> str:
        """Why none is named, for the person who asks; "" where one is."""
        close = " or ".join(language(code).name for code, _ in self.alternatives[:3])
        return {
            "": "",
            "no letters": "the text has no letters",
            "script": "its script is that of none of the offered languages",
            "close": f"it seems to be {self.seems}, which is close to {close} but not offered",
            "other": f"it seems to be {self.seems}, which is not offered",
            "unlike": f"its words are hardly those of {close}, which comes nearest",
            "uncertain": "it says too little" + (f"; it may be {close}" if close else ""),
        }[self.reason]


def detect(text: str, offered: Sequence[str]) -> Detection:
    """The most likely language of ``text`` among the codes ``offered``, or none of them.

    A short text is not refused, but its certainty falls with its letters.
    """
    letters = sum(character.isalpha() for character in text)
    if not letters:
        return Detection(None, 0.0, reason="no letters")
    fitting = [code for code in dict.fromkeys(offered) if _fits(language(code), text)]
    if not fitting:
        return Detection(None, 0.0, reason="script")
    by_label = {_label(language(code).tag): code for code in reversed(fitting)}
    probabilities = _label_probabilities(text)

    def certainty(probability: float) -> float:
        return probability if letters >= FEWEST_LETTERS else min(SHORT_AT_MOST, probability * letters / FEWEST_LETTERS)

    likeliest = max(probabilities, key=lambda label: probabilities[label])
    group = next((group for group in CLOSE if likeliest in group), frozenset({likeliest}))
    near = {by_label[label] for label in group if label in by_label}
    ranked = sorted(((code, probabilities.get(label, 0.0)) for label, code in by_label.items()), key=lambda e: -e[1])
    best, highest = ranked[0]
    others = tuple((code, certainty(p)) for code, p in ranked[1:] if p >= LEAST_NAMED or code in near)
    whole = sum(probabilities.get(label, 0.0) for label in group)
    offered_share = sum(p for code, p in ranked if code in near) / whole
    alone = letters < FEWEST_LETTERS and len(fitting) == 1  # the script speaks for it
    if alone or (whole >= LEAST_CERTAINTY and offered_share >= LEAST_OF_GROUP):
        familiar = familiarity(text, best)
        if familiar is not None and familiar < LEAST_FAMILIAR:
            return Detection(None, min(highest, UNFAMILIAR), ((best, min(highest, UNFAMILIAR)), *others), "unlike")
        return Detection(best, certainty(highest), others)
    if whole >= LEAST_CERTAINTY:
        likely = sorted(
            (label for label in group if probabilities.get(label, 0.0) >= 0.1), key=lambda n: -probabilities[n]
        )
        seems = " or ".join(langcodes.Language.get(label).display_name() for label in likely)
        relatives = tuple((code, certainty(p)) for code, p in ranked if code in near)
        return Detection(None, certainty(highest), relatives, "close" if near else "other", seems)
    candidates = tuple((code, certainty(p)) for code, p in ranked if p >= LEAST_NAMED)
    return Detection(None, certainty(highest), candidates, "uncertain")


def identifiable(code: str) -> bool:
    """Whether the identifier knows the language at all."""
    return _label(language(code).tag) in _labels()


def label_adherence(log_probs: np.ndarray, own: Sequence[bool]) -> float:
    """Share of probability on words of the language that the answer should be in, in [0, 1].

    ``log_probs`` ``(W,)`` over distinct words, ``own`` whether that language uses the word for a label.
    """
    weights = np.exp(log_probs - log_probs.max())
    return float(weights[np.array(own)].sum() / weights.sum())


def text_adherence(text: str, code: str, among: Sequence[str]) -> float | None:
    """Probability that ``text`` is in ``code``, given that it is in one of ``among``; None if that cannot be measured."""
    target = language(code)
    share = target.share_of_script(text)
    if share is None or sum(character.isalpha() for character in text) < FEWEST_LETTERS:
        return None
    if share < SHARE_OF_SCRIPT:
        return 0.0
    if not identifiable(code):
        return None
    candidates = {_label(language(other).tag) for other in (code, *among)}
    probabilities = _label_probabilities(text)
    total = sum(probability for label, probability in probabilities.items() if label in candidates)
    return probabilities.get(_label(target.tag), 0.0) / total if total > 0 else 0.0


def language_fault(text: str, code: str, among: Sequence[str]) -> Fault:
    """Why ``text``, which a model wrote, is none in the language ``code``; "" where nothing speaks against it.

    empty: no letter in it; script: fewer than half of its letters are of the language's; language: given that it is in one of ``among``,
    another is likelier.
    """
    share = language(code).share_of_script(text)
    if share is None:
        return "empty"
    if share < SHARE_OF_SCRIPT:
        return "script"
    likely = text_adherence(text, code, among)
    return "language" if likely is not None and likely < 0.5 else ""


def _fits(candidate: Language, text: str) -> bool:
    return (candidate.share_of_script(text) or 0.0) >= SHARE_OF_SCRIPT


def _label_probabilities(text: str) -> dict[str, float]:
    """Probability of every label of the identifier, varieties of one macrolanguage together."""
    totals: dict[str, float] = {}
    for label, probability in _identifier().rank(text):
        merged = _MACRO.get(label, label)
        totals[merged] = totals.get(merged, 0.0) + float(probability)
    return totals


@lru_cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


@lru_cache
def _labels() -> frozenset[str]:
    return frozenset(_MACRO.get(label, label) for label in _identifier().labels)


def _label(tag: str) -> str:
    """py3langid's label for a BCP-47 tag."""
    base = tag.split("-")[0]
    return {"fil": "tl", "nb": "no"}.get(base, base)
