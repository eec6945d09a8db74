"""Markup and script in every text field, looked at in Chromium: it is shown as text, and nothing of it runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from chromium import PATIENCE_MS
from security.hostile import MARKUP, SECRET, SYSTEM, Target

from annotation.criteria import DEFAULT_CRITERIA
from annotation.records import NewStudy
from app.results.ratings import ResultsService

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PLANTED = "img[src='x'], svg[onload], iframe[srcdoc], a[href^='javascript']"


@pytest.fixture(scope="module")
def context(chromium: "Browser") -> Iterator["BrowserContext"]:
    """A browser that has the scripts of the page after its first visit."""
    headers = {"X-Forwarded-For": "198.51.100.90"}
    opened = chromium.new_context(viewport={"width": 1280, "height": 900}, extra_http_headers=headers)
    yield opened
    opened.close()


@pytest.fixture
def page(context: "BrowserContext") -> Iterator["Page"]:
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    if opened.url.startswith("http"):
        opened.evaluate("localStorage.clear()")
    opened.close()
    context.clear_cookies()


def inert(page: "Page") -> None:
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    assert page.locator(PLANTED).count() == 0


def test_a_rater_sees_markup_of_models_and_organisers_as_text(target: Target, page: "Page") -> None:
    token = target.fresh()
    page.goto(f"{target.url}/rate#rater={token}")
    page.get_by_role("button").filter(visible=True).first.wait_for()
    inert(page)
    begin = page.locator("main button").filter(visible=True)
    if begin.count():
        begin.first.click()
    page.get_by_text("onerror=").first.wait_for()
    inert(page)


def test_a_comment_of_a_rater_is_text_for_her_and_for_the_organiser(target: Target, page: "Page") -> None:
    token = target.fresh()
    item = target.post("next", token).json()["item"]
    keys = [one["key"] for one in item["criteria"]]
    values = {one["letter"]: dict.fromkeys(keys, 3) for one in item["outputs"]}
    sent = {
        "id": "6f9619ff-8b86-4011-b42d-00c04fc964ff",
        "position": 1,
        "values": values,
        "seconds": 1.0,
        "comment": MARKUP,
    }
    assert target.post("submit", token, **sent).status_code == 200
    enter_study(target, page)
    inert(page)
    with target.store() as store:
        (comment,) = {row.comment for row in store.assignments(store.study("hidden-study").id) if row.comment}
    assert comment == MARKUP


def enter_study(target: Target, page: "Page") -> None:
    page.goto(target.url)
    page.get_by_role("tab", name="Study", exact=True).click()
    page.locator("#study-secret input").fill(SECRET)
    page.locator("#study-unlock").click()
    page.locator("#study-leave").wait_for()


def test_a_study_named_by_markup_is_text_on_the_organisers_page(target: Target, page: "Page") -> None:
    with target.store() as store:
        if "named" not in {one.slug for one in store.studies()}:
            store.create_study(
                NewStudy("named", f"A {MARKUP}", MARKUP, {"en": MARKUP}, DEFAULT_CRITERIA, state="draft")
            )
    enter_study(target, page)
    page.get_by_text("onerror=").first.wait_for()
    inert(page)


def test_outputs_in_rate_are_text(target: Target, page: "Page") -> None:
    page.goto(target.url)
    page.get_by_role("tab", name="Rate", exact=True).click()
    page.locator("#rate-open a").wait_for()
    inert(page)
    page.goto(f"{target.url}/{page.locator('#rate-open a').get_attribute('href')}")
    page.locator("#skill").select_option("good")
    page.locator("#begin").click()
    page.locator("#fields").get_by_text("onerror=").first.wait_for()
    inert(page)


def test_a_link_that_holds_markup_is_text_in_explore(target: Target, page: "Page") -> None:
    for query in (
        f"q={quote(MARKUP)}",
        f"q=x&from={quote(MARKUP)}",
        f"q=x&run={quote(MARKUP)}",
        f"q=x&model={quote(MARKUP)}",
    ):
        page.goto(f"{target.url}/?{query}")
        page.locator("#ask").wait_for()
        page.wait_for_timeout(1500)
        inert(page)


def test_a_report_of_hostile_names_is_text(target: Target, page: "Page", tmp_path: Path) -> None:
    class Anybody:
        def require(self, session: object) -> None:
            """Lets in."""

    with target.store() as store:
        written = ResultsService(store, "explore", tmp_path, Anybody()).texts("x", "hidden-study")
    assert SYSTEM in written["report.html"]
    page.set_content(written["report.html"])
    inert(page)
