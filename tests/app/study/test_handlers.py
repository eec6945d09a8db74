"""Handlers of the Study page, without a page: what each changes, by the name of the component.

Tests of `app.rate.preview`, `app.study.archives`, `app.study.drafts`, `app.study.form`, `app.study.gate`, `app.study.html`,
`app.study.links`, `app.study.numbers`, `app.study.running`, `app.study.tab`, `app.study.updates`.
"""

import csv
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rating_examples import submission
from study_tables import table

from annotation.criteria import DEFAULT_CRITERIA
from annotation.records import NewStudy, Submission
from annotation.store import RatingStore
from app.access.organiser import Authority
from app.rate.preview import PREFIX, Previews, PreviewService
from app.results.ratings import ResultsService
from app.study import drafts, gate, running
from app.study.board import ARCHIVE, PLACEHOLDER_TASK, TABLE
from app.study.form import STEPS, StudyForm
from app.study.service import StudyService
from app.study.updates import DESIGN, StudyTab

SECRET = "a secret of some length"


class Names(dict[str, str]):
    """Stands for components: each is its own name."""

    def __missing__(self, name: str) -> str:
        return name


class Page:
    """The tab over a store in memory, with a session; calls handlers as the wired page does."""

    def __init__(self, folder: Path) -> None:
        self.store = RatingStore.open("sqlite://")
        self.store.ensure_study(NewStudy("explore", "E", "mixed", {"en": "Rate."}, DEFAULT_CRITERIA))
        authority = Authority(SECRET)
        self.previews = Previews()
        service = StudyService(self.store, authority, folder / "out", "explore", previews=self.previews)
        form = StudyForm(Names(), {name: f"panel {name}" for name in ("summary", *STEPS, "power", "preview")})
        form.notes = {name: f"note {name}" for name in STEPS}
        parts: dict[str, Any] = {
            name: name for name in ("note", "locked", "unlocked", "session", "typed", "language_before", "pending")
        }
        self.tab = StudyTab(service, authority, lambda _: "me", lambda _: None, form, **parts)
        self.session = authority.unlock(SECRET)
        self.folder = folder

    def create(self, name: str = "News") -> dict[Any, Any]:
        file = str(table(self.folder, 6))
        return drafts.create(self.tab, self.session, "", "en", name, TABLE, file, None, 0)

    def save(self, slug: str = "news", typed: dict[str, str] | None = None, **changes: Any) -> dict[Any, Any]:
        plain = {
            "name": "News", "task": "Say what happened.", "raters": 2, "cap": 0, "planned": 0, "difference": 0.3, "every": 8,
            "after": 5, "share": 0.5, "lease": 45, "criteria": ["fluency"], "own": "", "instructions": "Read, then rate.",
            "consent": "", "consent_version": "1", "background": "", "completion_code": "", "screen_out_code": "",
            "parameter": "PROLIFIC_PID", "redirect": "", "exercises": "", "pass_share": 0.7, "tries": 2, "materials": ["reference"],
            "preferences": [], "own_preferences": "", "error_spans": False, "quotas": "",
            "balance_groups": False, "stop_looks": 0, "stop_criterion": "fluency",
        }  # fmt: skip
        values = plain | changes
        fields = [values[name] for name in (*DESIGN, "instructions")]
        return drafts.save(self.tab, self.session, slug, "en", typed or {}, "en", *fields)

    def base(self, slug: str = "news") -> tuple[StudyTab, str, str, str]:
        return self.tab, self.session, slug, "en"


REQUEST: Any = SimpleNamespace(
    headers={"origin": "https://lab.example"}, request=SimpleNamespace(scope={"root_path": "/agl"})
)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    made = Page(tmp_path)
    yield made
    made.store.close()


def value(update: Any) -> Any:
    return update["value"] if isinstance(update, dict) else update


def test_every_update_names_a_component_that_is_wired(page: Page) -> None:
    wired = set(page.tab.everything)
    updates = [page.create(), page.save(), gate.refresh(*page.base()), gate.show_again(*page.base())]
    updates += [running.open_study(*page.base(), "News"), running.invite(*page.base(), "sw", 5, 30, REQUEST)]
    updates += [running.close(*page.base()), running.export(*page.base())]
    updates += [running.publish(*page.base(), "News"), running.unpublish(*page.base())]
    for update in updates:
        assert set(update) <= wired


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


def test_what_was_refused_is_told_in_the_language_of_the_interface(page: Page) -> None:
    """Messages were English in every interface and named slugs and fields of the program."""
    page.create()
    base = (page.tab, page.session, "news", "ar")
    assert "لا يمكن فتح «News» بعد: المهمة التي يقرؤها المقيّمون" in running.open_study(*base, "News")["note invite"]
    assert "لم يُعطَ ملف" in drafts.add(*base, TABLE, None, None, 0)["note outputs"]
    page.save()
    running.open_study(*page.base(), "News")
    frozen = drafts.add(*base, TABLE, str(table(page.folder, 9)), None, 0)["note outputs"]
    assert "فُتحت «News»" in frozen and "news" not in frozen


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


