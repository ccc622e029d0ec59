"""What is forgiven a charge point on a real socket: by what the platform says of it, counted by its vendor."""

from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from csms.station.v1.quirk_pb2 import QuirkProfile
from ocpp_edge.quirks.counting import counter_of
from services.kernel.quirks.frames import NUMBER_AS_ID
from services.kernel.quirks.handshakes import BARE_IDENTITY
from services.kernel.quirks.readings import UNIT_SPELLING
from tests.contract.ocpp_edge.node import Node
from tests.contract.ocpp_edge.platform import Platform
from tests.contract.ocpp_edge.test_charging import BOOT_16, meter_values
from tests.fixtures.shorthand import flags_of

# In 1.6 this is no unit of the schema, and kept as it was said.
ODD = meter_values("1500", 1000, unit="Watt hours")


async def test_a_switch_holds_from_the_next_connection_on(node: Node, platform: Platform) -> None:
    async with node.charger() as charger:
        await charger.ask("MeterValues", ODD)
        platform.profiles["CP1"] = QuirkProfile(off=[UNIT_SPELLING.id])
        await charger.ask("MeterValues", ODD)
    async with node.charger() as charger:
        await charger.ask("MeterValues", ODD)

    readings = [event.meter_values[0] for event in platform.events]
    assert [reading.energy_wh for reading in readings] == [1500, 1500, 0]
    assert "unit_respelled" in flags_of(platform.events[0])
    assert "unknown_unit" in flags_of(platform.events[2])
    assert "Watt hours" in readings[2].other_json


async def test_a_switch_holds_from_the_next_boot_on(node: Node, platform: Platform) -> None:
    async with node.charger() as charger:
        platform.profiles["CP1"] = QuirkProfile(vendor="Vendor", off=[UNIT_SPELLING.id])
        await charger.ask("MeterValues", ODD)
        await charger.ask("BootNotification", BOOT_16)
        await charger.ask("MeterValues", ODD)

    assert [event.meter_values[0].energy_wh for event in platform.events] == [1500, 0]


async def test_quirks_are_counted_by_the_vendor_that_booted(node: Node) -> None:
    counter = counter_of(NUMBER_AS_ID, "told at boot")
    async with node.charger() as charger:
        await charger.ask("BootNotification", {**BOOT_16, "chargePointVendor": "Told at Boot"})
        before = counter.value
        await charger.socket.send(b'[2,17,"Heartbeat",{}]', text=True)
        assert (await charger.socket.recv()).startswith("[3,17,")  # type: ignore[arg-type]
        await charger.ask("Heartbeat", {})

    assert counter.value == before + 1


async def test_one_that_comes_back_without_a_boot_is_counted_by_what_is_known_of_it(
    node: Node, platform: Platform
) -> None:
    counter = counter_of(BARE_IDENTITY, "known before")
    platform.profiles["CP1"] = QuirkProfile(vendor="Known before")
    before = counter.value
    url = f"ws://127.0.0.1:{node.edge.gateway.port}/CP1"
    async with connect(url, subprotocols=[Subprotocol("ocpp1.6")], proxy=None):
        pass
    assert counter.value == before + 1
