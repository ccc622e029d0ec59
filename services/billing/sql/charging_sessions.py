"""Charging sessions in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Table, Text, any_, cast, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain.charging_session import (
    ESTIMATED_END,
    NO_TARIFF,
    PENDING,
    ChargingSession,
    SessionState,
)
from services.billing.sql.remarks import remarks_of, remarks_to_json
from services.billing.tables import CHARGING_SESSIONS, PRICING_TIERS, TARIFFS, UNBILLED_SESSIONS
from services.kernel.ids import is_id
from services.kernel.money import Money
from services.postgres.gathering import fetch, put_off
from services.postgres.recordset import Recordset, array, texts

_LOCK = b"SELECT pg_advisory_xact_lock(hashtextextended('snapshots of transactions', 0))"
_COST = ("cost_minor", "currency_code")
# The fields of a session in their order, its cost as two columns.
_PLAIN = [name for name in ChargingSession._fields if name not in ("cost", "remarks")]
_NAMES = [*_PLAIN, *_COST, "remarks"]
_plain = attrgetter(*_PLAIN)
# Of a row with the columns of the table in their order, whatever comes behind them.
_values_of = itemgetter(*(list(CHARGING_SESSIONS.c.keys()).index(name) for name in _NAMES))
SESSION_COLUMNS, SESSION_WIDTH = texts((CHARGING_SESSIONS.c[name] for name in _NAMES), "charging_sessions"), len(_NAMES)
_FIRST_ID = "00000000-0000-0000-0000-000000000000"
_COLUMNS = texts((CHARGING_SESSIONS.c[name] for name in _NAMES), "s")
_OF_TRANSACTIONS = f"""
SELECT {_COLUMNS} FROM charging_sessions AS s WHERE s.transaction_id = ANY (%s::uuid[]) ORDER BY s.id FOR UPDATE
""".encode()
_PENDING = f"""
SELECT {_COLUMNS} FROM unbilled_sessions AS u JOIN charging_sessions AS s ON s.id = u.session_id
WHERE u.reason = '{PENDING}' AND u.session_id > %s::uuid ORDER BY u.session_id LIMIT %s
""".encode()
# What somebody else has locked changes anyway, or is billed there.
_LOCK_PENDING = f"""
SELECT s.id::text, s.update_time FROM charging_sessions AS s
WHERE s.id = ANY (%s::uuid[]) AND s.hold_reason = '{PENDING}' ORDER BY s.id FOR UPDATE SKIP LOCKED
""".encode()


def _storing(rows: Recordset, statement: str) -> bytes:
    """`statement`, which stores the relation `reported`, and what follows for the table of unbilled sessions."""
    session_id, reason = rows.letter_of["id"], rows.letter_of["hold_reason"]
    return f"""
