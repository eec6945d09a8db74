"""What stands before the first item and after the last, over HTTP and in Chromium: consent, questions, a platform's id and code.

Tests of `app.rate.participation`.
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from attention_toys import outputs
from playwright.sync_api import Browser, expect
from rater_server import browsers, raters_page
from rating_examples import new_study
from starlette.applications import Starlette
from starlette.testclient import TestClient

from annotation.participation_records import Consent, Crowd, Question
from annotation.records import Study
from annotation.store import RatingStore
from app.rate.preview import Previews
from app.rate.routes import rater_routes

CONSENT = Consent("2", {"en": "I take part of my own will.\n\nI may stop.", "ar": "أشارك بمحض إرادتي."})
QUESTIONS = (
    Question("years", {"en": "For how many years?"}, "number"),
    Question("region", {"en": "Where?"}, "choice", ({"en": "home"}, {"en": "school"}), optional=False),
)
CROWD = Crowd("DONE-1", None, "PROLIFIC_PID", "https://crowd.example/complete?cc={code}")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RatingStore]:
    with RatingStore.open(tmp_path / "ratings.db") as opened:
        yield opened


@pytest.fixture
def study(store: RatingStore) -> Study:
    design: dict[str, Any] = {"consent": CONSENT, "background": QUESTIONS, "crowd": CROWD}
    draft = store.create_study(replace(new_study("crowd"), **design))
    store.add_outputs(draft.id, outputs(1))
    return store.open_study(draft.id)


class Page:
    """What a rater's page sends."""

    def __init__(self, store: RatingStore, previews: Previews | None = None) -> None:
        self.http = TestClient(Starlette(routes=rater_routes(store, previews=previews)))
        self.token = ""

    def post(self, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.http.post(f"/rate/{path}", content=json.dumps(body), headers=headers)
        return answer.status_code, answer.json()

    def join(self, store: RatingStore, study: Study, participant: str | None) -> tuple[int, dict[str, Any]]:
        _, invitation = store.new_invitation(study.id, "sw")
        welcome = self.post("welcome", study=study.slug, invitation=invitation)[1]
        assert welcome["participant"] == "PROLIFIC_PID"
        self.token = uuid.uuid4().hex * 2
        return self.post("enter", study=study.slug, invitation=invitation, participant=participant)


def test_items_come_after_consent_and_answers_and_the_code_after_the_last_item(
    store: RatingStore, study: Study
) -> None:
    page = Page(store)
    assert page.join(store, study, "5f0c")[0] == 200
    before = page.post("session", tag="ar")[1]["before"]
    assert before["consent"] == {"version": "2", "text": CONSENT.texts["ar"], "lang": "ar", "dir": "rtl"}
    assert [(one["key"], one["kind"], one["optional"]) for one in before["questions"]] == [
        ("years", "number", True),
        ("region", "choice", False),
    ]
    assert page.post("next")[1]["error"] == "before"
    assert page.post("agree", version="1")[0] == 422  # not the version of the study
    assert page.post("agree", version="2")[0] == 200
    assert page.post("session")[1]["before"]["consent"] is None
    assert page.post("next")[1]["error"] == "before"  # a required question is open
    assert page.post("background", answers={"years": 12})[0] == 422
    assert page.post("background", answers={"years": 12, "region": 1})[0] == 200
    assert page.post("session")[1]["before"] == {"consent": None, "questions": [], "preparation": None}
    item = page.post("next")[1]["item"]
    values = {one["letter"]: {key["key"]: 3 for key in item["criteria"]} for one in item["outputs"]}
    sent = {"id": str(uuid.uuid4()), "position": 1, "values": values, "seconds": 2.0}
    assert page.post("submit", **sent)[0] == 200
    last = page.post("next")[1]
    code = {"code": "DONE-1", "redirect": "https://crowd.example/complete?cc=DONE-1", "screened_out": False}
    assert (last["item"], last["completion"]) == (None, code)
    (record,) = store.data(study.id).raters
    assert (record.consent_version, record.background, record.participant) == ("2", {"years": 12, "region": 1}, "5f0c")


def test_one_person_has_one_place_and_a_link_without_her_id_is_refused(store: RatingStore, study: Study) -> None:
    first, again, nobody = Page(store), Page(store), Page(store)
    assert first.join(store, study, "5f0c")[0] == 200
    again.join(store, study, "5f0c")
    assert len(store.raters(study.id)) == 1
    for lacking in (None, "", "two words", "a" * 101):
        status, refusal = nobody.join(store, study, lacking)
        assert (status, refusal["error"]) == (403, "participant")  # not a word of an invitation, which is good
    assert len(store.raters(study.id)) == 1


def test_a_preview_shows_what_comes_before_and_stores_nothing(store: RatingStore, study: Study) -> None:
    previews = Previews()
    page = Page(store, previews)
    page.token = previews.open(study.id, "sw")
    before = page.post("session")[1]["before"]
    assert before["consent"]["version"] == "2" and len(before["questions"]) == 2
    assert page.post("agree", version="2") == (200, {})
    assert page.post("background", answers={"region": 0}) == (200, {})
    assert store.raters(study.id) == []


@pytest.fixture
def address(store: RatingStore) -> Iterator[str]:
    with raters_page(store) as url:
        yield url


@pytest.mark.browser
def test_a_rater_of_a_crowd_agrees_answers_rates_and_gets_her_code(
    chromium: Browser, store: RatingStore, study: Study, address: str
) -> None:
    _, invitation = store.new_invitation(study.id, "sw")
    context = chromium.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{address}?study=crowd&PROLIFIC_PID=5f0c#invite={invitation}")
    page.locator("#skill").select_option("good")
    page.locator("#begin").click()
    expect(
        page.locator("#consent h2")
    ).to_be_focused()  # of the page in Swahili; the text has no Swahili and stands in English
    expect(page.locator("#consent p")).to_have_text(["I take part of my own will.", "I may stop."])
    page.locator("#tongue").select_option("ar")  # the text is read in another language before it is agreed to
    expect(page.locator("#consent p")).to_have_text([CONSENT.texts["ar"]])
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    page.locator("#tongue").select_option("en")
    expect(page.locator("#consent p")).to_have_count(2)
    page.locator("#agree").click()
    page.locator("#question-0").fill("12")
    page.locator("#answered").click()  # the required question keeps the browser on the page
    expect(page.locator("#questions")).to_be_visible()
    page.locator("#question-1").select_option(label="school")
    page.locator("#answered").click()
    rows = page.locator("#fields .row")
    rows.first.wait_for()
    for _ in range(rows.count()):
        page.keyboard.press("4")
    page.locator("#save").click()
    expect(page.locator("#code b")).to_have_text("DONE-1")
    expect(page.locator("#return")).to_have_attribute("href", "https://crowd.example/complete?cc=DONE-1")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    (record,) = store.data(study.id).raters
    assert (record.consent_version, record.background, record.participant) == ("2", {"years": 12, "region": 1}, "5f0c")
    context.close()
    assert errors == []


@pytest.mark.browser
def test_who_comes_without_an_id_is_sent_back_to_her_platform(
    chromium: Browser, store: RatingStore, study: Study, address: str
) -> None:
    """She was told that her invitation was used up, and to ask for a new one."""
    _, invitation = store.new_invitation(study.id, "sw")
    with browsers(chromium, address) as open_page:
        page = open_page(f"{address}?study=crowd#invite={invitation}", locale="en-GB")
        page.locator("#skill").select_option("good")
        page.locator("#begin").click()
        expect(page.locator(".message")).to_contain_text("Fungua utafiti tena kutoka jukwaa ulikotoka.")
    assert store.raters(study.id) == []


@pytest.mark.browser
def test_who_does_not_agree_is_asked_for_nothing(
    chromium: Browser, store: RatingStore, study: Study, address: str
) -> None:
    _, invitation = store.new_invitation(study.id, "sw")
    context = chromium.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(f"{address}?study=crowd&PROLIFIC_PID=5f0d#invite={invitation}")
    page.locator("#skill").select_option("good")
    page.locator("#begin").click()
    page.locator("#decline").click()
    expect(page.locator("#declined")).to_be_visible()
    expect(page.locator("#fields")).to_have_count(0)
    assert store.ratings(study.id) == []
    context.close()
