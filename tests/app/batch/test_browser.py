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
    wrong = page.locator('#batch-result button[data-name="wrong_first"]')
    count = int(wrong.inner_text().rsplit("(", 1)[1].rstrip(")"))
    wrong.click()
    expect(wrong).to_have_attribute("aria-pressed", "true")
    expect(wrong).to_be_focused()
    expect(page.locator("#batch-result table.queries tbody .open")).to_have_count(count)
    page.locator('#batch-result button[data-name="all"]').click()
    expect(rows).to_have_count(4)
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
    rows.nth(1).locator("button.open").click()
    expect(page.locator("#explore-results .asked")).to_contain_text("The senate passed the budget.")
    expect(page.locator("#query textarea")).to_have_value("The senate passed the budget.")
    expect(page.locator("#explore-status .progress")).to_have_count(0)


ARABIC = ("فاز الفريق بالمباراة النهائية.", "وافق البرلمان على الميزانية.", "يحمي اللقاح الأطفال من المرض.")
CHINESE = ("球队赢得了决赛。", "议会通过了预算。", "疫苗保护儿童免受麻疹。")


def test_files_are_read_into_the_field_and_wrong_ones_refused(visitor, tmp_path) -> None:
    page = visitor.page
    page.locator("#batch button.label-wrap").click()
    table = tmp_path / "queries.csv"
    labels = ("sports", "politics", "health")
    rows = [("arb_Arab", *pair) for pair in zip(ARABIC, labels, strict=True)]
    rows += [("zho_Hans", *pair) for pair in zip(CHINESE, labels, strict=True)]
    lines = ["language,text,label", *(f'{code},"{text}",{label}' for code, text, label in rows * 4)]
    table.write_text("\n".join(lines), encoding="utf-8-sig")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("sentence,class\nShe won.,sports\n")
    upload = page.locator("#batch-file input[type=file]")
    upload.set_input_files(wrong)
    expect(page.locator("#batch-status .error")).to_contain_text("names the columns sentence, class")
    page.locator("#batch-file button[aria-label]").first.click()  # takes the file out
    upload.set_input_files(table)
    expect(page.locator("#batch-queries textarea")).to_have_value("\n".join(lines))
    expect(page.locator("#batch-status .error")).to_have_count(0)
    page.locator("#batch-start").click()
    rows_of_page = page.locator("#batch-result table.queries tbody tr")
    expect(rows_of_page).to_have_count(24)
    expect(rows_of_page.locator('.text[dir="rtl"]')).to_have_count(12)
    expect(page.locator("#batch-result .batch thead .lang")).to_have_count(2)
