"""One study from the first link to the report: twelve raters press what their pages show, and all that the database, the archive and
Results say is compared with what was pressed.

On a phone by finger, by keyboard alone, from right to left by mouse, offline in the middle of a save, in two tabs; one leaves half way,
one fails the test, one does not agree.
"""

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from app_server import SECRET
from export_reader import read_back
from playwright.sync_api import Browser, Locator, Page, Route, expect
from pressed_and_stored import (
    alphas_by_krippendorff,
    alphas_of,
    cells_by_pandas,
    cells_of,
    changes_pressed,
    frame,
    items_pressed,
    items_stored,
    values_pressed,
    values_stored,
    who_took_no_part,
)
from pressing_raters import Answers, Pressed, Rater, press_keys, press_points, tab_to
from rater_server import browsers, raters_page
from rating_examples import Clock
from whole_study import FAILING, ITEMS, PASSING, RATERS_PER_ITEM, SENTENCES, SPOILED, opened_study, opinions

from annotation.export.files import TABLES
from annotation.records import Study
from annotation.store import RatingStore
from app.access.organiser import Authority
from app.results.ratings import ResultsService
from app.texts import ENGLISH, catalogue

pytestmark = pytest.mark.browser

REMARK = "=1+1 is \"no\" 'formula', nor is this\nsecond line: جيد"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[RatingStore]:
    with RatingStore.open(tmp_path / "ratings.db", clock=clock) as opened:
        yield opened


