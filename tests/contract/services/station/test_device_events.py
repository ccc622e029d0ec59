"""RecordDeviceEvents, ListDeviceEvents: what charge points notify of themselves is kept once, and found again."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from csms.error.v1.error_reason_pb2 import ERROR_REASON_INVALID_FIELD as INVALID_FIELD
from csms.event.v1.domain_event_pb2 import DeviceEventRecorded
from csms.station.v1 import charge_point_service_pb2 as point_pb
from csms.station.v1 import connectivity_service_pb2 as pb
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.device_event_pb2 import DeviceEvent
from csms.station.v1.station_service_pb2_grpc import StationServiceStub
from services.rpc.protobuf import timestamp
from tests.contract.services.station.callers import ChargePoint, create_point, create_station
from tests.fixtures.calls import reason
from tests.fixtures.events import reported
from tests.fixtures.services import RunningService
from tests.fixtures.shorthand import with_flags

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.field_case("B11")]

NOW = datetime.now(UTC).replace(microsecond=0)
PROBLEM = "FuelCell[2].Problem"


def security(name: str, subject: str = "TamperDetectionActivated", *, seconds: float = 0, **fields: Any) -> DeviceEvent:
    """A security event that has a stamp of its own."""
    time = timestamp(NOW + timedelta(seconds=seconds))
    usual: dict[str, Any] = {
        "kind": "security_event",
        "action": "SecurityEventNotification",
        "protocol": "ocpp2.0.1",
        "subject": subject,
        "info": "the door",
        "epoch": 3,
        "time": time,
        "device_time": time,
        "received_time": timestamp(NOW + timedelta(hours=1)),
        "flags": ["clock_corrected"],
        "payload_json": f'{{"type":"{subject}"}}',
        "message_id": "m1",
    }
    return DeviceEvent(charge_point_id=name, **with_flags({**usual, **fields}))


def firmware(name: str, status: str, *, message: str, epoch: int = 3, seconds: float = 0) -> DeviceEvent:
    """A status that comes without a stamp."""
    return DeviceEvent(
        charge_point_id=name,
        kind="firmware_status",
        action="FirmwareStatusNotification",
        protocol="ocpp1.6",
        status=status,
        request_id=7,
        epoch=epoch,
        received_time=timestamp(NOW + timedelta(seconds=seconds)),
        payload_json=f'{{"status":"{status}"}}',
        message_id=message,
    )


def variable(name: str, value: str, *, seconds: float = 0) -> DeviceEvent:
    return security(
        name,
        seconds=seconds,
        kind="variable",
        action="NotifyEvent",
        subject=PROBLEM,
        status=value,
        evse_id=2,
        connector_id=1,
        payload_json=f'{{"actualValue":"{value}"}}',
    )


async def record(edge: ConnectivityServiceStub, *events: DeviceEvent) -> list[int]:
    answer = await edge.RecordDeviceEvents(pb.RecordDeviceEventsRequest(events=events))
    return [item.error.reason for item in answer.answers]


async def events_of(points: ChargePointServiceStub, name: str, **fields: Any) -> Sequence[DeviceEvent]:
    return (await points.ListDeviceEvents(point_pb.ListDeviceEventsRequest(charge_point_id=name, **fields))).events


async def news(service: RunningService, name: str) -> list[DeviceEventRecorded]:
    found = await reported(service.database, "csms.event.station.device_event.recorded", name)
    return [event.device_event_recorded for event in found]


async def test_an_event_is_shown_as_it_was_told(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    said = [security(name, seconds=9), firmware(name, "Downloading", message="m2")]
    assert await record(edge, *said) == [0, 0]
    shown = await events_of(points, name)
    assert [event.severity for event in shown] == [DeviceEvent.CRITICAL, DeviceEvent.INFO]
    assert len({event.id for event in shown}) == 2
    # What tells no time happened when it came.
    said[1].time.CopyFrom(said[1].received_time)
    for event in shown:
        event.ClearField("id")
        event.ClearField("severity")
        event.ClearField("tenant_id")
    assert list(shown) == said


async def test_what_is_told_again_is_kept_once(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    await record(edge, security(name), security(name), firmware(name, "Downloading", message="m2"))
    # After a reconnect: the clock is known better, and the message has another id.
    later = timestamp(NOW + timedelta(minutes=2))
    await record(edge, security(name, time=later, epoch=4, message_id="m9"))
    await record(edge, firmware(name, "Downloading", message="m2", seconds=30))
    assert len(await events_of(points, name)) == 2
    # Another one says the same at another time; without a stamp, in another message.
    await record(edge, security(name, seconds=600, payload_json='{"type":"x","timestamp":"later"}'))
    await record(edge, firmware(name, "Downloading", message="m3", seconds=60))
    await record(edge, firmware(name, "Downloading", message="m2", epoch=4, seconds=90))
    assert len(await events_of(points, name)) == 5


async def test_events_are_found_by_what_they_are_and_when_they_were(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    said = [security(name, f"Type{number}", seconds=number) for number in range(5)]
    await record(edge, *said, firmware(name, "Installed", message="m1", seconds=2.5), security(f"{name}-2"))
    request = point_pb.ListDeviceEventsRequest(charge_point_id=name, kind="security_event", page_size=2)
    seen: list[str] = []
    while True:
        page = await points.ListDeviceEvents(request)
        assert page.total_size == 5
        seen += [event.subject for event in page.events]
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert seen == [f"Type{number}" for number in reversed(range(5))]
    span = {"time_from": timestamp(NOW + timedelta(seconds=2)), "time_to": timestamp(NOW + timedelta(seconds=4))}
    found = await events_of(points, name, **span)
    assert [event.subject for event in found] == ["Type3", "", "Type2"]
    assert [event.status for event in await events_of(points, name, action="FirmwareStatusNotification")] == [
        "Installed"
    ]
    assert len(await events_of(points, name, subject="Type4")) == 1
    assert len(await events_of(points, name, severity=DeviceEvent.WARNING)) == 5
    assert len(await events_of(points, name, severity=DeviceEvent.CRITICAL)) == 0


async def test_what_cannot_be_stored_fails_alone(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    assert await record(edge, security(name, kind=""), security(name)) == [INVALID_FIELD, 0]
    assert len(await events_of(points, name)) == 1
    assert await reason(points.ListDeviceEvents(point_pb.ListDeviceEventsRequest())) == "MISSING_FIELD"


async def test_what_was_told_outlives_its_charge_point(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    await create_point(points, name)
    await record(edge, security(name))
    await points.DeleteChargePoint(point_pb.DeleteChargePointRequest(charge_point_id=name))
    assert len(await events_of(points, name)) == 1


async def test_others_are_told_of_what_somebody_should_look_at(
    service: RunningService,
    stations: StationServiceStub,
    points: ChargePointServiceStub,
    edge: ConnectivityServiceStub,
    name: str,
) -> None:
    station = await create_station(stations)
    await create_point(points, name, station_id=station.id)
    await record(edge, security(name), security(name, "StartupOfTheDevice"), firmware(name, "Installed", message="m1"))
    await record(edge, security(name, "AcmeCoffeeSpilled"), variable(name, "true"), variable(name, "false", seconds=5))
    await record(edge, security(name))
    found = await news(service, name)
    assert [(one.event.subject, one.event.severity, one.resolved, one.vendor_specific) for one in found] == [
        ("TamperDetectionActivated", DeviceEvent.CRITICAL, False, False),
        ("AcmeCoffeeSpilled", DeviceEvent.WARNING, False, True),
        (PROBLEM, DeviceEvent.WARNING, False, False),
        (PROBLEM, DeviceEvent.INFO, True, False),
    ]
    assert {one.station_id for one in found} == {station.id}
    assert not any(one.event.payload_json for one in found)


async def test_nobody_is_told_what_unknown_charge_points_say(
    service: RunningService, points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    await create_point(points, name, state=ChargePoint.PENDING)
    await record(edge, security(name), security(f"{name}-unknown"))
    assert len(await events_of(points, name)) == 1
    assert await news(service, name) == []


async def test_security_events_of_all_charge_points_are_an_audit(
    service: RunningService, edge: ConnectivityServiceStub, points: ChargePointServiceStub, name: str
) -> None:
    others = f"{name}-2"
    for each in (name, others):
        await create_point(points, each)
    told = [
        security(name, "AuditProbe", message_id="a"),
        security(others, "AuditProbe", seconds=5, info="the lid", message_id="b"),
        firmware(name, "Downloading", message="c"),
    ]
    await edge.RecordDeviceEvents(pb.RecordDeviceEventsRequest(events=told))

    async def listed(**fields: Any) -> list[str]:
        request = point_pb.ListSecurityEventsRequest(subject="AuditProbe", **fields)
        return [one.charge_point_id for one in (await points.ListSecurityEvents(request)).events]

    assert await listed() == [others, name]
    assert await listed(charge_point_id=name) == [name]
    assert await listed(text="THE LID") == [others]
    assert await listed(time_to=timestamp(NOW + timedelta(seconds=1))) == [name]
    kinds = (await points.ListSecurityEvents(point_pb.ListSecurityEventsRequest(charge_point_id=name))).events
    assert {one.kind for one in kinds} == {"security_event"}
