"""Two tabs, two people and two states of a study on one browser: nothing is overwritten, taken over or lost without a word.

Tests of ``app/rate/page`` (enter.js, rich.js, storage.js) in Chromium.
"""

import pytest
from playwright.sync_api import Locator, Page, expect
from rater_server import Served
from sqlalchemy import select
from sqlalchemy.orm import Session

from annotation.database.tables import RaterRow

pytestmark = pytest.mark.browser
PHONE = 844


def rows(page: Page) -> Locator:
    return page.locator("#fields .row")


def answer_all(page: Page, value: int) -> None:
    expect(rows(page)).to_have_count(6)
    for row in rows(page).all():
        row.locator("input").nth(value - 1).evaluate("one => one.click()")


def values(served: Served) -> set[int]:
    return {int(one.value or 0) for one in served.store.ratings(served.study.id)}


def test_a_second_tab_does_not_overwrite_newer_answers_unless_told_to(served: Served) -> None:
    link = served.link("en")
    first = served.open(link)
    expect(rows(first)).to_have_count(6)
    second = first.context.new_page()
    second.goto(link)
    answer_all(second, 2)  # an item that nobody has saved yet, as this tab knows
    answer_all(first, 4)
    first.locator("#save").click()
    expect(first.locator("#item")).to_have_text("Item 2")
    second.locator("#save").click()
    expect(second.locator("#note")).to_contain_text("You answered this item later, in another tab")
    expect(second.locator("#state")).to_have_text("Not saved yet")
    assert values(served) == {4}
    second.locator("#show-saved").click()
    expect(second.locator("#fields input:checked").first).to_have_value("4")
    expect(second.locator("#note")).to_be_empty()
    answer_all(second, 3)
    first.locator("#back").click()
    expect(first.locator("#item")).to_have_text("Item 1")
    answer_all(first, 5)
    first.locator("#save").click()
    expect(first.locator("#item")).to_have_text("Item 2")
    second.locator("#save").click()
    second.locator("#save-mine").click()  # she chose
    expect(second.locator("#state.saved")).to_be_visible()
    assert values(served) == {3}
    assert [one.value for one in served.store.history(served.study.id)].count(5) == 6


def test_drafts_of_two_tabs_do_not_erase_each_other(served: Served) -> None:
    link = served.link("en")
    first = served.open(link)
    expect(rows(first)).to_have_count(6)
    second = first.context.new_page()
    second.goto(link)
    answer_all(second, 2)
    second.locator("#save").click()
    expect(second.locator("#item")).to_have_text("Item 2")
    rows(second).first.locator("input").nth(0).evaluate("one => one.click()")  # a draft of item 2
    rows(first).first.locator("input").nth(0).evaluate("one => one.click()")  # one of item 1, in the other tab
    second.reload()
    expect(second.locator("#item")).to_have_text("Item 2")
    expect(second.locator("#fields input:checked")).to_have_count(1)


def test_another_person_on_the_same_browser_is_asked_and_becomes_another_rater(served: Served) -> None:
    _, token = served.store.new_invitation(served.study.id, "en", max_uses=2)
    link = f"{served.url}?study=topics#invite={token}"
    page = served.open(link, width=390, locale="en-GB")
    page.locator("#skill").select_option("native")
    page.locator("#begin").click()
    answer_all(page, 4)
    page.locator("#save").click()
    expect(page.locator("#item")).to_have_text("Item 2")
    page.reload()  # of an open page: nobody is asked
    expect(page.locator("#item")).to_have_text("Item 2")
    page.goto("about:blank")
    page.goto(link)
    expect(page.locator("#who")).to_contain_text("1 of 3 items rated. Is that you?")
    page.locator("#same").click()
    expect(page.locator("#item")).to_have_text("Item 2")
    page.goto("about:blank")
    page.goto(link)
    page.locator("#other").click()
    page.locator("#skill").select_option("good")
    page.locator("#begin").click()
    expect(page.locator("#item")).to_have_text("Item 1")
    assert page.locator("#fields input:checked").count() == 0
    assert [one.proficiency for one in served.store.raters(served.study.id)] == ["native", "good"]
    page.locator("#more summary").click()
    page.locator("#not-me").click()
    expect(page.locator("#rated")).to_be_visible()  # the study is open to all; elsewhere a link is asked for


def other_names(served: Served) -> None:
    """As on a machine whose list of hers has other items than the page: no name of the page is one of its own, or all are again."""

    def turn(session: Session) -> None:
        for row in session.scalars(select(RaterRow)):
            row.seed = -row.seed

    served.store._write(turn)


