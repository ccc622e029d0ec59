"""What operators decided about the ends of transactions, in PostgreSQL."""

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.transaction.domain.ending import EndDecision
from services.transaction.tables import END_DECISIONS


class SqlEndDecisionRepository:
    """Satisfies ports.EndDecisionRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, decision: EndDecision) -> None:
        await self._connection.execute(insert(END_DECISIONS).values(decision._asdict()))
