"""A newcomer in headless Chromium: Explore, Rate, Results; right-to-left and Chinese; a phone; the keyboard."""

import re
import zipfile

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def ask(page: Page, text: str, language: str) -> None:
    """Type a query, choose its language and wait for the finished answer."""
    page.locator("#query textarea").fill(text)
    page.locator("#query-language input").click()
    page.get_by_role("option", name=language, exact=True).click()
    page.locator("#ask").click()
    expect(page.locator("#explore-results .asked")).to_contain_text(text[:20])
    expect(page.locator("#explore-results tr.waiting")).to_have_count(0)
    expect(page.locator("#explore-status .progress")).to_have_count(0)


def test_the_page_opens_on_an_answered_example(reader) -> None:
    page = reader.page
    expect(page.locator("#explore-results .panel")).to_have_count(2)
    expect(page.locator("#explore-results .card")).to_have_count(8)
    languages = (
        page.locator("#explore-results .panel").first.locator(".card .text").evaluate_all("all => all.map(e => e.lang)")
    )
    assert "sw" not in languages
    expect(page.locator("#explore-results .panel").first.locator("table.answers tbody tr")).to_have_count(6)


def test_a_typed_arabic_query_is_shown_right_to_left(asker) -> None:
    page = asker.page
    ask(page, "أعلنت الوزارة عن انتخابات جديدة في الربيع المقبل.", "العربية")
    asked = page.locator("#explore-results .asked [lang=ar]")
    expect(asked).to_have_attribute("dir", "rtl")
    box, inside = (
        page.locator("#explore-results table.answers [lang=ar].answer").first,
        "el => getComputedStyle(el).direction",
    )
    assert box.evaluate(inside) == "rtl"
    assert page.locator("#explore-results .card .text[lang=ar]").count() == 0


def test_a_typed_chinese_query_gets_demonstrations_from_other_languages(asker) -> None:
    page = asker.page
    ask(page, "科学家用新望远镜发现了一颗遥远的行星。", "中文")
    expect(page.locator("#explore-results .asked [lang=zh]")).to_be_visible()
    assert page.locator("#explore-results .card .text[lang=zh]").count() == 0
    page.get_by_role("tab", name="Exact prompt").click()
    expect(page.locator("#exact-prompt pre")).to_contain_text("科学家用新望远镜发现了一颗遥远的行星。")


def test_why_shows_probabilities_and_coherence_as_tables(reader) -> None:
    page = reader.page
    expect(page.locator("#why-labels tbody tr")).to_have_count(7)
    page.get_by_role("tab", name="Coherence").click()
    expect(page.locator("#why-coherence tbody tr")).to_have_count(7)  # the query and six answers


def test_from_explore_to_rate_to_results(visitor, server, tmp_path) -> None:
    page = visitor.page
    page.locator("#send").click()
    expect(page.locator("#explore-sent .message")).to_contain_text("ready in Rate")
    link = page.locator("#explore-sent a").get_attribute("href")
    page.get_by_role("tab", name="Rate").click()
    expect(page.locator("#rate-open a")).to_have_attribute("href", link)
    with page.expect_popup() as opened:
        page.locator("#rate-open a").click()
    rating = opened.value
    rating.locator("#rated").select_option(index=1)
    rating.locator("#skill").select_option("good")
    rating.locator("#begin").click()
    expect(rating.locator("#fields .row")).to_have_count(6)
    assert "agl" not in rating.locator("#main").inner_text().lower()
    for key in "345435":
        rating.keyboard.press(key)
    rating.keyboard.press("Enter")
    expect(rating.locator("#state.saved")).to_contain_text("Saved at")

    page.get_by_role("tab", name="Results").click()
    expect(page.locator("#results-table #summary")).to_be_visible()
    expect(page.locator("#summary tbody tr")).to_have_count(6)
    page.locator("#prepare").click()
    expect(page.locator("#download")).to_be_enabled()
    with page.expect_download() as download:
        page.locator("#download").click()
    target = tmp_path / "ratings.zip"
    download.value.save_as(target)
    with zipfile.ZipFile(target) as bundle:
        assert bundle.read("ratings.jsonl").count(b"\n") == 6


def test_the_rating_page_of_raters_stands_beside_the_app(window, server) -> None:
    page = window.new_page()
    answer = page.request.post(f"{server.url}/rate/next", data={})
    assert (answer.status, answer.json()["error"]) == (401, "link")
    page.goto(f"{server.url}/rate")
    expect(page.locator("#main .message")).to_contain_text("open the link that you were sent")
    assert page.get_by_role("tab").count() == 0
    page.close()


def test_a_demonstration_can_be_pinned_and_others_dropped_by_hand(visitor) -> None:
    page = visitor.page
    first = page.locator("#explore-results .panel").first
    text = first.locator(".card .text").nth(1).inner_text()
    first.locator('button[data-act="pin"]').nth(1).click()
    expect(first.locator(".card.pinned .text")).to_have_text(text)
    first.locator('button[data-act="drop"]').first.click()
    expect(first.locator(".card")).to_have_count(3)
    expect(page.locator("#explore-status .progress")).to_have_count(0)
    page.locator("#ask").click()
    expect(first.locator(".card")).to_have_count(4)
    expect(first.locator(".card .text").first).to_have_text(text)


def test_a_link_reproduces_the_question(asker) -> None:
    page = asker.page
    ask(page, "The goalkeeper saved a penalty & more.", "English")
    page.locator("#copy-link").click()
    expect(page.locator("#the-link")).to_have_value(re.compile("q=The"))
    page.goto(page.locator("#the-link").input_value())
    expect(page.locator("#explore-results .asked")).to_contain_text("saved a penalty & more.")
    expect(page.locator("#query textarea")).to_have_value("The goalkeeper saved a penalty & more.")


def test_opening_order_and_labels_measures_them(reader) -> None:
    page = reader.page
    page.get_by_role("tab", name="Order and labels").click()
    expect(page.locator("#why-order svg.orders circle")).to_have_count(24)
    expect(page.locator("#why-order table.changes tbody tr")).to_have_count(6)


def test_one_click_changes_the_language_of_the_interface(visitor) -> None:
    page = visitor.page
    page.locator("#agl-language input").click()
    page.get_by_role("option", name="العربية").first.click()
    expect(page.locator("#ask")).not_to_have_text("Ask")
    expect(page.locator("#explore-results .agl")).to_have_attribute("dir", "rtl")
    expect(page.locator("#explore-results .card")).to_have_count(8)
    asking = page.locator("#ask").inner_text()
    page.reload()  # the choice outlives it
    expect(page.locator("#ask")).to_have_text(asking)
    expect(page.locator("#agl-language input")).to_have_value("العربية")
    expect(page.locator("#model-facts")).to_contain_text("يجيب دون اتصال")


@pytest.mark.parametrize("window", [390], indirect=True)
def test_nothing_is_wider_than_a_phone(reader) -> None:
    page = reader.page
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    wide = page.evaluate(
        "[...document.querySelectorAll('#explore-results *')].filter(e => e.getBoundingClientRect().right > 391).length"
    )
    assert wide == 0
    expect(page.locator("#answer-languages")).to_be_hidden()  # choices begin folded
