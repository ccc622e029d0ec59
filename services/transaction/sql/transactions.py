"""Transactions and their readings in PostgreSQL, as they are read."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.ids import is_id
from services.kernel.pagination import Page, PageRequest
from services.postgres.keyset import COUNTED_UP_TO, fetch_page
from services.postgres.recordset import array, text_array
from services.transaction.domain.curve import Samples
from services.transaction.domain.lookout import Bookmark, Contest, Late, Suspect
from services.transaction.domain.reading import CONTEXTS, Reading
from services.transaction.domain.registers import NO_REGISTERS, Registers
from services.transaction.domain.transaction import Transaction, TransactionState
from services.transaction.domain.transaction_view import ChargingStateChange, Latest, TransactionFilter
from services.transaction.sql import curves, lookout, transactions_heard
from services.transaction.sql.registers import COLUMNS_OF_READINGS, MAX_POWER, numbers_of
from services.transaction.sql.transaction_rows import transaction_of
from services.transaction.tables import METER_VALUES, RUNNING_TRANSACTIONS, TRANSACTIONS

# Readings are looked for this far around a transaction.
_AROUND = timedelta(days=1)
_PARTLY_INDEXED = ("station_id", "driver_id", "id_tag")
_FOREVER = datetime.max.replace(tzinfo=UTC)
# How many readings back the newest power and state of charge are looked for: what no reading ever tells would have all
# of a transaction's read, for each transaction of a page.
_NEWEST_READINGS = 50
# From so many registers at either end the energy of a running transaction is told: enough to know what they mean.
_FIRST_REGISTERS, _LAST_REGISTERS = 2, 8
_READINGS = (
    "SELECT sampled_time, {column} FROM meter_values WHERE transaction_id = transaction.id"
    " AND sampled_time BETWEEN transaction.begin_time AND transaction.end_time AND sampled_time BETWEEN :begin AND :end"
    " AND {condition} ORDER BY sampled_time {direction} LIMIT {limit}"
)


def _newest(name: str, column: str, condition: str) -> str:
    """Joins to each transaction as `name` its newest reading that tells `column`."""
    readings = _READINGS.format(column=column, condition=condition, direction="DESC", limit=_NEWEST_READINGS)
    return (
        f" LEFT JOIN LATERAL (SELECT {column} FROM ({readings}) AS near"
        f" WHERE {column} IS NOT NULL ORDER BY sampled_time DESC LIMIT 1) AS {name} ON true"
    )


def _registers(name: str, direction: str, limit: int) -> str:
    """Joins to each running transaction as `name` the columns of its registers nearest to one end."""
    readings = _READINGS.format(
        column="context, energy_wh",
        condition="transaction.is_running AND energy_wh IS NOT NULL",
        direction=direction,
        limit=limit,
    )
    columns = COLUMNS_OF_READINGS.format(column="energy_wh")
    return f" CROSS JOIN LATERAL (SELECT {columns} FROM ({readings}) AS near) AS {name} (times, contexts, energies)"


# Of a transaction that is over only the state of charge is asked for: its energy is settled, its power gone.
_LATEST = text(
    "SELECT transaction.id::text, first.times, first.contexts, first.energies,"
    " last.times, last.contexts, last.energies,"
    f" CASE WHEN transaction.is_running THEN {MAX_POWER} END, power.power_w, charge.soc_percent"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[]),"
    " CAST(:running AS boolean[]), CAST(:charge_points AS text[]), CAST(:evses AS integer[]),"
    " CAST(:connectors AS integer[]))"
    " AS transaction (id, begin_time, end_time, is_running, charge_point_id, evse_id, connector_id)"
    + _registers("first", "ASC", _FIRST_REGISTERS)
    + _registers("last", "DESC", _LAST_REGISTERS)
    + _newest("power", "power_w", "transaction.is_running")
    + _newest("charge", "soc_percent", "true")
)


class SqlTransactionRepository:
    """Satisfies ports.TransactionRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, narrowing: TransactionFilter, page: PageRequest) -> Page[Transaction]:
        columns = TRANSACTIONS.c
        by_change = narrowing.update_time_from is not None
        key = (columns.update_time, columns.id) if by_change else (columns.begin_time, columns.id)
        query = select(TRANSACTIONS).where(*_conditions(narrowing))
        rows = await fetch_page(
            self._connection,
            query,
            key,
            page=page,
            descending=not by_change,
            count_up_to=COUNTED_UP_TO,
            since=narrowing.update_time_from,
        )
        return rows.map(_transaction)

    async def find(self, transaction_id: str) -> Transaction | None:
        if not is_id(transaction_id):
            return None
        query = select(TRANSACTIONS).where(TRANSACTIONS.c.id == transaction_id)
        row = (await self._connection.execute(query)).first()
        return None if row is None else _transaction(row)

    async def with_ids(self, transaction_ids: Collection[str]) -> Sequence[Transaction]:
        known = [transaction_id for transaction_id in transaction_ids if is_id(transaction_id)]
        query = select(TRANSACTIONS).where(TRANSACTIONS.c.id.in_(known))
        return [_transaction(row) for row in await self._connection.execute(query)]

    async def samples(
        self, transactions: Sequence[Transaction], now: datetime
    ) -> Mapping[str, tuple[Samples, int | None]]:
        return await curves.samples(self._connection, transactions, now)

    async def latest(self, transactions: Sequence[Transaction]) -> Mapping[str, Latest]:
        if not transactions:
            return {}
        begins = [transaction.begin_time - _AROUND for transaction in transactions]
        ends = [transaction.stop_time + _AROUND if transaction.stop_time else _FOREVER for transaction in transactions]
        # The bounds of all, once more: by them the partitions of other days are left out when it is planned.
        asked = {
            "ids": array(transaction.id for transaction in transactions),
            "begins": array(time.isoformat() for time in begins),
            "ends": array(time.isoformat() for time in ends),
            "running": array(str(transaction.stop_time is None) for transaction in transactions),
            "charge_points": text_array(transaction.charge_point_id for transaction in transactions),
            "evses": array(transaction.evse_id for transaction in transactions),
            "connectors": array(transaction.connector_id for transaction in transactions),
            "begin": min(begins),
            "end": max(ends),
        }
        rows = await self._connection.execute(_LATEST, asked)
        return {
            transaction_id: Latest(_registers_of(columns, max_power_w), power, charge)
            for transaction_id, *columns, max_power_w, power, charge in rows
        }

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


