"""Bodies of requests: at most so large, and there in time. A client that sends a byte a minute keeps nobody waiting."""

import asyncio
import time

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

MOST_BYTES = 1024 * 1024  # of a call
MOST_UPLOAD = 40 * 1024 * 1024  # a table may have 32 MB; the rest is the form around it
MOST_RATING = 128 * 1024  # the raters' page refuses more than half of it with a sentence of its own
SECONDS, UPLOAD_SECONDS = 20.0, 300.0


def bounds(path: str) -> tuple[int, float]:
    """Bytes and seconds that the body of a request to ``path`` may take."""
    if path.startswith("/rate"):
        return MOST_RATING, SECONDS
    return (MOST_UPLOAD, UPLOAD_SECONDS) if path.rstrip("/").endswith("/upload") else (MOST_BYTES, SECONDS)


def bounded(receive: Receive, most: int, seconds: float) -> Receive:
    """``receive`` with both bounds. What is beyond them is an HTTPException in whoever reads the body: 413 or 408."""
    ends = time.monotonic() + seconds
    size, whole = 0, False

    async def next_part() -> Message:
        nonlocal size, whole
        if whole:  # what comes now is that the visitor left, whenever that may be
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), max(0.0, ends - time.monotonic()))
        except TimeoutError:
            raise HTTPException(408, f"The request was not complete after {seconds:.0f} s; send it again.") from None
        if message["type"] == "http.request":
            size += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if size > most:
                raise HTTPException(413, f"The request has more than {most:,} bytes, which is the most allowed here.")
        return message

    return next_part
