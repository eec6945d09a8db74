"""Who may wait in Gradio's queue: over Gradio's own queue, whose insides the bound reads."""

import inspect
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from app_server import awaited, with_event_loop
from gradio.data_classes import PredictBodyInternal

from app.access import queue_limits
from app.access.queue_limits import MOST_OF_ONE, MOST_WAITING, OPEN, RESERVED, bound_queue
from app.launching import QUEUE_POLL_S, queued

NAMES = ("model", "organiser", "results")


def made() -> gr.Blocks:
    with gr.Blocks() as page:
        text = gr.Textbox()
        for name in NAMES:
            gr.Button(name).click(lambda value: value, text, text, concurrency_id=name, concurrency_limit=1)
    page.queue(max_size=MOST_WAITING)  # which nothing is taken out of, for nothing was launched
    return page


@pytest.fixture
def page() -> gr.Blocks:
    return with_event_loop(made)


def join(page: gr.Blocks, visitor: str, name: str, count: int = 1) -> list[bool]:
    """Events of one visitor; whether each may wait."""

    async def joined() -> list[bool]:
        found = []
        for number in range(count):
            body = PredictBodyInternal(
                data=["x"], fn_index=NAMES.index(name), session_hash=f"{visitor}{number}", request=None
            )
            found.append((await page._queue.push(body=body, request=SimpleNamespace(who=visitor), username=None))[0])
        return found

    return awaited(joined())


def bind(page: gr.Blocks, limited: bool = True) -> None:
    def who(request: Any) -> str:
        return str(request.who)

    bound_queue(page._queue, who, limited)


def test_one_visitor_has_few_events_waiting_and_others_do_not_feel_it(page: gr.Blocks) -> None:
    bind(page)
    taken = join(page, "greedy", "model", MOST_OF_ONE + 20)
    assert taken == [True] * MOST_OF_ONE + [False] * 20
    assert join(page, "greedy", "results") == [False]
    assert join(page, "another", "model") == [True]


def test_an_event_that_has_ended_makes_room_for_the_next(page: gr.Blocks) -> None:
    bind(page)
    join(page, "greedy", "model", MOST_OF_ONE)
    line = page._queue.event_queue_per_concurrency_id["model"].queue
    page._queue.active_jobs = [[line.pop(0)], None]  # it runs, and counts still
    assert join(page, "greedy", "model") == [False]
    page._queue.active_jobs = [None, None]
    assert join(page, "greedy", "model", 2) == [True, False]


def test_study_and_results_have_room_when_many_visitors_fill_the_rest(page: gr.Blocks) -> None:
    bind(page)
    taken = [
        one for visitor in range(OPEN // MOST_OF_ONE + 2) for one in join(page, f"v{visitor}", "model", MOST_OF_ONE)
    ]
    assert sum(taken) == OPEN
    assert join(page, "late", "model") == [False]
    for name in ("organiser", "results"):
        assert join(page, "late", name) == [True]
    filled = [one for visitor in range(3) for one in join(page, f"r{visitor}", "results", MOST_OF_ONE)]
    assert sum(filled) == RESERVED["results"] - 1
    assert join(page, "late", "organiser") == [True]  # each has places of its own


def test_a_person_alone_with_her_machine_may_have_as_many_as_there_is_room_for(page: gr.Blocks) -> None:
    bind(page, limited=False)
    assert all(join(page, "she", "model", MOST_OF_ONE * 2))


def test_reserved_queues_are_those_of_the_page() -> None:
    from app.results import experiments_tab, ratings_tab
    from app.study import tab

    used = {one.EVENTS["concurrency_id"] for one in (experiments_tab, ratings_tab, tab)}
    assert used == set(queue_limits.RESERVED)


def test_a_queue_without_work_is_looked_into_a_few_times_a_second(page: gr.Blocks) -> None:
    """Gradio's own number, a millisecond, costs an idle app several hundredths of a processor; another version may call it otherwise."""
    services: Any = SimpleNamespace(visitor=str, limits=SimpleNamespace(active=True))
    with_event_loop(lambda: queued(page, services))
    assert page._queue.sleep_when_free == QUEUE_POLL_S
    assert "sleep(self.sleep_when_free)" in inspect.getsource(type(page._queue).start_processing)


def test_the_queue_keeps_and_sums_up_no_events(page: gr.Blocks) -> None:
    """Gradio does so after each, in pandas, over the last 10,000; `/monitoring`, which shows them, is closed."""
    done = [{"time": 0.0, "status": "success", "process_time": 1.0, "function": "ask", "session_hash": "x"}] * 2
    services: Any = SimpleNamespace(visitor=str, limits=SimpleNamespace(active=True))
    with_event_loop(page.queue)
    page._queue.events_recorded = 9
    assert "ask" in page._queue.compute_analytics_summary(done)["functions"]  # what it is that is switched off
    with_event_loop(lambda: queued(page, services))
    page._queue.events_recorded = 9
    assert page._queue.compute_analytics_summary(done) == {"functions": {}}
    assert page._queue.ANALYTICS_MAX_EVENTS == 1
