"""Tables on models that grade: how each agrees with people, and where it does not."""

from collections.abc import Iterator

from annotation.report.results import Report
from annotation.report.words import figure, judging, signed, span
from annotation.scales import scale_of
from annotation.statistics.judged import Judged
from core.report.document import Block, Heading, Paragraph, Table, text_table


def judge_blocks(report: Report) -> Iterator[Heading | Block]:
    """Nothing where no model graded."""
    if not report.judged:
        return
    yield Heading("Models that grade, beside people")
    yield Paragraph(judging(report))
    rows = [
        [
            one.judge,
            one.language,
            report.criterion(one.criterion),
            str(one.texts),
            f"{figure(one.kappa)} {span(one.interval)}".strip(),
            figure(one.alpha_people),
            figure(one.alpha_with),
            signed(one.shift),
        ]
        for one in report.judged
    ]
    head = ["Model", "Language", "Criterion", "Texts", "Kappa", "Alpha, people", "Alpha, with it", "Shift"]
    caption = (
        "Agreement of models with people: quadratic-weighted kappa with its 95 % interval over items; alpha of the raters alone, and with "
        "the model as one more coder; shift is the model's expected point minus the raters' mean"
    )
    yield text_table("judges", caption, head, rows, words=3)
    for number, one in enumerate(report.judged):
        yield _confusion(number, one, report)


def _confusion(number: int, one: Judged, report: Report) -> Table:
    bins = scale_of(report.study.scales, one.criterion).bins()
    rows = [[name, *map(str, counts)] for name, counts in zip(bins, one.confusion, strict=True)]
    caption = f"What people gave (rows) and what {one.judge} gave (columns): {report.criterion(one.criterion)}, {one.language}"
    return text_table(f"confusion-{number}", caption, ["People", *bins], rows)
