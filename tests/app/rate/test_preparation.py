"""Practice and test on the raters' page, over HTTP and in Chromium: feedback after an answer, tries, the polite end.

Tests of `app.rate.participation`, `app.rate.preview`.
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from attention_toys import outputs
from chromium import PATIENCE_MS
from exercise_examples import MADE
from playwright.sync_api import Browser, Page, expect
from rater_server import raters_page
from scale_examples import scaled_study
from starlette.applications import Starlette
from starlette.testclient import TestClient

from annotation.participation_records import Crowd
from annotation.records import Study
from annotation.store import RatingStore
from app.rate.preview import Previews
from app.rate.routes import rater_routes

CROWD = Crowd("DONE-1", "OUT-2", "PROLIFIC_PID", "https://crowd.example/complete?cc={code}")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RatingStore]:
    with RatingStore.open(tmp_path / "ratings.db") as opened:
        yield opened


@pytest.fixture
def study(store: RatingStore) -> Study:
    draft = store.create_study(scaled_study("taught", qualification=MADE, crowd=CROWD))
    store.add_outputs(draft.id, outputs(2, "en"))
    arabic = [
        replace(one, item_key=f"ar-{one.item_key}", item_language="ar", language="ar") for one in outputs(2, "en")
    ]
    store.add_outputs(draft.id, arabic)
    return store.open_study(draft.id)


def token_of(store: RatingStore, study: Study, participant: str, language: str = "en") -> str:
    _, invitation = store.new_invitation(study.id, language)
    return store.accept_invitation(study.id, invitation, participant=participant)[1]


class Sender:
    """What a rater's page sends."""

    def __init__(self, store: RatingStore, token: str, previews: Previews | None = None) -> None:
        self.http, self.token = TestClient(Starlette(routes=rater_routes(store, previews=previews))), token

    def post(self, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.http.post(f"/rate/{path}", content=json.dumps(body), headers=headers)
        return answer.status_code, answer.json()


def test_what_is_expected_leaves_the_server_only_after_an_answer(store: RatingStore, study: Study) -> None:
    page = Sender(store, token_of(store, study, "5f0c"))
    reply = page.post("session", tag="en")[1]
    preparation = reply["before"]["preparation"]
    assert [one["key"] for one in preparation["exercises"]] == ["p1_en", "p2_en"]
    assert [one["key"] for one in preparation["exercises"][0]["criteria"]] == ["fluency", "quality"]
    text = json.dumps(preparation)
    assert '"expected"' not in text and "drops the player" not in text and '"why"' not in text
    assert page.post("next")[1]["error"] == "before"
    assert page.post("practise", key="p1_en", values={"fluency": 4})[0] == 422
    status, feedback = page.post("practise", key="p1_en", values={"fluency": 3, "quality": 75})
    assert status == 200
    assert feedback["feedback"] == [
        {"criterion": "fluency", "low": 4, "high": 5, "right": False},
        {"criterion": "quality", "low": 60, "high": 100, "right": True},
    ]
    assert feedback["why"] == {"text": "Fluent, but it drops the player.", "lang": "en", "dir": "ltr"}
    page.post("practise", key="p2_en", values={"politeness": 3})
    test = page.post("preparation")[1]["preparation"]
    assert (test["stage"], test["tries"], test["needed"], test["of"]) == ("test", 2, 2, 2)
    assert page.post("practise", key="t1_en", values={"fluency": 1})[0] == 422
    answers = {"t1_en": {"fluency": 1}, "t2_en": {"fluency": 5}}
    attempt = str(uuid.uuid4())
    assert page.post("test", id=attempt, answers=answers)[1] == {
        "right": 2,
        "of": 2,
        "passed": True,
        "preparation": None,
    }
    assert page.post("test", id=attempt, answers={})[1]["passed"] is True  # a retry gets the first result
    assert page.post("session")[1]["before"]["preparation"] is None
    assert page.post("next")[1]["item"]["position"] == 1
    assert store.ratings(study.id) == []


def test_a_preview_practises_and_takes_the_test_and_stores_nothing(store: RatingStore, study: Study) -> None:
    previews = Previews()
    page = Sender(store, previews.open(study.id, "ar"), previews)
    assert page.post("session")[1]["before"]["preparation"]["stage"] == "practice"
    assert (
        page.post("practise", key="p1_ar", values={"fluency": 5, "quality": "not_applicable"})[1]["feedback"][1][
            "right"
        ]
        is False
    )
    assert page.post("practise", key="p2_ar", values={"politeness": 3})[0] == 200
    assert page.post("practise", key="p1_en", values={"fluency": 5, "quality": 60})[0] == 422
    wrong = {"t1_ar": {"fluency": 5}, "t2_ar": {"fluency": 5}}
    assert page.post("test", id="1", answers=wrong)[1]["preparation"]["tries"] == 1
    assert page.post("test", id="2", answers=wrong)[1]["preparation"]["stage"] == "failed"
    assert store.raters(study.id) == []


class Visit:
    """A rater's browser."""

    def __init__(self, chromium: Browser, address: str, token: str, width: int = 390, **options: Any) -> None:
        self.context = chromium.new_context(viewport={"width": width, "height": 844}, **options)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"{address}?study=taught#rater={token}")

    def end(self) -> None:
        assert self.page.evaluate("document.documentElement.scrollWidth") <= self.page.evaluate("innerWidth")
        self.context.close()
        assert self.errors == []


