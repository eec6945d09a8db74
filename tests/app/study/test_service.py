"""The organiser's service: outputs from each source, designs, opening, inviting, removing, exporting.

Tests of `app.study.board`, `app.study.own_criteria`, `app.study.power_html`, `app.study.stopping_html`,
`annotation.report.power`.
"""

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from study_tables import LONG, table

from annotation.criteria import DEFAULT_CRITERIA
from annotation.errors import InvalidRecord, InvalidTable, StudyFrozen, StudyNotReady, UnknownStudy
from annotation.records import NewOutput, NewStudy, Study
from annotation.report.power import planned_powers
from annotation.statistics.power import Power
from annotation.stopping import Stopping
from annotation.store import RatingStore
from annotation.study_records import Stock
from app.access.organiser import Authority
from app.study.board import EVALUATION, EXPLORE, TABLE, Design, Source
from app.study.own_criteria import own_as_text, own_criteria
from app.study.power_html import power_panel
from app.study.service import StudyService
from app.study.stopping_html import plan
from app.texts import catalogue

SECRET = "a secret of some length"
OWN = (
    '[{"key": "politeness", "label": {"en": "Politeness", "sw": "Adabu"}, "question": "How polite?", '
    '"anchors": ["1", "2", "3", "4", "5"]}]'
)
DESIGN = Design("Named", "Reply.", 2, 10, 40, 0.5, 4, 3, 0.4, ("fluency",), OWN, {"en": "Rate.", "sw": "Kadiria."})


class Office:
    """A store with Explore's collection, the service over it, and a session."""

    def __init__(self, folder: Path) -> None:
        self.store = RatingStore.open("sqlite://")
        self.explore = self.store.ensure_study(NewStudy("explore", "E", "mixed", {"en": "Rate."}, DEFAULT_CRITERIA))
        authority = Authority(SECRET)
        self.service = StudyService(self.store, authority, folder, "explore")
        self.session = authority.unlock(SECRET)

    def draft(self, folder: Path, items: int = 6, name: str = "My Study!") -> str:
        return str(self.service.create(self.session, name, "Reply.", Source(TABLE, table(folder, items)))[0].slug)


@pytest.fixture
def office(tmp_path: Path) -> Any:
    made = Office(tmp_path / "out")
    yield made
    made.store.close()


def test_a_table_becomes_a_draft_with_checks_that_can_open(office: Office, tmp_path: Path) -> None:
    slug = office.draft(tmp_path)
    board = office.service.board(office.session, slug)
    assert (slug, board.study.state, board.stock.items, board.missing) == ("my-study", "draft", {"sw": 6}, ())
    assert board.stock.repeats == {"sw": 6}
    with pytest.raises(InvalidRecord, match="There is a study called 'My Study!' already"):
        office.draft(tmp_path, name=" my study! ")
    assert office.draft(tmp_path, name="My study?") == "my-study-2"
    assert [one.slug for one in office.service.studies(office.session)] == ["my-study-2", "my-study"]
    with pytest.raises(StudyNotReady, match="the instructions that raters read are not written"):
        office.service.open(office.session, slug)
    office.service.design(office.session, slug, DESIGN)
    assert office.service.open(office.session, slug).frozen_at is not None
    with pytest.raises(StudyFrozen):
        office.service.add(office.session, slug, Source(TABLE, table(tmp_path, 9)))


def test_a_fault_in_the_table_makes_no_study(office: Office, tmp_path: Path) -> None:
    with pytest.raises(InvalidTable, match="line 1, language"):
        office.service.create(office.session, "x", "", Source(TABLE, table(tmp_path, 2, language="?")))
    with pytest.raises(InvalidRecord, match="No file"):
        office.service.create(office.session, "x", "", Source(TABLE))
    with pytest.raises(InvalidRecord, match="name is empty"):
        office.service.create(office.session, " ", "", Source(TABLE, table(tmp_path, 2)))
    assert office.service.studies(office.session) == []


