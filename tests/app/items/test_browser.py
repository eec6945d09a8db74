"""A record item by item in headless Chromium: filtered, paged, a row opened in Explore; nothing scrolls sideways on a phone.

Also one of a person's own that she sends, `app.results.uploads`.
"""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from chromium import ANSWERED
from playwright.sync_api import expect

from core.evaluation.record import save
from core.records import Example

pytestmark = pytest.mark.browser

QUERIES = [Example(f"own/{n}", f"own/{n}", "eng_Latn", f"The team won match {n}.", "sports") for n in range(30)]


def save_record(folder: Path) -> None:
    rows = [
        {"item": query.item, "id": query.id, "language": query.language, "strategy": strategy, "k": k, "seed": 0,
         "gold": "sports", "prediction": "sports" if number < right else "travel"}
        for strategy, k, right in (("agl", 2, 27), ("zero-shot", 0, 3))
        for number, query in enumerate(QUERIES)
    ]  # fmt: skip
    entry = {"command": "python train.py evaluate", "task": "topic", "model": {"name": "embedded"}, "results": []}
    save(folder, pd.DataFrame(rows), entry, QUERIES)


@pytest.mark.parametrize("visitor", [1440, 390], indirect=True)
def test_a_record_opens_item_by_item_and_its_rows_in_explore(visitor, server) -> None:
    folder = server.data / "evaluations" / "own-answers"
    if not folder.is_dir():
        save_record(folder)
    page = visitor.page
    page.get_by_role("tab", name="Results").first.click()
    page.get_by_role("tab", name="Experiments").click()
    shown = page.locator("#record-items")
    expect(shown.locator("tbody tr")).to_have_count(25)  # of the record that opens first, whose texts are not known
    expect(shown.locator(".open")).to_have_count(0)
    page.locator("#report-record input").click()
    page.get_by_role("option", name="own-answers").click()
    expect(shown.locator(".open")).to_have_count(25)
    expect(shown.locator(".pager span").first).to_have_text("1 to 25 of 30")
    shown.locator('button[data-act="page"][data-name="next"]').first.click()
    expect(shown.locator(".open")).to_have_count(5)
    shown.locator('button[data-name="won"]').click()
    expect(shown.locator(".pager span").first).to_have_text("1 to 24 of 24")
    shown.locator('select[data-choice="first"]').select_option("1")
    shown.locator('select[data-choice="second"]').select_option("0")
    expect(shown.locator('button[data-name="lost"]')).to_contain_text("(24)")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shown.locator('button[data-name="all"]').click()
    shown.locator("tbody tr").nth(3).locator(".open").click()
    expect(page.locator("#explore-results .asked")).to_contain_text("The team won match 3.")
    expect(page.locator("#query textarea")).to_have_value("The team won match 3.")
    expect(page.locator("#explore-status .progress")).to_have_count(0)


def test_a_record_that_is_sent_is_shown_as_any_other_to_who_sent_it_alone(visitor, server, tmp_path) -> None:
    page = visitor.page
    save_record(tmp_path / "sent")
    archive = shutil.make_archive(str(tmp_path / "from-elsewhere"), "zip", tmp_path / "sent")
    (tmp_path / "wrong.zip").write_bytes(b"no zip")
    page.get_by_role("tab", name="Results").first.click()
    page.get_by_role("tab", name="Experiments").click()
    page.locator("#report-upload button.label-wrap").click()
    upload = page.locator("#report-file input[type=file]")
    upload.set_input_files(tmp_path / "wrong.zip")
    expect(page.locator("#report-refusal .error")).to_contain_text("The zip cannot be read")
    upload.set_input_files(archive)
    expect(page.locator("#report-record input")).to_have_value("Yours: Evaluation · topic (from-elsewhere)")
    expect(page.locator("#report-refusal .error")).to_have_count(0)
    expect(page.locator("#report")).to_contain_text("Best of zero-shot, agl: agl, accuracy 90.0")
    shown = page.locator("#record-items")
    expect(shown.locator(".pager span").first).to_have_text("1 to 25 of 30")
    page.locator("#report-draw").click()
    expect(page.locator("#report-figure-0 .js-plotly-plot")).to_be_visible()
    page.get_by_role("tab", name="Explore").click()
    page.get_by_role("tab", name="Results").first.click()
    page.get_by_role("tab", name="Experiments").click()
    expect(page.locator("#report-record input")).to_have_value("Yours: Evaluation · topic (from-elsewhere)")
    page.reload()  # another visit
    page.wait_for_selector(ANSWERED)
    page.get_by_role("tab", name="Results").first.click()
    page.get_by_role("tab", name="Experiments").click()
    expect(shown.locator("tbody tr")).to_have_count(25)
    page.locator("#report-record input").click()
    expect(page.get_by_role("option").first).to_be_visible()
    expect(page.get_by_role("option", name="from-elsewhere")).to_have_count(0)
