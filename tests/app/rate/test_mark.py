"""Marking errors on the raters' page, over HTTP and in Chromium: by thumb, by keyboard alone, right to left, beyond U+FFFF."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from chromium import PATIENCE_MS
from playwright.sync_api import Browser, Page, expect
from rater_server import raters_page
from scale_examples import QUALITY
from starlette.applications import Starlette
from starlette.testclient import TestClient

from annotation.records import NewOutput, NewStudy, Study
from annotation.store import RatingStore
from app.rate.preview import Previews
from app.rate.routes import rater_routes

FAMILY = "\U0001f469\U0001f3fd"  # two code points, four UTF-16 units
TEXTS = {"en": f"Well {FAMILY} the player scored late.", "ar": "سجل اللاعب هدف الفوز.", "zh": "球员在最后一分钟进球。"}


@pytest.fixture
def store() -> Iterator[RatingStore]:
    with RatingStore.open("sqlite://") as opened:
        yield opened


@pytest.fixture
def study(store: RatingStore) -> Study:
    """Two items of one system, marked, then scored from 0 to 100."""
    made = store.ensure_study(
        NewStudy("marked", "Marked", "translation", {"en": "Read."}, (QUALITY,), error_spans=True)
    )
    outputs = [
        NewOutput(f"i{n}", "fr", "Le joueur.", "translation", "agl", tag, text)
        for tag, text in TEXTS.items()
        for n in range(2)
    ]
    store.add_outputs(made.id, outputs)
    return made


class Sender:
    """What a rater's page sends."""

    def __init__(self, store: RatingStore, token: str, previews: Previews | None = None) -> None:
        self.http, self.token = TestClient(Starlette(routes=rater_routes(store, previews=previews))), token

    def post(self, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.http.post(f"/rate/{path}", content=json.dumps(body), headers=headers)
        return answer.status_code, answer.json()


def test_errors_come_by_letter_and_come_back(store: RatingStore, study: Study) -> None:
    page = Sender(store, store.new_rater(study.id, "en")[1])
    item = page.post("next")[1]["item"]
    assert (item["marks"], item["spans"]) == (True, {})
    sent = {"id": str(uuid.uuid4()), "position": 1, "values": {"A": {"quality": 70}}}
    for wrong in ({}, [], {"B": []}, {"A": [[0, 99, "minor"]]}, {"A": [[0, 3, "bad"]]}, {"A": "x"}):
        assert page.post("submit", **sent, spans=wrong)[0] == 422
    assert page.post("submit", **sent, spans={"A": [[5, 7, "major"], [0, 4, "minor"]]})[0] == 200
    assert page.post("look", position=1)[1]["item"]["spans"] == {"A": [[0, 4, "minor"], [5, 7, "major"]]}
    marked = [one.marked_text for one in store.error_spans(study.id)]
    assert marked == ["Well", FAMILY]
    seen = page.post("look", position=1)[1]["item"]
    assert seen["span_history"] == []  # the first marking is no change
    changed = {**sent, "id": str(uuid.uuid4()), "revision": 1}
    assert page.post("submit", **changed, spans={"A": []})[0] == 200
    seen = page.post("look", position=1)[1]["item"]
    assert seen["span_history"] == [{"letter": "A", "from": [[0, 4, "minor"], [5, 7, "major"]], "to": []}]
    assert [(one.revision, one.spans) for one in store.span_history(study.id)] == [
        (1, ((0, 4, "minor"), (5, 7, "major"))),
        (2, ()),
    ]


def test_a_preview_takes_errors_and_stores_nothing(store: RatingStore, study: Study) -> None:
    previews = Previews()
    page = Sender(store, previews.open(study.id, "en"), previews)
    sent = {"id": "1", "position": 1, "values": {"A": {"quality": 70}}}
    assert page.post("submit", **sent, spans={"A": [[0, 99, "minor"]]})[0] == 422
    assert page.post("submit", **sent, spans={"A": [[0, 4, "minor"]]})[0] == 200
    assert page.post("look", position=1)[1]["item"]["spans"] == {"A": [[0, 4, "minor"]]}
    assert store.error_spans(study.id) == [] and store.raters(study.id) == []


class Visit:
    """A rater's browser."""

    def __init__(self, chromium: Browser, url: str, token: str, width: int = 390) -> None:
        self.context = chromium.new_context(viewport={"width": width, "height": 844}, has_touch=width < 500)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"{url}?study=marked#rater={token}")
        self.page.locator(".marking").wait_for()

    def tap(self, selector: str, text: str | None = None) -> None:
        one = self.page.locator(selector, has_text=text).first if text else self.page.locator(selector).first
        one.evaluate("one => one.scrollIntoView({ block: 'center' })")
        one.click(force=True)

    def finish(self, number: str) -> None:
        self.page.locator(".track input[type=text]").fill(number)
        self.tap("#save")
        self.page.locator("#state.saved").wait_for()

    def end(self) -> None:
        assert self.page.evaluate("document.documentElement.scrollWidth") <= self.page.evaluate("innerWidth")
        self.context.close()
        assert self.errors == []


