"""Quality checks of a folder of demonstrations: ids, completeness, script, language, duplicates, conflicting labels, length ratio.

The bundled sentences pass them in the tests; ``python train.py check FOLDER`` runs them on anyone's.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from core.data.matching import copy_form
from core.language_id import detect, identifiable
from core.languages import language
from core.records import Example

LEAST_SCRIPT = 0.8  # share of letters in the language's script
LEAST_DETECTED = 0.85  # share of a language's sentences that language identification agrees with
MOST_DETECTED = 200  # sentences of a language that language identification reads
LENGTH_RATIO = 2.2  # times the median ratio of the language, either way, against the item's English side


@dataclass(frozen=True)
class Problem:
    """One finding."""

    kind: str  # "ids", "completeness", "script", "language", "duplicate", "conflict" or "length"
    where: str  # id of the example, or language
    message: str


def check_demonstrations(examples: Sequence[Example]) -> list[Problem]:
    """All findings over examples of one task; an empty list means that everything holds."""
    return [
        *_completeness(examples),
        *_scripts(examples),
        *_languages(examples),
        *_duplicates(examples),
        *_lengths(examples),
    ]


def _by_language(examples: Sequence[Example]) -> dict[str, list[Example]]:
    groups: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        groups[example.language].append(example)
    return groups


def _completeness(examples: Sequence[Example]) -> Iterator[Problem]:
    without = [example for example in examples if not has_item(example)]
    if without:
        yield Problem("ids", without[0].id, f"{unguarded(examples)}; give translations of each other the same one")
    if len(without) == len(examples):
        return
    labels: dict[str, set[str]] = defaultdict(set)
    for example in examples:
        labels[example.item].add(example.label)
    for code, rows in _by_language(examples).items():
        items = Counter(example.item for example in rows)
        for item in sorted(labels.keys() - items.keys() - {example.item for example in without}):
            yield Problem("completeness", code, f"item {item} has no sentence in {code}")
        for item, count in items.items():
            if count > 1:
                yield Problem("completeness", code, f"item {item} stands {count} times in {code}")
    for item, several in labels.items():
        if len(several) > 1:
            yield Problem("completeness", item, f"item {item} has different labels: {sorted(several)}")


def has_item(example: Example) -> bool:
    """Whether a row came with an item of its own, rather than with its id standing for one."""
    return example.item != example.id


def unguarded(examples: Sequence[Example]) -> str:
    """Says of how many rows translations cannot be recognised, because they came without an item; "" where all did with one."""
    without = sum(not has_item(example) for example in examples)
    if not without:
        return ""
    which = f"none of the {len(examples)} rows has an" if without == len(examples) else f"{without} of {len(examples)} rows have no"
    return f"{which} index_id, so that their translations cannot be recognised and kept out of a context"


def _scripts(examples: Sequence[Example]) -> Iterator[Problem]:
    for example in examples:
        share = language(example.language).share_of_script(example.text)
        if share is None or share < LEAST_SCRIPT:
            share_text = "no letters" if share is None else f"{share:.0%} of its letters"
            yield Problem(
                "script", example.id, f"{example.id}: {share_text} in the script {language(example.language).script}"
            )


def _languages(examples: Sequence[Example]) -> Iterator[Problem]:
    by_language = _by_language(examples)
    for code, rows in by_language.items():
        if not identifiable(code):
            continue
        guesses = [detect(example.text, list(by_language)).language for example in rows[:MOST_DETECTED]]
        agreed = sum(guess == code for guess in guesses) / len(guesses)
        if agreed < LEAST_DETECTED:
            others = Counter(guess for guess in guesses if guess != code).most_common(2)
            yield Problem(
                "language", code, f"{code}: only {agreed:.0%} of its sentences are recognised (others: {others})"
            )


def _duplicates(examples: Sequence[Example]) -> Iterator[Problem]:
    first: dict[tuple[str, str], Example] = {}
    for example in examples:
        other = first.setdefault((example.language, copy_form(example.text)), example)
        if other.label != example.label:
            message = f"{example.id} has the label {example.label!r}, and {other.id}, which says the same, {other.label!r}"
            yield Problem("conflict", example.id, message)
        if other is not example:
            yield Problem("duplicate", example.id, f"{example.id} has the text of {other.id}")


def _lengths(examples: Sequence[Example]) -> Iterator[Problem]:
    english = {example.item: len(example.text) for example in examples if example.language == "eng_Latn"}
    for rows in _by_language(examples).values():
        ratios = {example.id: len(example.text) / english[example.item] for example in rows if example.item in english}
        middle = median(ratios.values()) if ratios else 1.0
        for identity, ratio in ratios.items():
            if not 1 / LENGTH_RATIO <= ratio / middle <= LENGTH_RATIO:
                yield Problem(
                    "length", identity, f"{identity} is {ratio / middle:.1f} times as long as usual against English"
                )