WITH reported AS MATERIALIZED (SELECT * FROM {rows.relation}), stored AS ({statement}), awaited AS (
    INSERT INTO unbilled_sessions (session_id, reason)
    SELECT {session_id}, {reason} FROM reported WHERE {reason} <> ''
    ON CONFLICT ON CONSTRAINT unbilled_sessions_pkey DO UPDATE SET reason = excluded.reason
)
DELETE FROM unbilled_sessions AS u USING reported WHERE u.session_id = reported.{session_id} AND reported.{reason} = ''
""".encode()


_SESSIONS = Recordset(CHARGING_SESSIONS, "reported", _NAMES)
_STORE = _storing(
    _SESSIONS,
    f"INSERT INTO charging_sessions ({_SESSIONS.columns}) SELECT {_SESSIONS.values} FROM reported"
    " ON CONFLICT ON CONSTRAINT charging_sessions_pkey"
    f" DO UPDATE SET ({_SESSIONS.columns}) = ROW ({_SESSIONS.excluded})",
)
_BILLED = ["state", "hold_reason", "tariff_id", "tariff_version", "idle_minutes", "invoice_id", "update_time"]
_billed = attrgetter("id", *_BILLED)
_BILLS = Recordset(CHARGING_SESSIONS, "reported", ["id", *_BILLED, *_COST])
_STORE_BILLS = _storing(
    _BILLS,
    f"UPDATE charging_sessions AS s SET ({_BILLS.columns}) = ROW ({_BILLS.values})"
    f" FROM reported WHERE s.id = reported.{_BILLS.letter_of['id']}",
)


class SqlChargingSessionRepository:
    """Satisfies ports.ChargingSessionRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, session_id: str, *, for_update: bool = False) -> ChargingSession | None:
        if not is_id(session_id):
            return None
        query = select(CHARGING_SESSIONS).where(CHARGING_SESSIONS.c.id == session_id)
        row = (await self._connection.execute(query.with_for_update() if for_update else query)).first()
        return None if row is None else session_of(*_values_of(row))

    async def of_transactions(self, transaction_ids: Collection[str]) -> Mapping[str, ChargingSession]:
        await put_off(self._connection, _LOCK)
        found = await self._sessions(_OF_TRANSACTIONS, array(transaction_ids))
        return {session.transaction_id: session for session in found if session.transaction_id is not None}

    async def pending(self, after_id: str, limit: int) -> Sequence[ChargingSession]:
        return await self._sessions(_PENDING, after_id or _FIRST_ID, str(limit))

    async def lock_pending(self, session_ids: Collection[str]) -> Mapping[str, datetime]:
        return dict(await fetch(self._connection, _LOCK_PENDING, array(session_ids)))

    async def retry_untariffed(self, limit: int) -> int:
        sessions, newer = CHARGING_SESSIONS.c, TARIFFS.c
        connector = cast(sessions.connector_id, Text) + "/" + sessions.charge_point_id
        of_newer = [sessions.driver_id == any_(newer.driver_ids), connector == any_(newer.connectors)]
        # A bound session waits for the version that it is bound to: another release wrote it, which we can read.
        of_newer.append(sessions.tariff_id == newer.id)
        has_tariff = or_(_has_tariff(PRICING_TIERS, []), _has_tariff(TARIFFS, of_newer))
        return await self._retry(NO_TARIFF, has_tariff, limit)

    async def retry_estimated(self, changed_before: datetime, limit: int) -> int:
        return await self._retry(ESTIMATED_END, CHARGING_SESSIONS.c.update_time < changed_before, limit)

    async def _retry(self, reason: str, condition: ColumnElement[bool], limit: int) -> int:
        sessions, unbilled = CHARGING_SESSIONS.c, UNBILLED_SESSIONS.c
        waits = (unbilled.session_id == sessions.id) & (unbilled.reason == reason)
        waiting = select(sessions.id).join(UNBILLED_SESSIONS, waits).where(sessions.hold_reason == reason, condition)
        # One that is locked changes anyway; waiting for it could end in a ring.
        free = waiting.limit(limit).with_for_update(of=CHARGING_SESSIONS, skip_locked=True)
        found = (await self._connection.scalars(free)).all()
        session = update(CHARGING_SESSIONS).where(sessions.id.in_(found))
        await self._connection.execute(session.values(hold_reason=PENDING))
        note = update(UNBILLED_SESSIONS).where(unbilled.session_id.in_(found))
        await self._connection.execute(note.values(reason=PENDING))
        return len(found)

    async def store(self, sessions: Sequence[ChargingSession]) -> None:
        if sessions:
            ordered = sorted(sessions, key=attrgetter("id"))
            stored = _SESSIONS.dump(
                (*_plain(session), *_cost(session), remarks_to_json(session.remarks)) for session in ordered
            )
            await put_off(self._connection, _STORE, stored)

    async def store_bills(self, sessions: Sequence[ChargingSession]) -> None:
        if sessions:
            billed = _BILLS.dump((*_billed(session), *_cost(session)) for session in sessions)
            await put_off(self._connection, _STORE_BILLS, billed)

    async def _sessions(self, query: bytes, *parameters: str) -> Sequence[ChargingSession]:
        return [session_of(*row) for row in await fetch(self._connection, query, *parameters)]


def _has_tariff(table: Table, others: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    """Whether one of the tariffs in a table applies to a session: by default, at its station, or as the others say."""
    tariffs, sessions = table.c, CHARGING_SESSIONS.c
    return exists().where(
        tariffs.until_time.is_(None),
        tariffs.retired.is_(False),
        tariffs.tenant_id == sessions.tenant_id,
        or_(tariffs.is_default, sessions.station_id == any_(tariffs.station_ids), *others),
    )


def _cost(session: ChargingSession) -> tuple[int | None, str | None]:
    cost = session.cost
    return (cost.minor_units, cost.currency_code) if cost else (None, None)


def session_of(*values: Any) -> ChargingSession:
    """The session in the values of SESSION_COLUMNS."""
    *plain, state, amount, currency, remarks = values
    cost = None if currency is None else Money(currency, amount)
    return ChargingSession._make((*plain, SessionState(state), cost, remarks_of(remarks)))
