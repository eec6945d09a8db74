"""Results without a browser: who may see what, what is said in which language, what a download holds.

Tests of `app.results.ratings_html`, `app.results.ratings_table`.
"""

import re
import shutil
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from simulated_raters import People

from annotation.criteria import DEFAULT_CRITERIA
from annotation.errors import AnnotationError, UnknownStudy
from annotation.records import NewOutput, NewStudy, Study, Submission
from annotation.report.results import verdict
from annotation.statistics.comparisons import compare, corrected
from annotation.store import RatingStore
from app.results import ratings_html as views
from app.results.ratings import ResultsService
from app.results.ratings_table import COLUMNS, Column, method_name, rated_cells, summary_table
from app.services import EXPLORE_STUDY
from app.texts import available, catalogue

EVIL = "<img src=x onerror=alert(1)>"
SYSTEMS = ("agl|k=4", "knn|k=4", EVIL)
ENGLISH = catalogue("en")


class Door:
    """An authority with one session."""

    def require(self, session: object) -> None:
        if session != "organiser":
            raise AnnotationError("This is for organisers.")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed database of Explore's collection: two raters a language; to be copied."""
    path = tmp_path_factory.mktemp("results") / "rated.db"
    people = People({"agl|k=4": 1.5}, seed=2)
    with RatingStore.open(path) as store:
        study = store.ensure_study(EXPLORE_STUDY)
        store.add_outputs(
            study.id,
            [
                NewOutput(f"i{number}", "en", "text", "topic", system, language, f"text {number} {system}")
                for number in range(4)
                for system in SYSTEMS
                for language in ("ar", "sw")
            ],
        )
        people.rate(store, study, [(f"{tag}{number}", tag) for tag in ("ar", "sw") for number in (0, 1)], "=1+1")
    return path


@pytest.fixture
def store(tmp_path: Path, template: Path) -> Iterator[RatingStore]:
    shutil.copyfile(template, tmp_path / "ratings.db")
    with RatingStore.open(tmp_path / "ratings.db") as opened:
        yield opened


@pytest.fixture
def rated(store: RatingStore) -> Study:
    return store.study(EXPLORE_STUDY.slug)


@pytest.fixture
def desk(store: RatingStore, tmp_path: Path) -> ResultsService:
    return ResultsService(store, EXPLORE_STUDY.slug, tmp_path / "downloads", Door())


def whole_page(desk: ResultsService, language: str | None, tag: str) -> str:
    texts = catalogue(tag)
    report = desk.report("", None, texts)
    seen = report.everyone
    parts = [views.counted(report, texts), views.answer(report, seen, language, report.verdicts, texts)]
    parts += [part(report, seen, language, texts) for part in (views.comparisons, views.agreement, views.orders)]
    return "".join([*parts, summary_table(rated_cells(seen.cells, language), report, texts)])


