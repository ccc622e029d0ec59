"""ReportBoots: what charge points tell at boot, and what they are told."""

from datetime import UTC, datetime
from typing import Any

import pytest

from csms.error.v1 import error_reason_pb2 as reasons
from csms.station.v1 import connectivity_service_pb2 as pb
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.quirk_pb2 import QuirkProfile
from services.rpc.protobuf import timestamp
from tests.contract.services.station.callers import (
    ChargePoint,
    close_all,
    create_point,
    get_point,
    open_one,
    update_point,
)
from tests.fixtures.calls import bad_fields
from tests.fixtures.events import reported
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")

STALE = reasons.ERROR_REASON_STALE_EPOCH
BOOTED = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def _boot(name: str, epoch: int, **fields: Any) -> pb.BootReport:
    usual = {"vendor": "ACME", "model": "Wall", "firmware_version": "1.0", "received_time": timestamp(BOOTED)}
    return pb.BootReport(charge_point_id=name, epoch=epoch, **{**usual, **fields})


async def _report(edge: ConnectivityServiceStub, *boots: pb.BootReport) -> list[pb.BootAnswer]:
    return list((await edge.ReportBoots(pb.ReportBootsRequest(boots=boots))).answers)


@pytest.mark.parametrize("state", [ChargePoint.ACCEPTED, ChargePoint.PENDING, ChargePoint.REJECTED])
async def test_a_charge_point_is_told_whether_it_is_accepted(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str, state: Any
) -> None:
    await create_point(points, name, state=state, heartbeat_interval_seconds=90)
    epoch = await open_one(edge, name)

    assert await _report(edge, _boot(name, epoch)) == [
        pb.BootAnswer(
            state=state,
            interval_seconds=90,
            quirk_profile=QuirkProfile(vendor="ACME", model="Wall", firmware_version="1.0"),
        )
    ]


async def test_what_it_tells_of_its_hardware_is_kept(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, service: RunningService, name: str
) -> None:
    await create_point(points, name, model="The Wall")
    epoch = await open_one(edge, name)

    await _report(edge, _boot(name, epoch, serial_number="S1", reason="PowerUp"))
    shown = await get_point(points, name)
    await _report(edge, _boot(name, epoch, model="Other", serial_number="", firmware_version="1.1"))

    assert (shown.vendor, shown.model, shown.serial_number, shown.firmware_version) == ("ACME", "The Wall", "S1", "1.0")
    assert (shown.boot_time.ToDatetime(tzinfo=UTC), shown.etag) == (BOOTED, "1")
    again = await get_point(points, name)
    assert (again.model, again.serial_number, again.firmware_version) == ("The Wall", "S1", "1.1")
    assert (await update_point(points, name, "model")).model == "Other"
    first, second = await reported(service.database, f"charge_point.booted.{name}")
    assert first.subject == f"csms.event.station.charge_point.booted.{name}"
    assert first.charge_point_booted.reason == "PowerUp"
    assert first.charge_point_booted.charge_point == shown
    assert second.charge_point_booted.charge_point == again


async def test_a_boot_from_a_connection_that_is_not_the_open_one_is_refused_alone(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    names = [f"{name}-{number}" for number in range(3)]
    for point in names:
        await create_point(points, point)
        await open_one(edge, point)
    await open_one(edge, names[0])
    await close_all(edge, (names[1], 1))

    answers = await _report(edge, *(_boot(point, 1) for point in (*names, f"{name}-X")))

    assert [answer.error.reason for answer in answers] == [STALE, STALE, 0, STALE]
    assert (await get_point(points, names[0])).vendor == ""
    assert (await get_point(points, names[2])).vendor == "ACME"


async def test_of_two_boots_in_one_batch_the_last_stays(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    await create_point(points, name)
    epoch = await open_one(edge, name)

    answers = await _report(edge, _boot(name, epoch), _boot(name, epoch, firmware_version="1.1"))

    assert [answer.error.reason for answer in answers] == [0, 0]
    assert (await get_point(points, name)).firmware_version == "1.1"


async def test_unfit_reports_do_not_harm_the_others(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    names = [f"{name}-{number}" for number in range(3)]
    for point in names:
        await create_point(points, point)
        await open_one(edge, point)
    out_of_time = _boot(names[1], 1)
    out_of_time.received_time.seconds = 10**15

    answers = await _report(edge, _boot(names[0], 1, vendor="A\0B" * 100), out_of_time, _boot(names[2], 1))

    assert [answer.error.reason for answer in answers] == [0, reasons.ERROR_REASON_INVALID_FIELD, 0]
    assert (await get_point(points, names[0])).vendor == ("AB" * 50)
    assert (await get_point(points, names[2])).vendor == "ACME"


async def test_a_batch_is_bounded(edge: ConnectivityServiceStub) -> None:
    assert await bad_fields(_report(edge, *[_boot("CP", 1)] * 1001)) == ["boots"]
    assert await _report(edge) == []
