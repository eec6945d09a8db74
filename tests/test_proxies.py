"""The proxy configurations of docs/hosting.md, run as they stand there in front of a small server: skipped where nginx or Caddy is missing.

``NGINX`` and ``CADDY`` name programs that are not on the path. Replaced are addresses alone: there is no certificate for
ratings.example.org here.
"""

import asyncio
import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from app_server import free_port
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route
from web_server import serving

PAGE = Path(__file__).resolve().parents[1] / "docs" / "hosting.md"
HEADER_S = 10  # of both configurations


async def headers(request: Request) -> JSONResponse:
    return JSONResponse(dict(request.headers) | {"bytes": len(await request.body())})


async def stream(_: Request) -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"first\n"
        await asyncio.sleep(2.0)
        yield b"last\n"

    return StreamingResponse(parts(), media_type="text/event-stream")


@pytest.fixture(scope="module")
def behind() -> Iterator[int]:
    """A server that says what reaches it."""
    app = Starlette(routes=[Route("/stream", stream), Route("/{rest:path}", headers, methods=["GET", "POST"])])
    with serving(app) as port:
        yield port


def configuration(kind: str) -> str:
    (found,) = re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


def replaced(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def nginx(folder: Path, port: int, behind: int) -> list[str]:
    server = replaced(
        configuration("nginx"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port};"),
        ("127.0.0.1:7860", f"127.0.0.1:{behind}"),
    )
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path = folder / "nginx.conf"
    path.write_text(
        f"daemon off; user root; pid {folder}/pid; error_log {folder}/log;\nevents {{}}\nhttp {{ access_log off; {temporary}\n{server}}}\n"
    )
    return ["-c", str(path), "-e", f"{folder}/log"]


def caddy(folder: Path, port: int, behind: int) -> list[str]:
    text = replaced(
        configuration("caddy"),
        ("ratings.example.org {", f"http://127.0.0.1:{port} {{"),
        ("127.0.0.1:7860", f"127.0.0.1:{behind}"),
    )
    path = folder / "Caddyfile"
    path.write_text(re.sub(r"\A\{", "{\n    admin off", text, count=1))
    return ["run", "--config", str(path), "--adapter", "caddyfile"]


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def proxy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, behind: int) -> Iterator[int]:
    """The port of a proxy with its configuration."""
    program = os.environ.get(request.param.upper()) or shutil.which(request.param)
    if program is None:
        pytest.skip(f"needs {request.param}; its path may stand in {request.param.upper()}")
    folder, port = tmp_path_factory.mktemp(request.param), free_port()
    arguments = (nginx if request.param == "nginx" else caddy)(folder, port, behind)
    environment = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen([program, *arguments], env=environment, stdout=out, stderr=out)
    ends = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        assert process.poll() is None and time.monotonic() < ends, (folder / "out").read_text()
        time.sleep(0.1)
    yield port
    process.terminate()
    process.wait(timeout=30)


def test_an_address_that_a_visitor_invents_is_overwritten_and_the_host_stays(proxy: int) -> None:
    invented = {"X-Forwarded-For": "203.0.113.9, 198.51.100.1"}
    seen = httpx.get(f"http://127.0.0.1:{proxy}/", headers=invented).json()
    assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert seen["host"].startswith("127.0.0.1")  # what was asked for, not the address behind


def test_a_header_that_does_not_come_ends_its_connection(proxy: int) -> None:
    with socket.create_connection(("127.0.0.1", proxy)) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        line.settimeout(3 * HEADER_S)
        began = time.monotonic()
        while line.recv(1000):
            pass  # an answer that says so may come first
        assert time.monotonic() - began < 2 * HEADER_S


def test_a_stream_is_passed_on_as_it_comes(proxy: int) -> None:
    began = time.monotonic()
    with httpx.stream("GET", f"http://127.0.0.1:{proxy}/stream", timeout=30) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "first"
        first = time.monotonic() - began
        assert next(lines) == "last"
    assert first < 1.0 < time.monotonic() - began


def test_a_table_of_32_megabytes_passes(proxy: int) -> None:
    answer = httpx.post(f"http://127.0.0.1:{proxy}/", content=b"x" * (32 << 20), timeout=60)
    assert answer.json()["bytes"] == 32 << 20