def test_from_explore_only_items_with_the_commonest_systems_are_taken(office: Office) -> None:
    with pytest.raises(InvalidTable, match="nothing was sent"):
        office.service.create(office.session, "x", "", Source(EXPLORE))
    systems = {"i0": ("agl", "knn"), "i1": ("agl", "knn", "mmr"), "i2": ("agl", "knn"), "i3": ("agl",)}
    for item, some in systems.items():
        new = [NewOutput(item, "sw", item, "topic", one, "sw", f"{LONG} {item} {one}", {"seed": 1}) for one in some]
        office.store.add_outputs(office.explore.id, new)
    study, taken = office.service.create(office.session, "x", "", Source(EXPLORE))
    assert (len(taken.outputs), taken.uneven) == (6, 1)
    assert office.store.stock(study.id).systems == ("agl", "knn")
    assert {one.provenance["seed"] for one in office.store.outputs(study.id)} == {1}
    assert len(office.store.outputs(office.explore.id)) == 8


def evaluation(folder: Path, **columns: Any) -> Path:
    rows = [
        {
            "item": f"t{n}", "id": f"q{n}-{code}", "language": code, "strategy": strategy, "seed": seed, "k": 4,
            "gold": "sports", "prediction": f"label {seed}", "demonstrations": "[]", **columns,
        }
        for n in range(5) for code in ("swh_Latn", "zho_Hans") for strategy in ("agl", "knn") for seed in (1, 0)
    ]  # fmt: skip
    path = folder / "items.parquet"
    pd.DataFrame(rows).to_parquet(path)
    return path


def queries(folder: Path, count: int = 5) -> Path:
    path = folder / "queries.jsonl"
    rows = [
        {"id": f"q{n}-{code}", "text": f"text {n} {code}", "language": code, "label": "sports"}
        for n in range(count)
        for code in ("swh_Latn", "zho_Hans")
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_an_evaluation_gives_its_strategies_as_systems_and_its_first_seed(office: Office, tmp_path: Path) -> None:
    source = Source(EVALUATION, evaluation(tmp_path), queries(tmp_path), most=3)
    study, taken = office.service.create(office.session, "e", "Name the topic.", source)
    assert (len(taken.outputs), taken.over) == (3 * 2 * 2, 4)
    outputs = office.store.outputs(study.id)
    assert {one.system for one in outputs} == {"agl|k=4", "knn|k=4"}
    assert {one.language for one in outputs} == {"sw", "zh"}
    assert {one.text for one in outputs} == {"label 0"}
    assert all(one.source_text == f"text {one.item_key[1]} {one.item_key[3:]}" for one in outputs)
    assert {one.provenance["seed"] for one in outputs} == {0}


def test_written_answers_of_an_evaluation_are_taken_in_their_language(office: Office, tmp_path: Path) -> None:
    path = evaluation(tmp_path, answer="The answer.", answer_language="eng_Latn", text="asked")
    study, _ = office.service.create(office.session, "e", "", Source(EVALUATION, path))
    outputs = office.store.outputs(study.id)
    assert {(one.text, one.language, one.source_text) for one in outputs} == {("The answer.", "en", "asked")}


def test_an_evaluation_without_its_texts_is_refused(office: Office, tmp_path: Path) -> None:
    path = evaluation(tmp_path)
    for given, match in ((None, "give the data file"), (queries(tmp_path, 2), "has the query 'q2-swh_Latn', which")):
        with pytest.raises(InvalidTable, match=match):
            office.service.create(office.session, "e", "", Source(EVALUATION, path, given))
    pd.DataFrame({"id": [1]}).to_parquet(path)
    with pytest.raises(InvalidTable, match="lacks the column 'item'"):
        office.service.create(office.session, "e", "", Source(EVALUATION, path))


def test_a_design_is_saved_with_a_criterion_of_ones_own(office: Office, tmp_path: Path) -> None:
    slug = office.draft(tmp_path)
    study = office.service.design(office.session, slug, DESIGN)
    assert [one.key for one in study.criteria] == ["fluency", "politeness"]
    assert study.instructions == {"en": "Rate.", "sw": "Kadiria."}
    assert (study.items_per_rater, study.check_every, study.target_difference) == (10, 4, 0.5)
    assert own_criteria(own_as_text(study)) == study.criteria[1:]
    without = office.service.design(office.session, slug, replace(DESIGN, check_every=None, own_criteria=""))
    assert without.check_every is None
    assert office.store.stock(study.id).degraded == {}


@pytest.mark.parametrize("text", ["{", "{}", "[1]", '[{"key": "a"}]', '[{"key": "a", "question": "?", "anchors": 5}]'])
def test_criteria_that_cannot_be_read_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidRecord, match="politeness"):
        own_criteria(text)


