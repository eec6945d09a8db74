"""Ratings by group of items, such as domains or degrees of difficulty: the cells of `summary`, of the items of one group alone.

Description only: no test compares groups, because nothing was drawn or planned for that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from annotation.records import OutputRecord, RatingRecord
from annotation.statistics.summary import Cell


@dataclass(frozen=True, slots=True)
class Group:
    """What was rated of one group of items."""

    name: str  # "": the items without a group
    items: int  # that there are outputs of, rated or not
    cells: tuple[Cell, ...]  # over all languages first, if there are several


def by_group(
    answers: Sequence[RatingRecord], outputs: Sequence[OutputRecord], summarised: Callable[..., list[Cell]]
) -> list[Group]:
    """One for each group in sorted order, the items without a group last; none where no item has a group.

    `summarised`: `summary.summarise` with all that is the same for every group.
    """
    groups = {one.item_key: one.group or "" for one in outputs}
    if not any(groups.values()):
        return []
    several = len({one.language for one in outputs}) > 1
    made = []
    for name in sorted(set(groups.values()), key=lambda one: (one == "", one)):
        rated = [one for one in answers if groups.get(one.item_key) == name]
        own = [one for one in outputs if groups[one.item_key] == name]
        overall = summarised(rated, own, (), over_languages=True) if several else []
        made.append(Group(name, len({one.item_key for one in own}), (*overall, *summarised(rated, own, ()))))
    return made
