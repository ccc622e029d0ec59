from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from bench.written import Written
from stack import postgres

_DATABASE = "csms_written"
_ROWS = 2_000
_TEXT = 500


@pytest.fixture
def database_url(postgres_server: postgres.Server) -> Iterator[str]:
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {_DATABASE}")
        yield make_conninfo(postgres_server.url, dbname=_DATABASE)
        connection.execute(f"DROP DATABASE {_DATABASE} WITH (FORCE)")


@pytest.mark.parametrize(
    ("table", "is_journal"), [("ocpp_messages_20261130", True), ("journal_segments", True), ("readings", False)]
)
def test_what_is_written_grows_by_what_was_written(database_url: str, table: str, is_journal: bool) -> None:
    with closing(Written(database_url)) as written, psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE {table} (said text)")
        before = written.read()
        connection.execute(f"INSERT INTO {table} SELECT repeat('x', {_TEXT}) FROM generate_series(1, {_ROWS})")
        grown = {name: after - before[name] for name, after in written.read().items()}
    assert _ROWS * _TEXT < grown["WAL bytes"]
    assert _ROWS * _TEXT < grown["disk bytes"] < 3 * _ROWS * _TEXT
    assert grown["journal bytes"] == (pytest.approx(grown["disk bytes"], rel=0.1) if is_journal else 0)
