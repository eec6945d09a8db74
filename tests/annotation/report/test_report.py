"""A whole simulated study from creation to report: the planted difference is found, a null difference is not.

Tests of `annotation.report.evidence`, `annotation.report.heds`, `annotation.report.results`,
`annotation.report.sections`, `annotation.report.words`, `annotation.statistics.analysis`.
"""

import itertools
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from rating_examples import Clock, new_study, outputs_of, submission
from simulated_raters import People

from annotation.records import NewOutput, Study, StudyData
from annotation.report.heds import OPEN, to_heds
from annotation.report.results import Report, make_report
from annotation.report.sections import document
from annotation.report.words import p_value, sentence
from annotation.statistics.analysis import analyse
from annotation.statistics.values import Undefined
from annotation.store import RatingStore
from core.report.html import page
from core.report.markup import latex as latex_of
from core.report.markup import markdown, tex

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
ITEMS = 20
RATERS = 4
HOSTILE = '<script>alert(1)</script> & "50 %" | #1_{x} \\'


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, StudyData]:
    """agl is 0.9 points better than the two others, which do not differ; the last rater answers at random."""
    people = People({"agl": 0.9, "knn": 0.0, "zero-shot": 0.0}, seed=5, careless=frozenset({"r4"}))
    seeds = itertools.count(
        100
    )  # of the raters' orders; with other seeds a careless rater may pass her few checks by chance
    with (
        pytest.MonkeyPatch.context() as patch,
        RatingStore.open(tmp_path_factory.mktemp("whole") / "ratings.db", clock=Clock()) as store,
    ):
        patch.setattr("annotation.queries.raters.new_seed", lambda: next(seeds))
        study = store.create_study(
            replace(new_study(raters_per_item=RATERS), name=HOSTILE, check_every=4, target_difference=0.5, seed=11)
        )
        outputs: list[NewOutput] = []
        for number in range(ITEMS):
            outputs += [
                replace(output, text=f"{output.text} moja mbili tatu nne tano {number}")
                for output in outputs_of(f"i{number}")
            ]
        store.add_outputs(study.id, outputs)
        store.make_checks(study.id)
        study = store.open_study(study.id)
        _, invitation = store.new_invitation(study.id, "sw")
        outputs_there = {output.output_id: output for output in store.data(study.id, checks=True).outputs}
        originals = {number: outputs_there[one.original_output_id or number] for number, one in outputs_there.items()}
        texts = {number: (one.item_key, one.system) for number, one in originals.items()}
        spoiled = {number for number, one in outputs_there.items() if one.degradation}
        for number in range(1, RATERS + 1):
            rater, _ = store.accept_invitation(study.id, invitation, "native")
            while (view := store.next_assignment(rater.id)) is not None:
                given = people.answers(view, f"r{number}", texts)
                if number < RATERS:  # who reads sees what was spoiled
                    given = {key: 1 if key[0] in spoiled else value for key, value in given.items()}
                store.submit(submission(rater.id, view, lambda output, key, given=given: given[output, key]))
        return store.set_study_state(study.id, "closed"), store.data(study.id, checks=True)


@pytest.fixture(scope="module")
def report(finished: tuple[Study, StudyData]) -> Report:
    return make_report(*finished, NOW, names={"agl": "AGL", "knn": HOSTILE})


def test_the_planted_difference_is_found_and_the_null_difference_is_not(report: Report) -> None:
    found = {(one.better, one.worse): one for one in report.verdicts if one.criterion == "correctness"}
    assert found["agl", "knn"].kind == found["agl", "zero-shot"].kind == "better"
    (null,) = (one for pair, one in found.items() if "agl" not in pair)
    assert null.kind in ("undecided", "alike")
    planted = found["agl", "knn"]
    assert isinstance(planted.difference, float)
    assert 0.4 < planted.difference < 1.2  # 0.9 planted, less for a careless quarter of the raters
    assert report.tests == 9  # three pairs, three criteria, one language


def test_the_careless_rater_fails_and_the_difference_grows_without_her(report: Report) -> None:
    answered, passed = report.checks
    assert answered >= 4 * RATERS
    assert passed >= 3 * answered / RATERS
    assert len(report.failed) == 1
    assert report.without_failed is not None
    assert report.without_failed.ratings == report.everyone.ratings * (RATERS - 1) // RATERS == 3 * ITEMS * 9

    def size(comparisons) -> float:
        (one,) = (c for c in comparisons if (c.criterion, c.first, c.second) == ("fluency", "agl", "knn"))
        return one.difference

    assert size(report.without_failed.comparisons) > size(report.everyone.comparisons)


def test_no_attention_check_is_in_any_score(finished: tuple[Study, StudyData], report: Report) -> None:
    _, data = finished
    assert any(row.item_kind != "normal" for row in data.ratings)
    assert report.everyone.ratings == ITEMS * 3 * 3 * RATERS
    assert {cell.items for cell in report.everyone.cells} == {ITEMS}
    assert {cell.missing for cell in report.everyone.cells} == {0}
    only_normal = replace(data, ratings=tuple(row for row in data.ratings if row.item_kind == "normal"))
    assert analyse(only_normal, ["fluency"], RATERS) == analyse(data, ["fluency"], RATERS)


