"""The registers of transactions among their stored readings: of many transactions in one statement."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import orjson

from services.postgres.recordset import array, text_array
from services.postgres.roundtrip import Rows, Statement
from services.transaction.domain.registers import Registers
from services.transaction.domain.transaction import Transaction

# Readings are looked for this far around a transaction; one without a start may have begun long before its end.
_AROUND, _LONG_BEFORE = timedelta(days=1), timedelta(days=7)
# Of more than that, those in the middle are not looked at.
_FIRST, _LAST = 1_000, 500

COLUMNS_OF_READINGS = (
    "array_agg(floor(date_part('epoch', sampled_time))::bigint)::text,"
    " array_agg(context)::text, array_agg({column})::text"
)
# What is known of the power where a transaction takes place.
MAX_POWER = (
    "(SELECT max(p.max_power_w) FROM connector_powers AS p WHERE p.charge_point_id = transaction.charge_point_id"
    " AND CASE WHEN transaction.evse_id > 0 THEN p.evse_id = transaction.evse_id"
    " ELSE transaction.connector_id IN (0, p.connector_id) END)"
)
# The days are part of the text, not parameters: so the plan, made once for each text, has the partitions of these days
# and no others. Nearly all batches of a day have the same ones.
_READINGS = f"""
SELECT transaction.id::text, readings.*, {{more}}
FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::integer[], %s::integer[])
    AS transaction (id, begin_time, end_time, charge_point_id, evse_id, connector_id)
CROSS JOIN LATERAL (
    SELECT {COLUMNS_OF_READINGS} FROM (
        SELECT sampled_time, context, {{column}} FROM meter_values
        WHERE transaction_id = transaction.id AND sampled_time BETWEEN transaction.begin_time AND transaction.end_time
        AND sampled_time >= '{{first}} UTC' AND sampled_time < '{{last}} 24:00 UTC' AND {{column}} IS NOT NULL
        ORDER BY sampled_time {{direction}}, digest {{direction}} LIMIT {{limit}}
    ) AS m
) AS readings
"""


class Runs(Protocol):
    """What runs statements: those of one call in one round trip, if it can."""

    async def run(self, *statements: Statement) -> list[Rows]: ...


def reading_registers(transactions: Sequence[Transaction]) -> Statement:
    """The statement that finds the registers of transactions, and its parameters."""
    return _reading(transactions, "energy_wh", more=MAX_POWER)


def registers_of(rows: Iterable[Sequence[Any]]) -> dict[str, Registers]:
    """What that statement found, by transaction."""
    return {
        transaction_id: Registers(numbers_of(times), numbers_of(contexts), numbers_of(energies_wh), max_power_w)
        for transaction_id, times, contexts, energies_wh, max_power_w in rows
    }


async def completed(
    trips: Runs, transactions: Sequence[Transaction], found: dict[str, Registers]
) -> Mapping[str, Registers]:
    """`found`, with what it takes another round trip to ask for: the last registers of transactions that have very
    many, and the power of those that have told too few."""
    long = [transaction for transaction in transactions if len(found[transaction.id].times) == _FIRST]
    poor = [transaction for transaction in transactions if _tells_too_little(transaction, found[transaction.id])]
    statements = []
    if long:
        statements.append(_reading(long, "energy_wh", is_backwards=True, limit=_LAST))
    if poor:
        statements.append(_reading(poor, "power_w"))
    if not statements:
        return found
    answers = iter(await trips.run(*statements))
    for transaction_id, *columns, _ in next(answers) if long else ():
        found[transaction_id] = _joined(found[transaction_id], *(numbers_of(column)[::-1] for column in columns))
    for transaction_id, times, _, powers, _ in next(answers) if poor else ():
        known = found[transaction_id]
        found[transaction_id] = known._replace(power_times=numbers_of(times), powers_w=numbers_of(powers))
    return found


def numbers_of(text: str | None) -> list[int]:
    """The numbers of an array as PostgreSQL writes it; none of NULL, which is what an array of nothing is."""
    numbers: list[int] = orjson.loads(f"[{text[1:-1]}]") if text else []
    return numbers


def _reading(
    transactions: Sequence[Transaction],
    column: str,
    *,
    is_backwards: bool = False,
    limit: int = _FIRST,
    more: str = "NULL",
) -> Statement:
    starts, ends = zip(*map(_window, transactions), strict=True)
    query = _READINGS.format(
        column=column,
        more=more,
        first=min(starts).date(),
        last=max(ends).date(),
        direction="DESC" if is_backwards else "ASC",
        limit=limit,
    )
    return query.encode(), (
        array(transaction.id for transaction in transactions),
        *(array(time.isoformat() for time in side) for side in (starts, ends)),
        text_array(transaction.charge_point_id for transaction in transactions),
        array(transaction.evse_id for transaction in transactions),
        array(transaction.connector_id for transaction in transactions),
    )


def _tells_too_little(transaction: Transaction, registers: Registers) -> bool:
    count = (transaction.meter_start_wh is not None) + (transaction.meter_stop_wh is not None) + len(registers.times)
    return count < 2


def _joined(known: Registers, times: list[int], contexts: list[int], energies_wh: list[int]) -> Registers:
    """`known` with those of the later ones that come after."""
    behind = next((n for n, time in enumerate(times) if time > known.times[-1]), len(times))
    return known._replace(
        times=[*known.times, *times[behind:]],
        contexts=[*known.contexts, *contexts[behind:]],
        energies_wh=[*known.energies_wh, *energies_wh[behind:]],
    )


def _window(transaction: Transaction) -> tuple[datetime, datetime]:
    return transaction.begin_time - (
        _AROUND if transaction.start_time else _LONG_BEFORE
    ), transaction.last_time + _AROUND
