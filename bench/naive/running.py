"""Runs the naive server beside a stack, on a database of its own in the same PostgreSQL."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.naive import tables
from stack import children
from stack import ports as port_checks
from stack.children import Program
from stack.inherited import process_environment

DATABASE = "csms_naive"
EDGE, SERVICE = "naive edge", "naive service"


@dataclass(frozen=True)
class NaiveServer:
    """A naive server that runs; `url` is where charge points connect."""

    url: str
    pids: dict[str, int]


@contextmanager
def running(maintenance_url: str, id_tags: Sequence[str], logs: Path) -> Iterator[NaiveServer]:
    """Make the database on the server of `maintenance_url`, start both processes, stop them at the end.

    Raises StackError.
    """
    with psycopg.connect(maintenance_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}".encode())
    database_url = maintenance_url.rpartition("/")[0] + f"/{DATABASE}"
    tables.create(database_url, list(id_tags))
    service_port, port = port_checks.free_port(), port_checks.free_port()
    service = children.start(_program(SERVICE, service_port, database_url), logs / "naive-service.log")
    try:
        service.wait_ready()
        edge = children.start(_program(EDGE, port, str(service_port)), logs / "naive-edge.log")
        try:
            edge.wait_ready()
            yield NaiveServer(f"ws://127.0.0.1:{port}/ocpp", {EDGE: edge.pid, SERVICE: service.pid})
        finally:
            edge.stop()
    finally:
        service.stop()


def _program(name: str, port: int, of_what: str) -> Program:
    module = {EDGE: "bench.naive.central_system", SERVICE: "bench.naive.service"}[name]
    return Program(
        name=name,
        command=[sys.executable, "-m", module, str(port), of_what],
        environment=process_environment(),
        ready=lambda _pid: port_checks.is_listening(port),
    )
