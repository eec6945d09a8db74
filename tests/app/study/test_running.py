"""A study that runs: links, progress, raters left out, looks, closing and publishing.

Tests of `app.study.gate`, `app.study.links`, `app.study.running`.
"""

import csv
import uuid
from pathlib import Path

from rating_examples import submission
from study_page import REQUEST, Page, opened, value

from annotation.records import Submission
from app.results.ratings import ResultsService
from app.study import drafts, gate, running
from app.study.board import ARCHIVE


def test_days_and_uses_of_a_link_are_checked_too(page: Page) -> None:
    page.create()
    for uses, days, says in (
        (5, -3, "-3 is not possible"),
        (2.5, 30, "2.5 is not possible"),
        (0, 30, "For at most so many raters: 0 is not possible; give a whole number from 1"),  # no link without an end
        (None, 30, "– is not possible"),
        (5, 5000, "from 0 to 3650"),
    ):
        refused = running.invite(*page.base(), "sw", uses, days, REQUEST)
        assert says in refused["note invite"]
        assert page.store.invitations(page.store.study("news").id) == []


def test_the_link_of_one_study_is_not_left_under_another_or_after_a_refusal(page: Page) -> None:
    page.create()
    shown = running.invite(*page.base(), "sw", 5, 30, REQUEST)
    assert value(shown["link"]).startswith("https://lab.example/agl/rate?study=news#invite=")
    for update in (
        page.create("Sports"),
        gate.show_again(*page.base("sports")),
        running.invite(*page.base(), "sw", 5, -1, REQUEST),
    ):
        assert (value(update["link"]), update["link"]["visible"]) == ("", False)


def test_closing_publishes_nothing_and_publishing_wants_the_name_of_a_closed_study(page: Page) -> None:
    results = ResultsService(page.store, "explore", page.folder / "results", page.tab.authority)

    def visitors() -> list[str]:
        return [one.slug for one in results.studies("")]

    page.create()
    page.save()
    opened = running.open_study(*page.base(), "News")
    assert "for organisers alone" in opened["panel end"]
    assert "close it before" in running.publish(*page.base(), "News")["note end"]
    assert "for organisers alone" in running.close(*page.base())["panel end"]
    assert visitors() == ["explore"]
    running.reopen(*page.base())  # a pause unblinds nobody
    running.close(*page.base())
    refused = running.publish(*page.base(), "yes")
    assert "type the study&#x27;s name" in refused["note end"]
    assert visitors() == ["explore"]
    shown = running.publish(*page.base(), "News")
    assert "open to everybody" in shown["panel end"] and shown["publish_name"] == ""
    assert visitors() == ["explore", "news"]
    assert "cannot open again" in running.reopen(*page.base())["note end"]
    assert "they were taken back" in running.unpublish(*page.base())["panel end"]
    assert visitors() == ["explore"]
    assert "cannot open again" in running.reopen(*page.base())["note end"]
    assert "enter the secret" in running.publish(page.tab, "forged", "news", "en", "News")["note end"]
    assert "enter the secret" in running.unpublish(page.tab, "forged", "news", "en")["note end"]


def test_many_links_at_once_are_a_file_and_progress_shows_who_used_which(page: Page) -> None:
    study = page.store.study(opened(page))
    made = running.invite_many(*page.base(), "sw", 3, 30, REQUEST)
    assert "3 links are made" in made["note invite"]
    with Path(value(made["links_file"])).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(one["number"], one["language"]) for one in rows] == [("1", "sw"), ("2", "sw"), ("3", "sw")]
    start = "https://lab.example/agl/rate?study=news#invite="
    assert all(one["link"].startswith(start) and one["valid_until"] for one in rows)
    rater, _ = page.store.accept_invitation(study.id, rows[1]["link"].removeprefix(start))
    shown = gate.refresh(*page.base())
    assert "Links for one rater each: 1 of 3 used" in shown["panel invite"]
    assert f"<bdi>{rater.pseudonym}</bdi>" in shown["panel invite"]
    assert "<td>#2</td>" in shown["panel progress"]
    assert shown["links_file"]["visible"] is False  # shown once
    assert "0 is not possible" in running.invite_many(*page.base(), "sw", 0, 30, REQUEST)["note invite"]
    assert len(page.store.invitations(study.id)) == 3


