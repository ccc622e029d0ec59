"""The minutes of stations in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict, fields

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.monitoring.domain.metrics import MetricChange, Metrics, Window
from services.monitoring.tables import STATION_METRICS

_GREATEST = "max_power_w"
_SUMMED = [field.name for field in fields(Metrics) if field.name != _GREATEST]


class SqlMetricsRepository:
    """Satisfies ports.MetricsRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, changes: Sequence[MetricChange]) -> None:
        if not changes:
            return
        statement = insert(STATION_METRICS)
        columns, added = STATION_METRICS.c, statement.excluded
        statement = statement.on_conflict_do_update(
            index_elements=["station_id", "time"],
            set_={
                **{name: columns[name] + added[name] for name in _SUMMED},
                _GREATEST: func.greatest(columns[_GREATEST], added[_GREATEST]),
            },
        )
        rows = [{"station_id": change.station_id, "time": change.time, **asdict(change.metrics)} for change in changes]
        await self._connection.execute(statement, rows)

    async def steps(self, station_id: str, window: Window) -> dict[int, Metrics]:
        columns = STATION_METRICS.c
        seconds = func.extract("epoch", columns.time - window.start)
        position = func.floor(seconds / window.step.total_seconds()).label("position")
        sums = [
            # A correction may take away more than its own step has.
            *(func.greatest(func.sum(columns[name]), 0).label(name) for name in _SUMMED),
            func.max(columns[_GREATEST]).label(_GREATEST),
        ]
        query = (
            select(position, *sums)
            .where(columns.station_id == station_id, columns.time >= window.start, columns.time < window.end)
            .group_by(position)
        )
        names = [*_SUMMED, _GREATEST]
        return {
            int(row.position): Metrics(**{name: int(row._mapping[name]) for name in names})
            for row in await self._connection.execute(query)
        }
