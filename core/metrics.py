"""Metrics: accuracy and macro-F1 over labels; exact match, token F1, number match and chrF of free text against one reference.

Exact match and F1 are those of SQuAD (Rajpurkar et al. 2016, arXiv 1606.05250, section 6.1): case, Unicode form, punctuation and, in
English, articles do not count; F1 is that of the bags of tokens. Tokens of scripts without spaces are single characters. chrF (Popović
2015, W15-3049; as in sacrebleu: character n-grams up to 6, beta 2) is in [0, 100], the others in [0, 1].
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import regex

from core.data.matching import normal_form
from core.languages import language


def accuracy(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """Share of equal labels, in [0, 1]; needs at least one item."""
    return sum(g == p for g, p in zip(gold, predicted, strict=True)) / len(gold)


def macro_f1(gold: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> float:
    """Mean over ``labels`` of F1 = 2 TP / (2 TP + FP + FN), in [0, 1].

    A label that is neither in gold nor predicted has no F1 and is left out of the mean.
    """
    hits = Counter(g for g, p in zip(gold, predicted, strict=True) if g == p)
    either = Counter(gold) + Counter(predicted)  # 2 TP + FP + FN
    values = [2 * hits[label] / either[label] for label in labels if either[label]]
    return sum(values) / len(values)


MEASURES = {"qa": ("exact_match", "f1"), "math": ("exact_match",), "translation": ("chrf",)}  # by task
NUMBER_TASKS = ("math",)  # whose answer is the last number of the line
_UNSPACED = {"Hans", "Hant", "Jpan", "Thai", "Laoo", "Khmr", "Mymr"}
_NUMBER = regex.compile(r"[-\N{MINUS SIGN}]?\p{Nd}+(?:[.,٫٬\u00a0\u202f']\p{Nd}+)*")
_DROPPED = regex.compile(r"[\p{P}\p{S}]+")
_ARTICLES = regex.compile(r"\b(a|an|the)\b")


def measured(task: str, text: str, reference: str, code: str) -> dict[str, float]:
    """The measures of a task for one answer in ``code``."""
    if task == "math":
        return {"exact_match": float(last_number(text) == last_number(reference) != "")}
    if task == "qa":
        return {"exact_match": exact_match(text, reference, code), "f1": token_f1(text, reference, code)}
    return {"chrf": chrf([text], [reference])}


def exact_match(text: str, reference: str, code: str) -> float:
    """1 when both say the same apart from case, punctuation and English articles, else 0."""
    return float(_plain(text, code) == _plain(reference, code))


def token_f1(text: str, reference: str, code: str) -> float:
    """F1 of the bags of tokens, in [0, 1]; two texts without tokens agree."""
    answered, expected = Counter(_tokens(text, code)), Counter(_tokens(reference, code))
    if not answered or not expected:
        return float(answered == expected)
    shared = (answered & expected).total()
    return 2 * shared / (answered.total() + expected.total())


def last_number(text: str) -> str:
    """The last number of a text in plain digits, "" without one.

    Digits of any script count. A separator before exactly three digits divides thousands, one before other digits is the
    decimal mark; what is more, zeros at the end of a fraction say nothing.
    """
    numbers = _NUMBER.findall(text)
    if not numbers:
        return ""
    plain = "".join(
        str(unicodedata.digit(c)) if c.isdecimal() else c for c in numbers[-1].replace("\N{MINUS SIGN}", "-")
    )
    whole, *rest = regex.split(r"[^\d-]", plain)
    fraction = rest.pop() if rest and len(rest[-1]) != 3 else ""
    value = Decimal(whole + "".join(rest) + (f".{fraction}" if fraction else ""))
    return f"{value.normalize():f}"


def chrf(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Corpus chrF of as many hypotheses and references, in [0, 100]."""
    from sacrebleu.metrics.chrf import CHRF  # late: few who import metrics score translations

    return float(CHRF().corpus_score(list(hypotheses), [list(references)]).score)


def _plain(text: str, code: str) -> str:
    stripped = _DROPPED.sub("", normal_form(text))
    if language(code).tag.split("-")[0] == "en":
        stripped = _ARTICLES.sub(" ", stripped)
    return " ".join(stripped.split())


def _tokens(text: str, code: str) -> list[str]:
    plain = _plain(text, code)
    return list(plain.replace(" ", "")) if language(code).script in _UNSPACED else plain.split()
