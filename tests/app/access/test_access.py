"""Settings of access, allowances, origins, sizes and the password page, each by itself and in a small server.

Tests of `app.access.guard`, `app.access.limits`, `app.access.password`, `app.access.settings`.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from app.access.guard import MOST_BYTES, Guard, bounded, bounds, from_elsewhere, served
from app.access.limits import MOST_BUCKETS, Limits, Rule, TooMany, address_of
from app.access.password import COOKIE, GOOD_S, PasswordPage
from app.access.settings import HUB, Access, AccessError, open_access
from app.explore.models import ModelCache
from core.errors import InvalidConfig

PASSWORD = "a word of passage"


class Seconds:
    now = 0.0

    def __call__(self) -> float:
        return self.now


# --- settings ---------------------------------------------------------------------------------------------------------


def test_a_person_alone_with_her_machine_is_not_limited_and_a_server_is() -> None:
    alone = open_access("127.0.0.1", environment={})
    assert (alone.public, alone.only_organisers_train, alone.frames) == (False, False, ())
    for host, given in (("0.0.0.0", {}), ("127.0.0.1", {"AGL_PUBLIC": "1"}), ("127.0.0.1", {"SYSTEM": "spaces"})):
        access = open_access(host, environment=given)
        assert access.public
        assert access.only_organisers_train
    assert open_access("127.0.0.1", public=True, environment={}).public


def test_the_host_says_who_trains_and_who_may_frame() -> None:
    given = {"AGL_OPEN_TRAINING": "1", "AGL_FRAMES": "https://lab.example https://x.example"}
    access = open_access("0.0.0.0", environment=given)
    assert not access.only_organisers_train
    assert access.frames == ("https://lab.example", "https://x.example")
    assert open_access("0.0.0.0", environment={"SYSTEM": "spaces"}).frames == HUB
    assert open_access("0.0.0.0", environment={"SYSTEM": "spaces", "AGL_FRAMES": ""}).frames == ()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"AGL_PUBLIC": "yes"}, "AGL_PUBLIC is 'yes'; give 1 or 0"),
        ({"AGL_PROXIES": "proxy.local"}, "AGL_PROXIES holds 'proxy.local'; give addresses or networks"),
        ({"AGL_HOSTS": "https://x.example"}, "AGL_HOSTS holds 'https://x.example'; give names"),
        ({"AGL_PASSWORD": "short"}, "5 characters; give at least 8"),
        ({"AGL_PASSWORD": ""}, "0 characters"),
        ({"AGL_FRAMES": "https://a.example; script-src *"}, "AGL_FRAMES holds"),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence(given: dict[str, str], says: str) -> None:
    with pytest.raises(AccessError, match=says):
        open_access("127.0.0.1", environment=given)


def test_the_password_comes_from_a_file_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    assert (
        open_access("127.0.0.1", password_file=file, environment={"AGL_PASSWORD": "another one"}).password == PASSWORD
    )
    assert open_access("127.0.0.1", environment={"AGL_PASSWORD": PASSWORD}).password == PASSWORD
    assert open_access("127.0.0.1", environment={}).password is None
    file.write_bytes(b"\xff\xfe")
    for wrong in (file, tmp_path / "none"):
        with pytest.raises(AccessError, match="cannot be read"):
            open_access("127.0.0.1", password_file=wrong, environment={})


@pytest.mark.parametrize("model", ["/etc", "../..", "someone/model", "embedded/../../etc", "~"])
def test_a_visitor_of_a_public_server_makes_it_load_no_other_model(model: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"not offered here; choose tiny, .*org/name"):
        ModelCache(tmp_path, "embedded", None, offered=("org/name",), only_offered=True).open(model, "fp32")


# --- allowances -------------------------------------------------------------------------------------------------------


def test_an_allowance_is_used_up_and_fills_again_for_each_visitor_alone() -> None:
    clock = Seconds()
    limits = Limits(rules={"explore": Rule(2, 6)}, clock=clock)
    one, other = limits.name("one"), limits.name("other")
    for _ in range(2):
        limits.take("explore", one)
    with pytest.raises(TooMany, match="try again in 11 s"):
        limits.take("explore", one)
    limits.take("explore", other)
    clock.now = 10.5  # six a minute: one after ten seconds
    limits.take("explore", one)
    with pytest.raises(TooMany):
        limits.take("explore", one)
    Limits(active=False).take("explore", one)


def test_no_address_is_kept_and_yesterdays_names_mean_nothing() -> None:
    clock = Seconds()
    limits = Limits(rules={"explore": Rule(1, 1)}, clock=clock)
    visitor = limits.visitor(request("198.51.100.7"))
    limits.take("explore", visitor)
    assert "198.51.100.7" not in repr(vars(limits))
    assert visitor == limits.visitor(request("198.51.100.7"))
    assert visitor != Limits().visitor(request("198.51.100.7"))
    clock.now = 25 * 3600
    assert visitor != limits.visitor(request("198.51.100.7"))
    assert limits._left == {}


def test_many_invented_visitors_do_not_fill_the_memory_and_do_not_free_who_is_limited() -> None:
    clock = Seconds()
    limits = Limits(rules={"explore": Rule(2, 0.001)}, clock=clock)
    limits.take("explore", "ff")
    limits.take("explore", "ff")
    for number in range(MOST_BUCKETS + 10):
        limits.take("explore", f"{number:08x}")
    assert len(limits._left) <= MOST_BUCKETS
    with pytest.raises(TooMany):
        limits.take("explore", "ff")


def request(peer: str, **headers: str) -> Any:
    return SimpleNamespace(client=SimpleNamespace(host=peer), headers=headers)


@pytest.mark.parametrize(
    ("peer", "forwarded", "counts"),
    [
        ("8.8.8.8", None, "8.8.8.8"),
        ("8.8.8.8", "1.1.1.1", "8.8.8.8"),  # a visitor who sends the header herself, past no proxy
        ("10.0.0.1", "1.1.1.1, 9.9.9.9, 10.2.0.3", "9.9.9.9"),  # 1.1.1.1 may be invented, 9.9.9.9 reached the proxy
        ("10.0.0.1", "nonsense, 10.1.1.1", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("2a01:4f8:1:2:aaaa::1", None, "2a01:4f8:1:2::/64"),
        ("testclient", None, "testclient"),
    ],
)
def test_a_visitor_counts_by_the_address_that_nobody_can_invent(peer: str, forwarded: str | None, counts: str) -> None:
    assert address_of(peer, forwarded) == counts


# --- origins and routes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "elsewhere"),
    [
        ({}, False),  # a program
        ({"sec-fetch-site": "same-origin", "origin": "https://a.example"}, False),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "same-site"}, True),
        ({"origin": "http://lab.example:8000", "host": "lab.example:8000"}, False),
        ({"origin": "https://lab.example", "host": "10.0.0.5:7860", "x-forwarded-host": "lab.example"}, False),
        ({"origin": "https://evil.example", "host": "lab.example"}, True),
        ({"origin": "null", "host": "lab.example"}, True),
        ({"origin": "", "host": ""}, True),
    ],
)
def test_only_the_apps_own_page_changes_something(headers: dict[str, str], elsewhere: bool) -> None:
    assert from_elsewhere("POST", headers) is elsewhere
    assert not from_elsewhere("GET", headers)


@pytest.mark.parametrize(
    ("method", "path", "there"),
    [
        ("GET", "/", True),
        ("GET", "/assets/index.js", True),
        ("POST", "/gradio_api/queue/join", True),
        ("POST", "/gradio_api/queue/join/", True),
        ("POST", "/gradio_api/call/explore", True),
        ("GET", "/gradio_api/file=/tmp/gradio/a/b.zip", True),
        ("POST", "/rate/submit", True),
        ("POST", "/gradio_api/component_server", False),
        ("POST", "/gradio_api/process_recording", False),
        ("POST", "/gradio_api/vibe-edit/", False),
        ("POST", "/gradio_api/stream/x", False),
        ("GET", "/gradio_api/proxy=https://x.hf.space/a", False),
        ("GET", "/gradio_api/file=http://192.0.2.1/", False),
        ("GET", "/gradio_api/file=//192.0.2.1/", False),
        ("GET", "/gradio_api/dev/reload", False),
        ("GET", "/gradio_api/file/etc/passwd", False),
        ("GET", "/monitoring/summary", False),
        ("POST", "/login", False),
        ("POST", "/", False),
        ("PUT", "/rate/submit", False),
        ("DELETE", "/gradio_api/queue/join", False),
    ],
)
def test_what_the_app_does_not_use_is_not_there(method: str, path: str, there: bool) -> None:
    assert served(method, path, password=False) is there


# --- the guard in a small server --------------------------------------------------------------------------------------


async def echo(asked: Request) -> Response:
    return JSONResponse({"bytes": len(await asked.body())})


async def plain(asked: Request) -> Response:
    own = {"Content-Security-Policy": "default-src 'none'"} if asked.url.path == "/rate" else {}
    return PlainTextResponse("here", headers=own)


def server(access: Access, limits: Limits | None = None) -> TestClient:
    paths = ("/", "/rate", "/config", "/gradio_api/file=/x")
    routes = [Route(path, plain) for path in paths]
    routes += [
        Route(path, echo, methods=["POST"]) for path in ("/rate/submit", "/gradio_api/queue/join", "/gradio_api/upload")
    ]
    guard = Middleware(Guard, access=access, limits=limits or Limits(active=False))
    return TestClient(Starlette(routes=routes, middleware=[guard]), follow_redirects=False)


def test_every_answer_says_who_may_frame_it() -> None:
    client = server(Access(frames=HUB))
    for path in ("/", "/rate", "/gradio_api/file=/x", "/nothing"):
        policy = client.get(path).headers["content-security-policy"]
        assert policy.endswith("frame-ancestors 'self' https://huggingface.co https://*.hf.space"), path
        assert policy.count("frame-ancestors") == 1
    assert client.get("/rate").headers["content-security-policy"].startswith("default-src 'none';")
    assert client.get("/gradio_api/file=/x").headers["content-security-policy"].startswith("sandbox;")
    assert server(Access()).get("/").headers["content-security-policy"].endswith("frame-ancestors 'self'")


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not() -> None:
    client = server(Access())
    assert client.post("/gradio_api/queue/join", content=b"x" * MOST_BYTES).json() == {"bytes": MOST_BYTES}
    assert client.post("/gradio_api/queue/join", content=b"x" * (MOST_BYTES + 1)).status_code == 413
    parts = (b"x" * 65_536 for _ in range(20))
    assert client.post("/gradio_api/queue/join", content=parts).status_code == 413  # chunks, no Content-Length
    assert client.post("/rate/submit", content=b"x" * 200_000).status_code == 413
    wrong = {"Content-Length": "-1"}
    assert client.post("/rate/submit", content=b"", headers=wrong).status_code == 413
    assert bounds("/gradio_api/upload")[0] > MOST_BYTES


def test_a_body_that_does_not_come_ends_after_its_time() -> None:
    async def drip() -> dict[str, Any]:
        await anyio.sleep(0.05)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def read() -> None:
        receive = bounded(drip, 1000, 0.3)  # type: ignore[arg-type]
        while True:
            await receive()

    with ThreadPoolExecutor(1) as alone, pytest.raises(Exception, match="not complete after 0 s") as ended:
        alone.submit(anyio.run, read).result()  # this thread may have the loop of a browser's test
    assert ended.value.status_code == 408  # type: ignore[attr-defined]


def test_a_visitor_who_asks_too_fast_waits_and_others_do_not() -> None:
    rules = {"rate": Rule(1000, 1), "token": Rule(2, 1), "request": Rule(1, 1)}
    client = server(Access(public=True), Limits(rules=rules))
    mine, hers = {"Authorization": "Bearer mine"}, {"Authorization": "Bearer hers"}
    codes = [client.post("/rate/submit", content=b"{}", headers=mine).status_code for _ in range(3)]
    assert codes == [200, 200, 429]
    assert client.post("/rate/submit", content=b"{}", headers=hers).status_code == 200
    assert [client.get("/config").status_code for _ in range(2)] == [200, 429]
    assert client.get("/config").headers["retry-after"]


# --- the password ---------------------------------------------------------------------------------------------------------


def test_behind_a_password_only_the_raters_page_is_open() -> None:
    client = server(Access(password=PASSWORD))
    assert client.get("/rate").text == "here"
    assert client.post("/rate/submit", content=b"{}").json() == {"bytes": 2}
    for path in ("/config", "/gradio_api/file=/x"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["error"]) == (401, "password")
    assert client.post("/gradio_api/queue/join", content=b"{}").status_code == 401
    shown = client.get("/", headers={"Accept": "text/html", "Accept-Language": "ar"})
    assert shown.status_code == 200
    assert '<html lang="ar" dir="rtl">' in shown.text
    assert "here" not in shown.text


def test_the_password_opens_and_leads_back_to_the_question() -> None:
    client = server(Access(password=PASSWORD))
    page = {"Accept": "text/html"}
    wrong = client.post("/?q=a%3Cb", data={"password": "guess"}, headers=page)
    assert (wrong.status_code, "This is not the password" in wrong.text) == (403, True)
    assert client.get("/config").status_code == 401
    right = client.post("/?q=a%3Cb", data={"password": f" {PASSWORD} "}, headers=page)
    assert (right.status_code, right.headers["location"]) == (303, "?q=a%3Cb")
    cookie = right.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Lax", f"Max-Age={GOOD_S}"))
    assert PASSWORD not in cookie
    assert client.get("/config").text == "here"


def test_in_a_frame_of_the_hub_the_cookie_is_sent_too() -> None:
    client = server(Access(password=PASSWORD, frames=HUB))
    proxied = {"X-Forwarded-Proto": "https", "Accept": "text/html"}
    cookie = client.post("/", data={"password": PASSWORD}, headers=proxied).headers["set-cookie"]
    assert "Secure; SameSite=None; Partitioned" in cookie


def test_a_cookie_is_forged_or_prolonged_by_nobody_and_ends_with_the_password() -> None:
    clock = Seconds()
    page = PasswordPage(PASSWORD, Limits(active=False), clock=clock)
    good = f"{GOOD_S}.{page._sign(str(GOOD_S))}"
    assert page.passed(with_cookie(good))
    for forged in ("", ".", "1.", f"{GOOD_S + 1}.{page._sign(str(GOOD_S))}", "x.y", "9" * 400 + ".0", "\udcff.0"):
        assert not page.passed(with_cookie(forged)), forged
    assert not PasswordPage("another password", Limits(active=False), clock=clock).passed(with_cookie(good))
    clock.now = GOOD_S + 1
    assert not page.passed(with_cookie(good))


def with_cookie(value: str) -> Request:
    cookie = f"{COOKIE}={value}".encode("utf-8", "surrogateescape")
    return Request({"type": "http", "headers": [(b"cookie", cookie)]})


def test_wrong_passwords_are_limited_and_the_right_one_always_passes() -> None:
    limits = Limits(rules={"secret": Rule(3, 1), "request": Rule(100, 1)})
    client = server(Access(password=PASSWORD), limits)
    page = {"Accept": "text/html"}
    codes = [client.post("/", data={"password": "guess"}, headers=page).status_code for _ in range(4)]
    assert codes == [403, 403, 403, 429]
    assert client.post("/", data={"password": PASSWORD}, headers=page).status_code == 303
    client.cookies.clear()
    assert json.loads(client.post("/gradio_api/queue/join").content)["error"] == "password"
