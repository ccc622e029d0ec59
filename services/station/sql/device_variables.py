"""The variables of charge points in PostgreSQL: read, folded and written back, one statement for all of a batch."""

import logging
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.pagination import Page, PageRequest
from services.postgres.database import bare
from services.postgres.keyset import COUNTED_UP_TO, fetch_page
from services.postgres.recordset import Recordset, array, names_of, text_array, texts, upsert
from services.station.domain.device_report import Scope
from services.station.domain.device_variable import (
    AttributeType,
    Description,
    DeviceVariable,
    DeviceVariableFilter,
    Mutability,
    Place,
    SeenVariable,
    Telling,
    VariableChange,
    VariableChangeFilter,
)
from services.station.tables import DEVICE_REPORTS, DEVICE_VARIABLE_CHANGES, DEVICE_VARIABLES

# The largest stations have some thousands. Whoever tells of more makes them up.
MOST_VARIABLES = 20_000

# In order, so that two batches never wait for each other in a circle.
_LOCK = b"""
SELECT pg_advisory_xact_lock(hashtextextended(id, 7)) FROM (SELECT id FROM unnest(%s::text[]) AS id ORDER BY id) AS s
"""
_KNOWN = f"""
SELECT {texts(DEVICE_VARIABLES.columns, "v")} FROM unnest(%s::text[], %s::uuid[]) AS requested (charge_point_id, id)
JOIN device_variables AS v USING (charge_point_id, id)
""".encode()
_COUNT = b"""
SELECT charge_point_id, count(*) FROM device_variables WHERE charge_point_id = ANY (%s::text[]) GROUP BY 1
"""
_ROWS = Recordset(DEVICE_VARIABLES)
_STORE = upsert(DEVICE_VARIABLES, _ROWS, "device_variables_pkey")
_CHANGES = Recordset(DEVICE_VARIABLE_CHANGES, "c")
# In the same round trip: most reports change nothing, and none waits for its history.
_STORE_WITH_CHANGES = (
    f"WITH noted AS (INSERT INTO device_variable_changes ({_CHANGES.columns}) SELECT {_CHANGES.values}"
    f" FROM {_CHANGES.relation} ON CONFLICT DO NOTHING) "
).encode() + _STORE
_NAMES = names_of(DEVICE_VARIABLES.columns)
_COLUMNS = DEVICE_VARIABLES.c
# The first whole inventory after it was told of last; the charge point itself may have said so before.
_MISSED = (
    select(func.min(DEVICE_REPORTS.c.time))
    .where(
        DEVICE_REPORTS.c.charge_point_id == _COLUMNS.charge_point_id,
        DEVICE_REPORTS.c.scope == Scope.FULL_INVENTORY,
        DEVICE_REPORTS.c.time > _COLUMNS.reported_time,
    )
    .scalar_subquery()
)
_DENIED = func.nullif(func.greatest(_COLUMNS.absent_time, _COLUMNS.reported_time), _COLUMNS.reported_time)
_GONE_TIME = func.least(_MISSED, _DENIED)
_ORDER = (
    _COLUMNS.component,
    _COLUMNS.component_instance,
    _COLUMNS.evse_id,
    _COLUMNS.connector_id,
    _COLUMNS.variable,
    _COLUMNS.variable_instance,
    _COLUMNS.attribute_type,
    _COLUMNS.id,
)
_SEARCHED = (
    _COLUMNS.component,
    _COLUMNS.component_instance,
    _COLUMNS.variable,
    _COLUMNS.variable_instance,
    _COLUMNS.value,
)

_log = logging.getLogger(__name__)


