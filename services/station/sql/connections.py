"""Connections and the leases of edge nodes in PostgreSQL."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    Select,
    Text,
    and_,
    any_,
    column,
    delete,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.chassis.keyset import fetch_page
from services.chassis.pagination import Page, PageRequest
from services.station.domain.connection import ClosedConnection, Connection, ConnectionAttempt, Newest, Sighting
from services.station.tables import CONNECTIONS, EDGE_NODES

_IS_OPEN = CONNECTIONS.c.close_time.is_(None)


class SqlConnectionRepository:
    """Satisfies ports.ConnectionRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def open(self, attempts: Sequence[ConnectionAttempt], now: datetime) -> Sequence[int]:
        if not attempts:
            return []
        left = Counter(attempt.charge_point_id for attempt in attempts)
        last = {attempt.charge_point_id: attempt for attempt in attempts}
        rows = [
            {
                "charge_point_id": name,
                "epoch": left[name],
                "protocol": last[name].protocol,
                "node": last[name].node,
                "remote_address": last[name].remote_address,
                "connected_time": now,
                "last_seen_time": now,
                "close_time": None,
            }
            for name in sorted(last)
        ]
        statement = insert(CONNECTIONS)
        renewed = {name: statement.excluded[name] for name in rows[0] if name not in ("charge_point_id", "epoch")}
        statement = statement.on_conflict_do_update(
            constraint="connections_pkey", set_={**renewed, "epoch": CONNECTIONS.c.epoch + statement.excluded.epoch}
        )
        opened = await self._connection.execute(
            statement.returning(CONNECTIONS.c.charge_point_id, CONNECTIONS.c.epoch), rows
        )
        greatest = {row.charge_point_id: row.epoch for row in opened}
        epochs: list[int] = []
        for attempt in attempts:
            left[attempt.charge_point_id] -= 1
            epochs.append(greatest[attempt.charge_point_id] - left[attempt.charge_point_id])
        return epochs

    async def close(self, charge_point_ids: Sequence[str], now: datetime) -> None:
        if charge_point_ids:
            await self._connection.execute(
                update(CONNECTIONS).where(_is_any_of(charge_point_ids)).values(close_time=now)
            )

    async def abandoned(self, now: datetime, limit: int) -> Sequence[ClosedConnection]:
        alive = select(EDGE_NODES.c.node).where(EDGE_NODES.c.lease_end_time > now)
        query = select(CONNECTIONS.c.charge_point_id, CONNECTIONS.c.epoch).where(
            _IS_OPEN, CONNECTIONS.c.node.not_in(alive)
        )
        rows = await self._connection.execute(query.order_by(CONNECTIONS.c.charge_point_id).limit(limit))
        return [ClosedConnection(**row._mapping, reason="the lease of its edge node ran out") for row in rows]

    async def newest(self, charge_point_ids: Sequence[str]) -> Mapping[str, Newest]:
        if not charge_point_ids:
            return {}
        query = select(CONNECTIONS.c.charge_point_id, CONNECTIONS.c.epoch, _IS_OPEN.label("is_open"))
        rows = await self._connection.execute(query.where(_is_any_of(charge_point_ids)))
        return {row.charge_point_id: Newest(row.epoch, row.is_open) for row in rows}

    async def renew_lease(self, node: str, node_address: str, until: datetime) -> None:
        statement = insert(EDGE_NODES).values(node=node, node_address=node_address, lease_end_time=until)
        renewed = {
            "node_address": statement.excluded.node_address,
            "lease_end_time": func.greatest(statement.excluded.lease_end_time, EDGE_NODES.c.lease_end_time),
        }
        await self._connection.execute(statement.on_conflict_do_update(constraint="edge_nodes_pkey", set_=renewed))

    async def forget_nodes(self, before: datetime) -> None:
        await self._connection.execute(delete(EDGE_NODES).where(EDGE_NODES.c.lease_end_time < before))

    async def seen(self, sightings: Sequence[Sighting]) -> None:
        if not sightings:
            return
        told = (
            func.unnest(
                literal([seen.charge_point_id for seen in sightings], ARRAY(Text)),
                literal([seen.epoch for seen in sightings], ARRAY(BigInteger)),
                literal([seen.last_seen_time for seen in sightings], ARRAY(DateTime(timezone=True))),
            )
            .table_valued(
                column("id", Text), column("epoch", BigInteger), column("time", DateTime(timezone=True)), name="told"
            )
            .render_derived()
        )
        columns = CONNECTIONS.c
        # Whoever changes a connection has news of it as well: nobody waits for anybody here.
        free = (
            select(columns.charge_point_id, told.c.time)
            .join_from(CONNECTIONS, told, and_(columns.charge_point_id == told.c.id, columns.epoch == told.c.epoch))
            .where(_IS_OPEN)
            .with_for_update(of=CONNECTIONS, skip_locked=True)
            .subquery()
        )
        newer = func.greatest(columns.last_seen_time, free.c.time)
        heard = update(CONNECTIONS).where(columns.charge_point_id == free.c.charge_point_id)
        await self._connection.execute(heard.values(last_seen_time=newer))

    async def find(self, charge_point_id: str, now: datetime) -> Connection | None:
        query = _living(now).where(CONNECTIONS.c.charge_point_id == charge_point_id)
        row = (await self._connection.execute(query)).first()
        return None if row is None else Connection(**row._mapping)

    async def page(self, page: PageRequest, now: datetime) -> Page[Connection]:
        rows = await fetch_page(self._connection, _living(now), (CONNECTIONS.c.charge_point_id,), page=page)
        return rows.map(lambda row: Connection(**{name: row._mapping[name] for name in Connection.__slots__}))


def _is_any_of(charge_point_ids: Sequence[str]) -> ColumnElement[bool]:
    return CONNECTIONS.c.charge_point_id == any_(literal(list(charge_point_ids), ARRAY(Text)))


def _living(now: datetime) -> Select[Any]:
    """Open connections on nodes whose lease has not run out."""
    columns = CONNECTIONS.c
    return (
        select(
            columns.charge_point_id,
            columns.epoch,
            columns.protocol,
            columns.node,
            EDGE_NODES.c.node_address,
            columns.remote_address,
            columns.connected_time,
            columns.last_seen_time,
        )
        .join_from(CONNECTIONS, EDGE_NODES, and_(EDGE_NODES.c.node == columns.node, EDGE_NODES.c.lease_end_time > now))
        .where(_IS_OPEN)
    )
