"""Comparing answers on the raters' page, over HTTP and in Chromium: by keyboard, by thumb, right to left, back and changed."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from chromium import PATIENCE_MS
from playwright.sync_api import Browser, Locator, Page, expect
from preference_examples import OVERALL, TONE
from rater_examples import TEXTS
from rater_server import raters_page
from starlette.applications import Starlette
from starlette.testclient import TestClient

from annotation.criteria import DEFAULT_CRITERIA, default_questions
from annotation.preference_records import PreferenceQuestion
from annotation.records import Criterion, NewOutput, NewStudy, Study
from annotation.store import RatingStore
from app.rate.preview import Previews
from app.rate.routes import rater_routes

SYSTEMS = ("agl", "knn", "zero-shot")


def make(
    store: RatingStore,
    systems: int,
    questions: tuple[PreferenceQuestion, ...] = (OVERALL,),
    criteria: tuple[Criterion, ...] = (),
) -> Study:
    study = store.ensure_study(
        NewStudy("compared", "Compared", "translation", {"en": "Read."}, criteria, preferences=questions)
    )
    store.add_outputs(
        study.id,
        [
            NewOutput(f"i{number}", "fr", "Le joueur.", "translation", system, tag, f"{TEXTS[tag][0]} {system}")
            for tag in ("en", "ar")
            for number in range(2)
            for system in SYSTEMS[:systems]
        ],
    )
    return study


@pytest.fixture
def store() -> Iterator[RatingStore]:
    with RatingStore.open("sqlite://") as opened:
        yield opened


class Sender:
    """What a rater's page sends."""

    def __init__(self, store: RatingStore, token: str, previews: Previews | None = None) -> None:
        self.http, self.token = TestClient(Starlette(routes=rater_routes(store, previews=previews))), token

    def post(self, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.http.post(f"/rate/{path}", content=json.dumps(body), headers=headers)
        return answer.status_code, answer.json()


def test_an_order_comes_by_letters_and_what_is_none_is_refused(store: RatingStore) -> None:
    study = make(store, 3, (OVERALL, default_questions()[1]))
    page = Sender(store, store.new_rater(study.id, "en")[1])
    item = page.post("next", tag="ar")[1]["item"]
    assert [(one["key"], one["name"], one["lang"]) for one in item["compared_on"]] == [
        ("overall", "إجمالًا", "ar"),
        ("fluency", "السلاسة", "ar"),
    ]
    assert (item["preferences"], item["order_history"]) == ({}, [])
    sent = {"id": str(uuid.uuid4()), "position": 1, "values": {}}
    good = {"overall": {"A": 1, "B": 2, "C": 2}, "fluency": {"A": 3, "B": 1, "C": 1}}
    for wrong in ([], {"overall": 1}, {"overall": good["overall"]}, {**good, "fluency": {"A": 1, "B": 1, "D": 1}}):
        assert page.post("submit", **sent, preferences=wrong)[0] == 422
    assert store.preferences(study.id) == []
    assert page.post("submit", **sent, preferences=good)[0] == 200
    again = {**sent, "id": str(uuid.uuid4()), "revision": 1}
    assert page.post("submit", **again, preferences={**good, "overall": {"A": 1, "B": 1, "C": 1}})[0] == 200
    seen = page.post("look", position=1)[1]["item"]
    assert seen["preferences"]["overall"] == {"A": 1, "B": 1, "C": 1}
    assert seen["order_history"] == [
        {"question": "overall", "from": {"A": 1, "B": 2, "C": 2}, "to": {"A": 1, "B": 1, "C": 1}}
    ]
    text = json.dumps(seen)
    assert not any(f'"{system}"' in text for system in SYSTEMS)


def test_a_preview_takes_orders_and_stores_nothing(store: RatingStore) -> None:
    study = make(store, 2)
    previews = Previews()
    page = Sender(store, previews.open(study.id, "en"), previews)
    sent = {"id": "1", "position": 1, "values": {}}
    assert page.post("submit", **sent, preferences={"overall": {"A": 1}})[0] == 422
    assert page.post("submit", **sent, preferences={"overall": {"A": 1, "B": 1}})[0] == 200
    seen = page.post("look", position=1)[1]["item"]
    assert (seen["state"], seen["preferences"]) == ("done", {"overall": {"A": 1, "B": 1}})
    assert page.post("next")[1]["item"]["position"] == 2
    assert store.preferences(study.id) == [] and store.raters(study.id) == []


def test_nothing_is_compared_where_there_is_one_answer(store: RatingStore) -> None:
    study = make(store, 1)
    page = Sender(store, store.new_rater(study.id, "en")[1])
    assert page.post("next")[1]["item"]["compared_on"] == []
    assert page.post("submit", id=str(uuid.uuid4()), position=1, values={}, preferences={})[0] == 200


class Visit:
    """A rater's browser."""

    def __init__(self, chromium: Browser, url: str, token: str, width: int = 390) -> None:
        self.context = chromium.new_context(viewport={"width": width, "height": 844}, has_touch=width < 500)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"{url}?study=compared#rater={token}")
        expect(self.page.locator("#item")).to_have_text(("Item 1", "العنصر 1")["dir=rtl" in self.direction])

    @property
    def direction(self) -> str:
        self.page.locator("#item").wait_for()
        return f"dir={self.page.locator('html').get_attribute('dir')}"

    def tap(self, one: Locator) -> None:
        one.evaluate("one => one.scrollIntoView({ block: 'center' })")
        one.click(force=True)

    def end(self) -> None:
        assert self.page.evaluate("document.documentElement.scrollWidth") <= self.page.evaluate("innerWidth")
        self.context.close()
        assert self.errors == []


