"""A study on the raters' page as raters will see it, before it opens and without storing anything.

A preview is a token of its own kind, made by an organiser and good for some hours. What is answered under it lies in memory,
so that going back shows it, and is gone with the preview.
"""

import secrets
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from annotation import scales
from annotation.blind_records import AssignmentView, BlindOutput
from annotation.errors import InvalidRating, InvalidSkip, UnknownAssignment, UnknownRater
from annotation.orders import item_order, letter
from annotation.participation_records import Outstanding
from annotation.preference_checks import check_ranks
from annotation.qualification_checks import exercises_for, feedback, needed, stage_of
from annotation.qualification_records import Attempt, Exercise
from annotation.records import OutputRecord, Progress, Study
from annotation.span_checks import check_spans
from annotation.span_records import Span
from annotation.store import RatingStore
from annotation.vocabulary import SKIP_REASONS
from app.rate.item import NO_HISTORY, Json, in_language, item_json, progress_json, spoken_by, words
from app.rate.participation import outstanding_json
from app.rate.preparation import attempt_json, feedback_json, preparation_json
from app.texts import Texts

PREFIX = "preview-"
GOOD_S = 4 * 3600
MOST = 50  # at one time; the oldest goes first


@dataclass
class Answer:
    """What was answered to one item of a preview."""

    values: dict[str, dict[str, scales.Answer]] = field(default_factory=dict)  # letter -> criterion -> answer
    preferences: dict[str, dict[str, int]] = field(default_factory=dict)  # question -> letter -> rank
    spans: dict[str, list[list[Any]]] = field(default_factory=dict)  # letter -> errors
    comment: str | None = None
    skip_reason: str | None = None

    @property
    def state(self) -> Any:
        """As of an assignment."""
        return "skipped" if self.skip_reason else "done" if self.values or self.preferences or self.spans else "pending"


@dataclass
class Preview:
    """One open preview."""

    study_id: int
    language: str
    ends: float
    answers: dict[int, Answer] = field(default_factory=dict)  # by position, from 1
    practised: list[str] = field(default_factory=list)  # keys of exercises
    attempts: list[Attempt] = field(default_factory=list)


