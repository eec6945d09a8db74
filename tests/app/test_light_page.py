"""Updates of some outputs: what the browser is sent is what Gradio itself sends, and the rest is not made anew. Nothing else is kept.

Tests of `app.light_page`.
"""

from copy import copy
from typing import Any

import gradio as gr
import pytest
from app_server import awaited, with_event_loop
from gradio.state_holder import SessionState

from app.light_page import Page


def made(kind: type[gr.Blocks]) -> tuple[gr.Blocks, list[Any]]:
    with kind() as page:
        parts = [gr.Textbox("a"), gr.Dropdown(["x", "y"]), gr.HTML("<p>"), gr.State(1), gr.Button("Go")]
        parts[-1].click(lambda: None, None, parts)
    return page, parts


@pytest.mark.parametrize(
    "returned",
    [
        {0: "new"},
        {0: None},
        {2: "<b>", 3: 5},
        {1: gr.update(choices=["p", "q"], value="q"), 4: gr.update(visible=False)},
        {1: gr.Dropdown(choices=["z"]), 0: gr.skip()},
        {3: 7},
        dict(enumerate(("t", "x", "h", 2, "G"))),
        ["t", gr.skip(), "h", 2, gr.skip()],
        gr.skip(),
    ],
)
def test_the_browser_is_sent_what_gradio_sends(returned: Any) -> None:
    outcomes = []
    for kind in (gr.Blocks, Page):
        page, parts = with_event_loop(lambda kind=kind: made(kind))
        state = SessionState(page)
        by_part = isinstance(returned, dict) and "__type__" not in returned
        values = (
            {parts[n]: copy(value) for n, value in returned.items()} if by_part else copy(returned)
        )  # Gradio empties it
        sent = awaited(page.postprocess_data(page.fns[0], values, state))
        # Of gr.HTML alone Gradio says that its properties stay as they are.
        sent = [{k: v for k, v in one.items() if k != "props"} if isinstance(one, dict) else one for one in sent]
        outcomes.append((sent, [state.get(parts[3]._id, None)]))
    assert outcomes[0] == outcomes[1]


def test_what_was_not_returned_is_not_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    page, parts = with_event_loop(lambda: made(Page))
    count = []
    monkeypatch.setattr(gr.Dropdown, "__init__", lambda self, **_: count.append(1))
    awaited(page.postprocess_data(page.fns[0], {parts[0]: "new"}, SessionState(page)))
    assert count == []


def test_a_component_that_is_no_output_is_refused() -> None:
    page, parts = with_event_loop(lambda: made(Page))
    page.fns[0].outputs = parts[:2]
    with pytest.raises(ValueError, match="not specified as output"):
        awaited(page.postprocess_data(page.fns[0], {parts[0]: "new", parts[4]: "x"}, SessionState(page)))


def test_nothing_is_kept_of_a_visitor_but_her_states() -> None:
    page, parts = with_event_loop(lambda: made(Page))
    whole = page.get_config_file()["components"]
    assert [one["props"]["value"] for one in whole if one["type"] in ("textbox", "html")] == ["a", "<p>"]
    visitor = SessionState(page)
    awaited(page.postprocess_data(page.fns[0], {parts[0]: "her words", parts[3]: 7}, visitor))
    awaited(page.preprocess_data(page.fns[0], [], visitor))
    assert list(visitor.components) == []
    assert "her words" not in str(vars(visitor))
    assert visitor[parts[3]._id] == 7
    assert SessionState(page)[parts[3]._id] == 1
    assert page.get_config_file()["components"] == whole
