"""Recordings in PostgreSQL: what changes transactions, in few round trips per batch."""

from collections import defaultdict, deque
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from services.messaging import outbox
from services.postgres.database import Database
from services.postgres.recordset import Recordset, array, text_array
from services.postgres.roundtrip import Rows, Statement
from services.postgres.writer_connection import WriterConnection
from services.transaction.domain.batch import Kept, Needs, StrayEnd
from services.transaction.domain.fact import Fact
from services.transaction.domain.ranks import ESTIMATE, UNDATED
from services.transaction.domain.reading import LastRead
from services.transaction.domain.recording import Outcome
from services.transaction.domain.registers import Registers
from services.transaction.domain.repetition import FirstReport
from services.transaction.domain.transaction import Transaction
from services.transaction.mapping.events import event_to_proto
from services.transaction.sql.meter_values import READINGS_OF_FACTS as READINGS
from services.transaction.sql.meter_values import adopting, rows_of_facts
from services.transaction.sql.registers import Runs, completed, reading_registers, registers_of
from services.transaction.sql.running import noting_running
from services.transaction.sql.transaction_rows import (
    TRANSACTION_COLUMNS,
    UPSERT_TRANSACTIONS,
    dump_transactions,
    transaction_of,
)
from services.transaction.tables import NUMBERS_AT_ONCE, TRANSACTION_EVENTS

