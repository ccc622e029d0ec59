"""Charging sessions in PostgreSQL."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, any_, exists, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain.charging_session import (
    NO_TARIFF,
    PENDING,
    ChargingSession,
    ChargingSessionFilter,
    SessionState,
)
from services.billing.tables import CHARGING_SESSIONS, PRICING_TIERS
from services.chassis.keyset import fetch_page
from services.chassis.pagination import Page, PageRequest
from services.kernel.ids import is_id
from services.kernel.money import Money

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('snapshots of transactions', 0))")
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

    async def of_transaction(self, transaction_id: str) -> ChargingSession | None:
        await self._connection.execute(_LOCK)
        query = select(CHARGING_SESSIONS).where(CHARGING_SESSIONS.c.transaction_id == transaction_id)
        row = (await self._connection.execute(query.with_for_update())).first()
        return None if row is None else _session(row)

    async def pending(self, after_id: str, limit: int) -> Sequence[str]:
        columns = CHARGING_SESSIONS.c
        query = select(columns.id).where(columns.hold_reason == PENDING).order_by(columns.id).limit(limit)
        found = await self._connection.scalars(query.where(columns.id > after_id) if after_id else query)
        return found.all()

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
