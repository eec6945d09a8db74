"""What all tables share: names for constraints, because migrations have to be able to name them, and times in UTC."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, MetaData, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in, aware UTC datetimes out; SQLite would return them naive."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; use datetime.now(UTC)")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def one_of(column: str, allowed: tuple[str, ...]) -> str:
    """SQL of a check that `column` holds one of `allowed` (our own constants, without quotes in them)."""
    return f"{column} IN ({', '.join(repr(word) for word in allowed)})"


class Base(DeclarativeBase):
    """Root of the tables, with the naming convention and the column types by annotation."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it
        datetime: UtcDateTime(),
        dict[str, Any]: JSON(),
        list[int]: JSON(),
        list[float]: JSON(),
        list[str]: JSON(),
        list[dict[str, Any]]: JSON(),
        str: Text(),
    }