def _registers_of(columns: Sequence[str | None], max_power_w: int | None) -> Registers:
    """The registers at both ends, which may be the same ones; none of a transaction that is over."""
    if not any(columns):
        return NO_REGISTERS
    numbers = list(map(numbers_of, columns))
    both = {*zip(*numbers[:3], strict=True), *zip(*numbers[3:], strict=True)}
    times, contexts, energies_wh = (
        (list(column) for column in zip(*sorted(both), strict=True)) if both else ([], [], [])
    )
    return Registers(times, contexts, energies_wh, max_power_w)


def _conditions(narrowing: TransactionFilter) -> Iterator[ColumnElement[bool]]:
    columns = TRANSACTIONS.c
    for name in ("charge_point_id", "station_id", "id_tag", "driver_id", "state"):
        if value := getattr(narrowing, name):
            yield columns[name] == value
            if name in _PARTLY_INDEXED:
                # What the index holds is said in these words; the planner does not conclude it from a parameter.
                yield columns[name] != literal_column("''")
    if narrowing.state is TransactionState.ACTIVE:
        running = select(RUNNING_TRANSACTIONS.c.id)
        if narrowing.charge_point_id:
            running = running.where(RUNNING_TRANSACTIONS.c.charge_point_id == narrowing.charge_point_id)
        yield columns.id.in_(running)
    if narrowing.start_time_from:
        yield columns.begin_time >= narrowing.start_time_from
    if narrowing.start_time_to:
        yield columns.begin_time < narrowing.start_time_to
    if narrowing.ids:
        yield columns.id.in_([transaction_id for transaction_id in narrowing.ids if is_id(transaction_id)])
    if narrowing.update_time_from:
        yield columns.update_time >= narrowing.update_time_from


def _transaction(row: Row[Any]) -> Transaction:
    # Behind the columns of the table comes the key of a page.
    return transaction_of(row[: len(TRANSACTIONS.c)])


def _reading(row: Row[Any]) -> Reading:
    fields = row._mapping
    return Reading(
        **{
            **{name: fields[name] for name in Reading._fields},
            "context": CONTEXTS[fields["context"]],
            "other_json": fields["other_json"] or "",
        }
    )
