"""What callers read of transactions, each in one round trip: no unit of work is begun for it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from services.kernel.ids import is_id
from services.kernel.pagination import Head, Page, PageRequest
from services.kernel.tenancy import as_platform
from services.postgres.keyset import COUNTED_UP_TO
from services.postgres.listing import Asks, Condition, Listing
from services.postgres.recordset import array, text_array, texts
from services.postgres.roundtrip import Statement
from services.postgres.sql_text import written
from services.transaction.domain.ending import EndDecision
from services.transaction.domain.ranks import ENDED_BY_OPERATOR
from services.transaction.domain.registers import NO_REGISTERS, Registers
from services.transaction.domain.sequence import SequenceGap
from services.transaction.domain.transaction import Transaction, TransactionState
from services.transaction.domain.transaction_view import Latest, TransactionFilter
from services.transaction.sql.registers import COLUMNS_OF_READINGS, MAX_POWER, numbers_of
from services.transaction.sql.sequence_gaps import GAP_COLUMNS, gap_of
from services.transaction.sql.transaction_rows import transaction_of
from services.transaction.tables import END_DECISIONS, TRANSACTIONS

# Readings are looked for this far around a transaction.
_AROUND = timedelta(days=1)
_PARTLY_INDEXED = ("station_id", "driver_id", "id_tag")
# How many readings back the newest power and state of charge are looked for: what no reading ever tells would have all
# of a transaction's read, for each transaction of a page.
_NEWEST_READINGS = 50
# From so many registers at either end the energy of a running transaction is told: enough to know what they mean.
_FIRST_REGISTERS, _LAST_REGISTERS = 2, 8

_COLUMNS = texts(TRANSACTIONS.c, "transactions")
_WIDTH = len(TRANSACTIONS.c)
# PostgreSQL writes another xmin with each change of a row.
_HEADS = "transactions.id::text, transactions.xmin::text"
_BY_CHANGE, _HEADS_BY_CHANGE = (
    Listing(columns, "transactions", (TRANSACTIONS.c.update_time, TRANSACTIONS.c.id), count_up_to=COUNTED_UP_TO)
    for columns in (_COLUMNS, _HEADS)
)
_SOME = f"SELECT {_HEADS}, {_COLUMNS} FROM transactions WHERE id = ANY (%s::uuid[])".encode()
_ONE = f"SELECT {_COLUMNS} FROM transactions WHERE id = %s".encode()
_DECISIONS = f"SELECT {texts(END_DECISIONS.c)} FROM end_decisions WHERE transaction_id = ANY (%s::uuid[])".encode()
_GAPS = (
    f"SELECT {texts(GAP_COLUMNS)} FROM sequence_gaps WHERE transaction_id = ANY (%s::uuid[]) AND healed_time IS NULL"
).encode()
_READINGS = (
    "SELECT sampled_time, {column} FROM meter_values WHERE transaction_id = transaction.id"
    " AND sampled_time BETWEEN transaction.begin_time AND transaction.end_time{{days}}{condition}"
    " ORDER BY sampled_time {direction} LIMIT {limit}"
)


def _newest(column: str) -> str:
    """Of the newest reading of a transaction that tells `column`."""
    readings = _READINGS.format(column=column, condition="", direction="DESC", limit=_NEWEST_READINGS)
    return f"SELECT {column} FROM ({readings}) AS near WHERE {column} IS NOT NULL ORDER BY sampled_time DESC LIMIT 1"


def _registers(name: str, direction: str, limit: int) -> str:
    """Joins to each transaction as `name` the columns of its registers nearest to one end."""
    readings = _READINGS.format(
        column="context, energy_wh", condition=" AND energy_wh IS NOT NULL", direction=direction, limit=limit
    )
    columns = COLUMNS_OF_READINGS.format(column="energy_wh")
    return f" CROSS JOIN LATERAL (SELECT {columns} FROM ({readings}) AS near) AS {name} (times, contexts, energies)"


_OF_RUNNING = (
    "SELECT transaction.id::text, first.times, first.contexts, first.energies,"
    f" last.times, last.contexts, last.energies, {MAX_POWER}, ({_newest('power_w')}), ({_newest('soc_percent')})"
    " FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::integer[], %s::integer[])"
    " AS transaction (id, begin_time, end_time, charge_point_id, evse_id, connector_id)"
    + _registers("first", "ASC", _FIRST_REGISTERS)
    + _registers("last", "DESC", _LAST_REGISTERS)
)
# Of a transaction that is over only the state of charge is asked for: its energy is settled, its power gone.
_OF_ENDED = (
    "SELECT transaction.id::text, charge.soc_percent FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[])"
    f" AS transaction (id, begin_time, end_time) CROSS JOIN LATERAL ({_newest('soc_percent')}) AS charge"
)
# The days are part of the text, not parameters: by them the partitions of other days are left out of its plan.
_FROM_DAY, _UNTIL_DAY = " AND sampled_time >= '{} UTC'", " AND sampled_time < '{} 24:00 UTC'"


class SqlTransactionReads:
    """Satisfies ports.TransactionReads."""

    def __init__(self, readers: Asks) -> None:
        self._readers = readers
        self._newest_first, self._heads_newest_first = (
            Listing(
                columns,
                "transactions",
                (TRANSACTIONS.c.begin_time, TRANSACTIONS.c.id),
                descending=True,
                count_up_to=COUNTED_UP_TO,
                only_grows=True,
            )
            for columns in (_COLUMNS, _HEADS)
        )

    async def page(self, narrowing: TransactionFilter, page: PageRequest) -> Page[Transaction]:
        since = narrowing.update_time_from
        listing = self._newest_first if since is None else _BY_CHANGE
        rows = await listing.fetch(self._readers, _conditions(narrowing), page, since=since)
        # Behind the columns of the table comes the key of a page.
        return rows.map(lambda row: transaction_of(row[:_WIDTH]))

    async def heads(self, narrowing: TransactionFilter, page: PageRequest) -> Page[Head]:
        since = narrowing.update_time_from
        listing = self._heads_newest_first if since is None else _HEADS_BY_CHANGE
        rows = await listing.fetch(self._readers, _conditions(narrowing), page, since=since)
        return rows.map(lambda row: Head(row[0], row[1]))

    async def find(self, transaction_id: str) -> Transaction | None:
        if not is_id(transaction_id):
            return None
        [rows] = await self._readers.ask((_ONE, (transaction_id,)))
        return transaction_of(rows[0]) if rows else None

    async def with_ids(self, transaction_ids: Sequence[str]) -> Sequence[tuple[Head, Transaction]]:
        [rows] = await self._readers.ask((_SOME, (array(transaction_ids),)))
        return [(Head(*row[:2]), transaction_of(row[2:])) for row in rows]

    async def belongings(
        self, transactions: Sequence[Transaction]
    ) -> tuple[Mapping[str, Latest], Mapping[str, EndDecision], Mapping[str, SequenceGap]]:
        if not transactions:
            return {}, {}, {}
        running = [one for one in transactions if one.stop_time is None]
        ended = [one for one in transactions if one.stop_time is not None]
        decided = [one.id for one in transactions if ENDED_BY_OPERATOR in one.flags]
        # Gaps are found once it is over.
        numbered = [one.id for one in ended if not one.is_ocpp_16]
        statements = [
            *([_of_running(running)] if running else []),
            *([_of_ended(ended)] if ended else []),
            *([(_DECISIONS, (array(decided),))] if decided else []),
            *([(_GAPS, (array(numbered),))] if numbered else []),
        ]
        # They were found, so their tenant is known to be the caller's. Else the database would look up the transaction
        # of each of their readings to see whose it is: thrice the work.
        with as_platform():
            answers = iter(await self._readers.ask(*statements))
        latest: dict[str, Latest] = {}
        for transaction_id, *columns, max_power_w, power_w, soc_percent in next(answers) if running else ():
            latest[transaction_id] = Latest(_registers_of(columns, max_power_w), power_w, soc_percent)
        for transaction_id, soc_percent in next(answers) if ended else ():
            latest[transaction_id] = Latest(soc_percent=soc_percent)
        decisions = {row[0]: EndDecision(*row) for row in (next(answers) if decided else ())}
        return latest, decisions, {row[0]: gap_of(row) for row in (next(answers) if numbered else ())}


def _of_running(transactions: Sequence[Transaction]) -> Statement:
    now = datetime.now(UTC)
    begins = [transaction.begin_time - _AROUND for transaction in transactions]
    # Of those that run there are partitions of a week ahead, which would all be looked through for each.
    ends = [max(transaction.last_time, now) + _AROUND for transaction in transactions]
    parameters = (
        array(transaction.id for transaction in transactions),
        array(map(written, begins)),
        array(map(written, ends)),
        text_array(transaction.charge_point_id for transaction in transactions),
        array(transaction.evse_id for transaction in transactions),
        array(transaction.connector_id for transaction in transactions),
    )
    days = _FROM_DAY.format(min(begins).date()) + _UNTIL_DAY.format(max(ends).date())
    return _OF_RUNNING.format(days=days).encode(), parameters


def _of_ended(transactions: Sequence[Transaction]) -> Statement:
    begins = [transaction.begin_time - _AROUND for transaction in transactions]
    ends = [transaction.stop_time + _AROUND for transaction in transactions if transaction.stop_time is not None]
    days = _FROM_DAY.format(min(begins).date()) + _UNTIL_DAY.format(max(ends).date())
    ids = array(transaction.id for transaction in transactions)
    return _OF_ENDED.format(days=days).encode(), (ids, array(map(written, begins)), array(map(written, ends)))


def _registers_of(columns: Sequence[str | None], max_power_w: int | None) -> Registers:
    """The registers at both ends, which may be the same ones."""
    if not any(columns):
        return NO_REGISTERS
    numbers = list(map(numbers_of, columns))
    both = {*zip(*numbers[:3], strict=True), *zip(*numbers[3:], strict=True)}
    times, contexts, energies_wh = (
        (list(column) for column in zip(*sorted(both), strict=True)) if both else ([], [], [])
    )
    return Registers(times, contexts, energies_wh, max_power_w)


def _conditions(narrowing: TransactionFilter) -> Iterator[Condition]:
    for name in ("charge_point_id", "station_id", "id_tag", "driver_id", "state"):
        if value := getattr(narrowing, name):
            # What an index of some rows holds is said in these words; the planner concludes it from no parameter.
            partly = f" AND transactions.{name} <> ''" if name in _PARTLY_INDEXED else ""
            yield f"transactions.{name} = %s{partly}", (value,)
    if narrowing.state is TransactionState.ACTIVE:
        yield from _running(narrowing.charge_point_id)
    if narrowing.start_time_from:
        yield "transactions.begin_time >= %s", (written(narrowing.start_time_from),)
    if narrowing.start_time_to:
        yield "transactions.begin_time < %s", (written(narrowing.start_time_to),)
    if narrowing.ids:
        yield "transactions.id = ANY (%s::uuid[])", (array([one for one in narrowing.ids if is_id(one)]),)
    if narrowing.update_time_from:
        yield "transactions.update_time >= %s", (written(narrowing.update_time_from),)


def _running(charge_point_id: str) -> Iterator[Condition]:
    there = " WHERE charge_point_id = %s" if charge_point_id else ""
    parameters = (charge_point_id,) if charge_point_id else ()
    yield f"transactions.id IN (SELECT id FROM running_transactions{there})", parameters
