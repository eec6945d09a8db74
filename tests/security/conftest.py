"""The server under attack, one for the session."""

import itertools
from collections.abc import Iterator

import pytest
from security.hostile import Target, attacked

_ADDRESSES = itertools.cycle(range(1, 255))


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with attacked(tmp_path_factory.mktemp("attacked")) as found:
        yield found


@pytest.fixture(autouse=True)
def a_visitor_of_her_own(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test comes from another address, so that no test spends the allowance of the next."""
    if "target" not in request.fixturenames:
        yield
        return
    headers = request.getfixturevalue("target").client.headers
    headers["X-Forwarded-For"] = f"203.0.113.{next(_ADDRESSES)}"  # of the range kept for examples
    yield
    headers.pop("X-Forwarded-For", None)
