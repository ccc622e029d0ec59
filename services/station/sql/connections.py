"""Connections and the leases of edge nodes in PostgreSQL. Every write carries the epoch it is meant for."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, bindparam, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.chassis.keyset import fetch_page
from services.chassis.pagination import Page, PageRequest
from services.station.domain.connection import ClosedConnection, Connection, ConnectionAttempt, Sighting
from services.station.tables import CONNECTIONS, EDGE_NODES

_IS_OPEN = CONNECTIONS.c.close_time.is_(None)
_EPOCH = tuple_(CONNECTIONS.c.charge_point_id, CONNECTIONS.c.epoch)


class SqlConnectionRepository:
    """Satisfies ports.ConnectionRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def open(self, attempts: Sequence[ConnectionAttempt], now: datetime) -> Mapping[str, int]:
        if not attempts:
            return {}
        # In the order of identity, so that two batches never wait for each other in a circle.
        rows = [
            {
                "charge_point_id": attempt.charge_point_id,
                "epoch": 1,
                "protocol": attempt.protocol,
                "node": attempt.node,
                "remote_address": attempt.remote_address,
                "connected_time": now,
                "last_seen_time": now,
                "close_time": None,
            }
            for attempt in sorted(attempts, key=lambda attempt: attempt.charge_point_id)
        ]
        statement = insert(CONNECTIONS).values(rows)
        renewed = {name: statement.excluded[name] for name in rows[0] if name not in ("charge_point_id", "epoch")}
        statement = statement.on_conflict_do_update(
            constraint="connections_pkey", set_={**renewed, "epoch": CONNECTIONS.c.epoch + 1}
        )
        opened = statement.returning(CONNECTIONS.c.charge_point_id, CONNECTIONS.c.epoch)
        return {row.charge_point_id: row.epoch for row in await self._connection.execute(opened)}

    async def close(self, connections: Sequence[ClosedConnection], now: datetime) -> set[str]:
        if not connections:
            return set()
        meant = [(connection.charge_point_id, connection.epoch) for connection in connections]
        statement = update(CONNECTIONS).where(_EPOCH.in_(meant), _IS_OPEN).values(close_time=now)
        return set(await self._connection.scalars(statement.returning(CONNECTIONS.c.charge_point_id)))

    async def close_abandoned(self, now: datetime, limit: int) -> Sequence[ClosedConnection]:
        alive = select(EDGE_NODES.c.node).where(EDGE_NODES.c.lease_end_time > now)
        abandoned = (
            select(CONNECTIONS.c.charge_point_id)
            .where(_IS_OPEN, CONNECTIONS.c.node.not_in(alive))
            .order_by(CONNECTIONS.c.charge_point_id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        statement = update(CONNECTIONS).where(CONNECTIONS.c.charge_point_id.in_(abandoned)).values(close_time=now)
        rows = await self._connection.execute(statement.returning(CONNECTIONS.c.charge_point_id, CONNECTIONS.c.epoch))
        return [ClosedConnection(**row._mapping, reason="the lease of its edge node ran out") for row in rows]

    async def epochs(self, charge_point_ids: Sequence[str]) -> Mapping[str, int]:
        query = select(CONNECTIONS.c.charge_point_id, CONNECTIONS.c.epoch).where(
            CONNECTIONS.c.charge_point_id.in_(set(charge_point_ids)), _IS_OPEN
        )
        return {row.charge_point_id: row.epoch for row in await self._connection.execute(query)}

    async def renew_lease(self, node: str, node_address: str, until: datetime) -> None:
        statement = insert(EDGE_NODES).values(node=node, node_address=node_address, lease_end_time=until)
        renewed = {
            "node_address": statement.excluded.node_address,
            "lease_end_time": func.greatest(statement.excluded.lease_end_time, EDGE_NODES.c.lease_end_time),
        }
        await self._connection.execute(statement.on_conflict_do_update(constraint="edge_nodes_pkey", set_=renewed))

    async def seen(self, sightings: Sequence[Sighting]) -> None:
        if not sightings:
            return
        columns = CONNECTIONS.c
        statement = (
            update(CONNECTIONS)
            .where(columns.charge_point_id == bindparam("seen_id"), columns.epoch == bindparam("seen_epoch"), _IS_OPEN)
            .values(last_seen_time=bindparam("seen_time"))
        )
        ordered = sorted(sightings, key=lambda sighting: sighting.charge_point_id)
        rows = [
            {"seen_id": seen.charge_point_id, "seen_epoch": seen.epoch, "seen_time": seen.last_seen_time}
            for seen in ordered
        ]
        await self._connection.execute(statement, rows)

    async def find(self, charge_point_id: str, now: datetime) -> Connection | None:
        query = _living(now).where(CONNECTIONS.c.charge_point_id == charge_point_id)
        row = (await self._connection.execute(query)).first()
        return None if row is None else Connection(**row._mapping)

    async def page(self, page: PageRequest, now: datetime) -> Page[Connection]:
        rows = await fetch_page(self._connection, _living(now), (CONNECTIONS.c.charge_point_id,), page=page)
        return rows.map(lambda row: Connection(**{name: row._mapping[name] for name in Connection.__slots__}))


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
