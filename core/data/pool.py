"""The demonstration pool: examples with what is needed to keep a query's own answer out of its context.

Checks of a folder of demonstrations: completeness, script, language, duplicates, length ratio.

The bundled sentences pass them in the tests; ``python train.py check FOLDER`` runs them on anyone's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
import numpy as np
from core.errors import InvalidData, PoolTooSmall
from core.languages import language
from core.records import Example, Query
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from statistics import median
from core.language_id import detect
from core.records import Example

LEAST_SCRIPT = 0.8  # share of letters in the language's script
LEAST_DETECTED = 0.85  # share of a language's sentences that language identification agrees with
LENGTH_RATIO = 2.2  # times the median ratio of the language, either way, against the item's English side


@dataclass(frozen=True)
class Problem:
    """One finding."""

    kind: str  # "completeness", "script", "language", "duplicate" or "length"
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
    found: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        found[example.language].append(example)
    return found


def _completeness(examples: Sequence[Example]) -> Iterator[Problem]:
    labels: dict[str, set[str]] = defaultdict(set)
    for example in examples:
        labels[example.item].add(example.label)
    for code, rows in _by_language(examples).items():
        items = Counter(example.item for example in rows)
        for item in sorted(labels.keys() - items.keys()):
            yield Problem("completeness", code, f"item {item} has no sentence in {code}")
        for item, count in items.items():
            if count > 1:
                yield Problem("completeness", code, f"item {item} stands {count} times in {code}")
    for item, found in labels.items():
        if len(found) > 1:
            yield Problem("completeness", item, f"item {item} has different labels: {sorted(found)}")


def _scripts(examples: Sequence[Example]) -> Iterator[Problem]:
    for example in examples:
        share = language(example.language).share_of_script(example.text)
        if share is None or share < LEAST_SCRIPT:
            seen = "no letters" if share is None else f"{share:.0%} of its letters"
            yield Problem(
                "script", example.id, f"{example.id}: {seen} in the script {language(example.language).script}"
            )


def _languages(examples: Sequence[Example]) -> Iterator[Problem]:
    by_language = _by_language(examples)
    for code, rows in by_language.items():
        found = [detect(example.text, list(by_language)) for example in rows]
        agreed = sum(guess == code for guess in found) / len(rows)
        if agreed < LEAST_DETECTED:
            others = Counter(guess for guess in found if guess != code).most_common(2)
            yield Problem(
                "language", code, f"{code}: only {agreed:.0%} of its sentences are recognised (others: {others})"
            )


def _duplicates(examples: Sequence[Example]) -> Iterator[Problem]:
    seen: dict[tuple[str, str], str] = {}
    for example in examples:
        key = (example.language, normal_form(example.text))
        if key in seen:
            yield Problem("duplicate", example.id, f"{example.id} has the text of {seen[key]}")
        seen[key] = example.id


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


def normal_form(text: str) -> str:
    """Case-folded text with single spaces, the form in which texts are compared."""
    return " ".join(text.casefold().split())


def check_pool(pool: "Pool", labels: Sequence[str]) -> None:
    """Raise ``InvalidData`` when a pool for a task with ``labels`` shows only one of them: it could teach nothing."""
    seen = {example.label for example in pool.examples}
    if labels and len(seen) < 2:
        raise InvalidData(
            f"All {len(pool)} examples of the pool have the label {next(iter(seen))!r}; add examples of at least one other label."
        )


@dataclass(frozen=True)
class Pool:
    """Examples that may be shown as demonstrations, N of them, in a fixed order."""

    examples: tuple[Example, ...]
    cross_lingual: bool = (
        True  # False: a query may also be shown examples in its own language, see core.experiments.lowresource
    )

    def __post_init__(self) -> None:
        """Refuse an empty pool."""
        if not self.examples:
            raise PoolTooSmall("The pool is empty; give at least one example.")

    def __len__(self) -> int:
        return len(self.examples)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Language codes present, sorted."""
        return tuple(sorted({example.language for example in self.examples}))

    @cached_property
    def _group_of(self) -> np.ndarray:
        known = {code: language(code).group for code in self.languages}
        return np.array([known[example.language] for example in self.examples])

    @cached_property
    def _language_of(self) -> np.ndarray:
        return np.array([example.language for example in self.examples])

    @cached_property
    def _item_of(self) -> np.ndarray:
        return np.array([example.item for example in self.examples], dtype=object)

    @cached_property
    def groups(self) -> np.ndarray:
        """``(N,)`` int64, equal for examples of one item: a context never shows an item twice."""
        _, numbers = np.unique(self._item_of.astype(str), return_inverse=True)
        return numbers.astype(np.int64)

    @cached_property
    def _items_by_text(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for example in self.examples:
            items = found.setdefault(normal_form(example.text), [])
            if example.item not in items:
                items.append(example.item)
        return found

    @cached_property
    def _sides(self) -> dict[tuple[str, str], Example]:
        return {(example.item, example.language): example for example in self.examples}

    def side(self, item: str, code: str) -> Example | None:
        """The example that says ``item`` in another language, if the pool has it."""
        return self._sides.get((item, code))

    def item_of(self, text: str) -> str | None:
        """The item whose text, in some language, is this text; the last one where several say the same."""
        items = self._items_by_text.get(normal_form(text))
        return items[-1] if items else None

    def items_of(self, query: Query) -> set[str]:
        """The items that say what the query says, by its own item and by its text: never to be shown to it."""
        return {*self._items_by_text.get(normal_form(query.text), ()), *([] if query.item is None else [query.item])}

    def usable(self, query: Query, languages: Sequence[str] | None = None) -> np.ndarray:
        """Mask ``(N,)``, True = may be shown to this query.

        Left out: the query's own language with all varieties of its group (a context is cross-lingual, unless the pool says
        otherwise) and every translation of the query, recognised by its item or by its text. ``languages`` narrows the choice further.
        """
        own = self._group_of == language(query.language).group
        mask = ~own if self.cross_lingual else np.ones(len(self), dtype=bool)
        for item in self.items_of(query):
            mask &= self._item_of != item
        if languages is not None:
            mask &= np.isin(self._language_of, list(languages))
        return np.asarray(mask)

    def require(self, mask: np.ndarray, count: int, query: Query) -> None:
        """Raise ``PoolTooSmall`` when fewer than ``count`` examples are usable."""
        usable = len(np.unique(self.groups[mask]))
        if usable < count:
            others = "other languages, " if self.cross_lingual else ""
            raise PoolTooSmall(
                f"{count} demonstrations were asked for, but only {usable} different items of the pool's {len(self)} examples "
                f"may be shown to a query in {query.language} ({others}other items); lower K or add examples."
            )
