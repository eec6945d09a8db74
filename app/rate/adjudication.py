"""What the raters' page asks for an adjudicator: her items with what raters gave and wrote, and her decisions.

Her token begins with a prefix of its own. The page is the raters' page: one list of items, keyboard, drafts, retries.
"""

from collections.abc import Mapping
from typing import Any

from annotation.adjudication_records import Adjudicator, CaseView, Decision
from annotation.errors import InvalidSkip
from annotation.participation_records import Outstanding
from annotation.queries.adjudicators import PREFIX
from annotation.records import Study
from annotation.store import RatingStore
from app.rate.item import (
    NO_HISTORY,
    Json,
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
from app.rate.participation import outstanding_json
from app.texts import ENGLISH

__all__ = ["PREFIX", "AdjudicationService"]


class AdjudicationService:
    """Answers the raters' page as `RaterService` does, for tokens of adjudicators."""

    def __init__(self, store: RatingStore) -> None:
        self._store = store

    def session(self, token: object, tag: object) -> Json:
        """Who came, the study, how far she is, and the words of the page. Nothing stands before her first item."""
        who, study = self._of(token)
        texts = spoken_by(tag, ENGLISH)
        return {
            "rater": who.name,
            "adjudicates": True,
            "study": {
                "slug": study.slug,
                "name": study.name,
                "instructions": in_language(study.instructions, texts.tag),
            },
            "progress": progress_json(self._store.case_progress(who.id)),
            "before": {**outstanding_json(Outstanding(None, ()), texts), "preparation": None},
            **words(texts),
        }

    def next(self, token: object, tag: object) -> Json:
        """Her first item that is not decided; ``item`` is None when all are."""
        who, study = self._of(token)
        return self._reply(who, study, self._store.next_case(who.id), tag)

    def look(self, token: object, sent: Mapping[str, Any]) -> Json:
        """An item by its position in her list, from 1, with what she decided."""
        who, study = self._of(token)
        return self._reply(who, study, self._store.case(who.id, sent.get("position", 0)), sent.get("tag"))

    def submit(self, token: object, sent: Mapping[str, Any]) -> Json:
        """Saves all values of one item, or none. A retry under the same id gets the first receipt."""
        who, _ = self._of(token)
        lettered = self._store.lettered_case(who.id, sent.get("position", 0))
        revision = sent.get("revision")
        receipt = self._store.adjudicate(
            Decision(
                submission_id=sent.get("id", ""),
                adjudicator_id=who.id,
                case_id=lettered.assignment_id,
                values=values_by_output(sent.get("values"), lettered.outputs),
                reason=sent.get("comment"),
                revision=revision if type(revision) is int else None,
                preferences=orders_by_output(sent.get("preferences", {}), lettered.outputs),
                spans=spans_by_output(sent.get("spans", {}), lettered.outputs),
            )
        )
        return {
            "saved_at": receipt.saved_at.isoformat(),
            "revision": receipt.revision,
            "repeated": receipt.repeated,
            "backed_up": receipt.backed_up,
        }

    def skip(self, token: object, _: Mapping[str, Any]) -> Json:
        """There is nothing to skip: an item that she leaves stays open."""
        self._of(token)
        raise InvalidSkip("an item that you do not decide stays open; nothing has to be skipped.")

    def nothing(self, token: object, _: Mapping[str, Any]) -> Json:
        """Neither consent nor questions nor practice."""
        self._of(token)
        return {"preparation": None}

    agree = background = preparation = practise = test = nothing

    def _of(self, token: object) -> tuple[Adjudicator, Study]:
        return self._store.adjudicator_of_token(token if isinstance(token, str) else "")

    def _reply(self, who: Adjudicator, study: Study, case: CaseView | None, tag: object) -> Json:
        progress = progress_json(self._store.case_progress(who.id))
        if case is None:
            return {"item": None, "progress": progress, "completion": None}
        letters = {output.output_id: output.letter for output in case.view.outputs}
        ratings: dict[str, dict[str, list[Any]]] = {}
        for (output_id, key), values in case.ratings.items():
            ratings.setdefault(letters[output_id], {})[key] = list(values)
        orders = {
            key: [{letters[output]: rank for output, rank in ranks.items()} for ranks in every]
            for key, every in case.orders.items()
        }
        marks = {letters[output]: [spans_json(spans) for spans in every] for output, every in case.marks.items()}
        return {
            "item": {
                **item_json(case.view, study, spoken_by(tag, ENGLISH)),
                **NO_HISTORY,
                "reasons": [],
                "ratings": ratings,
                "raters_orders": orders,
                "raters_marks": marks,
                "remarks": list(case.comments),
            },
            "progress": progress,
        }
