"""Publishing is an act of its own; a clone is a new draft; the task of a study is that of its items; exclusion keeps data.

Tests of `annotation.export.archive`.
"""

import csv
import json
import runpy
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from attention_toys import opened, outputs
from rating_examples import new_study, submission

from annotation.errors import InvalidRecord, StudyClosed, UnknownRater
from annotation.export.archive import write_archive
from annotation.export.files import export_study
from annotation.records import NewOutput, Study
from annotation.report.heds import to_heds
from annotation.report.results import make_report
from annotation.report.sections import document
from annotation.store import RatingStore
from core.report.markup import markdown


@pytest.fixture
def rated(store: RatingStore) -> Study:
    """A study that two raters finished, with comments."""
    study = opened(store, count=4)
    for value in (2, 4):
        _, link = store.new_invitation(study.id, "sw")
        rater, _ = store.accept_invitation(study.id, link, "native")
        while (view := store.next_assignment(rater.id)) is not None:
            store.submit(replace(submission(rater.id, view, value), comment="my own words", seconds=31.5))
    return study


def test_closing_a_study_publishes_nothing_and_publishing_asks_for_its_name(store: RatingStore, rated: Study) -> None:
    with pytest.raises(StudyClosed, match="close it before"):
        store.publish_study(rated.id, rated.name)
    store.set_study_state(rated.id, "closed")
    assert store.study(rated.slug).published_at is None
    with pytest.raises(InvalidRecord, match="nothing to take back"):
        store.unpublish_study(rated.id)
    with pytest.raises(InvalidRecord, match="type the study's name"):
        store.publish_study(rated.id, "yes")
    store.set_study_state(rated.id, "open")  # a pause unblinds nobody
    store.set_study_state(rated.id, "closed")
    assert store.publish_study(rated.id, rated.name).published_at is not None
    with pytest.raises(StudyClosed, match="cannot open again"):
        store.set_study_state(rated.id, "open")
    assert store.study(rated.slug).results_open
    assert not store.unpublish_study(rated.id).results_open
    with pytest.raises(StudyClosed, match="cannot open again"):  # who saw the systems cannot forget them
        store.set_study_state(rated.id, "open")
    assert store.publish_study(rated.id, rated.slug).results_open


def test_a_public_export_has_neither_comments_nor_times_nor_what_raters_said_of_themselves(
    store: RatingStore, rated: Study, tmp_path: Path
) -> None:
    archive = write_archive(store, rated, tmp_path / "public", public=True)
    assert [file.name for file in archive.parent.iterdir()] == [archive.name]  # nothing lies unpacked beside it
    with zipfile.ZipFile(archive) as bundle:
        names = set(bundle.namelist())
        texts = {name: bundle.read(name) for name in names if not name.endswith(".parquet")}
    assert "history.csv" not in names and {"report.html", "heds.md", "codebook.json", "read_tables.py"} <= names
    assert not [name for name, text in texts.items() if b"my own words" in text or b"31.5" in text]
    head = texts["assignments.csv"].decode("utf-8-sig").splitlines()[0].split(",")
    assert {"comment", "seconds", "first_shown_at", "position"} & set(head) == set()
    assert {"rater", "item_key", "state"} <= set(head)
    private = write_archive(store, rated, tmp_path / "private")
    with zipfile.ZipFile(private) as bundle:
        assert b"my own words" in bundle.read("assignments.csv")


def test_a_clone_has_design_items_and_outputs_and_nothing_of_raters(store: RatingStore, rated: Study) -> None:
    clone = store.clone_study(rated.id, "second-round", "Second round")
    assert (clone.state, clone.check_every, clone.criteria, clone.frozen_at) == ("draft", 3, rated.criteria, None)
    keys = ("item_key", "system", "text", "task")
    assert [[getattr(one, key) for key in keys] for one in store.outputs(clone.id)] == [
        [getattr(one, key) for key in keys] for one in store.outputs(rated.id)
    ]
    assert store.ratings(clone.id) == [] and store.raters(clone.id) == [] and clone.seed != rated.seed
    store.make_checks(clone.id)
    assert store.open_study(clone.id).state == "open"
    with pytest.raises(InvalidRecord, match="already"):
        store.clone_study(rated.id, "second-round", "Again")


def test_the_task_that_the_organiser_writes_is_what_raters_report_and_datasheet_have(store: RatingStore) -> None:
    draft = store.create_study(replace(new_study("tasks"), task="a placeholder"))
    store.add_outputs(draft.id, [replace(one, task="") for one in outputs(2)])
    own = NewOutput("own", "sw", "Habari.", "Translate it.", "agl", "sw", "Hello there.")
    store.add_outputs(draft.id, [replace(own, system=one) for one in ("agl", "knn", "zero-shot")])
    store.revise_study(draft.id, replace(new_study("tasks"), task="Answer the question in one sentence."))
    study = store.open_study(draft.id)
    _, link = store.new_invitation(study.id, "sw")
    rater, _ = store.accept_invitation(study.id, link)
    read = {}
    while (view := store.next_assignment(rater.id)) is not None:
        read[view.item_key] = view.task
        store.submit(submission(rater.id, view))
    written = "Answer the question in one sentence."
    assert read == {"i00": written, "i01": written, "own": "Translate it."}
    data = store.data(study.id, checks=True)
    assert {one.item_key: one.task for one in data.outputs} == read
    report = make_report(study, data, study.created_at)
    for text in (markdown([document(report)]), to_heds(report, data)):
        assert written in text and "Translate it." in text and "placeholder" not in text


def test_an_excluded_rater_counts_nowhere_and_her_data_and_the_reason_stay(
    store: RatingStore, rated: Study, tmp_path: Path
) -> None:
    low, _high = store.raters(rated.id)
    before = make_report(rated, store.data(rated.id, checks=True), rated.created_at)
    assert before.everyone.raters == 2
    with pytest.raises(InvalidRecord, match="reason"):
        store.exclude_rater(rated.id, low.rater, " ")
    store.exclude_rater(rated.id, low.rater, "answered in two minutes")
    data = store.data(rated.id, checks=True)
    report = make_report(rated, data, rated.created_at)
    assert report.everyone.raters == 1 and {cell.mean for cell in report.everyone.cells} == {4.0}
    assert f"{low.rater} (answered in two minutes)" in markdown([document(report)]).replace("\\", "")
    assert low.rater in {row.rater for row in data.ratings}  # not deleted
    export_study(store, rated, tmp_path / "out")
    rows = list(csv.DictReader((tmp_path / "out" / "raters.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert {row["rater"]: row["exclusion_reason"] for row in rows}[low.rater] == "answered in two minutes"
    store.include_rater(rated.id, low.rater)
    assert make_report(rated, store.data(rated.id, checks=True), rated.created_at) == before
    with pytest.raises(UnknownRater):
        store.exclude_rater(rated.id, "nobody", "why")


def test_an_item_called_na_is_read_back_as_it_was_written(
    store: RatingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = store.ensure_study(new_study("na"))
    store.add_outputs(study.id, [replace(one, item_key="NA") for one in outputs(1)])
    rater, _ = store.new_rater(study.id, "sw")
    view = store.next_assignment(rater.id)
    assert view is not None
    store.submit(submission(rater.id, view))
    export_study(store, study, tmp_path)
    monkeypatch.chdir(tmp_path)
    reader = runpy.run_path("read_tables.py")
    assert set(reader["read"]("ratings")["item_key"]) == {"NA"}
    assert "read_tables.py" in json.loads(Path("codebook.json").read_text())["formats"]["csv"]
