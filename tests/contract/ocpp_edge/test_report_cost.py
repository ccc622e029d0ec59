"""What a report of 5,000 variables costs in all processes that take it in: the edge node, the station service and
PostgreSQL. The charge point's own work is in the figure, too."""

import time
from typing import Any

import psutil
import pytest
from sqlalchemy import text

from csms.station.v1.device_variable_pb2 import ReportRequest
from ocpp_edge.versions import Version
from services.postgres.database import Database
from tests.contract.ocpp_edge.node import Starter
from tests.contract.ocpp_edge.platform import Platform
from tests.contract.services.transaction.platform import Stations
from tests.fixtures.services import ServiceRunner

_VARIABLES, _PER_PART = 5_000, 50
_MOST_SECONDS = 2.0
_STAMP = "2026-03-01T11:59:30Z"


class Spent:
    """CPU seconds of this process and of PostgreSQL, with all that it has forked."""

    def __init__(self, server: psutil.Process) -> None:
        self._server = server
        self._begun = self._now()

    def seconds(self) -> tuple[float, float]:
        """Since this was made: here, and in PostgreSQL."""
        here, there = self._now()
        return here - self._begun[0], there - self._begun[1]

    def _now(self) -> tuple[float, float]:
        # Of those that have ended, the server knows.
        own = self._server.cpu_times()
        times = [process.cpu_times() for process in self._server.children(recursive=True)]
        ended = own.children_user + own.children_system
        return time.process_time(), ended + own.user + own.system + sum(one.user + one.system for one in times)


async def _server_of(database: Database) -> psutil.Process:
    async with database.read() as connection:
        pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    server = psutil.Process(pid).parent()
    assert server is not None
    return server


def _entry(number: int, value: int) -> dict[str, Any]:
    return {
        "component": {"name": "Sensor", "instance": str(number // 10), "evse": {"id": number % 4 + 1}},
        "variable": {"name": "Value", "instance": str(number)},
        "variableAttribute": [{"type": "Actual", "value": str(value), "mutability": "ReadWrite", "persistent": True}],
        "variableCharacteristics": {"dataType": "integer", "unit": "W", "minLimit": 0, "supportsMonitoring": True},
    }


def _parts(request_id: int, value: int) -> list[dict[str, Any]]:
    begins = range(0, _VARIABLES, _PER_PART)
    return [
        {
            "requestId": request_id,
            "generatedAt": _STAMP,
            "seqNo": seq_no,
            "tbc": begin + _PER_PART < _VARIABLES,
            "reportData": [_entry(number, value) for number in range(begin, begin + _PER_PART)],
        }
        for seq_no, begin in enumerate(begins)
    ]


async def test_a_report_of_five_thousand_variables_costs_less_than_two_seconds(
    run_service: ServiceRunner, platform: Platform, start_node: Starter, capsys: pytest.CaptureFixture[str]
) -> None:
    station = await run_service("station", background=False, ocpp_ask_inventory=False)
    platform.addresses |= {"station": station.address}
    node = await start_node()
    await Stations(station).create("LARGE")
    server = await _server_of(station.database)
    figures = []
    async with node.charger("LARGE", Version.V201) as charger:
        for request_id, value in ((1, 7), (2, 7), (3, 8)):
            await node_asks(station.database, request_id)
            parts = _parts(request_id, value)
            spent = Spent(server)
            for part in parts:
                await charger.ask("NotifyReport", part)
            figures.append(spent.seconds())
    async with station.database.read() as connection:
        query = "SELECT count(*), min(value), max(value) FROM device_variables WHERE charge_point_id = 'LARGE'"
        assert tuple((await connection.execute(text(query))).one()) == (_VARIABLES, "8", "8")
        whole = "SELECT count(*) FROM device_reports WHERE charge_point_id = 'LARGE' AND time IS NOT NULL"
        assert (await connection.execute(text(whole))).scalar_one() == 3
    with capsys.disabled():
        words = ("new", "the same again", "all values changed")
        for word, (here, there) in zip(words, figures, strict=True):
            print(f"\n{_VARIABLES} variables, {word}: {here:.2f} s edge and station, {there:.2f} s PostgreSQL", end="")
    assert max(here + there for here, there in figures) < _MOST_SECONDS


async def node_asks(database: Database, request_id: int) -> None:
    """As if the charge point had been asked: its report is one that is waited for."""
    query = (
        "INSERT INTO device_reports (charge_point_id, request_id, ask_time, scope, command_id)"
        " VALUES ('LARGE', :request_id, now(), :scope, '')"
    )
    scope = ReportRequest.Scope.Name(ReportRequest.FULL_INVENTORY)
    async with database.transaction() as connection:
        await connection.execute(text(query), {"request_id": request_id, "scope": scope})
