"""Records become reports: what is said in words, what is escaped, what a page may call.

Tests of `core.report.cells`, `core.report.charts`, `core.report.document`, `core.report.evaluation`,
`core.report.generic`, `core.report.html`, `core.report.look`, `core.report.markup`, `core.report.renderers`,
`core.report.systems`.
"""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import train
from core.errors import InvalidData
from core.report.cells import heading, written
from core.report.charts import chart
from core.report.document import (
    BEST,
    LEVEL,
    Bar,
    Bullets,
    Document,
    Figure,
    Heading,
    IntervalChart,
    Paragraph,
    Section,
    ShareChart,
    table_of,
    text_table,
)
from core.report.html import page
from core.report.markup import latex, latex_table, markdown, markdown_table, plain, tex
from core.report.reading import read_record, record_folders
from core.report.renderers import document_of
from core.report.systems import heat_map, systems

LABELS = ("sports", "travel", "health")
RATES = {"zero-shot": 0.2, "random": 0.25, "good": 0.8, "fair": 0.77}


def items(k: dict[str, tuple[int, ...]] | None = None) -> pd.DataFrame:
    """80 items in Swahili and in a language nobody knows; random under two seeds."""
    rng = np.random.default_rng(5)
    rows = []
    for strategy, rate in RATES.items():
        for n in (k or {}).get(strategy, (0 if strategy == "zero-shot" else 4,)):
            for seed in (0, 1) if strategy == "random" else (0,):
                for code in ("swh_Latn", "qqq_Latn"):
                    for item in range(80):
                        gold = LABELS[item % 3]
                        others = [label for label in LABELS if label != gold]
                        said = gold if rng.random() < rate else others[int(rng.integers(2))]
                        scores = [3.0 if label == said else 1.0 for label in LABELS]
                        rows.append((item, code, strategy, seed, n, gold, said, said, json.dumps(scores)))
    columns = ["item", "language", "strategy", "seed", "k", "gold", "prediction", "prediction_batch", "log_probs"]
    return pd.DataFrame(rows, columns=columns)


def evaluation(folder: Path, rows: pd.DataFrame, **more: Any) -> Document:
    folder.mkdir(parents=True, exist_ok=True)
    rows.to_parquet(folder / "items.parquet")
    entry = {"command": "python train.py evaluate --k 4", "results": [], "seconds": 12.0, **more}
    (folder / "record.json").write_text(json.dumps(entry))
    return document_of(read_record(folder))


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Document:
    passes = [{"pass": "good-k4-s0", "seconds": 2.5}, {"pass": "random-k4-s0", "seconds": 1.0}]
    passes.append({"pass": "random-k4-s1", "seconds": 1.25})
    return evaluation(tmp_path_factory.mktemp("records") / "mine", items(), passes=passes)


def said(document: Document) -> str:
    return "\n".join(document.sections[0].sentences)


def test_the_findings_say_what_is_significant_what_is_not_and_on_how_much(document: Document) -> None:
    words = said(document)
    assert "2 languages, 80 queries in each, 80 different items; seeds 0, 1." in words
    assert re.search(
        r"Best of zero-shot, random, good, fair: good, accuracy \d\d\.\d \[\d\d\.\d, \d\d\.\d\] %; "
        r"significantly better than zero-shot, random;",
        words,
    )
    assert "not significantly better than fair." in words
    assert re.search(r"[45] of 6 pairs differ significantly .*; not told apart: .*good and fair\.", words)
    assert "random has chance in it and was run under 2 seeds; 3 are the least" in words
    assert ("Command", "python train.py evaluate --k 4") in document.facts


def test_the_best_is_marked_and_so_is_what_is_not_told_from_it(document: Document) -> None:
    table = document.table("strategies")
    assert table is not None
    assert table.marks == {(2, "accuracy"): BEST, (3, "accuracy"): LEVEL}
    assert [row[table.columns.index("wall time")] for row in table.rows] == [None, 2.2, 2.5, None]
    lines = markdown_table(table).splitlines()
    assert lines[0].startswith(
        "| strategy | K | accuracy, % | macro-F1, % | batch-calibrated, % | ECE, % | Brier | seeds |"
    )
    assert re.match(r"\| good \| 4 \| \*\*\d\d\.\d \[.*\]\*\* \|", lines[4])
    assert re.match(r"\| fair \| 4 \| \d\d\.\d \[.*\] † \|", lines[5])


