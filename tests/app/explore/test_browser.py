"""Explore in headless Chromium: views of one answer, variants, what happens between a question and its answer.

Tests of `app.explore.parts`, `app.explore.sharing`, `app.explore.tab`, `app.explore.tokens_html`,
`app.explore.verdict`.
"""

import json
import re

import pytest
from chromium import ANSWERED
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def ask(page: Page, text: str, language: str = "English") -> None:
    """Type a query, choose its language and wait for the finished answer."""
    page.locator("#query textarea").fill(text)
    page.locator("#query-language input").click()
    page.get_by_role("option", name=language, exact=True).click()
    page.locator("#ask").click()
    expect(page.locator("#explore-results .asked")).to_contain_text(text[:20])
    finished(page)


def finished(page: Page) -> str:
    """Wait until nothing is under way; the id of the answer on show."""
    expect(page.locator("#explore-status .progress")).to_have_count(0)
    expect(page.locator("#ask")).to_be_visible()
    return page.locator("#explore-results .agl").get_attribute("data-answer") or ""


def saved(page: Page) -> dict:
    with page.expect_download() as download:
        page.locator("#download-json").click()
    return json.loads(download.value.path().read_text(encoding="utf-8"))


def test_file_link_and_what_is_sent_are_views_of_the_answer_on_show(asker) -> None:
    """The first press of Download did nothing and each later one saved the file of the question before."""
    page = asker.page
    opening = finished(page)
    assert saved(page)["id"] == opening
    ask(page, "The striker scored twice in the final.")
    answer = finished(page)
    assert answer != opening
    page.locator("#query textarea").fill("Something typed since.")  # changes no view
    content = saved(page)
    assert content["id"] == answer
    assert content["predictions"][0]["query"]["text"] == "The striker scored twice in the final."
    page.locator("#copy-link").click()
    expect(page.locator("#the-link")).to_have_attribute("data-answer", answer)
    expect(page.locator("#the-link")).to_have_value(re.compile("q=The\\+striker.*&k=4.*&seed=0"))
    page.locator("#send").click()
    expect(page.locator("#explore-sent .message")).to_have_attribute("data-answer", answer)


