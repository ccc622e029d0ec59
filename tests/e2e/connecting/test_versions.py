"""A charge point that offers several versions and speaks one of them badly."""

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.fixtures.system import System, until

_BOOT_16 = {"chargePointVendor": "ACME", "chargePointModel": "Tester"}
_BOTH = [Subprotocol("ocpp1.6"), Subprotocol("ocpp2.0.1")]


async def _boots(system: System, identity: str) -> tuple[str, Any]:
    """The version that is spoken, and the answer to a boot in the words of 1.6."""
    async with connect(f"{system.ocpp_url()}/{identity}", subprotocols=_BOTH, proxy=None) as socket:
        await socket.send(json.dumps([2, "1", "BootNotification", _BOOT_16]))
        async with asyncio.timeout(10):
            return socket.subprotocol or "", json.loads(await socket.recv())


@pytest.mark.field_case("B7")
async def test_a_hint_leads_to_the_pin_that_helps(system: System) -> None:
    body = {"id": "E2EBOTH"}
    assert (await asyncio.to_thread(system.call, "POST", "/charge-points", body)).status == 201
    for _ in range(3):
        version, answer = await _boots(system, "E2EBOTH")
        assert (version, answer[0]) == ("ocpp2.0.1", 4)

    hint = await asyncio.to_thread(until, lambda: system.get("/charge-points/E2EBOTH").data["protocolHint"])
    assert "ocpp2.0.1" in hint
    assert "offers ocpp1.6 as well" in hint
    [reported] = (await asyncio.to_thread(system.get, "/charge-points/E2EBOTH/refusals")).data
    assert (reported["rule"], reported["count"]) == ("VERSION_GETS_NOWHERE", "3")
    assert "pinnedProtocol" in reported["advice"]

    pinned = await asyncio.to_thread(system.call, "PATCH", "/charge-points/E2EBOTH", {"pinnedProtocol": "ocpp1.6"})
    assert (pinned.status, pinned.data["pinnedProtocol"]) == (200, "ocpp1.6")
    version, answer = await _boots(system, "E2EBOTH")
    assert (version, answer[0], answer[2]["status"]) == ("ocpp1.6", 3, "Accepted")
    shown = (await asyncio.to_thread(system.get, "/charge-points/E2EBOTH")).data
    assert (shown["protocol"], shown["protocolHint"]) == ("ocpp1.6", "")

    # An empty pin is none.
    cleared = await asyncio.to_thread(system.call, "PUT", "/charge-points/E2EBOTH", {"pinnedProtocol": ""})
    assert (cleared.status, cleared.data["pinnedProtocol"]) == (200, "")
    assert (await _boots(system, "E2EBOTH"))[0] == "ocpp2.0.1"