def stored(store: RatingStore, study: Study) -> list[tuple[Any, ...]]:
    return [(one.start, one.end, one.severity, one.marked_text) for one in store.error_spans(study.id)]


@pytest.mark.browser
def test_errors_are_marked_by_thumb_removed_and_kept_over_a_reload(
    chromium: Browser, store: RatingStore, study: Study
) -> None:
    with raters_page(store) as url:
        visit = Visit(chromium, url, store.new_rater(study.id, "en")[1])
        page = visit.page
        assert page.locator(".marks .pair button").all()[0].is_disabled()  # nothing is chosen yet
        visit.tap(".marking .word", FAMILY)
        visit.tap(".marks button.major")
        visit.tap(".marking .word", "the")
        visit.tap(".marking .word", "scored")  # from the first word to the last
        visit.tap(".marks button.minor")
        visit.tap(".marking .word", "late")
        visit.tap(".marks button.minor")
        expect(page.locator(".errors li")).to_have_count(3)
        page.get_by_role("button", name="Remove: Minor: late").click()
        page.reload()
        expect(page.locator(".errors li")).to_have_count(2)
        expect(page.locator(".marking .major")).to_have_text([FAMILY])
        visit.finish("60")
        assert stored(store, study) == [(5, 7, "major", FAMILY), (8, 25, "minor", "the player scored")]
        visit.tap("#back")
        expect(page.locator(".errors li")).to_have_count(2)
        page.get_by_role("button", name="Remove: Minor").click()
        visit.tap("#save")
        expect(page.locator(".errors li")).to_have_count(0)  # the second item
        visit.tap("#back")
        past = page.locator("details.fold", has_text="Earlier versions").locator("li")
        expect(past).to_have_text([f"A · Errors: {FAMILY} (Major), the player scored (Minor) → {FAMILY} (Major)"])
        visit.end()


@pytest.mark.browser
def test_errors_are_marked_by_keyboard_alone(chromium: Browser, store: RatingStore, study: Study) -> None:
    with raters_page(store) as url:
        visit = Visit(chromium, url, store.new_rater(study.id, "en")[1], width=1280)
        page = visit.page
        page.locator(".marking").focus()
        for key in ("ArrowRight", "ArrowRight", "ArrowRight", "Shift+ArrowRight"):
            page.keyboard.press(key)  # Well, the emoji, the, and on to player
        expect(page.locator(".marks [role=status]")).to_have_text("the player")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # major
        expect(page.locator(".marking")).to_be_focused()
        expect(page.locator(".errors li.major")).to_have_count(1)
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # Well is a minor error, then none
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Delete")
        expect(page.locator(".errors li")).to_have_count(1)
        page.locator(".track input[type=text]").focus()
        page.keyboard.type("55")
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        page.locator("#state.saved").wait_for()
        assert stored(store, study) == [(8, 18, "major", "the player")]
        visit.end()


@pytest.mark.browser
def test_errors_are_marked_right_to_left_and_where_no_spaces_part_words(
    chromium: Browser, store: RatingStore, study: Study
) -> None:
    with raters_page(store) as url:
        visit = Visit(chromium, url, store.new_rater(study.id, "ar")[1])
        page = visit.page
        page.locator(".marking").focus()
        for key in ("ArrowLeft", "ArrowLeft", "Shift+ArrowLeft"):  # onwards is to the left
            page.keyboard.press(key)
        visit.tap(".marks button.minor")
        visit.finish("40")
        assert stored(store, study) == [(4, 14, "minor", "اللاعب هدف")]
        visit.end()
        other = Visit(chromium, url, store.new_rater(study.id, "zh")[1])
        other.tap(".marking .word")
        other.tap(".marks button.major")
        other.finish("40")
        (one,) = [record for record in store.error_spans(study.id) if record.language == "zh"]
        assert one.start == 0 and one.marked_text and TEXTS["zh"].startswith(one.marked_text)
        other.end()