def test_calibration_is_that_of_the_probabilities(document: Document) -> None:
    """Every answer has confidence e^2 / (e^2 + 2) = 0.787; the Brier score of a right answer is 0.068, of a wrong one 1.25."""
    table = document.table("strategies")
    assert table is not None
    row = dict(zip(table.columns, table.rows[2], strict=True))
    accuracy = row["accuracy"][0]  # type: ignore[index]
    confidence = np.exp(2) / (np.exp(2) + 2)
    rest = (1 - confidence) / 2
    right, wrong = (1 - confidence) ** 2 + 2 * rest**2, confidence**2 + (1 - rest) ** 2 + rest**2
    assert row["ECE"] == pytest.approx(abs(accuracy - confidence))
    assert row["Brier"] == pytest.approx(accuracy * right + (1 - accuracy) * wrong)


def test_a_language_that_nobody_knows_stays_in_every_table(document: Document) -> None:
    for name, group in (("by family", "unknown"), ("by resource class", "unknown"), ("by language", "qqq_Latn")):
        table = document.table(name)
        assert table is not None
        assert group in [row[0] for row in table.rows], name


def test_the_heat_map_names_languages_in_the_order_of_their_names() -> None:
    """Tamil (tam_Taml) stood before Filipino (tgl_Latn), in the order of codes that nobody sees."""
    rows = items().replace({"language": {"swh_Latn": "tam_Taml", "qqq_Latn": "tgl_Latn"}})
    drawn = heat_map(systems(rows), "accuracy", "%").rows
    assert list(dict.fromkeys(row["language"] for row in drawn)) == ["Filipino", "Tamil"]


def test_several_k_are_compared_k_by_k_beside_zero_shot(tmp_path: Path) -> None:
    document = evaluation(tmp_path / "k", items({"good": (1, 4), "fair": (4,), "random": ()}))
    table = document.table("by number of demonstrations")
    assert table is not None
    assert [row[0] for row in table.rows] == [1, 4]
    assert set(table.marks) == {(0, "good"), (1, "good"), (1, "fair")}
    assert {table.marks[1, "good"], table.marks[1, "fair"]} == {BEST, LEVEL}
    pairs = document.table("pairs of strategies")
    assert pairs is not None
    assert ("good, K = 1", "good, K = 4") not in [row[:2] for row in pairs.rows]
    assert len(pairs.rows) == 4


def test_free_text_is_scored_by_its_own_measure(tmp_path: Path) -> None:
    rows = items().assign(chrf=lambda table: 40.0 + 20.0 * (table["gold"] == table["prediction"]), adherence=0.5)
    document = evaluation(tmp_path / "text", rows.drop(columns=["prediction_batch"]))
    table = document.table("strategies")
    assert table is not None
    assert table.columns[:4] == ("strategy", "K", "chrF", "adherence")
    assert "macro-F1" not in table.columns
    assert re.search(r"Best of zero-shot, random, good, fair: good, chrF 5\d\.\d+ \[", said(document))