def test_a_variant_is_shown_before_and_after_linked_and_undone(visitor) -> None:
    page = visitor.page
    first = finished(page)
    panel = page.locator("#explore-results .panel").first
    expect(panel.locator(".card")).to_have_count(4)
    panel.locator('button[data-act="drop"]').first.click()
    expect(panel.locator(".card")).to_have_count(3)
    second = finished(page)
    assert second != first
    rows = page.locator("#explore-variants tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("without 1")
    page.locator("#copy-link").click()
    expect(page.locator("#the-link")).to_have_value(re.compile("read="))
    page.goto(page.locator("#the-link").input_value())
    expect(page.locator("#explore-results .panel").first.locator(".card")).to_have_count(3)
    assert finished(page) == second  # the same question has the same id wherever it is asked


def test_an_edited_label_is_asked_and_undone(asker) -> None:
    page = asker.page
    ask(page, "The parliament voted twice.")
    first = finished(page)
    card = page.locator("#explore-results .panel").first.locator(".card").first
    card.locator(".editor summary").click()
    card.locator('textarea[data-part="text"]').fill("A sentence of my own about elections.")
    card.locator('button[data-act="edit"]').click()
    expect(card.locator(".text").first).to_have_text("A sentence of my own about elections.")
    assert finished(page) != first
    page.get_by_role("tab", name="Exact prompt").click()
    expect(page.locator("#exact-prompt pre").first).to_contain_text("A sentence of my own about elections.")
    page.locator('#explore-variants button[data-act="undo"]').click()
    expect(page.locator("#explore-results .agl")).to_have_attribute("data-answer", first)


def test_what_was_sent_to_rate_can_be_taken_back(asker) -> None:
    page = asker.page
    ask(page, "The senate passed a law that nobody had read.")
    expect(page.locator("#take-back")).to_be_hidden()
    page.locator("#send").click()
    expect(page.locator("#explore-sent .message")).to_contain_text("new outputs are ready")
    page.locator("#take-back").click()
    expect(page.locator("#explore-sent .message")).to_contain_text("were taken back from Rate")
    expect(page.locator("#take-back")).to_be_hidden()


@pytest.mark.parametrize("window", [1440, 390], indirect=True)
def test_one_long_word_pushes_nothing_out_of_its_panel(reader) -> None:
    """Measures were pushed off the card by one long word."""
    page = reader.page
    finished(page)
    beyond = page.evaluate(
        """() => {
          const texts = [...document.querySelectorAll('#explore-results [lang][dir]:not(.lang)')];
          const inside = texts.map((e) => [...e.childNodes]);
          texts.forEach((e) => { e.textContent = 'x'.repeat(400); });
          const beyond = [...document.querySelectorAll('#explore-results .panel')].flatMap((panel) =>
            [...panel.querySelectorAll('*')].filter((e) => e.checkVisibility()
              && e.getBoundingClientRect().right > panel.getBoundingClientRect().right + 1).map((e) => e.outerHTML.slice(0, 80)));
          const wide = document.documentElement.scrollWidth > innerWidth;
          texts.forEach((e, number) => e.replaceChildren(...inside[number]));
          return {texts: texts.length, beyond, wide};
        }"""
    )
    assert beyond.pop("texts") > 10
    assert beyond == {"beyond": [], "wide": False}


def test_tokens_show_what_raises_the_answer_over_its_runner_up(reader) -> None:
    page = reader.page
    finished(page)
    page.get_by_role("tab", name="Tokens", exact=True).click()
    expect(page.locator("#why-tokens table").first.locator("tbody tr")).to_have_count(4)
    expect(page.locator("#why-tokens pre .for").first).to_be_visible()
    prompt = page.locator("#why-tokens pre").inner_text()
    page.get_by_role("tab", name="Exact prompt").click()
    assert page.locator("#exact-prompt pre").first.inner_text().startswith(prompt[:200])


def test_the_button_that_takes_a_language_out_names_it(reader) -> None:
    """It was called "Remove 11"."""
    page = reader.page
    token = page.locator("#answer-languages .token").nth(1)
    token.locator(".token-remove").focus()
    expect(token.locator(".token-remove")).to_have_attribute("aria-label", "Remove English")


def test_a_refusal_greys_what_belongs_to_the_question_before(asker) -> None:
    page = asker.page
    page.locator("#query textarea").fill("   ")
    page.locator("#ask").click()
    expect(page.locator("#explore-status .error")).to_contain_text("empty")
    expect(page.locator("#explore-answer")).to_have_class(re.compile("stale"))
    expect(page.locator("#copy-link")).to_be_disabled()
    expect(page.locator("#ask")).to_be_visible()
    expect(page.locator("#stop")).to_be_hidden()
    ask(page, "The minister resigned on Friday.")
    expect(page.locator("#explore-answer")).not_to_have_class(re.compile("stale"))
    expect(page.locator("#explore-status .error")).to_have_count(0)


def test_cards_say_the_word_that_the_prompt_has(reader) -> None:
    page = reader.page
    words = page.locator("#explore-results .panel").first.locator(".card .label").all_inner_texts()
    page.get_by_role("tab", name="Exact prompt").click()
    prompt = page.locator("#exact-prompt pre").first.inner_text()
    assert words
    for word in words:
        assert word.removeprefix("→").strip() in prompt


def test_plotly_comes_when_a_figure_opens_and_the_page_is_light(window, server) -> None:
    page = window.new_page()
    scripts: list[str] = []
    page.on("response", lambda answer: scripts.append(answer.url))
    page.goto(server.url)
    page.wait_for_selector(ANSWERED)
    sizes = page.evaluate("performance.getEntriesByType('resource').map(e => e.encodedBodySize)")
    assert sum(sizes) <= 1_000_000
    assert not [url for url in scripts if "plotly" in url.lower()]
    page.get_by_role("tab", name="Map of the pool").click()
    expect(page.locator("#why-map .js-plotly-plot .scatterlayer .points").first).to_be_visible()
    assert [url for url in scripts if "plotly" in url.lower()]
    page.close()


def test_a_definition_opens_by_keyboard_and_closes_by_escape(reader) -> None:
    page = reader.page
    page.locator("#explore-results .help").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#agl-definition")).to_be_visible()
    expect(page.locator("#agl-definition")).to_contain_text("best first")
    page.keyboard.press("Escape")
    expect(page.locator("#agl-definition")).to_be_hidden()


@pytest.mark.parametrize("window", [390], indirect=True)
def test_on_a_phone_the_answer_stands_above_the_controls_and_every_tab_can_be_reached(reader) -> None:
    page = reader.page
    top = "selector => document.querySelector(selector).getBoundingClientRect().top"
    assert page.evaluate(top, "#explore-results") < page.evaluate(top, "#explore-controls")
    assert page.evaluate(top, "#explore-results .verdict") < 900
    for name in ("Explore", "Train", "Rate", "Results", "Study"):
        expect(page.get_by_role("tab", name=name, exact=True).first).to_be_visible()


def test_a_translation_has_its_self_test_by_one_press(asker) -> None:
    page = asker.page
    page.locator("#examples").get_by_text("Nuestro hotel").click()
    expect(page.locator("#explore-results .asked")).to_contain_text("Nuestro hotel")
    finished(page)
    panel = page.locator("#explore-results .panel").first
    panel.locator('[data-act="self_test"]').click()
    lines = panel.locator(".self-test details")
    expect(lines).to_have_count(3)  # the directions of the example
    finished(page)
    expect(lines.first).to_contain_text(re.compile("in a self-test of 5 sentences chrF [0-9]+, [0-5] copied"))
    expect(panel.locator('[data-act="self_test"]')).to_have_count(0)
    lines.first.locator("summary").click()
    expect(lines.first.locator("tbody tr")).to_have_count(5)
