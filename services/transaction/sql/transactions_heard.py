"""What is known of transactions beside their rows: of which nothing is heard, and how they charged."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.pagination import Page, PageRequest
from services.postgres.keyset import COUNTED_UP_TO, fetch_page
from services.transaction.domain.transaction import Transaction
from services.transaction.domain.transaction_view import ChargingStateChange
from services.transaction.sql.transaction_rows import TRANSACTION_COLUMNS, transaction_of
from services.transaction.tables import TRANSACTION_EVENTS

# Readings that are told late were taken no longer ago; nor do they wait longer for their transaction.
_LATEST = timedelta(days=30)
_MOST_CHANGES = 1_000
_FIRST_ID = "00000000-0000-0000-0000-000000000000"
_SILENT = text(f"""
SELECT {TRANSACTION_COLUMNS} FROM running_transactions AS r JOIN transactions AS t ON t.id = r.id
WHERE t.id > CAST(:after AS uuid) AND greatest(t.create_time, t.begin_time, t.heard_time) < :since
AND NOT EXISTS (
    SELECT FROM meter_values AS m
    WHERE m.transaction_id = t.id AND greatest(m.received_time, m.sampled_time) >= :since AND m.sampled_time >= :oldest
)
ORDER BY t.id LIMIT :limit
""")
_RUNNING = text(f"""
SELECT {TRANSACTION_COLUMNS} FROM running_transactions AS r JOIN transactions AS t ON t.id = r.id
WHERE r.charge_point_id = ANY (:charge_point_ids)
""")


async def silent(connection: AsyncConnection, since: datetime, after: str, limit: int) -> Sequence[Transaction]:
    """The transactions that run and of which nothing was heard since that time."""
    asked = {"since": since, "after": after or _FIRST_ID, "oldest": since - _LATEST, "limit": limit}
    return [transaction_of(row) for row in await connection.execute(_SILENT, asked)]


async def running_at(connection: AsyncConnection, charge_point_ids: Collection[str]) -> Sequence[Transaction]:
    """The transactions that run at charge points."""
    return [
        transaction_of(row) for row in await connection.execute(_RUNNING, {"charge_point_ids": list(charge_point_ids)})
    ]


async def remote_start_ids(connection: AsyncConnection, transaction: Transaction) -> frozenset[int]:
    """The numbers of remote starts that were told with a transaction."""
    columns = TRANSACTION_EVENTS.c
    query = select(columns.remote_start_id).where(
        columns.transaction_id == transaction.id, columns.remote_start_id.is_not(None), *_days_of([transaction])
    )
    return frozenset(await connection.scalars(query.distinct()))


async def charging_states(
    connection: AsyncConnection, transaction: Transaction, page: PageRequest
) -> Page[ChargingStateChange]:
    """One page of what was told of how a transaction charged, in the order of time."""
    columns = TRANSACTION_EVENTS.c
    query = select(columns.corrected_time, columns.charging_state).where(
        columns.transaction_id == transaction.id, columns.charging_state != "", *_days_of([transaction])
    )
    if transaction.stop_time is not None:
        # What was told while its end was not known may be of a time after it.
        query = query.where(columns.corrected_time <= transaction.stop_time)
    key = (columns.corrected_time, columns.key)
    rows = await fetch_page(connection, query, key, page=page, count_up_to=COUNTED_UP_TO)
    return rows.map(lambda row: ChargingStateChange(row.corrected_time, row.charging_state))


async def changes_of_state(
    connection: AsyncConnection, transactions: Sequence[Transaction]
) -> dict[str, list[ChargingStateChange]]:
    """How transactions charged, by id: of several states in a row that are the same the first."""
    columns = TRANSACTION_EVENTS.c
    before = func.lag(columns.charging_state).over(
        partition_by=columns.transaction_id, order_by=(columns.corrected_time, columns.key)
    )
    heard = (
        select(columns.transaction_id, columns.corrected_time, columns.charging_state, before.label("before"))
        .where(
            columns.transaction_id.in_([transaction.id for transaction in transactions]),
            columns.charging_state != "",
            *_days_of(transactions),
        )
        .subquery()
    )
    changed = select(heard).where(heard.c.before.is_distinct_from(heard.c.charging_state))
    found: dict[str, list[ChargingStateChange]] = {}
    ends = {transaction.id: transaction.stop_time for transaction in transactions}
    for transaction_id, time, state, _ in await connection.execute(
        changed.order_by(heard.c.transaction_id, heard.c.corrected_time)
    ):
        changes, end = found.setdefault(transaction_id, []), ends[transaction_id]
        if len(changes) < _MOST_CHANGES and (end is None or time <= end):
            changes.append(ChargingStateChange(time, state))
    return {transaction_id: changes for transaction_id, changes in found.items() if changes}


def _days_of(transactions: Sequence[Transaction]) -> tuple[ColumnElement[bool], ...]:
    """The days of the facts of transactions, by which other partitions are left out; wrong clocks have told of any
    day."""
    first = min(transaction.begin_time for transaction in transactions) - timedelta(days=1)
    is_odd = TRANSACTION_EVENTS.c.device_time < datetime(2015, 1, 1, tzinfo=UTC)
    return ((TRANSACTION_EVENTS.c.device_time >= first) | is_odd,)
