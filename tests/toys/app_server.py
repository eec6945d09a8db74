"""What tests of a running app share."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from playwright.sync_api import Page

Made = TypeVar("Made")
SECRET = "an organiser's secret"


@dataclass(frozen=True)
class Server:
    """A running app."""

    url: str
    data: Path
    seconds: float  # from start to the first answer over HTTP


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def with_event_loop(make: Callable[[], Made]) -> Made:
    """Calls ``make``, which builds a page, where an event loop runs and is closed afterwards.

    Gradio makes one, and never closes it, where none runs.
    """

    async def made() -> Made:
        return make()

    return awaited(made())


def awaited(work: Coroutine[Any, Any, Made]) -> Made:
    """What ``work`` returns, run in a thread of its own, because Playwright's loop may run in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@dataclass
class Visitor:
    """A browser window and what went wrong in it."""

    page: "Page"
    errors: list[str]
    foreign: list[str]  # requests to other hosts
