"""Brings a service's database to the newest revision of `services/<name>/migrations`, and creates it when missing.

Migrations only go forward: expand, backfill, contract. A database of a newer release is left as it is: its schema
accepts the code of the release before. Knows no service by name.

`python -m services.postgres.migrations station driver` upgrades the databases of these services on the server of
DATABASE_URL; with `--revision "add a column"` it writes the next, empty revision file of each instead.
"""

import argparse
import importlib.util
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import URL, NullPool, create_engine, make_url
from sqlalchemy.exc import ArgumentError

from services.postgres import tenancy

_ENVIRONMENT = Path(__file__).with_name("alembic")
_LOCK = 0x6353_4D53_0001
_CONNECT_SECONDS = 10
_log = logging.getLogger(__name__)


def upgrade(url: str, package: str, revision: str = "head") -> None:
    """Run the migrations of `package` on the database `url`, as far as `revision`; none on one of a newer build.

    `package` is a service (`station`) or any dotted package that has `migrations/versions`.
    Idempotent, and safe to call from many processes at once: one migrates, the others wait for it. Blocking, and not
    for several threads (Alembic keeps its context in the module).

    Raises: psycopg.OperationalError when the server is away, LookupError when the package has no migrations.
    """
    target = make_url(url)
    config = _config(package)
    _create_missing_database(target)
    with _sole_migrator(target) as lock:
        tenancy.make_role(lock)
        if newer := _newer_revision(lock, config):
            _log.warning("%s is at revision %s, which is newer than this build: left as it is", target.database, newer)
            return
        engine = create_engine(target.set(drivername="postgresql+psycopg"), poolclass=NullPool)
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
        tenancy.grant(lock)


def write_revision(package: str, message: str) -> Path:
    """Write the next revision file of `package`, to be filled in by hand, and return its path."""
    config = _config(package)
    count = len(list(ScriptDirectory.from_config(config).walk_revisions()))
    [versions] = config.get_version_locations_list() or []
    script = command.revision(config, message, rev_id=f"{count + 1:04d}", version_path=versions)
    if script is None or isinstance(script, list):
        raise LookupError(f"{package} has no single newest revision")
    return Path(script.path)


def database_of(package: str) -> str:
    """The name of the database that a service owns, `DATABASE` in its package `migrations`."""
    module = importlib.import_module(f"{_dotted(package)}.migrations")
    return str(module.DATABASE)


def _config(package: str) -> Config:
    config = Config()
    config.set_main_option("script_location", _escaped(_ENVIRONMENT))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", _escaped(_versions(package)))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


def _escaped(path: Path) -> str:
    # A percent sign would begin a reference in Alembic's configuration.
    return str(path).replace("%", "%%")


def _versions(package: str) -> Path:
    spec = importlib.util.find_spec(_dotted(package))
    for location in (spec.submodule_search_locations or ()) if spec else ():
        versions = Path(location) / "migrations" / "versions"
        if versions.is_dir():
            return versions
    raise LookupError(f"{package} has no migrations/versions")


def _dotted(package: str) -> str:
    return package if "." in package else f"services.{package}"


def _create_missing_database(target: URL) -> None:
    try:
        _connect(target).close()
    except psycopg.OperationalError:
        # Why the server refuses is only told in words, in the server's language; its catalogue tells it without any.
        with _connect(target.set(database="postgres")) as connection:
            name = target.database or ""
            if connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone() is not None:
                # Another has made it meanwhile; or there is another reason, which is told again.
                _connect(target).close()
                return
            with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):  # another was quicker
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def _newer_revision(connection: psycopg.Connection[tuple[object, ...]], config: Config) -> str:
    """The revision of the database when this build does not know it yet; else empty."""
    head = ScriptDirectory.from_config(config).get_current_head() or ""
    if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return ""
    found = [str(revision) for (revision,) in connection.execute("SELECT version_num FROM alembic_version")]
    # Numbers of four digits.
    return next((revision for revision in found if revision > head), "")


@contextmanager
def _sole_migrator(target: URL) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    # A session lock on a connection of its own: a migration may commit in between (CREATE INDEX CONCURRENTLY).
    with _connect(target) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        yield connection


def _connect(url: URL) -> psycopg.Connection[tuple[object, ...]]:
    conninfo = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.Connection.connect(conninfo, autocommit=True, connect_timeout=_CONNECT_SECONDS)


def _server_url() -> URL:
    text = os.environ.get("DATABASE_URL", "")
    try:
        return make_url(text)
    except ArgumentError as error:
        # Its words may hold a password: they are not repeated.
        raise LookupError("DATABASE_URL is no PostgreSQL URL" if text else "DATABASE_URL is not set") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; 0 when done, 2 with one line on stderr when it cannot be done."""
    parser = argparse.ArgumentParser(
        prog="python -m services.postgres.migrations", description="Migrate the databases of services."
    )
    parser.add_argument("packages", nargs="+", metavar="SERVICE", help="whose migrations are meant, such as `station`")
    parser.add_argument("--revision", metavar="MESSAGE", help="write the next revision file of each instead")
    options = parser.parse_args(arguments)
    try:
        for package in options.packages:
            if options.revision:
                print(write_revision(package, options.revision))
            else:
                _upgrade_own_database(package)
    except (LookupError, ImportError, AttributeError, psycopg.OperationalError, InsufficientPrivilege) as error:
        print(f"migrations: {error}", file=sys.stderr)
        return 2
    return 0


def _upgrade_own_database(package: str) -> None:
    url = _server_url().set(database=database_of(package))
    upgrade(url.render_as_string(hide_password=False), package)


if __name__ == "__main__":
    sys.exit(main())
