"""Connections and the leases of edge nodes in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.pagination import Page, PageRequest
from services.postgres.keyset import fetch_page
from services.station.domain.connection import ClosedConnection, Connection
from services.station.tables import CONNECTIONS, EDGE_NODES

_IS_OPEN = CONNECTIONS.c.close_time.is_(None)


class SqlConnectionRepository:
    """Satisfies ports.ConnectionRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def abandoned(self, now: datetime, limit: int) -> Sequence[ClosedConnection]:
        alive = select(EDGE_NODES.c.node).where(EDGE_NODES.c.lease_end_time > now)
        query = select(CONNECTIONS.c.charge_point_id, CONNECTIONS.c.epoch).where(
            _IS_OPEN, CONNECTIONS.c.node.not_in(alive)
        )
        rows = await self._connection.execute(query.order_by(CONNECTIONS.c.charge_point_id).limit(limit))
        return [ClosedConnection(**row._mapping, reason="the lease of its edge node ran out") for row in rows]

    async def forget_nodes(self, before: datetime) -> None:
        await self._connection.execute(delete(EDGE_NODES).where(EDGE_NODES.c.lease_end_time < before))

    async def next_lease_end(self, now: datetime) -> datetime | None:
        ends = EDGE_NODES.c.lease_end_time
        time: datetime | None = await self._connection.scalar(select(func.min(ends)).where(ends > now))
        return time

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