def powers(study: Study, stock: Stock) -> list[Power]:
    return planned_powers(study, len(stock.systems), stock.items, stock.distinct)


def test_power_is_estimated_for_what_is_planned(office: Office, tmp_path: Path) -> None:
    slug = office.draft(tmp_path)
    board = office.service.board(office.session, slug)
    (found,) = powers(board.study, board.stock)
    assert (found.plan.items, found.plan.raters_per_item, found.plan.tests) == (6, 3, 3)
    (more,) = powers(replace(board.study, planned_items=400, target_difference=0.5), board.stock)
    assert more.power > found.power
    assert powers(board.study, replace(board.stock, systems=("agl",))) == []
    (language,) = board.stock.items
    (fewer,) = powers(replace(board.study, planned_items=400, quotas={language: 1}), board.stock)
    assert (fewer.plan.items, fewer.plan.raters_per_item) == (400, 1)
    two = replace(board.stock, items={language: 400, "xx": 400})
    (least,) = powers(replace(board.study, planned_items=None, quotas={"xx": 1}), two)
    assert (least.plan.raters_per_item, least.plan.tests) == (1, 9)


def test_the_power_of_early_stopping_is_that_of_its_looks_over_all_languages(office: Office, tmp_path: Path) -> None:
    """30 items in two languages with 3 and 1 raters: 30 items with 4 ratings each, tested for one pair, not for 9 tests."""
    board = office.service.board(office.session, office.draft(tmp_path))
    (language,) = board.stock.items
    study = replace(board.study, stopping=Stopping(4, board.study.criteria[0].key), quotas={"xx": 1})
    stock = replace(board.stock, items={language: 30, "xx": 30}, distinct=30)
    looks, end = powers(study, stock)
    assert (looks.plan.looks, looks.plan.items, looks.plan.raters_per_item, looks.plan.tests) == (4, 30, 4, 1)
    assert (end.plan.looks, end.plan.tests) == (1, 9) and looks.power > end.power
    assert "4 looks" in looks.assumptions and "2.0% more items" in looks.assumptions and "looks" not in end.assumptions
    twice = powers(replace(study, planned_items=60), stock)[0]
    assert (twice.plan.items, twice.plan.raters_per_item) == (60, 4)
    html = power_panel(replace(board, study=study, stock=stock), [looks, end], catalogue("en"))
    assert html.index("4 looks, all languages together") < html.index("The tests of all tables at the end")
    assert "2.0 % more items" in html and html.count("0.7 between items") == 2
    assert "\u20661\u2060–\u20605\u2069" in power_panel(board, [end], catalogue("ar"))
    costs = plan(replace(board, study=study, stock=stock), catalogue("ar"))
    assert "<td>\u206630 / 120\u2069</td>" in costs and "<td>30 / 120</td>" in plan(
        replace(board, study=study, stock=stock), catalogue("en")
    )
    assert power_panel(board, powers(board.study, board.stock), catalogue("en")).count("looks") == 0


def test_links_are_made_and_taken_back_and_a_rater_is_removed_only_when_her_name_is_typed(
    office: Office, tmp_path: Path
) -> None:
    slug, service, session = office.draft(tmp_path), office.service, office.session
    service.design(session, slug, DESIGN)
    study = service.open(session, slug)
    invitation, link = service.invite(session, slug, "sw", 5, 2.0)
    assert link.startswith("rate?study=my-study#invite=")
    assert invitation.expires_at is not None
    rater, _ = office.store.accept_invitation(study.id, link.rpartition("=")[2])
    assert service.revoke(session, slug, invitation.id).revoked_at is not None
    for typed in ("", "rater", rater.pseudonym.upper()):
        with pytest.raises(InvalidRecord, match=f"Type {rater.pseudonym}"):
            service.remove(session, slug, rater.pseudonym, typed)
    gone, state = service.remove(session, slug, rater.pseudonym, f" {rater.pseudonym} ")
    assert (gone.rater, state) == (rater.pseudonym, None)  # a database in memory has no backups
    with zipfile.ZipFile(service.export(session, slug)) as bundle:
        assert rater.pseudonym in json.loads(bundle.read("codebook.json"))["removed_raters"]
    assert service.set_state(session, slug, "closed").closed_at is not None


def test_explores_collection_is_not_touched_from_here(office: Office) -> None:
    for slug in ("explore", None, 3, ""):
        with pytest.raises(UnknownStudy):
            office.service.board(office.session, slug)
