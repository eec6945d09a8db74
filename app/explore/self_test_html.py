"""Self-tests beside translations: one line a direction, its five sentences folded below it, and the button that runs what is missing."""

from html import escape

from app.explore.self_tests import TRANSLATION, SelfTests, untested
from app.html import hint, label_of, spoken, wide
from app.texts import Texts
from core.inference.self_test import SelfTest
from core.records import Prediction


def self_test_lines(prediction: Prediction, index: int, tests: SelfTests, texts: Texts, finished: bool) -> str:
    """The part of a panel. ``index``: position of its strategy. Nothing for other tasks, and no button while answers are to come."""
    if prediction.task != TRANSLATION or not prediction.answers:
        return ""
    lines = ""
    for answer in prediction.answers:
        result = tests.of(prediction, answer.language)
        lines += "" if result is None else _line(result, texts)
    button = ""
    if finished and untested(tests, prediction):
        button = (
            f'<div class="acts"><button type="button" data-act="self_test" data-id="{index}">'
            f"{escape(texts('selftest.run'))}</button></div>"
        )
    heading = hint(texts("selftest.title"), texts("selftest.hint"), "heading")
    return f'<section class="self-test">{heading}{lines}{button}</section>' if lines or button else ""


def _line(result: SelfTest, texts: Texts) -> str:
    count = len(result.sentences)
    values = {"chrf": f"{result.chrf:.0f}", "copied": result.copied, "repeated": result.repeated}
    line = texts("selftest.line", **values, right=result.in_language, count=count)
    sides = (result.direction.source, result.direction.target)
    rows = "".join(
        f"<tr><td>{spoken(entry.text, sides[0], 'text')}</td><td>{spoken(entry.answer or '–', sides[1], 'text')}</td>"
        f"<td>{spoken(entry.reference, sides[1], 'text')}</td></tr>"
        for entry in result.sentences
    )
    heads = "".join(
        f'<th scope="col">{escape(texts(key))}</th>'
        for key in ("explore.query", "explore.answer", "selftest.reference")
    )
    table = wide(line, f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>")
    return (
        f'<details class="more"><summary>{label_of(sides[0])} <span class="arrow">→</span> {label_of(sides[1])}: {escape(line)}</summary>'
        f"{table}</details>"
    )
