"""Explore for programs, without gradio: typed functions over the questions that a form can ask. Nothing here knows raters or studies.

Whatever is sent is checked as a link is (``app.explore.link``), because types in a signature describe and do not bind.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from app.explore.answer import Response
from app.explore.form import DETECT, MOST_ANSWERS, Form
from app.explore.link import form_of_link
from app.explore.models import SERVED, known_models
from app.explore.service import ExploreService
from core.errors import InvalidQuery
from core.language_id import Detection
from core.languages import language as language_of
from core.models.catalogue import ALIASES, DEFAULT
from core.records import Answer, Demonstration
from core.selection.strategies import STRATEGIES
from core.workbench import POOL_OF_TASK


class Public:
    """What a program may ask. May be shared by threads."""

    def __init__(
        self, explore: ExploreService, codes: Sequence[str], connected: Callable[[], bool] = lambda: True
    ) -> None:
        """``codes``: languages that questions are asked and answered in; ``connected``: whether whoever asks is still there."""
        self._explore, self._codes, self._connected = explore, tuple(codes), connected

    def languages(self) -> list[dict[str, str]]:
        """Languages that a question can be asked and answered in: code, BCP-47 tag, English name, own name."""
        own = [language_of(code) for code in self._codes]
        return [{"code": one.code, "tag": one.tag, "name": one.name, "autonym": one.autonym} for one in own]

    def strategies(self) -> list[dict[str, Any]]:
        """Ways to choose demonstrations; needs_labels: for tasks with labels alone, seeded: chance takes part in it."""
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
        model: str = DEFAULT,
        seed: int = 0,
    ) -> dict[str, Any]:
        """Let the model choose demonstrations in other languages for a text, and answer with them.

        What comes back: id; language of the query; detection of it (language or null, certainty in [0, 1], alternatives with theirs,
        reason; null where the language was chosen); demonstrations, best first (id, language, text, label, origin, score, probability of
        being drawn next, effect on the first answer's probability, in_prompt: whether the prompt had room for it); answers (language,
        text, label, confidence, adherence, coherence, probabilities over the labels, answer without_demonstrations, kl between both in
        nats, prompt); provenance, which makes the answer again; seconds by phase. What cannot be told is null.

        Args:
            text: what is asked about, at most 2,000 characters
            language: code of its language, such as swh_Latn; detect to have it told
            answer_languages: codes to answer in, at most 12; none for the text's own language
            task: topic, sentiment or translation
            strategy: how demonstrations are chosen, see strategies
            k: how many, from 0 to 8
            pool_languages: codes that demonstrations may come from; none for all but the text's own
            model: default, the name of a known model such as tiny, or served where the host set up a model server
            seed: of strategies that have chance in them

        """
        form = self._form(text, language, answer_languages, task, strategy, k, pool_languages, model, seed)
        for step in self._explore.ask(form):
            if step.response is not None:
                detected = step.response.detected
                return as_dict(step.response) | {"detection": _detection(detected) if detected is not None else None}
            if not self._connected():
                raise InvalidQuery("Whoever asked has left, so the question was not answered to its end.")
        raise AssertionError("a question ends with its response or an error")

    def _form(self, *arguments: object) -> Form:
        """The form that a call says. Raises ``InvalidQuery`` for what cannot be."""
        text, language, answers, task, strategy, k, pool, model, seed = arguments
        if not isinstance(text, str):
            raise InvalidQuery(f"text is {type(text).__name__}; give a string.")
        models = (DEFAULT, *known_models(), SERVED)
        if not isinstance(model, str) or (model not in models and ALIASES.get(model) not in models):
            raise InvalidQuery(f"model is {str(model)[:40]!r}; choose one of {', '.join(models)}.")
        parameters = {
            "language": str(language),
            "answer_languages": ",".join(_codes("answer_languages", answers, MOST_ANSWERS)),
            "task": str(task),
            "strategy": str(strategy),
            "k": str(k),
            "pool_languages": ",".join(_codes("pool_languages", pool, len(self._codes))),
            "model": str(model),
            "seed": str(seed),
        }
        names = {"strategies" if name == "strategy" else name: name for name in parameters}
        form = form_of_link({"q": text or " ", **parameters}, self._codes, tuple(POOL_OF_TASK), names)
        assert form is not None
        if len(form.strategies) != 1 or form.strategies[0] not in STRATEGIES:
            raise InvalidQuery(f"strategy is {parameters['strategy'][:40]!r}; choose one of {', '.join(STRATEGIES)}.")
        return form


def _codes(name: str, value: object, most: int) -> list[str]:
    """Codes without repeats."""
    if value is None:
        return []
    if not isinstance(value, list | tuple) or not all(isinstance(code, str) for code in value):
        raise InvalidQuery(f"{name} must be a list of language codes, such as ['swh_Latn', 'eng_Latn'].")
    codes = list(dict.fromkeys(value))
    if len(codes) > most:
        raise InvalidQuery(f"{name} has {len(codes)} entries; at most {most} are allowed.")
    return codes


def _detection(detection: Detection) -> dict[str, Any]:
    return {
        "language": detection.language,
        "certainty": detection.certainty,
        "alternatives": [{"language": code, "certainty": certainty} for code, certainty in detection.alternatives],
        "reason": detection.sentence,
    }


def as_dict(response: Response) -> dict[str, Any]:
    """The first prediction of a response as it goes over the wire, see ``Public.ask``."""
    prediction = response.predictions[0]
    effects = {effect.demonstration.example.id: effect.change for effect in prediction.effects}
    read = prediction.answers[0].prompt.demonstrations
    return {
        "id": response.id,
        "language": prediction.query.language,
        "demonstrations": [_demonstration(e, effects, e in read) for e in prediction.selection.demonstrations],
        "answers": [_answer(answer) for answer in prediction.answers],
        "provenance": dict(prediction.provenance),
        "seconds": {phase: round(value, 3) for phase, value in prediction.seconds.items()},
    }


def _demonstration(entry: Demonstration, effects: dict[str, float], in_prompt: bool) -> dict[str, Any]:
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
        "in_prompt": in_prompt,
    }


def _answer(answer: Answer) -> dict[str, Any]:
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
