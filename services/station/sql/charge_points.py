"""Charge points in PostgreSQL. What their connection tells is read with them and never written here."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.errors import already_exists
from services.kernel.ids import is_id
from services.kernel.pagination import Page, PageRequest
from services.kernel.refusal import Rule
from services.postgres.keyset import fetch_page
from services.postgres.recordset import names_of
from services.station.domain.charge_point import ChargePoint, ChargePointFilter, ChargePointState
from services.station.domain.free_vending import FreeVending
from services.station.domain.refusal import SURE_AFTER
from services.station.ports import Vending
from services.station.sql.passwords import candidate_texts, candidates_of
from services.station.tables import (
    CHARGE_POINTS,
    CONFIGURATION_REBOOTS,
    CONNECTIONS,
    DEVICE_INVENTORIES,
    DEVICE_MONITORS,
    DEVICE_REPORT_PARTS,
    DEVICE_REPORTS,
    DEVICE_VARIABLE_CHANGES,
    DEVICE_VARIABLES,
    FILE_JOBS,
    MONITORING_REPORT_PARTS,
    MONITORING_REPORTS,
    REFUSALS,
    STATIONS,
)

_STORED = names_of(CHARGE_POINTS.c)
_READ = [*_STORED, "online", "protocol", "last_seen_time", "protocol_hint"]
_IS_ONLINE = and_(CONNECTIONS.c.charge_point_id.is_not(None), CONNECTIONS.c.close_time.is_(None))
# That the version which is chosen gets nowhere, as long as it has not booted by it since.
_HINT = (
    select(REFUSALS.c.detail)
    .where(
        REFUSALS.c.identity == CHARGE_POINTS.c.id,
        REFUSALS.c.rule == Rule.VERSION_GETS_NOWHERE,
        REFUSALS.c["count"] >= SURE_AFTER,
        or_(CHARGE_POINTS.c.boot_time.is_(None), REFUSALS.c.last_time > CHARGE_POINTS.c.boot_time),
        CHARGE_POINTS.c.pinned_protocol == "",
    )
    .order_by(REFUSALS.c.last_time.desc())
    .limit(1)
    .scalar_subquery()
)
_CONNECTED = CHARGE_POINTS.outerjoin(CONNECTIONS, CONNECTIONS.c.charge_point_id == CHARGE_POINTS.c.id)
_WITH_CONNECTION: Select[Any] = select(
    CHARGE_POINTS,
    _IS_ONLINE.label("online"),
    CONNECTIONS.c.protocol,
    CONNECTIONS.c.last_seen_time,
    _HINT.label("protocol_hint"),
).select_from(_CONNECTED)


class SqlChargePointRepository:
    """Satisfies ports.ChargePointRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, narrowing: ChargePointFilter, page: PageRequest) -> Page[ChargePoint]:
        query = _WITH_CONNECTION.where(*_conditions(narrowing))
        rows = await fetch_page(self._connection, query, (CHARGE_POINTS.c.id,), page=page)
        return rows.map(lambda row: charge_point_of(row[: len(_READ)]))

    async def find(self, charge_point_id: str, *, for_update: bool = False) -> ChargePoint | None:
        query = _WITH_CONNECTION.where(CHARGE_POINTS.c.id == charge_point_id)
        if for_update:
            query = query.with_for_update(of=CHARGE_POINTS)
        row = (await self._connection.execute(query)).first()
        return None if row is None else charge_point_of(row)

    async def of_stations(self, station_ids: Sequence[str]) -> Sequence[ChargePoint]:
        query = charge_points_at(CHARGE_POINTS.c.station_id.in_(station_ids))
        return [charge_point_of(row) for row in await self._connection.execute(query)]

    async def free_vending(self, charge_point_ids: Collection[str]) -> Mapping[str, Vending]:
        columns = CHARGE_POINTS.c
        query = (
            select(columns.id, columns.state, columns.free_vending, STATIONS.c.free_vending.label("of_station"))
            .select_from(CHARGE_POINTS.outerjoin(STATIONS, STATIONS.c.id == columns.station_id))
            .where(columns.id.in_(charge_point_ids))
        )
        return {
            row.id: Vending(ChargePointState(row.state), _vending(row.free_vending), _vending(row.of_station))
            for row in await self._connection.execute(query)
        }

    async def in_service(self, charge_point_ids: Collection[str]) -> Mapping[str, str | None]:
        columns = CHARGE_POINTS.c
        is_one = columns.id.in_(charge_point_ids) & (columns.state == ChargePointState.ACCEPTED)
        query = select(columns.id, columns.station_id).where(is_one)
        return {row.id: row.station_id for row in await self._connection.execute(query)}

    async def add(self, charge_points: Sequence[ChargePoint]) -> None:
        if not charge_points:
            return
        statement = insert(CHARGE_POINTS).on_conflict_do_nothing(constraint="charge_points_pkey")
        # In the order of identity, so that two batches never wait for each other in a circle.
        rows = [_fields(point) for point in sorted(charge_points, key=lambda point: point.id)]
        added = set(await self._connection.scalars(statement.returning(CHARGE_POINTS.c.id), rows))
        known = [point.id for point in charge_points if point.id not in added]
        if known:
            raise already_exists("charge point", ", ".join(known))

    async def replace(self, charge_point: ChargePoint) -> None:
        statement = update(CHARGE_POINTS).where(CHARGE_POINTS.c.id == charge_point.id)
        await self._connection.execute(statement.values(_fields(charge_point)))

    async def note_cost_currencies(self, currencies: Mapping[str, str]) -> None:
        columns = CHARGE_POINTS.c
        # Locked in the order of identity, as whoever locks several does.
        locked = select(columns.id, columns.cost_currency).where(columns.id.in_(currencies)).order_by(columns.id)
        known = (await self._connection.execute(locked.with_for_update(key_share=True))).all()
        for name, currency in known:
            if currency != currencies[name]:
                statement = update(CHARGE_POINTS).where(columns.id == name)
                await self._connection.execute(statement.values(cost_currency=currencies[name]))

    async def remove(self, charge_point_id: str) -> None:
        await self._connection.execute(delete(REFUSALS).where(REFUSALS.c.identity == charge_point_id))
        for table in (
            DEVICE_VARIABLES,
            DEVICE_VARIABLE_CHANGES,
            DEVICE_REPORTS,
            DEVICE_REPORT_PARTS,
            DEVICE_INVENTORIES,
            CONFIGURATION_REBOOTS,
            DEVICE_MONITORS,
            FILE_JOBS,
            MONITORING_REPORTS,
            MONITORING_REPORT_PARTS,
        ):
            await self._connection.execute(delete(table).where(table.c.charge_point_id == charge_point_id))
        # Last: whose the others are shows only as long as it is there.
        await self._connection.execute(delete(CHARGE_POINTS).where(CHARGE_POINTS.c.id == charge_point_id))

    async def forgotten_unknown(self, before: datetime, limit: int) -> Sequence[ChargePoint]:
        last_time = func.coalesce(CONNECTIONS.c.last_seen_time, CHARGE_POINTS.c.create_time)
        query = _WITH_CONNECTION.where(CHARGE_POINTS.c.is_unknown, ~_IS_ONLINE, last_time < before)
        locked = query.order_by(CHARGE_POINTS.c.id).limit(limit).with_for_update(of=CHARGE_POINTS, skip_locked=True)
        return [charge_point_of(row) for row in await self._connection.execute(locked)]


