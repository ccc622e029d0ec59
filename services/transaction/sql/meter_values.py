"""Readings in PostgreSQL: many of them in one statement, each stored once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from services.kernel.ids import derived_id
from services.postgres.database import Database
from services.postgres.recordset import Recordset, array, quoted
from services.postgres.roundtrip import Statement
from services.postgres.writer_connection import WriterConnection
from services.transaction.domain.fact import Fact, TransactionEvent, transaction_id_of
from services.transaction.domain.places import LONGEST_TRANSACTION
from services.transaction.domain.reading import CONTEXTS, USUAL_CONTEXT, MeterReport, Placed, Reading
from services.transaction.domain.transaction import Transaction
from services.transaction.tables import METER_VALUES

_READINGS = Recordset(METER_VALUES)
_LETTER = _READINGS.letter_of
# Readings of the transactions that run; tells the transactions that do not.
_STORE = f"""
WITH reported AS (
    SELECT *, (SELECT state FROM transactions WHERE id = r.{_LETTER["transaction_id"]}) AS state
    FROM {_READINGS.relation}
), stored AS (
    INSERT INTO meter_values ({_READINGS.columns})
    SELECT {_READINGS.values} FROM reported AS r WHERE state = 'ACTIVE' ON CONFLICT DO NOTHING
)
SELECT DISTINCT {_LETTER["transaction_id"]}::text FROM reported WHERE state IS DISTINCT FROM 'ACTIVE'
""".encode()
_PLACED = Recordset(METER_VALUES, report="integer", report_time="timestamptz")
# Readings without a transaction: placed, each report as a whole, by connector and time.
_PLACING = f"""
WITH reported AS (
    SELECT r.*, transaction.*
    FROM {_PLACED.relation}
    LEFT JOIN LATERAL (
        SELECT t.id AS placed_id, t.ocpp_transaction_id AS called, t.state, t.stop_time
        FROM transactions AS t
        WHERE t.charge_point_id = r.{_LETTER["charge_point_id"]}
        AND t.start_time IS NOT NULL AND t.begin_time <= r.report_time
        AND CASE WHEN r.{_LETTER["evse_id"]} > 0 AND t.evse_id > 0 THEN t.evse_id = r.{_LETTER["evse_id"]}
            ELSE r.{_LETTER["connector_id"]} > 0 AND t.connector_id = r.{_LETTER["connector_id"]} END
        ORDER BY t.begin_time DESC LIMIT 1
    ) AS transaction ON transaction.state = 'ACTIVE' OR transaction.stop_time >= r.report_time
), stored AS (
    INSERT INTO meter_values ({_READINGS.columns})
    SELECT coalesce(r.placed_id, r.{_LETTER["transaction_id"]}), {_READINGS.values.split(", ", 1)[1]} FROM reported AS r
    WHERE (state IS NULL OR state = 'ACTIVE'){{more}} ON CONFLICT DO NOTHING
)
SELECT DISTINCT report, placed_id::text, called, state = 'ACTIVE' FROM reported WHERE placed_id IS NOT NULL
"""
_PLACE = _PLACING.format(more="").encode()
_UNLESS_KNOWN = f"""
    AND NOT EXISTS (
        SELECT FROM meter_values AS known
        WHERE known.transaction_id = coalesce(r.placed_id, r.{_LETTER["transaction_id"]})
        AND known.digest = r.{_LETTER["digest"]}
        AND known.sampled_time BETWEEN {{first}} AND {{last}}
    )"""
# Those of no time of their own may come again; the same a while later is another reading.
_PLACE_UNDATED = _PLACING.format(
    more=_UNLESS_KNOWN.format(first="r.report_time - interval '10 minutes'", last="r.report_time")
).encode()
# Those of a clock that is wrong may come again at another time of ours, by less than the most that one is corrected by.
_PLACE_CORRECTED = _PLACING.format(
    more=_UNLESS_KNOWN.format(first="r.report_time - interval '1 day'", last="r.report_time + interval '1 day'")
).encode()
READINGS_OF_FACTS = Recordset(METER_VALUES, fact="uuid")
"""Readings with the key of the fact that they came with."""
COLUMNS_THAT_MOVE = ", ".join(
    quoted(column.name)
    for column in METER_VALUES.columns
    if column.name not in ("transaction_id", "names_no_transaction")
)
"""What a reading keeps when it turns out to be of another transaction."""
# Readings outside of any transaction that are those of one after all. What it has already is only taken away outside.
_ADOPT = f"""
WITH moved AS (
    DELETE FROM meter_values AS m
    USING unnest(%s::uuid[], %s::uuid[], %s::timestamptz[], %s::timestamptz[])
        AS own (id, outside, begin_time, end_time)
    WHERE m.transaction_id = own.outside AND m.sampled_time BETWEEN own.begin_time AND own.end_time
    AND m.sampled_time >= '{{first}} UTC' AND m.sampled_time < '{{last}} 24:00 UTC'
    RETURNING own.id AS own_id, m.*
), stored AS (
    INSERT INTO meter_values (transaction_id, names_no_transaction, {COLUMNS_THAT_MOVE})
    SELECT own_id, true, {COLUMNS_THAT_MOVE} FROM moved ON CONFLICT DO NOTHING
)
SELECT count(*) FROM moved
"""

_UNNAMED, _NAMED = True, None
_CONTEXT_NUMBERS = {context: number for number, context in enumerate(CONTEXTS)} | {"": CONTEXTS.index(USUAL_CONTEXT)}
_Row = tuple[Any, ...]


class SqlMeterStore:
    """Satisfies ports.MeterStore. A transaction that another replica ends meanwhile is not missed: a charge point tells
    the end only after its readings were answered, and tells them again when they were not."""

    def __init__(self, database: Database) -> None:
        self._connection = WriterConnection(database, "events")

    async def store(self, reports: Sequence[MeterReport]) -> Sequence[Placed]:
        named: list[_Row] = []
        unnamed: defaultdict[bytes, list[_Row]] = defaultdict(list)
        for n, report in enumerate(reports):
            if report.ocpp_transaction_id:
                named += _named_rows(report)
            else:
                unnamed[_placing(report)] += _unnamed_rows(n, report)
        statements: list[Statement] = [(_STORE, (_READINGS.dump(named),))] if named else []
        statements += [(place, (_PLACED.dump(rows),)) for place, rows in unnamed.items()]
        async with self._connection.round_trips() as trips:
            found = await trips.run(*statements)
        not_running = {transaction_id for (transaction_id,) in found.pop(0)} if named else set[str]()
        placed = {n: Placed(*place) for rows in found for n, *place in rows}
        outside = Placed("", "", True)
        return [
            _placed(report, not_running) if report.ocpp_transaction_id else placed.get(n, outside)
            for n, report in enumerate(reports)
        ]

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()


def rows_of_facts(facts: Iterable[Fact]) -> list[_Row]:
    """The rows of READINGS_OF_FACTS."""
    return [
        (*_row(fact.transaction_id, fact.event, reading, naming), fact.key)
        for fact in facts
        for naming in [_UNNAMED if fact.event.names_no_transaction or fact.event.is_named_by_us else _NAMED]
        for reading in fact.event.readings
    ]


def adopting(transactions: Sequence[Transaction]) -> Statement:
    """The statement that gives transactions whose places are known what was read there in their time and is kept
    outside of any transaction, and its parameters; it tells how many readings those were."""
    own = [
        (transaction.id, outside, transaction.begin_time, end)
        for transaction in transactions
        for end in [transaction.last_time if transaction.is_over else transaction.begin_time + LONGEST_TRANSACTION]
        for outside in stand_in_ids(transaction.charge_point_id, transaction.evse_id, transaction.connector_id)
    ]
    ids, outsides, begins, ends = zip(*own, strict=True)
    # The days are part of the text: only their partitions are looked at.
    query = _ADOPT.format(first=min(begins).date(), last=max(ends).date())
    times = (array(time.isoformat() for time in side) for side in (begins, ends))
    return query.encode(), (array(ids), array(outsides), *times)


def _placing(report: MeterReport) -> bytes:
    """The statement that places the readings of a report that names no transaction."""
    if not report.is_dated:
        return _PLACE_UNDATED
    return _PLACE_CORRECTED if report.is_corrected else _PLACE


def _placed(report: MeterReport, not_running: set[str]) -> Placed:
    transaction_id = transaction_id_of(report.charge_point_id, report.ocpp_transaction_id)
    return Placed(transaction_id, report.ocpp_transaction_id, transaction_id not in not_running)


def _named_rows(report: MeterReport) -> Iterator[_Row]:
    transaction_id = transaction_id_of(report.charge_point_id, report.ocpp_transaction_id)
    return (_row(transaction_id, report, reading, _NAMED) for reading in report.readings)


def _unnamed_rows(position: int, report: MeterReport) -> Iterator[_Row]:
    stand_in = stand_in_id(report.charge_point_id, report.evse_id, report.connector_id)
    for reading in report.readings:
        yield *_row(stand_in, report, reading, _UNNAMED), position, report.readings[0].sampled_time


def _row(
    transaction_id: str, source: MeterReport | TransactionEvent, reading: Reading, names_no_transaction: bool | None
) -> _Row:
    return (
        transaction_id,
        reading.sampled_time,
        reading.digest,
        source.charge_point_id,
        source.evse_id,
        source.connector_id,
        source.received_time,
        source.seq_no,
        _CONTEXT_NUMBERS.get(reading.context, 0),
        reading.energy_wh,
        reading.power_w,
        reading.current_ma,
        reading.voltage_mv,
        reading.soc_percent,
        reading.power_offered_w,
        reading.other_json or None,
        names_no_transaction,
    )


@lru_cache(maxsize=10_000)
def stand_in_id(charge_point_id: str, evse_id: int, connector_id: int) -> str:
    """What stands for the transaction in readings outside of any."""
    return derived_id("readings of", charge_point_id, evse_id, connector_id)


def stand_in_ids(charge_point_id: str, evse_id: int, connector_id: int) -> list[str]:
    """All that may stand for the place of a transaction: some tell the EVSE of readings and not the connector."""
    places = dict.fromkeys([(evse_id, connector_id), (evse_id, 0)] if evse_id else [(0, connector_id)])
    return [stand_in_id(charge_point_id, *place) for place in places]
