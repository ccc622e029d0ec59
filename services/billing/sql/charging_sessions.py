"""Charging sessions in PostgreSQL."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain.charging_session import (
    ChargingSession,
    ChargingSessionFilter,
    SessionState,
    TransactionSnapshot,
)
from services.billing.tables import CHARGING_SESSIONS
from services.chassis.keyset import fetch_page
from services.chassis.pagination import Page, PageRequest
from services.kernel.ids import derived_id, is_id
from services.kernel.money import Money

_PLAIN = [column.name for column in CHARGING_SESSIONS.c if column.name not in ("cost_minor", "currency_code")]


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

    async def of_transaction(self, snapshot: TransactionSnapshot, now: datetime) -> ChargingSession:
        unheard = ChargingSession(
            id=derived_id("charging session", snapshot.id),
            transaction_id=snapshot.id,
            start_time=snapshot.start_time or now,
            create_time=now,
            update_time=now,
        )
        statement = insert(CHARGING_SESSIONS).values(_fields(unheard))
        await self._connection.execute(
            statement.on_conflict_do_nothing(constraint="charging_sessions_transaction_id_key")
        )
        query = select(CHARGING_SESSIONS).where(CHARGING_SESSIONS.c.transaction_id == snapshot.id)
        return _session((await self._connection.execute(query.with_for_update())).one())

    async def add(self, session: ChargingSession) -> None:
        await self._connection.execute(insert(CHARGING_SESSIONS).values(_fields(session)))

    async def replace(self, session: ChargingSession) -> None:
        statement = update(CHARGING_SESSIONS).where(CHARGING_SESSIONS.c.id == session.id)
        await self._connection.execute(statement.values(_fields(session)))


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


def _fields(session: ChargingSession) -> dict[str, Any]:
    cost = session.cost
    return {
        **{name: getattr(session, name) for name in _PLAIN},
        "cost_minor": cost.minor_units if cost else None,
        "currency_code": cost.currency_code if cost else None,
    }


def _session(row: Row[Any]) -> ChargingSession:
    fields = row._mapping
    has_cost = fields["currency_code"] is not None
    return ChargingSession(
        **{
            **{name: fields[name] for name in _PLAIN},
            "state": SessionState(fields["state"]),
            "cost": Money(fields["currency_code"], fields["cost_minor"]) if has_cost else None,
        }
    )
