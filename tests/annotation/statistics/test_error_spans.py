"""Errors of systems and agreement on them, against sums by hand and the package krippendorff.

Tests of `annotation.report.error_spans`, `app.results.error_spans_html`.
"""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations

import krippendorff
import numpy as np
import pytest
from rating_examples import new_study

from annotation.records import OutputRecord, StudyData
from annotation.report.error_spans import agreement as sentence
from annotation.report.heds import to_heds
from annotation.report.results import make_report
from annotation.report.sections import document
from annotation.span_records import SpanRecord
from annotation.statistics.error_spans import Errors, analyse_errors, characters
from annotation.statistics.values import Interval, Undefined
from annotation.store import RatingStore
from app.results.error_spans_html import answer
from app.texts import available
from core.report.html import page
from core.report.markup import markdown

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TEXT = "abcdefghijklmnopqrst"  # 20 characters


def output(number: int, item: str, system: str, language: str = "sw", text: str = TEXT) -> OutputRecord:
    return OutputRecord(number, "s", item, "en", "source", "task", None, system, language, text, {})


def mark(one: OutputRecord, rater: str, *errors: tuple[int, int, str]) -> list[SpanRecord]:
    plain = SpanRecord(
        "s",
        one.item_key,
        "en",
        one.system,
        one.language,
        rater,
        None,
        None,
        None,
        None,
        one.output_id,
        1,
        "x",
        NOW,
        NOW,
    )
    return [
        replace(plain, start=start, end=end, severity=severity, marked_text=one.text[start:end])  # type: ignore[arg-type]
        for start, end, severity in errors
    ] or [plain]


def simulated(items: int = 8, raters: int = 3, seed: int = 4) -> tuple[list[SpanRecord], list[OutputRecord]]:
    """knn has more errors than agl; raters mark about the same places."""
    rng = np.random.default_rng(seed)
    outputs, records = [], []
    for item in range(items):
        for system, most in (("agl", 1), ("knn", 4)):
            one = output(len(outputs) + 1, f"i{item}", system)
            outputs.append(one)
            starts = [5 * at for at in range(rng.integers(0, most + 1))]
            for rater in range(raters):
                errors = [
                    (start, start + int(rng.integers(1, 5)), str(rng.choice(["minor", "major"])))
                    for start in starts
                    if rng.random() < 0.8
                ]
                records += mark(one, f"r{rater}", *errors)
    return records, outputs


def of(records: list[SpanRecord], outputs: list[OutputRecord], **options: object) -> Errors:
    result = analyse_errors(records, outputs, **options)  # type: ignore[arg-type]
    assert result is not None
    return result


def test_two_markings_by_hand() -> None:
    """The one marks 0-4 minor and 10-12 major, the other 2-6 minor and 10-12 minor: 4 of 6 + 6 characters are common, 2 alike."""
    one = output(1, "i1", "agl")
    records = [
        *mark(one, "r1", (0, 4, "minor"), (10, 12, "major")),
        *mark(one, "r2", (2, 6, "minor"), (10, 12, "minor")),
    ]
    result = of(records, [one])
    (agreement,) = result.agreements
    assert (agreement.f1, agreement.f1_severity) == (pytest.approx(2 * 4 / 12), pytest.approx(2 * 2 / 12))
    (counts,) = result.counts
    assert (counts.markings, counts.clean, counts.minor, counts.major) == (2, 0, 3, 1)
    assert counts.weighted_mean == (6 + 2) / 2
    assert isinstance(counts.weighted, Undefined)
    assert list(characters(5, records[:1])) == [1, 1, 1, 1, 0]


def test_agreement_by_character_is_that_of_an_independent_package() -> None:
    records, outputs = simulated()
    (agreement,) = of(records, outputs).agreements
    columns: list[list[int]] = [[], [], []]
    both = marked = 0
    for one in outputs:
        rows = []
        for number in range(3):
            line = [0] * len(one.text)
            for error in records:
                if (error.output_id, error.rater) == (one.output_id, f"r{number}") and error.start is not None:
                    for at in range(error.start, error.end or 0):
                        line[at] = {"minor": 1, "major": 2}[str(error.severity)]
            rows.append(line)
            columns[number] += line
        for first, second in combinations(rows, 2):
            both += sum(bool(a) and bool(b) for a, b in zip(first, second, strict=True))
            marked += sum(map(bool, first)) + sum(map(bool, second))
    expected = krippendorff.alpha(
        np.array(columns, dtype=float), level_of_measurement="nominal", value_domain=[0, 1, 2]
    )
    assert agreement.alpha == pytest.approx(expected, abs=1e-9)
    assert agreement.f1 == pytest.approx(2 * both / marked)
    assert isinstance(agreement.interval, Interval) and agreement.interval.low < expected < agreement.interval.high
    assert agreement.outputs == 16


def test_systems_are_compared_by_item_on_weighted_errors() -> None:
    records, outputs = simulated()
    (comparison,) = of(records, outputs).comparisons
    weights = {"minor": 1, "major": 5}
    total: dict[tuple[str, str], float] = {}
    for one in records:
        key = (one.item_key, one.system)
        total[key] = total.get(key, 0.0) + weights.get(str(one.severity), 0) / 3  # three raters marked each output
    by_item = [total[f"i{item}", "agl"] - total[f"i{item}", "knn"] for item in range(8)]
    assert comparison.difference == pytest.approx(np.mean(by_item))
    assert isinstance(comparison.difference, float) and comparison.difference < 0  # agl has fewer


def test_nothing_marked_is_said_and_no_agreement_is_made_up() -> None:
    one = output(1, "i1", "agl")
    (agreement,) = of([*mark(one, "r1"), *mark(one, "r2")], [one]).agreements
    assert isinstance(agreement.f1, Undefined) and agreement.f1.code == "nothing_marked"
    assert isinstance(agreement.alpha, Undefined)
    assert "not computable: no rater marked an error" in sentence(agreement)
    (alone,) = of(mark(one, "r1", (0, 2, "minor")), [one]).agreements
    assert isinstance(alone.f1, Undefined) and alone.f1.code == "no_pairable"
    assert analyse_errors([], [one]) is None
    assert analyse_errors(mark(one, "r1"), [one], without=["r1"]) is None


def test_languages_stand_alone_and_together() -> None:
    first, second = output(1, "i1", "agl"), output(2, "i1", "agl", "en")
    records = [*mark(first, "r1", (0, 2, "minor")), *mark(second, "r2")]
    result = of(records, [first, second])
    assert [(one.language, one.markings, one.clean) for one in result.counts] == [
        (None, 2, 1),
        ("en", 1, 1),
        ("sw", 1, 0),
    ]


def test_report_datasheet_and_results_say_it_in_every_language() -> None:
    records, outputs = simulated()
    with RatingStore.open("sqlite://") as store:
        study = store.create_study(replace(new_study(), error_spans=True))
    data = StudyData((), (), tuple(outputs), (), error_spans=tuple(records))
    report = make_report(study, data, NOW, names={"agl": "<b>AGL</b>"})
    text = markdown([document(report)])
    assert "## Marked errors" in text and "F1 of marked characters" in text and "Freitag et al. 2021" in text
    assert "raters marked its errors" in text
    assert "<b>AGL" not in page([document(report)])
    assert "## 4 Quality criterion 4: errors, by marking" in to_heds(report, data)
    for texts in available():
        html = answer(report, report.everyone, "sw", texts)
        assert 'id="errors"' in html and 'id="errors-compared"' in html and "<b>AGL" not in html
        assert texts("results.errors") in html
