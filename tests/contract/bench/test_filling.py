"""The past that `growth` makes up is one that the transaction service could have written."""

from pathlib import Path

import psycopg

from bench import filling
from tests.fixtures.postgres import FreshDatabase


def test_tables_are_filled_with_sessions_of_known_chargers_and_emptied(
    fresh_database: FreshDatabase, tmp_path: Path
) -> None:
    url = fresh_database("transaction")
    filled = filling.fill(url, 10, 0.0, tmp_path)
    assert filled.rows == filled.sessions * filling.ROWS_PER_SESSION > 0
    assert filled.bytes > 0
    with psycopg.connect(url, autocommit=True) as connection:
        counts = {
            table: connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() for table in filling.TABLES
        }
        # Nothing lies in the partition for what a wrong clock dated.
        strays = connection.execute(b"SELECT count(*) FROM meter_values_default").fetchone()
        names = connection.execute(b"SELECT DISTINCT charge_point_id FROM transactions ORDER BY 1").fetchall()
        late = connection.execute(b"SELECT count(*) FROM transactions WHERE stop_time > now() - interval '1 hour'")
        assert late.fetchone() == (0,)
    assert counts == {
        "transactions": (filled.sessions,),
        "transaction_events": (filled.sessions * 2,),
        "meter_values": (filled.sessions * filling.READINGS_PER_SESSION,),
        "ocpp_messages": (filled.sessions * filling.FRAMES_PER_SESSION,),
    }
    assert strays == (0,)
    assert names == [(f"BENCH{number:05}",) for number in range(1, 11)]
    filling.empty(url)
    with psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute(b"SELECT count(*) FROM ocpp_messages").fetchone() == (0,)
