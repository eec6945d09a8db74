"""A closed-loop run in Explore: beside the model as it was, and passed over where it is of no use.

Tests of `app.explore.names`.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from app.explore.form import UNTRAINED, Form
from app.explore.names import panel_names
from app.explore.panels import details_view, result_panels
from app.explore.sending import outputs_of
from app.explore.service import ExploreService
from app.results.ratings_table import method_name
from app.texts import catalogue
from core.data.tasks import load_tasks
from core.errors import InvalidConfig, ModelUnavailable
from core.models.loading import ASSETS
from core.records import Prediction

CACHE = ASSETS.parent / "data" / "cache"
TEXTS = catalogue("en")
TEMPERATURE = 0.3
FORM = Form("The team won the cup.", "eng_Latn", "topic", ("eng_Latn",), ("agl", UNTRAINED), 2)


def finished(explore: ExploreService, form: Form) -> tuple[Prediction, ...]:
    *_, last = explore.ask(form)
    return last.predictions


@pytest.fixture(scope="module")
def with_runs(explore: ExploreService, tmp_path_factory: pytest.TempPathFactory) -> ExploreService:
    """Explore with two runs on the embedded model, both with a projection of chance alone: one is used, one falls back."""
    model = explore.models.open("embedded", "fp32").model
    width = int(model.network.config.hidden_size)
    weight, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(width, width)))
    folder = tmp_path_factory.mktemp("runs")
    for name, fallback in (("kept", ""), ("passed-over", "knn")):
        (folder / name).mkdir()
        save_file({"projection": weight[: width // 8].astype(np.float32)}, folder / name / "policy.safetensors")
        manifest = {
            "temperature": TEMPERATURE,
            "fallback": fallback,
            "config": {"task": "topic", "policy": {"redundancy": 0.0}},
            "model": {"name": "embedded", "precision": "fp32", "fingerprint": model.fingerprint},
            "pool": "bundled",
            "written": [],
            "retired": [],
        }
        (folder / name / "run.json").write_text(json.dumps(manifest))
    return ExploreService(CACHE, runs=folder)


def test_a_run_stands_beside_the_model_as_it_was(with_runs: ExploreService) -> None:
    trained, untrained = finished(with_runs, replace(FORM, run="kept"))
    assert [p.provenance["adapter"] for p in (trained, untrained)] == ["kept", "none"]
    assert [p.provenance["strategy"] for p in (trained, untrained)] == ["agl", "agl"]
    ids = [[entry.example.id for entry in p.selection.demonstrations] for p in (trained, untrained)]
    assert ids[0] != ids[1]  # the projection of the run chooses otherwise
    assert trained.provenance["temperature"] == str(TEMPERATURE)  # learnt
    assert untrained.provenance["temperature"] == str(FORM.temperature)
    assert outputs_of(trained)[0].system != outputs_of(untrained)[0].system
    names = panel_names((trained, untrained), TEXTS)
    assert names == ["Self-selection (AGL), trained in kept", "Self-selection (AGL), untrained"]
    assert all(name in details_view((trained, untrained), TEXTS) for name in names)


def test_a_run_that_falls_back_says_so_and_outputs_keep_it(with_runs: ExploreService) -> None:
    asked = replace(FORM, run="passed-over", strategies=("agl", "knn"))
    agl, knn = finished(with_runs, asked)
    assert [e.example.id for e in agl.selection.demonstrations] == [e.example.id for e in knn.selection.demonstrations]
    html = result_panels((agl, knn), load_tasks(ASSETS), TEXTS)
    told = TEXTS("explore.fell_back", run="passed-over", used=TEXTS("train.fallback_knn"))
    assert html.count(told) == 1  # on the panel of self-selection alone
    output = outputs_of(agl)[0]
    assert output.provenance["fallback"] == "knn"
    assert "|fallback=knn|" in output.system
    assert method_name(output.system, TEXTS).endswith("trained in passed-over; in its place: nearest neighbours")
    assert method_name(output.system, catalogue("zh")).endswith("经 passed-over 训练；改用：最近邻")


def test_of_another_task_than_its_own_a_run_does_not_choose(with_runs: ExploreService) -> None:
    (agl,) = finished(with_runs, replace(FORM, run="kept", task="sentiment", strategies=("agl",)))
    html = result_panels((agl,), load_tasks(ASSETS), TEXTS)
    assert TEXTS("explore.other_task", run="kept") in html
    assert outputs_of(agl)[0].provenance["fallback"] == "other task"
    named = method_name(outputs_of(agl)[0].system, TEXTS)
    assert named.endswith("trained in kept; on another task than its own, so in its place: the choice before training")
    for tag in ("fr", "ar", "am"):
        assert "other task" not in method_name(outputs_of(agl)[0].system, catalogue(tag))


def test_without_a_run_untrained_is_plain_self_selection_and_asked_once(explore: ExploreService) -> None:
    (only,) = finished(explore, FORM)
    assert panel_names((only,), TEXTS) == ["Self-selection (AGL)"]


@pytest.mark.parametrize(
    ("run", "error", "words"),
    [("../kept", InvalidConfig, "cannot name a run"), ("gone", ModelUnavailable, "no finished run")],
)
def test_a_run_that_cannot_be_used_is_one_sentence(
    with_runs: ExploreService, run: str, error: type, words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        finished(with_runs, replace(FORM, run=run))
    assert "\n" not in str(caught.value)


def test_a_run_without_a_folder_of_runs_is_one_sentence(explore: ExploreService) -> None:
    with pytest.raises(InvalidConfig, match="no folder of runs"):
        finished(explore, replace(FORM, run="kept"))
