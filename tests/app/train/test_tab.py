"""What the handlers of Train send to the page, without a browser.

Tests of `app.train.compare_tab`.
"""

import json
from pathlib import Path

import gradio as gr
import pytest
from app_server import with_event_loop

from app.access.organiser import NotAuthorised
from app.explore.controls import run_names
from app.explore.service import ExploreService
from app.services import Services
from app.texts import Localised, catalogue
from app.train.compare_tab import CompareHandlers, build_compare
from app.train.service import RunForm, TrainingService
from app.train.tab import TrainHandlers, _weight_updates, build_train, form_of
from app.train.view import run_choices, run_status

TEXTS = catalogue("en")


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Without a store and with no model loaded: nothing here asks for either."""
    return Services(
        ExploreService(), None, None, tmp_path, TrainingService(tmp_path / "runs", shipped=tmp_path / "no"), None
    )  # type: ignore[arg-type]


@pytest.fixture
def handlers(services: Services) -> TrainHandlers:
    return handlers_of(services)


def handlers_of(services: Services) -> TrainHandlers:
    def build() -> TrainHandlers:
        with gr.Blocks():
            tab = gr.Tab("Train")
            return build_train(services.training, services, Localised(), gr.State("en"), TEXTS, tab)

    return with_event_loop(build)


def make_run(services: Services, name: str, finished: bool) -> None:
    folder = services.training.folder / name
    folder.mkdir(parents=True)
    config = {"config": {"task": "topic"}, "pool_languages": []}
    (folder / "settings.json").write_text(json.dumps(config))
    (folder / "log.jsonl").write_text('{"iteration": 0, "alarms": []}\n')
    if finished:
        shares = {"zero-shot": 0.1, "knn": 0.1, "agl": 0.1}
        entry = config | {"before": shares, "after": shares, "fallback": "", "changes": []}
        (folder / "run.json").write_text(json.dumps(entry))
        (folder / "policy.safetensors").write_bytes(b"")


def test_the_form_takes_every_control_and_empty_ones_take_defaults() -> None:
    filled = {
        "name": " mine ", "mode": "self", "trained": "full", "alpha": 0, "beta": 0.5, "seed": 3, "iterations": 5,
        "languages": ["swh_Latn"],
    }  # fmt: skip
    assert form_of(filled) == RunForm("mine", "self", "full", 0.0, 0.5, 3, 5, ("swh_Latn",))
    assert form_of(dict.fromkeys(filled) | {"iterations": 24}) == RunForm(iterations=24)


def test_weights_stand_where_they_count(handlers: TrainHandlers) -> None:
    """A choice that learns alone learns from log-probabilities, which they would not touch."""
    form = handlers.parts.form
    assert form["trained"].value == "policy"
    assert not form["alpha"].visible and not form["beta"].visible
    assert [update["visible"] for update in _weight_updates("lora")] == [True, True]
    assert [update["visible"] for update in _weight_updates("policy")] == [False, False]


def test_every_update_is_of_a_component_that_the_event_may_change(handlers: TrainHandlers) -> None:
    updates = handlers.show(TEXTS, None)
    assert updates.keys() | {handlers.parts.notice} == set(
        handlers.parts.outputs
    )  # a refusal stays until the next press


def test_without_a_run_there_is_a_sentence(handlers: TrainHandlers) -> None:
    assert TEXTS("train.empty") in handlers.show(TEXTS, None)[handlers.parts.panels["head"]]


def test_the_newest_run_is_on_show_and_only_a_finished_one_can_be_used(
    services: Services, handlers: TrainHandlers
) -> None:
    parts = handlers.parts
    make_run(services, "older", finished=True)
    updates = handlers.open_run({parts.tag: "en", parts.runs: "older"})
    assert updates[parts.status] == ""
    assert updates[parts.runs]["value"] == "older"
    assert updates[parts.use]["interactive"]
    assert not updates[parts.go_on]["visible"]
    assert not updates[parts.timer].active
    assert updates[parts.mark] == ("older", 1, "finished")
    assert "older" in updates[parts.panels["head"]]
    make_run(services, "newer", finished=False)
    updates = handlers.open_run({parts.tag: "en", parts.runs: None})
    assert updates[parts.runs]["value"] == "newer"
    assert [name for _, name in updates[parts.runs]["choices"]] == ["newer", "older"]
    assert not updates[parts.use]["interactive"]
    assert updates[parts.go_on]["visible"]


def test_a_forged_name_is_a_message(handlers: TrainHandlers) -> None:
    assert "cannot name a run" in handlers.show(TEXTS, "../../etc")[handlers.parts.status]


def test_where_strangers_come_only_an_organiser_starts_and_stops(
    handlers: TrainHandlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(session: object) -> None:
        raise NotAuthorised(f"No organiser: {session!r}.")

    monkeypatch.setattr(handlers.host, "require_trainer", refuse)
    parts = handlers.parts
    form = dict.fromkeys(parts.form.values())
    for handler in (handlers.begin, handlers.resume, handlers.end):
        updates = handler({parts.tag: "en", parts.session: "forged", parts.runs: None, **form})
        assert list(updates) == [parts.notice]
        assert "No organiser" in updates[parts.notice]


def test_the_list_names_states_and_explore_lists_finished_runs_alone(services: Services) -> None:
    make_run(services, "done", finished=True)
    make_run(services, "half", finished=False)
    assert {label for label, _ in run_choices(services.training, TEXTS)} == {
        f"done · {TEXTS('train.state_finished')}",
        f"half · {TEXTS('train.state_unfinished')}",
    }
    assert run_names(TEXTS, services.training.finished()) == [(TEXTS("explore.run_none"), ""), ("done", "done")]


def test_a_shipped_run_is_shown_where_there_is_no_other_and_can_be_used(services: Services, tmp_path: Path) -> None:
    make_run(services, "learnt", finished=True)
    (services.training.folder / "learnt" / "comparison.json").write_text('{"findings": ["8 points <better>."]}')
    services.training = TrainingService(tmp_path / "none", shipped=services.training.folder)
    handlers = handlers_of(services)
    updates, parts = handlers.show(TEXTS, None), handlers.parts
    assert updates[parts.runs]["value"] == "learnt"
    assert updates[parts.runs]["choices"] == [(f"learnt · {TEXTS('train.shipped')}", "learnt")]
    assert updates[parts.use]["interactive"]
    assert not updates[parts.go_on]["visible"]
    head = updates[parts.panels["head"]]
    assert "learnt" in head and TEXTS("train.compared") in head and "8 points &lt;better&gt;." in head


def test_runs_are_laid_over_each_other_once_two_are_chosen(services: Services) -> None:
    for name in ("one", "two"):
        make_run(services, name, finished=True)

    def build() -> CompareHandlers:
        with gr.Blocks():
            return build_compare(services.training, Localised(), gr.State("en"), TEXTS, gr.Tab("Train"))

    handlers = with_event_loop(build)
    parts = handlers.parts
    alone = handlers.compare({parts.tag: "en", parts.runs: ["one"]})
    assert TEXTS("train.compare_choose", fewest=2, most=4) in alone[parts.table] and not alone[parts.figure]["visible"]
    both = handlers.listed({parts.tag: "en", parts.runs: ["one", "two", "gone"]})
    assert both[parts.runs]["value"] == ["one", "two"] and both[parts.figure]["visible"]
    assert TEXTS("train.compare_same") in both[parts.table]


def test_status_is_empty_before_the_first_run(services: Services) -> None:
    assert run_status(services.training, TEXTS) == ""