def test_the_same_data_gives_the_same_report(finished: tuple[Study, StudyData], report: Report) -> None:
    study, data = finished
    turned = replace(data, ratings=data.ratings[::-1], outputs=data.outputs[::-1], assignments=data.assignments[::-1])
    assert make_report(study, turned, NOW, names={"agl": "AGL", "knn": HOSTILE}) == report


def test_a_sentence_says_direction_size_interval_p_and_items(report: Report) -> None:
    best = next(one for one in report.verdicts if (one.better, one.worse) == ("agl", "zero-shot"))
    said = sentence(best, report)
    pattern = r"AGL over zero-shot in fluency \(sw\): \+\d\.\d\d \[\d\.\d\d, \d\.\d\d\], p [<=] \.\d+ \(Holm\), 20 paired items\."
    assert re.fullmatch(pattern, said), said
    turned = replace(best, kind="undecided", needed=30, more=6, p=0.2)
    assert sentence(turned, report).endswith(
        "About 30 paired items would show a difference of 0.5 points with 80 % power: 6 more."
    )


@pytest.mark.parametrize(
    ("p", "printed"), [(0.0004, "< .001"), (0.004, "= .004"), (0.0496, "= .050"), (1.0, "= 1.000")]
)
def test_p_is_printed_as_in_journals(p: float, printed: str) -> None:
    assert p_value(p) == printed


class Page(HTMLParser):
    """Tags that are open, tags that were seen, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.seen: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.seen.add(tag)
        if tag != "meta":
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_is_whole_self_contained_and_shows_text_as_text(report: Report) -> None:
    html = page([document(report)])
    parsed = Page()
    parsed.feed(html)
    assert parsed.stack == []
    assert not parsed.seen & {"script", "link", "img", "iframe"}
    assert "://" not in html
    assert HOSTILE in parsed.text
    assert "nan" not in parsed.text.lower().split()
    assert html.count('dir="auto"') > 20  # right-to-left names and instructions turn by themselves


def test_latex_is_escaped_and_every_row_has_the_columns_of_its_table(report: Report) -> None:
    latex = latex_of([document(report)])
    assert tex("50 % of_it & #1 {x} \\ ~^<>") == (
        r"50 \% of\_it \& \#1 \{x\} \textbackslash{} \textasciitilde{}\textasciicircum{}\textless{}\textgreater{}"
    )
    for tabular in re.findall(r"\\begin\{tabular\}\{(l*r*)\}(.*?)\\end", latex, re.DOTALL):
        rows = [line for line in tabular[1].splitlines() if line.endswith(r" \\")]
        assert rows
        assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(tabular[0])}
    assert latex.count(r"\begin{table}") == latex.count(r"\end{table}") > 5


def test_markdown_keeps_its_tables_whole(report: Report) -> None:
    text = markdown([document(report)])
    tables = [block for block in text.split("\n\n") if block.startswith("| ")]
    assert len(tables) > 5
    for block in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1
    assert not re.search(r"(?<!\\)<script>", text)


def test_the_datasheet_is_filled_where_the_database_knows(finished: tuple[Study, StudyData], report: Report) -> None:
    sheet = to_heds(report, finished[1])
    for number in ("1.1", "2.5", "3.1.3", "3.2.1", "3.3.8", "4.1.1", "4.3.12", "5.4"):
        assert f"\n**{number} " in sheet
    assert sheet.count("**4.3.7 ") == len(report.study.criteria)
    assert f"**3.2.1 Number of evaluators**\n\n{RATERS}" in sheet
    assert "a difference of 0.5 points" in sheet
    assert "seed 11" in sheet
    assert "## 5 Ethics\n\n**5.1 Approval by an ethics committee**\n\n" + OPEN in sheet


def test_with_too_little_data_the_report_says_how_much_more(store: RatingStore, study: Study) -> None:
    empty = make_report(study, store.data(study.id, checks=True), NOW)
    assert "There are no ratings yet." in markdown([document(empty)])
    assert to_heds(empty, store.data(study.id))
    rater, _ = store.new_rater(study.id, "sw")
    for _ in range(2):
        view = store.next_assignment(rater.id)
        assert view is not None
        store.submit(submission(rater.id, view, lambda output, key: 1 + output % 5))
    report = make_report(study, store.data(study.id, checks=True), NOW)
    assert all(one.kind != "better" for one in report.verdicts)
    said = [sentence(one, report) for one in report.verdicts]
    assert all("no difference shown" in one and "more." in one for one in said), said
    assert all(isinstance(one.alpha, Undefined) for one in report.everyone.agreements)
    text = markdown([document(report)])
    assert "not computable: no output was rated by two raters" in text
    assert page([document(report)]).count("nan") == 0
