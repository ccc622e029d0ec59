"""Incidents in PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.monitoring.domain.rules import Incident
from services.monitoring.tables import INCIDENTS


class SqlIncidentRepository:
    """Satisfies ports.IncidentRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, incidents: Sequence[Incident], since: datetime) -> Mapping[str, int]:
        await self._connection.execute(insert(INCIDENTS), [asdict(incident) for incident in incidents])
        columns = INCIDENTS.c
        lately = (
            select(columns.subject, func.count().label("count"))
            .where(
                columns.subject.in_([incident.subject for incident in incidents]),
                columns.kind == incidents[0].kind,
                columns.time > since,
            )
            .group_by(columns.subject)
        )
        return {row.subject: row._mapping["count"] for row in await self._connection.execute(lately)}
