"""Charge points that forget their sessions, from the wire to the bill: nothing is kept waiting by what runs nowhere."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.fixtures.system import System, until

pytestmark = pytest.mark.field_case("A6")

_BOOTS: dict[str, dict[str, Any]] = {
    "ocpp1.6": {"chargePointVendor": "ACME", "chargePointModel": "Forgetful"},
    "ocpp2.0.1": {"reason": "PowerUp", "chargingStation": {"vendorName": "ACME", "model": "Forgetful"}},
}


def _now(seconds: float = 0) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Charger:
    """A charge point whose every frame is written by hand; it answers what it is asked by `answers`."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._count = 0
        self.answers: dict[str, dict[str, Any]] = {}

    async def ask(self, action: str, **payload: Any) -> Any:
        self._count += 1
        await self._socket.send(json.dumps([2, str(self._count), action, payload]))
        while True:
            async with asyncio.timeout(10):
                frame = json.loads(await self._socket.recv())
            if frame[0] == 3:
                return frame[2]
            await self._answer(frame)

    async def listen(self) -> None:
        """Answer requests until one of those that there is an answer for has come."""
        async with asyncio.timeout(30):
            while not await self._answer(json.loads(await self._socket.recv())):
                pass

    async def _answer(self, frame: Any) -> bool:
        assert frame[0] == 2, frame
        is_known = frame[2] in self.answers
        answer = [3, frame[1], self.answers[frame[2]]] if is_known else [4, frame[1], "NotImplemented", "", {}]
        await self._socket.send(json.dumps(answer))
        return is_known


@asynccontextmanager
async def _charger(system: System, name: str, protocol: str) -> AsyncIterator[_Charger]:
    url = f"{system.ocpp_url()}/{name}"
    async with connect(url, subprotocols=[Subprotocol(protocol)], proxy=None) as socket:
        charger = _Charger(socket)
        assert (await charger.ask("BootNotification", **_BOOTS[protocol]))["status"] == "Accepted"
        yield charger


async def _scene(system: System, name: str) -> str:
    """A station with one charge point, and a card; the id of the station."""

    def made() -> str:
        station = system.call("POST", "/stations", {"name": name, "chargePoints": [{"id": name}]}).data
        driver = system.call("POST", "/drivers", {"name": name}).data["id"]
        energy = [{"kind": "ENERGY", "price": {"currencyCode": "EUR", "nanos": 400_000_000}}]
        tariff = {"name": name, "currencyCode": "EUR", "components": energy, "stationIds": [station["id"]]}
        assert system.call("POST", "/pricing/tariffs", tariff).status == 201
        assert system.call("POST", "/rfid-cards", {"idTag": f"TAG-{name}", "driverId": driver}).status == 201
        return str(station["id"])

    return await asyncio.to_thread(made)


async def _transaction(system: System, name: str, state: str) -> Any:
    """The only transaction of a charge point, as soon as it is in that state."""

    def found() -> Any:
        [one] = system.get(f"/transactions?chargePointId={name}").data
        return one if one["state"] == state else None

    return await asyncio.to_thread(until, found)


async def _start_16(charger: _Charger, name: str) -> int:
    started = await charger.ask(
        "StartTransaction", connectorId=1, idTag=f"TAG-{name}", meterStart=1000, timestamp=_now(-60)
    )
    assert started["idTagInfo"]["status"] == "Accepted"
    sample = {"timestamp": _now(-30), "sampledValue": [{"value": "3500"}]}
    number = int(started["transactionId"])
    await charger.ask("MeterValues", connectorId=1, transactionId=number, meterValue=[sample])
    return number


async def test_a_session_that_a_reboot_made_forgotten_ends_and_keeps_nothing_from_anybody(system: System) -> None:
    name = "E2EFORGET16"
    station_id = await _scene(system, name)
    async with _charger(system, name, "ocpp1.6") as charger:
        await charger.ask("StatusNotification", connectorId=1, errorCode="NoError", status="Available")
        await _start_16(charger, name)
        await _transaction(system, name, "ACTIVE")
        refused = await asyncio.to_thread(system.call, "DELETE", f"/stations/{station_id}")
        assert (refused.status, refused.json["details"][0]["reason"]) == (400, "TRANSACTION_RUNNING")
    async with _charger(system, name, "ocpp1.6") as charger:
        await charger.ask("StatusNotification", connectorId=1, errorCode="NoError", status="Available")
        ended = await _transaction(system, name, "ENDED")
        assert (ended["energyWh"], ended["stopReason"]) == ("2500", "Reboot")
        assert ended["flags"] == ["ENDED_BY_BOOT", "ESTIMATED_END"]
        start = {"connectorId": 1, "idTag": f"TAG-{name}", "meterStart": 3500, "timestamp": _now()}
        allowed = await charger.ask("StartTransaction", **start)
        assert allowed["idTagInfo"]["status"] == "Accepted"
        await charger.ask("StopTransaction", transactionId=allowed["transactionId"], meterStop=3500, timestamp=_now())
    deleted = await asyncio.to_thread(system.call, "DELETE", f"/stations/{station_id}")
    assert deleted.status == 204, deleted.text
    assert (await asyncio.to_thread(system.call, "DELETE", f"/charge-points/{name}")).status == 204


