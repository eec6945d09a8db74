"""What the handlers of Train send to the page, without a browser."""

import json
from pathlib import Path

import pytest

from app.explore.form import run_names
from app.explore.service import Explorer
from app.services import Services
from app.texts import catalogue
from app.train import tab as train_tab
from app.train.runs import EXAMPLE
from app.train.service import RunForm, TrainingDesk
from app.train.view import RenderedRun, run_choices, run_status

TEXTS = catalogue("en")
COMPONENTS = 6 + len(RenderedRun("").values)  # status, list, two buttons, timer, what was seen, panels


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Without a store and with no model loaded: nothing here asks for either."""
    return Services(Explorer(), None, None, tmp_path, TrainingDesk(tmp_path / "runs", shipped=tmp_path / "no"), None)  # type: ignore[arg-type]


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
    assert train_tab.form_of(filled) == RunForm("mine", "self", "full", 0.0, 0.5, 3, 5, ("swh_Latn",))
    assert train_tab.form_of(dict.fromkeys(filled) | {"iterations": 24}) == RunForm(iterations=24)


def test_without_a_run_there_is_a_sentence(services: Services) -> None:
    updates = train_tab._shown(services, TEXTS, None)
    assert len(updates) == COMPONENTS
    assert TEXTS("train.empty") in updates[6]


def test_the_newest_run_is_on_show_and_only_a_finished_one_can_be_used(services: Services) -> None:
    make_run(services, "older", finished=True)
    status, runs, use, go_on, timer, mark, head, *_ = train_tab._shown(services, TEXTS, "older")
    assert status == ""
    assert runs["value"] == "older"
    assert (use["interactive"], go_on["visible"], timer.active) == (True, False, False)
    assert mark == ("older", 1, "finished")
    assert "older" in head
    make_run(services, "newer", finished=False)
    _, runs, use, go_on, *_ = train_tab._shown(services, TEXTS, None)
    assert runs["value"] == "newer"
    assert [name for _, name in runs["choices"]] == ["newer", "older"]
    assert (use["interactive"], go_on["visible"]) == (False, True)


def test_a_forged_name_is_a_message(services: Services) -> None:
    status, *_ = train_tab._shown(services, TEXTS, "../../etc")
    assert "cannot name a run" in status


def test_the_list_names_states_and_explore_lists_finished_runs_alone(services: Services) -> None:
    make_run(services, "done", finished=True)
    make_run(services, "half", finished=False)
    assert {label for label, _ in run_choices(services.training, TEXTS)} == {
        f"done · {TEXTS('train.state_finished')}",
        f"half · {TEXTS('train.state_unfinished')}",
    }
    assert run_names(TEXTS, services.training.finished()) == [(TEXTS("explore.run_none"), ""), ("done", "done")]


def test_the_shipped_run_is_shown_where_there_is_no_other_and_cannot_be_used(
    services: Services, tmp_path: Path
) -> None:
    make_run(services, "shipped", finished=True)
    services.training = TrainingDesk(tmp_path / "none", shipped=services.training.folder / "shipped")
    _, runs, use, go_on, _, _, head, *_ = train_tab._shown(services, TEXTS, None)
    assert runs["value"] == EXAMPLE
    assert (use["interactive"], go_on["visible"]) == (False, False)
    assert TEXTS("train.example") in head


def test_status_is_empty_before_the_first_run(services: Services) -> None:
    assert run_status(services.training, TEXTS) == ""
