"""Whose charge points are: the edge learns it when it lets them in, and says it of all that they tell."""

from tests.contract.ocpp_edge.node import Node
from tests.contract.ocpp_edge.platform import Platform
from tests.contract.ocpp_edge.test_charging import START, meter_values
from tests.fixtures.background import eventually


async def test_facts_and_frames_name_the_tenant_of_their_charge_point(node: Node, platform: Platform) -> None:
    platform.owners["CP-OF-SOUTH"] = "south"
    for identity in ("CP-OF-SOUTH", "CP1"):
        async with node.charger(identity) as charger:
            await charger.ask("StartTransaction", START)
            await charger.ask("MeterValues", meter_values("1500", 1000))

    async def is_told() -> bool:
        return len(platform.frames) >= 4

    await eventually(is_told)
    expected = {("CP-OF-SOUTH", "south"), ("CP1", "")}
    for told in (platform.events, platform.frames.values()):
        assert {(one.charge_point_id, one.tenant_id) for one in told} == expected
