"""The demonstration pool: examples, with the masks that keep a query's own translations and copies out of its context."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from core.data.matching import copy_form
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
    def groups(self) -> np.ndarray:
        """``(N,)`` int64 from 0, equal for examples that say the same: of one item, or near-identical copies in another row.

        A context never shows a group twice. Items that share a text are one group, with all their translations.
        """
        _, items = np.unique([example.item for example in self.examples], return_inverse=True)
        _, texts = np.unique([copy_form(example.text) for example in self.examples], return_inverse=True)
        count, size = items.max() + 1, items.max() + texts.max() + 2
        links = sparse.coo_array((np.ones(len(self)), (items, count + texts)), shape=(size, size))
        _, components = csgraph.connected_components(links, directed=False)
        return np.unique(components[items], return_inverse=True)[1].astype(np.int64)

    @cached_property
    def _group_of_item(self) -> dict[str, int]:
        return {example.item: int(group) for example, group in zip(self.examples, self.groups, strict=True)}

    @cached_property
    def _group_of_text(self) -> dict[str, int]:
        return {copy_form(e.text): int(group) for e, group in zip(self.examples, self.groups, strict=True)}

    @cached_property
    def _sides(self) -> dict[tuple[str, str], Example]:
        return {(example.item, example.language): example for example in self.examples}

    def side(self, item: str, code: str) -> Example | None:
        """The example that says ``item`` in another language, if the pool has it."""
        return self._sides.get((item, code))

    def says_the_same(self, query: Query) -> np.ndarray:
        """Mask ``(N,)``, True = says what the query says: of its item, or a copy of its text, or a translation of such a copy."""
        matched = {self._group_of_text.get(copy_form(query.text), -1)}
        if query.item is not None:
            matched.add(self._group_of_item.get(query.item, -1))
        return np.asarray(np.isin(self.groups, list(matched)))

    def items_of(self, query: Query) -> set[str]:
        """The items that say what the query says: never to be shown to it."""
        items = {self.examples[index].item for index in np.flatnonzero(self.says_the_same(query))}
        return items if query.item is None else {*items, query.item}

    def usable(self, query: Query, languages: Sequence[str] | None = None) -> np.ndarray:
        """Mask ``(N,)``, True = may be shown to this query.

        Left out: the query's own language with all varieties of its group (a context is cross-lingual, unless the pool says
        otherwise) and every copy and translation of the query, recognised by its item or by its text. ``languages`` narrows the choice further.
        """
        own = self._group_of == language(query.language).group
        mask = ~own if self.cross_lingual else np.ones(len(self), dtype=bool)
        mask &= ~self.says_the_same(query)
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
