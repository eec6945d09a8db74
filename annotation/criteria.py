"""The default criteria in every language of ``anchors``, and the choice of a text by language.

Fluency looks only at the output as language, relevance at input and task, correctness at what the output says
(the split follows Howcroft et al. 2020: one criterion, one aspect). The texts are data, one file per language:
a translation is one more file, a further default criterion one more key of `vocabulary.CRITERION_KEYS` and its English table.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar, overload

from annotation.preference_records import OVERALL, PreferenceQuestion
from annotation.records import Criterion
from annotation.vocabulary import CRITERION_KEYS

Text = TypeVar("Text")

FOLDER = Path(__file__).resolve().parent / "anchors"


def read_criteria(folder: Path, keys: Sequence[str] = CRITERION_KEYS) -> tuple[Criterion, ...]:
    """The criteria `keys` with the texts of all files of a folder, English first.

    The English file has to describe every one of them. A file of another language may lack some: raters of that language
    then read the English question and anchors, marked as English (`in_language`). Raises KeyError for a key that the
    English file lacks.
    """
    paths = sorted(folder.glob("*.toml"), key=lambda path: (path.stem != "en", path.stem))
    files: list[dict[str, Any]] = [tomllib.loads(path.read_text(encoding="utf-8")) for path in paths]
    english = files[0]
    return tuple(
        _criterion(
            key, english["version"], [(file["tag"], file[key]) for file in files if key in file or file is english]
        )
        for key in keys
    )


def _criterion(key: str, version: str, texts: Sequence[tuple[str, dict[str, Any]]]) -> Criterion:
    return Criterion(
        key=key,
        question={tag: text["question"] for tag, text in texts},
        anchors={tag: tuple(text["anchors"]) for tag, text in texts},
        version=version,
        label={tag: text["label"] for tag, text in texts if "label" in text},
    )


class _Criteria(Sequence[Criterion]):
    """The criteria of a folder, read when one is first looked at: a program that rates nothing opens no file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _all(self) -> tuple[Criterion, ...]:
        return read_criteria(self._folder)

    @overload
    def __getitem__(self, index: int) -> Criterion: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Criterion, ...]: ...
    def __getitem__(self, index: int | slice) -> Criterion | tuple[Criterion, ...]:
        return self._all[index]

    def __len__(self) -> int:
        return len(self._all)

    def __eq__(self, other: object) -> bool:
        return self._all == (other._all if isinstance(other, _Criteria) else other)

    def __hash__(self) -> int:
        return hash(str(self._folder))


DEFAULT_CRITERIA: Sequence[Criterion] = _Criteria(FOLDER)


@lru_cache(maxsize=1)
def default_questions() -> tuple[PreferenceQuestion, ...]:
    """What answers may be compared on without writing a question: as a whole, and on each default criterion."""
    files = [tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.toml"))]
    overall = [(file["tag"], file[OVERALL]) for file in files if OVERALL in file]
    english = next(file for file in files if file["tag"] == "en")
    whole = PreferenceQuestion(
        OVERALL,
        {tag: text["question"] for tag, text in overall},
        {tag: text["label"] for tag, text in overall},
        english["version"],
    )
    others = (PreferenceQuestion(one.key, one.question, one.label, one.version) for one in DEFAULT_CRITERIA)
    return (whole, *others)


def in_language(criterion: Criterion, language: str) -> tuple[str, str, tuple[str, ...]]:
    """Question and anchors in the language of a BCP-47 tag, preceded by the tag of the language that they are in.

    That tag differs from `language` where a text falls back to English; a page marks such a text by it.

    A stored study keeps the languages it was made with. Where it lacks this one and its English is ours, word for
    word, our translation stands in.
    """
    ours = next((one for one in DEFAULT_CRITERIA if one.key == criterion.key), None)
    offered = any(tag in criterion.question for tag in _prefixes(language))
    if ours and not offered and _english(ours) == _english(criterion):
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
