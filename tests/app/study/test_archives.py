"""Copies of studies, and archives that open again as drafts.

Tests of `app.study.archives`.
"""

import json

import pytest
from study_page import Page, opened, value

from app.study import drafts, running
from app.study.board import ARCHIVE


@pytest.mark.parametrize("with_outputs", [True, False])
def test_a_study_is_copied_as_a_draft_with_its_outputs_or_its_design_alone(page: Page, with_outputs: bool) -> None:
    study = page.store.study(opened(page))
    assert "already" in drafts.clone(*page.base(), "NEWS", with_outputs)["note outputs"]
    copied = drafts.clone(*page.base(), "Round 2", with_outputs)
    assert "Round 2 is a draft now" in copied["note outputs"]
    twin = page.store.study("round-2")
    same = ("task", "instructions", "criteria", "raters_per_item", "lease_minutes", "materials", "check_every")
    assert all(getattr(twin, name) == getattr(study, name) for name in same)
    assert (twin.state, twin.frozen_at, twin.seed != study.seed) == ("draft", None, True)
    assert len(page.store.outputs(twin.id)) == (12 if with_outputs else 0)


def test_an_archive_opens_again_as_a_draft(page: Page) -> None:
    consent = json.dumps({"en": "I agree.", "sw": "Nakubali."})
    question = '[{"key": "years", "text": "Years?", "kind": "number"}]'
    page.create()
    exercises = "kind,language,source_text,answer,why,fluency\npractice,sw,Habari.,Jibu.,Kwa sababu.,4-5\n"
    page.save(
        consent=consent, background=question, completion_code="C-1", lease=45, exercises=exercises, quotas="sw: 3، ar:1"
    )
    running.open_study(*page.base(), "News")
    study = page.store.study("news")
    archive = value(running.export(*page.base())["download"])
    again = drafts.create(page.tab, page.session, "", "en", "Again", ARCHIVE, archive, None, 0)
    assert "12 outputs taken" in again["note outputs"]
    twin = page.store.study("again")
    same = (
        "task",
        "instructions",
        "criteria",
        "consent",
        "background",
        "materials",
        "lease_minutes",
        "quotas",
        "check_every",
        "qualification",
    )
    assert {name: getattr(twin, name) for name in same} == {name: getattr(study, name) for name in same}
    assert study.quotas == {"sw": 3, "ar": 1} and again["quotas"]["value"] == "ar: 1, sw: 3"
    assert (twin.crowd, twin.state) == (None, "draft")  # codes are never exported
    texts = [(one.item_key, one.system, one.text, one.task) for one in page.store.outputs(twin.id)]
    assert texts == [(one.item_key, one.system, one.text, one.task) for one in page.store.outputs(study.id)]
    broken = page.folder / "broken.zip"
    broken.write_bytes(b"PK nothing")
    refused = drafts.create(page.tab, page.session, "", "en", "Third", ARCHIVE, str(broken), None, 0)
    assert "cannot be read as an exported study" in refused["note outputs"]
