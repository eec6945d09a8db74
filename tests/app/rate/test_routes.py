"""The rating page over HTTP, without a browser: who may do what, what is refused, what leaks (nothing).

Tests of `app.criteria`, `app.rate.item`.
"""

import json
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rater_examples import SYSTEMS, make_study
from starlette.applications import Starlette
from starlette.testclient import TestClient

from annotation.errors import DatabaseUnavailable
from annotation.records import Study
from annotation.store import RatingStore
from app.access.limits import TooMany
from app.rate.routes import FILES, rater_routes


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed database with the study in it, to be copied, which saves each test its own migration."""
    path = tmp_path_factory.mktemp("rater") / "study.db"
    with RatingStore.open(path) as opened:
        make_study(opened)
    return path


@pytest.fixture
def store(template: Path, tmp_path: Path) -> Iterator[RatingStore]:
    with RatingStore.open(shutil.copy(template, tmp_path / "ratings.db")) as opened:
        yield opened


@pytest.fixture
def study(store: RatingStore) -> Study:
    return store.study("topics")


class Client:
    """A rater's browser without the browser."""

    def __init__(self, store: RatingStore, token: str | None) -> None:
        self.http = TestClient(Starlette(routes=rater_routes(store)))
        self.token = token

    def post(self, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = self.http.post(f"/rate/{path}", content=json.dumps(body), headers=headers)
        return answer.status_code, answer.json()

    def submit(self, position: int, values: Any, **more: Any) -> tuple[int, dict[str, Any]]:
        return self.post(
            "submit", **{"id": str(uuid.uuid4()), "position": position, "values": values, "seconds": 2.5, **more}
        )


@pytest.fixture
def rater(store: RatingStore, study: Study) -> Client:
    return Client(store, store.new_rater(study.id, "sw")[1])


def all_values(value: Any) -> dict[str, dict[str, Any]]:
    return {letter: dict.fromkeys(("fluency", "relevance", "correctness"), value) for letter in "AB"}


def test_a_rater_goes_through_her_items_and_looks_back(rater: Client, store: RatingStore, study: Study) -> None:
    for position in (1, 2, 3):
        status, shown = rater.post("next")
        assert (status, shown["item"]["position"], shown["item"]["values"]) == (200, position, {})
        status, receipt = rater.submit(position, all_values(4))
        assert (status, receipt["repeated"]) == (200, False)
    left = rater.post("next")[1]  # no platform sent her, so there is no code
    assert left == {"item": None, "progress": {"done": 3, "skipped": 0, "total": 3}, "completion": None}
    item = rater.post("look", position=2)[1]["item"]
    assert (item["state"], item["values"], item["history"]) == ("done", all_values(4), [])
    changed = all_values(4)
    changed["B"]["fluency"] = 1
    assert rater.submit(2, changed)[1]["revision"] == 2
    item = rater.post("look", position=2)[1]["item"]
    assert item["history"] == [{"letter": "B", "criterion": "fluency", "from": 4, "to": 1}]
    assert item["values"] == changed
    assert len(store.ratings(study.id)) == 18
    assert len(store.history(study.id)) == 19


def test_a_retry_under_the_same_id_stores_nothing_twice(rater: Client, store: RatingStore, study: Study) -> None:
    rater.post("next")
    sent = {"id": str(uuid.uuid4()), "comment": "clear"}
    first = rater.submit(1, all_values(3), **sent)[1]
    again = rater.submit(1, all_values(3), **sent, seconds=99.0)[1]
    assert (again["repeated"], again["saved_at"]) == (True, first["saved_at"])
    assert len(store.ratings(study.id)) == 6
    assert store.assignments(study.id)[0].seconds == 2.5
    assert rater.submit(1, all_values(5), **sent)[0] == 422  # the same id for other content


def test_an_item_is_the_one_that_the_page_shows_wherever_it_stands_in_her_list(
    rater: Client, store: RatingStore, study: Study
) -> None:
    """Two machines over one study gave one position to two items, and the answers went to the other one's."""
    names = []
    for position in (1, 2):
        names.append(rater.post("next")[1]["item"]["name"])
        rater.submit(position, all_values(position))
    assert rater.submit(2, all_values(5), item=names[0])[0] == 200  # there it was in the other machine's list
    assert rater.post("look", position=1)[1]["item"]["values"] == all_values(5)
    assert rater.post("look", position=1, item=names[1])[1]["item"]["values"] == all_values(2)
    before = store.history(study.id)
    for path in ("submit", "skip", "look"):
        sent = {"id": str(uuid.uuid4()), "values": all_values(3), "seconds": 1.0, "reason": "other", "item": "f" * 16}
        status, answer = rater.post(path, position=1, **sent)
        assert (status, answer["error"]) == (409, "moved") and "nothing was stored" in answer["message"]
    assert store.history(study.id) == before


def test_a_value_that_is_no_point_of_the_scale_is_refused(rater: Client, store: RatingStore, study: Study) -> None:
    rater.post("next")
    for value in (0, 6, -1, None, "4", 4.0, 3.5, True, [4], {"x": 4}):
        values = all_values(4)
        values["A"]["relevance"] = value
        status, answer = rater.submit(1, values)
        assert (status, answer["error"]) == (422, "refused"), value
    assert store.ratings(study.id) == []


WRONG: list[dict[str, Any]] = [
    {"values": {"A": {"fluency": 4}}},
    {"values": {**all_values(4), "C": {"fluency": 4}}},
    {"values": {"A": 4}},
    {"values": None},
    {"id": "not a uuid"},
    {"id": None},
    {"seconds": -1},
    {"seconds": "soon"},
    {"seconds": float("nan")},
    {"comment": 7},
    {"comment": "x" * 5000},
    {"position": "1"},
    {"position": True},
    {"position": 2},
    {"position": None},
]


def test_a_submission_that_is_not_whole_is_refused(rater: Client, store: RatingStore, study: Study) -> None:
    rater.post("next")
    for change in WRONG:
        sent: dict[str, Any] = {"position": 1, "values": all_values(4), **change}
        status, answer = rater.submit(sent.pop("position"), sent.pop("values"), **sent)
        assert (status, answer["error"]) == (422, "refused"), change
        assert "Traceback" not in answer["message"]
    assert store.ratings(study.id) == []


def test_a_body_that_is_no_small_json_object_is_refused(rater: Client) -> None:
    for content in (b"", b"[1]", b"{", b"\xff", b'"x"', b"[" * 60_000, b'{"a":"' + b"x" * 70_000 + b'"}'):
        answer = rater.http.post("/rate/submit", content=content, headers={"Authorization": f"Bearer {rater.token}"})
        assert (answer.status_code, answer.json()["error"]) == (422, "refused"), content[:10]


def test_every_endpoint_asks_who_is_there(rater: Client) -> None:
    rater.post("next")
    body = {"id": str(uuid.uuid4()), "position": 1, "values": all_values(3), "reason": "other"}
    for token in (None, "forged", "é"):
        headers = {"Authorization": f"Bearer {token}".encode()} if token else {}
        for path in ("session", "next", "look", "submit", "skip"):
            answer = rater.http.post(f"/rate/{path}", content=json.dumps(body), headers=headers)
            assert (answer.status_code, answer.json()["error"]) == (401, "link"), (token, path)


def test_one_rater_cannot_reach_what_another_was_given(rater: Client, store: RatingStore, study: Study) -> None:
    rater.post("next")
    other = Client(store, store.new_rater(study.id, "sw")[1])
    assert other.post("look", position=1)[0] == 422
    assert other.submit(1, all_values(1))[0] == 422
    assert store.ratings(study.id) == []


def test_nothing_about_systems_leaves_the_server(rater: Client, store: RatingStore, study: Study) -> None:
    rater.post("next")
    rater.submit(1, all_values(2))
    answers = [rater.post(path, position=1) for path in ("session", "next", "look", "submit", "skip")]
    pages = [rater.http.get(path).text for path in ("/rate", *(f"/rate/{file.name}" for file in FILES.iterdir()))]
    everything = json.dumps(answers, ensure_ascii=False).replace("agl-rater", "") + "".join(pages).replace(
        "agl-rater", ""
    )
    own = (
        "provenance",
        "output_id",
        "assignment_id",
        "item 0",
        "seed",
        '"expected":',
        "at_most",
        "tolerance",
    )  # keys and columns
    for secret in (*SYSTEMS, "agl", "knn", *own):
        assert secret not in everything.lower(), secret
    ids = {str(output.output_id) for output in store.outputs(study.id)}
    shown = {str(value) for value in rater.post("look", position=1)[1]["item"]["outputs"][0].values()}
    assert shown & ids == set()


def test_skipping_takes_a_coded_reason(rater: Client, store: RatingStore, study: Study) -> None:
    rater.post("next")
    sent = {"id": str(uuid.uuid4()), "position": 1}
    assert rater.post("skip", **sent, reason="")[0] == 422
    assert rater.post("skip", **sent, reason=None)[0] == 422
    assert rater.post("skip", **sent, reason="offensive")[0] == 200
    assert rater.post("look", position=1)[1]["item"]["skip_reason"] == "offensive"
    assert rater.post("next")[1]["progress"]["skipped"] == 1


def test_a_closed_study_says_so_but_repeats_a_receipt(rater: Client, store: RatingStore, study: Study) -> None:
    rater.post("next")
    sent = {"id": str(uuid.uuid4())}
    rater.submit(1, all_values(3), **sent)
    store.set_study_state(study.id, "closed")
    assert rater.submit(1, all_values(3), **sent)[1]["repeated"]
    assert rater.submit(1, all_values(5))[1]["error"] == "closed"
    assert rater.post("next")[1]["error"] == "closed"


def test_a_database_that_fails_is_worth_another_try(
    rater: Client, store: RatingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    rater.post("next")

    def busy(_: object) -> None:
        raise DatabaseUnavailable("the database is locked; try again.")

    monkeypatch.setattr(store, "submit", busy)
    assert rater.submit(1, all_values(3)) == (
        503,
        {"error": "unavailable", "message": "the database is locked; try again."},
    )


def test_the_page_speaks_the_language_of_what_is_rated_unless_told_otherwise(rater: Client) -> None:
    session = rater.post("session")[1]
    assert (session["tag"], session["dir"], session["words"]["rate.back"]) == ("sw", "ltr", "Rudi")
    item = rater.post("next")[1]["item"]
    assert item["criteria"][0]["name"] == "Ufasaha"
    assert item["criteria"][0]["anchors"][4].startswith("linasomeka")
    assert item["outputs"][0]["lang"] == "sw"
    turned = rater.post("session", tag="ar")[1]
    assert (turned["tag"], turned["dir"]) == ("ar", "rtl")
    criterion = rater.post("look", position=1, tag="ar")[1]["item"]["criteria"][0]
    assert (criterion["lang"], criterion["dir"]) == ("ar", "rtl")
    assert rater.post("session", tag="../en")[1]["tag"] == "sw"
    assert rater.post("session", tag=["ar"])[1]["tag"] == "sw"


@pytest.mark.parametrize(
    ("header", "tag", "direction"),
    [
        ("ar-EG,ar;q=0.9,en;q=0.8", "ar", "rtl"),
        ("xx,en;q=0.5,sw;q=0.7", "sw", "ltr"),
        ("", "en", "ltr"),
        ("*;q=x,;;", "en", "ltr"),
    ],
)
def test_before_anybody_is_known_the_browser_says_which_language(
    rater: Client, header: str, tag: str, direction: str
) -> None:
    html = rater.http.get("/rate", headers={"Accept-Language": header}).text
    assert f'<html lang="{tag}" dir="{direction}">' in html


def test_the_page_needs_no_other_host_and_no_inline_script(rater: Client) -> None:
    answer = rater.http.get("/rate")
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    for text in [answer.text, *(path.read_text(encoding="utf-8") for path in FILES.iterdir())]:
        assert not re.search(r"(?:https?:)?//[a-z0-9-]+\.[a-z]", text)
        assert " style=" not in text
    assert "innerHTML" not in "".join(path.read_text(encoding="utf-8") for path in FILES.iterdir())


def test_only_the_files_of_the_page_are_served(rater: Client) -> None:
    assert rater.http.get("/rate/page.js").headers["content-type"].startswith("text/javascript")
    for name in ("page.html", "..%2froutes.py", "routes.py", "%2e%2e/desk.py"):
        assert rater.http.get(f"/rate/{name}").status_code == 404
    moved = rater.http.get("/rate/?study=x", follow_redirects=False)
    assert (moved.status_code, moved.headers["location"]) == (307, "../rate?study=x")


def test_an_answer_that_got_lost_at_the_door_makes_no_second_rater(store: RatingStore, study: Study) -> None:
    _, invitation = store.new_invitation(study.id, "am", max_uses=1)
    sent = {"study": "topics", "invitation": invitation, "proficiency": "good"}
    own = "a" * 64
    assert [Client(store, own).post("enter", **sent) for _ in range(2)] == [(200, {"token": own})] * 2
    assert len(store.raters(study.id)) == 1
    assert Client(store, own).post("session")[1]["tag"] == "am"
    assert Client(store, "b" * 64).post("enter", **sent)[1]["error"] == "invitation"
    assert Client(store, "short").post("enter", **sent)[0] == 422
    assert Client(store, None).post("enter", **sent)[0] == 422
    assert Client(store, None).post("welcome", **sent)[1]["error"] == "invitation"


def test_a_study_open_to_all_takes_raters_in_its_languages_and_a_frozen_one_or_a_draft_does_not(
    store: RatingStore, study: Study
) -> None:
    welcome = Client(store, None).post("welcome", study="topics", tag="en")[1]
    assert {one["tag"] for one in welcome["languages_rated"]} == {"am", "ar", "en", "sw", "ur", "zh"}
    own = "c" * 64
    for _ in range(2):
        assert Client(store, own).post("enter", study="topics", language="am") == (200, {"token": own})
    assert [rater.language for rater in store.raters(study.id)] == ["am"]
    status, answer = Client(store, "d" * 64).post("enter", study="topics", language="ja")
    assert (status, answer["error"], "choose one of am, ar" in answer["message"]) == (422, "refused", True)
    for state in ("draft", "closed"):
        store.set_study_state(study.id, state)
        assert Client(store, None).post("welcome", study="topics")[1]["study"] is None
        assert Client(store, "e" * 64).post("enter", study="topics", language="am")[1]["error"] == "invitation"


def test_raters_without_invitation_have_an_allowance_and_invited_ones_need_none(
    store: RatingStore, study: Study
) -> None:
    def allow(kind: str, _: object) -> None:
        raise TooMany(f"too many of kind {kind}")

    http = TestClient(Starlette(routes=rater_routes(store, allow)))
    headers = {"Authorization": f"Bearer {'f' * 64}"}
    answer = http.post("/rate/enter", json={"study": "topics", "language": "am"}, headers=headers)
    assert (answer.status_code, answer.json()["message"]) == (429, "too many of kind rater")
    _, invitation = store.new_invitation(study.id, "am")
    assert (
        http.post("/rate/enter", json={"study": "topics", "invitation": invitation}, headers=headers).status_code == 200
    )
