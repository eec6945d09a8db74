"""Over HTTP: whoever is no organiser calls every handler of the page, by id and by name, and learns and changes nothing.

Tests of `app.events`, `app.page`.
"""

import html
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
import httpx
import pytest
from app_server import SECRET, free_port, with_event_loop

from annotation.criteria import DEFAULT_CRITERIA
from annotation.records import NewOutput, NewStudy
from annotation.store import RatingStore
from app.access.organiser import Authority
from app.explore.service import ExploreService
from app.page import build_app, look
from app.services import EXPLORE_STUDY, Services
from app.train.service import TrainingService
from core.errors import CoreError

# Gradio's server in the process of the tests leaves sockets and loops to the collector, and warns of odd values.
pytestmark = pytest.mark.filterwarnings("ignore")

HIDDEN = ("hidden-system", "Hidden study", "hidden-study", "hidden text")
REFUSALS = ("enter the secret first", "not the organiser's secret", "wrong attempts within a minute")
WORDS = "moja mbili tatu nne tano sita saba nane"


class Busy(CoreError):
    """Stands for models and runs, which this file does not want to start."""


def refuse(*_: Any, **__: Any) -> Any:
    raise Busy("not now")


@dataclass(frozen=True)
class Running:
    """The app in this process over a frozen study with attention checks and one rater."""

    client: httpx.Client
    services: Services
    rater: str  # her pseudonym


@pytest.fixture(scope="module")
def running(explore: ExploreService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("organiser")
    with RatingStore.open(folder / "ratings.db") as store, pytest.MonkeyPatch.context() as patch:
        desk = TrainingService(folder / "runs")
        study = store.ensure_study(EXPLORE_STUDY)
        services = Services(explore, store, study, folder / "downloads", desk, Authority(SECRET))
        patch.setattr(explore, "ask", refuse)
        for name in ("start", "go_on", "stop"):
            patch.setattr(desk, name, refuse, raising=False)
        services.opening.end()
        rater = a_study(store)

        def launched() -> tuple[gr.Blocks, str]:
            page = build_app(services)
            page.queue(api_open=True)
            _, url, _ = page.launch(server_port=free_port(), prevent_thread_lock=True, quiet=True, **look())
            return page, url

        page, url = with_event_loop(launched)  # queue and launch make loops of their own too, where none runs
        with httpx.Client(base_url=url.rstrip("/"), timeout=120) as client:
            yield Running(client, services, rater)
        page.close()


def a_study(store: RatingStore) -> str:
    study = store.create_study(
        NewStudy("hidden-study", "Hidden study", "t", {"en": "Rate."}, DEFAULT_CRITERIA, check_every=2)
    )
    new = [
        NewOutput(f"i{n}", "sw", f"hidden text {n}", "t", f"hidden-system-{s}", "sw", f"{WORDS} {n} {s}")
        for n in range(4)
        for s in range(2)
    ]
    store.add_outputs(study.id, new)
    store.make_checks(study.id)
    store.open_study(study.id)
    _, link = store.new_invitation(study.id, "sw")
    found, _ = store.accept_invitation(study.id, link)
    store.next_assignment(found.id)
    return found.pseudonym


@pytest.fixture
def client(running: Running) -> httpx.Client:
    return running.client


@pytest.fixture
def services(running: Running) -> Services:
    return running.services


@pytest.fixture
def rater(running: Running) -> str:
    return running.rater


def config_of(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/config").json()
    return found


def organisers(config: dict[str, Any]) -> set[int]:
    """Ids of the events that take the organiser's session: those with a button or field of the Study page."""
    mine = {one["id"] for one in config["components"] if str(one["props"].get("elem_id") or "").startswith("study-")}
    return {
        one["id"]
        for one in config["dependencies"]
        if one.get("backend_fn") and mine & {target[0] for target in one["targets"]}
    }


def call(client: httpx.Client, dependency: dict[str, Any], first: Any, by_name: bool) -> str:
    data: list[Any] = [first, *[None] * (len(dependency["inputs"]) - 1)][: len(dependency["inputs"])]
    body: dict[str, Any] = {"data": data, "session_hash": "somebody"}
    name = dependency["api_name"] if by_name else "predict"
    if not by_name:
        body["fn_index"] = dependency["id"]
    return client.post(f"/gradio_api/run/{name}", json=body).text


def test_the_page_and_its_configuration_hold_nothing_of_a_study(client: httpx.Client, rater: str) -> None:
    shown = json.dumps(client.get("/config").json()) + client.get("/").text + client.get("/gradio_api/info").text
    assert [word for word in (*HIDDEN, rater, SECRET) if word in shown] == []


def test_no_event_tells_its_outputs_of_a_status_that_nobody_sees(client: httpx.Client) -> None:
    """It told them, and all that lay in them: half of the browser's time while the page opened."""
    mine = [
        one for one in config_of(client)["dependencies"] if one["backend_fn"] and one["targets"]
    ]  # the API's have none
    assert len(mine) > 60
    assert [one["api_name"] for one in mine if one["show_progress_on"] != []] == []


def test_whoever_is_no_organiser_calls_everything_and_learns_and_changes_nothing(
    client: httpx.Client, services: Services, rater: str
) -> None:
    config = config_of(client)
    mine = organisers(config)
    assert len(mine) >= 15
    hidden = services.store.study("hidden-study")
    before = (hidden, services.store.data(hidden.id, checks=True), services.store.invitations(hidden.id))
    for dependency in config["dependencies"]:
        if not dependency.get("backend_fn"):
            continue
        for first, by_name in ((None, False), ("", True), ("forged", False)):
            answer = call(client, dependency, first, by_name)
            assert [word for word in (*HIDDEN, rater, SECRET) if word in answer] == [], dependency["api_name"]
            if dependency["id"] in mine:
                refused = any(words in html.unescape(answer) for words in REFUSALS)
                assert refused or _empty(answer), (dependency["api_name"], answer[:300])
    services.authority._failures.clear()  # the next test has the right secret and no minute to wait
    again = services.store.study("hidden-study")
    assert (again, services.store.data(hidden.id, checks=True), services.store.invitations(hidden.id)) == before
    assert [one.slug for one in services.store.studies()] == ["explore", "hidden-study"]


def _empty(answer: str) -> bool:
    """An answer that says nothing: the page made blank on leaving, or one field left as it is."""
    said = json.loads(answer).get("data") or []
    return not any(isinstance(one, str) and one.strip() for one in said)


def test_with_the_secret_the_same_handlers_answer(client: httpx.Client, rater: str) -> None:
    """So the silence above is not that of a page that does not work at all."""
    config = config_of(client)
    by_target: dict[str, dict[str, Any]] = {}
    names = {one["id"]: str(one["props"].get("elem_id") or "") for one in config["components"]}
    for dependency in config["dependencies"]:
        for target, event in dependency["targets"]:
            by_target.setdefault(f"{names.get(target, '')}.{event}", dependency)
    enter = by_target["study-unlock.click"]
    answer = call(client, enter, SECRET, by_name=False)
    session = json.loads(answer)["data"][0]
    assert len(session) > 30
    assert "Hidden study" in answer
    assert rater in call(client, by_target["study-refresh.click"], session, by_name=True)


def test_nothing_of_the_secret_file_is_served(client: httpx.Client, services: Services) -> None:
    data = services.folder.parent
    (data / "organiser-secret").write_text("x" * 20)
    for path in (data / "organiser-secret", data / "ratings.db"):
        assert client.get(f"/gradio_api/file={path}").status_code in (403, 404)
