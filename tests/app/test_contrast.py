"""Contrast of every visible word, computed in the browser: at least 4.5 to 1 on every tab, light and dark (WCAG 2.2, 1.4.3); axe-core.

Tests of `app.page`'s theme and of app/style.css.
"""

from importlib.util import find_spec
from pathlib import Path

import pytest
from chromium import ANSWERED, PATIENCE_MS
from playwright.sync_api import Page, expect
from simulated_raters import People

from annotation.records import NewOutput
from annotation.store import RatingStore
from app.services import EXPLORE_STUDY
from app.texts import catalogue

pytestmark = pytest.mark.browser

LEAST = 4.5
SYSTEMS = ("agl|k=4", "knn|k=4")
TABS = ("Explore", "Train", "Rate", "Results", "Experiments", "Study")
NAMES = {tab: f"app.{tab.lower()}" for tab in TABS} | {"Experiments": "reports.experiments"}
# For every visible text: its colour, laid over every ground behind it. What is disabled is exempt, as in WCAG.
MEASURE = """least => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  canvas.canvas.width = canvas.canvas.height = 1;
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3]));
  const linear = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  const light = (c) => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
  const ground = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      const style = getComputedStyle(e);
      if (style.backgroundImage !== 'none') return null;
      layers.push(rgba(style.backgroundColor));
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const faint = {};
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let count = 0;
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    if (element.closest('script, style, :disabled, [aria-disabled=true], svg')) continue;
    const box = element.getBoundingClientRect();
    if (!box.width || !box.height) continue;
    const behind = ground(element);
    if (!behind) continue;
    const colour = rgba(getComputedStyle(element).color);
    for (let e = element; e; e = e.parentElement) colour[3] *= Number(getComputedStyle(e).opacity);
    const [one, other] = [light(over(colour, behind)), light(behind)];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    count += 1;
    const name = `${element.tagName.toLowerCase()}.${element.className}`.slice(0, 80);
    if (contrast < least) faint[name] = `${contrast.toFixed(2)} ${text.slice(0, 40)}`;
  }
  return {count, faint};
}"""


def opened(page: Page, title: str, tab: str = "") -> None:
    """Open the tab of this title, and wait for what it shows first."""
    page.get_by_role("tab", name=title, exact=True).first.click()
    first = {
        "Experiments": "#report .report",
        "Explore": "#explore-results .card",
        "Train": "#train-head .agl, #train-head .message",
        "Rate": "#rate-open .message",
        "Results": "#refresh",
        "Study": "#study-secret",
    }[tab or title]
    expect(page.locator(first).first).to_be_visible()
    if "Train" in (tab, title):  # shows a run that comes with the app; figures bring their library first
        expect(page.locator("#train-use")).to_be_enabled()
        for figure in ("reward", "development"):
            expect(page.locator(f"#train-{figure} .js-plotly-plot")).to_be_visible()
    if "Experiments" in (tab, title):
        expect(page.locator("#leaderboard table")).to_be_visible()
        expect(page.locator("#record-items .items")).to_be_visible()


def faint_words(page: Page, tab: str) -> dict[str, str]:
    """Visible words of the tab that is open whose contrast is too low, by the kind of element that has them."""
    measured = page.evaluate(MEASURE, LEAST)
    assert measured["count"] > 10, tab
    words: dict[str, str] = measured["faint"]
    return words


def test_every_word_stands_out_from_its_ground_in_the_dark(window, server) -> None:
    """On light ground: with what axe finds, below."""
    page = window.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{server.url}/?__theme=dark")
    page.wait_for_selector(ANSWERED)
    expect(page.locator("#explore-status .progress")).to_have_count(0)
    faint: dict[str, dict[str, str]] = {}
    for tab in TABS:
        opened(page, tab)
        faint[tab] = faint_words(page, tab)
    page.close()
    assert {tab: words for tab, words in faint.items() if words} == {}


@pytest.mark.parametrize("window", [390], indirect=True)
def test_no_tab_scrolls_sideways_on_a_phone(reader) -> None:
    """Experiments was 693 to 1,440 pixels wide on a phone of 390."""
    page = reader.page
    widths = {}
    for tab in TABS:
        opened(page, tab)
        widths[tab] = page.evaluate("document.documentElement.scrollWidth")
    assert widths == dict.fromkeys(TABS, 390)


@pytest.fixture(scope="module")
def rated(server) -> None:
    """Results has tables to show: answers of two systems to four queries in two languages, rated by three raters each."""
    people = People({"agl|k=4": 1.5}, seed=2)
    with RatingStore.open(server.data / "ratings.db") as store:
        study = store.ensure_study(EXPLORE_STUDY)
        asked = [
            (f"axe-{item}", system, language) for item in range(4) for system in SYSTEMS for language in ("ar", "sw")
        ]
        store.add_outputs(
            study.id,
            [
                NewOutput(item, "en", "text", "topic", system, language, f"text {item}")
                for item, system, language in asked
            ],
        )
        people.rate(store, study, [("ar", "ar"), ("sw", "sw")] * 3, "?")


def axe() -> str:
    """The script of axe-core, which a package of the tests ships; a skip that says what to install."""
    package = find_spec("axe_playwright_python")
    if package is None or package.origin is None:
        pytest.skip("no axe-core: make setup-dev installs axe-playwright-python")
    return (Path(package.origin).parent / "axe.min.js").read_text(encoding="utf-8")


# Contrasts, which cost axe most of its time, are measured by MEASURE.
RUN = """axe.run(document, {resultTypes: ['violations'], rules: {'color-contrast': {enabled: false}}})
  .then((all) => all.violations)"""


@pytest.mark.parametrize(("window", "tag"), [(1440, "en"), (390, "ar")], indirect=["window"])
def test_axe_finds_nothing_serious_and_every_word_stands_out_on_any_tab(window, rated, tag: str, request) -> None:
    script = axe()
    page = request.getfixturevalue("reader" if tag == "en" else "visitor").page
    if tag == "ar":
        page.locator("#agl-language input").click()
        page.get_by_role("option", name="العربية").first.click()
        expect(page.locator("html")).to_have_attribute("dir", "rtl")
    page.evaluate(f"{script};0")
    found: dict[str, list[str]] = {}
    for tab in TABS:
        opened(page, catalogue(tag)(NAMES[tab]), tab)
        if tab == "Results":
            for table in ("means", "comparisons", "summary"):
                page.locator(f".agl.results table.{table}, #{table}").first.wait_for(state="attached")
        found[tab] = [
            f"{one['id']}: {one['nodes'][0]['html'][:120]}"
            for one in page.evaluate(RUN)
            if one["impact"] in ("serious", "critical") or one["id"] == "heading-order"
        ]
        found[tab] += [f"{kind}: {words}" for kind, words in faint_words(page, tab).items()]
    assert {tab: names for tab, names in found.items() if names} == {}
