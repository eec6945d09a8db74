"""What the rating page asks of the server, as plain values ready for JSON. No gradio, no HTTP.

Every method is given the rater's token and trusts nothing else. An answer is known by its letter, and an item by its
position in the rater's own order and a name that tells nothing: row numbers follow the order in which systems were stored,
so they stay here.
"""

from collections.abc import Mapping
from typing import Any

import langcodes

from annotation.blind_records import AssignmentView
from annotation.errors import InvalidInvitation, InvalidRecord, UnknownRater, UnknownStudy
from annotation.records import Rater, SkipSubmission, Study, Submission
from annotation.store import RatingStore
from annotation.vocabulary import PROFICIENCIES
from app.rate.item import (
    Json,
    direction_json,
    in_language,
    item_json,
    orders_by_output,
    progress_json,
    spans_by_output,
    spans_json,
    spoken_by,
    values_by_output,
    words,
)
from app.rate.participation import Participation, outstanding_json
from app.texts import ENGLISH


class RaterService:
    """Serves every study of a store to its raters."""

    def __init__(self, store: RatingStore) -> None:
        self._store = store
        self.participation = Participation(store)

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
            "study": {"name": study.name, "instructions": in_language(study.instructions, texts.tag)},
            "languages_rated": [
                {"tag": one, "name": langcodes.Language.get(one).autonym(), **direction_json(one)} for one in languages
            ],
            "proficiencies": list(PROFICIENCIES),
            "participant": None if study.crowd is None else study.crowd.parameter,
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
            participant = sent.get("participant")
            _, token = self._store.accept_invitation(
                study.id, invitation, sent.get("proficiency"), _str(own), participant=participant
            )
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
        instructions = in_language(study.instructions, texts.tag)
        return {
            "rater": rater.pseudonym,
            "study": {"slug": study.slug, "name": study.name, "instructions": instructions},
            "progress": progress_json(self._store.progress(rater.id)),
            "before": {
                **outstanding_json(self._store.outstanding(rater.id), texts),
                "preparation": self.participation.preparation_of(rater, study, texts),
            },
            **words(texts),
        }

    def next(self, token: object, tag: object) -> Json:
        """Her first unfinished item; ``item`` is None when nothing is left."""
        rater, study = self._rater(token)
        return self._item_reply(rater, study, self._store.next_assignment(rater.id), tag)

    def look(self, token: object, sent: Mapping[str, Any]) -> Json:
        """An item she was given before, with what she answered."""
        rater, study = self._rater(token)
        view = self._store.assignment(rater.id, sent.get("position", 0), _name(sent))
        return self._item_reply(rater, study, view, sent.get("tag"))

    def submit(self, token: object, sent: Mapping[str, Any]) -> Json:
        """Save all ratings of one item, or none. A retry under the same id gets the first receipt."""
        rater = self._store.rater_of_token(_token(token))
        lettered = self._store.lettered(rater.id, sent.get("position", 0), _name(sent))
        submission = Submission(
            submission_id=sent.get("id", ""),
            rater_id=rater.id,
            assignment_id=lettered.assignment_id,
            values=values_by_output(sent.get("values"), lettered.outputs),
            comment=sent.get("comment"),
            seconds=sent.get("seconds", 0.0),
            revision=_revision(sent.get("revision")),
            preferences=orders_by_output(sent.get("preferences", {}), lettered.outputs),
            spans=spans_by_output(sent.get("spans", {}), lettered.outputs),
        )
        return _receipt(self._store.submit(submission))

    def skip(self, token: object, sent: Mapping[str, Any]) -> Json:
        """Pass on one item with a coded reason."""
        rater = self._store.rater_of_token(_token(token))
        lettered = self._store.lettered(rater.id, sent.get("position", 0), _name(sent))
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
            new = not view.revision  # as most items are to her
            earlier = [] if new else self._store.changes(rater.id, view.position)
            orders = self._store.preference_changes(rater.id, view.position) if view.preferences else []
            marked = self._store.span_changes(rater.id, view.position) if view.spans else []
            item["history"] = [
                {"letter": one.letter, "criterion": one.criterion, "from": one.old_value, "to": one.value}
                for one in earlier
            ]
            item["order_history"] = [
                {"question": one.question, "from": one.old_ranks, "to": one.ranks} for one in orders
            ]
            item["span_history"] = [
                {"letter": one.letter, "from": spans_json(one.old_spans), "to": spans_json(one.spans)} for one in marked
            ]
        reply = {"item": item, "progress": progress_json(self._store.progress(rater.id))}
        return reply if item is not None else {**reply, "completion": self.participation.completion(rater.id)}


def _token(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise UnknownRater("no link was given; open the link exactly as it was sent.")
    return value


def _name(sent: Mapping[str, Any]) -> str | None:
    """What the page calls the item; pages that were opened before items had names send none."""
    return sent["item"] if isinstance(sent.get("item"), str) else None


def _revision(value: object) -> int | None:
    return value if type(value) is int else None


def _str(value: object) -> str:
    return value if isinstance(value, str) else ""


def _receipt(receipt: Any) -> Json:
    return {
        "saved_at": receipt.saved_at.isoformat(),
        "revision": receipt.revision,
        "repeated": receipt.repeated,
        "backed_up": receipt.backed_up,
    }
