"""Queries of SQLAlchemy and their values as text, for what asks without it (see `readers`): made once, whoever asks."""

from datetime import datetime
from typing import Any

from sqlalchemy import ClauseElement, Select, Text, Uuid, cast, literal_column
from sqlalchemy.dialects import postgresql

# With any other style of parameters a percent sign would be doubled.
_DIALECT = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]  # it is not annotated


def place(kind: str) -> Any:
    """The place of a parameter of a type of PostgreSQL, in a query or condition."""
    return literal_column(f"%s::{kind}")


def sql_of(clause: ClauseElement) -> str:
    """A part of a query, its values written out."""
    return str(clause.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True}))


def query_of(query: Select[Any]) -> bytes:
    """The query of a Statement (see `roundtrip`): a parameter for each `place`, ids as text."""
    columns = [cast(column, Text) if isinstance(column.type, Uuid) else column for column in query.selected_columns]
    return sql_of(query.with_only_columns(*columns, maintain_column_froms=True)).encode()


def written(value: object) -> str:
    """A value as PostgreSQL reads it."""
    return value.isoformat() if isinstance(value, datetime) else str(value)