def test_progress_marks_who_gives_one_value_faster_than_can_be_read(page: Page) -> None:
    study = page.store.study(opened(page))
    for value_of, seconds in ((lambda at: 3, 0.4), (lambda at: 1 + at % 5, 30.0)):
        rater, _ = page.store.accept_invitation(study.id, page.store.new_invitation(study.id, "sw")[1])
        at = 0
        while (view := page.store.next_assignment(rater.id)) is not None:
            given = {}
            for one in view.outputs:
                given[one.output_id, "fluency"] = value_of(at)
                at += 1
            page.store.submit(Submission(str(uuid.uuid4()), rater.id, view.assignment_id, given, seconds=seconds))
    shown = gate.refresh(*page.base())["panel progress"]
    assert shown.count("100 % of her ratings are one value") == 1
    assert shown.count("0.4 s an item, faster than it can be read") == 1


def test_a_rater_is_left_out_with_a_reason_that_stays_and_is_taken_back(page: Page) -> None:
    study = page.store.study(opened(page))
    rater, _ = page.store.accept_invitation(study.id, page.store.new_invitation(study.id, "sw")[1])
    name = rater.pseudonym
    assert "write why" in running.exclude(*page.base(), name, " ")["note progress"]
    out = running.exclude(*page.base(), name, "all <5>")
    assert f"{name} is left out of Results" in out["note progress"]
    assert "left out since" in out["panel progress"] and "all &lt;5&gt;" in out["panel progress"]
    (record,) = page.store.data(study.id).raters
    assert (record.exclusion_reason, record.removed_at) == ("all <5>", None)
    back = running.include(*page.base(), name)
    assert "left out since" not in back["panel progress"]
    assert page.store.data(study.id).raters[0].excluded_at is None


def test_early_stopping_says_what_it_costs_and_what_was_decided(page: Page) -> None:
    page.create()
    assert "planned looks" not in page.save()["panel design"]
    refused = page.save(stop_looks=3, stop_criterion="relevance")["note design"]
    assert "Early stopping is to rest on relevance, which raters are not asked about" in refused
    saved = page.save(every=0, stop_looks=3, stop_criterion="fluency")
    assert "Planned are 12 answered items (items times raters per item) and 1 pairs of systems" in saved["panel design"]
    assert "single pair needs p ≤ 0.046 instead of 0.05" in saved["panel design"]
    assert "<td>1</td><td>4 / 12</td><td>0.00021</td>" in saved["panel design"]
    assert (saved["stop_looks"]["value"], saved["stop_criterion"]["value"]) == (3, "fluency")
    running.open_study(*page.base(), "News")
    study = page.store.study("news")
    assert "3 looks are planned; none was reached yet." in gate.refresh(*page.base())["panel progress"]
    _, invitation = page.store.new_invitation(study.id, "sw")
    rater, _ = page.store.accept_invitation(study.id, invitation)
    better = {one.output_id for one in page.store.outputs(study.id) if one.system == "agl"}
    for _ in range(4):
        view = page.store.next_assignment(rater.id)
        assert view is not None
        page.store.submit(submission(rater.id, view, lambda output, _: 4 + (output in better)))
    found = gate.refresh(*page.base())["panel progress"]
    assert "Look 1 of 3 was taken after 4 of 12 answered items." in found and "is its last look" in found
    archive = value(running.export(*page.base())["download"])
    drafts.create(page.tab, page.session, "", "en", "Again", ARCHIVE, archive, None, 0)
    assert page.store.study("again").stopping == study.stopping and page.store.study("again").looks == ()
    ended = running.close(page.tab, page.session, "news", "en")["panel progress"]
    assert "closed after 4 of 12 answered items" in ended and "Closing the study" not in ended
