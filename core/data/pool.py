"""The demonstration pool: examples, with the masks that keep a query's own translations and copies out of its context."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.data.matching import normal_form
from core.errors import InvalidData, PoolTooSmall
from core.languages import language
from core.records import Example, Query


def check_pool(pool: "Pool", labels: Sequence[str]) -> None:
    """Raise ``InvalidData`` when a pool for a task with ``labels`` shows only one of them: it could teach nothing."""
    present = {example.label for example in pool.examples}
    if labels and len(present) < 2:
        raise InvalidData(
            f"All {len(pool)} examples of the pool have the label {next(iter(present))!r}; add examples of at least one other label."
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
        group_of = {code: language(code).group for code in self.languages}
        return np.array([group_of[example.language] for example in self.examples])

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
        by_text: dict[str, list[str]] = {}
        for example in self.examples:
            items = by_text.setdefault(normal_form(example.text), [])
            if example.item not in items:
                items.append(example.item)
        return by_text

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
