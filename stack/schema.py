"""Whether the databases of the services are at the newest revision, or a newer one. Only looks,
`services.postgres.migrations` acts."""

import asyncio
import importlib
from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from stack.topology import SERVICES

_CONNECT_SECONDS = 5


async def outdated(database_url: str, services: Sequence[str] = SERVICES) -> list[str]:
    """Those of `services` whose database is missing or behind on the server of `database_url`.

    A server that cannot be asked counts as behind: the migration will say what is wrong with it.
    """
    newest = {service: _newest(service) for service in services}
    addresses = [make_conninfo(database_url, dbname=database_of(service)) for service in services]
    found = await asyncio.gather(*(_revision(address) for address in addresses))
    return [service for service, revision in zip(services, found, strict=True) if _is_behind(revision, newest[service])]


def database_of(service: str) -> str:
    """The name of a service's database."""
    return str(importlib.import_module(f"services.{service}.migrations").DATABASE)


async def _revision(conninfo: str) -> str | None:
    try:
        async with await psycopg.AsyncConnection.connect(conninfo, connect_timeout=_CONNECT_SECONDS) as connection:
            cursor = await connection.execute("SELECT version_num FROM alembic_version")
            row = await cursor.fetchone()
    except psycopg.Error:
        return None
    return row[0] if row else None


def _is_behind(revision: str | None, newest: str) -> bool:
    # Numbers of four digits. That of a newer build, which may run beside this one, is ahead: nothing is to be done.
    return revision is None or revision < newest


def _newest(service: str) -> str:
    """The newest revision, by the names of the files: `0001_stations.py` is revision `0001`."""
    [place] = importlib.import_module(f"services.{service}.migrations").__path__
    files = sorted(Path(place, "versions").glob("[0-9]*_*.py"))
    return files[-1].name.split("_", 1)[0] if files else ""