class Previews:
    """The previews that are open."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._open: dict[str, Preview] = {}

    def open(self, study_id: int, language: str) -> str:
        """The token of a new preview."""
        token = PREFIX + secrets.token_urlsafe(24)
        with self._lock:
            now = self._clock()
            alive = {name: one for name, one in self._open.items() if one.ends > now}
            self._open = dict(list(alive.items())[-(MOST - 1) :])
            self._open[token] = Preview(study_id, language, now + GOOD_S)
        return token

    def get(self, token: object) -> Preview:
        """Raises UnknownRater."""
        with self._lock:
            preview = self._open.get(token) if isinstance(token, str) else None
            if preview is None or preview.ends <= self._clock():
                raise UnknownRater("this preview has ended; make a new one on the page Study.")
            return preview


class PreviewService:
    """Answers the raters' page as `RaterService` does, for tokens of previews."""

    def __init__(self, store: RatingStore, previews: Previews) -> None:
        self._store, self._previews = store, previews

    def session(self, token: object, tag: object) -> Json:
        """The study, how far the preview is, and the words of the page."""
        preview, study, items = self._all(token)
        texts = spoken_by(tag, preview.language)
        return {
            "rater": f"{PREFIX}{str(token)[-8:]}",
            "preview": True,
            "study": {
                "slug": study.slug,
                "name": study.name,
                "instructions": in_language(study.instructions, texts.tag),
            },
            "progress": self._progress(preview, items),
            "before": {
                **outstanding_json(Outstanding(study.consent, study.background), texts),
                "preparation": self._preparation(preview, study, texts),
            },
            **words(texts),
        }

    def agree(self, token: object, _: Mapping[str, Any]) -> Json:
        """Nothing is stored."""
        self._previews.get(token)
        return {}

    background = agree

    def preparation(self, token: object, sent: Mapping[str, Any]) -> Json:
        """Practice and test that are still open in this preview."""
        preview, study, _ = self._all(token)
        return {"preparation": self._preparation(preview, study, spoken_by(sent.get("tag"), preview.language))}

    def _preparation(self, preview: Preview, study: Study, texts: Texts) -> Json | None:
        if study.qualification is None:
            return None
        stage = stage_of(study.qualification, preview.language, preview.practised, preview.attempts)
        return preparation_json(stage, study, texts)

    def practise(self, token: object, sent: Mapping[str, Any]) -> Json:
        """Feedback on one exercise; that it was practised is remembered while the preview is open."""
        preview, study, _ = self._all(token)
        one = self._exercises(preview, study, "practice").get(str(sent.get("key")))
        if one is None:
            raise UnknownAssignment("there is no such exercise in this preview.")
        result = feedback(one, sent.get("values"), study.scales)
        preview.practised.append(one.key)
        return feedback_json(result, one.why, one.language)

    def test(self, token: object, sent: Mapping[str, Any]) -> Json:
        """Scores the test."""
        preview, study, _ = self._all(token)
        rows = sent.get("answers")
        answers = rows if isinstance(rows, dict) else {}
        exercises = self._exercises(preview, study, "test")
        results = [one for key, it in exercises.items() for one in feedback(it, answers.get(key), study.scales)]
        share = study.qualification.pass_share if study.qualification else 1.0
        right, of = sum(one.right for one in results), len(results)
        attempt = Attempt(str(len(preview.attempts)), datetime.now(UTC), right, of, right >= needed(of, share))
        preview.attempts.append(attempt)
        return {**attempt_json(attempt), **self.preparation(token, sent)}

    def _exercises(self, preview: Preview, study: Study, kind: str) -> dict[str, Exercise]:
        every = exercises_for(study.qualification, preview.language, kind) if study.qualification else ()
        return {one.key: one for one in every}

    def next(self, token: object, tag: object) -> Json:
        """The first item that is neither answered nor skipped."""
        preview, study, items = self._all(token)
        pending = (at for at in range(1, len(items) + 1) if preview.answers.get(at, Answer()).state == "pending")
        return self._reply(preview, study, items, next(pending, None), tag)

    def look(self, token: object, sent: Mapping[str, Any]) -> Json:
        """An item by its position in the order, from 1."""
        preview, study, items = self._all(token)
        position = sent.get("position")
        self._refuse_unknown(position, items)
        return self._reply(preview, study, items, position, sent.get("tag"))

    def submit(self, token: object, sent: Mapping[str, Any]) -> Json:
        """Remembers the ratings of one item while the preview is open."""
        preview, study, items = self._all(token)
        position, values = sent.get("position"), sent.get("values")
        self._refuse_unknown(position, items)
        letters = [letter(at) for at in range(len(items[int(position or 0) - 1]))]
        rows = values if isinstance(values, dict) else {}
        if not all(
            isinstance(rows.get(one), dict) and scale.accepts(rows[one].get(key))
            for one in letters
            for key, scale in study.scales.items()
        ):
            raise InvalidRating("a rating is missing or off the scale; give every answer a point for every criterion.")
        preferences = sent.get("preferences", {})
        numbers = {one: at for at, one in enumerate(letters)}
        by_number = {
            key: {numbers.get(one, one): rank for one, rank in row.items()} if isinstance(row, dict) else row
            for key, row in (preferences if isinstance(preferences, dict) else {}).items()
        }
        check_ranks(by_number, [one.key for one in study.preferences], dict(enumerate(letters)))
        comment = sent.get("comment")
        texts = {at: one.text for at, one in enumerate(items[int(position or 0) - 1])}
        marked = sent.get("spans", {})
        by_output = {
            numbers.get(one, one): spans for one, spans in (marked if isinstance(marked, dict) else {}).items()
        }
        check_spans(by_output, texts, dict(enumerate(letters)), study.error_spans)
        written = comment if isinstance(comment, str) else None
        preview.answers[int(position or 0)] = Answer(rows, preferences, marked, written)
        return _receipt()

    def skip(self, token: object, sent: Mapping[str, Any]) -> Json:
        """Remembers that an item was passed on."""
        preview, _, items = self._all(token)
        self._refuse_unknown(sent.get("position"), items)
        if sent.get("reason") not in SKIP_REASONS:
            raise InvalidSkip("no reason was given; choose one.")
        preview.answers[sent["position"]] = Answer(skip_reason=sent["reason"])
        return _receipt()

    def _all(self, token: object) -> tuple[Preview, Study, list[list[OutputRecord]]]:
        preview = self._previews.get(token)
        study = next((one for one in self._store.studies() if one.id == preview.study_id), None)
        if study is None:
            raise UnknownRater("the study of this preview was deleted; make a new one on the page Study.")
        return preview, study, items_of(self._store.outputs(study.id), preview.language, study)

    def _refuse_unknown(self, position: object, items: list[Any]) -> None:
        if type(position) is not int or not 1 <= position <= len(items):
            raise UnknownAssignment(f"there is no item {position!r} in this preview.")

    def _progress(self, preview: Preview, items: list[Any]) -> Json:
        states = [one.state for one in preview.answers.values()]
        return progress_json(Progress(states.count("done"), states.count("skipped"), len(items)))

    def _reply(
        self, preview: Preview, study: Study, items: list[list[OutputRecord]], position: int | None, tag: object
    ) -> Json:
        item = None
        if position is not None:
            answer = preview.answers.get(position, Answer())
            view = view_of(items[position - 1], position, answer, study.materials)
            item = {**item_json(view, study, spoken_by(tag, preview.language)), **NO_HISTORY}
        return {"item": item, "progress": self._progress(preview, items)}


