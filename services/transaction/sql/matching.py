"""Matchings in PostgreSQL: transactions with their facts read back, and facts that move from one transaction to
another."""

from collections import defaultdict, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from services.kernel.tenancy import as_platform
from services.messaging.outbox import OutboxRelay
from services.postgres.database import Database
from services.postgres.recordset import array, names_of, quoted
from services.postgres.roundtrip import RoundTrips
from services.postgres.writer_connection import WriterConnection
from services.transaction.domain.batch import Needs
from services.transaction.domain.fact import Authorization, EventKind, Fact, TransactionEvent
from services.transaction.domain.matching import Known, Move, Span
from services.transaction.domain.places import LONGEST_TRANSACTION, same_place
from services.transaction.domain.ranks import is_concluded
from services.transaction.domain.reading import USUAL_CONTEXT, Reading
from services.transaction.domain.recording import Outcome
from services.transaction.domain.registers import Registers
from services.transaction.domain.transaction import Transaction
from services.transaction.mapping.recording import METER_TRIGGERS
from services.transaction.sql.meter_values import COLUMNS_THAT_MOVE, stand_in_ids
from services.transaction.sql.recording import SqlRecording, storing
from services.transaction.sql.transaction_rows import TRANSACTION_COLUMNS, transaction_of
from services.transaction.tables import TRANSACTION_EVENTS

# More than any charge point has in some weeks; looking at more would hold up everybody else.
_MOST_TRANSACTIONS = 5_000
# Clocks that show a year that was are not wrong by more.
_CLOCK = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)
_LOOSE = "t.state = 'ORPHAN' OR t.flags && '{orphan_stop,matched_stop}'::text[]"
_TRANSACTIONS = (
    f"SELECT {TRANSACTION_COLUMNS}, {_LOOSE} FROM transactions AS t"
    " WHERE t.charge_point_id = %s AND t.begin_time BETWEEN %s AND %s ORDER BY t.begin_time LIMIT %s"
).encode()
_FACT_NAMES = names_of(TRANSACTION_EVENTS.columns)
_FACT_COLUMNS = ", ".join(
    f"e.{quoted(name)}::text" if name in ("transaction_id", "key") else f"e.{quoted(name)}" for name in _FACT_NAMES
)
# The readings that came with a fact were received with it; of them all the highest register says enough.
_FACTS = f"""
SELECT {_FACT_COLUMNS}, t.ocpp_transaction_id, (
    SELECT max(m.energy_wh) FROM meter_values AS m
    WHERE m.transaction_id = e.transaction_id AND m.received_time = e.received_time
    AND m.sampled_time BETWEEN %s AND %s
)
FROM transaction_events AS e JOIN transactions AS t ON t.id = e.transaction_id
WHERE e.transaction_id = ANY (%s::uuid[])
-- Clocks without a battery tell of 1970, and are corrected by as many years.
AND (e.device_time BETWEEN %s AND %s OR e.device_time < '2015-01-01 UTC')
""".encode()
_TAKE_OUT_FACT = b"DELETE FROM transaction_events WHERE transaction_id = %s AND device_time = %s AND key = %s"
# What moves is where it belongs by a conclusion, not by its name. How many leave is told, not how many arrive: what was
# stored in both before is concluded from in the one that it leaves as well.
_MOVE_READINGS = f"""
WITH moved AS (
    DELETE FROM meter_values AS m
    WHERE transaction_id = %s AND sampled_time BETWEEN %s AND %s{{more}} RETURNING *
), stored AS (
    INSERT INTO meter_values (transaction_id, names_no_transaction, {COLUMNS_THAT_MOVE})
    SELECT %s, true, {COLUMNS_THAT_MOVE} FROM moved ON CONFLICT DO NOTHING
)
SELECT count(*) FROM moved
"""
_MOVE_READINGS_OF_FACT = _MOVE_READINGS.format(more=" AND received_time = %s").encode()
_MOVE_READINGS_RECEIVED_BEFORE = _MOVE_READINGS.format(more=" AND received_time < %s").encode()
_MOVE_READINGS_OF_TIME = _MOVE_READINGS.format(more="").encode()
_MOVE_UNNAMED_READINGS_OF_TIME = _MOVE_READINGS.format(more=" AND names_no_transaction").encode()
# But those that came with an end: they belong where it does.
_MOVE_UNNAMED_READINGS_BESIDE_ENDS = _MOVE_READINGS.format(
    more="""
    AND names_no_transaction AND NOT EXISTS (
        SELECT FROM transaction_events AS e
        WHERE e.transaction_id = m.transaction_id AND e.received_time = m.received_time AND e.kind = 'ENDED'
        AND (e.device_time BETWEEN %s AND %s OR e.device_time < '2015-01-01 UTC')
    )"""
).encode()


