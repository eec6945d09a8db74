"""Room in Gradio's queue: few events of one visitor, and places that the organiser's page and Results keep for themselves.

Gradio bounds the events that wait by one number for everybody, so whoever fills it shuts everybody out, the organiser too. Counted
are events that wait or run; what is refused gets status 503 ("busy"), as with a full queue.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

MOST_OF_ONE = 30  # events of one visitor that wait or run, as many as she may ask questions at once
MOST_WAITING = 500
RESERVED = {"organiser": 40, "results": 40, "reports": 20}  # places of these queues, by Gradio's concurrency id
OPEN = MOST_WAITING - sum(RESERVED.values())  # places for everything else
SENTENCES = {
    "one": f"{MOST_OF_ONE} of your requests wait already; let them finish.",
    "all": "Many people are asking just now; try again in a moment.",
}


class QueueLimits:
    """Decides at the join whether an event may wait. Used in one event loop."""

    def __init__(self, queue: Any, visitor: Callable[[Any], str], limited: bool) -> None:
        """``queue``: Gradio's; ``visitor``: who sent a request, see `app.access.limits`; ``limited``: whether one visitor may
        not have more than her share, which a person alone with her machine may.
        """
        self._queue, self._visitor, self._limited, self._join = queue, visitor, limited, queue.push
        self._owners: dict[str, str] = {}  # event id -> visitor
        self._joining: Counter[str] = Counter()  # events that are being put into the queue

    async def push(self, body: Any, request: Any, username: str | None) -> tuple[bool, Any, str]:
        """In place of ``Queue.push`` of Gradio, and with its answer."""
        visitor = self._visitor(request)
        refusal = self._refusal(visitor, body)
        if refusal:
            return False, SENTENCES[refusal], "queue_full"
        self._joining[visitor] += 1
        try:
            joined, event, state = await self._join(body=body, request=request, username=username)
        finally:
            self._joining[visitor] -= 1
        if joined:
            self._owners[event] = visitor
        return joined, event, state

    def _refusal(self, visitor: str, body: Any) -> str:
        lines = self._queue.event_queue_per_concurrency_id
        waiting = {name: [event._id for event in line.queue] for name, line in lines.items()}
        running = [event._id for job in self._queue.active_jobs if job for event in job]
        alive = {*running, *(event for line in waiting.values() for event in line)}
        self._owners = {event: owner for event, owner in self._owners.items() if event in alive}
        self._joining = +self._joining
        own = sum(owner == visitor for owner in self._owners.values()) + self._joining[visitor]
        if self._limited and own >= MOST_OF_ONE:
            return "one"
        function = self._queue.blocks.fns.get(body.fn_index)
        name = function.concurrency_id if function is not None else ""
        if name in RESERVED:
            return "all" if len(waiting.get(name, ())) >= RESERVED[name] else ""
        return "all" if sum(len(line) for key, line in waiting.items() if key not in RESERVED) >= OPEN else ""


def bound_queue(queue: Any, visitor: Callable[[Any], str], limited: bool) -> None:
    """Hold Gradio's ``queue`` to the room above from now on; arguments as of `QueueLimits`."""
    queue.push = QueueLimits(queue, visitor, limited).push
