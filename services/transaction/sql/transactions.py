"""Transactions and their readings in PostgreSQL, as they are read."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.ids import is_id
from services.kernel.pagination import Page, PageRequest
from services.postgres.keyset import fetch_page
from services.transaction.domain.curve import Samples
from services.transaction.domain.lookout import Bookmark, Contest, Late, Suspect
from services.transaction.domain.reading import CONTEXTS, Reading
from services.transaction.domain.transaction import Transaction
from services.transaction.domain.transaction_view import ChargingStateChange
from services.transaction.sql import curves, lookout, transactions_heard
from services.transaction.sql.transaction_rows import transaction_of
from services.transaction.tables import METER_VALUES, TRANSACTIONS


class SqlTransactionRepository:
    """Satisfies ports.TransactionRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, transaction_id: str) -> Transaction | None:
        if not is_id(transaction_id):
            return None
        query = select(TRANSACTIONS).where(TRANSACTIONS.c.id == transaction_id)
        row = (await self._connection.execute(query)).first()
        return None if row is None else transaction_of(row)

    async def with_ids(self, transaction_ids: Collection[str]) -> Sequence[Transaction]:
        known = [transaction_id for transaction_id in transaction_ids if is_id(transaction_id)]
        query = select(TRANSACTIONS).where(TRANSACTIONS.c.id.in_(known))
        return [transaction_of(row) for row in await self._connection.execute(query)]

    async def samples(
        self, transactions: Sequence[Transaction], now: datetime
    ) -> Mapping[str, tuple[Samples, int | None]]:
        return await curves.samples(self._connection, transactions, now)

    async def readings(self, transaction_id: str, page: PageRequest) -> Page[Reading]:
        columns = METER_VALUES.c
        query = select(METER_VALUES).where(columns.transaction_id == transaction_id)
        rows = await fetch_page(self._connection, query, (columns.sampled_time, columns.digest), page=page)
        return rows.map(_reading)

    async def suspects(self, since: datetime, after: str, limit: int) -> Sequence[Suspect]:
        return await lookout.suspects(self._connection, since, after, limit)

    async def late(self, since: datetime, after: str, limit: int) -> tuple[Sequence[Late], str]:
        return await lookout.late(self._connection, since, after, limit)

    async def contested(self, after: Bookmark, limit: int) -> tuple[Sequence[Contest], Bookmark]:
        return await lookout.contested(self._connection, after, limit)

    async def silent(self, since: datetime, after: str, limit: int) -> Sequence[Transaction]:
        return await transactions_heard.silent(self._connection, since, after, limit)

    async def running_at(self, charge_point_ids: Collection[str]) -> Sequence[Transaction]:
        return await transactions_heard.running_at(self._connection, charge_point_ids)

    async def remote_start_ids(self, transaction: Transaction) -> Collection[int]:
        return await transactions_heard.remote_start_ids(self._connection, transaction)

    async def charging_states(self, transaction: Transaction, page: PageRequest) -> Page[ChargingStateChange]:
        return await transactions_heard.charging_states(self._connection, transaction, page)

    async def changes_of_state(
        self, transactions: Sequence[Transaction]
    ) -> Mapping[str, Sequence[ChargingStateChange]]:
        return await transactions_heard.changes_of_state(self._connection, transactions) if transactions else {}


def _reading(row: Row[Any]) -> Reading:
    fields = row._mapping
    return Reading(
        **{
            **{name: fields[name] for name in Reading._fields},
            "context": CONTEXTS[fields["context"]],
            "other_json": fields["other_json"] or "",
        }
    )
