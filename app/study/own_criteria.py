"""Criteria that an organiser writes beyond the default three: read from JSON, and written as it.

A scale is its lowest and highest point; without one it is 1 to 5. Labels are a list with one for each point, or an object of
those that have one, by point; from 0 to 100 a list stands evenly along the scale.
"""

import json
from collections.abc import Sequence
from typing import Any

from annotation.criteria import DEFAULT_CRITERIA
from annotation.errors import InvalidRecord
from annotation.records import Criterion, Study
from annotation.scales import FIVE, HUNDRED, MOST_POINTS, Scale
from app.study.written import by_tag, json_list

SCALES = tuple(  # offered by the form
    f"{low}–{high}"
    for low, high in [*((1, high) for high in (5, 2, 3, 4, *range(6, MOST_POINTS + 1))), (0, 10), HUNDRED]
)


def own_criteria(text: str) -> tuple[Criterion, ...]:
    """Criteria beyond the default three, from a JSON list of {key, label, question, scale, not_applicable, anchors}, in one
    language or several.

    Texts are plain (English) or objects by BCP-47 tag. Raises InvalidRecord.
    """
    try:
        return tuple(_criterion(one) for one in json_list(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidRecord(
            f"The criteria of your own cannot be read ({type(error).__name__}: {error}); write a JSON list like "
            '[{"key": "politeness", "label": "Politeness", "question": "How polite is it?", "anchors": ["rude", "curt", '
            '"plain", "kind", "courteous"]}], with "scale": [1, 7] or [0, 100] for another scale.'
        ) from None


def _criterion(one: dict[str, Any]) -> Criterion:
    low, high = one.get("scale") or (FIVE.low, FIVE.high)
    scale = Scale(low, high, one.get("not_applicable", False))
    labels = one["anchors"]
    by_point = isinstance(labels, dict) and all(str(point).isdigit() for point in labels)
    return Criterion(
        key=one["key"],
        question=by_tag(one["question"]),
        anchors={
            tag: labels_on(scale, texts) for tag, texts in ({"en": labels} if by_point else by_tag(labels)).items()
        },
        label=by_tag(one.get("label") or one["key"]),
        scale=scale,
    )


def labels_on(scale: Scale, labels: Any) -> tuple[str, ...]:
    """Labels in the order of the points, "" for a point without one; `labels`: a list, or an object by point.

    Raises ValueError for a point that is not on the scale or cannot have a label.
    """
    if not isinstance(labels, dict):
        return tuple(labels)
    texts = {int(point): text for point, text in labels.items()}
    points = next((some for some in _rows(scale) if texts.keys() <= set(some)), None)
    if points is None:
        raise ValueError(f"labels stand at {sorted(texts)}, which are not points of a scale from {scale}")
    return tuple(texts.get(point, "") for point in points)


def _rows(scale: Scale) -> list[tuple[int, ...]]:
    """The rows of points that labels can stand at, shortest first."""
    return [scale.labelled_points(count) for count in ((2, 3, 4, 5, 6, 11) if scale.is_continuous else (2,))]


def own_as_text(study: Study) -> str:
    """The study's criteria beyond the default three, as `own_criteria` reads them."""
    keys = {one.key for one in DEFAULT_CRITERIA}
    return as_text([one for one in study.criteria if one.key not in keys])


def as_text(criteria: Sequence[Criterion]) -> str:
    """Criteria as `own_criteria` reads them; "" for none."""
    own = [
        {
            "key": one.key,
            "label": dict(one.label),
            "question": dict(one.question),
            "scale": [one.scale.low, one.scale.high],
            "not_applicable": one.scale.not_applicable,
            "anchors": {tag: list(texts) for tag, texts in one.anchors.items()},
        }
        for one in criteria
    ]
    return json.dumps(own, ensure_ascii=False, indent=1) if own else ""
