"""A question as a link: what a form says as URL parameters, and back. Pure; what a link says is checked like anything typed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from app.explore.service import DETECT, UNTRAINED, Form
from core.errors import InvalidQuery
from core.inference.predictor import CALIBRATIONS
from core.models.loading import PRECISIONS
from core.selection.strategies import STRATEGIES

MOST_K = 8
LONGEST_NAME = 200  # characters of a model's or run's name
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
    "calibration": "calibration",
    "seed": "seed",
    "pinned": "pin",
    "kept": "read",
}


def query_string(form: Form) -> str:
    """The parameters that say what ``form`` says; what a form says anyway is left out."""
    plain = Form("")
    said = {"q": form.text}
    for field, name in NAMES.items():
        value = getattr(form, field)
        if value != getattr(plain, field):
            said[name] = ",".join(value) if isinstance(value, tuple) else str(value)
    return urlencode(said)


def form_of_link(
    parameters: Mapping[str, str], languages: Sequence[str], tasks: Sequence[str], names: Mapping[str, str] = NAMES
) -> Form | None:
    """The form that parameters say, by what ``names`` calls its fields; None when they hold no question. Raises ``InvalidQuery``."""
    if not parameters.get("q"):
        return None
    fields: dict[str, Any] = {"text": parameters["q"]}
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
        "temperature": _number(float, 0.01, 0.5),
        "calibration": _one(CALIBRATIONS),
        "seed": _number(int, -(2**31), 2**31),
        "pinned": _ids,
        "kept": _ids,
    }
    for field, read in readers.items():
        name = names.get(field, "")
        if name in parameters:
            fields[field] = read(f"The link's {name}" if names is NAMES else name, parameters[name])
    return Form(**fields)


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
            found = kind(value)
        except ValueError:
            found = None
        if found is None or not least <= found <= most:
            raise InvalidQuery(f"{name} is {value[:40]!r}; it must be a number from {least} to {most}.")
        return found

    return read


def _name(name: str, value: str) -> str:
    if len(value) > LONGEST_NAME:
        raise InvalidQuery(f"{name} has {len(value)} characters; at most {LONGEST_NAME} are allowed.")
    return value


def _ids(_: str, value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for part in value.split(",") if part))[:MOST_K]