class SqlMatchings:
    """Satisfies ports.MatchingUnitsOfWork, one at a time."""

    def __init__(self, database: Database, relay: OutboxRelay) -> None:
        # Few come, and what they ask of the partitions by day is planned best with the days at hand.
        self._connection = WriterConnection(database, "transactions", plans_once=False)
        self._relay = relay

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator["SqlMatching"]:
        # An operator may ask for a look, but the writer's connection is the platform's.
        with as_platform():
            async with self._connection.round_trips() as trips:
                # What is asked beside round trips is planned anew each time: only with the times at hand are the
                # partitions of other days left alone.
                yield SqlMatching(trips)
        self._relay.wake()

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()


class SqlMatching:
    """Satisfies ports.MatchingUnitOfWork."""

    def __init__(self, trips: RoundTrips) -> None:
        self._connection = trips.connection
        # Locks and commits are those of a recording.
        self._recording = SqlRecording(trips, deque())

    async def known(self, charge_point_id: str, span: Span) -> Sequence[Known]:
        await self._recording.load(Needs(charge_point_ids={charge_point_id}))
        cursor = await self._connection.execute(_TRANSACTIONS, (charge_point_id, *span, _MOST_TRANSACTIONS))
        rows = await cursor.fetchall()
        if len(rows) == _MOST_TRANSACTIONS:
            return []
        transactions = [transaction_of(row[:-1]) for row in rows]
        facts = await self._facts([row[0] for row in rows if row[-1]], span)
        return [Known(transaction, facts[transaction.id]) for transaction in transactions]

    async def move(self, moves: Sequence[Move]) -> None:
        for fact, source in moves:
            event = fact.event
            await self._connection.execute(_TAKE_OUT_FACT, (source, event.device_time, fact.key))
            times = (event.corrected_time - LONGEST_TRANSACTION, event.corrected_time + _CLOCK)
            asked = (source, *times, event.received_time, fact.transaction_id)
            await self._moved(_MOVE_READINGS_OF_FACT, asked)
        # The readings are there; the one that a fact was loaded with only stands for them.
        bare = [replace(fact, event=replace(fact.event, readings=())) for fact, _ in moves]
        await self._connection.execute(*storing(bare))

    async def adopt_readings(self, transactions: Sequence[Transaction]) -> set[str]:
        changed = await self._part_with_readings(transactions)
        for transaction in transactions:
            outside = stand_in_ids(transaction.charge_point_id, transaction.evse_id, transaction.connector_id)
            end = transaction.stop_time or transaction.begin_time + LONGEST_TRANSACTION
            others = [
                other.id for other in transactions if other.id != transaction.id and same_place(other, transaction)
            ]
            for source in (*outside, *others):
                # What another one was told at the moment in which this one began is its own, and what it was told by
                # its name: then a clock is wrong, and both seem to have run at once.
                is_outside = source in outside
                begin = transaction.begin_time + (timedelta() if is_outside else _MICROSECOND)
                move = _MOVE_READINGS_OF_TIME if is_outside else _MOVE_UNNAMED_READINGS_OF_TIME
                if await self._moved(move, (source, begin, end, transaction.id)):
                    changed |= {transaction.id, source}
        return changed

    async def _part_with_readings(self, transactions: Sequence[Transaction]) -> set[str]:
        """Put aside what was read after the ends of transactions and was given to them while these were unknown: what
        was received before anything of them, and so cannot have named them, and what named none. The ids of those that
        lost some."""
        changed: set[str] = set()
        for transaction in transactions:
            if transaction.stop_time is None:
                continue
            outside, *_ = stand_in_ids(transaction.charge_point_id, transaction.evse_id, transaction.connector_id)
            after = (transaction.stop_time + _MICROSECOND, transaction.stop_time + LONGEST_TRANSACTION)
            asked = (transaction.id, *after, transaction.create_time, outside)
            parted = await self._moved(_MOVE_READINGS_RECEIVED_BEFORE, asked)
            # A concluded end says less of when it was over than a reading does.
            if not is_concluded(transaction.stop_rank):
                window = (transaction.stop_time - _CLOCK, transaction.stop_time + LONGEST_TRANSACTION)
                parted += await self._moved(
                    _MOVE_UNNAMED_READINGS_BESIDE_ENDS, (transaction.id, *after, *window, outside)
                )
            if parted:
                changed.add(transaction.id)
        return changed

    async def _moved(self, move: bytes, asked: Sequence[Any]) -> int:
        """Move readings; how many left where they were."""
        [[left]] = await (await self._connection.execute(move, asked)).fetchall()
        return int(left)

    async def registers(self, transactions: Sequence[Transaction]) -> Mapping[str, Registers]:
        return await self._recording.registers(transactions)

    async def commit(self, outcome: Outcome, facts: Sequence[Fact]) -> set[str]:
        return await self._recording.commit(outcome, facts)

    async def _facts(self, transaction_ids: Sequence[str], span: Span) -> Mapping[str, list[Fact]]:
        """All facts of transactions, by transaction."""
        found: defaultdict[str, list[Fact]] = defaultdict(list)
        if transaction_ids:
            times = (span.first - _CLOCK, span.last + _CLOCK)
            asked = (*times, array(transaction_ids), *times)
            cursor = await self._connection.execute(_FACTS, asked)
            for row in await cursor.fetchall():
                fact = _fact_of(row)
                found[fact.transaction_id].append(fact)
        return found


