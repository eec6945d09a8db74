"""The words of the interface, one catalogue file per language; English fills what a catalogue lacks."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "catalogues"
ENGLISH = "en"


@dataclass(frozen=True)
class Texts:
    """One catalogue."""

    tag: str  # BCP-47
    name: str  # in itself
    direction: str  # "ltr" or "rtl"
    entries: dict[str, str]  # "section.key" -> text

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key with its values filled in."""
        text = self.entries.get(key) or catalogue(ENGLISH).entries[key]
        return text.format(**values) if values else text


@lru_cache
def catalogue(tag: str) -> Texts:
    """The catalogue of a tag; English when there is none."""
    path = FOLDER / f"{tag}.toml"
    if not path.is_file():
        return catalogue(ENGLISH)
    content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    entries = {
        f"{section}.{key}": text
        for section, texts in content.items()
        if isinstance(texts, dict)
        for key, text in texts.items()
    }
    return Texts(content["tag"], content["name"], content["direction"], entries)


@lru_cache
def available() -> tuple[Texts, ...]:
    """All catalogues, English first."""
    tags = sorted(path.stem for path in FOLDER.glob("*.toml"))
    return tuple(catalogue(tag) for tag in [ENGLISH, *(tag for tag in tags if tag != ENGLISH)])
