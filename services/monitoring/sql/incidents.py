"""Incidents in PostgreSQL."""

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

    async def add(self, incident: Incident, since: datetime) -> int:
        await self._connection.execute(insert(INCIDENTS).values(asdict(incident)))
        columns = INCIDENTS.c
        lately = select(func.count()).where(
            columns.subject == incident.subject, columns.kind == incident.kind, columns.time > since
        )
        return int(await self._connection.scalar(lately) or 0)
