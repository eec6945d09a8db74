"""An event of Gradio's queue is ended by its own session alone.

Gradio asks for no session where it takes an event out of its queue or closes what answers it: whoever knew the id of another's event
could end it.
"""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CANCEL = "/gradio_api/cancel"


class OwnEvents:
    """ASGI middleware behind the guard; ``queue`` is Gradio's."""

    def __init__(self, app: ASGIApp, queue: Any) -> None:
        self._app, self._queue = app, queue

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands a request on; one to end an event that its session has not is answered as if it had been ended."""
        if scope["type"] != "http" or not scope["path"].rstrip("/").endswith(CANCEL):
            await self._app(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        if not self._is_own(body):
            await JSONResponse({"success": True})(scope, receive, send)
            return

        async def again() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)

    def _is_own(self, body: bytes) -> bool:
        try:
            requested = json.loads(body)
            return requested["event_id"] in self._queue.pending_event_ids_session.get(requested["session_hash"], ())
        except (ValueError, TypeError, KeyError, RecursionError):
            return False
