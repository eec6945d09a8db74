"""ZeroGPU as it is: decorated calls run in a fork, arguments and results are pickled, and only what is so told comes back."""

import multiprocessing
import pickle
import sqlite3
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import app.explore.models
import app.explore.service
import app.explore.zero_gpu
from annotation.store import RatingStore
from app.explore.service import Explorer, Form
from app.explore.view import measure_why, render
from app.explore.zero_gpu import known_by_name
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

    def runs(self, function: Callable[..., Any], several: bool) -> Callable[..., Any]:
        """``function`` as ZeroGPU runs it; errors come back by the name of their class alone."""

        def call(*args: Any) -> Any:
            self.calls.append(function.__name__)
            found = list(self._forked(function, several, pickle.dumps(args)))
            if found and isinstance(found[-1], str):
                raise RuntimeError(f"GPU task aborted: {found[-1]}")
            return iter(found) if several else found[0]

        return call

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
    monkeypatch.setattr(app.explore.zero_gpu, "spaces", types.ModuleType("spaces"))
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    monkeypatch.setattr(app.explore.service, "steps_on_gpu", gpu.runs(app.explore.zero_gpu.steps_on_gpu, True))
    monkeypatch.setattr(app.explore.service, "why_on_gpu", gpu.runs(app.explore.zero_gpu.why_on_gpu, False))
    return gpu


@pytest.fixture
def on_zero(zero: Gpu, explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> Explorer:
    """An explorer whose host offers one model, loaded at start."""
    bench = explorer.engines.workbench(ModelConfig())
    bench.index("topic").prepare()
    monkeypatch.setattr(app.explore.models, "open_workbench", lambda *_: bench)
    return Explorer(offered=(HOSTS,))


def test_a_question_to_the_hosts_model_is_answered_in_a_fork_as_here(
    zero: Gpu, on_zero: Explorer, explorer: Explorer
) -> None:
    *_, last = on_zero.ask(FORM)
    assert zero.calls == ["steps_on_gpu"]
    assert last.finished
    *_, here = explorer.ask(Form(**{**vars(FORM), "model": "embedded"}))
    assert last.predictions[0].answers[0].text == here.predictions[0].answers[0].text


def test_its_view_and_its_reasons_need_no_model_outside_the_fork(
    zero: Gpu, on_zero: Explorer, services: Services
) -> None:
    *_, last = on_zero.ask(FORM)
    made = last.predictions[0]
    relabelled = type(made)(**{**vars(made), "provenance": {**made.provenance, "model": HOSTS}})
    services.explorer = on_zero
    assert render(services, (relabelled,), catalogue(ENGLISH)).map is None
    assert "class" in measure_why(services, (relabelled,), catalogue(ENGLISH), "0", "swh_Latn")
    assert zero.calls == ["steps_on_gpu", "why_on_gpu"]


def test_a_sentence_for_the_person_survives_the_fork(zero: Gpu, on_zero: Explorer) -> None:
    with pytest.raises(PoolTooSmall, match="own writing"):
        list(on_zero.ask(Form(**{**vars(FORM), "strategies": ("self-generated",)})))
    assert zero.calls == ["steps_on_gpu"]


def test_the_embedded_model_takes_nobodys_quota_and_others_are_refused(zero: Gpu, on_zero: Explorer) -> None:
    assert on_zero.engines.config("embedded", "fp32") == ModelConfig("embedded", "fp32", device="cpu")
    assert on_zero.engines.config(HOSTS, "fp32").precision == "bf16"  # bf16 first
    assert on_zero.engines.config(HOSTS, "nf4").precision == "nf4"  # 4 bits by choice
    with pytest.raises(InvalidConfig, match="This Space has the models embedded, "):
        on_zero.engines.config("org/other", "bf16")
    assert not on_zero.engines.needs_gpu("embedded")
    list(on_zero.ask(Form(**{**vars(FORM), "model": "embedded"})))
    assert zero.calls == []


def test_a_lock_that_a_thread_holds_does_not_hold_a_fork(zero: Gpu, on_zero: Explorer) -> None:
    with on_zero.engines._lock:  # another visitor loads a model
        *_, last = on_zero.ask(FORM)
    assert last.finished


def test_a_longer_question_claims_more_time_up_to_a_limit() -> None:
    one = app.explore.zero_gpu._seconds("", FORM)
    many = app.explore.zero_gpu._seconds("", Form("x", answer_languages=tuple("abcdef"), strategies=("agl", "knn")))
    assert one < many <= app.explore.zero_gpu.LONGEST_S
    assert app.explore.zero_gpu._seconds("", Form("x", answer_languages=("a",) * 99)) == app.explore.zero_gpu.LONGEST_S


def test_elsewhere_nothing_changes(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")  # a variable alone makes no ZeroGPU
    assert not app.explore.zero_gpu.is_zero()
    assert not Explorer().engines.needs_gpu("embedded")
    assert known_by_name(explorer) == known_by_name(explorer)
