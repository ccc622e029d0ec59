"""The monitors of charge points in PostgreSQL: read, folded and written back, one statement for all of a batch."""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.pagination import Page, PageRequest
from services.postgres.database import bare
from services.postgres.keyset import fetch_page
from services.postgres.recordset import Recordset, array, names_of, text_array, texts, upsert
from services.station.domain.device_monitor import (
    DeviceMonitor,
    DeviceMonitorFilter,
    MonitorKey,
    MonitorKind,
    MonitorType,
    Watched,
)
from services.station.domain.device_variable import Telling
from services.station.tables import DEVICE_MONITORS

# Some for each variable of a large station. Whoever tells of more makes them up.
MOST_MONITORS = 5_000

_COLUMNS = DEVICE_MONITORS.c
_NAMES = names_of(DEVICE_MONITORS.columns)
_KNOWN = f"""
SELECT {texts(DEVICE_MONITORS.columns, "m")} FROM unnest(%s::text[], %s::bigint[]) AS w (charge_point_id, monitor_id)
JOIN device_monitors AS m USING (charge_point_id, monitor_id)
""".encode()
_COUNT = b"""
SELECT charge_point_id, count(*) FROM device_monitors WHERE charge_point_id = ANY (%s::text[]) GROUP BY 1
"""
_ROWS = Recordset(DEVICE_MONITORS)
_STORE = upsert(DEVICE_MONITORS, _ROWS, "device_monitors_pkey")
_END = f"""
UPDATE device_monitors SET absent_time = greatest(absent_time, %(time)s)
WHERE charge_point_id = %(name)s AND time < %(time)s AND (absent_time IS NULL OR absent_time <= time) AND {{}}
RETURNING {texts(DEVICE_MONITORS.columns)}
"""
_END_KINDS, _END_ALL = (_END.format(which).encode() for which in ("kind = ANY (%(kinds)s::text[])", "true"))
_IS_GONE = func.coalesce(_COLUMNS.absent_time > _COLUMNS.time, False)
_SEARCHED = ("component", "component_instance", "variable", "variable_instance")

_log = logging.getLogger(__name__)


class SqlDeviceMonitorRepository:
    """Satisfies ports.DeviceMonitorRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def known(self, keys: Collection[MonitorKey]) -> Mapping[MonitorKey, DeviceMonitor]:
        wanted = (text_array(key.charge_point_id for key in keys), array(key.monitor_id for key in keys))
        found = await self._fetch(_KNOWN, wanted)
        return {monitor.key: monitor for monitor in found}

    async def store(self, monitors: Sequence[DeviceMonitor]) -> None:
        if monitors:
            kept = await self._within_bounds(monitors)
            await (await bare(self._connection)).execute(_STORE, (_ROWS.dump(map(_row_of, kept)),))

    async def end_kinds(
        self, charge_point_id: str, kinds: Collection[MonitorKind], time: datetime
    ) -> Sequence[DeviceMonitor]:
        parameters = {"name": charge_point_id, "time": time, "kinds": text_array(kinds)}
        return list(await self._fetch(_END_KINDS, parameters))

    async def end_unreported(self, charge_point_id: str, time: datetime) -> Sequence[DeviceMonitor]:
        return list(await self._fetch(_END_ALL, {"name": charge_point_id, "time": time}))

    async def page(self, narrowing: DeviceMonitorFilter, page: PageRequest) -> Page[DeviceMonitor]:
        query = select(DEVICE_MONITORS).where(*_conditions(narrowing))
        rows = await fetch_page(self._connection, query, (_COLUMNS.monitor_id,), page=page)
        return rows.map(lambda row: _monitor(dict(row._mapping)))

    async def _fetch(self, query: bytes, parameters: Any) -> Iterable[DeviceMonitor]:
        cursor = await (await bare(self._connection)).execute(query, parameters)
        return [_monitor(dict(zip(_NAMES, row, strict=True))) for row in await cursor.fetchall()]

    async def _within_bounds(self, monitors: Sequence[DeviceMonitor]) -> Sequence[DeviceMonitor]:
        """Those that there is room for; what is known already has its place."""
        named = Counter(monitor.charge_point_id for monitor in monitors)
        cursor = await (await bare(self._connection)).execute(_COUNT, (text_array(named),))
        counts: dict[str, int] = dict(await cursor.fetchall())
        full = {name for name, count in named.items() if counts.get(name, 0) + count > MOST_MONITORS}
        if not full:
            return monitors
        known = await self.known([monitor.key for monitor in monitors if monitor.charge_point_id in full])
        room = {name: MOST_MONITORS - counts.get(name, 0) for name in full}
        kept = []
        for monitor in monitors:
            name = monitor.charge_point_id
            if name in full and monitor.key not in known:
                room[name] -= 1
                if room[name] < 0:
                    continue
            kept.append(monitor)
        if len(kept) < len(monitors):
            _log.warning("charge points %s tell of more monitors than are kept", sorted(full))
        return kept


def _conditions(narrowing: DeviceMonitorFilter) -> Iterator[ColumnElement[bool]]:
    yield _COLUMNS.charge_point_id == narrowing.charge_point_id
    for name in ("component", "variable"):
        if requested := getattr(narrowing, name):
            yield func.lower(_COLUMNS[name]) == func.lower(requested)
    if narrowing.text:
        yield or_(*(_COLUMNS[name].icontains(narrowing.text, autoescape=True) for name in _SEARCHED))
    for name in ("type", "kind"):
        if requested := getattr(narrowing, name):
            yield _COLUMNS[name] == requested
    if narrowing.severity is not None:
        yield _COLUMNS.severity <= narrowing.severity
    if narrowing.evse_id:
        yield _COLUMNS.evse_id == narrowing.evse_id
    if narrowing.gone is not None:
        yield _IS_GONE if narrowing.gone else ~_IS_GONE


def _row_of(monitor: DeviceMonitor) -> tuple[Any, ...]:
    """The columns in the order of the table."""
    return (
        monitor.charge_point_id,
        monitor.monitor_id,
        *monitor.watched,
        monitor.type,
        monitor.value,
        monitor.severity,
        monitor.is_during_transaction,
        monitor.kind,
        monitor.first_seen_time,
        *monitor.telling,
        monitor.action,
        monitor.absent_time,
    )


def _monitor(fields: Mapping[str, Any]) -> DeviceMonitor:
    same = ("charge_point_id", "monitor_id", "value", "severity", "is_during_transaction", "first_seen_time", "action")
    return DeviceMonitor(
        **{name: fields[name] for name in (*same, "absent_time")},
        watched=Watched(**{name: fields[name] for name in Watched._fields}),
        type=MonitorType(fields["type"]) if fields["type"] else None,
        kind=MonitorKind(fields["kind"]) if fields["kind"] else None,
        telling=Telling(fields["time"], fields["received_time"], fields["event_id"]),
    )