def test_days_and_uses_of_a_link_are_checked_too(page: Page) -> None:
    page.create()
    for uses, days, says in (
        (5, -3, "-3 is not possible"),
        (2.5, 30, "2.5 is not possible"),
        (0, 30, "For at most so many raters: 0 is not possible; give a whole number from 1"),  # no link without an end
        (None, 30, "– is not possible"),
        (5, 5000, "from 0 to 3650"),
    ):
        refused = running.invite(*page.base(), "sw", uses, days, REQUEST)
        assert says in refused["note invite"]
        assert page.store.invitations(page.store.study("news").id) == []


def test_the_link_of_one_study_is_not_left_under_another_or_after_a_refusal(page: Page) -> None:
    page.create()
    shown = running.invite(*page.base(), "sw", 5, 30, REQUEST)
    assert value(shown["link"]).startswith("https://lab.example/agl/rate?study=news#invite=")
    for update in (
        page.create("Sports"),
        gate.show_again(*page.base("sports")),
        running.invite(*page.base(), "sw", 5, -1, REQUEST),
    ):
        assert (value(update["link"]), update["link"]["visible"]) == ("", False)


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


def test_closing_publishes_nothing_and_publishing_wants_the_name_of_a_closed_study(page: Page) -> None:
    results = ResultsService(page.store, "explore", page.folder / "results", page.tab.authority)

    def visitors() -> list[str]:
        return [one.slug for one in results.studies("")]

    page.create()
    page.save()
    opened = running.open_study(*page.base(), "News")
    assert "for organisers alone" in opened["panel end"]
    assert "close it before" in running.publish(*page.base(), "News")["note end"]
    assert "for organisers alone" in running.close(*page.base())["panel end"]
    assert visitors() == ["explore"]
    running.reopen(*page.base())  # a pause unblinds nobody
    running.close(*page.base())
    refused = running.publish(*page.base(), "yes")
    assert "type the study&#x27;s name" in refused["note end"]
    assert visitors() == ["explore"]
    shown = running.publish(*page.base(), "News")
    assert "open to everybody" in shown["panel end"] and shown["publish_name"] == ""
    assert visitors() == ["explore", "news"]
    assert "cannot open again" in running.reopen(*page.base())["note end"]
    assert "they were taken back" in running.unpublish(*page.base())["panel end"]
    assert visitors() == ["explore"]
    assert "cannot open again" in running.reopen(*page.base())["note end"]
    assert "enter the secret" in running.publish(page.tab, "forged", "news", "en", "News")["note end"]
    assert "enter the secret" in running.unpublish(page.tab, "forged", "news", "en")["note end"]


def test_counts_have_a_unit(page: Page) -> None:
    page.create()
    page.save()
    shown = running.open_study(*page.base(), "News")
    assert "0 of 12 items rated" in shown["panel summary"]
    assert "0 links" in shown["panel summary"]


def test_messages_stand_in_the_step_they_belong_to(page: Page) -> None:
    notes = page.create()
    assert "outputs taken" in notes["note outputs"]
    assert notes["note design"] == notes["note end"] == notes["note"] == ""
    assert gate.refresh(*page.base())["note outputs"] == ""


def test_a_draft_is_previewed_as_raters_will_see_it_and_nothing_is_stored(page: Page) -> None:
    page.create()
    page.save(cap=2)
    link = running.preview(*page.base(), "sw")["panel preview"]
    token = link.split("#rater=")[1].split('"')[0]
    assert token.startswith(PREFIX)
    service, before = (
        PreviewService(page.store, page.previews),
        page.store.data(page.store.study("news").id, checks=True),
    )
    session = service.session(token, "en")
    assert (session["preview"], session["study"]["instructions"]["text"]) == (True, "Read, then rate.")
    item = service.next(token, "en")["item"]
    assert [one["key"] for one in item["criteria"]] == ["fluency"]
    assert {one["letter"] for one in item["outputs"]} == {"A", "B"}
    values = {"A": {"fluency": 4}, "B": {"fluency": 2}}
    service.submit(token, {"position": 1, "values": values})
    assert service.look(token, {"position": 1, "tag": "en"})["item"]["values"] == values
    service.skip(token, {"position": 2, "reason": "other"})
    assert service.next(token, "en") == {"item": None, "progress": {"done": 1, "skipped": 1, "total": 2}}
    assert page.store.data(page.store.study("news").id, checks=True) == before
    assert page.store.raters(page.store.study("news").id) == []


def test_a_preview_ends_and_is_made_for_organisers_alone(page: Page) -> None:
    page.create()
    assert "enter the secret" in running.preview(page.tab, "forged", "news", "en", "sw")["note invite"]
    assert "this study has sw" in running.preview(*page.base(), "xx")["note invite"]
    now = [0.0]
    previews = Previews(clock=lambda: now[0])
    token = previews.open(1, "sw")
    previews.get(token)
    now[0] = 5 * 3600
    for wrong in (token, "preview-forged", None, 3):
        with pytest.raises(Exception, match="this preview has ended"):
            previews.get(wrong)


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


