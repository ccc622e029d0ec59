import asyncio
import os
from collections.abc import Callable
from contextlib import suppress

import psycopg
import pytest

from stack import backends, postgres
from tests.contract.stack.conftest import Eventually

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="only Linux shows the server's processes")


@pytest.fixture
def connect(postgres_server: postgres.Server) -> Callable[[str], psycopg.Connection]:
    """Connects to a database of the server."""
    return lambda database: psycopg.connect(postgres_server.url, dbname=database, autocommit=True)


def niceness(connection: psycopg.Connection) -> int:
    return os.getpriority(os.PRIO_PROCESS, connection.info.backend_pid)


def test_only_backends_of_the_databases_that_are_named_go_last(
    connect: Callable[[str], psycopg.Connection], postgres_server: postgres.Server
) -> None:
    server = postgres_server.child.pid
    usual = os.getpriority(os.PRIO_PROCESS, server)
    with connect("postgres") as path, connect("template1") as follower:
        backends.lower(server, ["template1"], 5)
        assert (niceness(path), niceness(follower)) == (usual, usual + 5)
        backends.lower(server, ["template1"], 5)
        assert niceness(follower) == usual + 5


async def test_a_connection_that_is_made_later_goes_last_as_well(
    connect: Callable[[str], psycopg.Connection], postgres_server: postgres.Server, eventually: Eventually
) -> None:
    server = postgres_server.child.pid
    keeping = asyncio.create_task(backends.keep_last(lambda: server, ["template1"], 5))
    await asyncio.sleep(0)
    with connect("template1") as follower:
        wanted = os.getpriority(os.PRIO_PROCESS, server) + 5
        await asyncio.to_thread(eventually, lambda: niceness(follower) == wanted)
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping


def test_a_server_that_is_gone_is_no_harm() -> None:
    backends.lower(2**22 + 1, ["template1"], 5)
