"""While the app loads its address says so, in the visitor's language, and gives way to the app; what cannot start says why.

Tests of `app.options`.
"""

import argparse
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from app_server import free_port

import app.server
from annotation.errors import RestoreFailed
from app.options import parse
from app.startup_page import StartupPage
from app.texts import rater_words


@pytest.fixture
def port() -> int:
    return free_port()


def test_it_says_so_in_the_visitors_language_with_a_status_that_says_come_again(port: int) -> None:
    startup_page = StartupPage("127.0.0.1", port)
    try:
        for accepted, tag in (("sw,en;q=0.5", "sw"), ("xx-YY, ar-EG;q=0.9", "ar"), ("", "en"), ("de", "en")):
            told = httpx.get(f"http://127.0.0.1:{port}/rate?study=x", headers={"accept-language": accepted})
            assert told.status_code == 503
            assert int(told.headers["retry-after"]) > 0
            assert rater_words(tag)("waking.up").split("'")[0] in told.text
            assert f'lang="{tag}"' in told.text
        posted = httpx.post(f"http://127.0.0.1:{port}/rate/submit", json={"id": "x"})
        assert (posted.status_code, posted.json()["error"]) == (
            503,
            "unavailable",
        )  # the raters' page keeps it and retries
        startup_page.closed()
        assert rater_words("en")("waking.closed") in httpx.get(f"http://127.0.0.1:{port}/").text
    finally:
        startup_page.stop()
    startup_page.stop()
    with socket.create_server(("127.0.0.1", port)):
        pass  # the address is free again


def test_visitors_who_send_nothing_or_rubbish_keep_nobody_waiting(port: int) -> None:
    startup_page = StartupPage("127.0.0.1", port)
    try:
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
        with socket.create_connection(("127.0.0.1", port)) as odd:
            odd.sendall(b"POST /rate/submit HTTP/1.1\r\ncontent-length: -5\r\n\r\n")
            assert odd.recv(20).startswith(b"HTTP/1.0 503")
        assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 503
        for one in silent:
            one.close()
    finally:
        startup_page.stop()


def options(tmp_path: Path, port: int, on_space: bool) -> argparse.Namespace:
    found = parse(["--data", str(tmp_path), "--port", str(port), "--host", "127.0.0.1"])
    found.on_space = on_space
    return found


def test_on_a_space_a_restore_that_fails_leaves_ratings_closed_and_says_so(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Any) -> Any:
        raise RestoreFailed("none of the 2 snapshots in '/secret/place' is sound.")

    monkeypatch.setattr(app.server, "_opened", fail)
    ended: list[int] = []
    stopping: list[StartupPage] = []
    wait = StartupPage.wait
    monkeypatch.setattr(StartupPage, "wait", lambda self: (stopping.append(self), wait(self))[1])
    work = threading.Thread(target=lambda: ended.append(app.server.serve(options(tmp_path, port, True))))
    work.start()
    deadline = time.monotonic() + 20
    while not stopping and time.monotonic() < deadline:
        time.sleep(0.05)
    told = httpx.get(f"http://127.0.0.1:{port}/")
    posted = httpx.post(f"http://127.0.0.1:{port}/rate/submit", json={})
    stopping[0].stop()
    work.join()
    assert told.status_code == posted.status_code == 503
    assert rater_words("en")("waking.closed") in told.text
    assert "secret/place" not in told.text + posted.text  # the host's log has it
    assert "secret/place" in capsys.readouterr().err
    assert ended == [2]


def test_elsewhere_it_ends_with_the_sentence(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Any) -> Any:
        raise RestoreFailed("none of the 2 snapshots is sound.")

    monkeypatch.setattr(app.server, "_opened", fail)
    assert app.server.serve(options(tmp_path, port, False)) == 2
    assert "none of the 2 snapshots" in capsys.readouterr().err


def test_an_address_in_use_is_one_sentence_before_anything_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.server, "_opened", lambda _: pytest.fail("was opened"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert app.server.serve(options(tmp_path, taken.getsockname()[1], False)) == 2
    assert "give another --port" in capsys.readouterr().err


def test_the_environment_says_where_a_proxy_shows_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_SERVER_PORT", "8765")
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    monkeypatch.setenv("GRADIO_ROOT_PATH", "/agl")
    found = parse([])
    assert (found.port, found.host, found.root_path) == (8765, "0.0.0.0", "/agl")
    monkeypatch.delenv("GRADIO_SERVER_NAME")
    assert parse([]).host == "127.0.0.1"
    monkeypatch.setenv("SYSTEM", "spaces")
    assert parse([]).host == "0.0.0.0"
    assert parse(["--port", "1", "--host", "::1", "--root-path", "https://x/y"]).root_path == "https://x/y"


@pytest.mark.parametrize("port", ["soon", "70000", "-1", ""])
def test_a_port_that_is_none_is_one_sentence(
    port: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRADIO_SERVER_PORT", port)
    with pytest.raises(SystemExit) as ended:
        parse([])
    assert ended.value.code == 2
    assert "give a number from 0 to 65535" in capsys.readouterr().err


def test_nothing_heavy_is_imported_before_the_address_is_taken() -> None:
    code = "import sys, app.server; print(sorted({m.split('.')[0] for m in sys.modules} & {'torch', 'gradio', 'sqlalchemy'}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.strip() == "[]"
