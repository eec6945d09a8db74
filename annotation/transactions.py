"""One method, one transaction: what the halves of the store share."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from annotation.database import Engines, translated_errors

Result = TypeVar("Result")
_ATTEMPTS = 3


def utc_now() -> datetime:
    """The time as the store sees it; tests pass another clock."""
    return datetime.now(UTC)


class Transactions:
    """Both engines of a database and its clock; closes them, also as a context manager."""

    def __init__(self, engines: Engines, clock: Callable[[], datetime] = utc_now) -> None:
        """For engines that are migrated already."""
        self._engines = engines
        self._clock = clock

    @property
    def journal_mode(self) -> str | None:
        """The mode: "wal" on a local disk, "delete" on a network path, "memory", None for PostgreSQL."""
        return self._engines.journal_mode

    def close(self) -> None:
        """Closes all connections. Harmless when repeated."""
        self._engines.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, work: Callable[[Session], Result]) -> Result:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with translated_errors(), Session(self._engines.writer) as session, session.begin():
                    return work(session)
            except IntegrityError:
                if attempt == _ATTEMPTS:
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _read(self, work: Callable[[Session], Result]) -> Result:
        with translated_errors(), Session(self._engines.reader) as session, session.begin():
            return work(session)
