"""A charge point that a test plays itself, frame by frame, at times of its own."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.fixtures.raw_frames import next_frame
from tests.fixtures.system import System

PRICE = {"currencyCode": "EUR", "units": "0", "nanos": 400_000_000}
BOOT_201 = {"chargingStation": {"vendorName": "ACME", "model": "Tester"}, "reason": "PowerUp"}
BOOT_16 = {"chargePointVendor": "ACME", "chargePointModel": "Tester"}


class Charger:
    """A charge point at a station of its own, with a connector, a card that may charge there, and a tariff: of 0.40 EUR
    a kWh without other components."""

    def __init__(self, system: System, name: str, *components: dict[str, Any], max_power_w: int = 22_000) -> None:
        self.system = system
        self.name = name
        self.card = f"TAG-{name}"
        connectors = [{"connectorId": 1, "evseId": 1, "maxPowerW": str(max_power_w)}]
        station = {"name": name, "chargePoints": [{"id": name}], "connectors": connectors}
        self.station_id = system.call("POST", "/stations", station).data["id"]
        tariff = {
            "name": name,
            "currencyCode": "EUR",
            "components": components or [{"kind": "ENERGY", "price": PRICE}],
            "stationIds": [self.station_id],
        }
        assert system.call("POST", "/pricing/tariffs", tariff).status == 201
        driver = system.call("POST", "/drivers", {"name": name}).data
        assert system.call("POST", "/rfid-cards", {"idTag": self.card, "driverId": driver["id"]}).status == 201

    def connected(self, protocol: str = "ocpp1.6") -> connect:
        url = f"ws://127.0.0.1:{self.system.ports['ocpp']}/ocpp/{self.name}"
        return connect(url, subprotocols=[Subprotocol(protocol)], proxy=None)

    def transaction(self) -> Any:
        [found] = self.system.get(f"/transactions?chargePointId={self.name}").data
        return found

    def session(self, state: str) -> Any:
        """Its charging session in that state; None before."""
        found = self.system.get(f"/charging-sessions?stationId={self.station_id}").data
        return found[0] if found and found[0]["state"] == state else None

    def alert(self, kind: str) -> Any:
        found = self.system.get(f"/alerts?chargePointId={self.name}&kind={kind}").data
        return found[0] if found else None


async def ask(socket: ClientConnection, action: str, payload: dict[str, Any]) -> Any:
    await socket.send(json.dumps([2, f"{action}-{time.monotonic_ns()}", action, payload]))
    answer = await next_frame(socket)
    assert answer[0] == 3, answer
    return answer[2]


def stamp(at: float | datetime) -> str:
    """A time, or so many hours from now."""
    time = at if isinstance(at, datetime) else datetime.now(UTC) + timedelta(hours=at)
    return time.isoformat(timespec="seconds").replace("+00:00", "Z")


def sampled(at: float | datetime, *samples: dict[str, str]) -> list[dict[str, Any]]:
    return [{"timestamp": stamp(at), "sampledValue": list(samples)}]


def metered(at: float, value: float, unit: str = "Wh", **more: Any) -> list[dict[str, Any]]:
    """A meter value by OCPP 2.0.1."""
    sample = {"value": value, "unitOfMeasure": {"unit": unit}, "measurand": "Energy.Active.Import.Register", **more}
    return [{"timestamp": stamp(at), "sampledValue": [sample]}]