class SqlDeviceVariableRepository:
    """Satisfies ports.DeviceVariableRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self, charge_point_ids: Collection[str]) -> None:
        await (await bare(self._connection)).execute(_LOCK, (text_array(charge_point_ids),))

    async def known(self, ids: Mapping[str, str]) -> Mapping[str, DeviceVariable]:
        requested = (text_array(ids.values()), array(ids))
        cursor = await (await bare(self._connection)).execute(_KNOWN, requested)
        found = [_variable(dict(zip(_NAMES, row, strict=True))) for row in await cursor.fetchall()]
        return {variable.id: variable for variable in found}

    async def store(
        self, variables: Mapping[str, DeviceVariable], changes: Sequence[VariableChange], *, are_known: bool
    ) -> None:
        if not variables:
            return
        # One that is not kept has had no value to change.
        kept = variables.values() if are_known else await self._within_bounds(variables.values())
        rows = _ROWS.dump(map(_row_of, kept))
        connection = await bare(self._connection)
        if changes:
            await connection.execute(_STORE_WITH_CHANGES, (_CHANGES.dump(map(_row_of_change, changes)), rows))
        else:
            await connection.execute(_STORE, (rows,))

    async def page(self, narrowing: DeviceVariableFilter, page: PageRequest) -> Page[SeenVariable]:
        query = select(DEVICE_VARIABLES, _GONE_TIME.label("gone_time")).where(*_conditions(narrowing))
        return (await fetch_page(self._connection, query, _ORDER, page=page)).map(_seen)

    async def changes(self, narrowing: VariableChangeFilter, page: PageRequest) -> Page[VariableChange]:
        columns = DEVICE_VARIABLE_CHANGES.c
        order = (columns.time, columns.received_time, columns.event_id)
        # What is before is what is known by now: another value may have been told late.
        is_first = func.row_number().over(order_by=order) == 1
        before = case((is_first, columns.previous_value), else_=func.lag(columns.value).over(order_by=order))
        described = select(DEVICE_VARIABLE_CHANGES, before.label("before")).where(*_conditions_of_changes(narrowing))
        seen = described.subquery()
        query = select(seen).where(seen.c.value.is_distinct_from(seen.c.before))
        key = (seen.c.time, seen.c.received_time, seen.c.event_id)
        rows = await fetch_page(self._connection, query, key, page=page, descending=True, count_up_to=COUNTED_UP_TO)
        return rows.map(_change)

    async def _within_bounds(self, variables: Collection[DeviceVariable]) -> Collection[DeviceVariable]:
        """Those variables that there is room for."""
        places = Counter(variable.charge_point_id for variable in variables)
        cursor = await (await bare(self._connection)).execute(_COUNT, (text_array(places),))
        counts: dict[str, int] = dict(await cursor.fetchall())
        full = {name for name, count in places.items() if counts.get(name, 0) + count > MOST_VARIABLES}
        if not full:
            return variables
        known = await self.known({one.id: one.charge_point_id for one in variables if one.charge_point_id in full})
        room = {name: max(MOST_VARIABLES - counts.get(name, 0), 0) for name in full}
        return list(_fitting(variables, known, room))


def _fitting(
    variables: Collection[DeviceVariable], known: Collection[str], room: dict[str, int]
) -> Iterator[DeviceVariable]:
    for one in variables:
        left = room.get(one.charge_point_id)
        if left is None or one.id in known:
            yield one
        elif left:
            room[one.charge_point_id] -= 1
            yield one
        elif not room.get(""):
            room[""] = 1  # of each batch once
            _log.warning("charge point %s tells of more variables than are kept", one.charge_point_id)


def _conditions(narrowing: DeviceVariableFilter) -> Iterator[ColumnElement[bool]]:
    yield _COLUMNS.charge_point_id == narrowing.charge_point_id
    for name in ("component", "variable"):
        if requested := getattr(narrowing, name):
            yield func.lower(_COLUMNS[name]) == func.lower(requested)
    if narrowing.attribute_type:
        yield _COLUMNS.attribute_type == narrowing.attribute_type
    if narrowing.evse_id:
        yield _COLUMNS.evse_id == narrowing.evse_id
    if narrowing.text:
        yield or_(*(column.icontains(narrowing.text, autoescape=True) for column in _SEARCHED))
    if narrowing.changed_since:
        yield or_(_COLUMNS.changed_time >= narrowing.changed_since, _GONE_TIME >= narrowing.changed_since)
    if narrowing.gone is not None:
        yield _GONE_TIME.is_not(None) if narrowing.gone else _GONE_TIME.is_(None)


def _conditions_of_changes(narrowing: VariableChangeFilter) -> Iterator[ColumnElement[bool]]:
    columns = DEVICE_VARIABLE_CHANGES.c
    yield columns.charge_point_id == narrowing.charge_point_id
    yield columns.variable_id == narrowing.variable_id
    if narrowing.time_from:
        yield columns.time >= narrowing.time_from
    if narrowing.time_to:
        yield columns.time < narrowing.time_to


def _row_of_change(change: VariableChange) -> tuple[Any, ...]:
    """The columns in the order of the table."""
    what = (change.value, change.previous_value, change.action)
    return (change.charge_point_id, change.variable_id, *change.telling, *what)


def _change(row: Row[Any]) -> VariableChange:
    fields = row._mapping
    return VariableChange(
        charge_point_id=fields["charge_point_id"],
        variable_id=fields["variable_id"],
        value=fields["value"],
        previous_value=fields["before"],
        telling=Telling(fields["time"], fields["received_time"], fields["event_id"]),
        action=fields["action"],
    )


def _row_of(variable: DeviceVariable) -> tuple[Any, ...]:
    """The columns in the order of the table."""
    description = variable.description
    return (
        variable.charge_point_id,
        variable.id,
        *variable.place,
        variable.first_seen_time,
        variable.reported_time,
        variable.absent_time,
        variable.value,
        *_telling_columns(variable.value_telling),
        variable.action,
        variable.changed_time,
        variable.previous_value,
        *_telling_columns(variable.previous_telling),
        description.mutability,
        description.persistent,
        description.constant,
        description.unit,
        description.data_type,
        description.min_limit,
        description.max_limit,
        description.values_list,
        description.supports_monitoring,
        *_telling_columns(variable.description_telling),
    )


def _telling_columns(telling: Telling | None) -> tuple[Any, ...]:
    return (None, None, None) if telling is None else telling


def _seen(row: Row[Any]) -> SeenVariable:
    return SeenVariable(variable=_variable(dict(row._mapping)), gone_time=row._mapping["gone_time"])


def _variable(fields: Mapping[str, Any]) -> DeviceVariable:
    *names, _ = Place._fields
    place = Place(**{name: fields[name] for name in names}, attribute_type=AttributeType(fields["attribute_type"]))
    same = ("id", "charge_point_id", "first_seen_time", "reported_time", "absent_time", "value", "action")
    described = ("persistent", "constant", "unit", "data_type", "min_limit", "max_limit", "values_list")
    return DeviceVariable(
        **{name: fields[name] for name in (*same, "changed_time", "previous_value")},
        place=place,
        value_telling=_telling(fields, "value"),
        previous_telling=_telling(fields, "previous"),
        description=Description(
            **{name: fields[name] for name in (*described, "supports_monitoring")},
            mutability=Mutability(fields["mutability"]) if fields["mutability"] else None,
        ),
        description_telling=_telling(fields, "description"),
    )


def _telling(fields: Mapping[str, Any], of: str) -> Telling | None:
    if fields[f"{of}_time"] is None:
        return None
    return Telling(fields[f"{of}_time"], fields[f"{of}_received_time"], fields[f"{of}_event_id"])
