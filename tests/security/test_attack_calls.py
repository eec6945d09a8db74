"""An attacker calls what the page can call, without being anybody, and past the page: by id, by name, past the queue."""

import html
import json
import uuid

import pytest
from security.hostile import (
    HIDDEN,
    SECRET,
    STUDY,
    SYSTEM,
    Target,
    by_name,
    join,
    listen,
    nothing,
    question,
    through_queue,
)

pytestmark = pytest.mark.slow
MOST_EVENTS = 40  # of one visitor at once; her allowance is 60
HELD_BACK = (SYSTEM, STUDY, "hidden-study", HIDDEN, SECRET)


def leaks(target: Target, text: str) -> list[str]:
    return [
        word for word in (*HELD_BACK, target.rater, target.pseudonym, target.invitation) if word in html.unescape(text)
    ]


def kept(target: Target) -> list[object]:
    """All that a stranger must not change. New raters of Explore's collection are not of it: that is open to everybody."""
    with target.store() as store:
        frozen, collection = store.study("hidden-study"), store.study("explore")
        return [
            [one.slug for one in store.studies()], frozen, store.data(frozen.id, checks=True), store.invitations(frozen.id),
            store.outputs(collection.id), store.ratings(collection.id),
        ]  # fmt: skip


@pytest.mark.parametrize("first", [None, "forged"])
def test_every_handler_called_by_id_without_authority(target: Target, first: str | None) -> None:
    before = kept(target)
    for number, dependency in enumerate(target.events()):
        if number % MOST_EVENTS == 0:
            target.another_visitor()
        if not dependency.get("queue", True):
            continue
        said = through_queue(target, dependency, nothing(dependency, first))
        assert "process_completed" in said, (dependency["api_name"], said[-300:])
        assert leaks(target, said) == [], dependency["api_name"]
    assert kept(target) == before
    assert list((target.data / "runs").rglob("*")) == []


def test_every_handler_called_by_name_without_authority(target: Target) -> None:
    before = kept(target)
    for number, dependency in enumerate(target.events()):
        if number % MOST_EVENTS == 0:
            target.another_visitor()
        if dependency.get("queue", True):
            assert leaks(target, by_name(target, dependency, nothing(dependency, "forged"))) == [], dependency[
                "api_name"
            ]
    assert kept(target) == before


def test_a_queue_and_its_validators_are_passed_by_nobody(target: Target) -> None:
    """``/run`` and ``/api`` run a handler at once, past queue, limit and validator, where they are open."""
    for dependency in target.events():
        body = {"data": nothing(dependency), "fn_index": dependency["id"], "session_hash": "x"}
        for path in ("run", "api"):
            for name in ("predict", dependency["api_name"]):
                answer = target.client.post(f"/gradio_api/{path}/{name}", json=body)
                closed = answer.status_code in (404, 422, 500) and "join the queue" in answer.text
                assert closed or not dependency.get("queue", True), (dependency["api_name"], answer.text[:200])
                assert leaks(target, answer.text) == []


def test_the_page_tells_nothing_of_studies_secrets_or_people(target: Target) -> None:
    paths = (
        "/",
        "/config",
        "/gradio_api/info",
        "/gradio_api/openapi.json",
        "/rate",
        "/?q=x",
        "/rate?study=hidden-study",
    )
    for path in paths:
        assert leaks(target, target.client.get(path).text) == [] or "study=" in path, path
    shown = json.dumps(target.config)
    found = [
        (word, shown[max(0, shown.find(word) - 200) : shown.find(word) + 100])
        for word in (str(target.data), "organiser-secret", "ratings.db")
        if word in shown
    ]
    assert found == []


def test_nobody_rates_in_anothers_name(target: Target) -> None:
    """Whoever comes into the open collection rates by the token that her own page made, and by nothing else."""
    token = uuid.uuid4().hex * 2
    assert target.post("enter", token, study="explore", language="sw").json() == {"token": token}
    item = target.post("next", token).json()["item"]
    values = {one["letter"]: {criterion["key"]: 3 for criterion in item["criteria"]} for one in item["outputs"]}
    sent = {"id": str(uuid.uuid4()), "position": 1, "values": values, "seconds": 1.0}
    for other in (None, "forged", target.rater):  # the last is a rater of another study, who has no such answers
        assert target.post("submit", other, **sent).status_code in (401, 422)
        assert ratings(target) == 0
    assert target.post("submit", token, **sent).status_code == 200
    assert ratings(target) == 6


