import psycopg

from bench.used_log import use_log
from stack import postgres

_AHEAD = "SELECT count(*) FROM pg_ls_waldir() WHERE name > pg_walfile_name(pg_current_wal_lsn()) AND length(name) = 24"


def test_files_of_the_log_wait_to_be_used(postgres_server: postgres.Server) -> None:
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        before = _ahead(connection)
        use_log(postgres_server.url, before + 6)
        assert _ahead(connection) >= before + 4


def _ahead(connection: psycopg.Connection) -> int:
    row = connection.execute(_AHEAD).fetchone()
    assert row is not None
    return int(row[0])
