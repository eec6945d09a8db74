"""Layout and wiring of Results."""

from typing import Any

import gradio as gr
import langcodes

from annotation.errors import AnnotationError
from app.localised import Localised
from app.rating import RatingDesk
from app.texts import Texts, catalogue
from app.views.figures import rating_counts, rating_means
from app.views.html import message
from app.views.tables import summary_rows, summary_table

ALL = "all"
ENOUGH = 2  # rated items for a first interval
OPTIONS: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_id": "ratings"}


def build_results(desk: RatingDesk, localised: Localised, tag: gr.State, texts: Texts, tab: gr.Tab) -> None:
    """Build the tab; it reads the database each time it is opened."""
    bind = localised.bind
    bind(gr.Markdown(texts("results.lead")), value="results.lead")
    with gr.Row():
        code = bind(
            gr.Dropdown(
                [(texts("results.all_languages"), ALL)],
                value=ALL,
                label=texts("results.language"),
                elem_id="results-language",
            ),
            label="results.language",
        )
        refresh = bind(gr.Button(texts("results.refresh"), elem_id="refresh"), value="results.refresh")
    table = gr.HTML(elem_id="results-table")
    with gr.Row():
        means = bind(gr.Plot(label=texts("results.chart_means")), label="results.chart_means")
        counts = bind(gr.Plot(label=texts("results.chart_counts")), label="results.chart_counts")
    with gr.Row():
        prepare = bind(gr.Button(texts("results.prepare"), elem_id="prepare"), value="results.prepare")
        download = bind(
            gr.DownloadButton(texts("results.downloads"), interactive=False, elem_id="download"),
            label="results.downloads",
        )
    note = gr.HTML()

    def read(wanted: str | None, tag_now: str) -> list[Any]:
        now = catalogue(tag_now)
        cells = desk.summary()
        tags = sorted({cell.language for cell in cells if cell.n and cell.language})
        names = [
            (now("results.all_languages"), ALL),
            *((langcodes.Language.get(entry).autonym(), entry) for entry in tags),
        ]
        kept = wanted if wanted in tags else ALL
        rows = summary_rows(cells, now, None if kept == ALL else kept)
        if not rows:
            return [gr.update(choices=names, value=ALL), message(now("results.empty", enough=ENOUGH)), None, None]
        shown = rows if kept != ALL else [{**row, "method": f"{row['method']} · {row['language']}"} for row in rows]
        return [
            gr.update(choices=names, value=kept),
            summary_table(rows, now),
            rating_means(shown),
            rating_counts(shown),
        ]

    def export() -> tuple[Any, str]:
        try:
            return gr.update(value=str(desk.download()), interactive=True), ""
        except AnnotationError as error:
            return gr.skip(), message(str(error), "error")

    shown = [code, table, means, counts]
    tab.select(read, [code, tag], shown, **OPTIONS)
    refresh.click(read, [code, tag], shown, **OPTIONS)
    code.input(read, [code, tag], shown, **OPTIONS)
    prepare.click(export, None, [download, note], **OPTIONS)