@pytest.fixture
def study(store: RatingStore, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.setattr("annotation.queries.raters.new_seed", count(1).__next__)  # orders are the same in each run
    return opened_study(store)


@dataclass
class Crew:
    """Who rates. ``link`` by language; a rater is known to the platform by her name."""

    open: Any
    link: Mapping[str, str]
    raters: dict[str, Rater]

    def joins(self, name: str, language: str, **window: Any) -> Rater:
        """Opens the link, up to the form that asks how well she knows the language."""
        page = self.open(self.link[language].format(name), **window)
        expect(page.locator("#skill")).to_be_visible()
        rater = self.raters[name] = Rater(name, language, page, opinions(name, language), SPOILED)
        return rater

    def admitted(self, name: str, language: str, **window: Any) -> Rater:
        """In, agreed, practised and tested."""
        rater = self.joins(name, language, **window)
        rater.enters()
        assert rater.prepares(PASSING)
        return rater


@pytest.fixture
def crew(chromium: Browser, store: RatingStore, study: Study) -> Iterator[Crew]:
    with raters_page(store) as url, browsers(chromium, url) as open_page:
        link = {
            tag: f"{url}?study=whole&PROLIFIC_PID={{}}#invite={store.new_invitation(study.id, tag)[1]}"
            for tag in SENTENCES
        }
        yield Crew(open_page, link, {})


def by_keyboard_alone(crew: Crew) -> None:
    rater = crew.joins("keyboard", "en")
    page = rater.page
    tab_to(page, "#skill")
    page.keyboard.press("ArrowDown")
    for selector in ("#begin", "#agree"):
        tab_to(page, selector)
        page.keyboard.press("Enter")
        expect(page.locator("#consent h2" if selector == "#begin" else "#check")).to_be_visible()
    for keys in (("4", "8", "0", "Enter"), ("3",)):  # practice
        for key in (*keys, "Enter"):
            page.keyboard.press(key)
        expect(page.locator(".verdict").first).to_be_visible()
        page.keyboard.press("Enter")
    expect(page.locator("#test")).to_be_visible()
    tab_to(page, "#check")
    page.keyboard.press("Enter")
    for number, key in enumerate("15", start=1):
        expect(page.locator("h2")).to_have_text(f"Test: {number} of 2")
        page.keyboard.press(key)
        page.keyboard.press("Enter")
    expect(page.locator("#result")).to_be_visible()
    tab_to(page, "#check")
    page.keyboard.press("Enter")
    expect(page.locator("#item")).to_be_focused()
    for _ in range(4):
        one = rater.item()
        press_keys(page, one.values)
        rater.saved(one)


def by_finger_on_a_phone(crew: Crew) -> None:
    rater = crew.admitted("phone", "en", width=390, has_touch=True, is_mobile=True)
    for _ in range(2):
        one = rater.item()
        press_points(rater.page, one.values, Locator.tap)
        rater.page.locator("#save").tap()
        rater.saved(one)


def by_mouse_from_right_to_left(crew: Crew) -> None:
    rater = crew.admitted("mouse", "ar")
    expect(rater.page.locator("html")).to_have_attribute("dir", "rtl")
    for _ in range(2):
        one = rater.item()
        press_points(rater.page, one.values, Locator.click)
        rater.page.locator("#comment").fill(REMARK)
        rater.page.locator("#save").click()
        rater.saved(replace(one, comment=REMARK))


def offline_in_the_middle_of_a_save(crew: Crew) -> None:
    rater = crew.admitted("offline", "ar", width=390, has_touch=True)
    page, context = rater.page, rater.page.context
    sent: list[str] = []

    def cut(route: Route) -> None:
        """The server has her answers; the line breaks before she hears of it."""
        sent.append(str(route.request.post_data_json))
        if len(sent) == 1:
            route.fetch()
            context.set_offline(True)
            route.abort()
        else:
            route.continue_()

    context.route("**/rate/submit", cut)
    one = rater.item()
    press_points(page, one.values, Locator.tap)
    page.locator("#save").tap()
    expect(page.locator("#state.lost")).to_be_visible()
    context.set_offline(False)
    rater.saved(one)
    assert sent == [sent[0]] * 2  # the same answers under the same id
    context.unroute("**/rate/submit")
    two = rater.item()  # now the server has nothing, and she closes the page
    press_points(page, two.values, Locator.tap)
    context.set_offline(True)
    page.locator("#save").tap()
    expect(page.locator("#state.lost")).to_be_visible()
    address = page.url
    page.close()
    context.set_offline(False)
    page = context.new_page()
    page.goto(address)
    rater.shows(page)
    rater.saved(two)


def in_two_tabs(crew: Crew) -> None:
    rater = crew.admitted("two-tabs", "en")
    first, click = rater.page, Locator.click
    second = first.context.new_page()
    second.goto(crew.link["en"].format(rater.name))
    second.locator("#same").click()
    expect(second.locator("#item")).to_be_visible()
    one = rater.item()
    older = {letter: {**answers, "fluency": another(answers)} for letter, answers in one.values.items()}
    press_points(second, older, click)
    press_points(first, one.values, click)
    first.locator("#save").click()
    rater.saved(one)
    second.locator("#save").click()
    second.locator("#show-saved").click()  # what the other tab saved stays, and is shown
    expect(second.locator("#row-A-fluency input:checked")).to_have_value(str(one.values["A"]["fluency"]))
    two = rater.item()
    press_points(first, two.values, click)
    first.locator("#save").click()
    rater.saved(two)
    first.locator("#back").click()
    expect(first.locator("#item")).to_have_text(f"Item {two.position}")
    second.locator("#forward").click()
    expect(second.locator("#item")).to_have_text(f"Item {two.position + 1}")
    second.locator("#back").click()
    expect(second.locator("#item")).to_have_text(f"Item {two.position}")
    three = changed(first, two, "A")
    first.locator("#save").click()
    rater.saved(three)
    four = changed(second, two, "B")
    second.locator("#save").click()
    expect(second.locator("#note")).to_contain_text("You answered this item later, in another tab")
    second.locator("#save-mine").click()  # she says which of the two counts
    expect(second.locator("#state.saved")).to_be_visible()
    rater.pressed.append(four)
    second.close()


def another(answers: Answers) -> int:
    """A point of fluency that is not the one given."""
    return 1 + int(answers["fluency"]) % 5


def changed(page: Page, one: Pressed, letter: str) -> Pressed:
    """Another point for one answer, pressed."""
    point = another(one.values[letter])
    page.locator(f"#row-{letter}-fluency .point").nth(point - 1).click()
    return replace(one, values={**one.values, letter: {**one.values[letter], "fluency": point}})


def who_take_no_part(crew: Crew) -> None:
    fails = crew.joins("fails-the-test", "ar")
    fails.enters()
    assert not fails.prepares(FAILING)
    expect(fails.page.locator("#code b")).to_have_text("OUT-2")
    declines = crew.joins("declines", "ar")
    declines.enters()
    declines.page.locator("#decline").click()
    expect(declines.page.locator("#declined")).to_be_visible()


def rated(crew: Crew, clock: Clock) -> None:
    """All of the study: the first day everybody some items, one of them the last she ever sees; the second day the rest."""
    by_keyboard_alone(crew)
    by_finger_on_a_phone(crew)
    by_mouse_from_right_to_left(crew)
    offline_in_the_middle_of_a_save(crew)
    in_two_tabs(crew)
    who_take_no_part(crew)
    names = {"leaves": "en", "skips": "en", "hurries": "ar", "writes": "ar", "takes-time": "ar"}
    at_once = [crew.admitted(name, language) for name, language in names.items()]
    plans = {
        "skips": {1: {"skip": "lacks_knowledge"}, 3: {"skip": "other", "comment": REMARK}},
        "writes": {0: {"comment": "ممتاز"}, 2: {"comment": "fine"}},
    }
    for rater in at_once:
        rater.begins(5, plans.get(rater.name))
    for rater in at_once:
        rater.ends()
    crew.raters["leaves"].page.close()  # with an item that she was given and never answers
    clock.forward(24 * 60)
    back = [rater for rater in crew.raters.values() if rater.name not in ("leaves", "fails-the-test", "declines")]
    for rater in back:
        rater.comes_back()
    for rater in back:
        rater.begins()
    for rater in back:
        rater.ends()
        expect(rater.page.locator("#code b")).to_have_text("DONE-1")


def tables_of(archive: Path, folder: Path) -> Iterator[tuple[str, str, list[Any]]]:
    """Name, format and records of every table of an archive."""
    with zipfile.ZipFile(archive) as bundle:
        bundle.extractall(folder)
    for name, kind in TABLES.items():
        for suffix in ("csv", "jsonl", "parquet"):
            yield name, suffix, read_back(folder / f"{name}.{suffix}", kind)


def test_what_twelve_raters_pressed_is_what_is_stored_exported_and_reported(
    crew: Crew, store: RatingStore, study: Study, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rated(crew, clock)
    raters = crew.raters.values()
    data = store.data(study.id, checks=True)
    assert len(raters) == len(data.raters) == 12
    assert who_took_no_part(data) == {"fails-the-test": "did not pass", "declines": "did not agree"}

    pressed, stored = items_pressed(raters, data), items_stored(data)
    assert stored.pop(("leaves", 6)).state == "pending"  # what she was given last and never answered
    assert stored == pressed
    values = values_pressed(raters, data)
    assert dict(values_stored(data)) == values
    assert len(data.ratings) == len(values)  # none twice
    assert len(data.history) == changes_pressed(raters) > len(values)  # changes are kept
    everything = ITEMS * RATERS_PER_ITEM
    progress = {one.language: (one.done, one.slots, one.held, one.skips) for one in store.language_progress(study.id)}
    skipped = sum(one.state == "skipped" and one.shown is not None for one in pressed.values())
    assert progress == {"en": (everything, everything, 0, skipped), "ar": (everything, everything, 0, 0)}

    authority = Authority(SECRET)
    session = authority.unlock(SECRET)
    results = ResultsService(store, "explore", tmp_path / "downloads", authority)
    analysis = results.report(session, study.slug, catalogue(ENGLISH)).everyone
    rows = frame(values)
    by_pandas = cells_by_pandas(rows, everything)
    assert cells_of(analysis) == {key: pytest.approx(cell) for key, cell in by_pandas.items()}
    assert alphas_of(analysis) == pytest.approx(alphas_by_krippendorff(rows))

    monkeypatch.setattr("annotation.export.archive.report_files", lambda *_, **__: {})  # mixed models take seconds
    for name, suffix, records in tables_of(results.download(session, study.slug), tmp_path / "unpacked"):
        assert records == list(getattr(data, name)), (name, suffix)
