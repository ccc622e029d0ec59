"""What is missing of transactions by the numbers of their events, in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.transaction.domain.fact import OCPP_16
from services.transaction.domain.sequence import SequenceGap
from services.transaction.domain.transaction import Transaction
from services.transaction.sql.transaction_rows import TRANSACTION_COLUMNS, transaction_of
from services.transaction.tables import SEQUENCE_GAPS

_COLUMNS = SEQUENCE_GAPS.c
GAP_COLUMNS = (
    *(_COLUMNS.transaction_id, _COLUMNS.charge_point_id, _COLUMNS.tenant_id, _COLUMNS.begin_time, _COLUMNS.missing),
    *(_COLUMNS.found_time, _COLUMNS.look_time, _COLUMNS.looks, _COLUMNS.asked_time, _COLUMNS.messages_in_queue),
    _COLUMNS.healed_time,
)
"""What to select for `gap_of`; the id as text."""
_NAMES = tuple(column.name for column in GAP_COLUMNS)
_FIRST_ID = "00000000-0000-0000-0000-000000000000"
# Wrong clocks have told of any day: what is stamped so is looked for as well.
_ODD = datetime(2015, 1, 1, tzinfo=UTC)
_ENDED = text(f"""
SELECT {TRANSACTION_COLUMNS} FROM transactions AS t
WHERE t.update_time >= :since AND t.update_time < :until AND t.id > CAST(:after AS uuid)
AND t.stop_time IS NOT NULL AND t.state <> 'MERGED' AND t.protocol <> '{OCPP_16}'
AND NOT EXISTS (SELECT FROM sequence_gaps AS known WHERE known.transaction_id = t.id)
ORDER BY t.id LIMIT :limit
""")
# What mere readings are numbered by is kept with them.
_REPORTED = """
CROSS JOIN LATERAL (
    SELECT seq_no FROM transaction_events WHERE transaction_id = {id} AND ({events})
    UNION ALL
    SELECT seq_no FROM meter_values WHERE transaction_id = {id} AND ({readings})
) AS reported
"""
_NUMBERS = text(f"""
SELECT asked.id::text, array_agg(DISTINCT reported.seq_no) FROM unnest(CAST(:ids AS uuid[])) AS asked (id)
{
    _REPORTED.format(
        id="asked.id",
        events="device_time >= :first OR device_time < :odd",
        readings="sampled_time >= :first OR sampled_time < :odd",
    )
}
WHERE reported.seq_no IS NOT NULL GROUP BY asked.id
""")
# Those that began long before are not looked for: their numbers are of another time.
_NUMBERS_BESIDE = text(f"""
SELECT DISTINCT reported.seq_no FROM transactions AS own
JOIN transactions AS other ON other.charge_point_id = own.charge_point_id AND other.id <> own.id
    AND other.begin_time BETWEEN own.begin_time - interval '7 days' AND coalesce(own.stop_time, own.begin_time)
    AND coalesce(other.stop_time, 'infinity') >= own.begin_time
{
    _REPORTED.format(
        id="other.id",
        events="device_time >= own.begin_time - interval '8 days'",
        readings="sampled_time >= own.begin_time - interval '8 days'",
    )
}
WHERE own.id = CAST(:id AS uuid) AND reported.seq_no IS NOT NULL
""")
_DUE = text(f"""
UPDATE sequence_gaps SET look_time = :until WHERE transaction_id IN (
    SELECT transaction_id FROM sequence_gaps WHERE look_time <= :now
    ORDER BY look_time LIMIT :limit FOR UPDATE SKIP LOCKED
)
RETURNING {", ".join("transaction_id::text" if name == "transaction_id" else name for name in _NAMES)}
""")


def gap_of(row: Sequence[Any]) -> SequenceGap:
    """The gap in a row of GAP_COLUMNS."""
    fields: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    return SequenceGap(**{**fields, "missing": tuple(fields["missing"])})


class SqlSequenceGapRepository:
    """Satisfies ports.SequenceGapRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def ended(self, since: datetime, until: datetime, after: str, limit: int) -> Sequence[Transaction]:
        asked = {"since": since, "until": until, "after": after or _FIRST_ID, "limit": limit}
        return [transaction_of(row) for row in await self._connection.execute(_ENDED, asked)]

    async def numbers(self, begin_times: Mapping[str, datetime]) -> Mapping[str, Collection[int]]:
        if not begin_times:
            return {}
        first = min(begin_times.values()) - timedelta(days=1)
        rows = await self._connection.execute(_NUMBERS, {"ids": list(begin_times), "first": first, "odd": _ODD})
        return {transaction_id: numbers for transaction_id, numbers in rows}

    async def numbers_beside(self, transaction_id: str) -> Collection[int]:
        return list(await self._connection.scalars(_NUMBERS_BESIDE, {"id": transaction_id}))

    async def due(self, now: datetime, until: datetime, limit: int) -> Sequence[SequenceGap]:
        rows = await self._connection.execute(_DUE, {"now": now, "until": until, "limit": limit})
        return [gap_of(row) for row in rows]

    async def keep(self, gap: SequenceGap) -> None:
        values = {name: getattr(gap, name) for name in _NAMES} | {"missing": list(gap.missing)}
        statement = insert(SEQUENCE_GAPS).values(values)
        changes = {name: statement.excluded[name] for name in _NAMES if name != "transaction_id"}
        await self._connection.execute(statement.on_conflict_do_update(constraint="sequence_gaps_pkey", set_=changes))
