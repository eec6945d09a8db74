"""Bodies, files, paths, other sites, slow and many connections: attacks below the page."""

import contextlib
import json
import socket
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from security.hostile import MARKUP, SECRET, Target, join, listen, question, through_queue

from app.access.header_time import HEADER_SECONDS
from app.access.queue_limits import MOST_OF_ONE

pytestmark = pytest.mark.slow
OWN = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
DEEP = b"[" * 200_000
BODIES: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "bytes": bytes(range(256)),
    "deep": DEEP,
    "deep object": b'{"data":' + DEEP,
    "two megabytes": b'{"data":["' + b"x" * 2_000_000 + b'"]}',
    "surrogate": b'{"data":["\\ud800"],"fn_index":0,"session_hash":"\\ud800"}',
    "NUL": b'{"data":["\\u0000"],"fn_index":0,"session_hash":"\\u0000"}',
    "huge number": b'{"data":[' + b"9" * 5000 + b'],"fn_index":1e400}',
    "no such function": b'{"data":[],"fn_index":99999,"session_hash":"a"}',
    "negative function": b'{"data":[],"fn_index":-1,"session_hash":"a"}',
    "text for a number": b'{"data":[],"fn_index":"../../etc","session_hash":"a"}',
}


@pytest.mark.parametrize("content", BODIES.values(), ids=BODIES)
def test_bodies_that_are_no_calls(target: Target, content: bytes) -> None:
    """A body that is refused unread ends its connection, so each has its own."""
    headers = {"Content-Type": "application/json", "Connection": "close", "Authorization": f"Bearer {target.rater}"}
    for path in ("/gradio_api/queue/join", "/gradio_api/call/run", "/gradio_api/run/run", "/gradio_api/cancel"):
        answer = httpx.post(f"{target.url}{path}", content=content, headers=headers)
        assert answer.status_code == 500 or answer.status_code < 500, path
        assert "Traceback" not in answer.text
        assert str(target.data) not in answer.text
    for path in ("session", "next", "look", "submit", "skip", "enter", "welcome"):
        answer = httpx.post(f"{target.url}/rate/{path}", content=content, headers=headers)
        known = answer.headers["content-type"] == "application/json" and set(answer.json()) == {"error", "message"}
        assert known or answer.status_code == 200, (path, answer.text[:200])
    with target.store() as store:
        assert store.ratings(store.study("hidden-study").id) == []


def test_ratings_that_no_page_would_send(target: Target) -> None:
    wrong = (None, [], "5", {"A": 5}, {"A": {"fluency": 6}}, {"A": {"fluency": True}}, {"A": {MARKUP: 3}}, {MARKUP: {}})
    places = (0, -1, 2**70, "1", None, 1.5)
    for values, position in [*((one, 1) for one in wrong), *(({}, one) for one in places)]:
        sent: dict[str, Any] = {"id": str(uuid.uuid4()), "position": position, "values": values, "seconds": 1.0}
        answer = target.post("submit", target.fresh(), **sent)
        assert answer.status_code == 422, (values, position, answer.text)
        assert answer.json()["error"] == "refused"
    with target.store() as store:
        assert store.ratings(store.study("hidden-study").id) == []


