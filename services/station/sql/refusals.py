"""Refused handshakes in PostgreSQL: counted where they are known, bounded where anybody can make more."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.pagination import Page, PageRequest
from services.kernel.refusal import Rule
from services.kernel.tenancy import DEFAULT_TENANT
from services.postgres.keyset import COUNTED_UP_TO, fetch_page
from services.station.domain.charge_point import ChargePointState
from services.station.domain.refusal import Refusal, Tally, UnknownFilter
from services.station.tables import CHARGE_POINTS, REFUSALS

_REFUSAL = (REFUSALS.c.identity, REFUSALS.c.rule, REFUSALS.c.remote_address)
_KEY = (REFUSALS.c.last_time, *_REFUSAL)
_NAMES = [field.name for field in fields(Refusal)]
_IS_UNKNOWN = ~exists().where(
    CHARGE_POINTS.c.id == REFUSALS.c.identity, CHARGE_POINTS.c.state != ChargePointState.PENDING
)


class SqlRefusalRepository:
    """Satisfies ports.RefusalRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def record(self, refusals: Sequence[Refusal], most_of_identity: int) -> Sequence[Tally]:
        # In one order, so that two batches never wait for each other in a circle.
        ordered = sorted(refusals, key=lambda one: (one.identity, one.rule, one.remote_address))
        statement = insert(REFUSALS)
        new, known = statement.excluded, REFUSALS.c
        latest = {name: new[name] for name in ("detail", "offered_protocols", "path", "tenant_id")}
        counted = {
            "count": known["count"] + new["count"],
            "guess_count": known["guess_count"] + new["guess_count"],
            "last_time": func.greatest(known["last_time"], new["last_time"]),
        }
        upsert = statement.on_conflict_do_update(constraint="refusals_pkey", set_={**latest, **counted})
        owners = await self._owners({refusal.identity for refusal in refusals})
        rows = [{**_values(one), "tenant_id": owners.get(one.identity, DEFAULT_TENANT)} for one in ordered]
        await self._connection.execute(upsert, rows)
        names = {refusal.identity for refusal in refusals if refusal.identity}
        await self._forget_oldest_of(names, most_of_identity)
        keys = [(one.identity, one.rule, one.remote_address) for one in refusals if one.identity]
        tallies = (
            select(REFUSALS, CHARGE_POINTS.c.station_id)
            .join(CHARGE_POINTS, CHARGE_POINTS.c.id == REFUSALS.c.identity)
            .where(CHARGE_POINTS.c.state == ChargePointState.ACCEPTED, tuple_(*_REFUSAL).in_(keys))
        )
        return [_tally(row) for row in await self._connection.execute(tallies)]

    async def _owners(self, identities: set[str]) -> Mapping[str, str]:
        """Whose the charge points among them are; unknown ones are left out."""
        query = select(CHARGE_POINTS.c.id, CHARGE_POINTS.c.tenant_id).where(CHARGE_POINTS.c.id.in_(identities))
        return {row.id: row.tenant_id for row in await self._connection.execute(query)}

    async def note_published(self, refusals: Sequence[Refusal], now: datetime) -> None:
        if refusals:
            keys = [(one.identity, one.rule, one.remote_address) for one in refusals]
            published = {
                "told_count": REFUSALS.c["count"],
                "told_guess_count": REFUSALS.c.guess_count,
                "told_time": now,
            }
            await self._connection.execute(update(REFUSALS).where(tuple_(*_REFUSAL).in_(keys)).values(published))

    async def page(self, identity: str, rule: Rule | None, page: PageRequest) -> Page[Refusal]:
        conditions = [REFUSALS.c.identity == identity, *_of_rule(rule)]
        return await self._page(conditions, page)

    async def unknown(self, narrowing: UnknownFilter, page: PageRequest) -> Page[Refusal]:
        conditions = [_IS_UNKNOWN, *_of_rule(narrowing.rule)]
        if narrowing.text:
            searched = (REFUSALS.c.identity, REFUSALS.c.remote_address, REFUSALS.c.path)
            conditions.append(or_(*(column.icontains(narrowing.text, autoescape=True) for column in searched)))
        return await self._page(conditions, page)

    async def forget(self, before: datetime, most_of_unknown: int) -> None:
        await self._connection.execute(delete(REFUSALS).where(REFUSALS.c.last_time < before))
        surplus = select(*_REFUSAL).where(_IS_UNKNOWN).order_by(*(column.desc() for column in _KEY))
        rows = surplus.offset(most_of_unknown).subquery()
        same = and_(*(column == rows.c[column.name] for column in _REFUSAL))
        await self._connection.execute(delete(REFUSALS).where(same))

    async def _forget_oldest_of(self, identities: set[str], most: int) -> None:
        """Who tries from ever new addresses leaves no more behind than this."""
        rank = func.row_number().over(partition_by=REFUSALS.c.identity, order_by=REFUSALS.c.last_time.desc())
        ranked = select(*_REFUSAL, rank.label("rank")).where(REFUSALS.c.identity.in_(identities)).subquery()
        same = and_(*(column == ranked.c[column.name] for column in _REFUSAL))
        await self._connection.execute(delete(REFUSALS).where(same, ranked.c.rank > most))

    async def _page(self, conditions: Sequence[ColumnElement[bool]], page: PageRequest) -> Page[Refusal]:
        query = select(REFUSALS).where(*conditions)
        rows = await fetch_page(self._connection, query, _KEY, page=page, descending=True, count_up_to=COUNTED_UP_TO)
        return rows.map(_refusal)


def _of_rule(rule: Rule | None) -> Iterator[ColumnElement[bool]]:
    if rule is not None:
        yield REFUSALS.c.rule == rule


def _values(refusal: Refusal) -> dict[str, Any]:
    values = {name: getattr(refusal, name) for name in _NAMES}
    return {**values, "offered_protocols": ",".join(refusal.offered_protocols)}


def _refusal(row: Row[Any]) -> Refusal:
    stored = {name: row._mapping[name] for name in _NAMES}
    offered = tuple(filter(None, stored["offered_protocols"].split(",")))
    return Refusal(**{**stored, "offered_protocols": offered})


def _tally(row: Row[Any]) -> Tally:
    return Tally(
        refusal=_refusal(row),
        station_id=row.station_id,
        tenant_id=row.tenant_id,
        told_count=row.told_count,
        told_guess_count=row.told_guess_count,
        told_time=row.told_time,
    )
