"""What the rating page asks of the server, as plain values ready for JSON. No gradio, no HTTP.

Every method is given the rater's token and trusts nothing else. An answer is known by its letter and an item by its
place in the rater's own order: row numbers follow the order in which systems were stored, so they stay here.
"""

from collections.abc import Mapping
from typing import Any

import langcodes

from annotation.criteria import in_language, tag_for
from annotation.errors import InvalidInvitation, InvalidRating, InvalidRecord, UnknownRater, UnknownStudy
from annotation.records import AssignmentView, Progress, Rater, SkipSubmission, Study, Submission
from annotation.store import RatingStore
from annotation.vocabulary import PROFICIENCIES, SKIP_REASONS
from app.criteria import criterion_label
from app.texts import ENGLISH, Texts, rater_languages, rater_words
from core.languages import direction_of

Json = dict[str, Any]


class RaterService:
    """Serves every study of a store to its raters."""

    def __init__(self, store: RatingStore) -> None:
        self._store = store

    def welcome(self, slug: object, invitation: object, tag: object) -> Json:
        """What a link leads to, before it is used: an invitation, or a study that is open to all; else the words alone."""
        if invitation:
            study, language = self._store.invited(_str(slug), _str(invitation))
            languages = [language]
        else:
            open_to_all = self._open_to_all(slug)
            if open_to_all is None:
                return {"study": None, **words(spoken_by(tag, ENGLISH))}
            study, languages = open_to_all
        texts = spoken_by(tag, languages[0] if len(languages) == 1 else ENGLISH)
        return {
            "study": {"name": study.name, "instructions": _in_language(study.instructions, texts.tag)},
            "languages_rated": [
                {"tag": one, "name": langcodes.Language.get(one).autonym(), **_direction(one)} for one in languages
            ],
            "proficiencies": list(PROFICIENCIES),
            **words(texts),
        }

    def _open_to_all(self, slug: object) -> tuple[Study, list[str]] | None:
        """A study that takes raters without invitation, as Explore's collection does, and its languages; None for any other."""
        try:
            study = self._store.study(_str(slug))
        except UnknownStudy:
            return None
        if study.state != "open" or study.frozen_at is not None:
            return None
        languages = self._store.languages(study.id)
        return (study, languages) if languages else None

    def enter(self, sent: Mapping[str, Any], own: object) -> Json:
        """A new rater under the token that her page made, by an invitation or into an open study. A repeat finds her again."""
        if sent.get("invitation"):
            study = self._store.study(_str(sent.get("study")))
            invitation = _str(sent["invitation"])
            _, token = self._store.accept_invitation(study.id, invitation, sent.get("proficiency"), _str(own))
            return {"token": token}
        open_to_all = self._open_to_all(sent.get("study"))
        if open_to_all is None:
            raise InvalidInvitation("this study is by invitation; open the link exactly as it was sent.")
        study, languages = open_to_all
        if sent.get("language") not in languages:
            raise InvalidRecord(
                f"there is nothing to rate in {sent.get('language')!r}; choose one of {', '.join(languages)}."
            )
        return {"token": self._store.new_rater(study.id, sent["language"], _str(own))[1]}

    def session(self, token: object, tag: object) -> Json:
        """Who came, her study, how far she is, and the words of the page in the language of ``tag``."""
        rater, study = self._rater(token)
        texts = spoken_by(tag, rater.language)
        instructions = _in_language(study.instructions, texts.tag)
        return {
            "rater": rater.pseudonym,
            "study": {"slug": study.slug, "name": study.name, "instructions": instructions},
            "progress": _progress(self._store.progress(rater.id)),
            **words(texts),
        }

    def next(self, token: object, tag: object) -> Json:
        """Her first unfinished item; ``item`` is None when nothing is left."""
        rater, study = self._rater(token)
        return self._item_reply(rater, study, self._store.next_assignment(rater.id), tag)

    def look(self, token: object, position: Any, tag: object) -> Json:
        """An item she was given before, with what she answered."""
        rater, study = self._rater(token)
        return self._item_reply(rater, study, self._store.assignment(rater.id, position), tag)

    def submit(self, token: object, sent: Mapping[str, Any]) -> Json:
        """Save all ratings of one item, or none. A retry under the same id gets the first receipt."""
        rater = self._store.rater_of_token(_token(token))
        lettered = self._store.lettered(rater.id, sent.get("position", 0))
        values = sent.get("values")
        if not isinstance(values, dict) or not all(isinstance(row, dict) for row in values.values()):
            raise InvalidRating("the ratings did not come by answer and criterion; reload the page.")
        by_output: dict[Any, Any] = {
            (lettered.outputs.get(letter, letter), key): value
            for letter, row in values.items()
            for key, value in row.items()
        }
        submission = Submission(
            submission_id=sent.get("id", ""),
            rater_id=rater.id,
            assignment_id=lettered.assignment_id,
            values=by_output,
            comment=sent.get("comment"),
            seconds=sent.get("seconds", 0.0),
        )
        return _receipt(self._store.submit(submission))

    def skip(self, token: object, sent: Mapping[str, Any]) -> Json:
        """Pass on one item with a coded reason."""
        rater = self._store.rater_of_token(_token(token))
        lettered = self._store.lettered(rater.id, sent.get("position", 0))
        submission = SkipSubmission(
            sent.get("id", ""), rater.id, lettered.assignment_id, sent.get("reason", ""), sent.get("comment")
        )
        return _receipt(self._store.skip(submission))

    def _rater(self, token: object) -> tuple[Rater, Study]:
        return self._store.rater_and_study(_token(token))

    def _item_reply(self, rater: Rater, study: Study, view: AssignmentView | None, tag: object) -> Json:
        texts = spoken_by(tag, rater.language)
        item = None
        if view is not None:
            item = item_json(view, study, texts)
            earlier = self._store.changes(rater.id, view.position) if view.values else []  # most items are new to her
            item["history"] = [
                {"letter": one.letter, "criterion": one.criterion, "from": one.old_value, "to": one.value}
                for one in earlier
            ]
        return {"item": item, "progress": _progress(self._store.progress(rater.id))}


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
    values: dict[str, dict[str, int]] = {}
    for (output_id, key), value in view.values.items():
        values.setdefault(letters[output_id], {})[key] = value
    return {
        "position": view.position,
        "state": view.state,
        "skip_reason": view.skip_reason,
        "comment": view.comment,
        "source": _text(view.source_text, view.language),
        "task": _task(view, texts),
        "outputs": [{"letter": one.letter, **_text(one.text, one.language)} for one in view.outputs],
        "criteria": [criterion_json(study, number, texts) for number in range(len(study.criteria))],
        "values": values,
        "reasons": list(SKIP_REASONS),
    }


