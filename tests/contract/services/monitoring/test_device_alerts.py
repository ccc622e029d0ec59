"""Alerts of what charge points notify of themselves: security events, and components that are in trouble."""

from typing import Any

import pytest

from csms.monitoring.v1 import alert_service_pb2 as alert_pb
from csms.monitoring.v1 import alert_service_pb2_grpc as alert_grpc
from csms.monitoring.v1.monitoring_pb2 import Alert
from csms.station.v1.device_event_pb2 import DeviceEvent
from csms.station.v1.device_monitor_pb2 import MonitoredChange
from services.kernel.clock import FixedClock
from services.monitoring.application.alerts import Alerts
from services.monitoring.sql.unit_of_work import SqlUnitsOfWork
from tests.contract.services.monitoring.conftest import Tell
from tests.contract.services.monitoring.messages import STATION, a_charge_point, at, device_event, point_changed

pytestmark = pytest.mark.field_case("B11")

DAY = 86400


async def standing(stub: alert_grpc.AlertServiceStub) -> list[Alert]:
    """The alerts that are not cleared, the oldest first."""
    return list(reversed((await stub.ListAlerts(alert_pb.ListAlertsRequest())).alerts))


async def test_a_security_event_is_an_alert_until_somebody_has_looked(
    units_of_work: SqlUnitsOfWork, tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    await tell(device_event("TamperDetectionActivated", info="door"))
    [alert] = await standing(alerts)
    assert (alert.kind, alert.severity, alert.occurrence_count) == (Alert.SECURITY_EVENT, Alert.CRITICAL, 1)
    assert (alert.charge_point_id, alert.station_id) == ("CP1", STATION)
    assert alert.message == "charge point CP1 told TamperDetectionActivated (door)"
    await tell(device_event("TamperDetectionActivated", seconds=5))
    assert [one.occurrence_count for one in await standing(alerts)] == [2]
    sweeping = Alerts(units_of_work, FixedClock(at(3600)))
    await sweeping.clear_what_is_over()
    assert len(await standing(alerts)) == 1
    await alerts.AcknowledgeAlert(alert_pb.AcknowledgeAlertRequest(id=alert.id))
    await sweeping.clear_what_is_over()
    assert await standing(alerts) == []
    await tell(device_event("TamperDetectionActivated", seconds=9))
    assert len(await standing(alerts)) == 1
    await Alerts(units_of_work, FixedClock(at(8 * DAY))).clear_what_is_over()
    assert await standing(alerts) == []


async def test_each_type_is_an_alert_and_those_of_a_vendor_together_are_one(
    tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    minor: dict[str, Any] = {"severity": DeviceEvent.WARNING}
    await tell(
        device_event("MemoryExhaustion"),
        device_event("InvalidMessages", **minor),
        *(device_event(f"Acme{number}", vendor_specific=True, **minor) for number in range(3)),
    )
    found = [(alert.message, alert.severity, alert.occurrence_count) for alert in await standing(alerts)]
    assert found == [
        ("charge point CP1 told MemoryExhaustion", Alert.CRITICAL, 1),
        ("charge point CP1 told InvalidMessages", Alert.WARNING, 1),
        ("charge point CP1 told Acme2", Alert.WARNING, 3),
    ]


async def test_a_problem_is_an_alert_until_it_is_over(tell: Tell, alerts: alert_grpc.AlertServiceStub) -> None:
    problem: dict[str, Any] = {"kind": "variable", "severity": DeviceEvent.WARNING}
    await tell(device_event("Fan.Problem", evse=2, info="stuck", **problem), device_event("Fan.Problem", **problem))
    assert [(one.kind, one.message, one.connector_id) for one in await standing(alerts)] == [
        (Alert.DEVICE_PROBLEM, "connector 1 of CP1 told Fan.Problem (stuck)", 1),
        (Alert.DEVICE_PROBLEM, "charge point CP1 told Fan.Problem", 0),
    ]
    await tell(device_event("Fan.Problem", evse=2, resolved=True, **problem))
    assert [one.connector_id for one in await standing(alerts)] == [0]
    # Told again within one batch, the last word counts.
    await tell(
        device_event("Fan.Problem", resolved=True, **problem), device_event("Fan.Problem", info="again", **problem)
    )
    assert [one.message for one in await standing(alerts)] == ["charge point CP1 told Fan.Problem (again)"]


async def test_a_charge_point_that_is_gone_leaves_none(tell: Tell, alerts: alert_grpc.AlertServiceStub) -> None:
    await tell(device_event("MemoryExhaustion"), point_changed(a_charge_point(), seconds=5))
    await tell(point_changed(a_charge_point(), seconds=9, deleted=True))
    assert await standing(alerts) == []


async def test_what_a_monitor_watches_is_an_alert_of_its_own_until_it_is_over(
    tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    def watched(number: int, **fields: Any) -> Any:
        change = MonitoredChange(trigger=MonitoredChange.ALERTING, monitor_id=number)
        usual = {"kind": "variable", "status": "91", "severity": DeviceEvent.WARNING, "evse": 2}
        return device_event("Controller.Temperature", monitored_change=change, **{**usual, **fields})

    await tell(watched(4), watched(5, severity=DeviceEvent.CRITICAL), watched(4))
    assert [(one.kind, one.severity, one.message) for one in await standing(alerts)] == [
        (Alert.DEVICE_PROBLEM, Alert.WARNING, "connector 1 of CP1 told Controller.Temperature = 91"),
        (Alert.DEVICE_PROBLEM, Alert.CRITICAL, "connector 1 of CP1 told Controller.Temperature = 91"),
    ]
    await tell(watched(4, resolved=True))
    assert [one.severity for one in await standing(alerts)] == [Alert.CRITICAL]
    await tell(watched(5, resolved=True))
    assert await standing(alerts) == []
