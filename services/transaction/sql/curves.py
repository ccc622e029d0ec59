"""The readings of transactions for their curves: of many transactions in one statement, of each a bounded number."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from services.postgres.database import bare
from services.postgres.recordset import array, text_array
from services.transaction.domain.curve import Samples
from services.transaction.domain.transaction import Transaction
from services.transaction.sql.registers import MAX_POWER

# A reading of a moment before its start or after its end may belong to a transaction.
_AROUND = timedelta(minutes=1)
# More readings than that are not looked at, at equal distances.
_MOST = 2_000
_COLUMNS = ("time", "context", "energy_wh", "power_w")
# The days are part of the text, so that the plan has their partitions and no others.
_SAMPLES = f"""
SELECT transaction.id::text, {MAX_POWER}, {{columns}}
FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[], %s::integer[], %s::text[], %s::integer[], %s::integer[])
    AS transaction (id, begin_time, end_time, step, charge_point_id, evse_id, connector_id)
CROSS JOIN LATERAL (
    SELECT {", ".join(f"json_agg({name} ORDER BY time)::text AS {name}s" for name in _COLUMNS)} FROM (
        SELECT DISTINCT ON (bucket, context) floor(date_part('epoch', sampled_time))::bigint AS time, context,
            energy_wh, power_w, floor(date_part('epoch', sampled_time))::bigint / transaction.step AS bucket
        FROM meter_values
        WHERE transaction_id = transaction.id AND sampled_time BETWEEN transaction.begin_time AND transaction.end_time
        AND sampled_time >= '{{first}} UTC' AND sampled_time < '{{last}} 24:00 UTC'
        AND (energy_wh IS NOT NULL OR power_w IS NOT NULL)
        ORDER BY bucket, context, energy_wh IS NULL, sampled_time, digest
    ) AS m
) AS readings
"""


async def samples(
    connection: AsyncConnection, transactions: Sequence[Transaction], now: datetime
) -> Mapping[str, tuple[Samples, int | None]]:
    """See ports.TransactionRepository."""
    if not transactions:
        return {}
    begins = [transaction.begin_time - _AROUND for transaction in transactions]
    ends = [max(transaction.begin_time, transaction.stop_time or now) + _AROUND for transaction in transactions]
    query = _SAMPLES.format(
        columns=", ".join(f"readings.{name}s" for name in _COLUMNS), first=min(begins).date(), last=max(ends).date()
    )
    steps = [max(1, (end - begin) // timedelta(seconds=_MOST)) for begin, end in zip(begins, ends, strict=True)]
    cursor = await (await bare(connection)).execute(
        query.encode(),
        (
            array(transaction.id for transaction in transactions),
            *(array(time.isoformat() for time in side) for side in (begins, ends)),
            array(steps),
            text_array(transaction.charge_point_id for transaction in transactions),
            array(transaction.evse_id for transaction in transactions),
            array(transaction.connector_id for transaction in transactions),
        ),
    )
    return {name: (Samples(*map(_column, columns)), power) for name, power, *columns in await cursor.fetchall()}


def _column(text: str | None) -> list[Any]:
    column: list[Any] = orjson.loads(text) if text else []
    return column
