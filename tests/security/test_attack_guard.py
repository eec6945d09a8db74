"""What the guard stops, in a small server of its own: floods of the queue, files of strangers, names and paths that are not ours."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from app.access.guard import UPLOADS, Guard, own_path, served
from app.access.limits import Limits
from app.access.organiser import MOST_FAILURES_OF_ALL, WINDOW_S, Authority, NotAuthorised
from app.access.settings import Access, open_access

SECRET = "a secret of some length"


class Seconds:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def echo(asked: Request) -> Response:
    return JSONResponse({"bytes": len(await asked.body())})


def server(access: Access, limits: Limits | None = None) -> TestClient:
    paths = ("/rate", "/rate/submit", "/gradio_api/queue/join", "/gradio_api/upload")
    routes = [Route(path, echo, methods=["GET", "POST"]) for path in paths]
    guard = Middleware(Guard, access=access, limits=limits or Limits(active=False))
    return TestClient(Starlette(routes=routes, middleware=[guard]), follow_redirects=False)


def test_a_server_on_this_machine_alone_answers_to_its_own_names_and_a_host_can_name_others() -> None:
    """Else a page whose name is turned to this address afterwards would count as the app's own."""
    alone = open_access("127.0.0.1", environment={})
    client = server(alone)
    for name, status in (
        ("127.0.0.1:7860", 200),
        ("localhost", 200),
        ("[::1]:7860", 200),
        ("evil.example", 421),
        ("", 421),
    ):
        assert client.get("/rate", headers={"Host": name}).status_code == status, name
    named = open_access("0.0.0.0", environment={"AGL_HOSTS": "Ratings.example.org"})
    assert named.hosts == {"ratings.example.org"}
    assert server(named).get("/rate", headers={"Host": "ratings.example.org:8443"}).status_code == 200
    assert server(named).get("/rate", headers={"Host": "10.0.0.1"}).status_code == 421
    assert open_access("0.0.0.0", environment={}).hosts is None


def test_the_queue_is_filled_by_no_single_visitor() -> None:
    client = server(Access(public=True), Limits(clock=Seconds()))
    codes = [client.post("/gradio_api/queue/join", content=b"{}").status_code for _ in range(500)]
    assert codes.count(200) == 60
    assert codes[-1] == 429
    headers = {"Authorization": "Bearer x"}
    assert client.post("/rate/submit", content=b"{}", headers=headers).status_code == 200


def test_files_are_taken_from_organisers_alone_on_a_public_server() -> None:
    limits = Limits()
    client = server(Access(public=True), limits)
    assert client.post("/gradio_api/upload", content=b"x").json()["error"] == "upload"
    limits.allow_for(UPLOADS, limits.name("testclient"), 60)
    assert client.post("/gradio_api/upload", content=b"x").status_code == 200
    assert server(Access()).post("/gradio_api/upload", content=b"x").status_code == 200  # alone with her machine


@pytest.mark.parametrize(
    ("path", "root", "own"),
    [
        ("/gradio_api/file=/etc/passwd", "", "/gradio_api/file=/etc/passwd"),
        ("/agl/gradio_api/file=http://192.0.2.1/", "/agl", "/gradio_api/file=http://192.0.2.1/"),
        ("/agl/gradio_api/component_server", "", "/gradio_api/component_server"),
        ("//gradio_api/proxy=https://x.hf.space", "", "/gradio_api/proxy=https://x.hf.space"),
        ("/agl/rate/submit", "/agl/", "/rate/submit"),
        ("/aglow", "/agl", "/aglow"),
    ],
)
def test_a_path_below_which_a_proxy_shows_the_app_gets_past_no_rule(path: str, root: str, own: str) -> None:
    assert own_path(path, root) == own
    if (
        own.startswith("/gradio_api/") and own != "/gradio_api/file=/etc/passwd"
    ):  # what may be read there, Gradio decides
        assert not served("GET", own, password=False)
        assert not served("POST", own, password=False)


def test_wrong_secrets_are_answered_shortly_and_never_lock_the_right_one_out() -> None:
    clock = Seconds()
    authority = Authority(SECRET, clock=clock)
    for number in range(MOST_FAILURES_OF_ALL + 5):  # of many visitors, and of the organiser's own address
        with pytest.raises(NotAuthorised):
            authority.unlock("guess", str(number % 3))
    with pytest.raises(NotAuthorised, match="wait a minute"):
        authority.unlock("guess", "another")
    for visitor in ("0", "another"):
        authority.require(authority.unlock(SECRET, visitor))
    clock.now = WINDOW_S + 1
    with pytest.raises(NotAuthorised, match="not the organiser's secret"):
        authority.unlock("guess", "0")
