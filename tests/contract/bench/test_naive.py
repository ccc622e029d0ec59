"""The server to compare with is a real one: it validates, it stores, and a retry does not start a second session."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.naive import running as naive
from stack import postgres

_MOMENT = "2026-01-01T12:00:00.000Z"
_START = {"connectorId": 1, "idTag": "CARD", "meterStart": 5, "timestamp": _MOMENT}


@pytest.fixture(scope="module")
def server(postgres_server: postgres.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[naive.NaiveServer]:
    """A naive server on the PostgreSQL of the run."""
    logs: Path = tmp_path_factory.mktemp("naive")
    with naive.running(postgres_server.url, ["CARD"], logs) as started:
        yield started
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {naive.DATABASE} WITH (FORCE)".encode())


@pytest.fixture
async def charger(server: naive.NaiveServer) -> AsyncIterator[ClientConnection]:
    """A connected charge point."""
    async with connect(f"{server.url}/CP1", subprotocols=[Subprotocol("ocpp1.6")]) as connection:
        yield connection


async def _call(charger: ClientConnection, action: str, payload: dict[str, Any]) -> list[Any]:
    await charger.send(json.dumps([2, "1", action, payload]))
    answer: list[Any] = json.loads(await charger.recv())
    return answer


def _rows(postgres_server: postgres.Server, query: str) -> list[Any]:
    url = postgres_server.url.rpartition("/")[0] + f"/{naive.DATABASE}"
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


async def test_a_frame_that_breaks_the_schema_is_refused(charger: ClientConnection) -> None:
    answer = await _call(charger, "StartTransaction", {**_START, "meterStart": "five"})
    assert answer[0] == 4
    assert (await _call(charger, "Heartbeat", {}))[0] == 3


async def test_every_class_of_messages_is_stored_before_its_answer(
    charger: ClientConnection, postgres_server: postgres.Server
) -> None:
    boot = {"chargePointVendor": "V", "chargePointModel": "M"}
    assert (await _call(charger, "BootNotification", boot))[2]["status"] == "Accepted"
    assert _rows(postgres_server, "SELECT id, vendor FROM charge_points") == [("CP1", "V")]
    assert (await _call(charger, "Heartbeat", {}))[0] == 3
    status = {"connectorId": 1, "errorCode": "NoError", "status": "Preparing", "timestamp": _MOMENT}
    assert (await _call(charger, "StatusNotification", status))[2] == {}
    assert _rows(postgres_server, "SELECT status FROM status_notifications") == [("Preparing",)]
    assert (await _call(charger, "Authorize", {"idTag": "CARD"}))[2] == {"idTagInfo": {"status": "Accepted"}}
    assert (await _call(charger, "Authorize", {"idTag": "OTHER"}))[2] == {"idTagInfo": {"status": "Invalid"}}

    number = (await _call(charger, "StartTransaction", _START))[2]["transactionId"]
    assert (await _call(charger, "StartTransaction", _START))[2]["transactionId"] == number
    value = {"timestamp": _MOMENT, "sampledValue": [{"value": "6", "unit": "Wh"}]}
    values = {"connectorId": 1, "transactionId": number, "meterValue": [value]}
    assert (await _call(charger, "MeterValues", values))[2] == {}
    stored = _rows(postgres_server, "SELECT transaction_id, sampled_value FROM meter_values")
    assert [(row[0], row[1][0]["value"]) for row in stored] == [(number, "6")]
    stop = {"transactionId": number, "meterStop": 9, "timestamp": _MOMENT, "reason": "Local"}
    assert (await _call(charger, "StopTransaction", stop))[2] == {}
    assert _rows(postgres_server, "SELECT id, meter_start, meter_stop FROM transactions") == [(number, 5, 9)]
    assert _rows(postgres_server, "SELECT kind FROM outbox ORDER BY id") == [("started",), ("ended",)]
