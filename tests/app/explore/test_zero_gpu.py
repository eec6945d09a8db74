"""ZeroGPU as it is: decorated calls run in a fork, arguments and results are pickled, and only what is so told comes back."""

import inspect
import multiprocessing
import pickle
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import app.explore.models
import app.explore.zero_gpu
from annotation.store import RatingStore
from app.explore.answer import Response, Thread
from app.explore.form import Form
from app.explore.service import ExploreService
from app.explore.view import draw_map, measure_why, render
from app.explore.zero_gpu import LONGEST_S, claimed_seconds, on_gpu
from app.services import Services
from app.texts import ENGLISH, catalogue
from core.errors import InvalidConfig, PoolTooSmall
from core.models.catalogue import TINY_FOLDER
from core.models.loading import ModelConfig

HOSTS = str(TINY_FOLDER)  # a model of the host's: here the embedded one under its folder's name
FORM = Form("Timu ilishinda mchezo.", "swh_Latn", "topic", ("swh_Latn",), ("knn",), 2, model=HOSTS)


class Gpu:
    """Stands in for ``spaces``: a fork for every call, as ``spaces.zero.wrappers`` has it."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.seconds: list[int] = []

    def GPU(self, duration: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:  # noqa: N802 - its name there
        """The decorator: ``function`` runs as ZeroGPU runs it; errors come back by the name of their class alone."""

        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            several = inspect.isgeneratorfunction(function)

            def call(*args: Any) -> Any:
                self.calls.append(function.__name__)
                self.seconds.append(duration(*args) if callable(duration) else duration)
                results = list(self._forked(function, several, pickle.dumps(args)))
                if results and isinstance(results[-1], str):
                    raise RuntimeError(f"GPU task aborted: {results[-1]}")
                return iter(results) if several else results[0]

            return call

        return decorate

    def _forked(self, function: Callable[..., Any], several: bool, sent: bytes) -> Iterator[Any]:
        fork = multiprocessing.get_context("fork")
        results = fork.SimpleQueue()

        def work() -> None:
            def never(*_: Any, **__: Any) -> Any:
                raise AssertionError("a fork used the database")

            sqlite3.connect = never  # type: ignore[assignment]
            for name in ("outputs", "studies", "add_outputs", "next_assignment", "submit"):
                setattr(RatingStore, name, never)
            try:
                given = function(*pickle.loads(sent))
                for one in given if several else [given]:
                    results.put(pickle.dumps(one))
            except Exception as error:
                results.put(pickle.dumps(type(error).__name__))
            results.put(None)

        process = fork.Process(target=work, daemon=True)
        process.start()
        while (told := results.get()) is not None:
            yield pickle.loads(told)
        process.join()


@pytest.fixture
def zero(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    """This process as a ZeroGPU Space."""
    gpu = Gpu()
    monkeypatch.setattr(app.explore.zero_gpu, "spaces", gpu)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    return gpu


@pytest.fixture
def on_zero(zero: Gpu, explore: ExploreService, monkeypatch: pytest.MonkeyPatch) -> ExploreService:
    """An explore whose host offers one model, loaded at start."""
    bench = explore.models.workbench(ModelConfig())
    bench.index("topic").prepare()
    monkeypatch.setattr(app.explore.models, "open_workbench", lambda *_: bench)
    return ExploreService(offered=(HOSTS,))


def test_a_question_to_the_hosts_model_is_answered_in_a_fork_as_here(
    zero: Gpu, on_zero: ExploreService, explore: ExploreService
) -> None:
    *_, last = on_zero.ask(FORM)
    assert zero.calls == ["_steps_or_error"]
    assert last.finished
    *_, here = explore.ask(Form(**{**vars(FORM), "model": "embedded"}))
    assert last.predictions[0].answers[0].text == here.predictions[0].answers[0].text


def test_its_view_and_its_reasons_need_no_model_outside_the_fork(
    zero: Gpu, on_zero: ExploreService, services: Services
) -> None:
    *_, last = on_zero.ask(FORM)
    made = last.predictions[0]
    relabelled = type(made)(**{**vars(made), "provenance": {**made.provenance, "model": HOSTS}})
    response = Response(FORM, (relabelled,))
    assert (
        relabelled.query.text in render(on_zero, services.tasks, Thread().begin(response), catalogue(ENGLISH)).results
    )
    assert draw_map(on_zero, services.tasks, response, catalogue(ENGLISH), "0") is None
    assert "class" in measure_why(on_zero, services.tasks, response, catalogue(ENGLISH), "0", "swh_Latn")
    assert zero.calls == ["_steps_or_error", "_why_or_error"]


def test_a_sentence_for_the_person_survives_the_fork(zero: Gpu, on_zero: ExploreService) -> None:
    with pytest.raises(PoolTooSmall, match="own writing"):
        list(on_zero.ask(Form(**{**vars(FORM), "strategies": ("self-generated",)})))
    assert zero.calls == ["_steps_or_error"]


def test_the_embedded_model_takes_nobodys_quota_and_others_are_refused(zero: Gpu, on_zero: ExploreService) -> None:
    assert on_zero.models.config("embedded", "fp32") == ModelConfig("tiny", "fp32", device="cpu")
    assert on_zero.models.config(HOSTS, "fp32").precision == "bf16"  # bf16 first
    assert on_zero.models.config(HOSTS, "nf4").precision == "nf4"  # 4 bits by choice
    with pytest.raises(InvalidConfig, match="This Space has the models tiny, "):
        on_zero.models.config("org/other", "bf16")
    assert not on_zero.models.needs_gpu("embedded")
    list(on_zero.ask(Form(**{**vars(FORM), "model": "embedded"})))
    assert zero.calls == []


def test_a_lock_that_a_thread_holds_does_not_hold_a_fork(zero: Gpu, on_zero: ExploreService) -> None:
    with on_zero.models._lock, next(iter(on_zero.models._slots.values())).lock:  # another visitor loads a model
        *_, last = on_zero.ask(FORM)
    assert last.finished


def test_a_longer_question_claims_more_time_up_to_a_limit(zero: Gpu, on_zero: ExploreService) -> None:
    assert claimed_seconds(1) < claimed_seconds(12) <= LONGEST_S
    assert claimed_seconds(99) == LONGEST_S
    list(on_zero.ask(FORM))
    assert zero.seconds == [claimed_seconds(FORM.answers)]


def test_elsewhere_nothing_changes(explore: ExploreService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")  # a variable alone makes no ZeroGPU
    assert not app.explore.zero_gpu.is_zero()
    assert not explore.models.needs_gpu("embedded")
    assert on_gpu(explore.why, 60) == explore.why
