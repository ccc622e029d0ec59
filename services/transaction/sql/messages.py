"""The journal of frames in PostgreSQL: lists, from rows and from what is compressed, and the rows.

Rows come from edges before 0.3.0, and are read until they are so old that they are dropped.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import psycopg
from sqlalchemy import ColumnElement, Integer, Row, case, column, not_, or_, select, true, values
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.pagination import Page, PageRequest
from services.postgres.database import Database
from services.postgres.keyset import COUNTED_UP_TO, fetch_page, key_in_token, mark_of, token_after
from services.postgres.recordset import Recordset
from services.postgres.writer_connection import WriterConnection
from services.transaction.domain.message import Direction, MessageFilter, MessageKind, OcppMessage
from services.transaction.mapping.exchanges import answer_id
from services.transaction.sql.journal_frames import ANSWER, REQUEST, Found, JournalFrames
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
_PARTS = values(column("part", Integer), name="parts").data([(REQUEST,), (ANSWER,)])
_ROW, _PART = OCPP_MESSAGES.c, _PARTS.c.part
_IS_ANSWER, _IS_ANSWERED = _PART == ANSWER, _ROW.answer_frame.is_not(None)
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
    .where(or_(_PART == REQUEST, _IS_ANSWERED))
)
_KEY = (_ROW.time, _ROW.id, _PART)


class SqlMessageRepository:
    """Satisfies ports.MessageRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._frames = JournalFrames(connection)

    async def page(self, narrowing: MessageFilter, page: PageRequest) -> Page[OcppMessage]:
        query, mark = _FRAMES.where(*_conditions(narrowing)), mark_of(_KEY)
        time, id_, part = (None, "", 0) if page.after is None else key_in_token(page.after, mark, _KEY)
        after = None if time is None else (time, str(id_), part)
        rows = await fetch_page(self._connection, query, _KEY, page=page, descending=True, count_up_to=COUNTED_UP_TO)
        compressed = await self._frames.newest(narrowing, after, page.size + 1)
        # Told to an older service, after a newer one had it and could not say so, a frame is there twice.
        by_key = {one.key: one.message for one in (*compressed, *map(_found, rows.items))}
        keys = sorted(by_key, reverse=True)
        chosen = keys[: page.size]
        is_more = bool(rows.next_token) or len(keys) > len(chosen)
        total = len(chosen)
        if is_more or after is not None:
            total = rows.total_size
            if total < COUNTED_UP_TO:
                total = min(total + await self._frames.count(narrowing), COUNTED_UP_TO)
        token = token_after(mark, chosen[-1]) if is_more else ""
        return Page([by_key[key] for key in chosen], token, total)


class SqlJournal:
    """Writes rows: what an edge sends as messages, whichever way batches are kept (journal_batches.py)."""

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


def _found(row: Row[Any]) -> Found:
    fields: dict[str, Any] = {name: row._mapping[name] for name in OcppMessage._fields if name not in _NOT_READ}
    key, kind = (row.time, row.id, row.part), fields["kind"]
    fields |= {"direction": Direction(fields["direction"]), "kind": None if kind is None else MessageKind(kind)}
    if row.part == ANSWER:
        fields["id"] = answer_id(fields["id"])
        fields["time"] += timedelta(microseconds=fields["latency_us"])
    return Found(key, OcppMessage(**fields))