@pytest.fixture
def address(store: RatingStore) -> Iterator[str]:
    with raters_page(store) as url:
        yield url


@pytest.mark.browser
def test_a_rater_practises_fails_once_passes_and_rates_by_keyboard_alone(
    chromium: Browser, store: RatingStore, study: Study, address: str
) -> None:
    visit = Visit(chromium, address, token_of(store, study, "5f0c"))
    page = visit.page
    expect(page.locator("h2")).to_have_text("Practice 1 of 2")
    page.locator("#check").click()
    expect(page.locator(".message.error")).to_contain_text("Still missing: Fluency, Quality")
    page.keyboard.press("3")  # fluency
    page.keyboard.type("80")
    page.keyboard.press("Enter")  # to the button, for nothing is open
    expect(page.locator(".verdict.wrong")).to_contain_text("Expected: ")
    expect(page.locator(".verdict.right")).to_have_text("As expected")
    expect(page.get_by_role("status").filter(has_text="Why")).to_contain_text("Fluent, but it drops the player.")
    page.keyboard.press("Enter")
    expect(page.locator("h2")).to_have_text("Practice 2 of 2")
    page.reload()  # what was practised is not asked again
    expect(page.locator("h2")).to_have_text("Practice 2 of 2")
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    expect(page.locator(".verdict.right")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#test")).to_contain_text("a test of 2 answers. You pass when 2 of 2")
    for answers, heading in (("55", "Not passed yet: 1 of 2"), ("15", "You passed: 2 of 2")):
        page.locator("#check").click()
        for number, key in enumerate(answers, start=1):
            expect(page.locator("h2")).to_have_text(f"Test: {number} of 2")
            page.keyboard.press(key)
            expect(page.locator("#check")).to_be_focused()
            page.keyboard.press("Enter")
        expect(page.locator("#result")).to_contain_text(heading)
    page.locator("#check").click()
    expect(page.locator("#item")).to_have_text("Item 1")
    (record,) = store.raters(study.id)
    assert (record.test_tries, record.test_passed) == (2, True)
    assert store.ratings(study.id) == []
    visit.end()


@pytest.mark.browser
def test_who_does_not_pass_is_told_politely_in_her_language_and_gets_the_screen_out_code(
    chromium: Browser, store: RatingStore, study: Study, address: str
) -> None:
    visit = Visit(chromium, address, token_of(store, study, "5f0d", "ar"))
    page = visit.page
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    rater = store.raters(study.id)[0]
    for key, values in (("p1_ar", {"fluency": 4, "quality": 80}), ("p2_ar", {"politeness": 3})):
        store.practise(1, key, values)
    page.reload()
    for _ in range(2):
        page.locator("#check").click()
        for key in "55":
            page.locator(".row").wait_for()
            page.keyboard.press(key)
            page.keyboard.press("Enter")
        page.locator("#result, #not-passed").wait_for()
    expect(page.locator("#not-passed")).to_contain_text("شكرًا لوقتك")
    expect(page.locator("#code b")).to_have_text("OUT-2")
    expect(page.locator("#return")).to_have_attribute("href", "https://crowd.example/complete?cc=OUT-2")
    page.reload()
    expect(page.locator("#not-passed")).to_be_visible()
    expect(page.locator("#fields")).to_have_count(0)
    assert rater.screened_out_at is None and store.raters(study.id)[0].screened_out_at is not None
    visit.end()
