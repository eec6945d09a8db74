"""The rating page in headless Chromium: a whole item by keyboard, a broken line, a phone, right to left, fonts.

The page's routes are served alone, without Gradio and models, so that this takes seconds.
"""

import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from rater_examples import TEXTS
from rater_server import Served

from app.rate.routes import FILES

pytestmark = pytest.mark.browser


def rows(page: Page) -> Locator:
    return page.locator("#fields .row")


def answer_all(page: Page, value: int = 4) -> None:
    expect(rows(page)).to_have_count(6)
    for _ in range(6):
        page.keyboard.press(str(value))


def test_a_whole_item_by_keyboard_alone(served: Served) -> None:
    page = served.open(served.link("en"))
    expect(page.locator("#item")).to_be_focused()
    assert page.locator("#fields input:checked").count() == 0  # nothing is preselected
    page.keyboard.press("Enter")
    expect(page.locator("#note")).to_contain_text("Still missing: A · Fluency, A · Relevance")
    for number, key in enumerate("345345"):
        marked = page.locator(".row.marked")
        expect(marked).to_have_attribute("id", re.compile("row-A" if number < 3 else "row-B"))
        page.keyboard.press(key)
        expect(page.locator("#fields input:checked")).to_have_count(number + 1)
    expect(page.locator("#state")).to_have_text("Not saved yet")
    expect(page.locator("#save")).to_be_focused()
    page.keyboard.press("Shift+Tab")  # from the buttons back through Skip and Comment: all can be reached
    for _ in range(12):
        if page.evaluate("document.activeElement.id") == "comment":
            break
        page.keyboard.press("Shift+Tab")
    page.keyboard.type("1 good, 2 fair")  # digits in a text are text
    row = rows(page).nth(5).locator("input")
    row.nth(4).focus()
    page.keyboard.press("ArrowLeft")
    expect(row.nth(3)).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.locator("#state.saved")).to_contain_text("Saved at")
    expect(page.locator("#item")).to_have_text("Item 2")
    assert sorted(record.value for record in served.store.ratings(served.study.id)) == [3, 3, 4, 4, 4, 5]
    assert served.store.assignments(served.study.id)[0].comment == "1 good, 2 fair"
    assert 0 < served.store.assignments(served.study.id)[0].seconds < 60


def test_offline_it_says_so_keeps_the_answers_and_saves_once(served: Served) -> None:
    page = served.open(served.link("en"))
    answer_all(page)
    page.context.set_offline(True)
    page.locator("#save").click()
    expect(page.locator("#state.lost")).to_contain_text("Connection lost. Your answers are kept on this device")
    expect(page.locator("#live")).to_contain_text("Connection lost")
    assert "Saved" not in page.locator("header").inner_text()
    expect(page.locator("#fields")).to_have_attribute("disabled", "")  # what is under way cannot change
    assert served.store.ratings(served.study.id) == []
    page.context.set_offline(False)  # the browser's "online" event is enough, without waiting
    expect(page.locator("#state.saved")).to_contain_text("Saved at")
    assert len(served.store.ratings(served.study.id)) == len(served.store.history(served.study.id)) == 6


def test_a_receipt_that_got_lost_is_asked_for_again_under_the_same_id(served: Served) -> None:
    page = served.open(served.link("en"))
    answer_all(page)
    sent: list[str] = []

    def swallow(route: Route) -> None:
        sent.append(route.request.post_data_json["id"])
        if len(sent) == 1:
            route.fetch()  # the server saves and answers, and nobody hears it
            route.abort()
        else:
            route.continue_()

    page.route("**/rate/submit", swallow)
    page.locator("#save").click()
    expect(page.locator("#state.lost")).to_be_visible()
    assert len(served.store.ratings(served.study.id)) == 6
    page.locator("#again").click()
    expect(page.locator("#state.saved")).to_be_visible()
    assert len(sent) == 2
    assert len(set(sent)) == 1
    assert len(served.store.history(served.study.id)) == 6


def test_a_rating_whose_second_copy_could_not_be_made_is_not_told_as_any_other(served: Served) -> None:
    page = served.open(served.link("en"))
    answer_all(page)

    def without_a_copy(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "backed_up": False})

    page.route("**/rate/submit", without_a_copy)
    page.locator("#save").click()
    expect(page.locator("#state.saved")).to_contain_text("A second copy could not be made yet")


