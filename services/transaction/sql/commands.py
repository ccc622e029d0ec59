"""Commands in PostgreSQL."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Text,
    and_,
    cast,
    exists,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.ids import is_id
from services.kernel.pagination import Page, PageRequest
from services.postgres.gathering import fetch
from services.postgres.keyset import COUNTED_UP_TO, fetch_page
from services.postgres.recordset import names_of, text_array
from services.transaction.domain.command import (
    REMOTE_START,
    STATES_BEFORE_EFFECT,
    Command,
    CommandFilter,
    CommandPriority,
    CommandState,
    Place,
)
from services.transaction.domain.commands import KINDS_WITH_EFFECT
from services.transaction.tables import COMMANDS, RUNNING_TRANSACTIONS

_NAMES = names_of(COMMANDS.c)

# More than anybody waits for at one charge point.
_MOST_OPEN = 200
# What a charge point did offline it may tell as late as this.
_STILL_ASKED_FOR = timedelta(days=7)
# All at once and by id: who locks those of one charge point after the other, or the queued ones after the others, could
# wait in a ring for somebody who does it the other way round.
_LOCK_OPEN_AT = b"""
WITH locked AS (
    SELECT charge_point_id FROM commands WHERE charge_point_id = ANY (%s::text[]) AND expire_time > %s::timestamptz
    AND (state = 'QUEUED' OR state = ANY (%s::text[]) AND kind = ANY (%s::text[])) ORDER BY id FOR UPDATE
)
SELECT DISTINCT charge_point_id FROM locked
"""


class SqlCommandRepository:
    """Satisfies ports.CommandRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, narrowing: CommandFilter, page: PageRequest) -> Page[Command]:
        columns = COMMANDS.c
        query = select(COMMANDS)
        if narrowing.charge_point_id:
            query = query.where(columns.charge_point_id == narrowing.charge_point_id)
        if narrowing.campaign_id:
            query = query.where(columns.campaign_id == narrowing.campaign_id)
        if narrowing.state:
            query = query.where(columns.state == narrowing.state)
        rows = await fetch_page(
            self._connection, query, (columns.id,), page=page, descending=True, count_up_to=COUNTED_UP_TO
        )
        return rows.map(command_of)

    async def find(self, command_id: str, *, for_update: bool = False) -> Command | None:
        if not is_id(command_id):
            return None
        query = select(COMMANDS).where(COMMANDS.c.id == command_id)
        row = (await self._connection.execute(query.with_for_update() if for_update else query)).first()
        return None if row is None else command_of(row)

    async def lock_open_at(self, charge_point_ids: Collection[str], now: datetime) -> Collection[str]:
        if not charge_point_ids:
            return []
        # One that waits for nothing but its answer is changed by no event.
        waiting = text_array(STATES_BEFORE_EFFECT), text_array(KINDS_WITH_EFFECT)
        found = await fetch(self._connection, _LOCK_OPEN_AT, text_array(charge_point_ids), now.isoformat(), *waiting)
        return {charge_point_id for (charge_point_id,) in found}

    async def working_at(self, place: Place, now: datetime) -> Sequence[Command]:
        columns = COMMANDS.c
        may_work = and_(columns.state.in_(STATES_BEFORE_EFFECT), columns.kind.in_(KINDS_WITH_EFFECT))
        return await self._locked(_of(place).where(may_work, columns.expire_time > now))

    async def queued_for(self, place: Place) -> Sequence[Command]:
        return await self._locked(_of(place).where(COMMANDS.c.state == CommandState.QUEUED))

    async def remote_starts(self, charge_point_ids: Collection[str]) -> Sequence[tuple[Command, bool]]:
        columns, running = COMMANDS.c, RUNNING_TRANSACTIONS.c
        runs = exists().where(
            running.charge_point_id == columns.charge_point_id, cast(running.id, Text) == columns.transaction_id
        )
        query = (
            select(COMMANDS, runs.label("runs"))
            .where(columns.charge_point_id.in_(charge_point_ids), columns.kind == REMOTE_START)
            .where(or_(columns.expire_time > func.now() - _STILL_ASKED_FOR, runs))
        )
        rows = await self._connection.execute(query.order_by(columns.id.desc()).limit(_MOST_OPEN))
        return [(command_of(row), row.runs) for row in rows]

    async def due(
        self, now: datetime, sent_after: datetime, limit: int, but_of: Collection[str] = ()
    ) -> Sequence[Command]:
        columns, before = COMMANDS.c, COMMANDS.alias("before").c
        is_due = and_(columns.state == CommandState.QUEUED, columns.delivery_time <= now, columns.expire_time > now)
        waits = or_(
            before.state == CommandState.QUEUED,
            and_(before.state == CommandState.SENT, before.update_time > sent_after),
        )
        # Of what is changed beside this, it sees what was before: one that is being sent or answered still waits.
        goes_before = tuple_(before.priority, before.id) < tuple_(columns.priority, columns.id)
        is_beside = and_(
            before.charge_point_id == columns.charge_point_id, before.tenant_id == columns.tenant_id, goes_before
        )
        is_first = ~exists().where(is_beside, before.expire_time > now, waits)
        query = select(COMMANDS).where(is_due, is_first).order_by(columns.priority, columns.id)
        if but_of:
            query = query.where(columns.tenant_id.not_in(but_of))
        return await self._unlocked(query.limit(limit))

    async def forgotten(self, now: datetime, sent_before: datetime) -> Sequence[Command]:
        columns = COMMANDS.c
        is_sent = and_(columns.state == CommandState.SENT, columns.expire_time > now)
        query = select(COMMANDS).where(is_sent, columns.update_time <= sent_before)
        rows = await self._connection.execute(query.order_by(columns.update_time).limit(_MOST_OPEN))
        return [command_of(row) for row in rows]

    async def overdue(self, now: datetime, limit: int) -> Sequence[Command]:
        columns = COMMANDS.c
        query = select(COMMANDS).where(columns.expire_time <= now, _waits()).order_by(columns.expire_time).limit(limit)
        return await self._unlocked(query)

    async def next_time(self, now: datetime) -> datetime | None:
        columns = COMMANDS.c
        is_queued = and_(columns.state == CommandState.QUEUED, columns.expire_time > now)
        delivery = select(func.min(columns.delivery_time)).where(is_queued).scalar_subquery()
        end = select(func.min(columns.expire_time)).where(columns.expire_time > now, _waits()).scalar_subquery()
        time: datetime | None = await self._connection.scalar(select(func.least(delivery, end)))
        return time

    async def add(self, command: Command) -> None:
        await self._connection.execute(insert(COMMANDS).values(asdict(command)))

    async def replace(self, command: Command) -> None:
        await self._connection.execute(update(COMMANDS).where(COMMANDS.c.id == command.id).values(asdict(command)))

    async def _locked(self, query: Select[Any]) -> Sequence[Command]:
        rows = await self._connection.execute(query.with_for_update().limit(_MOST_OPEN))
        return [command_of(row) for row in rows]

    async def _unlocked(self, query: Select[Any]) -> Sequence[Command]:
        rows = await self._connection.execute(query.with_for_update(skip_locked=True))
        return [command_of(row) for row in rows]


def _waits() -> ColumnElement[bool]:
    """For delivery, answer or effect."""
    columns = COMMANDS.c
    return or_(
        columns.state.in_((CommandState.QUEUED, CommandState.SENT)),
        and_(columns.state == CommandState.ACCEPTED, columns.kind.in_(KINDS_WITH_EFFECT)),
    )


def _of(place: Place) -> Select[Any]:
    is_of_place = and_(COMMANDS.c.charge_point_id == place.charge_point_id, COMMANDS.c.tenant_id == place.tenant_id)
    return select(COMMANDS).where(is_of_place).order_by(COMMANDS.c.id)


def command_of(row: Row[Any]) -> Command:
    """A row as a command."""
    fields = row._mapping
    return Command(
        **{
            **{name: fields[name] for name in _NAMES},
            "state": CommandState(fields["state"]),
            "priority": CommandPriority(fields["priority"]),
            "answer_flags": tuple(fields["answer_flags"]),
            "calls": tuple(fields["calls"]),
        }
    )