def test_a_column_more_is_one_line_of_columns_and_its_title(
    desk: ResultsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = catalogue("en")
    report = desk.report("", None, texts)
    one = Column("raters", lambda line: f"{line.cell.raters} of them")
    monkeypatch.setattr("app.results.ratings_table.COLUMNS", (*COLUMNS, one))
    html = summary_table(rated_cells(report.everyone.cells, None), report, texts)
    assert '<th scope="col">Raters</th></tr></thead>' in html and "of them</td></tr>" in html


def test_a_study_that_collects_ratings_is_for_its_organiser_alone(desk: ResultsService, store: RatingStore) -> None:
    new = NewStudy("paper", "For the paper", "task", {"en": "Rate."}, DEFAULT_CRITERIA)
    paper = store.ensure_study(new)  # open
    for stranger in ("", None, "forged"):
        assert [one.slug for one in desk.studies(stranger)] == ["explore"]
        for ask in (
            lambda session=stranger: desk.report(session, "paper", ENGLISH),
            lambda session=stranger: desk.download(session, "paper"),
            lambda session=stranger: desk.texts(session, "paper"),
        ):
            with pytest.raises(UnknownStudy, match="not open"):
                ask()
        with pytest.raises(AnnotationError, match="for organisers"):
            desk.push(stranger, "explore", "lab/data", None)
    assert [one.slug for one in desk.studies("organiser")] == ["explore", "paper"]
    assert desk.report("organiser", "paper", ENGLISH).study == paper
    store.set_study_state(paper.id, "closed")
    assert [one.slug for one in desk.studies("")] == ["explore"]  # closing shows nothing
    store.publish_study(paper.id, "For the paper")
    assert [one.slug for one in desk.studies("")] == ["explore", "paper"]
    store.unpublish_study(paper.id)
    assert [one.slug for one in desk.studies("")] == ["explore"]
    store.publish_study(paper.id, "paper")
    assert [one.slug for one in desk.studies("")] == ["explore", "paper"]
    store.set_study_state(paper.id, "withdrawn")
    assert [one.slug for one in desk.studies("")] == ["explore"]


def test_results_open_on_the_newest_study_that_raters_answered(desk: ResultsService, store: RatingStore) -> None:
    paper = store.ensure_study(NewStudy("paper", "For the paper", "task", {"en": "Rate."}, DEFAULT_CRITERIA))
    assert desk.report("organiser", None, ENGLISH).study.slug == "explore"  # nobody answered the newer one
    outputs = [NewOutput("i0", "en", "text", "topic", system, "sw", f"text {system}") for system in SYSTEMS]
    store.add_outputs(paper.id, outputs)
    rater, _ = store.new_rater(paper.id, "sw")
    view = store.next_assignment(rater.id)
    assert view is not None
    values = {(shown.output_id, criterion.key): 3 for shown in view.outputs for criterion in DEFAULT_CRITERIA}
    assert desk.report("organiser", None, ENGLISH).study.slug == "explore"  # begun is not answered
    store.submit(Submission(str(uuid.uuid4()), rater.id, view.assignment_id, values, None, 3.0))
    assert store.answered_studies() == {paper.id, store.study("explore").id}
    assert desk.report("organiser", None, ENGLISH).study.slug == "paper"
    assert desk.reading("organiser", None)[0].slug == "paper"
    assert desk.report("", None, ENGLISH).study.slug == "explore"  # strangers see what is open to them


def test_without_an_authority_nobody_is_an_organiser(store: RatingStore, rated: Study, tmp_path: Path) -> None:
    alone = ResultsService(store, EXPLORE_STUDY.slug, tmp_path)
    assert not alone.organiser("organiser")
    with pytest.raises(AnnotationError, match="Only an organiser"):
        alone.push("organiser", None, "lab/data", None)


def test_a_report_is_made_anew_only_where_something_changed(
    desk: ResultsService, rated: Study, store: RatingStore
) -> None:
    first = desk.report("", None, ENGLISH)
    assert desk.report("", None, ENGLISH).everyone is first.everyone
    rater, _ = store.new_rater(rated.id, "sw")
    view = store.next_assignment(rater.id)
    assert view is not None
    values = {(output.output_id, one.key): 3 for output in view.outputs for one in view.criteria}
    store.submit(Submission(str(uuid.uuid4()), rater.id, view.assignment_id, values))
    assert desk.report("", None, ENGLISH).everyone.ratings == first.everyone.ratings + 9


class Balanced(HTMLParser):
    """Fails on a tag closed out of turn; collects tags and text."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.seen: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.seen.add(tag)
        self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("language", [None, "ar"])
def test_every_language_of_the_page_says_all_of_it_as_text(
    desk: ResultsService, rated: Study, language: str | None
) -> None:
    for entry in available():
        page = Balanced()
        page.feed(whole_page(desk, language, entry.tag))
        assert page.stack == []
        assert "img" not in page.seen
        assert EVIL in page.text
        assert "nan" not in page.text.lower().split()
        assert entry("results.comparisons") in page.text


def test_a_sentence_names_the_better_one_first_and_says_how_sure_that_is(desk: ResultsService, rated: Study) -> None:
    report = desk.report("", None, ENGLISH)
    pairs = {f"i{number}": (3.0, 3.5 + (number % 2) / 2) for number in range(12)}  # twelve of twelve: p = 2 / 4096
    found = corrected([compare(pairs, "fluency", None, "knn|k=4", "agl|k=4")])[0]
    kind, text = views.sentence(verdict(found, 1, 0.3), report, ENGLISH)
    assert kind == "better"
    assert text.startswith(
        "Self-selection (AGL), K=4 over Nearest neighbours (encoder), K=4 in Fluency: +0.75\u00a0[0."
    )
    assert text.endswith("], p <\u00a0.001 (Holm), 12 paired items.")
    arabic = views.sentence(verdict(found, 1, 0.3), report, catalogue("ar"))[1]
    assert re.search(
        "\u2066\\+0\\.75\u00a0\\[[0-9.]+,\u00a0[0-9.]+\\]\u2069", arabic
    )  # no line ends within it, and nothing turns it
    even = compare({item: (one, one - 0.1 * (place % 2)) for place, (item, (one, _)) in enumerate(pairs.items())},
                   "fluency", None, "knn|k=4", "agl|k=4")  # fmt: skip
    assert views.sentence(verdict(corrected([even])[0], 20, 0.3), report, ENGLISH)[0] in ("alike", "better")


def test_too_little_data_says_how_much_more(desk: ResultsService, rated: Study) -> None:
    report = desk.report("", None, ENGLISH)
    assert {one.kind for one in report.verdicts} == {"undecided"}  # four items cannot give p below 1/8
    lone = verdict(compare({"i1": (4.0, 3.0)}, "fluency", "sw", "agl|k=4", "knn|k=4"), 1, 0.3)
    kind, text = views.sentence(lone, report, ENGLISH)
    assert kind == "not_computable"
    # ((1.960 + 0.842) x 0.8 / 0.3)^2 + 1.960^2 / 2 = 57.7, with the spread that is assumed before there is one
    assert text.endswith(
        "at least 2 items rated for both are needed, there are 1. About 58 paired items would show a difference of 0.3 "
        "points with 80 % power: 57 more.".replace(" %", "\u00a0%")
    )


def test_systems_of_a_table_keep_their_own_names() -> None:
    assert method_name("knn|k=4", ENGLISH) == "Nearest neighbours (encoder), K=4"
    assert method_name("gpt-x 2 | beam", ENGLISH) == "gpt-x 2 | beam"


def test_the_download_has_data_codebook_report_and_datasheet(desk: ResultsService, rated: Study) -> None:
    with zipfile.ZipFile(desk.download("", None)) as bundle:
        names = set(bundle.namelist())
        assert {"ratings.csv", "ratings.jsonl", "ratings.parquet", "codebook.json"} <= names
        assert {"report.html", "report.tex", "report.md", "heds.md"} <= names
        assert b"'=1+1" not in bundle.read("assignments.csv")  # what raters wrote is not for visitors
        assert "Mixed models" in bundle.read("report.md").decode()
    with zipfile.ZipFile(desk.download("organiser", None)) as bundle:
        assert b"'=1+1" in bundle.read("assignments.csv")


def test_failed_raters_can_be_left_out(desk: ResultsService, rated: Study) -> None:
    report = desk.report("", None, ENGLISH)
    assert report.without_failed is None  # no checks in Explore
    fewer = replace(report, without_failed=report.everyone, failed=("rater-x",))
    assert fewer.verdicts_of(fewer.everyone) == report.verdicts
