"""What organisers write into a draft: kept, checked, saved, displayed again.

Tests of `app.study.drafts`, `app.study.form`, `app.study.numbers`.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from study_page import REQUEST, Page, value
from study_tables import table

from app.study import drafts, gate, running
from app.study.board import ARCHIVE, PLACEHOLDER_TASK, TABLE
from app.study.updates import DESIGN


def test_what_a_draft_begins_with_is_not_ready_and_does_not_open(page: Page) -> None:
    shown = page.create()
    assert "the task that raters read" in shown["panel summary"]
    assert "the instructions that raters read" in shown["panel summary"]
    assert "Ready to open" not in shown["panel summary"]
    refused = running.open_study(*page.base(), "News")
    assert "the instructions that raters read are not written (step 2)" in refused["note invite"]
    assert page.store.study("news").state == "draft"
    assert "Ready to open" in page.save()["panel summary"]
    running.open_study(*page.base(), "News")
    assert page.store.study("news").state == "open"
    assert page.store.study("news").task != PLACEHOLDER_TASK


def test_a_button_pressed_twice_makes_one_draft_and_a_name_is_used_once(page: Page) -> None:
    page.create()
    again = page.create(" news ")
    assert "There is a study called &#x27;News&#x27; already" in again["note outputs"]
    assert [one.slug for one in page.store.studies()] == ["explore", "news"]
    page.create("Sports")
    assert "already" in page.save("sports", name="NEWS")["note design"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"raters": 0}, "Raters per item and language: 0 is not possible; give a whole number from 1"),
        ({"raters": 2.5}, "2.5 is not possible"),
        ({"raters": None}, "– is not possible"),
        ({"every": 1}, "give a whole number from 2 to 1,000,000, or 0 for none"),
        ({"cap": -3}, "-3 is not possible"),
        ({"share": 1.5}, "A rater fails above this share of failed checks: 1.5 is not possible; give a number from 0"),
        ({"lease": 0}, "Minutes that an unanswered item stays reserved: 0 is not possible"),
        ({"difference": float("nan")}, "nan is not possible"),
        ({"quotas": "sw: 0"}, "“sw: 0” is no language with its number of raters"),
        ({"quotas": "sw: 2, sw: 3"}, "“sw: 3”"),
        ({"quotas": "not a tag: 3"}, "“not a tag: 3”"),
    ],
)
def test_a_number_that_cannot_be_is_one_sentence_that_names_its_field(page: Page, changes: Any, says: str) -> None:
    page.create()
    before = page.store.study("news")
    assert says in page.save(**changes)["note design"]
    assert page.store.study("news") == before


def test_instructions_typed_in_two_languages_are_not_lost_and_saved_at_once(page: Page) -> None:
    page.create()
    turned = drafts.turn_language(page.tab, {}, "en", "sw", "Typed, not saved.")
    assert turned["instructions"] == ""
    back = drafts.turn_language(page.tab, turned["typed"], "sw", "en", "Soma, kisha kadiria.")
    assert back["instructions"] == "Typed, not saved."
    page.save(typed=back["typed"], instructions=back["instructions"])
    assert page.store.study("news").instructions == {"en": "Typed, not saved.", "sw": "Soma, kisha kadiria."}


def test_what_is_typed_outlives_another_step_and_another_interface_language(page: Page) -> None:
    page.create()
    kept = (
        running.invite(*page.base(), "sw", 5, 30, REQUEST),
        gate.refresh(*page.base()),
        gate.resume(page.tab, page.session, "news", "fr", REQUEST),
    )
    for update in kept:
        assert {"instructions", "task", "typed"} & set(update) == set()
    assert "instructions" in gate.show_again(*page.base())


def test_a_frozen_design_is_shown_and_not_edited(page: Page) -> None:
    page.create()
    saved = page.save()
    assert all(saved[name]["interactive"] for name in (*DESIGN, "instructions", "save"))
    opened = running.open_study(*page.base(), "News")
    assert not any(opened[name]["interactive"] for name in (*DESIGN, "instructions", "save"))
    assert opened["lease"]["value"] == 45
    assert "after 45 minutes" in opened["panel design"]


def test_consent_questions_and_codes_are_saved_and_shown_again(page: Page) -> None:
    page.create()
    asked = '[{"key": "years", "text": "For how many years?", "kind": "number"}]'
    page.save(consent="I take part.", consent_version="3", background=asked, completion_code="C1")
    study = page.store.study("news")
    assert study.consent is not None and study.crowd is not None
    assert (study.consent.version, study.consent.texts, study.crowd.completion_code) == (
        "3",
        {"en": "I take part."},
        "C1",
    )
    assert [one.key for one in study.background] == ["years"]
    refused = page.save(completion_code="", redirect="https://x.example")
    assert "needs a completion code" in refused["note design"]


def test_an_uneven_table_is_counted_and_taken_after_a_yes(page: Page) -> None:
    rows = table(page.folder, 3).read_text().splitlines()
    file = page.folder / "uneven.jsonl"
    file.write_text("\n".join(rows[:-1]))
    source = (TABLE, str(file), None, 0)
    asked = drafts.create(page.tab, page.session, "", "en", "Uneven", *source)
    assert asked["uneven_sure"]["visible"] is True
    assert "1 items lack the output of some system" in asked["note outputs"]
    assert "<td>3</td>" in asked["note outputs"] and "<td><b>2</b></td>" in asked["note outputs"]
    assert asked["pending"] == "create" and len(page.store.studies()) == 1
    taken = drafts.accept(page.tab, page.session, "", "en", asked["pending"], "Uneven", *source)
    assert taken["uneven_sure"]["visible"] is False
    assert "4 outputs taken. 1 items were left out" in taken["note outputs"]
    assert drafts.add(page.tab, page.session, "uneven", "en", *source)["pending"] == "add"
    assert len(page.store.outputs(page.store.study("uneven").id)) == 4


def test_items_by_group_are_shown_with_a_raters_share_and_balance_is_frozen_and_comes_back(page: Page) -> None:
    file = page.folder / "grouped.jsonl"
    groups = {"i0": "news", "i1": "news", "i2": "news", "i3": "<b>", "i4": "<b>", "i5": ""}
    rows = [json.loads(line) for line in table(page.folder, 6).read_text().splitlines()]
    file.write_text("\n".join(json.dumps({**one, "group": groups[one["item"]]}) for one in rows))
    drafts.create(page.tab, page.session, "", "en", "News", TABLE, str(file), None, 0)
    plain = page.save(cap=3)["panel design"]
    assert "Items by group:" in plain and "per rater" not in plain and "<bdi>&lt;b&gt;</bdi>" in plain
    saved = page.save(cap=3, balance_groups=True)
    shown = saved["panel design"]
    assert "<td>3 (1–2 per rater)</td>" in shown and "<td>2 (1 per rater)</td>" in shown  # 3 of 6 items: 1.5, 1 and 0.5
    assert "<td>no group</td><td>1 (0–1 per rater)</td>" in shown
    assert saved["balance_groups"]["value"] is True
    running.open_study(*page.base(), "News")
    assert gate.refresh(*page.base())["panel design"].endswith(shown[shown.index("Items by group:") :])
    archive = value(running.export(*page.base())["download"])
    drafts.create(page.tab, page.session, "", "en", "Again", ARCHIVE, archive, None, 0)
    twin = page.store.study("again")
    assert twin.balance_groups and page.store.stock(twin.id).groups == {
        "<b>": {"sw": 2},
        "news": {"sw": 3},
        "": {"sw": 1},
    }


def test_balance_without_groups_is_told_before_the_study_opens(page: Page) -> None:
    page.create()
    assert "no item has a group" in page.save(balance_groups=True)["panel summary"]
    assert "no item has a group" in running.open_study(*page.base(), "News")["note invite"]
    assert page.store.study("news").state == "draft"
    assert "Items by group" not in page.save()["panel design"]


def test_what_answers_are_compared_on_is_saved_instead_of_criteria_and_displayed_again(page: Page) -> None:
    page.create()
    own = '[{"key": "tone", "label": "Tone", "question": "Which answer is kinder?"}]'
    saved = page.save(criteria=[], preferences=["overall"], own_preferences=own)
    study = page.store.study("news")
    assert ([one.key for one in study.preferences], study.criteria) == (["overall", "tone"], ())
    assert (value(saved["preferences"]), json.loads(value(saved["own_preferences"]))[0]["key"]) == (["overall"], "tone")
    assert "choose at least one criterion" in page.save(criteria=[], preferences=[])["note design"]
    assert "cannot be read" in page.save(own_preferences="{")["note design"]
    assert page.store.study("news").preferences == study.preferences
    running.open_study(*page.base(), "News")
    assert page.store.study("news").state == "open"


def test_practice_and_test_are_saved_with_the_design_and_shown_again(page: Page, tmp_path: Path) -> None:
    page.create()
    head = "kind,language,source_text,answer,why,fluency\n"
    file = tmp_path / "exercises.csv"
    file.write_text(
        head + "practice,sw,Habari.,Jibu.,Kwa sababu.,4-5\ntest,sw,Habari.,Jibu.,Kwa sababu.,1\n", encoding="utf-8"
    )
    uploaded = drafts.upload_exercises(page.tab, page.session, str(file))
    shown = page.save(exercises=uploaded["exercises"], pass_share=0.5, tries=3)
    made = page.store.study("news").qualification
    assert made is not None and (len(made.exercises), made.pass_share, made.tries) == (2, 0.5, 3)
    assert "practice,sw,Habari." in value(shown["exercises"])
    refused = page.save(exercises=head + "practice,sw,Habari.,Jibu.,Kwa sababu.,9\n")
    assert "its scale, 1 to 5" in refused["note design"]
    assert "1.5" in page.save(exercises=uploaded["exercises"], pass_share=1.5)["note design"]
    assert page.store.study("news").qualification == made
    assert page.save()["panel summary"] and page.store.study("news").qualification is None
