"""A server behind a password, attacked by who does not know it and by who asks without end."""

import uuid
from collections.abc import Iterator

import httpx
import pytest
from security.hostile import PASSWORD, SYSTEM, Target, attacked, join, listen, question, through_queue

pytestmark = pytest.mark.slow
PAGE = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with attacked(tmp_path_factory.mktemp("closed"), AGL_PASSWORD=PASSWORD) as found:
        yield found


def test_without_the_password_nothing_but_the_raters_page_is_open(closed: Target) -> None:
    paths = (
        "/config",
        "/gradio_api/info",
        "/gradio_api/openapi.json",
        "/theme.css",
        "/assets/index.js",
        "/gradio_api/queue/status",
    )
    assert {path: closed.client.get(path).status_code for path in paths} == dict.fromkeys(paths, 401)
    for path in ("/gradio_api/queue/join", "/gradio_api/upload", "/gradio_api/call/run", "/gradio_api/run/run"):
        assert closed.client.post(path, json={}).status_code == 401
    shown = closed.client.get("/", headers=PAGE)
    assert shown.status_code == 200
    assert "gradio" not in shown.text
    assert SYSTEM not in shown.text


def test_a_raters_link_needs_no_password(closed: Target) -> None:
    assert closed.client.get("/rate").status_code == 200
    assert closed.client.get("/rate/page.js").status_code == 200
    assert closed.post("session", closed.rater).json()["study"]["slug"] == "hidden-study"
    entered = closed.post("enter", "a" * 64, study="hidden-study", invitation=closed.invitation)
    assert entered.json() == {"token": "a" * 64}


@pytest.mark.parametrize("cookie", ["1", "9999999999.", f"9999999999.{'0' * 64}", f"9999999999.{PASSWORD}", "\x7f"])
def test_a_forged_cookie_does_not_open(closed: Target, cookie: str) -> None:
    assert httpx.get(f"{closed.url}/config", headers={"Cookie": f"agl-door={cookie}"}).status_code == 401


def test_ways_around_the_door(closed: Target) -> None:
    for path in (
        "/rate/../config",
        "/rate/%2e%2e/config",
        "//config",
        "/./config",
        "/rate;/config",
        "/config/",
        "/robots.txt/../config",
    ):
        answer = httpx.get(f"{closed.url}{path}", headers={"X-Original-URL": "/rate", "X-Forwarded-For": "127.0.0.1"})
        assert "dependencies" not in answer.text, path
        assert answer.status_code in (401, 404), path


def test_the_password_opens_and_a_visitor_who_asks_without_end_is_slowed_alone(closed: Target) -> None:
    with httpx.Client(base_url=closed.url, timeout=60) as guest:
        assert guest.post("/", data={"password": "a wrong one"}, headers=PAGE).status_code == 403
        assert guest.post("/", data={"password": PASSWORD}, headers=PAGE).status_code == 303
        known = Target(
            closed.url, closed.data, closed.rater, "", "", closed.process, guest, guest.get("/config").json()
        )
        ask = known.event("ask.click")
        sessions = [uuid.uuid4().hex[:11] for _ in range(40)]
        assert all(join(known, ask, question(known), session) for session in sessions)  # before the first is answered
        assert "more than one visitor may ask" in listen(known, sessions[-1])
        guest.headers["X-Forwarded-For"] = "198.51.100.80"
        assert "more than one visitor may ask" not in through_queue(known, ask, question(known))


def test_passwords_are_not_guessed_at_any_speed(closed: Target) -> None:
    headers = {**PAGE, "X-Forwarded-For": "198.51.100.81"}
    codes = [closed.client.post("/", data={"password": f"guess {n}"}, headers=headers).status_code for n in range(15)]
    assert set(codes) == {403, 429}
    assert PASSWORD not in closed.log
