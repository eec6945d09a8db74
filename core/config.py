"""Settings and where data files lie: TOML becomes frozen dataclasses, and pydantic checks types and ranges by their annotations.

A setting says what it may be where it stands::

    @dataclass(frozen=True)
    class ContextConfig:
        k: Count = 4
        near: Share = 0.75
        teacher: Literal["ema", "base"] = "ema"

        def __post_init__(self) -> None:
            check(self, "policy.")  # "policy.k is 0; it must be 1 or more."

What ties two settings to each other follows ``check`` in ``__post_init__``.
"""

import dataclasses
import json
import tomllib
import types
import typing
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from core.errors import InvalidConfig

ASSETS = Path(__file__).resolve().parents[1] / "assets"  # the data files that ship with the project

T = TypeVar("T")
Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def check(settings: object, prefix: str = "") -> None:
    """Refuse a dataclass one of whose fields is not what its annotation says; fields that are dataclasses check themselves.

    ``prefix`` stands before the name of a field: "policy." for a section of a file, "--" for what is typed. Raises ``InvalidConfig`` with
    the first field that is wrong, its value and what is allowed.
    """
    kind: Any = type(settings)
    for name, adapter in _adapters(kind).items():
        try:
            adapter.validate_python(getattr(settings, name), strict=True)
        except ValidationError as error:
            raise InvalidConfig(_sentence(f"{prefix}{name}", error.errors()[0], _hints(kind)[name])) from None


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind, include_extras=True)


@cache
def _adapters(kind: Any) -> dict[str, TypeAdapter[Any]]:
    hints = _hints(kind)
    return {
        field.name: TypeAdapter(hints[field.name])
        for field in dataclasses.fields(kind)
        if not dataclasses.is_dataclass(hints[field.name])
    }


def _sentence(name: str, error: ErrorDetails, hint: Any) -> str:
    """The message about a refused value, in the words of all settings."""
    value = error["input"]
    if error["type"] == "literal_error":
        allowed = typing.get_args(hint)
        return f"{name} is {value!r}; allowed are {', '.join(map(str, allowed))}."
    bounds = _bounds(hint)
    if (
        not bounds
        or error["type"].endswith("_type")
        or error["type"].startswith(("int_", "float_", "bool_", "string_"))
    ):
        return f"{name} is {value!r}, but must be of type {_type_name(hint)}."
    least, above, most, below = (bounds.get(key) for key in ("ge", "gt", "le", "lt"))
    if least is not None and most is not None:
        return f"{name} is {value}; it must lie between {least} and {most}."
    if above is not None and below is not None:
        return f"{name} is {value}; it must lie between {above} and {below}."
    number = "a number of " if bounds.get("allow_inf_nan") is False else ""
    lower = f"{number}{least} or more" if least is not None else f"above {above}" if above is not None else ""
    upper = f"{most} or less" if most is not None else f"below {below}" if below is not None else ""
    return f"{name} is {value}; it must be {' and '.join(part for part in (lower, upper) if part)}."


def _bounds(hint: Any) -> dict[str, Any]:
    """Bounds in an annotation, or in the one of its members that has some (``tuple[Natural, ...]``, ``Count | None``)."""
    own: dict[str, Any] = {}
    for part in getattr(hint, "__metadata__", ()):
        for constraint in getattr(part, "metadata", ()):
            for key in ("ge", "gt", "le", "lt", "allow_inf_nan"):
                if (value := getattr(constraint, key, None)) is not None:
                    own[key] = value
    return own or next((bounds for part in typing.get_args(hint) if (bounds := _bounds(part))), {})


def _type_name(hint: Any) -> str:
    plain = _without_bounds(hint)
    members = typing.get_args(plain) if typing.get_origin(plain) in (typing.Union, types.UnionType) else (plain,)
    return " or ".join("nothing" if one is type(None) else getattr(one, "__name__", str(one)) for one in members)


def _without_bounds(hint: Any) -> Any:
    """The plain type: bounds are checked, and told, by the dataclass that has the setting."""
    if hasattr(hint, "__metadata__"):
        return _without_bounds(typing.get_args(hint)[0])
    origin, members = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return type(members[0])
    if origin in (typing.Union, types.UnionType):
        return typing.Union[tuple(map(_without_bounds, members))]  # noqa: UP007  (built at run time)
    return origin[tuple(map(_without_bounds, members))] if origin in (tuple, list, dict) else hint


def read_config(path: Path, kind: type[T], overrides: dict[str, str] | None = None) -> T:
    """Read a TOML file into the dataclass ``kind``; ``overrides`` maps dotted keys to text ("decoder.steps": "10").

    Raises ``InvalidConfig`` naming the file and the key.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InvalidConfig(
            f"{path} does not exist; name a configuration file such as those in assets/configs."
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidConfig(f"{path} cannot be read as TOML ({error}); mend the file.") from error
    for key, text in (overrides or {}).items():
        _override(content, key, text)
    return build(kind, content, str(path))


def typed_config(kind: type[T], overrides: dict[str, str]) -> T:
    """As ``read_config`` without a file: the defaults of ``kind`` under what was typed."""
    content: dict[str, Any] = {}
    for key, text in overrides.items():
        _override(content, key, text)
    return build(kind, content, "The command line")


def build(kind: type[T], content: dict[str, Any], where: str) -> T:
    """Build a dataclass from a mapping, sections becoming nested dataclasses."""
    assert dataclasses.is_dataclass(kind)
    hints = _hints(kind)
    unknown = sorted(set(content) - set(hints))
    if unknown:
        raise InvalidConfig(f"{where} has the unknown key {unknown[0]!r}; known keys are {sorted(hints)}.")
    values = {}
    for field in dataclasses.fields(kind):
        if field.name in content:
            values[field.name] = _value(hints[field.name], content[field.name], f"{where}, {field.name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise InvalidConfig(f"{where} lacks the key {field.name!r}; add it.")
    return kind(**values)


def _value(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, dict):
            raise InvalidConfig(f"{where} must be a section of keys, but is {value!r}.")
        return build(hint, value, where)
    try:  # as JSON, which has lists for tuples and whole numbers for floats, but no text for a number
        return TypeAdapter(_without_bounds(hint)).validate_json(json.dumps(value, default=str), strict=True)
    except ValidationError:
        raise InvalidConfig(f"{where} is {value!r}, but must be of type {_type_name(hint)}.") from None


def _override(content: dict[str, Any], key: str, text: str) -> None:
    section = content
    *path, last = key.split(".")
    for name in path:
        section = section.setdefault(name, {})
        if not isinstance(section, dict):
            raise InvalidConfig(
                f"{key!r} goes below {name!r}, which is a value and no section; see the file for its keys."
            )
    try:
        section[last] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        section[last] = text