_BEGIN: Statement = (b"BEGIN", ())
_COMMIT: Statement = (b"COMMIT", ())
# Locks on charge points and tokens, not on rows: they also cover the transactions that do not exist yet, and cost no
# write. In the order of their keys, so that two replicas never wait for each other.
CHARGE_POINT_LOCKS = 1
"""What pg_locks calls the class of the locks on charge points."""
_CHARGE_POINT, _TOKEN, _GROUP = CHARGE_POINT_LOCKS << 32, 2 << 32, 3 << 32
_LOCK = b"SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS key"
_OF = f"SELECT {TRANSACTION_COLUMNS} FROM transactions AS t WHERE"
_BY_ID = f"{_OF} t.id = ANY (%s::uuid[])"
_BY_START = f"{_OF} t.start_key = ANY (%s::uuid[])"
# As arrays, which leave the planner no other way than by the ids.
_RUNNING_AT = f"{_OF} t.id = ANY (ARRAY(SELECT id FROM running_transactions WHERE charge_point_id = ANY (%s::text[])))"
_WITH_TOKEN = (
    f"{_OF} t.id = ANY (ARRAY(SELECT id FROM running_transactions WHERE id_tag <> '' AND id_tag = ANY (%s::text[])))"
    " AND t.begin_time > now() - interval '2 days'"
)
_WITH_GROUP = (
    f"{_OF} t.id = ANY (ARRAY("
    "SELECT id FROM running_transactions WHERE group_id <> '' AND group_id = ANY (%s::text[])))"
    " AND t.begin_time > now() - interval '2 days'"
)
# For starts that come late: the transactions that began after them, and those that such a one was held to have
# replaced.
_AROUND_STARTS = f"""
SELECT {TRANSACTION_COLUMNS} FROM unnest(%s::text[], %s::timestamptz[]) AS start (charge_point_id, time)
CROSS JOIN LATERAL (
    (SELECT * FROM transactions AS later
     WHERE later.charge_point_id = start.charge_point_id AND later.begin_time >= start.time
     ORDER BY later.begin_time LIMIT 20)
    UNION ALL
    (SELECT * FROM transactions AS before
     WHERE before.charge_point_id = start.charge_point_id AND before.begin_time < start.time
     AND before.stop_rank >= '{ESTIMATE}' AND before.stop_time > start.time
     ORDER BY before.begin_time DESC LIMIT 20)
) AS t
""".encode()
# What a status may be about: the transactions that began before it.
_BEFORE = f"""
SELECT {TRANSACTION_COLUMNS} FROM unnest(%s::text[], %s::timestamptz[]) AS report (charge_point_id, time)
CROSS JOIN LATERAL (
    SELECT * FROM transactions AS before
    WHERE before.charge_point_id = report.charge_point_id
    AND before.begin_time BETWEEN report.time - interval '7 days' AND report.time
    ORDER BY before.begin_time DESC LIMIT 30
) AS t
""".encode()
# For starts without a time, which may have been told before: the last transactions of a day, if nobody told their end.
_SILENT = f"""
SELECT {TRANSACTION_COLUMNS} FROM unnest(%s::text[], %s::timestamptz[]) AS start (charge_point_id, time)
CROSS JOIN LATERAL (
    SELECT * FROM transactions AS silent
    WHERE silent.charge_point_id = start.charge_point_id
    AND silent.begin_time BETWEEN start.time - interval '1 day' AND start.time
    AND silent.state = 'ENDED' AND silent.stop_rank = '' AND NOT EXISTS (
        SELECT FROM transactions AS later
        WHERE later.charge_point_id = silent.charge_point_id AND later.begin_time > silent.begin_time
        AND later.connector_id = silent.connector_id AND later.start_time IS NOT NULL
    )
    ORDER BY silent.begin_time DESC LIMIT 20
) AS t
""".encode()
_RUN_ANYTHING = b"SELECT DISTINCT charge_point_id FROM running_transactions WHERE charge_point_id = ANY (%s::text[])"
_CANDIDATES = (
    f"{_RUNNING_AT} UNION ALL {_OF} t.state <> 'ACTIVE' AND t.charge_point_id = ANY (%s::text[])"
    " AND t.stop_rank = ANY (%s::text[])"
).encode()
# Ends without a date are not found by their ranks, in which their times are.
_CANDIDATES_UNDATED = (
    f"{_OF} t.charge_point_id = ANY (%s::text[]) AND t.begin_time > now() - interval '8 days'"
    f" AND t.state <> 'ACTIVE' AND t.stop_rank >= '{UNDATED}' AND t.stop_rank < '{int(UNDATED) + 1}'"
).encode()
# Those that lie in a transaction by a rule or by what an operator said, whatever their clocks were corrected by then.
_KEPT = """
SELECT asked.key::text, t.id::text, t.ocpp_transaction_id
FROM unnest(%s::text[], %s::uuid[], %s::timestamptz[], %s::timestamptz[])
    AS asked (charge_point_id, key, device_time, corrected_time)
JOIN transactions AS t ON t.charge_point_id = asked.charge_point_id
    AND t.begin_time BETWEEN asked.corrected_time - interval '8 days' AND asked.corrected_time + interval '1 day'
    AND t.flags && '{{orphan_stop,matched_stop,assigned_stop}}'::text[]
JOIN transaction_events AS e
    ON e.transaction_id = t.id AND e.device_time = asked.device_time AND e.key = asked.key
WHERE e.device_time >= '{first} UTC' AND e.device_time < '{last} 24:00 UTC'
ORDER BY t.start_time IS NOT NULL
"""
_REPEATED_WITHIN = timedelta(minutes=10)
_FIRST_REPORTS = """
SELECT e.transaction_id::text, e.device_time, e.key::text
FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[]) AS asked (id, since, until)
JOIN transaction_events AS e ON e.transaction_id = asked.id AND e.device_time BETWEEN asked.since AND asked.until
WHERE e.kind = 'UPDATED' AND e.device_time >= '{first} UTC' AND e.device_time < '{last} 24:00 UTC'
"""
# Of the readings of a transaction the last.
_LAST_READ = """
SELECT transaction.id::text, last.* FROM unnest(%s::uuid[]) AS transaction (id)
CROSS JOIN LATERAL (
    SELECT sampled_time, received_time FROM meter_values
    WHERE transaction_id = transaction.id AND sampled_time >= '{first} UTC' AND sampled_time < '{last} 24:00 UTC'
    ORDER BY sampled_time DESC LIMIT 1
) AS last
"""
_HIGHEST = """
SELECT max(energy_wh) FROM meter_values
WHERE transaction_id = %s::uuid AND sampled_time >= '{first} UTC' AND sampled_time < '{last} 24:00 UTC'
"""
_NUMBERS = b"SELECT nextval('transaction_numbers') FROM generate_series(1, %s::integer)"
_FACTS = Recordset(TRANSACTION_EVENTS)
_INSERT_FACTS = (
    f"INSERT INTO transaction_events ({_FACTS.columns}) SELECT {_FACTS.values} FROM {_FACTS.relation}"
    " ON CONFLICT DO NOTHING RETURNING key"
)
_STORE_FACTS = f"{_INSERT_FACTS}::text".encode()
# The readings of a fact that is there already are there as well, perhaps with another correction of their times.
_STORE_FACTS_AND_READINGS = f"""
WITH fresh AS ({_INSERT_FACTS}), readings AS (
    INSERT INTO meter_values ({READINGS.columns})
    SELECT {READINGS.values} FROM {READINGS.relation} JOIN fresh ON fresh.key = r.fact ON CONFLICT DO NOTHING
)
SELECT key::text FROM fresh
""".encode()
# How far around a transaction it is looked for readings of it.
_AROUND = timedelta(days=1)


