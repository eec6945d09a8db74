"""The words of the interface, one catalogue file per language; English fills what a catalogue lacks.

What raters see stands apart, in ``catalogues/rate``: it is short, so it comes in more languages than the whole app.

Remembers which component shows which interface text, so that one click changes the language of all.
"""

import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "catalogues"
RATE_FOLDER = FOLDER / "rate"
ENGLISH = "en"


@dataclass(frozen=True)
class Texts:
    """One catalogue."""

    tag: str  # BCP-47
    name: str  # in itself
    direction: str  # "ltr" or "rtl"
    entries: dict[str, str]  # "section.key" -> text

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key with its values filled in; in English where this language lacks it."""
        text = self.entries.get(key) or catalogue(ENGLISH).entries[key]
        return text.format(**values) if values else text

    def knows(self, key: str) -> bool:
        """Whether there is a text for this key, in this language or in English."""
        return key in self.entries or key in catalogue(ENGLISH).entries


@lru_cache
def catalogue(tag: str) -> Texts:
    """All words of the app in the language of a tag, those of raters included; English when there is no catalogue."""
    path = FOLDER / f"{tag}.toml"
    if not path.is_file():
        return catalogue(ENGLISH)
    own = _read(path)
    return Texts(own.tag, own.name, own.direction, own.entries | rater_words(tag).entries)


@lru_cache
def rater_words(tag: str) -> Texts:
    """The words that raters see: of the exact tag, then with subtags cut from the right, then in English."""
    while tag and tag not in _tags(RATE_FOLDER):
        tag = tag.rpartition("-")[0]
    return _read(RATE_FOLDER / f"{tag or ENGLISH}.toml")


@lru_cache
def available() -> tuple[Texts, ...]:
    """All catalogues, English first."""
    return tuple(catalogue(tag) for tag in _tags(FOLDER))


@lru_cache
def rater_languages() -> tuple[Texts, ...]:
    """Every language that the rating page speaks, English first."""
    return tuple(rater_words(tag) for tag in _tags(RATE_FOLDER))


def preferred(header: str, catalogues: Iterable[Texts]) -> str:
    """The first language of an Accept-Language header that there are words in, by the browser's weights; else English."""
    tags = {texts.tag for texts in catalogues}
    ranked = []
    for number, part in enumerate(header.split(",")[:20]):
        match = re.fullmatch(r"\s*([A-Za-z0-9-]+)\s*(?:;\s*q=([\d.]{1,5}))?\s*", part)
        if match:
            weight = float(match.group(2)) if re.fullmatch(r"\d(\.\d*)?", match.group(2) or "") else 1.0
            ranked.append((-weight, number, match.group(1)))
    for _, _, tag in sorted(ranked):
        if tag.split("-")[0].lower() in tags:
            return tag.split("-")[0].lower()
    return ENGLISH


def _tags(folder: Path) -> list[str]:
    tags = sorted(path.stem for path in folder.glob("*.toml"))
    return [ENGLISH, *(tag for tag in tags if tag != ENGLISH)]


def _read(path: Path) -> Texts:
    content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    entries = {
        f"{section}.{key}": text
        for section, texts in content.items()
        if isinstance(texts, dict)
        for key, text in texts.items()
    }
    return Texts(content["tag"], content["name"], content["direction"], entries)


Value = str | Callable[[Texts], Any]  # "section.key", or what makes a value of the texts (choices, for example)


@dataclass(frozen=True)
class Binding:
    """One property of one component, and what it shows."""

    component: Any
    prop: str  # "label", "value", "placeholder", "info", "choices", ...
    value: Value


@dataclass
class Localised:
    """All bindings of a page."""

    bindings: list[Binding] = field(default_factory=list)

    def bind(self, component: Any, **values: Value) -> Any:
        """Register ``component`` with ``prop="section.key"`` pairs; returns it."""
        self.bindings += [Binding(component, prop, value) for prop, value in values.items()]
        return component

    @property
    def components(self) -> list[Any]:
        """Every bound component once, in order."""
        return list(dict.fromkeys(binding.component for binding in self.bindings))

    def updates(self, tag: str) -> list[Any]:
        """One update per component, in the order of ``components``."""
        from gradio import update  # late: the startup page says its words before Gradio is imported

        texts = catalogue(tag)
        changes: dict[Any, dict[str, Any]] = {component: {} for component in self.components}
        for binding in self.bindings:
            value = binding.value
            changes[binding.component][binding.prop] = texts(value) if isinstance(value, str) else value(texts)
        return [update(**changes[component]) for component in self.components]
