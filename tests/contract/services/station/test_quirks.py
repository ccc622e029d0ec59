"""GetQuirks and SwitchQuirks: what charge points are forgiven, and what the edge is told of that."""

from typing import Any

import pytest

from csms.station.v1 import charge_point_service_pb2 as point_pb
from csms.station.v1 import connectivity_service_pb2 as pb
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.quirk_pb2 import Quirk, QuirkProfile, QuirkSwitch
from services.kernel.quirks import GROUPS, QUIRKS
from tests.contract.services.station.callers import attempt, create_point, get_point, open_all, open_one, update_point
from tests.fixtures.calls import bad_fields, reason

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Nobody's before an operator says so.
SWITCHED_ON = {quirk.id for quirk in GROUPS["Asking"]}


async def switch(points: ChargePointServiceStub, name: str, *switches: QuirkSwitch) -> dict[str, Quirk]:
    """What is forgiven afterwards."""
    request = point_pb.SwitchQuirksRequest(charge_point_id=name, switches=switches)
    return {quirk.id: quirk for quirk in (await points.SwitchQuirks(request)).quirks}


async def quirks_of(points: ChargePointServiceStub, name: str) -> dict[str, Quirk]:
    answer = await points.GetQuirks(point_pb.GetQuirksRequest(charge_point_id=name))
    return {quirk.id: quirk for quirk in answer.quirks}


def refused(known: dict[str, Quirk]) -> list[str]:
    """What is not forgiven, of what everybody is."""
    return [quirk.id for quirk in known.values() if not quirk.forgiven and quirk.id not in SWITCHED_ON]


async def test_everything_is_forgiven_one_for_whom_nothing_was_switched(
    points: ChargePointServiceStub, name: str
) -> None:
    await create_point(points, name)

    reported = await quirks_of(points, name)

    assert list(reported) == list(QUIRKS)
    assert all(
        quirk.forgiven and quirk.forgiven_by_default for name, quirk in reported.items() if name not in SWITCHED_ON
    )
    assert not any(reported[name].forgiven or reported[name].forgiven_by_default for name in SWITCHED_ON)
    assert (reported["glued-path"].needed, reported["glued-path"].otherwise) == ("a session would be refused", "")
    assert (reported["unit-spelling"].needed, reported["unit-spelling"].flag) == ("", "unit_respelled")


async def test_switches_are_kept_and_replace_those_before(points: ChargePointServiceStub, name: str) -> None:
    before = await create_point(points, name)

    switched = await switch(points, name, QuirkSwitch(id="unit-spelling", forgiven=False))
    kept = await quirks_of(points, name)
    await update_point(points, name, "model", model="Other")
    after_update = await quirks_of(points, name)
    replaced = await switch(points, name, QuirkSwitch(id="decimal-comma", forgiven=False))

    assert switched == kept == after_update
    assert refused(kept) == ["unit-spelling"]
    assert kept["unit-spelling"].forgiven_by_default
    assert refused(replaced) == ["decimal-comma"]
    assert (await get_point(points, name)).etag != before.etag


@pytest.mark.parametrize(
    ("switches", "bad"),
    [
        ([QuirkSwitch(id="coffee", forgiven=True)], ["switches[0].id"]),
        ([QuirkSwitch(id="unit-spelling")], ["switches[0].forgiven"]),
        (
            [QuirkSwitch(id="unit-spelling", forgiven=True), QuirkSwitch(id="unit-spelling", forgiven=False)],
            ["switches[1].id"],
        ),
        (
            [QuirkSwitch(id="glued-path", forgiven=False), QuirkSwitch(id="unreadable-part", forgiven=False)],
            ["switches[0].forgiven", "switches[1].forgiven"],
        ),
    ],
)
async def test_a_bad_switch_is_named_and_changes_nothing(
    points: ChargePointServiceStub, name: str, switches: Any, bad: list[str]
) -> None:
    await create_point(points, name)

    request = point_pb.SwitchQuirksRequest(charge_point_id=name, switches=switches)

    assert await bad_fields(points.SwitchQuirks(request)) == bad
    assert refused(await quirks_of(points, name)) == []


async def test_nobody_knows_the_quirks_of_an_unknown_charge_point(points: ChargePointServiceStub, name: str) -> None:
    get, update = point_pb.GetQuirksRequest(charge_point_id=name), point_pb.SwitchQuirksRequest(charge_point_id=name)
    assert await reason(points.GetQuirks(get)) == "CHARGE_POINT_NOT_FOUND"
    assert await reason(points.SwitchQuirks(update)) == "CHARGE_POINT_NOT_FOUND"


async def test_the_edge_is_told_at_admission_and_boot_what_is_forgiven(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    await create_point(points, name, vendor="Operator's word", model="Wall")
    switches = QuirkSwitch(id="unit-spelling", forgiven=False), QuirkSwitch(id="loose-time", forgiven=True)
    await switch(points, name, *switches)
    epoch = await open_one(edge, name)
    report = pb.BootReport(charge_point_id=name, epoch=epoch, vendor="ACME", firmware_version="2.1")

    [booted] = (await edge.ReportBoots(pb.ReportBootsRequest(boots=[report]))).answers
    [back] = await open_all(edge, attempt(name))

    known = QuirkProfile(vendor="ACME", model="Wall", firmware_version="2.1", on=["loose-time"], off=["unit-spelling"])
    assert booted.quirk_profile == back.quirk_profile == known
