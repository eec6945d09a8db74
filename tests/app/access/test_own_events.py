"""Ending an event: by the session that has it, and by no other, whatever is sent."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.access.own_events import CANCEL, OwnEvents


@pytest.fixture
def client() -> TestClient:
    async def gradio(request: Request) -> JSONResponse:
        return JSONResponse({"ended": json.loads(await request.body() or b"null")})

    queue = SimpleNamespace(pending_event_ids_session={"hers": {"e1", "e2"}, "his": {"e3"}})
    app = Starlette(routes=[Route("/{path:path}", gradio, methods=["POST"])])
    return TestClient(OwnEvents(app, queue))


@pytest.mark.parametrize("path", [CANCEL, f"{CANCEL}/", f"/below{CANCEL}"])
def test_her_own_event_is_ended(client: TestClient, path: str) -> None:
    asked = {"session_hash": "hers", "event_id": "e2", "fn_index": 1}
    assert client.post(path, json=asked).json() == {"ended": asked}


@pytest.mark.parametrize(
    "asked",
    [
        {"session_hash": "his", "event_id": "e2", "fn_index": 1},
        {"session_hash": "nobody", "event_id": "e2", "fn_index": 1},
        {"session_hash": "hers", "event_id": "e4", "fn_index": 1},
        {"session_hash": ["hers"], "event_id": "e2"},
        {"session_hash": "hers", "event_id": ["e2"]},
        {"event_id": "e2"},
        ["e2"],
        None,
    ],
)
def test_no_other_is(client: TestClient, asked: Any) -> None:
    assert client.post(CANCEL, json=asked).json() == {"success": True}


def test_what_is_no_json_ends_nothing(client: TestClient) -> None:
    for body in (b"", b"{", b"[" * 100_000, b"\xff"):
        assert client.post(CANCEL, content=body).json() == {"success": True}


def test_other_requests_pass_as_they_are(client: TestClient) -> None:
    assert client.post("/gradio_api/queue/join", json=[1]).json() == {"ended": [1]}
