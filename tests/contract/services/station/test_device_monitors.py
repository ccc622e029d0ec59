"""Monitors: what events tell of them is kept once, the newest of it, and found again; what they notify is as bad as
they say, and told to the others."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from csms.event.v1.domain_event_pb2 import DeviceEventRecorded
from csms.station.v1 import charge_point_service_pb2 as point_pb
from csms.station.v1 import connectivity_service_pb2 as pb
from csms.station.v1 import device_model_service_pb2 as model_pb
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.device_event_pb2 import DeviceEvent
from csms.station.v1.device_model_service_pb2_grpc import DeviceModelServiceStub
from csms.station.v1.device_monitor_pb2 import DeviceMonitor, MonitoredChange, MonitorReport, ReportedMonitor
from csms.station.v1.device_variable_pb2 import DeviceComponent, DeviceVariableName, ReportPart, ReportRequest
from services.rpc.protobuf import timestamp
from services.station.sql import device_monitors
from tests.contract.services.station.callers import create_point
from tests.fixtures.events import reported
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
UPPER, DELTA = DeviceMonitor.UPPER_THRESHOLD, DeviceMonitor.DELTA


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model(service: RunningService) -> DeviceModelServiceStub:
    """DeviceModelService as an operator calls it."""
    return DeviceModelServiceStub(await service.channel("operator"))


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def known(points: ChargePointServiceStub, name: str) -> None:
    """Monitors are shown to whom their charge point belongs."""
    await create_point(points, name)


def monitor(number: int, **fields: Any) -> ReportedMonitor:
    usual: dict[str, Any] = {"type": UPPER, "value": 80.5, "severity": 4}
    return ReportedMonitor(
        monitor_id=number,
        component=DeviceComponent(name="Controller", evse_id=fields.pop("evse_id", 2)),
        variable=DeviceVariableName(name=fields.pop("variable", "Temperature")),
        **{**usual, **fields},
    )


def event(name: str, at: float, kind: str, **fields: Any) -> DeviceEvent:
    time = timestamp(NOW + timedelta(seconds=at))
    usual: dict[str, Any] = {
        "kind": kind,
        "action": "SetVariableMonitoring",
        "protocol": "ocpp2.0.1",
        "received_time": time,
        "payload_json": "{}",
        "message_id": f"{kind} at {at} {fields}"[:200],
    }
    return DeviceEvent(charge_point_id=name, **{**usual, **fields})


def told(name: str, at: float, *monitors: ReportedMonitor, **fields: Any) -> DeviceEvent:
    return event(name, at, "monitors", monitor_report=MonitorReport(monitors=monitors, **fields))


def part(name: str, at: float, seq_no: int, *monitors: ReportedMonitor, last: bool = False) -> DeviceEvent:
    place = ReportPart(request_id=7, seq_no=seq_no, last=last)
    report = MonitorReport(monitors=monitors, part=place)
    return event(name, at, "monitoring_report", action="NotifyMonitoringReport", monitor_report=report)


def asked(name: str, at: float, scope: Any = ReportRequest.FULL_INVENTORY) -> DeviceEvent:
    time = timestamp(NOW + timedelta(seconds=at))
    request = ReportRequest(request_id=7, scope=scope, ask_time=time, command_id="c1")
    return event(name, at, "report_request", monitoring_report_request=request)


def notified(name: str, at: float, value: str, **fields: Any) -> DeviceEvent:
    time = timestamp(NOW + timedelta(seconds=at))
    change = MonitoredChange(**{"trigger": MonitoredChange.ALERTING, "monitor_id": 4, **fields})
    return event(
        name,
        at,
        "variable",
        action="NotifyEvent",
        subject="Controller.Temperature",
        status=value,
        evse_id=2,
        time=time,
        device_time=time,
        payload_json=f'{{"actualValue":"{value}","at":{at}}}',
        monitored_change=change,
    )


async def record(edge: ConnectivityServiceStub, *events: DeviceEvent) -> None:
    answer = await edge.RecordDeviceEvents(pb.RecordDeviceEventsRequest(events=events))
    assert [item.error.reason for item in answer.answers] == [0] * len(events)


async def monitors(model: DeviceModelServiceStub, name: str, **fields: Any) -> Sequence[DeviceMonitor]:
    request = model_pb.ListDeviceMonitorsRequest(charge_point_id=name, **fields)
    return (await model.ListDeviceMonitors(request)).monitors


async def numbers(model: DeviceModelServiceStub, name: str, **fields: Any) -> list[int]:
    return [one.monitor_id for one in await monitors(model, name, **fields)]


async def news(service: RunningService, name: str) -> list[tuple[str, str, bool, int]]:
    """What the others were told: the variable, how bad, whether it is over, and the monitor."""
    events = await reported(service.database, "device_event_recorded", name)
    recorded: list[DeviceEventRecorded] = [one.device_event_recorded for one in events]
    return [
        (
            one.event.subject,
            DeviceEvent.Severity.Name(one.event.severity),
            one.resolved,
            one.event.monitored_change.monitor_id,
        )
        for one in recorded
    ]


async def test_a_monitor_is_shown_as_it_was_told(
    edge: ConnectivityServiceStub, model: DeviceModelServiceStub, name: str
) -> None:
    said = monitor(4, during_transaction=True, kind=DeviceMonitor.CUSTOM)
    await record(edge, told(name, 1, said), told(name, 3, monitor(4, value=90.0)))
    # What is older changes nothing, and neither does what is said again.
    await record(edge, told(name, 2, monitor(4, value=70.0)), told(name, 3, monitor(4, value=90.0)))
    [shown] = await monitors(model, name)
    assert (shown.monitor_id, shown.type, shown.value, shown.severity) == (4, UPPER, 90.0, 4)
    # A report of OCPP 2.0.1 does not say whose it is.
    assert shown.kind == DeviceMonitor.CUSTOM
    assert (shown.component.name, shown.component.evse_id, shown.variable.name) == ("Controller", 2, "Temperature")
    assert (shown.first_seen_time, shown.reported_time) == (at(1), at(3))
    assert not shown.HasField("gone_time")
    assert not shown.during_transaction


async def test_monitors_are_found_by_what_they_watch(
    edge: ConnectivityServiceStub, model: DeviceModelServiceStub, name: str
) -> None:
    one, other = monitor(4), monitor(5, type=DELTA, variable="Power", severity=8, evse_id=1, kind=DeviceMonitor.CUSTOM)
    await record(edge, told(name, 1, one, other), told(name, 2, ReportedMonitor(monitor_id=5, gone=True)))
    for narrowing, expected in (
        ({}, [4, 5]),
        ({"variable": "power"}, [5]),
        ({"component": "controller"}, [4, 5]),
        ({"text": "emper"}, [4]),
        ({"type": DELTA}, [5]),
        ({"kind": DeviceMonitor.CUSTOM}, [5]),
        ({"severity": 4}, [4]),
        ({"evse_id": 1}, [5]),
        ({"gone": True}, [5]),
        ({"gone": False}, [4]),
    ):
        assert await numbers(model, name, **narrowing) == expected, narrowing
    assert await numbers(model, "somebody else's") == []


async def test_what_is_cleared_is_gone_until_it_is_told_again(
    edge: ConnectivityServiceStub, model: DeviceModelServiceStub, name: str
) -> None:
    gone = ReportedMonitor(monitor_id=4, gone=True)
    await record(
        edge, told(name, 1, monitor(4)), told(name, 2, gone), told(name, 2, ReportedMonitor(monitor_id=9, gone=True))
    )
    [shown] = await monitors(model, name)
    assert shown.gone_time == at(2)
    await record(edge, told(name, 3, monitor(4)))
    assert await numbers(model, name, gone=False) == [4]


async def test_a_base_takes_away_the_kinds_that_it_says(
    edge: ConnectivityServiceStub, model: DeviceModelServiceStub, name: str
) -> None:
    kinds = (DeviceMonitor.CUSTOM, DeviceMonitor.PRECONFIGURED, DeviceMonitor.HARD_WIRED)
    await record(edge, told(name, 1, *(monitor(number, kind=kind) for number, kind in enumerate(kinds))))
    await record(edge, told(name, 2, gone_kinds=kinds[:1]))
    assert await numbers(model, name, gone=False) == [1, 2]
    await record(edge, told(name, 3, gone_kinds=kinds[:2]))
    assert await numbers(model, name, gone=False) == [2]


async def test_what_a_whole_report_is_without_is_gone(
    edge: ConnectivityServiceStub, model: DeviceModelServiceStub, name: str
) -> None:
    await record(edge, told(name, 1, monitor(4), monitor(5), monitor(6)))
    await record(edge, asked(name, 10), part(name, 12, 1, monitor(6), last=True))
    assert await numbers(model, name, gone=True) == []
    await record(edge, part(name, 11, 0, monitor(4)))
    assert await numbers(model, name, gone=True) == [5]
    request = model_pb.ListMonitoringReportsRequest(charge_point_id=name)
    [report] = (await model.ListMonitoringReports(request)).reports
    assert (report.request_id, report.command_id, report.scope) == (7, "c1", ReportRequest.FULL_INVENTORY)
    assert report.report_time == at(11)


async def test_a_report_of_some_says_nothing_of_others(
    edge: ConnectivityServiceStub, model: DeviceModelServiceStub, name: str
) -> None:
    await record(edge, told(name, 1, monitor(4), monitor(5)))
    await record(edge, asked(name, 10, ReportRequest.SELECTION), part(name, 11, 0, monitor(4), last=True))
    assert await numbers(model, name, gone=True) == []


async def test_what_a_monitor_notifies_is_as_bad_as_it_was_set(
    service: RunningService, edge: ConnectivityServiceStub, points: ChargePointServiceStub, name: str
) -> None:
    await record(edge, told(name, 1, monitor(4, severity=2), monitor(5, severity=8)))
    await record(
        edge,
        notified(name, 2, "91"),
        notified(name, 3, "70", cleared=True),
        # For the record alone; one that says itself how bad it is; and one that nobody knows.
        notified(name, 4, "91", monitor_id=5),
        notified(name, 5, "92", monitor_id=5, severity=5),
        notified(name, 6, "93", monitor_id=77),
        # A value, and no trouble.
        notified(name, 7, "94", trigger=MonitoredChange.DELTA),
        notified(name, 8, "95", trigger=MonitoredChange.PERIODIC),
    )
    subject = "Controller.Temperature"
    assert await news(service, name) == [
        (subject, "CRITICAL", False, 4),
        (subject, "INFO", True, 4),
        (subject, "WARNING", False, 5),
        (subject, "WARNING", False, 77),
    ]
    listed = await points.ListDeviceEvents(point_pb.ListDeviceEventsRequest(charge_point_id=name, kind="variable"))
    assert [one.status for one in listed.events if one.severity == DeviceEvent.CRITICAL] == ["95", "94", "91"]


async def test_whoever_is_not_watched_any_more_alerts_no_more(
    service: RunningService, edge: ConnectivityServiceStub, name: str
) -> None:
    kept, cleared, taken, missing = (monitor(number, kind=DeviceMonitor.PRECONFIGURED) for number in (1, 2, 3, 4))
    taken.kind = DeviceMonitor.CUSTOM
    await record(edge, told(name, 1, kept, cleared, taken, missing))
    await record(edge, told(name, 2, ReportedMonitor(monitor_id=2, gone=True)))
    await record(edge, told(name, 3, gone_kinds=[DeviceMonitor.CUSTOM]))
    await record(edge, asked(name, 4), part(name, 5, 0, kept, last=True))
    assert [(over, number) for _, _, over, number in await news(service, name)] == [(True, 2), (True, 3), (True, 4)]


async def test_more_monitors_than_a_station_can_have_are_passed_over(
    edge: ConnectivityServiceStub, model: DeviceModelServiceStub, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_monitors, "MOST_MONITORS", 3)
    await record(edge, told(name, 1, monitor(1), monitor(2)))
    await record(edge, told(name, 2, monitor(1, value=1), monitor(3), monitor(4), monitor(5)))
    assert [(one.monitor_id, one.value) for one in await monitors(model, name)] == [(1, 1), (2, 80.5), (3, 80.5)]


def at(seconds: float) -> Any:
    return timestamp(NOW + timedelta(seconds=seconds))
