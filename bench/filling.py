"""Gives the tables of the transaction service a past: sessions with events, readings and journal, made by PostgreSQL.

Whole statements of SQL on the service's own tables; a column that this module does not know gets a plain value of its
type, so that the schema may grow. Nothing of it is measured.
"""

import asyncio
import shutil
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg

from bench.laboratory import PREFIX_OF
from services.postgres.database import Database
from services.postgres.partitions import maintain

READINGS_PER_SESSION = 30
FRAMES_PER_SESSION = READINGS_PER_SESSION + 2
ROWS_PER_SESSION = 1 + 2 + READINGS_PER_SESSION + FRAMES_PER_SESSION
PARTITIONED = ("transaction_events", "meter_values", "ocpp_messages")
TABLES = ("transactions", *PARTITIONED)
# What is written with sessions and has nothing of those that are over.
_FOLLOWING = ("running_transactions",)

_PAST_DAYS = 7
_SESSIONS_AT_ONCE = 500
_WORKERS = 2
_KEPT_FREE_BYTES = 8 << 30

# Half of the sessions of a week fall into its last day. None ended within the last hour: those are the measured ones.
_SESSIONS = """
SELECT gen_random_uuid() AS id, n, %(prefix)s || lpad((1 + floor(random() * %(chargers)s))::text, 5, '0') AS charger,
    now() - interval '2 hours' - CASE WHEN n %% 2 = 0 THEN random() * interval '22 hours'
    ELSE random() * interval '6 days' END AS begun
FROM generate_series(1, %(sessions)s) AS n
"""
_FRAME = """'[2,"' || lpad(to_hex(k), 8, '0') || '","MeterValues",{"connectorId":1,"transactionId":' || s.n
    || ',"meterValue":[{"timestamp":"2026-01-01T00:00:00.000Z","sampledValue":['
    || '{"value":"' || k * 183 || '","measurand":"Energy.Active.Import.Register","unit":"Wh"},'
    || '{"value":"11000","context":"Sample.Periodic","measurand":"Power.Active.Import","unit":"W"},'
    || '{"value":"15.942","context":"Sample.Periodic","measurand":"Current.Import","unit":"A"},'
    || '{"value":"230.0","context":"Sample.Periodic","measurand":"Voltage","unit":"V"}]}]}]'"""
_SENT = "s.begun + k * interval '1 minute'"

# What is known of columns, be they there or not, as SQL over a session `s` and the number `k` of a row within it.
_KNOWN: Mapping[str, Mapping[str, str]] = {
    "transactions": {
        "id": "s.id",
        "ocpp_transaction_id": "s.n::text",
        "charge_point_id": "s.charger",
        "evse_id": "1",
        "connector_id": "1",
        "id_tag": "s.charger",
        "state": "'ENDED'",
        "begin_time": "s.begun",
        "start_time": "s.begun",
        "stop_time": "s.begun + interval '30 minutes'",
        "meter_start_wh": "0",
        "meter_stop_wh": "5500",
        "meter_last_wh": "5500",
        "energy_wh": "5500",
        "stop_reason": "'Local'",
        "authorization": "'ACCEPTED'",
        "protocol": "'ocpp1.6'",
        "revision": "3",
        "create_time": "s.begun",
        "update_time": "s.begun + interval '30 minutes'",
    },
    "transaction_events": {
        "transaction_id": "s.id",
        "device_time": "s.begun + k * interval '30 minutes'",
        "ocpp_transaction_id": "s.n::text",
        "charge_point_id": "s.charger",
        "epoch": "1",
        "kind": "CASE k WHEN 0 THEN 'STARTED' ELSE 'ENDED' END",
        "protocol": "'ocpp1.6'",
        "evse_id": "1",
        "connector_id": "1",
        "id_tag": "s.charger",
        "meter_wh": "k * 5500",
    },
    "meter_values": {
        "transaction_id": "s.id",
        "sampled_time": "s.begun + k * interval '1 minute'",
        "digest": "(random() * 2000000000)::int",
        "charge_point_id": "s.charger",
        "evse_id": "1",
        "connector_id": "1",
        "received_time": "s.begun + k * interval '1 minute'",
        "energy_wh": "k * 183",
        "power_w": "11000",
        "current_ma": "15942",
        "voltage_mv": "230000",
        "soc_percent": "20 + k",
    },
    "ocpp_messages": {
        "charge_point_id": "s.charger",
        "time": _SENT,
        "epoch": "1",
        "direction": "'INBOUND'",
        "kind": "'CALL'",
        "message_id": "lpad(to_hex(k), 8, '0')",
        "action": "'MeterValues'",
        "frame": _FRAME,
        "answer_kind": "'CALL_RESULT'",
        "answer_frame": "'[3,\"' || lpad(to_hex(k), 8, '0') || '\",{}]'",
        "latency_us": "3000",
        "protocol": "'ocpp1.6'",
    },
}
_ROWS = {
    "transactions": 1,
    "transaction_events": 2,
    "meter_values": READINGS_PER_SESSION,
    "ocpp_messages": FRAMES_PER_SESSION,
}
# By type: what stands in a column that must have a value and that nobody here knows.
_PLAIN = {
    "text": "''",
    "uuid": "gen_random_uuid()",
    "boolean": "false",
    "ARRAY": "'{}'",
    "jsonb": "'{}'",
    "bytea": "''",
    "timestamp with time zone": "s.begun",
}
_COLUMNS = (
    "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s"
    " AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO' AND is_generated = 'NEVER'"
)
_ALL_COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s"


