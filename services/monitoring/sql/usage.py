"""The records of sessions in PostgreSQL, and their sums."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Label, Text, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.chassis.database import bare
from services.chassis.recordset import Recordset, array, texts, upsert
from services.kernel.ids import is_id
from services.monitoring.domain.usage import Dimension, UsagePoint, UsageQuery, UsageRecord
from services.monitoring.sql.locks import lock
from services.monitoring.tables import USAGE_ANALYTICS

_COLUMNS = USAGE_ANALYTICS.c
_RECORDS = Recordset(USAGE_ANALYTICS)
_NAMES = [column.name for column in USAGE_ANALYTICS.columns]
_values = attrgetter(*_NAMES)
_FOR_UPDATE = f"""
SELECT {texts(USAGE_ANALYTICS, "u")} FROM usage_analytics AS u
WHERE u.session_id = ANY (%s::uuid[]) ORDER BY u.session_id FOR UPDATE
""".encode()
_STORE = upsert(USAGE_ANALYTICS, _RECORDS, "usage_analytics_pkey")
_DRIVER = func.coalesce(_COLUMNS.driver_id, _COLUMNS.billed_driver_id)
_SECONDS = func.coalesce(
    func.greatest(func.floor(func.extract("epoch", _COLUMNS.end_time - _COLUMNS.start_time)), 0), 0
)


class SqlUsageRepository:
    """Satisfies ports.UsageRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self, session_ids: Collection[str]) -> Mapping[str, UsageRecord]:
        if not session_ids:
            return {}
        await lock(self._connection, "usage", session_ids)
        cursor = await (await bare(self._connection)).execute(_FOR_UPDATE, (array(session_ids),))
        found = [UsageRecord(**dict(zip(_NAMES, row, strict=True))) for row in await cursor.fetchall()]
        records = {session_id: UsageRecord(session_id=session_id) for session_id in session_ids}
        return records | {record.session_id: record for record in found}

    async def store(self, records: Sequence[UsageRecord]) -> None:
        if records:
            rows = _RECORDS.dump(map(_values, records))
            await (await bare(self._connection)).execute(_STORE, (rows,))

    async def points(self, query: UsageQuery, limit: int) -> list[UsagePoint]:
        start, key = _group(query)
        sums = (
            select(
                start,
                key,
                func.count().label("session_count"),
                cast(func.sum(_COLUMNS.energy_wh), BigInteger).label("energy_wh"),
                cast(func.sum(_SECONDS), BigInteger).label("duration_seconds"),
                func.count(_DRIVER.distinct()).label("driver_count"),
            )
            .where(*_conditions(query))
            .group_by(start, key)
            .order_by(start, key)
            .limit(limit)
        )
        rows = (await self._connection.execute(sums)).all()
        revenue = await self._revenue(query)
        return [UsagePoint(**row._mapping, revenue=revenue.get((row.period_start, row.key), {})) for row in rows]

    async def _revenue(self, query: UsageQuery) -> dict[tuple[Any, str], dict[str, int]]:
        start, key = _group(query)
        amount = cast(func.sum(_COLUMNS.amount_minor), BigInteger).label("amount_minor")
        sums = (
            select(start, key, _COLUMNS.currency_code, amount)
            .where(*_conditions(query), _COLUMNS.currency_code.is_not(None))
            .group_by(start, key, _COLUMNS.currency_code)
            .order_by(_COLUMNS.currency_code)
        )
        found: dict[tuple[Any, str], dict[str, int]] = {}
        for row in await self._connection.execute(sums):
            found.setdefault((row.period_start, row.key), {})[row.currency_code] = row.amount_minor
        return found


def _group(query: UsageQuery) -> tuple[Label[Any], Label[Any]]:
    """The period and the value of the dimension that a session belongs to."""
    start = func.date_trunc(query.period.lower(), _COLUMNS.end_time, "UTC").label("period_start")
    values: dict[Dimension, ColumnElement[Any]] = {
        Dimension.TOTAL: literal(""),
        Dimension.STATION: func.coalesce(cast(_COLUMNS.station_id, Text), ""),
        Dimension.CHARGE_POINT: _COLUMNS.charge_point_id,
        Dimension.DRIVER: func.coalesce(cast(_DRIVER, Text), ""),
    }
    return start, values[query.dimension].label("key")


def _conditions(query: UsageQuery) -> Iterator[ColumnElement[bool]]:
    yield _COLUMNS.end_time >= query.start
    yield _COLUMNS.end_time < query.end
    if query.station_id:
        is_known = is_id(query.station_id)
        yield _COLUMNS.station_id == query.station_id if is_known else _COLUMNS.session_id.is_(None)