async def test_a_station_that_says_that_a_session_does_not_go_on_is_believed(system: System) -> None:
    name = "E2EFORGET201"
    await _scene(system, name)
    event = {
        "eventType": "Started",
        "timestamp": _now(-60),
        "triggerReason": "Authorized",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "T-1", "chargingState": "Charging"},
        "evse": {"id": 1, "connectorId": 1},
        "idToken": {"idToken": f"TAG-{name}", "type": "ISO14443"},
        "meterValue": [{"timestamp": _now(-60), "sampledValue": [{"value": 1000, "context": "Transaction.Begin"}]}],
    }
    reading = {"timestamp": _now(-30), "sampledValue": [{"value": 3500}]}
    async with _charger(system, name, "ocpp2.0.1") as charger:
        assert (await charger.ask("TransactionEvent", **event))["idTokenInfo"]["status"] == "Accepted"
        await charger.ask(
            "TransactionEvent",
            **{
                **{key: value for key, value in event.items() if key != "idToken"},
                "eventType": "Updated",
                "triggerReason": "MeterValuePeriodic",
                "timestamp": _now(-30),
                "seqNo": 1,
                "meterValue": [reading],
            },
        )
    async with _charger(system, name, "ocpp2.0.1") as charger:
        # It is asked by itself, some seconds after the boot.
        charger.answers["GetTransactionStatus"] = {"messagesInQueue": False, "ongoingIndicator": False}
        await charger.listen()
        ended = await _transaction(system, name, "ENDED")
    assert (ended["energyWh"], ended["flags"]) == ("2500", ["ESTIMATED_END", "NOT_ONGOING"])
    states = (await asyncio.to_thread(system.get, f"/transactions/{ended['id']}/charging-states")).data
    assert {one["chargingState"] for one in states} == {"Charging"}


async def test_an_operator_ends_the_session_of_a_charge_point_that_is_gone(system: System) -> None:
    name = "E2EGONE"
    await _scene(system, name)
    async with _charger(system, name, "ocpp1.6") as charger:
        number = await _start_16(charger, name)
        running = await _transaction(system, name, "ACTIVE")

    def end(**body: Any) -> Any:
        return system.call("POST", f"/transactions/{running['id']}/end", body)

    assert (await asyncio.to_thread(end)).status == 400
    asked = {"reason": "the charger was stolen", "requestId": f"end {name}"}
    ended = await asyncio.to_thread(lambda: end(**asked))
    assert (ended.status, ended.data["state"], ended.data["energyWh"]) == (200, "ENDED", "2500")
    assert ended.data["flags"] == ["ENDED_BY_OPERATOR"]
    assert ended.data["endDecision"]["reason"] == "the charger was stolen"
    assert (await asyncio.to_thread(lambda: end(**asked))).data == ended.data
    again = await asyncio.to_thread(lambda: end(reason="once more"))
    assert (again.status, again.json["details"][0]["reason"]) == (400, "TRANSACTION_NOT_RUNNING")
    assert "correct" in again.json["message"]

    def billed() -> Any:
        return system.get(f"/charging-sessions?transactionId={running['id']}&state=COMPLETED").data

    [session] = await asyncio.to_thread(until, billed)
    assert session["energyWh"] == "2500"
    # It was found, and tells how it was.
    async with _charger(system, name, "ocpp1.6") as charger:
        await charger.ask("StopTransaction", transactionId=number, meterStop=4000, timestamp=_now(-10))
    found = (await asyncio.to_thread(system.get, f"/transactions/{running['id']}")).data
    assert (found["energyWh"], found["flags"]) == ("3000", ["ENDED_BY_OPERATOR"])
    assert found["endDecision"] == ended.data["endDecision"]
