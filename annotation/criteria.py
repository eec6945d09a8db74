"""The three criteria in every language of ``anchors``, and the choice of a text by language.

Fluency looks only at the output as language, relevance at input and task, correctness at what the output says
(the split follows Howcroft et al. 2020: one criterion, one aspect). The texts are data, one file per language:
a translation is one more file.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from annotation.records import Criterion
from annotation.vocabulary import CRITERION_KEYS

Text = TypeVar("Text")

FOLDER = Path(__file__).resolve().parent / "anchors"


def read_criteria(folder: Path) -> tuple[Criterion, ...]:
    """The criteria with the texts of all files of a folder, English first."""
    paths = sorted(folder.glob("*.toml"), key=lambda path: (path.stem != "en", path.stem))
    files: list[dict[str, Any]] = [tomllib.loads(path.read_text(encoding="utf-8")) for path in paths]
    return tuple(
        Criterion(
            key=key,
            question={content["tag"]: content[key]["question"] for content in files},
            anchors={content["tag"]: tuple(content[key]["anchors"]) for content in files},
            version=files[0]["version"],
        )
        for key in CRITERION_KEYS
    )


DEFAULT_CRITERIA: tuple[Criterion, ...] = read_criteria(FOLDER)


def in_language(criterion: Criterion, language: str) -> tuple[str, str, tuple[str, ...]]:
    """The tag found, question and five anchors for a BCP-47 tag.

    A stored study keeps the languages it was made with. Where it lacks this one and its English is ours, word for
    word, our translation stands in.
    """
    ours = next((one for one in DEFAULT_CRITERIA if one.key == criterion.key), None)
    known = any(tag in criterion.question for tag in _prefixes(language))
    if ours and not known and _english(ours) == _english(criterion):
        criterion = ours
    tag = tag_for(criterion.question, language)
    return tag, criterion.question[tag], tuple(criterion.anchors[tag])


def _english(criterion: Criterion) -> tuple[str, str | None, tuple[str, ...]]:
    return criterion.version, criterion.question.get("en"), tuple(criterion.anchors.get("en", ()))


def _prefixes(language: str) -> list[str]:
    """The tag, then with subtags cut from the right."""
    parts = language.split("-")
    return ["-".join(parts[:count]) for count in range(len(parts), 0, -1)]


def tag_for(texts: Mapping[str, object], language: str) -> str:
    """The key to use for a BCP-47 tag: exact, then with subtags cut from the right, then "en", then the first one.

    Raises KeyError only if `texts` is empty, which the store does not accept.
    """
    for tag in (*_prefixes(language), "en", *texts):
        if tag in texts:
            return tag
    raise KeyError("no text in any language")


def text_for(texts: Mapping[str, Text], language: str) -> Text:
    """The text under ``tag_for``."""
    return texts[tag_for(texts, language)]
