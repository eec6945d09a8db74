"""An organiser in headless Chromium: from a table to a frozen study, one rater's visit, agreement, export, removal, the end."""

import csv
import re
from pathlib import Path

import pytest
from app_server import SECRET, Visitor
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser
SYSTEMS = ("hidden-alpha", "hidden-beta")


def table(path: Path, items: int = 4) -> Path:
    """A table of outputs by two systems in Swahili and Arabic."""
    said = {
        "sw": "Mvua kubwa ilinyesha usiku kucha, na barabara zimefungwa.",
        "ar": "هطلت أمطار غزيرة طوال الليل وأغلقت الطرق.",
    }
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["item", "language", "source_text", "system", "output", "output_language"])
        for tag, text in said.items():
            for number in range(items):
                for system in SYSTEMS:
                    rows.writerow(
                        [f"{tag}{number}", "en", f"Rain closed road {number}.", system, f"{text} {number}", tag]
                    )
    return path


def enter(page: Page, secret: str = SECRET) -> None:
    """Unlock the organiser's page."""
    page.get_by_role("tab", name="Study").click()
    page.locator("#study-secret input").fill(secret)
    page.locator("#study-unlock").click()


def unfold(page: Page, step: str) -> None:
    """Open one of the six steps."""
    page.locator(f"#study-step-{step} > button").click()


def create(page: Page, name: str, file: Path) -> None:
    """Step 1: a study of the outputs in a table."""
    page.locator("#study-new_name").get_by_role("textbox").fill(name)
    page.locator("#study-source input").click()
    page.get_by_role("option", name=re.compile("table", re.I)).click()
    page.locator("#study-file input[type=file]").set_input_files(file)
    expect(page.locator("#study-file")).to_contain_text(file.stem)
    page.locator("#study-create").click()
    expect(page.locator("#study-note-outputs")).to_contain_text("16")


def rate_one(browser: Browser, link: str) -> None:
    """A rater opens her link on a phone and rates her first item."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
    page = context.new_page()
    page.goto(link)
    page.locator("#skill").select_option("native")
    page.locator("#begin").click()
    expect(page.locator("#item")).to_be_visible()
    assert not any(system in page.content() for system in SYSTEMS)
    rows = page.locator("#fields .row")
    for number in range(rows.count()):
        rows.nth(number).locator("input").nth(3).check(force=True)
    page.locator("#save").click()
    expect(page.locator("#state.saved")).to_be_visible()
    context.close()


def test_a_wrong_secret_opens_nothing(reader: Visitor) -> None:
    page = reader.page
    enter(page, "not the secret")
    expect(page.locator("#study-note .error")).to_be_visible()
    assert page.locator("#study-create").count() == 0


def test_a_study_from_a_table_to_its_end(visitor: Visitor, chromium: Browser, tmp_path: Path) -> None:
    page = visitor.page
    enter(page)
    expect(page.locator("#study-create")).to_be_visible()
    create(page, "Rain", table(tmp_path / "outputs.csv"))

    unfold(page, "design")
    page.locator("#study-task textarea").fill("Say in one sentence what happened.")
    page.locator("#study-instructions textarea").fill("Rate each answer as a whole.")
    page.locator("#study-raters input").fill("2")
    page.locator("#study-every input").fill("0")
    page.locator("#study-save").click()
    expect(page.locator("#study-note-design .message")).to_contain_text("saved")

    unfold(page, "checks")
    page.locator("#study-estimate").click()
    expect(page.locator("#study-panel-power")).to_contain_text(re.compile(r"\d"))

    unfold(page, "invite")
    page.locator("#study-preview").click()
    with page.expect_popup() as opened:
        page.locator("#study-panel-preview a").click()
    preview = opened.value
    expect(preview.locator("#main .task")).to_be_visible()
    preview.locator("#tongue").select_option("en")
    expect(preview.locator("#preview")).to_contain_text("Nothing that you do here is stored")
    expect(preview.locator("#main .task")).to_be_visible()
    preview.close()
    page.locator("#study-open").click()
    expect(page.locator("#study-note-invite .error")).to_be_visible()  # its name has to be typed
    page.locator("#study-open_hint").get_by_role("textbox").fill("Rain")
    page.locator("#study-open").click()
    expect(page.locator("#study-summary")).to_contain_text(re.compile("open", re.I))
    page.locator("#study-invite").click()
    link = page.locator("#study-link").get_by_role("textbox")
    expect(link).to_have_value(re.compile(r"^http.*/rate"))
    rate_one(chromium, link.input_value())

    expect(page.locator("#study-save")).to_be_disabled()  # frozen
    expect(page.locator("#study-task textarea")).to_be_disabled()

    page.locator("#study-refresh").click()
    unfold(page, "progress")
    expect(page.locator("#study-panel-progress")).to_contain_text("rater-")
    page.locator("#study-rater input").click()
    page.get_by_role("option", name=re.compile("rater-")).click()
    rater = page.locator("#study-rater input").input_value()

    unfold(page, "end")
    page.locator("#study-export").click()
    with page.expect_download() as wait:
        page.locator("#study-download").click()
    assert wait.value.suggested_filename.endswith(".zip")

    page.locator("#study-confirm").get_by_role("textbox").fill(rater)
    page.locator("#study-remove").click()
    expect(page.locator("#study-note-progress .message")).to_be_visible()
    expect(page.locator("#study-panel-progress")).to_contain_text(re.compile("removed", re.I))

    page.locator("#study-close").click()
    expect(page.locator("#study-summary")).to_contain_text(re.compile("closed", re.I))
    expect(page.locator("#study-panel-end")).to_contain_text("for organisers alone")
    page.locator("#study-publish").click()
    expect(page.locator("#study-note-end .error")).to_contain_text("type the study's name")
    page.locator("#study-publish_name").get_by_role("textbox").fill("Rain")
    page.locator("#study-publish").click()
    expect(page.locator("#study-panel-end")).to_contain_text("open to everybody")
    page.locator("#study-unpublish").click()
    expect(page.locator("#study-panel-end")).to_contain_text("taken back")
    page.locator("#study-leave").click()
    expect(page.locator("#study-secret")).to_be_visible()
    expect(page.get_by_text("Rain", exact=True)).to_have_count(0)
