"""Transactions in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.monitoring.domain.live_reading import SessionKey
from services.monitoring.domain.transaction import Authorization, Transaction, TransactionState
from services.monitoring.sql.locks import Locks, Rung
from services.monitoring.tables import TRANSACTIONS
from services.postgres.gathering import fetch, put_off
from services.postgres.recordset import Recordset, array, text_array, texts, upsert

_IS_RUNNING = TRANSACTIONS.c.state == TransactionState.ACTIVE
_NAMES = list(Transaction._fields)
_TRANSACTIONS = Recordset(TRANSACTIONS, columns=_NAMES)
_COLUMNS = [TRANSACTIONS.c[name] for name in _NAMES]
_FOR_UPDATE = f"""
SELECT {texts(_COLUMNS, "t")} FROM transactions AS t WHERE t.id = ANY (%s::uuid[]) ORDER BY t.id FOR UPDATE
""".encode()
_NAMED = f"""
SELECT {texts(_COLUMNS, "t")} FROM unnest(%s::text[], %s::text[]) AS requested (charge_point_id, ocpp_transaction_id)
JOIN transactions AS t USING (charge_point_id, ocpp_transaction_id) ORDER BY t.id FOR UPDATE OF t
""".encode()
_CHANGED = ["id", "power_w", "power_time", "metered_wh"]
_METERED = Recordset(TRANSACTIONS, columns=_CHANGED)
_metered = attrgetter(*_CHANGED)
_SET_METERED = f"""
UPDATE transactions AS t SET ({_METERED.columns}) = ROW ({_METERED.values}) FROM {_METERED.relation}
WHERE t.id = r.{_METERED.letter_of["id"]}
""".encode()
_STORE = upsert(TRANSACTIONS, _TRANSACTIONS, "transactions_pkey")


class SqlTransactionRepository:
    """Satisfies ports.TransactionRepository within one transaction."""

    def __init__(self, connection: AsyncConnection, locks: Locks) -> None:
        self._connection = connection
        self._locks = locks

    async def lock(self, transaction_ids: Collection[str]) -> Mapping[str, Transaction]:
        if not transaction_ids:
            return {}
        await self._locks.turn(Rung.SESSION_TURN)
        self._locks.reach(Rung.TRANSACTIONS)
        found = await fetch(self._connection, _FOR_UPDATE, array(transaction_ids))
        return {row[0]: _transaction(row) for row in found}

    async def store(self, transactions: Sequence[Transaction]) -> None:
        if transactions:
            await put_off(self._connection, _STORE, _TRANSACTIONS.dump(transactions))

    async def named(self, keys: Collection[SessionKey]) -> Sequence[Transaction]:
        if not keys:
            return []
        self._locks.reach(Rung.TRANSACTIONS)
        charge_points, names = (text_array(values) for values in zip(*keys, strict=True))
        return [_transaction(row) for row in await fetch(self._connection, _NAMED, charge_points, names)]

    async def set_metered(self, transactions: Sequence[Transaction]) -> None:
        if transactions:
            await put_off(self._connection, _SET_METERED, _METERED.dump(map(_metered, transactions)))

    async def running_at(self, station_ids: Collection[str]) -> Sequence[Transaction]:
        columns = TRANSACTIONS.c
        query = select(*_COLUMNS).where(columns.station_id.in_(station_ids), _IS_RUNNING)
        found = await self._connection.execute(query.order_by(columns.start_time, columns.id))
        return [_transaction(row) for row in found]

    async def powers_at(self, station_ids: Collection[str], since: datetime) -> Mapping[str, int]:
        columns = TRANSACTIONS.c
        query = (
            select(columns.station_id, func.sum(columns.power_w).label("power_w"))
            .where(columns.station_id.in_(station_ids), _IS_RUNNING, columns.power_time >= since)
            .group_by(columns.station_id)
        )
        return {row.station_id: int(row.power_w or 0) for row in await self._connection.execute(query)}

    async def latest_update(self) -> datetime | None:
        latest: datetime | None = await self._connection.scalar(select(func.max(TRANSACTIONS.c.update_time)))
        return latest


def _transaction(row: Sequence[Any]) -> Transaction:
    *plain, state, decision, metered_wh, doubt, energy_doubt, tenant_id = row
    authorization = Authorization(decision) if decision else None
    rest = (metered_wh, doubt, energy_doubt, tenant_id)
    return Transaction._make((*plain, TransactionState(state), authorization, *rest))
