from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from services.driver.migrations import DATABASE
from services.postgres import migrations
from stack import postgres, schema
from stack.ports import free_port


@pytest.fixture
def driver_database(postgres_server: postgres.Server) -> Iterator[str]:
    """The database of the driver service, under its real name, at the newest revision."""
    url = make_url(postgres_server.url).set(database=DATABASE).render_as_string(hide_password=False)
    migrations.upgrade(url, "driver")
    yield url
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(DATABASE)))


async def test_a_missing_database_is_behind(postgres_server: postgres.Server) -> None:
    assert await schema.outdated(postgres_server.url, ["driver"]) == ["driver"]


async def test_a_migrated_database_is_not_migrated_again(
    postgres_server: postgres.Server, driver_database: str
) -> None:
    assert await schema.outdated(postgres_server.url, ["driver"]) == []


async def test_a_database_at_an_older_revision_is_behind(
    postgres_server: postgres.Server, driver_database: str
) -> None:
    with psycopg.connect(driver_database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    assert await schema.outdated(postgres_server.url, ["driver"]) == ["driver"]


async def test_a_database_of_a_newer_build_is_not_migrated(
    postgres_server: postgres.Server, driver_database: str
) -> None:
    with psycopg.connect(driver_database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert await schema.outdated(postgres_server.url, ["driver"]) == []


async def test_a_server_that_does_not_answer_leaves_the_verdict_to_the_migration() -> None:
    assert await schema.outdated(f"postgresql://nobody@127.0.0.1:{free_port()}/x", ["driver"]) == ["driver"]