def test_a_record_without_items_shows_its_means_and_says_that_nothing_was_tested(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text(json.dumps({"results": [{"strategy": "agl", "accuracy": 0.5}]}))
    document = document_of(read_record(tmp_path))
    assert "nothing can be tested" in said(document)
    assert "| agl | 0.500 |" in markdown([document])


SWEEP: dict[str, Any] = {
    "kind": "sweep",
    "title": "Sweep | of <b>alpha</b> & beta_1",
    "command": "python train.py sweep",
    "findings": ["alpha = 1 is *not* better."],
    "units": {"accuracy": "%", "change": "points", "p": "p"},
    "tables": {
        "by alpha": [{"alpha": 0.5, "accuracy": [0.5, 0.4, 0.6], "change": -0.1, "p": 0.0001, "label": "<script>"}]
    },
    "figures": {
        "trade-off": {
            "kind": "scatter",
            "x": "alpha",
            "y": "accuracy",
            "series": None,
            "table": "by alpha",
            "label": "label",
        },
        "bars": {"kind": "bar", "x": "label", "y": "accuracy", "series": "label", "table": "by alpha"},
        "curve": {"kind": "line", "x": "alpha", "y": "accuracy", "series": "label", "table": "by alpha"},
        "map": {
            "kind": "heatmap",
            "x": "label",
            "y": "alpha",
            "value": "change",
            "table": "by alpha",
            "units": "points",
        },
    },
}


@pytest.fixture
def sweep(tmp_path: Path) -> Document:
    (tmp_path / "record.json").write_text(json.dumps(SWEEP))
    return document_of(read_record(tmp_path, "sweep"))


def test_a_kind_without_a_renderer_is_shown_by_what_it_brings_and_texts_stay_texts(sweep: Document) -> None:
    text = markdown([sweep])
    assert r"- alpha = 1 is \*not\* better." in text
    assert "| alpha | accuracy, % | change, points | p | label |" in text
    assert r"| 0.500 | 50.0 [40.0, 60.0] | -10.0 | < 0.001 | \<script> |" in text
    assert text.startswith(r"# Sweep \| of \<b>alpha\</b> & beta_1: sweep")


def test_latex_escapes_and_uses_booktabs(sweep: Document) -> None:
    text = latex([sweep])
    assert (
        r"\section*{Sweep \textbar{} of \textless{}b\textgreater{}alpha\textless{}/b\textgreater{} \& beta\_1: sweep}"
        in text
    )
    assert r"  0.500 & 50.0 [40.0, 60.0] & -10.0 & \textless{} 0.001 & \textless{}script\textgreater{} \\" in text
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 1
    assert tex("50 % of $x_1$ ~ {a}^2 \\ #1") == (
        r"50 \% of \$x\_1\$ \textasciitilde{} \{a\}\textasciicircum{}2 \textbackslash{} \#1"
    )
    marked = table_of("t", [{"a": "x", "b": 1.0}, {"a": "y", "b": 0.5}], {}, marks={(0, "b"): BEST, (1, "b"): LEVEL})
    assert r"\textbf{1.000}" in latex_table(marked)
    assert r"0.500$^\dagger$" in latex_table(marked)


def test_latex_breaks_long_lists_and_takes_no_bracket_for_an_option() -> None:
    text = latex([Document("T", (("Command", "evaluate --languages swh_Latn,hau_Latn"),), ())])
    assert r"Command: \texttt{evaluate -{}-languages swh\_Latn,\allowbreak{}hau\_Latn}\par}" in text
    assert "\n  {}[a] & 1 \\\\\n" in latex_table(table_of("t", [{"a": "[a]", "b": 1}], {}))


def test_the_page_is_one_file_with_plotly_once_that_may_call_nobody(sweep: Document) -> None:
    text = page([sweep, sweep])
    own = re.sub(r"<script>.*?</script>", "", text, count=1, flags=re.DOTALL)  # without plotly.js itself
    assert len(text) - len(own) > 1_000_000
    assert len(own) < 100_000
    assert "default-src 'none'" in own
    assert re.findall(r"(?:src|href)=\"(?!#)[^\"]*\"", own) == []
    assert "<b>alpha</b>" not in own
    assert "<script>," not in own
    assert own.count('class="plotly-graph-div"') == 8


def test_figures_draw_shares_in_hundredths_with_their_intervals(sweep: Document) -> None:
    drawn = {figure.name: chart(figure) for section in sweep.sections for figure in section.figures}
    point = drawn["trade-off"].data[0]
    assert (list(point.y), list(point.x)) == ([50.0], [0.5])
    assert (point.error_y.array[0], point.error_y.arrayminus[0]) == (pytest.approx(10), pytest.approx(10))
    assert drawn["trade-off"].layout.yaxis.title.text == "accuracy, %"
    assert list(drawn["bars"].data[0].y) == ["&lt;script&gt;"]
    assert drawn["map"].data[0].z[0][0] == -10.0


def test_long_names_stand_beside_horizontal_bars() -> None:
    rows = [{"strategy": "without coherence", "accuracy": 0.5}]
    bars = chart(Figure("f", "bar", "strategy", "accuracy", rows)).data[0]
    assert (bars.orientation, list(bars.x)) == ("h", [0.5])


@pytest.mark.parametrize(
    ("cell", "unit", "expected"),
    [
        (0.5, "%", "50.0"),
        (-0.0001, "points", "0.0"),
        (0.021, "points", "+2.1"),
        (0.0004, "p", "< 0.001"),
        (0.0421, "p", "0.042"),
        (None, "%", "-"),
        (float("nan"), "", "-"),
        ((0.5, None, None), "%", "50.0"),
        (True, "", "yes"),
        (14028, "", "14,028"),
        (0.12345, "nats", "0.123"),
        (20.685, "chrF", "20.7"),
        ("a", "%", "a"),
    ],
)
def test_cells_are_written_by_their_unit(cell: Any, unit: str, expected: str) -> None:
    assert written(cell, unit) == expected


def test_headings_carry_units_and_plain_text_stays_on_its_line() -> None:
    assert [heading("loss", "nats"), heading("p", "p"), heading("a", "")] == ["loss, nats", "p", "a"]
    assert plain("a\n|b| [x](http://y) swh_Latn _it_") == r"a \|b\| [x\](http://y) swh_Latn \_it\_"


def test_records_are_found_by_folder_and_bad_ones_end_in_a_sentence(tmp_path: Path) -> None:
    for name in ("b", "a/deep"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "record.json").write_text("{}")
    assert [name for name, _ in record_folders([tmp_path])] == ["a/deep", "b"]
    with pytest.raises(InvalidData, match=r"no record in .*record\.json"):
        record_folders([tmp_path / "none"])
    (tmp_path / "b" / "record.json").write_text("{")
    with pytest.raises(InvalidData, match="cannot be read as JSON"):
        read_record(tmp_path / "b")
    (tmp_path / "b" / "record.json").write_text("[]")
    with pytest.raises(InvalidData, match="holds a list"):
        read_record(tmp_path / "b")
    (tmp_path / "b" / "record.json").write_text("{}")
    pd.DataFrame({"item": [1]}).to_parquet(tmp_path / "b" / "items.parquet")
    with pytest.raises(InvalidData, match="no column language, strategy, seed, k"):
        read_record(tmp_path / "b")


def test_a_document_without_sections_is_still_a_page() -> None:
    assert ">T</h1>" in page([Document("T", (), (Section("S"),))])


RATINGS = Document.of_blocks(
    "Ratings of <i>two</i> systems",
    [
        Paragraph("12 ratings."),
        Heading("Which is better?"),
        Bullets(["A over B: +0.5.", "# no heading"]),
        text_table("means-sw", "Mean rating, sw", ["System", "Fluency"], [["A_1", "3.50 [3.0, 4.0]"], ["B"]]),
        IntervalChart("Means", [Bar("A", 3.5, 3.0, 4.0), Bar("B", 2.0)], 1, 5, range(1, 6)),
        ShareChart("Points", [("A", (0, 1, 3, 0, 0)), ("B", (0,) * 10 + (1,))]),
    ],
)


def test_blocks_keep_their_order_under_their_headings_and_a_short_row_keeps_its_columns() -> None:
    assert [section.title for section in RATINGS.sections] == ["", "Which is better?"]
    text = markdown([RATINGS])
    assert text.index("12 ratings.") < text.index("## Which is better?") < text.index("- A over B")
    assert "| System | Fluency |\n| --- | ---: |\n| A_1 | 3.50 [3.0, 4.0] |\n| B |  |" in text
    assert r"- \# no heading" in text
    printed = latex([RATINGS])
    assert r"\label{tab:means-sw}" in printed and r"\caption{Mean rating, sw.}" in printed and "A\\_1 & 3.50" in printed


def test_charts_without_a_script_are_drawn_on_a_page_without_any_and_colour_is_never_alone() -> None:
    text = page([RATINGS])
    assert "<script" not in text and "script-src" not in text
    assert len(text) < 10_000
    assert 'style="left:50.00%;width:25.00%"' in text  # 3.0 to 4.0 on 1 to 5
    assert 'title="3: 3">3</i>' in text and 'title="11: 1">11</i>' in text
    assert '<th scope="row" class="text" dir="auto">A_1</th><td dir="ltr">3.50' in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# a", r"\# a"),
        ("1. a", r"1\. a"),
        ("- a", r"\- a"),
        ("-10.0", "-10.0"),
        ("~~a~~ $x$", r"\~\~a\~\~ \$x\$"),
        ("3 # 4 > 2", "3 # 4 > 2"),
    ],
)
def test_signs_that_would_begin_a_list_a_heading_or_a_formula_are_escaped(text: str, expected: str) -> None:
    assert plain(text) == expected


