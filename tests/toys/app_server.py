"""What tests of a running app share."""

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

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


@dataclass
class Visitor:
    """A browser window and what went wrong in it."""

    page: "Page"
    errors: list[str]
    foreign: list[str]  # requests to other hosts