class SqlRecordings:
    """Satisfies ports.RecordingUnitsOfWork, one recording at a time."""

    def __init__(self, database: Database, relay: outbox.OutboxRelay) -> None:
        self._connection = WriterConnection(database, "events")
        self._relay = relay
        self._numbers: deque[int] = deque()

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator["SqlRecording"]:
        async with self._connection.round_trips() as trips:
            recording = SqlRecording(trips, self._numbers)
            yield recording
        if recording.has_events:
            self._relay.wake()

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()


class SqlRecording:
    """Satisfies ports.RecordingWork."""

    def __init__(self, trips: Runs, numbers: deque[int]) -> None:
        self._trips = trips
        self._numbers = numbers
        self.has_events = False

    async def running_at(self, charge_point_ids: Collection[str]) -> Collection[str]:
        [rows] = await self._trips.run((_RUN_ANYTHING, (text_array(charge_point_ids),)))
        return {name for (name,) in rows}

    async def load(self, needs: Needs) -> tuple[Sequence[Transaction], Iterator[int]]:
        statements = [_BEGIN, (_LOCK, (array(_lock_keys(needs)),)), *_queries(needs)]
        missing = needs.new_numbers - len(self._numbers)
        if missing > 0:
            statements.append((_NUMBERS, (str(-(-missing // NUMBERS_AT_ONCE)),)))
        _, _, *found = await self._trips.run(*statements)
        if missing > 0:
            for (first,) in found.pop():
                self._numbers.extend(range(first, first + NUMBERS_AT_ONCE))
        return [transaction_of(row) for rows in found for row in rows], iter(self._numbers.popleft, None)

    async def candidates(self, ends: Sequence[StrayEnd]) -> tuple[Sequence[Transaction], Mapping[str, Kept]]:
        charge_point_ids = text_array(end.charge_point_id for end in ends)
        stop_ranks = text_array(end.rank for end in ends)
        statements = [_keeping(ends), (_CANDIDATES, (charge_point_ids, charge_point_ids, stop_ranks))]
        if undated := [end.charge_point_id for end in ends if end.rank.startswith(UNDATED)]:
            statements.append((_CANDIDATES_UNDATED, (text_array(undated),)))
        kept, *found = await self._trips.run(*statements)
        return [transaction_of(row) for rows in found for row in rows], {key: Kept(*place) for key, *place in kept}

    async def first_reports(self, updates: Sequence[tuple[str, datetime]]) -> Mapping[str, Sequence[FirstReport]]:
        transaction_ids, untils = zip(*updates, strict=True)
        sinces = [until - _REPEATED_WITHIN for until in untils]
        query = _FIRST_REPORTS.format(first=min(sinces).date(), last=max(untils).date())
        times = (array(time.isoformat() for time in side) for side in (sinces, untils))
        [rows] = await self._trips.run((query.encode(), (array(transaction_ids), *times)))
        found: defaultdict[str, list[FirstReport]] = defaultdict(list)
        for transaction_id, time, key in rows:
            found[transaction_id].append(FirstReport(time, key))
        return found

    async def last_read(
        self, transaction_ids: Sequence[str], since: datetime, until: datetime
    ) -> Mapping[str, LastRead]:
        query = _LAST_READ.format(first=since.date(), last=until.date()).encode()
        [rows] = await self._trips.run((query, (array(transaction_ids),)))
        return {transaction_id: LastRead(*times) for transaction_id, *times in rows}

    async def highest_register(self, transaction: Transaction, until: datetime) -> int | None:
        query = _HIGHEST.format(first=(transaction.begin_time - _AROUND).date(), last=until.date()).encode()
        [[(highest_wh,)]] = await self._trips.run((query, (transaction.id,)))
        registers_wh = [wh for wh in (highest_wh, transaction.meter_last_wh) if wh is not None]
        return max(registers_wh, default=None)

    async def store(
        self, facts: Sequence[Fact], over: Sequence[Transaction]
    ) -> tuple[set[str], Mapping[str, Registers]]:
        fresh, found = await self._trips.run(storing(facts), reading_registers(over))
        return _keys(fresh), await completed(self._trips, over, registers_of(found))

    async def adopt_from_outside(self, transactions: Sequence[Transaction]) -> int:
        [[(moved,)]] = await self._trips.run(adopting(transactions))
        return int(moved)

    async def registers(self, transactions: Sequence[Transaction]) -> Mapping[str, Registers]:
        """Those of transactions, among all stored readings."""
        [found] = await self._trips.run(reading_registers(transactions))
        return await completed(self._trips, transactions, registers_of(found))

    async def commit(self, outcome: Outcome, facts: Sequence[Fact]) -> set[str]:
        statements: list[Statement] = [storing(facts)] if facts else []
        if outcome.transactions:
            statements.append((UPSERT_TRANSACTIONS, (dump_transactions(outcome.transactions),)))
        if outcome.events:
            self.has_events = True
            messages = [event_to_proto(event, event.transaction.update_time) for event in outcome.events]
            statements += [*noting_running([event.transaction for event in outcome.events]), outbox.appending(messages)]
        fresh, *_ = await self._trips.run(*statements, _COMMIT)
        return _keys(fresh) if facts else set()


def _keys(rows: Rows) -> set[str]:
    return {key for (key,) in rows}


def storing(facts: Sequence[Fact]) -> Statement:
    """The statement that stores facts with their readings, and its parameters."""
    rows = _FACTS.dump(map(_fact_row, facts))
    readings = rows_of_facts(facts)
    return (_STORE_FACTS_AND_READINGS, (rows, READINGS.dump(readings))) if readings else (_STORE_FACTS, (rows,))


def _keeping(ends: Sequence[StrayEnd]) -> Statement:
    """The statement that tells where those of the ends that were told before are kept, and its parameters."""
    keys, device_times, corrected_times = zip(
        *((end.key, end.device_time.isoformat(), end.corrected_time.isoformat()) for end in ends), strict=True
    )
    days = [end.device_time.date() for end in ends]
    query = _KEPT.format(first=min(days), last=max(days))
    charge_point_ids = text_array(end.charge_point_id for end in ends)
    return query.encode(), (charge_point_ids, *map(array, (keys, device_times, corrected_times)))


def _lock_keys(needs: Needs) -> list[int]:
    """One key for each thing to be locked. That two things may share one costs a wait, no more."""
    keys = {_CHARGE_POINT + crc32(name.encode()) for name in needs.charge_point_ids}
    keys.update(_TOKEN + crc32(name.encode()) for name in needs.tokens)
    keys.update(_GROUP + crc32(name.encode()) for name in needs.groups)
    return sorted(keys)


def _queries(needs: Needs) -> Iterator[Statement]:
    """One query for all by which transactions are found, and one for each time that hardly any batch asks about."""
    ways = (
        (_BY_ID, array(needs.transaction_ids)),
        (_BY_START, array(needs.start_keys)),
        (_RUNNING_AT, text_array(needs.running_at)),
        (_WITH_TOKEN, text_array(needs.tokens)),
        (_WITH_GROUP, text_array(needs.groups)),
    )
    taken = [(query, values) for query, values in ways if values != "{}"]
    if taken:
        queries, parameters = zip(*taken, strict=True)
        yield " UNION ALL ".join(queries).encode(), parameters
    for query, asked in ((_AROUND_STARTS, needs.around), (_BEFORE, needs.before), (_SILENT, needs.silent)):
        if asked:
            charge_point_ids, times = zip(*asked, strict=True)
            yield query, (text_array(charge_point_ids), array(time.isoformat() for time in times))


def _fact_row(fact: Fact) -> tuple[Any, ...]:
    event = fact.event
    return (
        fact.transaction_id,
        event.device_time,
        fact.key,
        event.ocpp_transaction_id,
        event.charge_point_id,
        event.epoch,
        event.kind,
        event.protocol,
        event.evse_id,
        event.connector_id,
        event.id_tag,
        event.token_type,
        fact.authorization,
        fact.authorization_reason,
        event.driver_id,
        event.group_id,
        event.station_id,
        event.received_time,
        event.corrected_time,
        event.seq_no,
        event.offline,
        event.trigger_reason,
        event.charging_state,
        event.stop_reason,
        event.meter_wh,
        event.remote_start_id,
        event.reservation_id,
        event.flags,
        fact.estimated,
        event.dropped_json or None,
        event.tenant_id,
    )
