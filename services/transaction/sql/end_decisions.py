"""What operators decided about the ends of transactions, in PostgreSQL."""

from collections.abc import Collection, Mapping

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.transaction.domain.ending import EndDecision
from services.transaction.tables import END_DECISIONS


class SqlEndDecisionRepository:
    """Satisfies ports.EndDecisionRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, decision: EndDecision) -> None:
        await self._connection.execute(insert(END_DECISIONS).values(decision._asdict()))

    async def of(self, transaction_ids: Collection[str]) -> Mapping[str, EndDecision]:
        if not transaction_ids:
            return {}
        query = select(END_DECISIONS).where(END_DECISIONS.c.transaction_id.in_(transaction_ids))
        return {row[0]: EndDecision(*row) for row in await self._connection.execute(query)}