def items_of(outputs: list[OutputRecord], language: str, study: Study) -> list[list[OutputRecord]]:
    """The items that a rater of ``language`` rates, at most as many as one rater gets, in an order drawn by the study's seed."""
    groups: dict[str, list[OutputRecord]] = {}
    for one in outputs:
        groups.setdefault(one.item_key, []).append(one)
    rated: dict[str, list[OutputRecord]] = {}
    for key, group in groups.items():
        hers = [one for one in group if one.language == language]
        alone = len({one.language for one in group}) == 1 and group[0].item_language == language
        if hers or alone:
            rated[key] = hers or group
    items = [rated[key] for key in item_order(rated, study.seed)[: study.items_per_rater]]
    return [_shuffled(item, study.seed) for item in items]


def _shuffled(outputs: list[OutputRecord], seed: int) -> list[OutputRecord]:
    """Another order of the systems for each item, as raters have it."""
    by_id = {str(one.output_id): one for one in outputs}
    return [by_id[key] for key in item_order(by_id, seed)]


def view_of(
    outputs: list[OutputRecord], position: int, answer: Answer, materials: Collection[str] = ()
) -> AssignmentView:
    """One item as the raters' page draws it."""
    first = outputs[0]
    blind = tuple(BlindOutput(at, letter(at), one.text, one.language) for at, one in enumerate(outputs))
    numbers = {one.letter: one.output_id for one in blind}
    return AssignmentView(
        assignment_id=0,
        position=position,
        item_key=first.item_key,
        language=first.item_language,
        source_text=first.source_text,
        task=first.task,
        outputs=blind,
        criteria=(),
        values={(numbers[name], key): value for name, row in answer.values.items() for key, value in row.items()},
        preferences={
            key: {numbers[name]: rank for name, rank in row.items()} for key, row in answer.preferences.items()
        },
        spans={numbers[name]: tuple(Span(*one) for one in rows) for name, rows in answer.spans.items()},
        comment=answer.comment,
        state=answer.state,
        skip_reason=answer.skip_reason,
        reference=first.reference if "reference" in materials else None,
        context=first.context if "context" in materials else None,
    )


def _receipt() -> Json:
    return {"saved_at": datetime.now(UTC).isoformat(), "revision": 0, "repeated": False, "preview": True}
