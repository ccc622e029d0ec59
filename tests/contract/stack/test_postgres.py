import os
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from stack import postgres, privileges
from stack.errors import StackError
from stack.ports import free_port

# A test must not wait for a disk; what is proven here does not depend on it.
QUICK = {"fsync": "off", "shared_buffers": "32MB"}


@pytest.fixture
def server(open_folder: Path) -> Iterator[postgres.Server]:
    started = postgres.start(open_folder / "postgres", port=free_port(), settings=QUICK)
    yield started
    started.stop()
    postgres.remove(open_folder / "postgres")


def ask(server: postgres.Server, question: str) -> object:
    with psycopg.connect(server.url) as connection:
        row = connection.execute(question).fetchone()
        assert row is not None
        return row[0]


def test_data_survives_a_stop_and_a_start(server: postgres.Server, open_folder: Path) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    again = postgres.start(open_folder / "postgres", port=free_port(), settings=QUICK)
    try:
        assert ask(again, "SELECT answer FROM kept") == 42
    finally:
        again.stop()


def test_what_was_committed_survives_a_kill(server: postgres.Server, open_folder: Path) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server.child.kill()
    server.child.stop()
    again = postgres.start(open_folder / "postgres", port=free_port(), settings=QUICK)
    try:
        assert ask(again, "SELECT answer FROM kept") == 42
    finally:
        again.stop()


def test_the_password_is_needed_and_kept_private(postgres_server: postgres.Server) -> None:
    password_file = postgres_server.home.folder / "password"
    assert stat.S_IMODE(password_file.stat().st_mode) == 0o600
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres_server.url.replace(password_file.read_text(), "wrong"))


def test_it_is_sized_for_the_product_and_durable_unless_told_otherwise(server: postgres.Server) -> None:
    assert ask(server, "SHOW max_connections") == "200"
    assert ask(server, "SHOW fsync") == "off"
    assert "fsync" not in postgres.SETTINGS
    assert "synchronous_commit" not in postgres.SETTINGS


def test_it_never_runs_as_root(postgres_server: postgres.Server) -> None:
    uids = psutil.Process(postgres_server.child.pid).uids()
    assert 0 not in uids
    assert uids.real == postgres_server.home.data.stat().st_uid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that the account of PostgreSQL cannot enter")
def test_data_below_a_folder_of_root_alone_is_sheltered_and_found_again(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    folder = tmp_path / "postgres"
    for expected in ([], ["kept"]):
        server = postgres.start(folder, port=free_port(), settings=QUICK)
        try:
            assert server.home.data.parent == privileges.sheltered(folder)
            with psycopg.connect(server.url) as connection:
                names = connection.execute("SELECT relname FROM pg_class WHERE relname = 'kept'").fetchall()
                assert [name for (name,) in names] == expected
                connection.execute("CREATE TABLE IF NOT EXISTS kept (answer int)")
        finally:
            server.stop()
    postgres.remove(folder)
    assert not privileges.sheltered(folder).exists()
    assert not folder.exists()


def test_a_taken_port_is_told_in_one_line_with_the_servers_words(
    postgres_server: postgres.Server, open_folder: Path
) -> None:
    with pytest.raises(StackError, match=r"postgres ended with exit code 1; last log line: .*TCP/IP") as caught:
        postgres.start(open_folder / "second", port=postgres_server.port, settings=QUICK)
    assert "\n" not in str(caught.value)
    postgres.remove(open_folder / "second")


def test_data_without_its_password_is_refused(server: postgres.Server, open_folder: Path) -> None:
    server.stop()
    (open_folder / "postgres" / "password").unlink()
    with pytest.raises(StackError, match="csms clean"):
        postgres.start(open_folder / "postgres", port=free_port())


def test_a_stop_with_clients_connected_does_not_wait_for_them(server: postgres.Server) -> None:
    connection = psycopg.connect(server.url, autocommit=True)
    connection.execute("SELECT 1")
    assert server.child.stop(grace_seconds=10) == 0
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
