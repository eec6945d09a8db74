"""One word, one idea: names of the code are the field's terms, and old names for them do not come back.

The words are looked for as parts of identifiers (``_asked_method`` has *asked*); prose may use them as ordinary English. Where a word is
right, it is listed with its reason.
"""

import io
import keyword
import re
import tokenize
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INSTEAD = {
    "place": "index, path, slot, position",
    "found": "result, matches, or what it is",
    "shown": "demonstrations, displayed",
    "asked": "query, prompt, requested",
    "tell": "progress, report",
    "told": "progress, report",
    "said": "answer, message",
    "given": "options, argument",
    "kept": "saved, retained",
    "seen": "offered, trained, visited",
    "wanted": "requested, required",
    "bare": "zero-shot, without demonstrations",
    "weigh": "score",
    "desk": "service",
    "bench": "workbench",
    "waking": "startup page",
    "keeping": "backup",
    "door": "password",
    "house": "-",
    "room": "-",
}
RIGHT: dict[str, str] = {
    "FileNotFoundError": "Python's own",
    "ModuleNotFoundError": "Python's own",
    "LocalTokenNotFoundError": "of huggingface_hub",
    "ratings_given": "a column of exports",
    "preferences_given": "a column of exports",
    "shown_labels": "a column of saved evaluations and an option of train.py",
    "SHOWN_LABELS": "the values of that option",
    "first_shown_at": "a column of the database",
    "PackageNotFoundError": "Python's own",
    "shown": "a setting of fit, writing.shown, in saved configurations",
    "seen": "beside unseen: the languages and tasks that a run was trained on, in records",
    "SEEN": "that value",
    "seen_tasks": "the option --seen-tasks",
    "kept": "a parameter of saved links to Explore",
}


def identifiers(path: Path) -> set[str]:
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    return {token.string for token in tokens if token.type == tokenize.NAME and not keyword.iskeyword(token.string)}


def parts(identifier: str) -> set[str]:
    return {part.lower().removesuffix("s") for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", identifier)}


def test_old_words_do_not_come_back() -> None:
    uses: dict[str, list[str]] = defaultdict(list)
    for folder in ("core", "annotation", "app"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" in path.parts:  # history as it was
                continue
            for identifier in identifiers(path) - set(RIGHT):
                for word in parts(identifier) & set(INSTEAD):
                    uses[f"{identifier} ({INSTEAD[word]})"].append(str(path.relative_to(ROOT)))
    assert dict(uses) == {}


def test_words_that_are_allowed_are_used() -> None:
    """An exception that nothing needs any more goes."""
    used = {
        one
        for folder in ("core", "annotation", "app")
        for path in (ROOT / folder).rglob("*.py")
        for one in identifiers(path)
    }
    assert sorted(set(RIGHT) - used) == []
