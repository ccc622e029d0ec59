import asyncio
import importlib
import os
import sys
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, make_url

from services.postgres import migrations, shared_tables
from stack import postgres
from tests.fixtures.sample.fixtures import SAMPLE
from tests.fixtures.sample.migrations import DATABASE

_ROOT = Path(__file__).resolve().parents[3]


def _url(server: postgres.Server, database: str) -> str:
    return make_url(server.url).set(database=database).render_as_string(hide_password=False)


def _revisions(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT version_num FROM alembic_version").fetchall()


async def test_many_processes_may_create_and_migrate_one_database_at_once(postgres_server: postgres.Server) -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": postgres_server.url,
        "PYTHONPATH": f"{_ROOT}{os.pathsep}{_ROOT / 'proto'}",
    }
    command = (sys.executable, "-m", "services.postgres.migrations", SAMPLE)
    processes = [await asyncio.create_subprocess_exec(*command, cwd=_ROOT, env=environment) for _ in range(3)]
    assert await asyncio.gather(*(process.wait() for process in processes)) == [0, 0, 0]
    assert _revisions(_url(postgres_server, DATABASE)) == [("0001",)]


def test_a_database_that_is_up_to_date_stays_as_it_is(database_url: str) -> None:
    migrations.upgrade(database_url, SAMPLE)
    assert _revisions(database_url) == [("0001",)]


def test_a_database_of_a_newer_build_stays_as_it_is_and_that_is_told(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0002'")
    migrations.upgrade(database_url, SAMPLE)
    assert _revisions(database_url) == [("0002",)]
    assert "is at revision 0002, which is newer than this build: left as it is" in caplog.text


def test_the_shared_tables_are_created_as_they_are_described(database_url: str) -> None:
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        differences = compare_metadata(context, shared_tables.METADATA)
    engine.dispose()
    # What the database has beyond the shared tables is the sample service's.
    assert [difference for difference in differences if difference[0] != "remove_table"] == []


def test_a_package_without_migrations_is_refused() -> None:
    with pytest.raises(LookupError, match="kernel has no migrations/versions"):
        migrations.upgrade("postgresql://nobody@127.0.0.1:1/nothing", "kernel")


_FIRST_REVISION = """
from alembic import op
revision = "0001"
down_revision = None
def upgrade(): op.execute("CREATE TABLE things (id text)")
"""


@pytest.fixture
def scratch_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package `scratch.service` with a database and one migration."""
    package = tmp_path / "scratch" / "service" / "migrations"
    (package / "versions").mkdir(parents=True)
    (package / "__init__.py").write_text('DATABASE = "scratch_things"\n')
    (package / "versions" / "0001_first.py").write_text(_FIRST_REVISION)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    return "scratch.service"


def test_the_command_migrates_the_database_of_the_service(
    scratch_package: str, postgres_server: postgres.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_server.url)
    assert migrations.main([scratch_package]) == 0
    assert _revisions(_url(postgres_server, "scratch_things")) == [("0001",)]


def test_the_command_writes_the_next_revision(
    scratch_package: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert migrations.main([scratch_package, "--revision", "Add a column"]) == 0
    written = Path(capsys.readouterr().out.strip().splitlines()[-1])
    assert written == tmp_path / "scratch" / "service" / "migrations" / "versions" / "0002_add_a_column.py"
    assert 'revision = "0002"\ndown_revision = "0001"\n' in written.read_text().replace("'", '"')


@pytest.mark.parametrize(
    ("environment", "arguments", "complaint"),
    [
        ({}, ["kernel"], "DATABASE_URL is not set"),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}, ["nothing"], "No module named 'services.nothing'"),
        ({"DATABASE_URL": "nonsense"}, ["driver"], "DATABASE_URL is no PostgreSQL URL"),
    ],
)
def test_the_command_says_in_one_line_why_it_cannot(
    environment: dict[str, str],
    arguments: list[str],
    complaint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert migrations.main(arguments) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert complaint in line