def test_answers_to_an_item_that_another_machine_has_not_given_her_go_to_no_other_and_come_back_with_it(
    served: Served,
) -> None:
    page = served.open(served.link("en"))
    answer_all(page, 2)
    page.route("**/rate/submit", lambda route: route.abort())
    page.locator("#save").click()
    expect(page.locator("#state")).to_contain_text("Connection lost")
    other_names(served)
    page.unroute("**/rate/submit")
    page.reload()  # what was under way belongs to no item of hers: she goes on, and it goes nowhere
    expect(page.locator("#item")).to_have_text("Item 1")
    expect(rows(page)).to_have_count(6)
    assert page.locator("#fields input:checked").count() == 0
    rows(page).first.locator("input").nth(0).evaluate("one => one.click()")
    other_names(served)
    for row in rows(page).all():
        row.locator("input").nth(3).evaluate("one => one.click()")
    page.locator("#save").click()
    expect(page.locator("#note")).to_contain_text("The study has moved to another machine")
    expect(page.locator("#fields input:checked")).to_have_count(6)  # of the first machine's item 1, which is here again
    expect(page.locator("#fields input:checked").first).to_have_value("2")
    assert values(served) == set()
    page.locator("#save").click()
    expect(page.locator("#item")).to_have_text("Item 2")
    assert values(served) == {2}


def inside(page: Page, selector: str) -> bool:
    box = page.locator(selector).first.bounding_box()
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= PHONE


def test_on_a_phone_a_refused_save_says_so_where_the_eye_is(served: Served) -> None:
    page = served.open(served.link("en"), width=390, locale="en-GB")
    page.set_viewport_size({"width": 390, "height": PHONE})
    expect(rows(page)).to_have_count(6)
    for row in rows(page).all()[:-1]:
        row.locator("input").nth(2).evaluate("one => one.click()")
    page.evaluate("scrollTo(0, 0)")
    page.locator("#save").click()
    last = page.locator(".row.open")
    expect(last).to_have_count(1)
    expect(last).to_have_attribute("id", "row-B-correctness")
    expect(last.locator(".lacking")).to_have_text("No point chosen yet")
    expect(page.locator("#note")).to_contain_text("Still missing: B · Correctness")
    page.wait_for_function("document.querySelector('.row.open').getBoundingClientRect().bottom < innerHeight")
    assert inside(page, "#note .message") and inside(page, ".row.open .lacking")
    last.locator("input").nth(2).evaluate("one => one.click()")
    expect(page.locator(".row.open")).to_have_count(0)
    served.store.set_study_state(served.study.id, "closed")
    page.locator("#save").click()
    expect(page.locator("#state.shut")).to_have_text("The study takes no ratings now; what you see is not saved")
    expect(page.locator("#note")).to_contain_text("This study takes no ratings at the moment")
    assert inside(page, "#note .message") and inside(page, "#state")
    served.store.set_study_state(served.study.id, "open")
    page.locator("#save").click()  # what she had answered is still there
    expect(page.locator("#state.saved")).to_be_visible()
    assert values(served) == {3}


GUIDE = """## How to rate
Read **all** answers first.

1. Fluency is about *form* alone.
   > "He go home" has a slip.
2. Correctness:
   - names count
   - <img src=x onerror="window.hurt = 1"> is text

3. Use `5` sparingly."""


def test_guidelines_have_numbers_lists_and_examples_and_no_markup_of_their_own(served: Served) -> None:
    page = served.open(served.link("en"), locale="en-GB")
    expect(rows(page)).to_have_count(6)
    page.evaluate(
        """async (text) => {
          const { rich } = await import('/rate/rich.js');
          document.getElementById('main').replaceChildren(...rich({ text, lang: 'en', dir: 'ltr' }));
        }""",
        GUIDE,
    )
    expect(page.locator(".rich > ol > li")).to_have_count(3)
    expect(page.locator(".rich > ol > li").nth(0).locator("blockquote")).to_have_text('"He go home" has a slip.')
    expect(page.locator(".rich > ol > li").nth(1).locator("ul > li")).to_have_text(
        ["names count", '<img src=x onerror="window.hurt = 1"> is text']
    )
    expect(page.locator(".rich strong")).to_have_text("all")
    expect(page.locator(".rich h4, .rich em, .rich code")).to_have_text(["How to rate", "form", "5"])
    assert page.locator(".rich img").count() == 0
    assert page.evaluate("window.hurt") is None
    page.evaluate(
        """async () => {
          const { rich } = await import('/rate/rich.js');
          document.getElementById('main').replaceChildren(...rich({ text: '٣. ثالثا\\n٤. رابعا', lang: 'ar', dir: 'rtl' }));
        }"""
    )
    expect(page.locator(".rich > ol")).to_have_attribute("start", "3")
    assert page.locator(".rich > ol").evaluate("one => getComputedStyle(one).listStyleType") == "arabic-indic"
