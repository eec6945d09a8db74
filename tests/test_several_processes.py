"""Two processes of the app on one PostgreSQL behind a proxy: one study, as if there were one process."""

import signal
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import postgres_server
import pytest
from rater_examples import SYSTEMS, make_study
from several_processes import SECRET, Process, Proxy, several

from annotation.store import RatingStore

pytestmark = [pytest.mark.slow, pytest.mark.soak]
RATERS, ITEMS, MOST = 8, 12, 3  # three raters an item: what make_study says
EACH = 6  # ratings of one submission: two systems, three criteria


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    reason = postgres_server.reason_to_skip()
    if reason is not None:
        pytest.skip(reason)
    with postgres_server.running() as server:
        yield server.database()


@pytest.fixture(scope="module")
def served(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Proxy, list[Process]]]:
    """Both started on the empty database at once: one of them makes the tables, and the other waits for it."""
    with several(tmp_path_factory.mktemp("several"), database) as found:
        yield found


@pytest.fixture(scope="module")
def store(database: str, served: tuple[Proxy, list[Process]]) -> Iterator[RatingStore]:
    with RatingStore.open(database) as found:
        yield found


class Rater(threading.Thread):
    """Rates until nothing is left; sends each answer twice under its id, as a page does that missed the receipt."""

    def __init__(self, url: str, token: str, number: int, enough: threading.Event) -> None:
        super().__init__()
        self.url, self.token, self.number, self.enough = url, token, number, enough
        self.saved: dict[str, int] = {}  # submission -> position
        self.wrong: list[Any] = []
        self.items = 0

    def post(self, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.token}"}
        for _ in range(3):  # a process that is killed takes the request with it; a page asks again
            try:
                answer = httpx.post(f"{self.url}/rate/{path}", json=body, headers=headers, timeout=60)
                return answer.status_code, answer.json()
            except (httpx.TransportError, ValueError):
                continue
        raise AssertionError("nobody answers")

    def run(self) -> None:
        while True:
            status, shown = self.post("next")
            if status != 200 or shown["item"] is None:
                if status != 200:
                    self.wrong.append((status, shown))
                return
            item = shown["item"]
            values = {
                one["letter"]: {c["key"]: 1 + (item["position"] + self.number) % 5 for c in item["criteria"]}
                for one in item["outputs"]
            }
            sent = {"id": str(uuid.uuid4()), "position": item["position"], "values": values, "seconds": 1.0}
            for _ in range(2):
                status, receipt = self.post("submit", **sent)
                if status == 200:
                    self.saved[sent["id"]] = item["position"]
                else:
                    self.wrong.append((status, receipt))
            self.items += 1
            self.enough.set()


def strategies(http: httpx.Client) -> str:
    """Asked as programs ask: one request gives a number, the next one the answer, and both must meet the same process."""
    told = http.post("/gradio_api/call/v2/strategies", json={}).json()
    return http.get(f"/gradio_api/call/strategies/{told['event_id']}").text


def test_a_program_stays_with_the_process_that_it_met_first(served: tuple[Proxy, list[Process]]) -> None:
    proxy, _ = served
    met = set()
    for _ in range(4):
        with httpx.Client(base_url=proxy.url, timeout=60) as http:
            answers = [strategies(http) for _ in range(2)]
            met.add(http.cookies["process"])
        assert all('"zero-shot"' in said for said in answers)
    assert met == {"0", "1"}


def test_a_link_withdrawn_by_one_process_is_refused_by_the_other_at_once(
    served: tuple[Proxy, list[Process]], store: RatingStore
) -> None:
    """Nothing about raters is remembered in a process: what another did holds with the next request."""
    _, processes = served
    study = make_study(store, slug="links")
    rater, token = store.new_rater(study.id, "sw")
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.post(f"{processes[0].url}/rate/next", json={}, headers=headers).status_code == 200
    store.remove_rater(study.id, rater.pseudonym)
    assert httpx.post(f"{processes[0].url}/rate/next", json={}, headers=headers).status_code == 401


def test_raters_meet_both_processes_and_one_is_killed_and_nothing_is_lost_or_doubled(
    served: tuple[Proxy, list[Process]], store: RatingStore
) -> None:
    proxy, processes = served
    study = make_study(store, items=ITEMS)
    tokens = [store.new_rater(study.id, "sw")[1] for _ in range(RATERS)]
    enough = threading.Event()
    raters = [Rater(proxy.url, token, number, enough) for number, token in enumerate(tokens)]
    for one in raters:
        one.start()
    while sum(one.items for one in raters) < ITEMS:  # a third of it
        assert any(one.is_alive() for one in raters), [one.wrong for one in raters]
        enough.wait(1)
    both = [proxy.handed[number, True] for number in range(2)]
    processes[1].end(signal.SIGKILL)
    for one in raters:
        one.join()
    assert min(both) > ITEMS
    assert [one.wrong for one in raters] == [[]] * RATERS
    stored = Counter(record.submission_id for record in store.ratings(study.id))
    assert stored == dict.fromkeys((sent for one in raters for sent in one.saved), EACH)
    people = Counter(
        (record.item_key, record.system) for record in store.ratings(study.id) if record.criterion == "fluency"
    )
    assert people == {(f"item {number}", system): MOST for number in range(ITEMS) for system in SYSTEMS}


def test_who_was_with_the_killed_process_goes_on_with_the_other(served: tuple[Proxy, list[Process]]) -> None:
    proxy, processes = served
    processes[1].end(signal.SIGKILL)
    with httpx.Client(base_url=proxy.url, timeout=60, headers={"cookie": "process=1"}) as http:
        assert http.get("/").status_code == 200
    with httpx.Client(base_url=proxy.url, timeout=60) as http:
        assert '"zero-shot"' in strategies(http)
        assert http.cookies["process"] == "0"
    assert SECRET not in processes[0].logged()
