"""Charging sessions in PostgreSQL."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Row, Uuid, any_, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain.charging_session import (
    NO_TARIFF,
    PENDING,
    ChargingSession,
    ChargingSessionFilter,
    SessionState,
)
from services.billing.tables import CHARGING_SESSIONS, PRICING_TIERS
from services.chassis.database import bare
from services.chassis.keyset import fetch_page
from services.chassis.pagination import Page, PageRequest
from services.chassis.recordset import Recordset, array, upsert
from services.kernel.ids import is_id
from services.kernel.money import Money

_LOCK = b"SELECT pg_advisory_xact_lock(hashtextextended('snapshots of transactions', 0))"
_COST = ("cost_minor", "currency_code")
_PLAIN = [column.name for column in CHARGING_SESSIONS.c if column.name not in _COST]
_NAMES = [*_PLAIN, *_COST]
_SESSIONS = Recordset(CHARGING_SESSIONS, columns=_NAMES)
_plain = attrgetter(*_PLAIN)
_FIRST_ID = "00000000-0000-0000-0000-000000000000"
_IDS = [column.name for column in CHARGING_SESSIONS.c if isinstance(column.type, Uuid)]
_COLUMNS = ", ".join(f"s.{name}::text" if name in _IDS else f"s.{name}" for name in _NAMES)
_SELECT = f"SELECT {_COLUMNS} FROM charging_sessions AS s WHERE"
_OF_TRANSACTIONS = f"{_SELECT} s.transaction_id = ANY (%s::uuid[]) ORDER BY s.id FOR UPDATE".encode()
_PENDING = f"{_SELECT} s.hold_reason = '{PENDING}' AND s.id > %s::uuid ORDER BY s.id LIMIT %s".encode()
# What somebody else has locked changes anyway, or is billed by him.
_LOCK_FREE = f"{_SELECT} s.id = ANY (%s::uuid[]) ORDER BY s.id FOR UPDATE SKIP LOCKED".encode()
_STORE = upsert(CHARGING_SESSIONS, _SESSIONS, "charging_sessions_pkey")


class SqlChargingSessionRepository:
    """Satisfies ports.ChargingSessionRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, narrowing: ChargingSessionFilter, page: PageRequest) -> Page[ChargingSession]:
        query = select(CHARGING_SESSIONS).where(*_conditions(narrowing))
        key = (CHARGING_SESSIONS.c.start_time, CHARGING_SESSIONS.c.id)
        rows = await fetch_page(self._connection, query, key, page=page, descending=True)
        return rows.map(_session)

    async def find(self, session_id: str, *, for_update: bool = False) -> ChargingSession | None:
        if not is_id(session_id):
            return None
        query = select(CHARGING_SESSIONS).where(CHARGING_SESSIONS.c.id == session_id)
        row = (await self._connection.execute(query.with_for_update() if for_update else query)).first()
        return None if row is None else _session(row)

    async def of_transactions(self, transaction_ids: Collection[str]) -> Mapping[str, ChargingSession]:
        connection = await bare(self._connection)
        await connection.execute(_LOCK)
        found = await self._sessions(_OF_TRANSACTIONS, (array(transaction_ids),))
        return {session.transaction_id: session for session in found if session.transaction_id is not None}

    async def pending(self, after_id: str, limit: int) -> Sequence[ChargingSession]:
        return await self._sessions(_PENDING, (after_id or _FIRST_ID, limit))

    async def lock_free(self, session_ids: Collection[str]) -> Mapping[str, ChargingSession]:
        return {session.id: session for session in await self._sessions(_LOCK_FREE, (array(session_ids),))}

    async def retry_untariffed(self, limit: int) -> int:
        tariffs = PRICING_TIERS.c
        has_tariff = exists().where(
            tariffs.until_time.is_(None),
            tariffs.retired.is_(False),
            or_(tariffs.is_default, CHARGING_SESSIONS.c.station_id == any_(tariffs.station_ids)),
        )
        waiting = select(CHARGING_SESSIONS.c.id).where(CHARGING_SESSIONS.c.hold_reason == NO_TARIFF, has_tariff)
        # One that is locked changes anyway; waiting for it could end in a ring.
        free = waiting.limit(limit).with_for_update(skip_locked=True)
        statement = update(CHARGING_SESSIONS).where(CHARGING_SESSIONS.c.id.in_(free))
        return (await self._connection.execute(statement.values(hold_reason=PENDING))).rowcount

    async def store(self, sessions: Sequence[ChargingSession]) -> None:
        if sessions:
            ordered = sorted(sessions, key=attrgetter("id"))
            await (await bare(self._connection)).execute(_STORE, (_SESSIONS.dump(map(_values, ordered)),))

    async def _sessions(self, query: bytes, parameters: tuple[Any, ...]) -> Sequence[ChargingSession]:
        cursor = await (await bare(self._connection)).execute(query, parameters)
        return [_of_fields(dict(zip(_NAMES, row, strict=True))) for row in await cursor.fetchall()]


def _conditions(narrowing: ChargingSessionFilter) -> Iterator[ColumnElement[bool]]:
    columns = CHARGING_SESSIONS.c
    for name in ("driver_id", "station_id", "transaction_id"):
        if wanted := getattr(narrowing, name):
            yield columns[name] == wanted if is_id(wanted) else columns.id.is_(None)
    if narrowing.state:
        yield columns.state == narrowing.state
    if narrowing.start_time_from:
        yield columns.start_time >= narrowing.start_time_from
    if narrowing.start_time_to:
        yield columns.start_time < narrowing.start_time_to


def _values(session: ChargingSession) -> tuple[Any, ...]:
    cost = session.cost
    return (*_plain(session), *((cost.minor_units, cost.currency_code) if cost else (None, None)))


def _session(row: Row[Any]) -> ChargingSession:
    return _of_fields({name: row._mapping[name] for name in _NAMES})


def _of_fields(fields: dict[str, Any]) -> ChargingSession:
    amount, currency = fields.pop("cost_minor"), fields.pop("currency_code")
    fields["state"] = SessionState(fields["state"])
    return ChargingSession(**fields, cost=None if currency is None else Money(currency, amount))