def test_a_record_of_baselines_alone_says_what_its_best_was_compared_with(tmp_path: Path) -> None:
    """The record on top said "Best: agl" where only zero-shot and random stood beside it."""
    rows = items().replace({"strategy": {"good": "agl"}})
    words = said(evaluation(tmp_path / "two", rows[rows["strategy"] != "fair"]))
    assert words.startswith("Best of zero-shot, random, agl: agl, accuracy")
    assert "Only random and zero-shot stood beside it: no choice by likeness (bm25, knn) was compared." in words
    assert words.splitlines()[-1].startswith("2 languages, 80 queries in each")  # how much was asked comes last
    assert "stood beside it" not in said(evaluation(tmp_path / "three", items()))


def test_a_figure_has_no_more_lines_than_colours_and_says_so() -> None:
    rows = [{"x": x, "y": line / 20 + x, "line": f"line {line}"} for line in range(12) for x in (0, 1)]
    drawn = chart(Figure("f", "line", "x", "y", rows, series="line"))
    assert [one.name for one in drawn.data] == [f"line {line}" for line in range(4, 12)]
    assert drawn.layout.title.text == "The highest 8 of 12 lines"
    assert len(chart(Figure("f", "bar", "x", "y", rows, series="line")).data) == 12


def test_the_command_prints_a_leaderboard_and_writes_its_csv_and_citation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluation(tmp_path / "records" / "mine", items(), task="topic", commit="abc")
    output = tmp_path / "out"
    assert train.main(["report", str(tmp_path / "records"), "--leaderboard", "--output", str(output)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Best of 4 systems on topic: ") and "| strategy | K | model |" in printed
    assert {path.name for path in output.iterdir()} == {"leaderboard-topic.csv", "leaderboard-topic.bib"}
