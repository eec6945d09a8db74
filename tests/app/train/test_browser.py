"""Train in headless Chromium: a run is started, watched, stopped, taken to Explore; on a phone and right to left."""

import json
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def open_train(page: Page, iterations: int) -> None:
    """Open the tab and ask for so many iterations."""
    page.get_by_role("tab", name="Train", exact=True).click()
    page.locator("#train-options button.label-wrap").click()
    field = page.locator("#train-iterations input[type=number]")
    field.fill(str(iterations))
    field.press("Tab")


def test_a_run_is_watched_to_its_end_and_taken_to_explore(visitor) -> None:
    page = visitor.page
    open_train(page, 1)
    page.locator("#train-start").click()
    expect(page.locator("#train-status .progress")).to_be_visible()
    page.locator("#train-start").click()
    expect(page.locator("#train-notice .error")).to_contain_text("one runs at a time")
    expect(page.locator("#train-strip .column")).to_have_count(3)  # before training, for three queries
    expect(page.locator("#train-strip .column")).to_have_count(6)
    expect(page.locator("#train-head .verdict")).to_contain_text("On development items")
    # a bank has no diversity, so there is one line
    expect(page.locator("#train-reward .js-plotly-plot .scatterlayer .trace")).to_have_count(1)
    expect(page.locator("#train-accuracy .tile")).to_have_count(4)  # a language each
    page.locator("#train-use").click()  # which asks the question on show again, with the run
    expect(page.locator("#explore-results h2").nth(1)).to_contain_text("untrained")
    expect(page.locator("#explore-results h2").first).to_contain_text("trained in short-")
    expect(page.locator("#explore-status .progress")).to_have_count(0)
    expect(page.locator("#ask")).to_be_visible()


def test_after_a_refused_name_a_run_is_started_stopped_and_can_be_gone_on_with(visitor) -> None:
    page = visitor.page
    open_train(page, 200)
    name = page.locator("#train-name input, #train-name textarea").first
    name.fill("../up")
    page.locator("#train-start").click()
    expect(page.locator("#train-notice .error")).to_contain_text("cannot name a run")  # a message where the eye is
    name.fill("long")
    page.locator("#train-start").click()
    expect(page.locator("#train-status .progress")).to_contain_text("long: iteration")
    page.locator("#train-stop").click()
    expect(page.locator("#train-status .message")).to_contain_text("long stopped after")
    expect(page.locator("#train-go-on")).to_be_visible()
    expect(page.locator("#train-use")).to_be_disabled()


def leave_a_run(data: Path) -> None:
    """A run of two measurements, as one that was killed leaves it; the newest of all runs."""
    folder = data / "runs" / "fit" / "left"
    folder.mkdir(parents=True, exist_ok=True)
    query = {"id": "q", "language": "arb_Arab", "text": "فاز الفريق بالكأس.", "label": "sports", "right": True}
    shown = {"language": "eng_Latn", "text": "The team won. " * 9, "label": "sports", "origin": "pool", "log_prob": -1}
    systems = dict.fromkeys(("zero-shot", "knn", "agl", "random labels"), 0.5)
    lines = [
        {"iteration": number, "development": systems, "accuracy": {"arb_Arab": 0.5}, "alarms": []}
        | {"choices": [{"query": query, "shown": [shown | {"id": f"{number}/{place}"} for place in range(4)]}]}
        for number in range(6)
    ]
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "settings.json").write_text('{"config": {}, "pool_languages": []}')


@pytest.mark.parametrize("window", [390], indirect=True)
def test_the_strip_is_no_wider_than_a_phone_and_texts_keep_their_direction(visitor, server) -> None:
    leave_a_run(server.data)
    page = visitor.page
    page.get_by_role("tab", name="Train", exact=True).click()
    expect(page.locator("#train-strip .column")).to_have_count(6)
    expect(page.locator("#train-strip .chip.new")).to_have_count(20)  # four at each of the five later measurements
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#agl-language input").click()
    page.get_by_role("option", name="العربية").first.click()
    expect(page.locator("#train-strip .agl")).to_have_attribute("dir", "rtl")
    direction = "el => getComputedStyle(el).direction"
    assert page.locator("#train-strip .chip .text[lang=en]").first.evaluate(direction) == "ltr"
    assert page.locator("#train-strip .asked [lang=ar]").first.evaluate(direction) == "rtl"
    expect(page.locator("#train-development .xtitle")).to_have_text("الدورة")  # drawn anew in a right-to-left page
    inside = """texts => texts.length > 1 && texts.every(text =>
      text.getBoundingClientRect().left >= text.closest('.js-plotly-plot').getBoundingClientRect().left)"""
    assert page.locator("#train-development .ytick text").evaluate_all(inside)  # "0.8" was cut to "8"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_no_handler_of_the_page_is_a_public_endpoint(server) -> None:
    """Runs are started by the page alone; scripts are offered what ``app.explore.api_routes`` declares and nothing else."""
    with urllib.request.urlopen(f"{server.url}/gradio_api/info", timeout=20) as answer:
        assert set(json.load(answer)["named_endpoints"]) == {"/ask", "/languages", "/strategies"}
