"""A batch in headless Chromium: pasted, asked, filtered, a row opened in Explore.

Tests of `app.batch.tab`.
"""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

PASTED = """text,label
The striker scored twice in the final.,sports
The senate passed the budget.,politics
The vaccine protects children from measles.,health
The river floods the plain every spring.,geography"""


@pytest.mark.parametrize("visitor", [1440, 390], indirect=True)
def test_a_batch_is_asked_filtered_and_opened_row_by_row(visitor) -> None:
    page = visitor.page
    page.locator("#batch button.label-wrap").click()
    page.locator("#batch-start").click()
    expect(page.locator("#batch-status .error")).to_contain_text("0 queries were given")
    page.locator("#batch-queries textarea").fill(PASTED)
    page.locator("#batch-start").click()
    rows = page.locator("#batch-result table.queries tbody tr")
    expect(rows).to_have_count(4)
    expect(page.locator("#batch-result .verdict")).to_contain_text("Best of 3 systems")
    disagree = page.locator('#batch-result button[data-filter="disagree"]')
    count = int(disagree.inner_text().rsplit("(", 1)[1].rstrip(")"))
    disagree.click()
    expect(page.locator("#batch-result table.queries tbody tr:visible")).to_have_count(count)
    page.locator('#batch-result button[data-filter="all"]').click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    rows.nth(1).locator("button.open").click()
    expect(page.locator("#explore-results .asked")).to_contain_text("The senate passed the budget.")
    expect(page.locator("#query textarea")).to_have_value("The senate passed the budget.")
    expect(page.locator("#explore-status .progress")).to_have_count(0)
