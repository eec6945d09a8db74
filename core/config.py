"""Settings and where data files lie: a TOML file is turned into frozen dataclasses, with every missing or unknown key named."""

import dataclasses
import tomllib
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

from core.errors import InvalidConfig

ASSETS = Path(__file__).resolve().parents[1] / "assets"  # the data files that ship with the project

T = TypeVar("T")


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


def build(kind: type[T], content: dict[str, Any], where: str) -> T:
    """Build a dataclass from a mapping, sections becoming nested dataclasses."""
    assert dataclasses.is_dataclass(kind)
    hints = typing.get_type_hints(kind)
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
    origin = typing.get_origin(hint)
    if origin is tuple and isinstance(value, list):
        return tuple(value)
    if origin is dict and isinstance(value, dict):
        return dict(value)
    allowed = tuple(typing.get_args(hint)) if origin is types.UnionType else (origin or hint,)
    if float in allowed and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        raise InvalidConfig(f"{where} is {value!r}, but must be of type {getattr(hint, '__name__', hint)}.")
    return value


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
