"""The minutes of stations in PostgreSQL."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.monitoring.domain.metrics import MetricChange, Metrics, Window
from services.monitoring.sql.locks import Locks, Rung
from services.monitoring.tables import STATION_METRICS
from services.postgres.gathering import put_off
from services.postgres.recordset import Recordset

_GREATEST = "max_power_w"
_NAMES = list(Metrics._fields)
_SUMMED = [name for name in _NAMES if name != _GREATEST]
_MINUTES = Recordset(STATION_METRICS, columns=["station_id", "time", *_NAMES])
_ADD = f"""
INSERT INTO station_metrics AS known ({_MINUTES.columns}) SELECT {_MINUTES.values} FROM {_MINUTES.relation}
ON CONFLICT (station_id, time) DO UPDATE SET
{", ".join(f"{name} = known.{name} + excluded.{name}" for name in _SUMMED)},
{_GREATEST} = greatest(known.{_GREATEST}, excluded.{_GREATEST})
""".encode()


class SqlMetricsRepository:
    """Satisfies ports.MetricsRepository within one transaction."""

    def __init__(self, connection: AsyncConnection, locks: Locks) -> None:
        self._connection = connection
        self._locks = locks

    async def add(self, changes: Sequence[MetricChange]) -> None:
        if not changes:
            return
        self._locks.reach(Rung.METRICS)
        rows = _MINUTES.dump((change.station_id, change.time, *change.metrics) for change in changes)
        await put_off(self._connection, _ADD, rows)

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
