"""Adjudication from Results to the adjudicator's page: who may choose, what the link leads to, what stands where afterwards.

Tests of `app.results.adjudication`, `app.rate.adjudication`.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from chromium import PATIENCE_MS
from playwright.sync_api import Browser, expect
from preference_examples import compared_study, ordered
from preference_examples import submission as compared_submission
from rater_server import raters_page
from starlette.applications import Starlette
from starlette.testclient import TestClient

from annotation.criteria import DEFAULT_CRITERIA
from annotation.errors import AnnotationError
from annotation.records import Criterion, NewOutput, NewStudy, Study, Submission
from annotation.scales import NOT_APPLICABLE, Scale
from annotation.store import RatingStore
from app.rate.routes import rater_routes
from app.results import adjudication_tab
from app.results.adjudication import AdjudicationService
from app.results.disagreements import readings
from app.results.reading_tab import items_html
from app.texts import catalogue

GIVEN = {"i0": (3, 3), "i1": (1, 5), "i2": (2, 4)}  # by two raters, to everything
SCALE = Scale(not_applicable=True)
CRITERIA = tuple(Criterion(one.key, one.question, one.anchors, scale=SCALE) for one in DEFAULT_CRITERIA[:2])


class Gate:
    def require(self, session: object) -> None:
        if session != "organiser":
            raise AnnotationError("This is for organisers.", "enter_first")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RatingStore]:
    with RatingStore.open(tmp_path / "ratings.db") as opened:
        yield opened


@pytest.fixture
def study(store: RatingStore) -> Study:
    study = store.ensure_study(NewStudy("s", "S", "Reply.", {"en": "Rate."}, CRITERIA))
    outputs = [
        NewOutput(i, "en", f"source {i}", "", s, "ar", f"نص {i} {s[0]}") for i in GIVEN for s in ("agl|k=4", "knn|k=4")
    ]
    store.add_outputs(study.id, outputs)
    for number in range(2):
        rater, _ = store.new_rater(study.id, "ar")
        while (view := store.next_assignment(rater.id)) is not None:
            value = GIVEN[view.item_key][number]
            values: dict[tuple[int, str], Any] = {
                (one.output_id, key.key): value for one in view.outputs for key in CRITERIA
            }
            if view.item_key == "i0" and number == 0:
                values[view.outputs[0].output_id, "fluency"] = NOT_APPLICABLE
            comment = "<b>غير واضح</b>" if view.item_key == "i1" else None
            store.submit(Submission(f"{number}{view.position:07d}-0000-4000-8000-000000000000", rater.id,
                                    view.assignment_id, values, comment, 3.0))  # fmt: skip
    return study


def page(store: RatingStore) -> Any:
    service = AdjudicationService(store, Gate())
    names: Any = SimpleNamespace(fold="fold", items="items", name="name", link="link", people="people", note="note")
    return adjudication_tab.AdjudicationTab(service, **vars(names))


REQUEST: Any = SimpleNamespace(headers={"origin": "https://agl.example"}, request=None)


def test_nobody_but_an_organiser_chooses_names_or_removes(store: RatingStore, study: Study) -> None:
    tab = page(store)
    hidden = adjudication_tab.show(tab, "s", "en", "")
    assert hidden["fold"]["visible"] is False and hidden["people"] == ""
    for update in (
        adjudication_tab.choose(tab, "s", "ar", "", 2),
        adjudication_tab.assign(tab, "s", "ar", "", "me", ["ar i1"], REQUEST),
        adjudication_tab.take_away(tab, "s", "ar", "", "me"),
    ):
        assert catalogue("ar")("refusal.enter_first") in update["note"]
    assert store.adjudicators(study.id) == []
    with pytest.raises(AnnotationError):
        AdjudicationService(store).named("organiser", "s")


def test_the_widest_spread_is_chosen_first_and_a_link_is_made_once(store: RatingStore, study: Study) -> None:
    tab = page(store)
    shown = adjudication_tab.show(tab, "s", "en", "organiser")
    assert [value for _, value in shown["items"]["choices"]] == ["ar i1", "ar i2", "ar i0"]
    assert shown["items"]["choices"][0][0] == "i1 · العربية · 100 %"
    chosen = adjudication_tab.choose(tab, "s", "en", "organiser", 2)["items"]["value"]
    assert chosen == ["ar i1", "ar i2"]
    assert "role" in adjudication_tab.assign(tab, "s", "en", "organiser", " ", chosen, REQUEST)["note"]
    made = adjudication_tab.assign(tab, "s", "en", "organiser", "chief", chosen, REQUEST)
    assert made["link"]["value"].startswith("https://agl.example/rate?study=s#rater=adjudicator-")
    assert "0 of 2 items decided" in made["people"] and "2 items are new to chief" in made["note"]
    again = adjudication_tab.show(tab, "s", "en", "organiser")
    assert again["link"]["visible"] is False and again["link"]["value"] == ""
    refused = adjudication_tab.take_away(tab, "s", "ru", "organiser", "chef")["note"]
    assert catalogue("ru")("refusal.no_adjudicator") in refused
    assert "0 values" in adjudication_tab.take_away(tab, "s", "en", "organiser", "chief")["note"]
    assert store.adjudicators(study.id) == []


class Sender:
    """What an adjudicator's page sends."""

    def __init__(self, store: RatingStore, token: str) -> None:
        self.http, self.token = TestClient(Starlette(routes=rater_routes(store))), token

    def post(self, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.http.post(f"/rate/{path}", content=json.dumps(body), headers=headers)
        return answer.status_code, answer.json()


def test_the_page_is_told_no_system_no_rater_and_no_time(store: RatingStore, study: Study) -> None:
    token = store.name_adjudicator(study.id, "chief", [("i0", "ar"), ("i1", "ar")])[1]
    sender = Sender(store, token)
    session = sender.post("session", tag="ar")[1]
    assert (session["rater"], session["adjudicates"], session["dir"]) == ("chief", True, "rtl")
    item = sender.post("next", tag="en")[1]["item"]
    answers = {key: tuple(row["fluency"]) for key, row in item["ratings"].items()}
    assert set(answers.values()) == {(3, 3), (3, NOT_APPLICABLE)}
    session.pop("words")
    sent = json.dumps([item, session], ensure_ascii=False)
    assert [secret for secret in ("agl", "knn", "rater-", "seconds", "output_id") if secret in sent] == []
    assert sender.post("look", position=2)[1]["item"]["remarks"] == ["<b>غير واضح</b>"] * 2
    values = {letter: {"fluency": 2, "relevance": 2} for letter in "AB"}
    body: dict[str, Any] = {
        "id": "7b0c5a52-94f1-4a4e-9f0e-35a6e3a0a001",
        "position": 1,
        "values": values,
        "comment": "y",
        "revision": 0,
    }
    assert sender.post("submit", **body)[1]["repeated"] is False
    assert sender.post("submit", **body)[1]["repeated"] is True
    status, refused = sender.post("submit", **{**body, "id": body["id"].replace("1", "2"), "comment": "z"})
    assert (status, refused["error"]) == (409, "newer")
    assert sender.post("skip", id="x", position=1, reason="other")[0] == 422
    for path in ("agree", "background", "preparation", "practise", "test"):
        assert sender.post(path)[1] == {"preparation": None}
    assert Sender(store, "adjudicator-nobody").post("next")[1]["error"] == "link"
    assert sender.post("next")[1]["item"]["position"] == 2


def test_decisions_and_not_applicable_stand_beside_the_values_of_raters(store: RatingStore, study: Study) -> None:
    sender = Sender(store, store.name_adjudicator(study.id, "chief", [("i0", "ar")])[1])
    values = {letter: {"fluency": 4, "relevance": NOT_APPLICABLE} for letter in "AB"}
    sender.post("submit", id="7b0c5a52-94f1-4a4e-9f0e-35a6e3a0a001", position=1, values=values, comment="<i>why</i>")
    listed = readings(study, store.data(study.id))
    assert [one.disagreement for one in listed] == [1.0, 0.5, 0.0]  # "not applicable" is no distance
    html = items_html(study, listed, len(listed), catalogue("en"))
    last = html.split("<article>")[-1]
    assert last.count('<td class="decided">4</td>') == 2
    assert last.count('<td class="decided">Not applicable</td>') == 2 and last.count("<td>Not applicable</td>") == 1
    assert "–" not in re.sub("<h4>.*?</h4>", "", last)
    assert "Adjudicated: <bdi>chief</bdi>" in last and "&lt;i&gt;why" in last and "<i>" not in last


@pytest.mark.browser
def test_an_adjudicator_decides_by_keyboard_on_a_phone_in_arabic(
    chromium: Browser, store: RatingStore, study: Study
) -> None:
    token = store.name_adjudicator(study.id, "chief", [("i1", "ar"), ("i2", "ar")])[1]
    with raters_page(store) as url:
        context = chromium.new_context(viewport={"width": 390, "height": 844})
        page, errors = context.new_page(), []
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{url}?study=s#rater={token}")
        page.locator("#tongue").select_option("ar")
        expect(page.locator("#preview")).to_contain_text("chief")
        expect(page.locator("html")).to_have_attribute("dir", "rtl")
        expect(page.locator(".rated").first).to_contain_text("1 · 5")
        expect(page.locator("#remarks li").first).to_have_text("<b>غير واضح</b>")
        expect(page.locator("#reason, #skip, #not-me")).to_have_count(0)
        page.locator("#comment").fill("لأن النص ناقص")
        page.locator("#item").click()
        for _ in range(4):
            page.keyboard.press("2")
        page.keyboard.press("Enter")
        expect(page.locator("#item")).to_contain_text("2")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate("Object.keys(localStorage).filter((key) => key.includes('token/'))") == []
        page.reload()  # the link stays in the address, and the browser is nobody's
        expect(page.locator("#count")).to_contain_text("1")
        page.locator("#back").click()
        expect(page.locator("#comment")).to_have_value("لأن النص ناقص")
        context.close()
    assert errors == []
    assert {(one.value, one.decision_reason) for one in store.adjudications(study.id)} == {(2, "لأن النص ناقص")}


@pytest.mark.browser
def test_an_adjudicator_orders_and_marks_beside_those_of_raters(chromium: Browser, store: RatingStore) -> None:
    study = store.ensure_study(compared_study(error_spans=True))
    store.add_outputs(study.id, [NewOutput("i0", "en", "source", "", s, "ar", "الفوز اليوم") for s in ("agl", "knn")])
    for ranks in ((1, 2), (1, 1)):
        rater, _ = store.new_rater(study.id, "ar")
        view = store.next_assignment(rater.id)
        assert view is not None
        spans = {one.output_id: ((0, 5, "minor"),) if ranks == (1, 1) else () for one in view.outputs}
        store.submit(compared_submission(rater.id, view, ordered(view, *ranks), spans=spans))
    token = store.name_adjudicator(study.id, "chief", [("i0", "ar")])[1]
    with raters_page(store) as url:
        context = chromium.new_context(viewport={"width": 390, "height": 844})
        page, errors = context.new_page(), []
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{url}?study=compared#rater={token}")
        page.locator("#tongue").select_option("en")
        expect(page.locator(".answer .rated").first).to_have_text("Raters marked: no errors · الفوز (Minor)")
        expect(page.locator(".compare .rated")).to_contain_text("Raters gave: A = B · ")
        page.locator(".marking .word").first.click()
        page.locator(".marks button.major").first.click()
        page.locator(".compare label.point").nth(1).click()
        page.locator("#save").click()
        expect(page.locator("#count")).to_contain_text("1")
        page.locator("#done, #back").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        context.close()
    assert errors == []
    assert [one.ranks for one in store.data(study.id).adjudicated_orders] == [(1, 1)]
    assert sorted(one.spans for one in store.data(study.id).adjudicated_spans) == [(), ((0, 5, "major"),)]
    html = items_html(study, readings(study, store.data(study.id)), 1, catalogue("en"))
    assert (
        '<td class="decided">no errors</td>' in html
        and "(Major)" in html
        and " = " in html.split('class="decided"')[-1]
    )