def _fact_of(row: Sequence[Any]) -> Fact:
    """The fact in a row of _FACTS. Its readings are stored apart: one, the highest, stands for all."""
    *values, called, highest_wh = row
    fields = dict(zip(_FACT_NAMES, values, strict=True))
    transaction_id, key, estimated = fields.pop("transaction_id"), fields.pop("key"), fields.pop("estimated")
    authorization = fields["authorization"]
    decision = None if authorization is None else Authorization(authorization)
    readings = () if highest_wh is None else (_highest(fields["corrected_time"], highest_wh),)
    event = TransactionEvent(
        **{
            **fields,
            "kind": EventKind(fields["kind"]),
            "authorization": decision,
            "flags": tuple(fields["flags"]),
            "dropped_json": fields["dropped_json"] or "",
            "readings": readings,
            "is_mere_reading": bool(readings) and _is_mere_reading(fields),
        }
    )
    return Fact(
        key=key,
        transaction_id=transaction_id,
        ocpp_transaction_id=called,
        authorization=decision,
        authorization_reason=event.authorization_reason,
        event=event,
        estimated=estimated,
    )


def _highest(time: Any, energy_wh: int) -> Reading:
    return Reading(time, 0, USUAL_CONTEXT, energy_wh)


def _is_mere_reading(fields: Mapping[str, Any]) -> bool:
    """Whether a fact told readings and nothing else; see mapping.recording, which decides it of a message."""
    said = ("id_tag", "token_type", "charging_state", "flags", "meter_wh", "remote_start_id", "reservation_id")
    return (
        fields["kind"] == EventKind.UPDATED
        and fields["trigger_reason"] in METER_TRIGGERS
        and fields["device_time"] == fields["corrected_time"]
        and not any(fields[name] or fields[name] == 0 for name in said)
    )
