"""One sentence or two that say what came out: answer, answer without demonstrations, what changed it, how far languages agree."""

from dataclasses import dataclass
from html import escape

from app.explore.examples import gold_label
from app.html import spoken
from app.texts import Texts
from core.data.tasks import Task
from core.languages import language
from core.records import Answer, Prediction

LEAST_ADHERENCE = 0.5  # of a written answer, below which it more likely is in another of the task's languages
LEAST_EFFECT = 0.05  # change of probability below which leaving a demonstration out does nothing worth a word


@dataclass(frozen=True)
class Verdict:
    """What came out, before it is put into words."""

    answer: str  # text of the first answer
    without: str | None  # text without demonstrations
    turning: tuple[int, ...]  # positions of demonstrations without any one of which the answer is another
    helping: tuple[int, ...]  # positions of those that raise the answer's probability without turning it
    agreeing: int  # answers with the first one's label, itself among them
    answers: int
    right: bool | None  # None where nobody knows
    gold: str | None


def verdict_of(prediction: Prediction) -> Verdict | None:
    """The verdict of a finished prediction; None before its first answer."""
    if not prediction.answers:
        return None
    first = prediction.answers[0]
    effects = list(enumerate(prediction.effects))
    turning = tuple(i for i, e in effects if e.answer is not None and e.answer != first.label)
    helping = tuple(i for i, e in effects if i not in turning and e.change >= LEAST_EFFECT)
    gold = gold_label(prediction)
    return Verdict(
        first.text,
        first.zero_shot_text,
        turning,
        helping,
        sum(answer.label == first.label for answer in prediction.answers),
        len(prediction.answers),
        None if gold is None else gold == first.label,
        gold,
    )


def verdict_line(prediction: Prediction, task: Task, texts: Texts, worth: tuple[float, int] | None = None) -> str:
    """The verdict in the language of the page; ``worth``: share of such answers that were right, and how many there were."""
    verdict = verdict_of(prediction)
    if verdict is None:
        return ""
    first = prediction.answers[0]
    head = f"{escape(language(first.language).autonym)}: {spoken(verdict.answer or '–', first.language, 'answer')}"
    mark = f"{_mark(verdict, prediction, task, texts)}{warnings(first, texts)}"
    sentences = [f"<b>{head}</b>{mark}.", _without(verdict, prediction, texts)]
    if first.label is not None:
        sentences.append(_why(verdict, prediction, texts))
        if verdict.answers > 1:
            sentences.append(escape(texts("verdict.agree", count=verdict.agreeing, total=verdict.answers)))
    line = " ".join(sentence for sentence in sentences if sentence)
    certainty = ""
    if worth is not None:
        share, cases = worth
        worth_text = texts("verdict.worth", count=f"{100 * share:.0f}", n=f"{cases:,}")
        certainty = f'<p class="quiet worth">{escape(worth_text)}</p>'
    return f'<div class="verdict"><p>{line}</p>{certainty}</div>'


def warnings(answer: Answer, texts: Texts) -> str:
    """What speaks against a written answer: it repeats the query or a demonstration, ran in a circle, or is in another language."""
    keys = []
    if answer.copied:
        keys.append(f"explore.copied_{answer.copied}")
    if answer.repeated:
        keys.append("explore.repeated")
    if answer.label is None and answer.adherence is not None and answer.adherence < LEAST_ADHERENCE:
        keys.append("explore.other_language")
    own = language(answer.language).autonym
    return "".join(f' <span class="warning">⚠ {escape(texts(key, language=own))}</span>' for key in keys)


def _mark(verdict: Verdict, prediction: Prediction, task: Task, texts: Texts) -> str:
    if verdict.right is None:
        return ""
    if verdict.right:
        return f' <span class="right">✓ {escape(texts("verdict.right"))}</span>'
    code = prediction.answers[0].language
    gold = task.verbaliser(code).words[verdict.gold or ""]
    return f' <span class="wrong">✗ {escape(texts("verdict.wrong"))} {spoken(gold, code)}</span>'


def _without(verdict: Verdict, prediction: Prediction, texts: Texts) -> str:
    if not prediction.selection.demonstrations or verdict.without is None:
        return ""
    if verdict.without == verdict.answer:
        return escape(texts("verdict.without_same"))
    word = spoken(verdict.without or "–", prediction.answers[0].language)
    return f"{escape(texts('verdict.without'))} {word}."


def _why(verdict: Verdict, prediction: Prediction, texts: Texts) -> str:
    if not prediction.effects:
        return ""
    if verdict.turning:
        return escape(texts("verdict.turning", list=_listed(verdict.turning)))
    if verdict.helping:
        return escape(texts("verdict.helping", list=_listed(verdict.helping)))
    return escape(texts("verdict.no_single"))


def _listed(positions: tuple[int, ...]) -> str:
    return ", ".join(str(position + 1) for position in positions)
