"""The journal of frames in PostgreSQL."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from sqlalchemy import ColumnElement, Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.chassis.database import Database
from services.chassis.keyset import fetch_page
from services.chassis.pagination import Page, PageRequest
from services.transaction.domain.message import Direction, MessageFilter, MessageKind, OcppMessage
from services.transaction.sql.lane import Lane
from services.transaction.sql.recordset import Recordset
from services.transaction.tables import OCPP_MESSAGES

_COUNTED_UP_TO = 10_000
_MESSAGES = Recordset(OCPP_MESSAGES)
_COPY = f"COPY ocpp_messages ({_MESSAGES.columns}) FROM STDIN".encode()
_INSERT_MISSING = f"""
INSERT INTO ocpp_messages ({_MESSAGES.columns}) SELECT {_MESSAGES.values} FROM {_MESSAGES.relation}
ON CONFLICT DO NOTHING
""".encode()


class SqlMessageRepository:
    """Satisfies ports.MessageRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, narrowing: MessageFilter, page: PageRequest) -> Page[OcppMessage]:
        columns = OCPP_MESSAGES.c
        query = select(OCPP_MESSAGES).where(*_conditions(narrowing))
        key = (columns.time, columns.id)
        rows = await fetch_page(self._connection, query, key, page=page, descending=True, count_up_to=_COUNTED_UP_TO)
        return rows.map(_message)


class SqlJournal:
    """Satisfies ports.Journal."""

    def __init__(self, database: Database) -> None:
        self._lane = Lane(database, "messages")

    async def append(self, messages: Sequence[OcppMessage]) -> None:
        if not messages:
            return
        async with self._lane.connection() as connection:
            try:
                async with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
                    for message in messages:
                        await copy.write_row(message)
            except (psycopg.errors.UniqueViolation, psycopg.errors.CheckViolation):
                # A repetition, or a partition that was attached meanwhile; both are rare. COPY stores all or nothing,
                # and cannot pass over what is there.
                await connection.execute(_INSERT_MISSING, (_MESSAGES.dump(messages),))

    async def close(self) -> None:
        """Close the connection."""
        await self._lane.close()


def _conditions(narrowing: MessageFilter) -> Iterator[ColumnElement[bool]]:
    columns = OCPP_MESSAGES.c
    yield columns.charge_point_id == narrowing.charge_point_id
    for name in ("action", "direction", "kind"):
        if value := getattr(narrowing, name):
            yield columns[name] == value
    if narrowing.time_from:
        yield columns.time >= narrowing.time_from
    if narrowing.time_to:
        yield columns.time < narrowing.time_to


def _message(row: Row[Any]) -> OcppMessage:
    fields = {name: row._mapping[name] for name in OcppMessage._fields}
    kind = fields["kind"]
    return OcppMessage(
        **{**fields, "direction": Direction(fields["direction"]), "kind": None if kind is None else MessageKind(kind)}
    )
