"""What PostgreSQL has written so far: bytes of its log, and of its files. Works with the tables of any release."""

import psycopg

_LOG = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
_DATABASES = "SELECT sum(pg_database_size(datname)) FROM pg_database WHERE datname LIKE 'csms\\_%'"
# The journal by whatever name: its table, partitions of days, indexes and what is stored apart.
_JOURNAL = (
    "SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class"
    " WHERE relkind = 'r' AND relname ~ '^(ocpp_messages|journal)'"
)
_FIGURES = {"WAL bytes": _LOG, "disk bytes": _DATABASES, "journal bytes": _JOURNAL}


class Written:
    """Asks the database of the journal. Keeps a connection open; close it at the end."""

    def __init__(self, database_url: str) -> None:
        self._connection = psycopg.connect(database_url, autocommit=True)

    def read(self) -> dict[str, float]:
        """Bytes of the write-ahead log, of all databases, and of the journal among them."""
        found = {name: self._connection.execute(query).fetchone() for name, query in _FIGURES.items()}
        return {name: float(row[0]) for name, row in found.items() if row is not None}

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
