"""The interface in every language.

Tests of `app.strategies`.
"""

import ast
import string
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.strategies import strategy_title
from app.texts import ENGLISH, available, catalogue
from core.selection.strategies import STRATEGIES

APP = Path(__file__).resolve().parents[2] / "app"
TAGS = [entry.tag for entry in available()]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("tag", TAGS)
def test_a_catalogue_has_no_unknown_key_and_fills_in_the_same_values(tag: str) -> None:
    english, other = catalogue(ENGLISH).entries, catalogue(tag).entries
    titles = {f"explore.strategy_{name}" for name in STRATEGIES}  # English ones stand with the strategies
    assert other.keys() - titles - english.keys() == set()
    for key, text in other.items():
        assert placeholders(text) == placeholders(english.get(key, "")), key


def test_a_word_that_a_language_lacks_is_english() -> None:
    lacking = replace(catalogue("fr"), entries={"app.train": "Entraîner"})
    assert lacking("app.train") == "Entraîner"
    assert lacking("explore.sent", added=1, known=2) == catalogue(ENGLISH)("explore.sent", added=1, known=2)
    assert lacking.knows("explore.ask")
    assert not lacking.knows("explore.nothing_of_the_kind")


def test_a_strategy_without_a_translation_goes_by_its_own_title() -> None:
    assert strategy_title(catalogue(ENGLISH), "knn") == STRATEGIES["knn"].title == "Nearest neighbours (encoder)"
    assert strategy_title(catalogue("fr"), "knn") == "Plus proches voisins (encodeur)"
    french = catalogue("fr")
    without = replace(french, entries={key: text for key, text in french.entries.items() if "knn" not in key})
    assert strategy_title(without, "knn") == "Nearest neighbours (encoder)"


def test_right_to_left_languages_say_so() -> None:
    assert catalogue("ar").direction == "rtl"
    assert catalogue("zh").direction == "ltr"


def test_an_unknown_language_falls_back_to_english() -> None:
    assert catalogue("xx")("explore.ask") == catalogue(ENGLISH)("explore.ask")


def test_chinese_has_one_word_for_a_demonstration() -> None:
    """It had two, by halves: 示例 and 示范. Ready questions are 例子."""
    texts = catalogue("zh")
    assert not [key for key, text in texts.entries.items() if "示范" in text]
    assert "示例" in texts("explore.count") and "例子" in texts("explore.examples")


def said() -> Iterator[tuple[str, str, set[str]]]:
    """Where the app says a text whose key stands in its source, or in a name given just there: file and line, key, names of values."""
    known = catalogue(ENGLISH).entries
    for path in sorted(APP.rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            named: dict[str, set[str]] = {}
            for node in ast.walk(function):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    named.setdefault(node.targets[0].id, set()).update(keys_in(node.value) & known.keys())
            for node in ast.walk(function):
                if not isinstance(node, ast.Call) or not node.args or any(word.arg is None for word in node.keywords):
                    continue
                if isinstance(node.func, ast.Name) and node.func.id in ("texts", "now"):
                    first = node.args[0]
                    keys = named.get(first.id, set()) if isinstance(first, ast.Name) else keys_in(first) & known.keys()
                    for key in keys:
                        yield f"{path.name}:{node.lineno}", key, {word.arg or "" for word in node.keywords}


def keys_in(node: ast.AST) -> set[str]:
    return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def test_every_text_is_given_the_values_that_it_names() -> None:
    """A demonstration that did not fit stopped Explore with a KeyError: the text names {own}, and was given a language."""
    english = catalogue(ENGLISH).entries
    calls = list(said())
    assert len(calls) > 300
    assert [(where, key) for where, key, given in calls if placeholders(english[key]) - given] == []