@dataclass(frozen=True)
class Filled:
    """What was stored, and how much room it takes."""

    sessions: int
    rows: int
    bytes: int


def empty(url: str) -> None:
    """Forget every session, reading and frame."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {', '.join((*TABLES, *_FOLLOWING))}".encode())
        _tidy(connection)


def fill(url: str, chargers: int, seconds: float, folder: Path) -> Filled:
    """Store sessions of the first `chargers` chargers for so long, then tidy up as autovacuum would.

    Stops early when the disk of `folder` is nearly full.
    """
    asyncio.run(_make_partitions(url))
    with psycopg.connect(url, autocommit=True) as connection:
        statement = _statement(connection)
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(_WORKERS) as pool:
        work = [pool.submit(_work, url, statement, chargers, until, folder) for _ in range(_WORKERS)]
        sessions = sum(each.result() for each in work)
    with psycopg.connect(url, autocommit=True) as connection:
        _tidy(connection)
        row = connection.execute(b"SELECT pg_database_size(current_database())").fetchone()
    return Filled(sessions, sessions * ROWS_PER_SESSION, row[0] if row else 0)


def expressions(table: str, columns: set[str], required: Mapping[str, str]) -> dict[str, str]:
    """Column -> SQL for a table that has these columns, of which `required` (with their types) must have a value."""
    known = {column: sql for column, sql in _KNOWN[table].items() if column in columns}
    return known | {column: _PLAIN.get(kind, "0") for column, kind in required.items() if column not in known}


def _statement(connection: "psycopg.Connection[tuple[object, ...]]") -> bytes:
    parts = []
    for table in TABLES:
        columns = {str(row[0]) for row in connection.execute(_ALL_COLUMNS, (table,))}
        required = {str(row[0]): str(row[1]) for row in connection.execute(_COLUMNS, (table,))}
        values = expressions(table, columns, required)
        names = ", ".join(f'"{column}"' for column in values)
        # A percent sign of SQL is written twice beside parameters.
        select = ", ".join(values.values()).replace("%", "%%")
        rows = f"generate_series(0, {_ROWS[table] - 1}) AS k"
        parts.append(f"INSERT INTO {table} ({names}) SELECT {select} FROM s, {rows} ON CONFLICT DO NOTHING")
    with_parts = ", ".join(f"part_{number} AS ({part})" for number, part in enumerate(parts[:-1]))
    return f"WITH s AS MATERIALIZED ({_SESSIONS}), {with_parts} {parts[-1]}".encode()


def _work(url: str, statement: bytes, chargers: int, until: float, folder: Path) -> int:
    """Store sessions until the time is over; returns how many."""
    parameters = {"prefix": PREFIX_OF["1.6"], "chargers": chargers, "sessions": _SESSIONS_AT_ONCE}
    stored = 0
    with psycopg.connect(url, autocommit=True) as connection:
        while not stored or (time.monotonic() < until and shutil.disk_usage(folder).free > _KEPT_FREE_BYTES):
            connection.execute(statement, parameters)
            stored += _SESSIONS_AT_ONCE
    return stored


def _tidy(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    connection.execute(f"VACUUM (ANALYZE) {', '.join(TABLES)}".encode())
    connection.execute(b"CHECKPOINT")


async def _make_partitions(url: str) -> None:
    """One for each day that is filled, as the service itself would have made them."""
    today = datetime.now(UTC).date()
    database = Database(url)
    try:
        for days in range(_PAST_DAYS, -1, -1):
            await _make_day(database, today - timedelta(days=days))
    finally:
        await database.close()


async def _make_day(database: Database, day: date) -> None:
    for table in PARTITIONED:
        async with database.transaction() as connection:
            await maintain(connection, table, retention_days=3650, today=day, ahead_days=0)
