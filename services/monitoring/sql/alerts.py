"""Alerts in PostgreSQL, and the incidents that predictions are made from."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, cast, exists, func, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.ids import is_id
from services.kernel.pagination import Page, PageRequest
from services.monitoring.domain.alert import Alert, AlertFilter, AlertKind, AlertSeverity, AlertState
from services.monitoring.domain.rules import Frequency, Incident, IncidentKind
from services.monitoring.domain.transaction import TransactionState
from services.monitoring.sql.locks import Locks, Rung
from services.monitoring.tables import ALERTS, INCIDENTS, TRANSACTIONS
from services.postgres.database import bare
from services.postgres.gathering import fetch
from services.postgres.keyset import COUNTED_UP_TO, fetch_page
from services.postgres.recordset import array, names_of, text_array, texts

_STANDS = ALERTS.c.clear_time.is_(None)
_STANDING = b"""
SELECT alerts.id::text FROM unnest(%s::text[], %s::text[]) AS fine (kind, subject)
JOIN alerts ON alerts.kind = fine.kind AND alerts.subject = fine.subject AND alerts.clear_time IS NULL
ORDER BY alerts.id
"""
_NAMES = names_of(ALERTS.columns)
_CLEAR = f"""
UPDATE alerts SET state = '{AlertState.CLEARED}', clear_time = %s
WHERE id = ANY (%s::uuid[]) AND clear_time IS NULL RETURNING {texts(ALERTS.columns)}
""".encode()


class SqlAlertRepository:
    """Satisfies ports.AlertRepository within one transaction."""

    def __init__(self, connection: AsyncConnection, locks: Locks) -> None:
        self._connection = connection
        self._locks = locks

    async def page(self, narrowing: AlertFilter, page: PageRequest) -> Page[Alert]:
        query = select(ALERTS).where(*_conditions(narrowing))
        rows = await fetch_page(
            self._connection, query, (ALERTS.c.id,), page=page, descending=True, count_up_to=COUNTED_UP_TO
        )
        return rows.map(lambda row: _alert(row._mapping))

    async def find(self, alert_id: str, *, for_update: bool = False) -> Alert | None:
        if not is_id(alert_id):
            return None
        if for_update:
            await self._locks.turn(Rung.ALERT_TURN)
        query = select(ALERTS).where(ALERTS.c.id == alert_id)
        row = (await self._connection.execute(query.with_for_update() if for_update else query)).first()
        return None if row is None else _alert(row._mapping)

    async def open(self, alert: Alert, *, counts: bool, follows: bool) -> Alert | None:
        await self._locks.turn(Rung.ALERT_TURN)
        statement = insert(ALERTS).values(asdict(alert))
        changed = {"message": statement.excluded.message, "severity": statement.excluded.severity}
        arbiter: dict[str, Any] = {"index_elements": ["kind", "subject", "tenant_id"], "index_where": _STANDS}
        if counts:
            again = {"occurrence_count": ALERTS.c.occurrence_count + 1, "message": changed["message"]}
            statement = statement.on_conflict_do_update(**arbiter, set_=again)
        elif follows:
            is_other = or_(*(ALERTS.c[name].is_distinct_from(value) for name, value in changed.items()))
            statement = statement.on_conflict_do_update(**arbiter, set_=changed, where=is_other)
        else:
            statement = statement.on_conflict_do_nothing(**arbiter)
        row = (await self._connection.execute(statement.returning(*ALERTS.c))).first()
        return _alert(row._mapping) if row is not None and (follows or row.id == alert.id) else None

    async def replace(self, alert: Alert) -> None:
        await self._connection.execute(update(ALERTS).where(ALERTS.c.id == alert.id).values(asdict(alert)))

    async def clear(self, subjects: Collection[tuple[AlertKind, str]], now: datetime) -> Sequence[Alert]:
        if not subjects:
            return []
        kinds, names = (text_array(values) for values in zip(*subjects, strict=True))
        # Looked for first: hardly ever one of them stands.
        standing = [alert_id for (alert_id,) in await fetch(self._connection, _STANDING, kinds, names)]
        if not standing:
            return []
        await self._locks.turn(Rung.ALERT_TURN)
        cursor = await (await bare(self._connection)).execute(_CLEAR, (now, array(standing)))
        return [_alert(dict(zip(_NAMES, row, strict=True))) for row in await cursor.fetchall()]

    async def clear_all_of(
        self, charge_point_ids: Collection[str], kinds: Collection[AlertKind], now: datetime
    ) -> Sequence[Alert]:
        columns = ALERTS.c
        return await self._clear(and_(columns.charge_point_id.in_(charge_point_ids), columns.kind.in_(kinds)), now)

    async def clear_calmed(self, kind: IncidentKind, rule: Frequency, now: datetime) -> Sequence[Alert]:
        lately = (
            select(func.coalesce(func.sum(INCIDENTS.c.weight), 0))
            .where(
                INCIDENTS.c.subject == ALERTS.c.subject, INCIDENTS.c.kind == kind, INCIDENTS.c.time > now - rule.span
            )
            .scalar_subquery()
        )
        return await self._clear(and_(ALERTS.c.kind == rule.alert_kind, lately < rule.threshold), now)

    async def clear_over(self, kinds: Collection[AlertKind], raised_before: datetime, now: datetime) -> Sequence[Alert]:
        columns = ALERTS.c
        # Their subject is the id of a transaction; that of others need not look like one.
        transaction_id = case((columns.kind.in_(kinds), cast(columns.subject, TRANSACTIONS.c.id.type)))
        # An orphan may never end, and what is long past is forgotten.
        runs = exists().where(TRANSACTIONS.c.id == transaction_id, TRANSACTIONS.c.state == TransactionState.ACTIVE)
        is_old = columns.acknowledge_time.is_not(None) | (columns.create_time < raised_before)
        return await self._clear(and_(columns.kind.in_(kinds), is_old, ~runs), now)

    async def clear_seen(self, kind: AlertKind, raised_before: datetime, now: datetime) -> Sequence[Alert]:
        columns = ALERTS.c
        is_old = columns.acknowledge_time.is_not(None) | (columns.create_time < raised_before)
        return await self._clear(and_(columns.kind == kind, is_old), now)

    async def add_incidents(self, incidents: Sequence[Incident], since: datetime) -> Mapping[str, int]:
        await self._connection.execute(insert(INCIDENTS), [asdict(incident) for incident in incidents])
        columns = INCIDENTS.c
        lately = (
            select(columns.subject, func.sum(columns.weight).label("count"))
            .where(
                columns.subject.in_([incident.subject for incident in incidents]),
                columns.kind == incidents[0].kind,
                columns.time > since,
            )
            .group_by(columns.subject)
        )
        return {row.subject: int(row._mapping["count"]) for row in await self._connection.execute(lately)}

    async def open_counts(self, station_ids: Collection[str]) -> Mapping[str, int]:
        columns = ALERTS.c
        query = (
            select(columns.station_id, func.count().label("count"))
            .where(columns.station_id.in_(station_ids), _STANDS)
            .group_by(columns.station_id)
        )
        return {row.station_id: row._mapping["count"] for row in await self._connection.execute(query)}

    async def _clear(self, condition: ColumnElement[bool], now: datetime) -> Sequence[Alert]:
        await self._locks.turn(Rung.ALERT_TURN)
        statement = update(ALERTS).where(_STANDS, condition).values(state=AlertState.CLEARED, clear_time=now)
        return [_alert(row._mapping) for row in await self._connection.execute(statement.returning(*ALERTS.c))]


def _conditions(narrowing: AlertFilter) -> Iterator[ColumnElement[bool]]:
    columns = ALERTS.c
    yield columns.state == narrowing.state if narrowing.state else _STANDS
    if narrowing.severity:
        yield columns.severity == narrowing.severity
    if narrowing.kind:
        yield columns.kind == narrowing.kind
    if narrowing.charge_point_id:
        yield columns.charge_point_id == narrowing.charge_point_id
    if narrowing.station_id:
        is_known = is_id(narrowing.station_id)
        yield columns.station_id == narrowing.station_id if is_known else literal_column("false")


def _alert(fields: Mapping[Any, Any]) -> Alert:
    return Alert(
        **{
            **{name: fields[name] for name in _NAMES},
            "kind": AlertKind(fields["kind"]),
            "severity": AlertSeverity(fields["severity"]),
            "state": AlertState(fields["state"]),
        }
    )
