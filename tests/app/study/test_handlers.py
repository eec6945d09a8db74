"""Handlers of the Study page, without a page: what each changes, by the name of the component.

Tests of `app.study.html`, `app.study.tab`, `app.study.updates`.
"""

from study_page import REQUEST, Page
from study_tables import table

from app.study import drafts, gate, running
from app.study.board import TABLE


def test_every_update_names_a_component_that_is_wired(page: Page) -> None:
    wired = set(page.tab.everything)
    updates = [page.create(), page.save(), gate.refresh(*page.base()), gate.show_again(*page.base())]
    updates += [running.open_study(*page.base(), "News"), running.invite(*page.base(), "sw", 5, 30, REQUEST)]
    updates += [running.close(*page.base()), running.export(*page.base())]
    updates += [running.publish(*page.base(), "News"), running.unpublish(*page.base())]
    for update in updates:
        assert set(update) <= wired


def test_what_was_refused_is_told_in_the_language_of_the_interface(page: Page) -> None:
    """Messages were English in every interface and named slugs and fields of the program."""
    page.create()
    base = (page.tab, page.session, "news", "ar")
    assert "لا يمكن فتح «News» بعد: المهمة التي يقرؤها المقيّمون" in running.open_study(*base, "News")["note invite"]
    assert "لم يُعطَ ملف" in drafts.add(*base, TABLE, None, None, 0)["note outputs"]
    page.save()
    running.open_study(*page.base(), "News")
    frozen = drafts.add(*base, TABLE, str(table(page.folder, 9)), None, 0)["note outputs"]
    assert "فُتحت «News»" in frozen and "news" not in frozen


def test_counts_have_a_unit(page: Page) -> None:
    page.create()
    page.save()
    shown = running.open_study(*page.base(), "News")
    assert "0 of 12 items rated" in shown["panel summary"]
    assert "0 links" in shown["panel summary"]


def test_messages_stand_in_the_step_they_belong_to(page: Page) -> None:
    notes = page.create()
    assert "outputs taken" in notes["note outputs"]
    assert notes["note design"] == notes["note end"] == notes["note"] == ""
    assert gate.refresh(*page.base())["note outputs"] == ""
