"""Raters per item by language: as many as the quota says, never more, and as many as the study's number elsewhere."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rating_examples import new_study, outputs_of, submission

from annotation.errors import InvalidRecord
from annotation.export.files import export_study
from annotation.records import NewStudy, Study
from annotation.report.heds import to_heds
from annotation.report.results import make_report
from annotation.report.sections import document
from annotation.store import RatingStore
from core.report.markup import markdown

QUOTAS = {"ar": 1, "fr": 4}


@pytest.fixture
def planned(store: RatingStore) -> Study:
    """Two items with outputs in three languages, two raters per item but one in Arabic and four in French."""
    new = new_study("quotas", raters_per_item=2)
    made = store.create_study(NewStudy("quotas", "Q", new.task, new.instructions, new.criteria, 2, quotas=QUOTAS))
    for language in ("ar", "fr", "sw"):
        store.add_outputs(made.id, [one for item in ("i1", "i2") for one in outputs_of(item, language)])
    return store.open_study(made.id)


def rate_all(store: RatingStore, study: Study, language: str) -> int:
    """Items that a newcomer of this language could rate."""
    _, invitation = store.new_invitation(study.id, language)
    rater, _ = store.accept_invitation(study.id, invitation)
    offered, count = store.progress(rater.id).total, 0
    while (view := store.next_assignment(rater.id)) is not None:
        store.submit(submission(rater.id, view))
        count += 1
    assert offered == count  # what her progress promised
    return count


def test_each_language_gets_as_many_raters_as_its_quota_and_no_more(store: RatingStore, planned: Study) -> None:
    given = {language: [rate_all(store, planned, language) for _ in range(5)] for language in ("ar", "fr", "sw")}
    assert given == {"ar": [2, 0, 0, 0, 0], "fr": [2, 2, 2, 2, 0], "sw": [2, 2, 0, 0, 0]}
    raters = Counter((one.item_key, one.language) for one in store.assignments(planned.id))
    assert raters == {
        **{(item, "ar"): 1 for item in ("i1", "i2")},
        **{(item, "fr"): 4 for item in ("i1", "i2")},
        **{(item, "sw"): 2 for item in ("i1", "i2")},
    }
    slots = {one.language: (one.slots, one.done) for one in store.language_progress(planned.id)}
    assert slots == {"ar": (2, 2), "fr": (8, 8), "sw": (4, 4)}


def test_missing_answers_are_counted_against_the_quota(store: RatingStore, planned: Study) -> None:
    for language in ("ar", "fr", "sw"):
        rate_all(store, planned, language)
    report = make_report(planned, store.data(planned.id), datetime(2026, 11, 30, tzinfo=UTC))
    # Two items each: of 1, 4 and 2 raters due to an item one has answered.
    assert {(one.language, one.missing) for one in report.everyone.cells} == {("ar", 0), ("fr", 6), ("sw", 2)}
    assert {one.missing for one in report.everyone.overall} == {8}
    assert "raters per item and language (ar: 1, fr: 4)" in markdown([document(report)])
    heds = " ".join(to_heds(report, store.data(planned.id)).split())
    assert "with 2 items and 1 raters per item in the language with the least power" in heds


def test_quotas_are_part_of_the_design_in_copies_codebook_and_revisions(
    store: RatingStore, planned: Study, tmp_path: Path
) -> None:
    assert planned.quotas == QUOTAS and (planned.raters_for("fr"), planned.raters_for("sw")) == (4, 2)
    assert store.clone_study(planned.id, "copy", "Copy").quotas == QUOTAS
    export_study(store, planned, tmp_path)
    assert json.loads((tmp_path / "codebook.json").read_text())["study"]["design"]["quotas"] == QUOTAS
    draft = store.study("copy")
    changed = NewStudy("copy", "Copy", draft.task, draft.instructions, draft.criteria, quotas={"sw": 5})
    assert store.revise_study(draft.id, changed).quotas == {"sw": 5}
    for wrong in ({"sw": 0}, {"sw": 2.5}, {"": 2}, {"sw": True}):
        with pytest.raises(InvalidRecord):
            store.revise_study(draft.id, NewStudy("copy", "C", "t", draft.instructions, draft.criteria, quotas=wrong))  # type: ignore[arg-type]