def criterion_json(study: Study, number: int, texts: Texts) -> Json:
    """A criterion's name, question and five anchors."""
    criterion = study.criteria[number]
    language, question, anchors = in_language(criterion, texts.tag)
    return {
        "key": criterion.key,
        "name": criterion_label(criterion, texts),
        "question": question,
        "anchors": list(anchors),
        **_direction(language),
    }


def _token(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise UnknownRater("no link was given; open the link exactly as it was sent.")
    return value


def _str(value: object) -> str:
    return value if isinstance(value, str) else ""


def _task(view: AssignmentView, texts: Texts) -> Json:
    """The task as a sentence of the page's language; a task that has none is shown as the study calls it."""
    key = f"rate.task_{view.task}"
    if key not in texts.entries:
        return {"text": view.task, "lang": None, "dir": "auto"}
    language = langcodes.Language.get(view.outputs[0].language).display_name(texts.tag)
    return _text(texts(key, language=language), texts.tag)


def _in_language(texts: Mapping[str, str], language: str) -> Json:
    tag = tag_for(texts, language)
    return _text(texts[tag], tag)


def _text(text: str, tag: str) -> Json:
    return {"text": text, **_direction(tag)}


def _direction(tag: str) -> Json:
    try:
        script = langcodes.Language.get(tag).maximize().script or ""
    except ValueError:  # an organiser's own tag: the browser looks at the letters
        return {"lang": tag, "dir": "auto"}
    return {"lang": tag, "dir": direction_of(script)}


def _progress(progress: Progress) -> Json:
    return {"done": progress.done, "skipped": progress.skipped, "total": progress.total}


def _receipt(receipt: Any) -> Json:
    return {"saved_at": receipt.saved_at.isoformat(), "revision": receipt.revision, "repeated": receipt.repeated}
