"""A bound on the time that a request's header may take, for connections that send nothing or half a header.

uvicorn waits for a header without end: a thousand such connections use up a process's open files, and whoever comes next is not
answered. A body has bounds of its own (`app.access.guard`), a connection between two requests uvicorn's keep-alive.
"""

import asyncio
from typing import Any

import h11
import uvicorn.config
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 10.0


class TimedProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, closing a connection whose header is not there in time, however slowly it comes."""

    _due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Waits for the first header from now on."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Stops waiting once a header is whole."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._watch()  # a further request has begun; a timer that runs already goes on
        else:
            self._unwatch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more is waited for."""
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self._due is None:
            self._due = self.loop.call_later(HEADER_SECONDS, self._late)

    def _unwatch(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _late(self) -> None:
        self._due = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.close()


def bound_header_time() -> None:
    """Make it the protocol of every server that is started from now on: Gradio makes uvicorn's configuration itself."""
    uvicorn.config.HTTP_PROTOCOLS["auto"] = f"{TimedProtocol.__module__}:{TimedProtocol.__name__}"