def opened(page: Page) -> str:
    page.create()
    page.save()
    running.open_study(*page.base(), "News")
    return "news"


def test_many_links_at_once_are_a_file_and_progress_shows_who_used_which(page: Page) -> None:
    study = page.store.study(opened(page))
    made = running.invite_many(*page.base(), "sw", 3, 30, REQUEST)
    assert "3 links are made" in made["note invite"]
    with Path(value(made["links_file"])).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(one["number"], one["language"]) for one in rows] == [("1", "sw"), ("2", "sw"), ("3", "sw")]
    start = "https://lab.example/agl/rate?study=news#invite="
    assert all(one["link"].startswith(start) and one["valid_until"] for one in rows)
    rater, _ = page.store.accept_invitation(study.id, rows[1]["link"].removeprefix(start))
    shown = gate.refresh(*page.base())
    assert "Links for one rater each: 1 of 3 used" in shown["panel invite"]
    assert f"<bdi>{rater.pseudonym}</bdi>" in shown["panel invite"]
    assert "<td>#2</td>" in shown["panel progress"]
    assert shown["links_file"]["visible"] is False  # shown once
    assert "0 is not possible" in running.invite_many(*page.base(), "sw", 0, 30, REQUEST)["note invite"]
    assert len(page.store.invitations(study.id)) == 3


def test_progress_marks_who_gives_one_value_faster_than_can_be_read(page: Page) -> None:
    study = page.store.study(opened(page))
    for value_of, seconds in ((lambda at: 3, 0.4), (lambda at: 1 + at % 5, 30.0)):
        rater, _ = page.store.accept_invitation(study.id, page.store.new_invitation(study.id, "sw")[1])
        at = 0
        while (view := page.store.next_assignment(rater.id)) is not None:
            given = {}
            for one in view.outputs:
                given[one.output_id, "fluency"] = value_of(at)
                at += 1
            page.store.submit(Submission(str(uuid.uuid4()), rater.id, view.assignment_id, given, seconds=seconds))
    shown = gate.refresh(*page.base())["panel progress"]
    assert shown.count("100 % of her ratings are one value") == 1
    assert shown.count("0.4 s an item, faster than it can be read") == 1


def test_a_rater_is_left_out_with_a_reason_that_stays_and_is_taken_back(page: Page) -> None:
    study = page.store.study(opened(page))
    rater, _ = page.store.accept_invitation(study.id, page.store.new_invitation(study.id, "sw")[1])
    name = rater.pseudonym
    assert "write why" in running.exclude(*page.base(), name, " ")["note progress"]
    out = running.exclude(*page.base(), name, "all <5>")
    assert f"{name} is left out of Results" in out["note progress"]
    assert "left out since" in out["panel progress"] and "all &lt;5&gt;" in out["panel progress"]
    (record,) = page.store.data(study.id).raters
    assert (record.exclusion_reason, record.removed_at) == ("all <5>", None)
    back = running.include(*page.base(), name)
    assert "left out since" not in back["panel progress"]
    assert page.store.data(study.id).raters[0].excluded_at is None


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


def test_early_stopping_says_what_it_costs_and_what_was_decided(page: Page) -> None:
    page.create()
    assert "planned looks" not in page.save()["panel design"]
    refused = page.save(stop_looks=3, stop_criterion="relevance")["note design"]
    assert "Early stopping is to rest on relevance, which raters are not asked about" in refused
    saved = page.save(every=0, stop_looks=3, stop_criterion="fluency")
    assert "Planned are 12 answered items (items times raters per item) and 1 pairs of systems" in saved["panel design"]
    assert "single pair needs p ≤ 0.046 instead of 0.05" in saved["panel design"]
    assert "<td>1</td><td>4 / 12</td><td>0.00021</td>" in saved["panel design"]
    assert (saved["stop_looks"]["value"], saved["stop_criterion"]["value"]) == (3, "fluency")
    running.open_study(*page.base(), "News")
    study = page.store.study("news")
    assert "3 looks are planned; none was reached yet." in gate.refresh(*page.base())["panel progress"]
    _, invitation = page.store.new_invitation(study.id, "sw")
    rater, _ = page.store.accept_invitation(study.id, invitation)
    better = {one.output_id for one in page.store.outputs(study.id) if one.system == "agl"}
    for _ in range(4):
        view = page.store.next_assignment(rater.id)
        assert view is not None
        page.store.submit(submission(rater.id, view, lambda output, _: 4 + (output in better)))
    found = gate.refresh(*page.base())["panel progress"]
    assert "Look 1 of 3 was taken after 4 of 12 answered items." in found and "is its last look" in found
    archive = value(running.export(*page.base())["download"])
    drafts.create(page.tab, page.session, "", "en", "Again", ARCHIVE, archive, None, 0)
    assert page.store.study("again").stopping == study.stopping and page.store.study("again").looks == ()
    ended = running.close(page.tab, page.session, "news", "en")["panel progress"]
    assert "closed after 4 of 12 answered items" in ended and "Closing the study" not in ended


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
