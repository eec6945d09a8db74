"""In-context prediction: choose demonstrations, answer in one or several languages, measure the answers.

``Predictor`` is the one entry point of the app, of ``train.py`` and of the experiments.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.data.tasks import FALLBACK, Task
from core.data.templates import clean
from core.errors import InvalidConfig, InvalidQuery
from core.inference.answering import Answerer
from core.inference.certainty import fitted_temperature
from core.inference.label_priors import LabelPriors
from core.inference.label_scores import LabelScorer
from core.inference.question import Question as Question
from core.inference.question import Settings as Settings
from core.languages import language
from core.models.engine import Engine
from core.prompting import PromptWriter
from core.records import PLAIN, Answer, Demonstration, Effect, Prediction, Query, Selection
from core.scoring import Scores
from core.selection.model_judge import ModelJudge
from core.selection.pool_index import PoolIndex
from core.selection.strategies import STRATEGIES, Candidates, Framed, Strategy

LONGEST_QUERY = 2000  # characters

# A choice learnt on topic cost 8.8 points on sentiment (assets/results/loop_gemma/comparison_task).
OTHER_TASK, BEFORE_TRAINING = "other task", "agl-untrained"


class Predictor:
    """Asks one model about one task with one pool."""

    def __init__(
        self,
        task: Task,
        index: PoolIndex,
        scorer: Scores,
        settings: Settings | None = None,
        translation: Task | None = None,
        cache: Path | None = None,
    ) -> None:
        """``cache``: folder for label priors, None for memory alone.

        ``scorer`` is shared by all predictors of a model, so that they share its cache; ``translation`` puts queries into English.
        """
        self.task, self.index, self.scorer, self.translation = task, index, scorer, translation
        self._cache = cache
        self.settings = settings or Settings()
        self.writer = PromptWriter(task, index.pool, scorer.model, self.settings.prompt)
        rule = self.settings.label_score
        self.priors = LabelPriors(self.writer, scorer, cache, rule)
        calibration, temperature = self.settings.calibration, self.settings.label_temperature
        if temperature is None:
            temperature = fitted_temperature(scorer.model.config.name, task.name, calibration)
        self.labels = LabelScorer(self.writer, scorer, self.priors, calibration, rule, temperature)
        self.answerer = Answerer(self.writer, self.labels, index)
        self.model_judge = ModelJudge(self.writer, scorer, translation)

    def with_settings(self, settings: Settings) -> "Predictor":
        """The same model, task and pool under other settings; scores are shared."""
        return Predictor(self.task, self.index, self.scorer, settings, self.translation, self._cache)

    @property
    def model(self) -> Engine:
        """The language model."""
        return self.scorer.model

    def select(self, question: Question, sample: bool = False) -> Selection:
        """Choose the demonstrations of a question, and how it is put. Raises ``PoolTooSmall``, or ``InvalidConfig`` for the wrong task."""
        strategy = self._strategy(question)
        candidates = self._candidates(question, sample)
        if question.fixed is not None:
            return self._fixed_selection(question, strategy, candidates, self._allowed(question, question.fixed))
        if question.pinned:
            return self._around(question, strategy, candidates)
        if _chooses_none(strategy, question):
            return Selection(question.strategy, ())
        candidates.pool.require(candidates.usable, question.k, question.query)
        return strategy.select(candidates, question.k)

    def prepare(self, questions: Sequence[Question], progress: Callable[[float], None] = lambda _: None) -> None:
        """Do in batches what ``select`` would do one by one for many questions of one strategy; raises as it does."""
        if questions and questions[0].fixed is None:
            strategy = self._strategy(questions[0])
            choosing = [question for question in questions if not _chooses_none(strategy, question)]
            strategy.prepare([self._candidates(question) for question in choosing], progress)

    def _candidates(self, question: Question, sample: bool = False) -> Candidates:
        usable = self.index.pool.usable(question.query, question.pool_languages)
        return Candidates(
            self.index,
            question.query,
            usable,
            self.settings.policy,
            question.seed,
            sample,
            self.model_judge,
            question.answer_languages,
            count=question.k,
        )

    def _fixed_selection(
        self, question: Question, strategy: Strategy, candidates: Candidates, demonstrations: tuple[Demonstration, ...]
    ) -> Selection:
        """These ``demonstrations``, framed as the strategy frames them."""
        framing = strategy.framing(candidates, demonstrations) if isinstance(strategy, Framed) else PLAIN
        return Selection(question.strategy, demonstrations, framing=framing)

    def _around(self, question: Question, strategy: Strategy, candidates: Candidates) -> Selection:
        """Pinned demonstrations, then what the strategy chooses of other items up to k. Raises ``InvalidQuery`` with more pinned than k."""
        pinned, pool = self._allowed(question, question.pinned), self.index.pool
        if len(pinned) > question.k:
            raise InvalidQuery(
                f"{len(pinned)} demonstrations are pinned, but K is {question.k}; raise K or unpin {len(pinned) - question.k}."
            )
        remaining = question.k - len(pinned)
        if remaining == 0 or not strategy.needs_k:
            return self._fixed_selection(question, strategy, candidates, pinned)
        used = {entry.example.item for entry in pinned}
        free = candidates.usable & np.array([example.item not in used for example in pool.examples])
        pool.require(free, remaining, question.query)
        chosen = strategy.select(replace(candidates, usable=free), remaining)
        demonstrations = (*pinned, *chosen.demonstrations)
        translated = replace(candidates, translation=chosen.framing.query)
        return replace(
            chosen,
            demonstrations=demonstrations,
            framing=self._fixed_selection(question, strategy, translated, demonstrations).framing,
        )

    def _strategy(self, question: Question) -> Strategy:
        """The strategy that a question is answered by. Raises ``InvalidQuery`` or ``InvalidConfig``."""
        strategy = STRATEGIES.get(self._stand_in(question) or question.strategy)
        if strategy is None:
            raise InvalidQuery(f"There is no strategy {question.strategy!r}; choose one of {', '.join(STRATEGIES)}.")
        if strategy.closed and not self.task.is_closed:
            fitting = ", ".join(name for name, other in STRATEGIES.items() if not other.closed)
            raise InvalidConfig(
                f"The strategy {strategy.name!r} needs a task with labels, and {self.task.name!r} has free-text answers; choose one of "
                f"{fitting}."
            )
        if question.k < 0:
            raise InvalidQuery(f"{question.k} demonstrations were asked for; k must be 0 or more.")
        return strategy

    def _allowed(self, question: Question, demonstrations: tuple[Demonstration, ...]) -> tuple[Demonstration, ...]:
        """The ``demonstrations``, unless one of them says what the query says. Raises ``InvalidQuery``."""
        own = self.index.pool.items_of(question.query)
        for entry in demonstrations:
            if entry.example.language == question.query.language or entry.example.item in own:
                raise InvalidQuery(
                    f"The demonstration {entry.example.id!r} is in the query's language or a translation of the query; drop it."
                )
        return demonstrations

    def predict(self, question: Question) -> Prediction:
        """Ask and wait for the whole answer."""
        *_, last = self.ask(question)
        return last

    def ask(self, question: Question) -> Iterator[Prediction]:
        """Yield the prediction as it grows: the choice, the first answer, what demonstrations do to it, the other answers, coherence."""
        question = replace(question, query=checked(question.query))
        codes = self._answer_languages(question)
        seconds: dict[str, float] = {}
        began = time.perf_counter()
        selection = self.select(question)
        seconds["choose"] = time.perf_counter() - began
        prediction = Prediction(
            question.query,
            self.task.name,
            selection,
            (),
            (),
            (),
            dict(seconds),
            self._provenance(question),
            question.pool_languages,
        )
        yield prediction
        began = time.perf_counter()
        answers: list[Answer] = []
        if not self.task.is_closed and len(codes) > 1:
            answers += self.answerer.write(question.query, selection, codes)
        for number, code in enumerate(codes):
            if number == len(answers):
                answers.append(self.answerer.answer(question.query, selection, code, codes))
            seconds["answer"] = time.perf_counter() - began
            prediction = replace(prediction, answers=tuple(answers[: number + 1]), seconds=dict(seconds))
            yield prediction
            if (
                number == 0 and question.explain
            ):  # before other languages: the first verdict is complete, its prefixes are at hand
                started = time.perf_counter()
                effects = self._effects(question.query, selection, answers[0])
                seconds["explain"] = time.perf_counter() - started
                began += seconds["explain"]
                prediction = replace(prediction, effects=effects, seconds=dict(seconds))
                if effects and len(codes) > 1:
                    yield prediction
        began = time.perf_counter()
        coherence = self.answerer.coherence(question.query, answers)
        seconds["explain"] = seconds.get("explain", 0.0) + time.perf_counter() - began
        yield replace(prediction, coherence=coherence, seconds=dict(seconds))

    def _answer_languages(self, question: Question) -> tuple[str, ...]:
        """The languages to answer in, each once. Raises ``InvalidQuery`` for a translation into the query's own language."""
        own = question.query.language
        if not self.task.translates:
            return tuple(dict.fromkeys(question.answer_languages)) or (own,)
        codes = tuple(dict.fromkeys(question.answer_languages)) or (() if own == FALLBACK else (FALLBACK,))
        if not codes or any(language(code).group == language(own).group for code in codes):
            raise InvalidQuery(
                f"The query is in {language(own).name} already; name another language to translate it into."
            )
        return codes

    def _effects(self, query: Query, selection: Selection, answer: Answer) -> tuple[Effect, ...]:
        """Leave one out, for the first answer of a closed task."""
        if answer.with_context is None or answer.label is None:
            return ()
        demonstrations = tuple(entry for entry in selection.demonstrations if entry in answer.prompt.demonstrations)
        contexts = [demonstrations[:index] + demonstrations[index + 1 :] for index in range(len(demonstrations))]
        count = len(demonstrations)
        without = self.answerer.distributions(query, contexts, answer.language, selection.framing, count)
        whole = answer.with_context.probabilities[answer.label]
        return tuple(
            Effect(entry, whole - distribution.probabilities[answer.label], distribution.best)
            for entry, distribution in zip(demonstrations, without, strict=True)
        )

    def _provenance(self, question: Question) -> dict[str, str]:
        config = self.model.config
        return {
            "model": config.name,
            "fingerprint": self.model.fingerprint,
            "precision": config.precision,
            "adapter": "none" if self.model.trained is None else self.model.trained.name,
            "fallback": "none" if self.model.trained is None else self._fallback(question),
            "strategy": question.strategy,
            "k": str(question.k),
            "seed": str(question.seed),
            "edited": _edited(question),
            "from": "all" if question.pool_languages is None else " ".join(sorted(question.pool_languages)),
            "temperature": str(self.settings.policy.temperature),
            "order": self.settings.prompt.order,
            "labels": self.settings.prompt.labels,
            "prompt": self.settings.prompt.variant,
            "chat_template": self._chat_template,
            "calibration": self.settings.calibration,
            "label_score": self.settings.label_score,
            "label_temperature": str(self.labels.temperature),
            "scoring": self.scorer.method,
        }

    @property
    def _chat_template(self) -> str:
        if not self.model.has_chat_template:
            return "none"
        return "used" if self.settings.prompt.chat else "not used"

    def _stand_in(self, question: Question) -> str:
        """The strategy in place of a run's choice that is of no use here, "" for none."""
        why = self._fallback(question)
        return {"none": "", OTHER_TASK: BEFORE_TRAINING}.get(why, self.model.falls_back_to)

    def _fallback(self, question: Question) -> str:
        """Why a run was passed over, where this question meets it: what it was no better than, or that it learnt another task."""
        trained = self.model.trained
        if trained is None or not self.model.config.fall_back or question.strategy != "agl":
            return "none"
        return OTHER_TASK if trained.task != self.task.name else trained.fallback or "none"


def _chooses_none(strategy: Strategy, question: Question) -> bool:
    """Whether there is nothing to choose, and nothing else that the strategy does."""
    return not strategy.needs_k or (question.k == 0 and not strategy.framed)


def _edited(question: Question) -> str:
    """What a person decided about the demonstrations."""
    if question.fixed is not None:
        return "yes: " + " ".join(entry.example.id for entry in question.fixed)
    return "pinned: " + " ".join(entry.example.id for entry in question.pinned) if question.pinned else "no"


def checked(query: Query) -> Query:
    """The query with its text cleaned. Raises ``InvalidQuery`` when it is empty, too long, or has nothing to read."""
    text = clean(query.text)
    if not text:
        raise InvalidQuery("The query is empty; type a sentence, or take one of the examples.")
    if len(text) > LONGEST_QUERY:
        raise InvalidQuery(f"The query has {len(text)} characters; at most {LONGEST_QUERY} are allowed. Shorten it.")
    if not any(character.isalnum() for character in text):
        raise InvalidQuery(f"The query {text[:20]!r} has no letter or digit; type a sentence.")
    return replace(query, text=text)
