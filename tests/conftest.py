"""Fixtures of all tests: no network beyond this machine, and the tiny stand-ins of ``toys`` (imported when first asked for)."""

import os
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

# Before any library reads them.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("AGL_MODEL", "tiny")  # what "default" means: tests that want the large model name it

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from toys import LetterEncoder
    from transformers import PreTrainedTokenizerFast

    from core.data.pool import Pool
    from core.data.tasks import Task
    from core.models.loading import LanguageModel
    from core.selection.pool_index import PoolIndex
    from core.workbench import Workbench

# Examples of a property test: enough to meet its corners at every commit, and more before a release (`make test-all`).
settings.register_profile("commit", max_examples=40, deadline=None)
settings.register_profile("release", max_examples=300, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "commit"))

HERE = {"127.0.0.1", "::1", "localhost"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with tests that start programs or browsers come first, so that two workers end at about the same time."""
    slow = {item.path for item in items if item.get_closest_marker("slow") or item.get_closest_marker("browser")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def only_this_machine() -> Iterator[None]:
    """A connection to any other host is an error, so that a test can never depend on one."""

    def guarded(name: str) -> Any:
        original = getattr(socket.socket, name)

        def connect(self: socket.socket, address: Any) -> Any:
            if self.family != socket.AF_UNIX and address[0] not in HERE:
                raise RuntimeError(f"A test tried to reach {address}; tests stay on this machine.")
            return original(self, address)

        return connect

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, guarded(name))
        yield


@pytest.fixture(scope="session", autouse=True)
def migrated_once() -> Iterator[None]:
    """New databases of this process are made at once, not by eleven migrations."""
    from types import SimpleNamespace

    from migrated_once import upgrade_quickly

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("annotation.store.migrate", SimpleNamespace(upgrade=upgrade_quickly))
        yield


@pytest.fixture(scope="session", autouse=True)
def statements_compiled_once() -> Iterator[None]:
    """Stores of this process share what their statements compile to."""
    from compiled_once import compiled_once

    with compiled_once():
        yield


@pytest.fixture(scope="session")
def chromium() -> "Iterator[Browser]":
    """Headless Chromium of the system, one for all tests: Playwright runs once in a process. Or a skip that says what to install."""
    from chromium import CHROMIUM, FLAGS, PATIENCE_MS

    if CHROMIUM is None:
        pytest.skip("no Chromium: install the package 'chromium'")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)  # one for the whole process, whoever sets it
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def tokenizer() -> "PreTrainedTokenizerFast":
    """One token per byte, a start token in front."""
    from toys import byte_tokenizer

    return byte_tokenizer()


@pytest.fixture(scope="session")
def model(tokenizer: "PreTrainedTokenizerFast") -> "LanguageModel":
    """A seeded Llama of two layers; do not change its weights."""
    from toys import tiny_model

    return tiny_model(tokenizer)


@pytest.fixture(scope="session")
def encoder() -> "LetterEncoder":
    from toys import LetterEncoder

    return LetterEncoder()


@pytest.fixture(scope="session")
def pool() -> "Pool":
    """Ten items in English, French and Swahili."""
    from toys import toy_examples

    from core.data.pool import Pool

    return Pool(toy_examples())


@pytest.fixture(scope="session")
def tasks() -> "dict[str, Task]":
    """The bundled tasks."""
    from core.data.tasks import load_tasks
    from core.models.loading import ASSETS

    return load_tasks(ASSETS)


@pytest.fixture(scope="session")
def bench(model: "LanguageModel", encoder: "LetterEncoder", pool: "Pool") -> "Workbench":
    """The bundled tasks with the toy pool, model and encoder."""
    from core.workbench import Workbench

    return Workbench(model, encoder, pools={"topic": pool})  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def index(bench: "Workbench") -> "PoolIndex":
    """The toy pool with its vectors."""
    return bench.index("topic")