def test_no_study_but_the_open_collection_is_entered_without_an_invitation(target: Target) -> None:
    for study in ("hidden-study", "no-such-study", "", None, ["explore"]):
        refused = target.post("enter", uuid.uuid4().hex * 2, study=study, language="sw")
        assert (refused.status_code, refused.json()["error"]) == (403, "invitation")
        assert target.post("welcome", study=study).json()["study"] is None


def ratings(target: Target) -> int:
    with target.store() as store:
        return len(store.ratings(store.study("explore").id))


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/gradio_api/component_server", "POST"),
        ("/gradio_api/process_recording", "POST"),
        ("/gradio_api/stream/x", "POST"),
        ("/gradio_api/vibe-edit", "POST"),
        ("/gradio_api/vibe-code", "GET"),
        ("/gradio_api/dev/reload", "GET"),
        ("/gradio_api/proxy=https://huggingface.co/x", "GET"),
        ("/gradio_api/profiling/traces", "GET"),
        ("/gradio_api/custom_component/1/client/component/index.js", "GET"),
        ("/monitoring", "GET"),
        ("/monitoring/summary", "GET"),
        ("/gradio_api/runs", "GET"),
        ("/docs", "GET"),
        ("/redoc", "GET"),
        ("/login", "POST"),
        ("/login/huggingface", "GET"),
    ],
)
def test_routes_of_gradio_that_the_app_does_not_use(target: Target, path: str, method: str) -> None:
    """Among them Gradio's login off a Space, which makes everybody the account of whoever runs the server."""
    answer = target.client.request(method, path, json={}, follow_redirects=False)
    assert answer.status_code in (401, 404, 405), answer.text[:200]
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "model", ["/etc", "../../..", "/proc/self", "someone/some-model", "file:///etc/passwd", "~/.ssh"]
)
def test_a_model_that_is_a_path_or_is_not_offered(target: Target, model: str) -> None:
    ask = target.event("ask.click")
    said = html.unescape(through_queue(target, ask, question(target, model=model)))
    refusal = "Addresses cannot be asked from here" if "://" in model else "is not offered here; choose tiny"
    assert refusal in said
    assert "root:" not in said


@pytest.mark.parametrize(
    "changed",
    [
        {"k": 10**9}, {"k": -1}, {"k": "8"}, {"k": [1]}, {"language": "../en"}, {"strategy": "__class__"}, {"answer_languages": "x" * 1000},
        {"answer_languages": [{}]}, {"task": None, "text": None}, {"precision": "fp128"}, {"run": "../../etc"}, {"temperature": 1e308},
        {"seed": 2**80}, {"text": "x" * 200_000}, {"text": {"a": 1}}, {"calibration": "rm -rf"}, {"temperature": "nan"},
    ],
    ids=str,
)  # fmt: skip
def test_values_that_the_page_never_sends(target: Target, changed: dict[str, object]) -> None:
    """A validator in the browser is no validator: what comes must be refused on the server, and in one sentence at most."""
    said = through_queue(target, target.event("ask.click"), question(target, **changed))
    assert "process_completed" in said
    refused = '"success":false' in said or "message error" in said
    assert refused or changed == {"text": {"a": 1}}  # which is read as the text that Python writes for it
    assert "Traceback" not in said
    assert leaks(target, said) == []
    assert target.client.get("/robots.txt").status_code == 200


def test_a_run_is_started_or_stopped_by_no_stranger(target: Target) -> None:
    start, stop = target.event("train-start.click"), target.event("train-stop.click")
    for token in ("", "forged"):
        values = ["en", token, "supervised", "lora", 200, 1.0, 0.2, ["swh_Latn"], 0, "mine"]
        assert "This is for organisers" in through_queue(target, start, values)
        assert "This is for organisers" in through_queue(target, stop, ["en", token])
    assert not (target.data / "runs" / "fit" / "mine").exists()


def test_guessing_the_secret(target: Target) -> None:
    enter = target.event("study-unlock.click")
    said = [
        html.unescape(through_queue(target, enter, [guess, "en"])) for guess in ("", "secret", SECRET[:-1], *["x"] * 8)
    ]
    assert all("not the organiser's secret" in one or "wrong attempts" in one for one in said)
    assert "wrong attempts within a minute" in said[-1]
    assert SECRET not in "".join(said)


def test_somebody_elses_job_is_neither_read_nor_cancelled_without_her_session(target: Target) -> None:
    session = uuid.uuid4().hex[:11]
    event = join(target, target.event("ask.click"), question(target), session)
    assert event
    other = {"session_hash": "another", "fn_index": target.event("ask.click")["id"], "event_id": event}
    target.client.post("/gradio_api/cancel", json=other)
    assert '"success":true' not in listen(target, "another", 5)
    assert '"success":true' in listen(target, session)
