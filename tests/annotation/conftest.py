"""A store in a temporary file with a small study to rate."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from rating_examples import Clock, new_study, outputs_of

from annotation.records import AssignmentView, Rater, Study
from annotation.store import RatingStore


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Closed databases of the present schema, to be copied, which saves each test its own migration."""
    folder = tmp_path_factory.mktemp("templates")
    paths = {"empty": folder / "empty.db", "study": folder / "study.db"}
    for path in paths.values():
        RatingStore.open(path).close()
    with RatingStore.open(paths["study"]) as opened:
        made = opened.ensure_study(new_study())
        opened.add_outputs(made.id, [output for item in ("i1", "i2", "i3") for output in outputs_of(item)])
    return paths


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a database may be made."""
    return tmp_path / "ratings.db"


@pytest.fixture
def store(
    path: Path, clock: Clock, templates: dict[str, Path], request: pytest.FixtureRequest
) -> Iterator[RatingStore]:
    """Empty, except where the test also asks for `study`."""
    shutil.copyfile(templates["study" if "study" in request.fixturenames else "empty"], path)
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