PATHS = [
    "/etc/passwd", "/proc/self/environ", "/proc/self/cmdline", "{data}/ratings.db", "{data}/organiser-secret", "{data}/../log",
    "{data}/downloads/../ratings.db", "{data}/downloads/%2e%2e/ratings.db", "..%2f..%2fetc%2fpasswd", "/gradio_api/../etc/passwd",
    "{root}/README.md", "{root}/app/main.py", "{root}/.git/config", "//etc/passwd", "/etc/./passwd", "\\\\etc\\passwd",
    "C:\\Windows\\win.ini", "/dev/zero", "/etc/passwd%00.png", "file:///etc/passwd", "%252e%252e/%252e%252e/etc/passwd",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_files_of_the_server(target: Target, path: str) -> None:
    root = Path(__file__).resolve().parents[2]
    named = path.format(data=target.data, root=root)
    for place in (
        f"/gradio_api/file={named}",
        f"/gradio_api/file/{named}",
        f"/static/{named}",
        f"/assets/{named}",
        f"/rate/{named}",
    ):
        answer = target.client.get(place)
        assert answer.status_code in (400, 403, 404, 405, 422, 500), (place, answer.status_code, answer.text[:100])
        assert not any(word in answer.text for word in ("root:x", "SQLite", SECRET, "[core]", "AGL_"))


@pytest.mark.parametrize(
    "address", ["http://192.0.2.1/x", "https://huggingface.co/x", "//192.0.2.1/x", "http://127.0.0.1:22/"]
)
def test_the_server_fetches_nothing_for_a_visitor(target: Target, address: str) -> None:
    for place in (f"/gradio_api/file={address}", f"/gradio_api/proxy={address}"):
        assert target.client.get(place).status_code == 404


def enter_study(target: Target) -> None:
    """From now on this address is an organiser's, whose files are taken."""
    assert '"success":true' in through_queue(target, target.event("study-unlock.click"), [SECRET, "en"])


def upload(target: Target, name: str, content: bytes) -> list[str]:
    enter_study(target)
    answer = target.client.post("/gradio_api/upload", files={"files": (name, content)})
    return list(answer.json()) if answer.status_code == 200 else []


def test_an_uploads_name_leads_nowhere(target: Target) -> None:
    before = {path for path in target.data.rglob("*") if path.is_file() and "backup" not in str(path)}
    for name in (
        "../../../x.csv",
        "/etc/cron.d/x",
        "..\\..\\x.csv",
        "x.csv\x00.py",
        f"{MARKUP}.csv",
        "a/" * 200 + "x.csv",
    ):
        for place in upload(target, name, b"x"):
            assert (target.data.parent / "gradio") in Path(place).resolve().parents
    after = {path for path in target.data.rglob("*") if path.is_file() and "backup" not in str(path)}
    assert {path.suffix for path in after - before} <= {".db-wal", ".db-shm"}


def test_an_upload_that_is_a_page_is_no_page_of_this_origin(target: Target) -> None:
    (place,) = upload(target, "x.html", f"<html>{MARKUP}</html>".encode())
    answer = target.client.get(f"/gradio_api/file={place}")
    sandboxed = answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert answer.status_code in (403, 404) or (
        sandboxed and "attachment" in answer.headers.get("content-disposition", "")
    )


def test_an_upload_that_is_too_large(target: Target) -> None:
    assert (
        target.client.post("/gradio_api/upload", files={"files": ("x.csv", b"x" * (41 * 1024 * 1024))}).status_code
        == 413
    )


def test_uploads_without_end(target: Target) -> None:
    enter_study(target)
    codes = [target.client.post("/gradio_api/upload", files={"files": ("x", b"x")}).status_code for _ in range(30)]
    assert 429 in codes
    assert codes.count(200) <= 25


def test_another_sites_page_changes_nothing(target: Target) -> None:
    body = json.dumps({"id": str(uuid.uuid4()), "position": 1, "values": {}})
    for path in ("/rate/submit", "/rate/enter", "/gradio_api/queue/join", "/gradio_api/upload", "/gradio_api/run/x"):
        for headers in (OWN, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}):
            answer = target.client.post(
                path, content=body, headers={**headers, "Authorization": f"Bearer {target.rater}"}
            )
            assert (answer.status_code, answer.json()["error"]) == (403, "origin"), (path, headers)
    seen = target.client.get("/config", headers=OWN)
    assert seen.headers.get("access-control-allow-origin") != "https://evil.example"


def test_another_sites_frame_shows_nothing(target: Target) -> None:
    for path in ("/", "/rate", "/config", "/gradio_api/info", "/rate/page.js"):
        assert "frame-ancestors 'self'" in target.client.get(path).headers["content-security-policy"]


def test_tokens_are_not_guessed_at_any_speed(target: Target) -> None:
    visitor = {"X-Forwarded-For": "198.51.100.78"}
    answers = [
        target.client.post("/rate/session", content="{}", headers={**visitor, "Authorization": "Bearer guess"})
        for _ in range(90)
    ]
    assert {answer.status_code for answer in answers} == {401, 429}
    assert target.post("session", target.rater).status_code == 200


