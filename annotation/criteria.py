"""The three criteria in English, and the choice of a text by language.

Fluency looks only at the output as language, relevance at input and task, correctness at what the output says
(the split follows Howcroft et al. 2020: one criterion, one aspect). Translations arrive as data: more keys in
the dicts.
"""

from collections.abc import Mapping
from typing import TypeVar

from annotation.records import Criterion

Text = TypeVar("Text")

DEFAULT_CRITERIA: tuple[Criterion, ...] = (
    Criterion(
        key="fluency",
        question={"en": "How well is the answer written, as language? Leave aside whether it is right."},
        anchors={
            "en": (
                "not readable, or not in the language asked for",
                "many mistakes; I have to guess what is meant",
                "understandable, with clear mistakes or odd wording",
                "good, with a small slip or an unusual phrase",
                "reads like a careful native writer",
            )
        },
    ),
    Criterion(
        key="relevance",
        question={"en": "Does the answer respond to this input and do what the task asks?"},
        anchors={
            "en": (
                "has nothing to do with the input or the task",
                "touches the subject but does something else",
                "responds in part, or adds much that was not asked",
                "responds to the task, with little missing or added",
                "does exactly what was asked for this input",
            )
        },
    ),
    Criterion(
        key="correctness",
        question={"en": "Does the answer say what it should? Leave aside how it is written."},
        anchors={
            "en": (
                "wrong, or says the opposite",
                "mostly wrong, with something right in it",
                "about half right, or an important part is missing",
                "right, except for a small detail",
                "completely right, nothing missing",
            )
        },
    ),
)


def text_for(texts: Mapping[str, Text], language: str) -> Text:
    """The text for a BCP-47 tag: exact, then with subtags cut from the right, then "en", then the first one.

    Raises KeyError only if `texts` is empty, which the store does not accept.
    """
    tag = language
    while tag:
        if tag in texts:
            return texts[tag]
        tag = tag.rpartition("-")[0]
    if "en" in texts:
        return texts["en"]
    for text in texts.values():
        return text
    raise KeyError("no text in any language")