def _conditions(narrowing: ChargePointFilter) -> Iterator[ColumnElement[bool]]:
    columns = CHARGE_POINTS.c
    if narrowing.station_id:
        is_known = is_id(narrowing.station_id)
        yield columns.station_id == narrowing.station_id if is_known else columns.id.is_(None)
    if narrowing.state:
        yield columns.state == narrowing.state
    if narrowing.online is not None:
        yield _IS_ONLINE if narrowing.online else ~_IS_ONLINE
    if narrowing.text:
        searched = (columns.id, columns.vendor, columns.model, columns.reported_vendor, columns.reported_model)
        yield or_(*(column.icontains(narrowing.text, autoescape=True) for column in searched))
    for name in ("vendor", "model"):
        if requested := getattr(narrowing, name):
            called = (columns[name], columns[f"reported_{name}"])
            yield or_(*(func.lower(column) == func.lower(requested) for column in called))
    if narrowing.firmware_version:
        yield columns.firmware_version == narrowing.firmware_version
    if narrowing.protocol:
        yield CONNECTIONS.c.protocol == narrowing.protocol


def _fields(charge_point: ChargePoint) -> dict[str, Any]:
    fields = {name: getattr(charge_point, name) for name in _STORED}
    return {
        **fields,
        "next_passwords": candidate_texts(charge_point.next_passwords),
        "quirks_on": list(charge_point.quirks_on),
        "quirks_off": list(charge_point.quirks_off),
    }


def charge_points_at(is_there: ColumnElement[bool]) -> Select[Any]:
    """The query for rows of `charge_point_of` that meet a condition."""
    return _WITH_CONNECTION.where(is_there).order_by(CHARGE_POINTS.c.id)


def version_of_charge_points_at(is_there: ColumnElement[bool]) -> Select[Any]:
    """The query for a text that is another one after each change of what `charge_points_at` finds.

    PostgreSQL writes another xmin with each change of a row, and none comes back.
    """
    rows: ColumnElement[str] = literal_column(
        "charge_points.xmin || ' ' || coalesce(connections.xmin::text, '') || ' '"
    )
    told = func.concat(rows, _HINT)
    return select(func.string_agg(told, literal_column("','"))).select_from(_CONNECTED).where(is_there)


def charge_point_of(row: Sequence[Any]) -> ChargePoint:
    """The charge point in a row of all columns of the table, and what its connection tells."""
    fields: dict[str, Any] = dict(zip(_READ, row, strict=True))
    fields["state"] = ChargePointState(fields["state"])
    fields["free_vending"] = _vending(fields["free_vending"])
    fields["next_passwords"] = candidates_of(fields["next_passwords"])
    fields["quirks_on"] = tuple(fields["quirks_on"])
    fields["quirks_off"] = tuple(fields["quirks_off"])
    fields["online"] = bool(fields["online"])
    fields["protocol"] = fields["protocol"] or ""
    fields["protocol_hint"] = fields["protocol_hint"] or ""
    return ChargePoint(**fields)


def _vending(text: str | None) -> FreeVending | None:
    return FreeVending(text) if text else None
