"""Means by group in Results: per language and over all, escaped, and nothing where items have no groups."""

from datetime import UTC, datetime

from rating_examples import submission

from annotation.criteria import DEFAULT_CRITERIA
from annotation.records import NewOutput, NewStudy
from annotation.report.results import Report, make_report
from annotation.store import RatingStore
from app.results.groups_html import groups
from app.texts import catalogue

EVIL = "<b>news"


def report(group_of: dict[str, str | None]) -> Report:
    with RatingStore.open("sqlite://") as store:
        study = store.ensure_study(NewStudy("s", "S", "t", {"en": "Rate."}, DEFAULT_CRITERIA[:1], 1))
        for language in ("ar", "sw"):
            store.add_outputs(
                study.id,
                [
                    NewOutput(item, "en", "text", "", system, language, f"{item} {system}", group=group)
                    for item, group in group_of.items()
                    for system in ("agl", "knn")
                ],
            )
            rater, _ = store.new_rater(study.id, language)
            items = {one.output_id: (one.item_key, one.system) for one in store.outputs(study.id)}
            while (view := store.next_assignment(rater.id)) is not None:
                store.submit(
                    submission(
                        rater.id,
                        view,
                        lambda output, _, of=items: 2 + (of[output][0] != "i0") + (of[output][1] == "agl"),  # type: ignore[misc]
                    )
                )
        return make_report(study, store.data(study.id), datetime(2026, 11, 30, tzinfo=UTC))


def test_means_stand_by_group_and_method_in_the_words_of_the_page() -> None:
    made = report({"i0": EVIL, "i1": EVIL, "i2": None})
    for language, items in ((None, 2), ("sw", 2)):
        html = groups(made, made.everyone, language, catalogue("en"))
        assert "Means by group of items" in html and EVIL not in html
        cells = [part.split("</td>")[0] for part in html.split("<td")]
        first = [part.split(">", 1)[-1] for part in cells[1:5]]
        assert first[:2] == ["<bdi>&lt;b&gt;news</bdi>", "agl"] and f">{items}<" in first[2]
        assert "<strong>3.50</strong>" in first[3]  # 3 and 4
        assert "<strong>2.50</strong>" in html and html.count("no group") == 2
    arabic = groups(made, made.everyone, "ar", catalogue("ar"))
    assert 'dir="rtl"' in arabic and "بلا مجموعة" in arabic


def test_there_is_no_table_without_groups() -> None:
    made = report({"i0": None})
    assert made.everyone.groups == () and groups(made, made.everyone, None, catalogue("en")) == ""
