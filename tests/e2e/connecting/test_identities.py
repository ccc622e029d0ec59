"""A charge point may be called as OCPP allows, and is reached under that name by everybody."""

import asyncio
import base64
import json
import time
from typing import Any
from urllib.parse import quote

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.fixtures.raw_frames import next_frame
from tests.fixtures.system import System, until

pytestmark = pytest.mark.field_case("B4", "B8")

_PASSWORD = "the-password-of-20-c"
_BOOT_16 = {"chargePointVendor": "ACME", "chargePointModel": "Tester"}
_BOOT_201 = {"chargingStation": {"vendorName": "ACME", "model": "Tester"}, "reason": "PowerUp"}


async def _ask(socket: ClientConnection, action: str, payload: dict[str, Any]) -> Any:
    await socket.send(json.dumps([2, f"{action}-{time.monotonic_ns()}", action, payload]))
    answer = await next_frame(socket)
    assert answer[0] == 3, answer
    return answer[2]


def _open(system: System, identity: str, protocol: str, *, path: str = "/ocpp") -> connect:
    url = f"ws://127.0.0.1:{system.ports['ocpp']}{path}/{quote(identity, safe='')}"
    token = base64.b64encode(f"{identity}:{_PASSWORD}".encode()).decode()
    headers = {"Authorization": f"Basic {token}"}
    return connect(url, subprotocols=[Subprotocol(protocol)], additional_headers=headers, proxy=None)


@pytest.mark.parametrize("path", ["/ocpp", ""])
@pytest.mark.parametrize(
    "identity", ["RDAM 123", "Ladesäule-1", "DE*ICE*E1", "a:b", "x/y", "dots.and*", "O'Neill, {1}", "充" * 48]
)
async def test_a_charge_point_is_called_so_and_reached_so(system: System, identity: str, path: str) -> None:
    if path == "":
        identity = f"{identity[:44]}-2"
    name = quote(identity, safe="")
    body = {"id": identity, "password": _PASSWORD, "securityProfile": 1}

    created = await asyncio.to_thread(system.call, "POST", "/charge-points", body)

    assert (created.status, created.data["id"]) == (201, identity)
    assert created.headers["location"] == f"/charge-points/{name}"
    async with _open(system, identity, "ocpp1.6", path=path) as socket:
        assert (await _ask(socket, "BootNotification", _BOOT_16))["status"] == "Accepted"
        await asyncio.to_thread(_check_reached, system, identity, name)
        await _check_commanded(system, socket, name)
        start = {"connectorId": 1, "idTag": "NOBODY", "meterStart": 0, "timestamp": "2026-03-01T10:00:00Z"}
        number = (await _ask(socket, "StartTransaction", start))["transactionId"]
        stop = {"transactionId": number, "meterStop": 500, "timestamp": "2026-03-01T11:00:00Z"}
        await _ask(socket, "StopTransaction", stop)
    await asyncio.to_thread(_check_remembered, system, identity, name)


def _check_reached(system: System, identity: str, name: str) -> None:
    point = system.get(f"/charge-points/{name}")
    assert (point.status, point.data["id"], point.data["online"]) == (200, identity, True)
    assert system.get(f"/charge-points/{name}", port="station").data["id"] == identity
    connection = system.get(f"/connections/{name}", port="ocpp")
    assert (connection.status, connection.data["chargePointId"]) == (200, identity)
    changed = system.call("PATCH", f"/charge-points/{name}", {"vendor": "ACME"})
    assert (changed.status, changed.data["id"]) == (200, identity)


async def _check_commanded(system: System, socket: ClientConnection, name: str) -> None:
    sent = asyncio.create_task(asyncio.to_thread(system.call, "POST", f"/charge-points/{name}/clear-cache", {}))
    call = await next_frame(socket, "ClearCache")
    await socket.send(json.dumps([3, call[1], {"status": "Accepted"}]))
    command = await sent
    assert (command.status, command.data["state"]) == (200, "ACCEPTED"), command.text


def _check_remembered(system: System, identity: str, name: str) -> None:
    [transaction] = until(lambda: system.get(f"/transactions?chargePointId={name}").data)
    assert (transaction["chargePointId"], transaction["energyWh"]) == (identity, "500")
    actions = until(
        lambda: (
            (found := [one["action"] for one in system.get(f"/charge-points/{name}/messages").data])
            and "StopTransaction" in found
            and found
        )
    )
    assert {"BootNotification", "ClearCache", "StopTransaction"} <= set(actions)
    commands = system.get(f"/charge-points/{name}/commands").data
    assert {one["chargePointId"] for one in commands} == {identity}
    # What follows events has heard of it under its name.
    sessions = until(lambda: system.get(f"/alerts?chargePointId={name}&kind=UNAUTHORIZED_SESSION").data)
    assert sessions[0]["chargePointId"] == identity


async def test_an_identity_of_2x_keeps_to_the_same_rule(system: System) -> None:
    body = {"id": "RDAM 201", "password": _PASSWORD}
    assert (await asyncio.to_thread(system.call, "POST", "/charge-points", body)).status == 201
    async with _open(system, "RDAM 201", "ocpp2.0.1") as socket:
        assert (await _ask(socket, "BootNotification", _BOOT_201))["status"] == "Accepted"


@pytest.mark.parametrize(
    ("identity", "rule"),
    [
        ("50%", "identity_reserved"),
        (" CP1", "identity_edges"),
        ("a//b", "identity_parts"),
        ("a\u200bb", "identity_printable"),
    ],
)
def test_what_no_charge_point_may_be_called_is_refused_by_the_name_of_the_rule(
    system: System, identity: str, rule: str
) -> None:
    refused = system.call("POST", "/charge-points", {"id": identity})
    assert refused.status == 400
    [violation] = [one for detail in refused.json["details"] for one in detail.get("fieldViolations", [])]
    assert violation["field"] == "chargePoint.id"
    assert f"({rule})" in violation["description"]


def test_an_identity_that_is_too_long_is_refused_by_the_bound_in_the_contract(system: System) -> None:
    refused = system.call("POST", "/charge-points", {"id": "x" * 49})
    assert refused.status == 400
    [violation] = [one for detail in refused.json["details"] for one in detail.get("fieldViolations", [])]
    assert (violation["field"], violation["description"]) == ("chargePoint.id", "must have at most 48 characters")


def test_letters_and_their_marks_name_the_same_charge_point_however_typed(system: System) -> None:
    created = system.call("POST", "/charge-points", {"id": "Sa\u0308ule"})
    assert (created.status, created.data["id"]) == (201, "Säule")
    assert system.call("POST", "/charge-points", {"id": "Säule"}).status == 409
    assert system.get(f"/charge-points/{quote('Sa' + chr(0x308) + 'ule')}").data["id"] == "Säule"
