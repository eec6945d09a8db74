"""What an organiser writes as JSON: a list of objects, and texts that are plain (English) or objects by BCP-47 tag."""

import json
from typing import Any


def json_list(text: str) -> list[Any]:
    """The list that a text holds; [] for an empty one. Raises ValueError for anything else."""
    if not (text or "").strip():
        return []
    entries = json.loads(text)
    if not isinstance(entries, list):
        raise ValueError(f"it is {type(entries).__name__}")
    return entries


def by_tag(value: Any) -> dict[str, Any]:
    """A text by language."""
    return dict(value) if isinstance(value, dict) else {"en": value}