def test_answers_outlive_a_reload_and_are_sent_then(served: Served) -> None:
    page = served.open(served.link("en"))
    answer_all(page, 2)
    page.route("**/rate/submit", lambda route: route.abort())
    page.locator("#save").click()
    expect(page.locator("#state.lost")).to_be_visible()
    page.unroute("**/rate/submit")
    page.reload()  # the address no longer holds the token: the browser knows it
    assert "rater=" not in page.url
    expect(page.locator("#item")).to_have_text("Item 2")
    assert {record.value for record in served.store.ratings(served.study.id)} == {2}
    page.keyboard.press("5")
    page.reload()  # not sent at all: shown again
    expect(page.locator("#fields input:checked")).to_have_count(1)
    expect(page.locator(".message").first).to_contain_text("not saved yet")
    assert len(served.store.ratings(served.study.id)) == 6


def test_back_shows_what_was_given_and_a_change_is_kept_with_its_history(served: Served) -> None:
    page = served.open(served.link("en"))
    answer_all(page, 3)
    page.locator("#save").click()
    expect(page.locator("#item")).to_have_text("Item 2")
    page.locator("#back").click()
    expect(page.locator("#item")).to_have_text("Item 1")
    expect(page.locator("#fields input:checked")).to_have_count(6)
    rows(page).first.locator("input").nth(4).check(force=True)
    page.locator("#save").click()
    expect(page.locator("#item")).to_have_text("Item 2")
    page.locator("#back").click()
    page.get_by_text("Earlier versions").click()
    expect(page.locator("details li")).to_have_text("A · Fluency: 3 → 5")
    page.locator("#forward").click()
    expect(page.locator("#item")).to_have_text("Item 2")


def test_skipping_asks_why_and_the_end_thanks_and_lets_look_again(served: Served) -> None:
    page = served.open(served.link("en"))
    for _ in range(3):
        expect(page.locator("#item")).to_be_visible()
        number = page.locator("#item").inner_text()
        page.locator("details.fold summary", has_text="Skip").click()
        page.locator("#skip").click()
        expect(page.locator("#note")).to_contain_text("Choose a reason first.")
        page.locator("#reason").select_option("lacks_knowledge")
        page.locator("#skip").click()
        expect(page.locator("#item, #thanks")).not_to_have_text(number)
    expect(page.locator("#thanks")).to_contain_text("you rated 0 of 3 and skipped 3")
    page.get_by_role("button", name="Item 2").click()
    expect(page.locator(".message").first).to_contain_text("I would have to know the subject")


def test_an_invitation_makes_one_rater_who_comes_back_as_herself(served: Served) -> None:
    _, token = served.store.new_invitation(served.study.id, "sw", max_uses=1)
    page = served.open(f"{served.url}?study=topics#invite={token}")
    page.locator("#skill").select_option("native")
    page.locator("#begin").click()
    expect(page.locator("#item")).to_have_text("Kipengele 1")
    assert token not in page.url
    page.goto(f"{served.url}?study=topics#invite={token}")
    page.locator("#same").click()  # a link that makes raters: is it she?
    expect(page.locator("#item")).to_have_text("Kipengele 1")
    assert [rater.proficiency for rater in served.store.raters(served.study.id)] == ["native"]
    stranger = served.open(f"{served.url}?study=topics&invite={token}")
    expect(stranger.locator(".message")).to_contain_text("used up or out of date")
    nameless = served.open(served.url)
    expect(nameless.locator(".message")).to_contain_text("open the link that you were sent")


def test_links_made_before_tokens_went_into_the_fragment_still_open(served: Served) -> None:
    _, token = served.store.new_invitation(served.study.id, "sw", max_uses=1)
    page = served.open(f"{served.url}?study=topics&invite={token}")
    expect(page.locator("#begin")).to_be_visible()
    page = served.open(f"{served.url}?rater={served.store.new_rater(served.study.id, 'en')[1]}")
    expect(page.locator("#item")).to_have_text("Item 1")
    assert "rater=" not in page.url


def test_a_study_open_to_all_is_entered_in_a_language_of_ones_choice_and_gone_on_with(served: Served) -> None:
    page = served.open(f"{served.url}?study=topics", locale="en-US")
    expect(page.locator("#rated option")).to_have_count(1 + len(TEXTS))
    page.locator("#rated").select_option("am")
    page.locator("#skill").select_option("good")
    page.locator("#begin").click()
    expect(rows(page)).to_have_count(6)
    expect(page.locator(".output").first).to_have_attribute("lang", "am")
    page.reload()
    expect(rows(page)).to_have_count(6)
    assert [rater.language for rater in served.store.raters(served.study.id)] == ["am"]


