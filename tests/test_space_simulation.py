"""A study on a Space: started as a Space is, killed in the middle, its disk lost, and nothing that was answered as saved is missing."""

import shutil
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from app_server import free_port
from rater_examples import make_study
from space_machine import ROOT, Space, lacking

from annotation.backup.backed_up_store import open_with_backups

RATERS = 6
pytestmark = [pytest.mark.slow, pytest.mark.soak]


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    made = Space(tmp_path_factory.mktemp("space"), free_port())
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


@pytest.fixture(scope="module")
def tokens(space: Space) -> list[str]:
    """Raters of a study that is there before the app starts."""
    kept = open_with_backups(space.code / "data" / "ratings.db", folder=space.bucket)
    study = make_study(kept.store, items=20)
    found = [kept.store.new_rater(study.id, "sw")[1] for _ in range(RATERS)]
    kept.close()
    return found


class Rater(threading.Thread):
    """Rates until nobody answers; remembers what was answered as saved."""

    def __init__(self, space: Space, token: str, number: int) -> None:
        super().__init__()
        self.space, self.token, self.number = space, token, number
        self.saved: dict[int, dict[str, dict[str, int]]] = {}  # position -> what was given
        self.wrong: list[Any] = []

    def run(self) -> None:
        try:
            while True:
                status, shown = self.space.post("next", self.token)
                if status != 200 or shown["item"] is None:
                    self.wrong.append((status, shown))
                    return
                item = shown["item"]
                values = {
                    one["letter"]: {c["key"]: 1 + (item["position"] + self.number + n) % 5 for n, c in enumerate(item["criteria"])}
                    for one in item["outputs"]
                }  # fmt: skip
                sent = {"id": str(uuid.uuid4()), "position": item["position"], "values": values, "seconds": 1.0}
                status, receipt = self.space.post("submit", self.token, **sent)
                if status == 200:
                    self.saved[item["position"]] = values
                else:
                    self.wrong.append((status, receipt))
        except httpx.TransportError:
            pass  # it was killed


def killed_in_the_middle(space: Space, tokens: list[str], enough: int) -> list[Rater]:
    """Raters at work until ``enough`` items were answered as saved, then SIGKILL."""
    raters = [Rater(space, token, number) for number, token in enumerate(tokens)]
    for one in raters:
        one.start()
    while sum(len(one.saved) for one in raters) < enough:
        assert any(one.is_alive() for one in raters), [one.wrong for one in raters]
    assert space.end(signal.SIGKILL) == -signal.SIGKILL
    for one in raters:
        one.join()
    return raters


def missing(space: Space, raters: list[Rater]) -> list[Any]:
    """What was answered as saved and is not there, asked over HTTP."""
    gone = []
    for one in raters:
        for position, values in one.saved.items():
            status, shown = space.post("look", one.token, position=position)
            if status != 200 or shown["item"]["values"] != values:
                gone.append((one.number, position, status))
    return gone


def test_a_study_on_a_space_survives_a_kill_and_the_loss_of_its_disk(space: Space, tokens: list[str]) -> None:
    space.start()
    assert space.statuses() == [503, 200]  # waking up, then the app
    assert space.noted("network") == []
    assert set(space.noted("spaces")) == {"before torch"}
    assert set(space.noted("decorated")) == {"steps_on_gpu", "why_on_gpu"}

    raters = killed_in_the_middle(space, tokens, enough=30)
    assert sum(len(one.saved) for one in raters) >= 30
    shutil.rmtree(space.code / "data")
    space.start()
    seen: set[int] = set()
    while 200 not in seen:
        try:
            seen.add(space.post("session", tokens[0])[0])
        except httpx.TransportError:
            assert space.process is not None
            assert space.process.poll() is None, space.logged()
        time.sleep(0.1)
    assert seen == {503, 200}  # no request ever met a study without its ratings
    assert missing(space, raters) == []
    assert space.noted("gpu") == []  # neither raters nor the embedded model take anybody's quota
    at_the_address_that_the_proxy_shows(space)
    assert space.end() == 0


def at_the_address_that_the_proxy_shows(space: Space) -> None:
    """Page, raters' page and programs' endpoints."""
    behind = {"x-forwarded-host": "lab-agl.hf.space", "x-forwarded-proto": "https"}
    config = space.http.get(f"{space.url}/config", headers=behind).json()
    assert config["root"] == "https://lab-agl.hf.space"
    page = space.http.get(f"{space.url}/rate", headers=behind).text
    assert "127.0.0.1" not in page
    told = space.http.post(f"{space.url}/gradio_api/call/v2/strategies", json={}).json()
    said = space.http.get(f"{space.url}/gradio_api/call/strategies/{told['event_id']}").text
    assert '"zero-shot"' in said


def test_backups_that_cannot_be_brought_back_leave_it_closed_and_say_so(space: Space, tokens: list[str]) -> None:
    shutil.rmtree(space.code / "data")
    backups = list((space.bucket / "ratings-backups").glob("*.*"))
    for path in backups:
        path.write_bytes(b"rubbish" * 100)
    space.start()
    told = ""
    while "could not be brought back" not in told:
        space.statuses(503)
        told = space.http.get(f"{space.url}/").text
    assert space.post("submit", tokens[0], id="x")[0] == 503
    assert str(space.bucket) not in told
    assert str(space.bucket) in space.logged()
    assert not (space.code / "data" / "ratings.db").exists()  # it did not begin an empty one beside them
    assert space.end() == 0


def test_what_a_space_lacks_is_what_only_development_needs() -> None:
    """Else the simulation would take nothing away."""
    assert {"pytest", "mypy", "hypothesis", "playwright", "trl", "psycopg", "krippendorff"} <= set(lacking())
    assert not {"gradio", "torch", "httpx", "starlette", "numpy", "packaging", "sqlalchemy"} & set(lacking())
    assert Path(ROOT / "requirements.txt").is_file()
