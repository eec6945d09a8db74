"""A question as a link: what a form says as URL parameters, and back. Pure; what a link says is checked like anything typed."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from app.explore.form import (
    AUTO,
    DETECT,
    LEAST_TEMPERATURE,
    LONGEST_NAME,
    MOST_K,
    MOST_SEED,
    MOST_TEMPERATURE,
    UNTRAINED,
    Edit,
    Form,
    bounded,
)
from core.data.prompt_variants import prompt_variants
from core.errors import InvalidQuery
from core.inference.label_scores import CALIBRATIONS
from core.models.loading import PRECISIONS
from core.selection.strategies import STRATEGIES

NAMES = {  # of the form's fields in a link
    "language": "from",
    "answer_languages": "to",
    "task": "task",
    "strategies": "how",
    "k": "k",
    "pool_languages": "pool",
    "model": "model",
    "precision": "precision",
    "run": "run",
    "temperature": "t",
    "prompt": "prompt",
    "calibration": "calibration",
    "seed": "seed",
    "pinned": "pin",
    "kept": "read",
    "edits": "edit",
}
ALWAYS = (
    "strategies",
    "k",
    "model",
    "calibration",
    "seed",
)  # written also where they equal the defaults, which may change
OLD = {
    "model": "embedded",
    "calibration": "none",
}  # of links that say neither: they were made when these were the only defaults


def query_string(form: Form) -> str:
    """The parameters that say what ``form`` says; defaults are left out, but for those that a question hangs on."""
    plain = Form("")
    parameters = {"q": form.text}
    for field, name in NAMES.items():
        value = getattr(form, field)
        if value != getattr(plain, field) or field in ALWAYS:
            parameters[name] = _written(field, value)
    return urlencode(parameters)


def _written(field: str, value: Any) -> str:
    if field == "edits":
        return json.dumps([[edit.id, edit.text, edit.label] for edit in value], ensure_ascii=False)
    return ",".join(value) if isinstance(value, tuple) else str(value)


def form_of_link(
    parameters: Mapping[str, str], languages: Sequence[str], tasks: Sequence[str], names: Mapping[str, str] = NAMES
) -> Form | None:
    """The form that parameters say, by what ``names`` calls its fields; None when they hold no question. Raises ``InvalidQuery``."""
    if not parameters.get("q"):
        return None
    fields: dict[str, Any] = {"text": parameters["q"], **(OLD if names is NAMES else {})}
    codes = _several(languages)
    readers: dict[str, Callable[[str, str], Any]] = {
        "language": _one((*languages, DETECT)),
        "answer_languages": codes,
        "task": _one(tasks),
        "strategies": _several((*STRATEGIES, UNTRAINED)),
        "k": _number(int, 0, MOST_K),
        "pool_languages": codes,
        "model": _name,
        "precision": _one(PRECISIONS),
        "run": _name,
        "temperature": _number(float, LEAST_TEMPERATURE, MOST_TEMPERATURE),
        "prompt": _one(("", *prompt_variants())),
        "calibration": _one((AUTO, *CALIBRATIONS)),
        "seed": _number(int, -MOST_SEED, MOST_SEED),
        "pinned": _ids,
        "kept": _ids,
        "edits": _edits,
    }
    for field, read in readers.items():
        name = names.get(field, "")
        if name in parameters:
            fields[field] = read(f"The link's {name}" if names is NAMES else name, parameters[name])
    return bounded(Form(**fields))


def _one(allowed: Sequence[str]) -> Callable[[str, str], str]:
    def read(name: str, value: str) -> str:
        if value not in allowed:
            raise InvalidQuery(f"{name} is {value[:40]!r}; choose one of {', '.join(allowed)}.")
        return value

    return read


def _several(allowed: Sequence[str]) -> Callable[[str, str], tuple[str, ...]]:
    one = _one(allowed)
    return lambda name, value: tuple(dict.fromkeys(one(name, part) for part in value.split(",") if part))


def _number(kind: Callable[[str], Any], least: float, most: float) -> Callable[[str, str], Any]:
    def read(name: str, value: str) -> Any:
        try:
            result = kind(value)
        except ValueError:
            result = None
        if result is None or not least <= result <= most:
            raise InvalidQuery(f"{name} is {value[:40]!r}; it must be a number from {least} to {most}.")
        return result

    return read


def _name(name: str, value: str) -> str:
    if len(value) > LONGEST_NAME:
        raise InvalidQuery(f"{name} has {len(value)} characters; at most {LONGEST_NAME} are allowed.")
    return value


def _ids(_: str, value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for part in value.split(",") if part))[:MOST_K]


def _edits(name: str, value: str) -> tuple[Edit, ...]:
    try:
        rows = json.loads(value)
        edits = tuple(Edit(identity, text, label) for identity, text, label in rows)
    except (ValueError, TypeError):
        edits = (Edit(""),)
    for edit in edits:
        if not edit.id or not all(side is None or isinstance(side, str) for side in (edit.id, edit.text, edit.label)):
            raise InvalidQuery(
                f"{name} is {value[:40]!r}; it must be a list of demonstrations with their texts and labels."
            )
    return edits
