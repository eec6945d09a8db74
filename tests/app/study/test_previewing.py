"""A draft as its raters will see it.

Tests of `app.rate.preview`.
"""

import pytest
from study_page import Page

from app.rate.preview import PREFIX, Previews, PreviewService
from app.study import running


def test_a_draft_is_previewed_as_raters_will_see_it_and_nothing_is_stored(page: Page) -> None:
    page.create()
    page.save(cap=2)
    link = running.preview(*page.base(), "sw")["panel preview"]
    token = link.split("#rater=")[1].split('"')[0]
    assert token.startswith(PREFIX)
    service, before = (
        PreviewService(page.store, page.previews),
        page.store.data(page.store.study("news").id, checks=True),
    )
    session = service.session(token, "en")
    assert (session["preview"], session["study"]["instructions"]["text"]) == (True, "Read, then rate.")
    item = service.next(token, "en")["item"]
    assert [one["key"] for one in item["criteria"]] == ["fluency"]
    assert {one["letter"] for one in item["outputs"]} == {"A", "B"}
    values = {"A": {"fluency": 4}, "B": {"fluency": 2}}
    service.submit(token, {"position": 1, "values": values})
    assert service.look(token, {"position": 1, "tag": "en"})["item"]["values"] == values
    service.skip(token, {"position": 2, "reason": "other"})
    assert service.next(token, "en") == {"item": None, "progress": {"done": 1, "skipped": 1, "total": 2}}
    assert page.store.data(page.store.study("news").id, checks=True) == before
    assert page.store.raters(page.store.study("news").id) == []


def test_a_preview_ends_and_is_made_for_organisers_alone(page: Page) -> None:
    page.create()
    assert "enter the secret" in running.preview(page.tab, "forged", "news", "en", "sw")["note invite"]
    assert "this study has sw" in running.preview(*page.base(), "xx")["note invite"]
    now = [0.0]
    previews = Previews(clock=lambda: now[0])
    token = previews.open(1, "sw")
    previews.get(token)
    now[0] = 5 * 3600
    for wrong in (token, "preview-forged", None, 3):
        with pytest.raises(Exception, match="this preview has ended"):
            previews.get(wrong)
