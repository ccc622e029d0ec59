"""What the queries of a service believe about its tables is what its migrations made."""

import importlib
import re
from pathlib import Path

import pytest
from sqlalchemy import Connection, MetaData, create_engine, make_url, text

import services
from services.postgres import shared_tables
from tests.fixtures.postgres import FreshDatabase

_EXPECTED = "expected"
# Partitions come and go; they look like their table, which is compared.
_NOT_COMPARED = "relispartition OR relname = 'alembic_version'"
_COLUMNS = (
    "SELECT relname, attname, format_type(atttypid, atttypmod), attnotnull, attidentity, pg_get_expr(adbin, adrelid)"
    " FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid AND relkind IN ('r', 'p')"
    " LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
    f" WHERE relnamespace = CAST(:schema AS regnamespace) AND attnum > 0 AND NOT attisdropped AND NOT ({_NOT_COMPARED})"
)
_TABLES = (
    "SELECT relname, reloptions, pg_get_partkeydef(pg_class.oid) FROM pg_class"
    f" WHERE relnamespace = CAST(:schema AS regnamespace) AND relkind IN ('r', 'p') AND NOT ({_NOT_COMPARED})"
)
_CONSTRAINTS = (
    "SELECT relname, conname, pg_get_constraintdef(pg_constraint.oid)"
    " FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid"
    # From PostgreSQL 18 on, NOT NULL is a constraint as well; the columns tell it.
    f" WHERE connamespace = CAST(:schema AS regnamespace) AND contype <> 'n' AND NOT ({_NOT_COMPARED})"
)
_INDEXES = (
    "SELECT relname, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indrelid"
    f" WHERE relnamespace = CAST(:schema AS regnamespace) AND NOT ({_NOT_COMPARED})"
)
_SEQUENCES = (
    "SELECT sequencename, data_type::text, start_value, min_value, max_value, increment_by, cycle"
    " FROM pg_sequences WHERE schemaname = :schema"
)


def _services_with_tables() -> list[str]:
    [root] = services.__path__
    return sorted(
        folder.name
        for folder in Path(root).iterdir()
        if folder.joinpath("migrations", "versions").is_dir() and list(folder.glob("tables*"))
    )


def _catalogue(connection: Connection, schema: str) -> set[str]:
    """Everything PostgreSQL knows of a schema, a line a fact, without the name of the schema."""
    facts: set[str] = set()
    for query in (_COLUMNS, _TABLES, _CONSTRAINTS, _INDEXES, _SEQUENCES):
        for row in connection.execute(text(query), {"schema": schema}):
            facts.add(re.sub(rf"\b{schema}\.", "", " | ".join(map(str, row))))
    return facts


def _create_as_the_queries_see_it(connection: Connection, metadata: MetaData) -> None:
    connection.execute(text(f"CREATE SCHEMA {_EXPECTED}"))
    connection.execute(text(f"SET search_path TO {_EXPECTED}"))
    for tables in (metadata, shared_tables.METADATA):
        tables.create_all(connection, checkfirst=False)
    connection.execute(text("SET search_path TO public"))


@pytest.mark.parametrize("service", _services_with_tables())
def test_the_tables_of_a_service_are_those_its_migrations_made(service: str, fresh_database: FreshDatabase) -> None:
    metadata = importlib.import_module(f"services.{service}.tables").METADATA
    engine = create_engine(make_url(fresh_database(service)).set(drivername="postgresql+psycopg"))
    try:
        with engine.begin() as connection:
            _create_as_the_queries_see_it(connection, metadata)
            believed, made = _catalogue(connection, _EXPECTED), _catalogue(connection, "public")
    finally:
        engine.dispose()
    assert believed
    assert sorted(believed - made) == []
    assert sorted(made - believed) == []
