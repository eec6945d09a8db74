"""Explore for programs, without gradio: typed functions over the questions that a form can ask. Nothing here knows raters or studies.

Whatever is sent is checked as a link is (``app.explore.link``), because types in a signature describe and do not bind.
"""

import math
from collections.abc import Sequence
from typing import TypedDict

from app.explore.link import form_of_link
from app.explore.models import SERVED
from app.explore.service import DETECT, Explorer, Form
from core.errors import InvalidQuery
from core.languages import language as language_of
from core.records import Answer, Demonstration, Prediction
from core.selection.strategies import STRATEGIES
from core.workbench import POOL_OF_TASK

MODELS = ("embedded", SERVED)  # that a program may ask: those that are here whoever asks


class Spoken(TypedDict):
    """A language that can be asked and answered in."""

    code: str
    tag: str  # BCP-47
    name: str
    autonym: str


class Way(TypedDict):
    """A strategy."""

    name: str
    needs_labels: bool  # makes sense for tasks with labels alone
    seeded: bool  # chance takes part in it


class Shown(TypedDict):
    """A demonstration, in the order of the prompt's importance: best first."""

    id: str
    language: str
    text: str
    label: str
    origin: str  # pool or generated
    score: float | None  # the strategy's own
    probability: float | None  # of being drawn next, under the policy
    effect: float | None  # p(answer) with it minus without it, of the first answer


class Said(TypedDict):
    """An answer in one language."""

    language: str
    text: str
    label: str | None
    confidence: float | None
    adherence: float | None
    coherence: float | None
    probabilities: dict[str, float]  # over the labels; empty for free text
    without_demonstrations: str | None
    kl: float | None  # nats, of the label distributions with and without demonstrations
    prompt: str


class Told(TypedDict):
    """A question answered."""

    language: str  # of the query, as given or detected
    demonstrations: list[Shown]
    answers: list[Said]
    provenance: dict[str, str]  # model, strategy, seed and what else makes the answer what it is
    seconds: dict[str, float]


class Public:
    """What a program may ask. May be shared by threads."""

    def __init__(self, explorer: Explorer, codes: Sequence[str]) -> None:
        """``codes``: languages that questions are asked and answered in."""
        self._explorer, self._codes = explorer, tuple(codes)

    def languages(self) -> list[Spoken]:
        """Languages that a question can be asked and answered in."""
        known = [language_of(code) for code in self._codes]
        return [{"code": one.code, "tag": one.tag, "name": one.name, "autonym": one.autonym} for one in known]

    def strategies(self) -> list[Way]:
        """Ways to choose demonstrations."""
        return [{"name": one.name, "needs_labels": one.closed, "seeded": one.seeded} for one in STRATEGIES.values()]

    def ask(
        self,
        text: str,
        language: str = DETECT,
        answer_languages: list[str] | None = None,
        task: str = "topic",
        strategy: str = "agl",
        k: int = 4,
        pool_languages: list[str] | None = None,
        model: str = "embedded",
        seed: int = 0,
    ) -> Told:
        """Let the model choose demonstrations in other languages for a text, and answer with them.

        Args:
            text: what is asked about, at most 2,000 characters
            language: code of its language, such as swh_Latn; detect to have it told
            answer_languages: codes to answer in; none for the text's own language
            task: topic, sentiment or translation
            strategy: how demonstrations are chosen, see strategies
            k: how many, from 0 to 8
            pool_languages: codes that demonstrations may come from; none for all but the text's own
            model: embedded, or served where the host set up a model server
            seed: of strategies that have chance in them

        """
        form = self._form(text, language, answer_languages, task, strategy, k, pool_languages, model, seed)
        *_, last = self._explorer.ask(form)
        return told(last.predictions[0])

    def _form(self, *given: object) -> Form:
        """The form that a call says. Raises ``InvalidQuery`` for what cannot be."""
        text, language, answers, task, strategy, k, pool, model, seed = given
        if not isinstance(text, str):
            raise InvalidQuery(f"text is {type(text).__name__}; give a string.")
        if model not in MODELS:
            raise InvalidQuery(f"model is {str(model)[:40]!r}; choose one of {', '.join(MODELS)}.")
        said = {
            "language": str(language),
            "answer_languages": ",".join(_codes("answer_languages", answers)),
            "task": str(task),
            "strategy": str(strategy),
            "k": str(k),
            "pool_languages": ",".join(_codes("pool_languages", pool)),
            "model": str(model),
            "seed": str(seed),
        }
        names = {"strategies" if name == "strategy" else name: name for name in said}
        form = form_of_link({"q": text or " ", **said}, self._codes, tuple(POOL_OF_TASK), names)
        assert form is not None
        if len(form.strategies) != 1 or form.strategies[0] not in STRATEGIES:
            raise InvalidQuery(f"strategy is {said['strategy'][:40]!r}; choose one of {', '.join(STRATEGIES)}.")
        return form


def _codes(name: str, given: object) -> list[str]:
    if given is None:
        return []
    if not isinstance(given, list | tuple) or not all(isinstance(code, str) for code in given):
        raise InvalidQuery(f"{name} must be a list of language codes, such as ['swh_Latn', 'eng_Latn'].")
    return list(given)


def told(prediction: Prediction) -> Told:
    """A prediction as it is told over the wire."""
    effects = {effect.demonstration.example.id: effect.change for effect in prediction.effects}
    return {
        "language": prediction.query.language,
        "demonstrations": [_shown(entry, effects) for entry in prediction.selection.demonstrations],
        "answers": [_said(answer) for answer in prediction.answers],
        "provenance": dict(prediction.provenance),
        "seconds": {phase: round(value, 3) for phase, value in prediction.seconds.items()},
    }


def _shown(entry: Demonstration, effects: dict[str, float]) -> Shown:
    example = entry.example
    return {
        "id": example.id,
        "language": example.language,
        "text": example.text,
        "label": example.label,
        "origin": example.origin,
        "score": entry.score,
        "probability": None if entry.log_prob is None else math.exp(entry.log_prob),
        "effect": effects.get(example.id),
    }


def _said(answer: Answer) -> Said:
    return {
        "language": answer.language,
        "text": answer.text,
        "label": answer.label,
        "confidence": answer.confidence,
        "adherence": answer.adherence,
        "coherence": answer.coherence,
        "probabilities": dict(answer.with_context.probabilities) if answer.with_context else {},
        "without_demonstrations": answer.zero_shot_text,
        "kl": answer.kl,
        "prompt": answer.prompt.text,
    }
