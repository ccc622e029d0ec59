"""Brings PostgreSQL's write-ahead log to where it is on a server in use: its files are there and only used again.

A new server makes each of the first ones while all commits wait: 20 ms, or 150 on a busy machine, every 16 MiB.
"""

import psycopg

# What the stack's settings keep (`min_wal_size`), in files of the usual size.
_FILES = 64


def use_log(database_url: str, files: int = _FILES) -> None:
    """Have so many files of the log made, filled and kept. Raises psycopg.Error."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for _ in range(files):
            # Nothing is written on a file that is still empty.
            connection.execute("SELECT pg_logical_emit_message(true, '', '')")
            connection.execute("SELECT pg_switch_wal()")
        connection.execute("CHECKPOINT")
