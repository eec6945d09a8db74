"""Label probabilities and coherence of an answer as small tables, drawn by the browser alone."""

from html import escape

from app.html import bar, hint, number, spoken, wide
from app.texts import Texts
from core.data.tasks import Task
from core.languages import language
from core.records import Prediction


def label_table(prediction: Prediction, task: Task, index: int, texts: Texts) -> str:
    """Label probabilities of the answer at ``index`` with and without demonstrations, likeliest first."""
    answer = prediction.answers[index]
    if answer.with_context is None or answer.without_context is None:
        return f'<p class="quiet">{escape(texts("explore.not_labels"))}</p>'
    words = task.verbaliser(answer.language).words
    shares, untouched = answer.with_context.probabilities, answer.without_context.probabilities
    raw = answer.uncalibrated.probabilities if answer.uncalibrated is not None else shares
    made = prediction.provenance
    calibrated = made.get("calibration", "none") != "none" or made.get("label_temperature", "1.0") != "1.0"
    rows = "".join(
        f'<tr><th scope="row">{spoken(words[label], answer.language)}</th>'
        f'<td><span class="figure">{_share(shares[label])}</span> {bar(shares[label])}</td>'
        f"{_uncalibrated(raw[label]) if calibrated else ''}"
        f'<td><span class="figure">{_share(untouched[label])}</span> {bar(untouched[label], "second")}</td></tr>'
        for label in sorted(task.labels, key=lambda label: -shares[label])
    )
    heads = "".join(
        f'<th scope="col">{escape(texts(f"explore.{key}"))}</th>'
        for key in ("answer", "with_context", *(("uncalibrated",) if calibrated else ()), "without_context")
    )
    shift = hint(f"{texts('explore.kl')} {number(answer.kl)} nats", texts("explore.kl_hint"), "figure")
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="agl labels" dir="{texts.direction}">{wide(texts("explore.answer"), table)}<p>{shift}</p></div>'


def _uncalibrated(value: float) -> str:
    return f'<td><span class="figure">{_share(value)}</span> {bar(value, "second")}</td>'


def _share(value: float) -> str:
    return ">.99" if value > 0.99 else "<.01" if value < 0.01 else f"{value:.2f}"


def coherence_table(prediction: Prediction, texts: Texts) -> str:
    """Cosines between the query and the answers in every language; shade follows the number that stands in the cell."""
    if not prediction.coherence:
        return ""
    names = [escape(texts("explore.query_row")), *(escape(language(a.language).autonym) for a in prediction.answers)]
    heads = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = ""
    for name, values in zip(names, prediction.coherence, strict=True):
        cells = "".join(f'<td class="figure cell" style="--share:{max(0.0, v):.2f}">{v:.2f}</td>' for v in values)
        rows += f'<tr><th scope="row">{name}</th>{cells}</tr>'
    caption = hint(texts("explore.coherence"), texts("explore.coherence_hint"))
    table = (
        f'<table class="coherence"><caption>{caption}</caption><thead><tr><td></td>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )
    return f'<div class="agl" dir="{texts.direction}">{wide(texts("explore.coherence"), table)}</div>'