def ranks_by_letter(store: RatingStore, study: Study, question: str = "overall") -> list[tuple[int, ...]]:
    """As stored, in the order shown, by item of the one rater."""
    position = {one.item_key: one.position for one in store.assignments(study.id)}
    mine = [one for one in store.preferences(study.id) if one.question == question]
    return [one.ranks for one in sorted(mine, key=lambda one: position[one.item_key])]


@pytest.mark.browser
def test_two_answers_are_compared_by_thumb_and_what_is_missing_is_named(chromium: Browser, store: RatingStore) -> None:
    study = make(store, 2, (OVERALL, TONE))
    with raters_page(store) as url:
        visit = Visit(chromium, url, store.new_rater(study.id, "en")[1])
        page = visit.page
        group = page.get_by_role("radiogroup", name="Overall")
        expect(group.get_by_role("radio")).to_have_count(3)
        assert page.locator("#fields input:checked").count() == 0
        visit.tap(group.get_by_role("radio", name="Answer B is better"))
        visit.tap(page.locator("#save"))
        expect(page.locator("#note")).to_contain_text("Still missing: Tone")
        expect(page.locator("#row-prefer-tone .lacking")).to_be_visible()
        visit.tap(page.get_by_role("radiogroup", name="Tone").get_by_role("radio", name="They are equal"))
        page.reload()  # what is not saved yet is still there
        expect(group.get_by_role("radio", name="Answer B is better")).to_be_checked()
        visit.tap(page.locator("#save"))
        expect(page.locator("#item")).to_have_text("Item 2")
        assert (ranks_by_letter(store, study), ranks_by_letter(store, study, "tone")) == ([(2, 1)], [(1, 1)])
        visit.tap(page.locator("#back"))
        expect(group.get_by_role("radio", name="Answer B is better")).to_be_checked()
        visit.tap(group.get_by_role("radio", name="Answer A is better"))
        visit.tap(page.locator("#save"))
        expect(page.locator("#item")).to_have_text("Item 2")
        assert ranks_by_letter(store, study) == [(1, 2)]
        visit.tap(page.locator("#back"))
        page.get_by_text("Earlier versions").click()
        expect(page.locator("main li bdi")).to_have_text("B > A → A > B")
        visit.end()


@pytest.mark.browser
def test_three_answers_are_ranked_after_the_scales_by_keyboard_alone(chromium: Browser, store: RatingStore) -> None:
    study = make(store, 3, criteria=(DEFAULT_CRITERIA[0],))
    with raters_page(store) as url:
        visit = Visit(chromium, url, store.new_rater(study.id, "en")[1], width=1280)
        page = visit.page
        page.keyboard.type("543")  # fluency of A, B, C
        expect(page.get_by_role("radiogroup", name="Overall, Answer A")).to_have_class("row rank marked")
        page.keyboard.type("311")  # the ranks: B and C before A
        expect(page.locator("#save")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#item")).to_have_text("Item 2")
        assert ranks_by_letter(store, study) == [(3, 1, 1)]
        values = {one.output_id: one.value for one in store.ratings(study.id)}
        assert [values[one] for one in store.assignments(study.id)[0].output_ids] == [5, 4, 3]
        visit.end()


@pytest.mark.browser
def test_right_to_left_answers_stand_in_reading_order_and_ranks_from_the_left(
    chromium: Browser, store: RatingStore
) -> None:
    study = make(store, 2)
    with raters_page(store) as url:
        visit = Visit(chromium, url, store.new_rater(study.id, "ar")[1])
        page = visit.page
        boxes = [page.locator(".compare .point").nth(at).bounding_box() for at in range(3)]
        assert boxes[0] and boxes[1] and boxes[2] and boxes[0]["x"] > boxes[1]["x"] > boxes[2]["x"]
        assert page.locator(".compare .meaning").first.is_visible()
        visit.tap(page.get_by_role("radio", name="الإجابة A أفضل"))
        visit.tap(page.locator("#save"))
        expect(page.locator("#item")).to_have_text("العنصر 2")
        assert ranks_by_letter(store, study) == [(1, 2)]
        visit.end()
