"""What the raters' page is sent of a study, as plain values ready for JSON: words, texts with their direction, items, progress."""

from collections.abc import Mapping
from typing import Any

import langcodes

from annotation.blind_records import AssignmentView
from annotation.criteria import in_language as criterion_in_language
from annotation.criteria import tag_for
from annotation.errors import InvalidRating
from annotation.preference_records import PreferenceQuestion
from annotation.records import Progress, Study
from annotation.scales import Answer
from annotation.span_records import Spans
from annotation.vocabulary import SKIP_REASONS
from app.criteria import criterion_label, question_label
from app.texts import ENGLISH, Texts, rater_languages, rater_words
from core.languages import direction_of

Json = dict[str, Any]
NO_HISTORY: Json = {"history": [], "order_history": [], "span_history": []}  # of an item whose changes are not told


def spoken_by(tag: object, language: str) -> Texts:
    """The words for the page: the language she chose, else that of what she rates, else English."""
    offered = {texts.tag for texts in rater_languages()}
    return rater_words(tag if isinstance(tag, str) and tag in offered else language)


def words(texts: Texts) -> Json:
    """Everything the page says, and the languages it could say it in."""
    return {
        "tag": texts.tag,
        "dir": texts.direction,
        "words": rater_words(ENGLISH).entries | texts.entries,
        "languages": [{"tag": other.tag, "name": other.name} for other in rater_languages()],
    }


def item_json(view: AssignmentView, study: Study, texts: Texts) -> Json:
    """One item with its answers in their blind order and what she gave so far, in the language of the page."""
    letters = {output.output_id: output.letter for output in view.outputs}
    values: dict[str, dict[str, Answer]] = {}
    for (output_id, key), value in view.values.items():
        values.setdefault(letters[output_id], {})[key] = value
    return {
        "position": view.position,
        "name": view.name or str(view.position),
        "state": view.state,
        "revision": view.revision,
        "skip_reason": view.skip_reason,
        "comment": view.comment,
        "source": text_json(view.source_text, view.language),
        "context": _beside(view.context, view.language),
        "reference": _beside(view.reference, view.outputs[0].language),
        "task": _task(view, texts),
        "outputs": [{"letter": one.letter, **text_json(one.text, one.language)} for one in view.outputs],
        "criteria": [criterion_json(study, number, texts) for number in range(len(study.criteria))],
        "values": values,
        "marks": study.error_spans,
        "spans": {letters[output]: spans_json(spans) for output, spans in view.spans.items()},
        "compared_on": [_compared_on(one, texts) for one in study.preferences] if len(view.outputs) > 1 else [],
        "preferences": {
            key: {letters[output]: rank for output, rank in ranks.items()} for key, ranks in view.preferences.items()
        },
        "reasons": list(SKIP_REASONS),
    }


def values_by_output(values: object, outputs: Mapping[str, int]) -> dict[Any, Any]:
    """Values as the page sends them, by letter and criterion, as the store takes them. Raises InvalidRating."""
    if not isinstance(values, dict) or not all(isinstance(row, dict) for row in values.values()):
        raise InvalidRating("the ratings did not come by answer and criterion; reload the page.")
    return {(outputs.get(letter, letter), key): value for letter, row in values.items() for key, value in row.items()}


def orders_by_output(orders: object, outputs: Mapping[str, int]) -> dict[Any, Any]:
    """Ranks as the page sends them, by question and letter, as the store takes them. Raises InvalidRating."""
    if not isinstance(orders, dict) or not all(isinstance(row, dict) for row in orders.values()):
        raise InvalidRating("the order of the answers did not come by question and answer; reload the page.")
    return {key: {outputs.get(letter, letter): rank for letter, rank in row.items()} for key, row in orders.items()}


def spans_by_output(spans: object, outputs: Mapping[str, int]) -> dict[Any, Any]:
    """Marked errors as the page sends them, by letter, as the store takes them. Raises InvalidRating."""
    if not isinstance(spans, dict):
        raise InvalidRating("the marked errors did not come by answer; reload the page.")
    return {outputs.get(letter, letter): rows for letter, rows in spans.items()}


def spans_json(spans: Spans) -> list[list[int | str]]:
    """Marked errors, each with its start, end and severity."""
    return [[one.start, one.end, one.severity] for one in spans]


def _beside(text: str | None, tag: str) -> Json | None:
    return text_json(text, tag) if text else None


def criterion_json(study: Study, number: int, texts: Texts) -> Json:
    """A criterion's name, question, scale, and anchors with the points that they stand at."""
    criterion = study.criteria[number]
    language, question, anchors = criterion_in_language(criterion, texts.tag)
    return {
        "key": criterion.key,
        "name": criterion_label(criterion, texts),
        "question": question,
        "anchors": list(anchors),
        "points": list(criterion.scale.labelled_points(len(anchors))),
        "low": criterion.scale.low,
        "high": criterion.scale.high,
        "slider": criterion.scale.is_continuous,
        "not_applicable": criterion.scale.not_applicable,
        **direction_json(language),
    }


def _compared_on(question: PreferenceQuestion, texts: Texts) -> Json:
    """What answers are compared on: its name and its question."""
    text = in_language(question.question, texts.tag)
    name_lang = tag_for(question.label, texts.tag) if question.label else texts.tag
    return {
        "key": question.key,
        "name": question_label(question, texts),
        "name_lang": name_lang,
        "question": text["text"],
        "lang": text["lang"],
        "dir": text["dir"],
    }


def _task(view: AssignmentView, texts: Texts) -> Json:
    """The task as a sentence of the page's language; a task that has none is shown as the study calls it."""
    key = f"rate.task_{view.task}"
    if key not in texts.entries:
        return {"text": view.task, "lang": None, "dir": "auto"}
    language = langcodes.Language.get(view.outputs[0].language).display_name(texts.tag)
    return text_json(texts(key, language=language), texts.tag)


def in_language(texts: Mapping[str, str], language: str) -> Json:
    """The text for a BCP-47 tag, or what stands in for it, with its own language and direction."""
    tag = tag_for(texts, language)
    return text_json(texts[tag], tag)


def text_json(text: str, tag: str) -> Json:
    """A text with its language and direction."""
    return {"text": text, **direction_json(tag)}


def direction_json(tag: str) -> Json:
    """A BCP-47 tag and the direction of its script."""
    try:
        script = langcodes.Language.get(tag).maximize().script or ""
    except ValueError:  # an organiser's own tag: the browser looks at the letters
        return {"lang": tag, "dir": "auto"}
    return {"lang": tag, "dir": direction_of(script)}


def progress_json(progress: Progress) -> Json:
    """How far a rater is."""
    return {"done": progress.done, "skipped": progress.skipped, "total": progress.total}
