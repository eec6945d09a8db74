"""Items as rows: systems, filters in both directions, pages; older records lack columns.

Tests of `app.items.rows` and `app.items.view`.
"""

import pandas as pd
import pytest

from app.items.rows import PAGE, Choice, ItemSystem, filters, item_table, page_of
from app.items.view import items_view
from app.texts import catalogue
from core.data.tasks import load_tasks
from core.models.loading import ASSETS
from core.records import Example

TEXTS, TOPIC = catalogue("en"), load_tasks(ASSETS)["topic"]
AGL, KNN, ZERO = ItemSystem("agl", 4), ItemSystem("knn", 4), ItemSystem("zero-shot")
LABELS = ("sports", "politics", "health")
# Of each item the gold label, then what agl, knn and zero-shot answer.
ITEMS = (
    ("sports", "sports", "sports", "health"),
    ("politics", "politics", "health", "health"),
    ("health", "sports", "health", "health"),
    ("sports", "health", "politics", "health"),
)


def items(languages: tuple[str, ...] = ("swh_Latn", "arb_Arab")) -> pd.DataFrame:
    rows = []
    for code in languages:
        for number, (gold, *answers) in enumerate(ITEMS):
            for system, answer in zip((AGL, KNN, ZERO), answers, strict=True):
                identity = {"item": f"i{number}", "id": f"x/{code}/{number}", "language": code, "gold": gold}
                rows.append(identity | {"strategy": system.strategy, "k": system.k, "seed": 0, "prediction": answer})
    return pd.DataFrame(rows)


def test_a_row_has_every_system_and_the_text_that_is_known() -> None:
    known = Example("x/swh_Latn/1", "i1", "swh_Latn", "Bunge <b>lilipiga</b> kura.", "politics")
    table = item_table(items(), "topic", {known.id: known})
    assert table.systems == (AGL, KNN, ZERO) and len(table.rows) == 8 and table.closed and table.labelled
    assert [row.query.text for row in table.rows] == ["", "Bunge <b>lilipiga</b> kura.", *[""] * 6]
    assert table.rows[1].right(AGL) and table.rows[1].wrong(KNN)
    assert table.languages == {"swh_Latn": 4, "arb_Arab": 4}
    # Right: agl two of four, knn two of four, zero-shot one of four, in either language.
    assert [table.share(system) for system in table.systems] == [0.5, 0.5, 0.25]
    assert table.pair() == (AGL, KNN)


def test_filters_tell_flips_in_both_directions() -> None:
    table = item_table(items(("swh_Latn",)), "topic", {})
    left = {
        name: [row.query.item for row in table.rows if test(row)] for name, test in filters(table, AGL, KNN).items()
    }
    assert left == {
        "all": ["i0", "i1", "i2", "i3"],
        "wrong_first": ["i2", "i3"],
        "differ": ["i1", "i2", "i3"],
        "won": ["i1"],
        "lost": ["i2"],
        "disagree": ["i0", "i1", "i2", "i3"],
        "wrong": ["i3"],
    }
    assert "differ" not in filters(table, AGL, AGL)
    unlabelled = item_table(items(), "topic", {}, labelled=False)
    assert set(filters(unlabelled, AGL, KNN)) == {"all", "differ", "disagree"}


def test_pages_hold_all_rows_once_and_counts_follow_the_language() -> None:
    many = pd.concat([items().assign(id=lambda part, n=n: part["id"] + f"/{n}") for n in range(10)], ignore_index=True)
    table = item_table(many, "topic", {})
    pages = [page_of(table, Choice(page=number)) for number in range(4)]
    assert [len(page.rows) for page in pages] == [PAGE, PAGE, PAGE, 5] and pages[0].pages == 4
    assert len({row.query.id for page in pages for row in page.rows}) == 80
    one = page_of(table, Choice("won", "0", "1", "arb_Arab"))
    assert one.counts["all"] == 40 and one.counts["won"] == one.total == 10
    assert {row.query.language for row in one.rows} == {"arb_Arab"}
    assert page_of(table, Choice(page=99)).page == 3  # beyond the last is the last


def test_what_a_browser_sends_is_no_choice_unless_it_is_one() -> None:
    table = item_table(items(), "topic", {})
    choice = Choice.of(
        {"filter": "no such", "first": "99", "second": "-1", "language": "xx", "page": "-4", "more": "x"}
    )
    assert choice.page == 0 and choice.pair(table) == (AGL, KNN)
    assert page_of(table, choice).total == 0  # no row is in that language
    assert page_of(table, Choice.of({"filter": "no such"})).total == 8
    assert Choice.of({}) == Choice()


def test_the_page_shows_texts_as_texts_marks_by_sign_and_only_what_can_be_opened() -> None:
    known = Example("x/swh_Latn/1", "i1", "swh_Latn", "Bunge <b>lilipiga</b> kura.", "politics")
    table = item_table(items(), "topic", {known.id: known})
    html = items_view(table, Choice(), TOPIC, TEXTS, lambda row: bool(row.query.text), "Item by item")
    assert "<b>lilipiga" not in html and "&lt;b&gt;lilipiga" in html
    assert html.count('class="open"') == 1 and html.count('<th scope="row">') == 8
    assert html.count("✓") == 10 and html.count("✗") == 14  # 2 languages x (2 + 2 + 1) right of 12
    assert TOPIC.verbaliser("swh_Latn").words["politics"] in html
    assert TEXTS("items.no_texts") not in html
    assert TEXTS("items.no_texts") in items_view(item_table(items(), "topic", {}), Choice(), TOPIC, TEXTS, bool)


def test_many_systems_are_folded_under_how_many_are_right() -> None:
    frame = pd.concat([items(), items().assign(seed=1), items().assign(seed=2)], ignore_index=True)
    table = item_table(frame, "topic", {})
    assert len(table.systems) == 9
    assert table.title(AGL, TEXTS).endswith("Seed 0") and table.title(ItemSystem("agl", 4, 2), TEXTS).endswith("Seed 2")
    html = items_view(table, Choice(language="swh_Latn"), TOPIC, TEXTS, bool)
    assert html.count("<details>") == 4 and html.count("<li>") == 28  # seven others for each of four rows
    # Of item 1, agl alone is right, under every seed; one of the three is in the pair.
    assert TEXTS("items.right_of", count=2, total=7) in html


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_free_text_has_scores_and_no_marks(direction: str) -> None:
    frame = items().assign(prediction="Bunge", chrf=41.5)
    texts = catalogue("ar" if direction == "rtl" else "en")
    html = items_view(item_table(frame, "translation", {}), Choice(), None, texts, bool)
    assert f'dir="{direction}"' in html and "41.50" in html and "✗" not in html and "wrong_first" not in html
