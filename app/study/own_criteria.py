"""Criteria that an organiser writes beyond the default three: read from JSON, and written as it."""

import json

from annotation.criteria import DEFAULT_CRITERIA
from annotation.errors import InvalidRecord
from annotation.records import Criterion, Study
from app.study.written import by_tag, json_list


def own_criteria(text: str) -> tuple[Criterion, ...]:
    """Criteria beyond the default three, from a JSON list of {key, label, question, anchors}, in one language or several.

    Texts are plain (English) or objects by BCP-47 tag. Raises InvalidRecord.
    """
    try:
        return tuple(
            Criterion(
                key=one["key"],
                question=by_tag(one["question"]),
                anchors={tag: tuple(five) for tag, five in by_tag(one["anchors"]).items()},
                label=by_tag(one.get("label") or one["key"]),
            )
            for one in json_list(text)
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidRecord(
            f"The criteria of your own cannot be read ({type(error).__name__}: {error}); write a JSON list like "
            '[{"key": "politeness", "label": "Politeness", "question": "How polite is it?", "anchors": ["rude", "curt", '
            '"plain", "kind", "courteous"]}].'
        ) from None


def own_as_text(study: Study) -> str:
    """The study's criteria beyond the default three, as `own_criteria` reads them."""
    keys = {one.key for one in DEFAULT_CRITERIA}
    own = [
        {"key": one.key, "label": one.label, "question": one.question, "anchors": one.anchors}
        for one in study.criteria
        if one.key not in keys
    ]
    return json.dumps(own, ensure_ascii=False, indent=1) if own else ""
