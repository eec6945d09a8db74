"""A store in a temporary file, or on a PostgreSQL server, with a small study to rate."""

import inspect
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import postgres_server
import pytest
from rating_examples import Clock, new_study, outputs_of

from annotation.blind_records import AssignmentView
from annotation.records import Rater, Study
from annotation.store import RatingStore


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Closed databases of the present schema, to be copied, which saves each test its own migration."""
    folder = tmp_path_factory.mktemp("templates")
    paths = {"empty": folder / "empty.db", "study": folder / "study.db"}
    for path in paths.values():
        RatingStore.open(path).close()
    with RatingStore.open(paths["study"]) as opened:
        fill(opened)
    return paths


@pytest.fixture(autouse=True)
def seeds() -> Iterator[None]:
    """Raters and studies get the seeds 1, 2, 3, ... instead of random ones: a test meets the same ways at every run."""
    count = itertools.count(1)
    with pytest.MonkeyPatch.context() as patch:
        for module in ("raters", "studies"):
            patch.setattr(f"annotation.queries.{module}.new_seed", lambda: next(count))
        yield


# What a store promises on every engine; tests here that ask for a file's path are about SQLite alone.
CONTRACT = (
    "test_submissions",
    "test_skips",
    "test_races",
    "test_removal",
    "test_invitations",
    "test_versions",
    "test_adjudication",
    "test_preferences",
    "test_judges",
    "test_markings",
    "test_quotas",
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    own = inspect.signature(metafunc.function).parameters
    module = metafunc.module.__name__.rpartition(".")[2]  # importlib mode names it by its path from the root
    if module in CONTRACT and "store" in metafunc.fixturenames and "path" not in own:
        metafunc.parametrize("engine", ["sqlite", "postgresql"])


@pytest.fixture
def engine() -> str:
    """The database behind `store`, where a test does not say."""
    return "sqlite"


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_server.Server]:
    """A server with the databases `empty` and `study`, to be copied, or to be asked for as they are and brought back."""
    reason = postgres_server.reason_to_skip()
    if reason is not None:
        pytest.skip(reason)
    with postgres_server.running() as server:
        for name in ("empty", "study"):
            server.command(f"CREATE DATABASE {name}")
            with RatingStore.open(server.url(name)) as opened:
                if name == "study":
                    fill(opened)
        yield server


def fill(store: RatingStore) -> None:
    made = store.ensure_study(new_study())
    store.add_outputs(made.id, [output for item in ("i1", "i2", "i3") for output in outputs_of(item)])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a database may be made."""
    return tmp_path / "ratings.db"


@pytest.fixture
def store(
    path: Path, clock: Clock, templates: dict[str, Path], engine: str, request: pytest.FixtureRequest
) -> Iterator[RatingStore]:
    """Empty, except where the test also asks for `study`."""
    content = "study" if "study" in request.fixturenames else "empty"
    if engine == "postgresql":
        server: postgres_server.Server = request.getfixturevalue("postgres")
        with RatingStore.open(server.unchanged(content), clock=clock) as opened:
            yield opened
        return
    shutil.copyfile(templates[content], path)
    with RatingStore.open(path, clock=clock) as opened:
        yield opened


@pytest.fixture
def study(store: RatingStore) -> Study:
    """Three items in Swahili, three systems each."""
    return store.study("topics")


@pytest.fixture
def rater(store: RatingStore, study: Study) -> Rater:
    return store.new_rater(study.id, "sw")[0]


@pytest.fixture
def view(store: RatingStore, rater: Rater) -> AssignmentView:
    found = store.next_assignment(rater.id)
    assert found is not None
    return found
