"""Ratings by group of items, such as domains or degrees of difficulty: the cells of `summary`, of the items of one group alone.

Description only: no test compares groups, because nothing was drawn or planned for that.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from annotation.records import OutputRecord, RatingRecord
from annotation.scales import ALL_FIVE, Scale
from annotation.statistics.summary import Cell, summarise


@dataclass(frozen=True, slots=True)
class Group:
    """What was rated of one group of items."""

    name: str  # "": the items without a group
    items: int  # that there are outputs of, rated or not
    cells: tuple[Cell, ...]  # over all languages first, if there are several


def by_group(
    answers: Sequence[RatingRecord],
    outputs: Sequence[OutputRecord],
    criteria: Sequence[str],
    raters_per_item: int,
    *,
    scales: Mapping[str, Scale] = ALL_FIVE,
    quotas: Mapping[str, int] = MappingProxyType({}),
    closed: Container[str] = (),
    seed: int = 0,
) -> list[Group]:
    """One for each group in sorted order, the items without a group last; none where no item has a group."""
    groups = {one.item_key: one.group or "" for one in outputs}
    if not any(groups.values()):
        return []
    several = len({one.language for one in outputs}) > 1
    made = []
    for name in sorted(set(groups.values()), key=lambda one: (one == "", one)):
        rated = [one for one in answers if groups.get(one.item_key) == name]
        own = [one for one in outputs if groups[one.item_key] == name]
        cells = [
            cell
            for over in ((True, False) if several else (False,))
            for cell in summarise(
                rated,
                own,
                (),
                criteria,
                raters_per_item,
                scales=scales,
                quotas=quotas,
                closed=closed,
                seed=seed,
                over_languages=over,
            )
        ]
        made.append(Group(name, len({one.item_key for one in own}), tuple(cells)))
    return made
