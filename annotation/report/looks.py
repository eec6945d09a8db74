"""Early stopping in report and datasheet: the plan, every look with its boundary, what was decided, and what that does to estimates."""

from collections.abc import Iterator

from annotation.report.results import Report
from annotation.report.words import p_value, signed
from annotation.statistics.values import Undefined, undefined
from annotation.stopping import decided
from core.report.document import Block, Heading, Paragraph, text_table


def look_blocks(report: Report) -> Iterator[Heading | Block]:
    """A table of the looks that were taken; nothing where none are planned."""
    if report.study.stopping is None:
        return
    yield Heading("Early stopping")
    yield Paragraph(plan(report))
    rows = []
    for look in report.study.looks:
        for one in look.pairs:
            difference: float | Undefined = undefined("no_ratings") if one.difference is None else one.difference
            number = "last" if look.ended else str(look.number)
            row = [report.named(one.first), report.named(one.second), number, f"{look.done} / {look.slots}"]
            row += [str(one.items), signed(difference), _short(one.p), _short(one.level)]
            rows.append([*row, "decided" if one.decided else "open"])
    if not rows:
        yield Paragraph("No look was taken yet.")
        return
    head = ["First", "Second", "Look", "Answered", "Items", "Difference", "p", "Boundary", "Outcome"]
    yield text_table(
        "looks", "Interim looks: p of every open pair and the boundary that it had to reach", head, rows, words=2
    )
    yield Paragraph(outcome(report))


def _short(p: float) -> str:
    return f"{p:.5f}" if 0.00001 <= p < 0.001 else p_value(p).removeprefix("= ")


def plan(report: Report) -> str:
    """How the study was allowed to stop, in sentences; "" where it was not."""
    stopping = report.study.stopping
    if stopping is None:
        return ""
    return (
        f"Pairs of systems could be decided early, on {report.criterion(stopping.criterion)}, over all languages together: "
        f"{stopping.looks} looks at equal parts of the planned ratings. The level {stopping.alpha:g}, of all pairs and looks together, was "
        "spent over looks by the O'Brien-Fleming-type function of Lan and DeMets (1983) and over pairs by Holm's steps. The test is a t "
        "test of paired differences by item, averaged over raters. A system whose every pair was decided was handed out no more; what "
        "raters had in hand was finished."
    )


def outcome(report: Report) -> str:
    """What was decided, and how estimates are to be read."""
    pairs = decided(report.study.looks)
    named = [f"{report.named(one.first)} and {report.named(one.second)}" for one in pairs]
    sentence = f"Decided: {'; '.join(named)}." if named else "No pair was decided."
    ended = next((look for look in report.study.looks if look.ended), None)
    if ended is not None:
        sentence += (
            f" The study was closed after {ended.done} of {ended.slots} answered items, before its last planned look. A last look was "
            "taken then, which spent all that was left of the level, as is the rule where the information of a sequential test stays "
            "below the planned one (Jennison and Turnbull 2000, chapter 7); it rests on a closing that did not depend on what had "
            "been found."
        )
    return (
        f"{sentence} Differences of pairs that were decided early are on average a little larger than they would be at the end, and their "
        "intervals do not know of the looks; p-values elsewhere in this report are corrected for their number and not for looks."
    )
