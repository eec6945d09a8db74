"""Groups of items in report and datasheet: how many items each has, how raters got a share of each, and means by group."""

from collections.abc import Iterator

from annotation.records import Study
from annotation.report.results import Report
from annotation.report.words import figure, span
from annotation.statistics.groups import Group
from annotation.statistics.values import Undefined
from core.report.document import Block, Heading, Table, text_table

NONE = "(no group)"


def group_blocks(report: Report) -> Iterator[Heading | Block]:
    """A table of means for each language, and over all of them; nothing where no item has a group."""
    groups = report.everyone.groups
    if not groups or not report.everyone.ratings:
        return
    yield Heading("By group of items")
    languages = report.everyone.languages
    for language in (*((None,) if len(languages) > 1 else ()), *languages):
        yield _means(report, groups, language)


def _means(report: Report, groups: tuple[Group, ...], language: str | None) -> Table:
    keys = [one.key for one in report.study.criteria]
    rows = []
    for group in groups:
        of = {(one.system, one.criterion): one for one in group.cells if one.language == language}
        for system in report.systems:
            cells = [of.get((system, key)) for key in keys]
            if not any(cells):
                continue
            means = [
                "–"
                if cell is None or isinstance(cell.mean, Undefined)
                else f"{figure(cell.mean)} {span(cell.mean_interval)}".strip()
                for cell in cells
            ]
            items = str(max(cell.items for cell in cells if cell is not None))
            rows.append([group.name or NONE, report.named(system), items, *means])
    head = ["Group", "System", "Rated items", *(report.criterion(key) for key in keys)]
    where = language or "all languages"
    caption = f"Mean rating by group of items, with its 95 % interval, {where}; groups are described, not tested"
    return text_table(f"groups-{language or 'all'}", caption, head, rows, words=2)


def assigned(report: Report) -> str:
    """How items of groups were handed out, as sentences; "" where items have none."""
    counts = ", ".join(f"{one.name or NONE}: {one.items}" for one in report.everyone.groups)
    if not counts:
        return ""
    return f"Items belong to groups ({counts} items). {_balanced(report.study)}"


def _balanced(study: Study) -> str:
    if not study.balance_groups:
        return "Raters were not given a share of every group by design."
    return (
        "By design each rater got a share of every group in proportion to it, rounded up or down, as long as items of the group were "
        "open; within a group, the items with fewest raters came first."
    )
