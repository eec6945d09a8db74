"""The server under attack, one for the session."""

from collections.abc import Iterator

import pytest
from security.hostile import Target, attacked


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
    target: Target = request.getfixturevalue("target")
    target.another_visitor()
    yield
    target.client.headers.pop("X-Forwarded-For", None)
