"""Connections whose header does not come, against a server of uvicorn as Gradio makes one."""

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from web_server import serving

from app.access import header_time
from app.access.header_time import bound_header_time

SECONDS = 0.5


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(header_time, "HEADER_SECONDS", SECONDS)
    monkeypatch.setitem(uvicorn.config.HTTP_PROTOCOLS, "auto", uvicorn.config.HTTP_PROTOCOLS["auto"])
    bound_header_time()
    with serving(Starlette(routes=[Route("/", echo, methods=["GET", "POST"])])) as free:
        yield free


def ended_after(line: socket.socket, most: float = 10 * SECONDS) -> float:
    """Seconds until the server closed the connection."""
    line.settimeout(most)
    began = time.monotonic()
    with contextlib.suppress(ConnectionResetError):
        assert line.recv(100) == b""
    return time.monotonic() - began


@pytest.mark.parametrize("first", [b"", b"GET / HTT", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_a_connection_without_a_whole_header_is_closed(port: int, first: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(first)
        assert SECONDS / 2 < ended_after(line) < 6 * SECONDS


def test_a_header_that_comes_a_byte_at_a_time_is_not_waited_for_longer(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as line:
        began = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - began < 10 * SECONDS:
                line.sendall(b"X")
                time.sleep(SECONDS / 5)
        assert time.monotonic() - began < 6 * SECONDS


def test_a_slow_body_and_a_second_request_are_no_late_header(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.settimeout(10)
        for _ in range(2):
            line.sendall(head + b"a")
            time.sleep(2 * SECONDS)
            line.sendall(b"b")
            answer = b""
            while not answer.endswith(b"\r\n\r\n2"):
                part = line.recv(1000)
                assert part, answer
                answer += part
        line.sendall(b"GET / HT")  # a third one that is never finished
        assert ended_after(line) < 6 * SECONDS
