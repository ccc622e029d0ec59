"""The journal of frames in PostgreSQL."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import ColumnElement, Integer, Row, case, column, not_, or_, select, true, values
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.pagination import Page, PageRequest
from services.postgres.database import Database
from services.postgres.keyset import COUNTED_UP_TO, fetch_page
from services.postgres.recordset import Recordset
from services.postgres.writer_connection import WriterConnection
from services.transaction.domain.message import Direction, MessageFilter, MessageKind, OcppMessage
from services.transaction.tables import OCPP_MESSAGES

_MESSAGES = Recordset(OCPP_MESSAGES)
_COPY = f"COPY ocpp_messages ({_MESSAGES.columns}) FROM STDIN".encode()
_INSERT_MISSING = f"""
INSERT INTO ocpp_messages ({_MESSAGES.columns}) SELECT {_MESSAGES.values} FROM {_MESSAGES.relation}
ON CONFLICT DO NOTHING
""".encode()
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", "\t": r"\t", "\r": r"\r"})


_NOT_READ = ("answer_kind", "answer_frame", "tenant_id")
# A row is told as one frame or, when it is a request with its answer, as two.
_REQUEST, _ANSWER = 0, 1
_PARTS = values(column("part", Integer), name="parts").data([(_REQUEST,), (_ANSWER,)])
_ROW, _PART = OCPP_MESSAGES.c, _PARTS.c.part
_IS_ANSWER, _IS_ANSWERED = _PART == _ANSWER, _ROW.answer_frame.is_not(None)
_BACK = case((_ROW.direction == Direction.INBOUND, Direction.OUTBOUND), else_=Direction.INBOUND)
_DIRECTION = case((_IS_ANSWER, _BACK), else_=_ROW.direction)
_KIND = case((_IS_ANSWER, _ROW.answer_kind), else_=_ROW.kind)
_HAS_OUTCOME = or_(_IS_ANSWER, not_(_IS_ANSWERED))
_FRAMES = (
    select(
        *(_ROW[name] for name in ("charge_point_id", "time", "id", "epoch", "message_id", "action", "protocol")),
        _PART,
        _DIRECTION.label("direction"),
        _KIND.label("kind"),
        case((_IS_ANSWER, _ROW.answer_frame), else_=_ROW.frame).label("frame"),
        case((_HAS_OUTCOME, _ROW.error_code), else_="").label("error_code"),
        case((_HAS_OUTCOME, _ROW.latency_us), else_=0).label("latency_us"),
        case((_HAS_OUTCOME, _ROW.note)).label("note"),
    )
    .select_from(OCPP_MESSAGES.join(_PARTS, true()))
    .where(or_(_PART == _REQUEST, _IS_ANSWERED))
)


class SqlMessageRepository:
    """Satisfies ports.MessageRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, narrowing: MessageFilter, page: PageRequest) -> Page[OcppMessage]:
        query, key = _FRAMES.where(*_conditions(narrowing)), (_ROW.time, _ROW.id, _PART)
        rows = await fetch_page(self._connection, query, key, page=page, descending=True, count_up_to=COUNTED_UP_TO)
        return rows.map(_message)


class SqlJournal:
    """Satisfies ports.Journal."""

    def __init__(self, database: Database) -> None:
        self._connection = WriterConnection(database, "messages")

    async def append(self, messages: Sequence[OcppMessage]) -> None:
        if not messages:
            return
        async with self._connection.connection() as connection:
            try:
                async with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
                    await copy.write(_copied(messages))
            except (psycopg.errors.UniqueViolation, psycopg.errors.CheckViolation):
                # A repetition, or a partition that was attached meanwhile; both are rare. COPY stores all or nothing,
                # and cannot pass over what is there.
                await connection.execute(_INSERT_MISSING, (_MESSAGES.dump(messages),))

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()


def _copied(messages: Iterable[OcppMessage]) -> str:
    """Rows as COPY reads them; by hand, in half the time that its adaptation of each value takes."""
    return "\n".join(["\t".join(map(_copied_value, message)) for message in messages]) + "\n"


def _copied_value(value: object) -> str:
    if value is None:
        return r"\N"
    text = str(value)
    if "\\" in text or "\n" in text or "\t" in text or "\r" in text:
        return text.translate(_ESCAPES)
    return text


def _conditions(narrowing: MessageFilter) -> Iterator[ColumnElement[bool]]:
    yield _ROW.charge_point_id == narrowing.charge_point_id
    for column_of, value in (
        (_ROW.action, narrowing.action),
        (_DIRECTION, narrowing.direction),
        (_KIND, narrowing.kind),
    ):
        if value:
            yield column_of == value
    if narrowing.time_from:
        yield _ROW.time >= narrowing.time_from
    if narrowing.time_to:
        yield _ROW.time < narrowing.time_to


def _message(row: Row[Any]) -> OcppMessage:
    fields: dict[str, Any] = {name: row._mapping[name] for name in OcppMessage._fields if name not in _NOT_READ}
    kind = fields["kind"]
    fields |= {"direction": Direction(fields["direction"]), "kind": None if kind is None else MessageKind(kind)}
    if row.part == _ANSWER:
        fields["id"] = str(UUID(int=UUID(fields["id"]).int ^ 1))
        fields["time"] += timedelta(microseconds=fields["latency_us"])
    return OcppMessage(**fields)
