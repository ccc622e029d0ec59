"""What charge points notify of themselves, in PostgreSQL: appended, each fact once."""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Row, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.pagination import Page, PageRequest
from services.postgres.database import bare
from services.postgres.keyset import COUNTED_UP_TO, fetch_page
from services.postgres.recordset import Recordset, names_of
from services.station.domain.device_event import SECURITY_EVENT, DeviceEvent, DeviceEventFilter, Severity
from services.station.tables import DEVICE_EVENTS

_NAMES = names_of(DEVICE_EVENTS.columns)
_EVENTS = Recordset(DEVICE_EVENTS)
_LETTER = _EVENTS.letter_of
# What is told again may be dated otherwise by then: the clock of its charge point is known better.
_RECORD = f"""
INSERT INTO device_events ({_EVENTS.columns}) SELECT {_EVENTS.values} FROM {_EVENTS.relation}
WHERE NOT EXISTS (
    SELECT FROM device_events AS known
    WHERE known.charge_point_id = r.{_LETTER["charge_point_id"]} AND known.id = r.{_LETTER["id"]}
    AND known.time BETWEEN r.{_LETTER["time"]} - interval '1 day' AND r.{_LETTER["time"]} + interval '1 day'
)
ON CONFLICT DO NOTHING RETURNING id::text
""".encode()
_values = attrgetter(*_NAMES)


class SqlDeviceEventRepository:
    """Satisfies ports.DeviceEventRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def record(self, events: Sequence[DeviceEvent]) -> Sequence[DeviceEvent]:
        cursor = await (await bare(self._connection)).execute(_RECORD, (_EVENTS.dump(map(_values, events)),))
        fresh = {event_id for (event_id,) in await cursor.fetchall()}
        return [event for event in events if event.id in fresh]

    async def page(self, narrowing: DeviceEventFilter, page: PageRequest) -> Page[DeviceEvent]:
        query = select(DEVICE_EVENTS).where(*_conditions(narrowing))
        key = (DEVICE_EVENTS.c.time, DEVICE_EVENTS.c.id)
        rows = await fetch_page(self._connection, query, key, page=page, descending=True, count_up_to=COUNTED_UP_TO)
        return rows.map(_event)


def _conditions(narrowing: DeviceEventFilter) -> Iterator[ColumnElement[bool]]:
    columns = DEVICE_EVENTS.c
    if narrowing.kind == SECURITY_EVENT:
        # What an index of some rows holds is said in these words; the planner concludes it from no parameter.
        yield columns.kind == literal_column(f"'{SECURITY_EVENT}'")
    for name in ("charge_point_id", "kind", "action", "subject", "severity"):
        if requested := getattr(narrowing, name):
            yield columns[name] == requested
    if narrowing.time_from:
        yield columns.time >= narrowing.time_from
    if narrowing.time_to:
        yield columns.time < narrowing.time_to
    if narrowing.text:
        searched = (columns.subject, columns.status, columns.info)
        yield or_(*(column.icontains(narrowing.text, autoescape=True) for column in searched))


def _event(row: Row[Any]) -> DeviceEvent:
    fields = {name: row._mapping[name] for name in _NAMES}
    return DeviceEvent(**{**fields, "severity": Severity(fields["severity"]), "flags": tuple(fields["flags"])})