FONTS = {"ar": "Arabic", "ur": "Nastaliq", "am": "Ethiopic", "sw": "", "zh": "CJK"}


def platform_fonts(page: Page, selector: str) -> set[str]:
    """Families that really drew the text of an element."""
    session = page.context.new_cdp_session(page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    node = session.send("DOM.querySelector", {"nodeId": root, "selector": selector})["nodeId"]
    return {font["familyName"] for font in session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]}


@pytest.mark.parametrize("tag", list(FONTS))
def test_a_language_has_its_direction_its_font_and_its_words(served: Served, tag: str) -> None:
    page = served.open(served.link(tag), width=390, locale="en-US")
    expect(rows(page)).to_have_count(6)
    html = page.locator("html")
    expect(html).to_have_attribute("lang", tag)
    expect(html).to_have_attribute("dir", "rtl" if tag in {"ar", "ur"} else "ltr")
    expect(page.locator(".output").first).to_have_attribute("lang", tag)
    expect(page.locator(".original")).to_have_attribute("dir", "ltr")  # the French source
    assert "Save and next" not in page.locator("body").inner_text()
    for selector in (".output", ".question"):
        assert any(FONTS[tag] in family for family in platform_fonts(page, selector))
    edges = rows(page).first.locator(".point").evaluate_all("all => all.map((one) => one.getBoundingClientRect().x)")
    assert edges == sorted(edges)  # 1 stands on the left in every language
    page.locator("#save").click()
    comma = {"ar": "\u2069، \u2068", "ur": "\u2069، \u2068", "zh": "、", "am": "፣ "}.get(tag, ", ")
    expect(page.locator("#note")).to_contain_text(re.compile(rf"A · [^,،、፣]+{comma}A · "))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_on_a_phone_the_point_under_the_finger_says_what_it_means(served: Served) -> None:
    page = served.open(served.link("en"), width=390, has_touch=True)
    line = rows(page).first.locator(".anchor")
    ends = ["1 = not readable, or not in the language asked for", "5 = reads like a careful native writer"]
    expect(line.locator("span")).to_have_text(ends)  # what both ends mean, until a point is touched
    rows(page).first.locator(".point").nth(1).hover()
    expect(line).to_have_text("2 = many mistakes; I have to guess what is meant")
    rows(page).first.locator(".point").nth(4).tap()
    expect(line).to_have_text("5 = reads like a careful native writer")
    least = "all => all.filter((one) => one.checkVisibility()).map((one) => [one.offsetWidth, one.offsetHeight]).flat()"
    targets = page.locator(".point, button, select, summary").evaluate_all(least)
    assert len(targets) > 30
    assert min(targets) >= 44


def test_a_screen_reader_hears_which_scale_and_what_a_point_means(served: Served) -> None:
    page = served.open(served.link("en"))
    group = page.get_by_role("radiogroup", name="Fluency, Answer B")
    expect(group.get_by_role("radio", name="4 good, with a small slip or an unusual phrase")).to_have_count(1)
    expect(group).to_have_attribute("aria-required", "true")
    assert page.get_by_role("radiogroup").count() == 6
    expect(page.get_by_role("status")).to_have_count(1)


def test_the_language_can_be_switched_without_losing_answers(served: Served) -> None:
    page = served.open(served.link("en"))
    expect(rows(page)).to_have_count(6)
    page.keyboard.press("4")
    page.locator("#tongue").select_option("am")
    expect(page.locator("#save")).to_have_text("አስቀምጥና ቀጥል")
    expect(page.locator("#fields input:checked")).to_have_count(1)
    expect(page.locator(".row .question").first).to_have_attribute("lang", "am")


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_contrast_is_enough_in_light_and_dark() -> None:
    css = (FILES / "page.css").read_text(encoding="utf-8")
    pairs = re.findall(r"--([\w-]+): (#[0-9a-f]{6})", css)
    light, dark = dict(pairs[: len(pairs) // 2]), dict(pairs[len(pairs) // 2 :])
    assert light.keys() == dark.keys()
    for colours in (light, dark):
        for front, back, least in (
            ("ink", "ground", 4.5), ("ink", "sheet", 4.5), ("ink", "soft", 4.5), ("quiet", "ground", 4.5), ("quiet", "sheet", 4.5),
            ("accent", "sheet", 4.5), ("on-accent", "accent", 4.5), ("warn", "sheet", 4.5), ("edge", "sheet", 3.0),
        ):  # fmt: skip
            one, other = sorted((luminance(colours[front]), luminance(colours[back])), reverse=True)
            assert (one + 0.05) / (other + 0.05) >= least, (front, back)