@contextlib.contextmanager
def connections(target: Target, count: int, first: bytes) -> Any:
    """So many connections that send the beginning of something and then nothing."""
    port = int(target.url.rsplit(":", 1)[1])
    opened = []
    try:
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", port), timeout=60)
            one.sendall(first)
            opened.append(one)
        yield opened
    finally:
        for one in opened:
            one.close()


HEADERS = b"POST /rate/submit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer y\r\nContent-Length: 60000\r\n\r\n{"


@pytest.mark.parametrize(
    "first", [b"", b"GET / HTTP/1.1\r\nX-Slow: ", HEADERS], ids=["silent", "half a header", "half a body"]
)
def test_two_hundred_connections_keep_no_rater_waiting(target: Target, first: bytes) -> None:
    rater = target.fresh()  # the one of the other tests may have spent her requests of this minute
    with connections(target, 200, first):
        assert target.post("session", rater).status_code == 200
        assert target.post("next", rater).status_code == 200
    assert target.post("session", rater).status_code == 200


def test_who_never_ends_a_header_or_sends_a_body_byte_by_byte_is_let_go(target: Target) -> None:
    """1,010 headers without an end stopped the raters' page: each keeps an open file for as long as it likes."""
    body = HEADERS.replace(b"Bearer y", b"Bearer z")  # y spent its allowance above
    headless = connections(target, 50, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
    with connections(target, 1, body) as (slow,), headless as lines:
        for line in lines:
            line.settimeout(3 * HEADER_SECONDS)
            with contextlib.suppress(ConnectionResetError):
                assert line.recv(100) == b""
        ends = time.monotonic() + 60
        slow.settimeout(1.0)
        answer = b""
        while not answer and time.monotonic() < ends:
            with contextlib.suppress(TimeoutError):
                answer = slow.recv(200)
            with contextlib.suppress(OSError):
                slow.sendall(b" ")
        assert b" 408 " in answer.split(b"\r\n")[0]


def test_a_visitor_with_long_jobs_keeps_no_rater_waiting(target: Target) -> None:
    """Long questions wait for one another; a rater and the tab Rate are answered before the last of them has begun."""
    session = uuid.uuid4().hex[:11]
    ask = target.event("ask.click")
    assert all(
        join(target, ask, question(target, text=f"LONG {n}"), session if n == 3 else uuid.uuid4().hex[:11])
        for n in range(12)
    )
    assert target.post("next", target.fresh()).status_code == 200
    assert '"success":true' in through_queue(target, target.rate_tab(), [None])
    assert "process_completed" in through_queue(target, target.event("study-unlock.click"), ["x", "en"])
    assert "process_completed" not in listen(target, session, 1)  # which also takes it out of the queue


def test_a_visitor_has_few_events_waiting_and_study_and_results_answer_others(target: Target) -> None:
    ask = target.event("ask.click")
    sessions = [uuid.uuid4().hex[:11] for _ in range(MOST_OF_ONE + 15)]
    joined = [join(target, ask, question(target, text="HOLD"), session) for session in sessions]
    assert all(joined[:MOST_OF_ONE]) and not any(joined[MOST_OF_ONE:])
    target.client.headers["X-Forwarded-For"] = "198.51.100.90"
    for event, data in (("study-unlock.click", ["x", "en"]), ("refresh.click", [None, None, False, "en", ""])):
        assert "process_completed" in through_queue(target, target.event(event), data)
    (target.data.parent / "go_on").touch()  # ends what is held, or it would keep the processor of all later tests busy


def test_the_log_and_the_disk_hold_no_address_token_or_secret(target: Target) -> None:
    address = "198.51.100.79"
    target.client.post("/rate/session", content="{}", headers={"X-Forwarded-For": address, "Authorization": "Bearer x"})
    target.client.get(f"/rate?study=hidden-study&invite={target.invitation}", headers={"X-Forwarded-For": address})
    through_queue(target, target.event("study-unlock.click"), ["a wrong secret", "en"])
    words = (address, SECRET, target.rater, target.invitation, "a wrong secret")
    assert [word for word in words if word in target.log] == []
    for path in target.data.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert [word for word in words if word.encode() in content] == [], path
