"""Alerts: raised and cleared by what happens and by time, one for each cause, told of and acknowledged."""

import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
import pytest
from sqlalchemy import select

from csms.event.v1.domain_event_pb2 import DomainEvent
from csms.monitoring.v1 import alert_service_pb2 as alert_pb
from csms.monitoring.v1 import alert_service_pb2_grpc as alert_grpc
from csms.monitoring.v1 import analytics_service_pb2 as analytics_pb
from csms.monitoring.v1 import analytics_service_pb2_grpc as analytics_grpc
from csms.monitoring.v1 import monitoring_pb2 as monitoring_pb
from csms.monitoring.v1 import monitoring_service_pb2 as service_pb
from csms.monitoring.v1 import monitoring_service_pb2_grpc as monitoring_grpc
from services.kernel.clock import FixedClock
from services.kernel.ids import new_id
from services.monitoring.application.alerts import Alerts
from services.monitoring.sql.unit_of_work import SqlUnitsOfWork
from services.postgres.shared_tables import OUTBOX
from services.rpc.status import from_rpc_error
from tests.contract.services.monitoring.conftest import Tell
from tests.contract.services.monitoring.messages import (
    STATION,
    a_charge_point,
    a_connector,
    a_transaction,
    at,
    booted,
    connection,
    connector_reported,
    point_changed,
    refused,
    session,
    station_changed,
)
from tests.fixtures.services import RunningService

Alert = monitoring_pb.Alert


async def listed(stub: alert_grpc.AlertServiceStub, **wish: object) -> list[Alert]:
    return list((await stub.ListAlerts(alert_pb.ListAlertsRequest(**wish))).alerts)  # type: ignore[arg-type]


async def standing(stub: alert_grpc.AlertServiceStub) -> list[tuple[str, int]]:
    """Kind and occurrences of the alerts that are not cleared."""
    return sorted((Alert.Kind.Name(alert.kind), alert.occurrence_count) for alert in await listed(stub))


async def told_of(service: RunningService) -> list[tuple[str, str]]:
    """Kind and state of the alerts that others were told of, in order."""
    async with service.database.read() as connection:
        payloads = await connection.scalars(select(OUTBOX.c.payload).order_by(OUTBOX.c.seq))
        events = [DomainEvent.FromString(payload) for payload in payloads]
    assert all(event.subject.startswith("csms.event.monitoring.alert.") for event in events)
    return [(event.alert_changed.kind, event.alert_changed.state) for event in events]


def sweeper(units_of_work: SqlUnitsOfWork, seconds: float) -> Alerts:
    """The alerts as they are looked at so long after NOW."""
    return Alerts(units_of_work, FixedClock(at(seconds)))


async def test_a_faulted_connector_raises_an_alert_that_a_fine_one_clears(
    service: RunningService, tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    await tell(connector_reported(a_connector(2, "FAULTED", seconds=1), seconds=1, info="relay"))
    [alert] = await listed(alerts)
    assert (alert.kind, alert.severity, alert.state) == (Alert.CONNECTOR_FAULTED, Alert.CRITICAL, Alert.OPEN)
    assert (alert.charge_point_id, alert.station_id, alert.connector_id) == ("CP1", STATION, 2)
    assert alert.message == "connector 2 of CP1 is faulted (GroundFailure: relay)"
    await tell(connector_reported(a_connector(2, "FAULTED", seconds=2, error_code="HighTemperature"), seconds=2))
    assert await standing(alerts) == [("CONNECTOR_FAULTED", 2)]
    await tell(connector_reported(a_connector(2, "CHARGING", seconds=3), seconds=3))
    assert await listed(alerts) == []
    [cleared] = await listed(alerts, state=Alert.CLEARED)
    assert cleared.HasField("clear_time")
    assert await told_of(service) == [("CONNECTOR_FAULTED", "OPEN"), ("CONNECTOR_FAULTED", "CLEARED")]


@pytest.mark.field_case("B6")
async def test_an_error_beside_a_status_that_nobody_knows_is_a_fault(
    tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    said = a_connector(2, "STATUS_UNSPECIFIED", seconds=1, error_code="GroundFailure", reported_status="Occupied")
    await tell(connector_reported(said, seconds=1))
    [alert] = await listed(alerts)
    assert (alert.kind, alert.message) == (
        Alert.CONNECTOR_FAULTED,
        "connector 2 of CP1 is faulted (GroundFailure: Occupied)",
    )
    fine = a_connector(2, "STATUS_UNSPECIFIED", seconds=2, error_code="NoError", reported_status="Occupied")
    await tell(connector_reported(fine, seconds=2))
    assert await listed(alerts) == []


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_the_newest_report_decides_in_any_order(
    order: Sequence[int], tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    reports = [
        connector_reported(a_connector(1, "FAULTED", seconds=1), seconds=1),
        connector_reported(a_connector(1, "AVAILABLE", seconds=2), seconds=2),
        connector_reported(a_connector(1, "FAULTED", seconds=3), seconds=3),
    ]
    await tell(*(reports[position] for position in order))
    assert [kind for kind, _ in await standing(alerts)] == ["CONNECTOR_FAULTED"]


async def test_a_repeated_event_is_no_other_occurrence(tell: Tell, alerts: alert_grpc.AlertServiceStub) -> None:
    report = connector_reported(a_connector(1, "FAULTED"))
    await tell(report, report)
    await tell(station_changed(charge_points=[a_charge_point()], connectors=[a_connector(1, "FAULTED")], seconds=5))
    assert await standing(alerts) == [("CONNECTOR_FAULTED", 1)]


async def test_a_snapshot_that_shows_a_fault_raises_the_alert_too(
    tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    await tell(station_changed(charge_points=[a_charge_point()], connectors=[a_connector(1, "FAULTED")]))
    assert await standing(alerts) == [("CONNECTOR_FAULTED", 1)]


async def test_a_charge_point_that_stays_away_raises_an_alert_until_it_is_back(
    units_of_work: SqlUnitsOfWork, tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    await tell(
        station_changed(charge_points=[a_charge_point()]),
        connection(online=True, epoch=1, seconds=0),
        connection(online=False, epoch=1, seconds=10),
    )
    assert await sweeper(units_of_work, 39).raise_for_those_away() == 0
    assert await sweeper(units_of_work, 39).until_one_is_away() == timedelta(seconds=1)
    assert await listed(alerts) == []
    for _ in range(2):
        await sweeper(units_of_work, 40).raise_for_those_away()
    [alert] = await listed(alerts)
    assert (alert.kind, alert.severity, alert.occurrence_count) == (Alert.CHARGE_POINT_OFFLINE, Alert.CRITICAL, 1)
    assert (alert.charge_point_id, alert.station_id) == ("CP1", STATION)
    assert await sweeper(units_of_work, 41).until_one_is_away() is None
    await tell(connection(online=True, epoch=2, seconds=50))
    assert await listed(alerts) == []


async def test_a_charge_point_that_never_came_or_was_taken_away_is_not_missed(
    units_of_work: SqlUnitsOfWork, tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    await tell(
        station_changed(charge_points=[a_charge_point("CP1"), a_charge_point("CP2")]),
        connection(online=True, epoch=1, seconds=0),
        connection(online=False, epoch=1, seconds=1),
    )
    await sweeper(units_of_work, 60).raise_for_those_away()
    assert [alert.charge_point_id for alert in await listed(alerts)] == ["CP1"]
    await tell(station_changed(seconds=70))
    assert await listed(alerts) == []
    assert await sweeper(units_of_work, 100).raise_for_those_away() == 0


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"authorization": "BLOCKED"}, "UNAUTHORIZED_SESSION"),
        ({"authorization": "INVALID", "state": "ENDED", "stop_time": at(5), "energy_wh": 50}, "UNAUTHORIZED_SESSION"),
        ({"state": "ORPHAN"}, "ORPHAN_TRANSACTION"),
    ],
)
async def test_a_session_that_should_not_be_raises_an_alert_until_it_is_put_right(
    fields: dict[str, Any], kind: str, tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    await tell(session(a_transaction(**fields)), session(a_transaction(revision=2, **fields)))
    assert await standing(alerts) == [(kind, 1)]
    await tell(session(a_transaction(revision=3)))
    assert await listed(alerts) == []


@pytest.mark.field_case("A9")
@pytest.mark.field_case("A12")
@pytest.mark.parametrize(
    ("flag", "kind"),
    [
        ("no_register", "UNMETERED_SESSION"),
        ("implausible_energy", "DOUBTFUL_ENERGY"),
        ("register_went_back", "DOUBTFUL_ENERGY"),
        ("outlier_reading", None),
    ],
)
async def test_a_session_whose_energy_is_open_raises_an_alert_with_its_figures_until_it_is_known(
    flag: str, kind: str | None, tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    doubt: dict[str, Any] = {"flags": [flag], "energy_doubt": "939000 Wh in 8 h is 117 kW"}
    over: dict[str, Any] = {"state": "ENDED", "stop_time": at(65)}
    await tell(session(a_transaction(**doubt)))
    assert await listed(alerts) == []
    await tell(session(a_transaction(revision=2, **over, **doubt)), session(a_transaction(revision=3, **over, **doubt)))
    found = await listed(alerts)
    assert [(Alert.Kind.Name(alert.kind), alert.severity) for alert in found] == (
        [(kind, Alert.WARNING)] if kind else []
    )
    assert all(alert.message.endswith("is in doubt: 939000 Wh in 8 h is 117 kW") for alert in found)
    await tell(session(a_transaction(revision=4, **over)))
    assert await listed(alerts) == []


async def test_what_is_put_right_in_the_batch_in_which_it_was_told_leaves_no_alert(
    tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    await tell(
        session(a_transaction("1", state="ORPHAN")),
        session(a_transaction("2")),
        session(a_transaction("1", revision=2)),
        session(a_transaction("2", revision=2, authorization="BLOCKED")),
    )
    assert await standing(alerts) == [("UNAUTHORIZED_SESSION", 1)]


async def test_the_alert_of_a_session_that_is_over_goes_when_somebody_has_looked_at_it(
    units_of_work: SqlUnitsOfWork, tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    over: dict[str, Any] = {"authorization": "BLOCKED", "state": "ENDED", "stop_time": at(5), "energy_wh": 50}
    await tell(session(a_transaction("1", **over)), session(a_transaction("2", **over)))
    await sweeper(units_of_work, 60).clear_what_is_over()
    later, earlier = await listed(alerts)
    await alerts.AcknowledgeAlert(alert_pb.AcknowledgeAlertRequest(id=earlier.id))
    await sweeper(units_of_work, 60).clear_what_is_over()
    assert [alert.id for alert in await listed(alerts)] == [later.id]
    await sweeper(units_of_work, 8 * 86_400).clear_what_is_over()
    assert await listed(alerts) == []


@pytest.mark.field_case("C15")
async def test_the_alert_of_an_unauthorized_session_follows_it(
    service: RunningService, tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    refused: dict[str, Any] = {"authorization": "INVALID"}
    await tell(session(a_transaction(revision=1, **refused)))
    [alert] = await listed(alerts)
    assert alert.severity == Alert.CRITICAL
    assert "goes on" in alert.message
    await alerts.AcknowledgeAlert(alert_pb.AcknowledgeAlertRequest(id=alert.id))
    over = {**refused, "state": "ENDED", "stop_time": at(65), "energy_wh": 700}
    await tell(session(a_transaction(revision=2, **over)), session(a_transaction(revision=3, **over)))
    [after] = await listed(alerts)
    assert (after.id, after.severity, after.state) == (alert.id, Alert.WARNING, Alert.ACKNOWLEDGED)
    assert after.message.endswith("ended after 1 min 5 s; 0.700 kWh were delivered")
    # Its end turns out to be another one, before any energy flowed.
    await tell(session(a_transaction(revision=4, **{**over, "stop_time": at(1), "energy_wh": 0})))
    assert await listed(alerts) == []
    assert [state for _, state in await told_of(service)] == ["OPEN", "ACKNOWLEDGED", "ACKNOWLEDGED", "CLEARED"]


@pytest.mark.field_case("C15")
async def test_a_session_that_is_refused_and_ends_at_once_leaves_no_alert(
    tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    refused: dict[str, Any] = {"authorization": "INVALID"}
    over = {**refused, "state": "ENDED", "stop_time": at(1)}
    # In two deliveries, in one, and by its end alone.
    await tell(session(a_transaction("1", revision=1, **refused)))
    assert await standing(alerts) == [("UNAUTHORIZED_SESSION", 1)]
    await tell(
        session(a_transaction("1", revision=2, **over)),
        session(a_transaction("2", revision=1, **refused)),
        session(a_transaction("2", revision=2, **over)),
        session(a_transaction("3", revision=2, **over)),
    )
    assert await listed(alerts) == []


@pytest.mark.field_case("C15")
async def test_the_alert_of_an_orphan_that_never_ends_goes_as_well(
    service: RunningService, units_of_work: SqlUnitsOfWork, tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    orphan: dict[str, Any] = {"state": "ORPHAN", "start_time": None}
    await tell(session(a_transaction("1", **orphan)), session(a_transaction("2", **orphan)))
    await tell(session(a_transaction("3", authorization="BLOCKED")))
    # Of one nothing is kept any more.
    async with service.database.transaction() as connection:
        await connection.exec_driver_sql("DELETE FROM transactions WHERE ocpp_transaction_id = '2'")
    await sweeper(units_of_work, 86_400).clear_what_is_over()
    assert len(await listed(alerts)) == 3
    await sweeper(units_of_work, 8 * 86_400).clear_what_is_over()
    # What goes on is still true after a week.
    assert await standing(alerts) == [("UNAUTHORIZED_SESSION", 1)]


@pytest.mark.field_case("C15")
async def test_the_alert_of_a_connector_goes_with_the_connector(
    tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    point, fine = a_charge_point(), a_connector(1, "AVAILABLE")
    await tell(station_changed(charge_points=[point], connectors=[fine, a_connector(2, "FAULTED")]))
    assert await standing(alerts) == [("CONNECTOR_FAULTED", 1)]
    await tell(station_changed(charge_points=[point], connectors=[fine], seconds=5))
    assert await listed(alerts) == []


async def test_three_faults_of_a_connector_within_a_day_foretell_trouble(
    service: RunningService, units_of_work: SqlUnitsOfWork, tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    def fault(seconds: int, number: int = 1) -> list[DomainEvent]:
        return [
            connector_reported(a_connector(number, "FAULTED", seconds=seconds), seconds=seconds),
            connector_reported(a_connector(number, "AVAILABLE", seconds=seconds + 1), seconds=seconds + 1),
        ]

    long_ago = -25 * 3600
    await tell(*fault(long_ago), *fault(0), *fault(10), *fault(0, number=2))
    assert await listed(alerts) == []
    await tell(*fault(20))
    [alert] = await listed(alerts)
    assert (alert.kind, alert.severity, alert.connector_id) == (Alert.FREQUENT_FAULTS, Alert.WARNING, 1)
    await tell(*fault(30))
    assert await standing(alerts) == [("FREQUENT_FAULTS", 2)]
    await sweeper(units_of_work, 12 * 3600).clear_what_is_over()
    assert await standing(alerts) == [("FREQUENT_FAULTS", 2)]
    await sweeper(units_of_work, 25 * 3600).clear_what_is_over()
    assert await listed(alerts) == []
    assert (await told_of(service))[-1] == ("FREQUENT_FAULTS", "CLEARED")


async def test_five_lost_connections_within_an_hour_foretell_trouble(
    units_of_work: SqlUnitsOfWork, tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    for epoch in range(1, 5):
        await tell(connection(online=False, epoch=epoch, seconds=epoch), connection(online=True, epoch=epoch))
    assert await listed(alerts) == []
    await tell(connection(online=False, epoch=5, seconds=5))
    [alert] = await listed(alerts)
    assert (alert.kind, alert.connector_id, alert.charge_point_id) == (Alert.FREQUENT_DISCONNECTS, 0, "CP1")
    await sweeper(units_of_work, 3700).clear_what_is_over()
    assert await listed(alerts) == []


async def test_an_alert_is_acknowledged_by_whoever_is_first(
    service: RunningService, tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    await tell(connector_reported(a_connector(1, "FAULTED")))
    [alert] = await listed(alerts)
    request = alert_pb.AcknowledgeAlertRequest(id=alert.id)
    taken = (await alerts.AcknowledgeAlert(request)).alert
    assert (taken.state, taken.acknowledged_by) == (Alert.ACKNOWLEDGED, "olga")
    other = alert_grpc.AlertServiceStub(await service.channel("admin", sub="adam"))
    assert (await other.AcknowledgeAlert(request)).alert == taken
    assert [each.id for each in await listed(alerts, state=Alert.ACKNOWLEDGED)] == [alert.id]
    assert await listed(alerts, state=Alert.OPEN) == []
    await tell(connector_reported(a_connector(1, "FAULTED", seconds=9), seconds=9))
    assert await standing(alerts) == [("CONNECTOR_FAULTED", 2)]
    assert await told_of(service) == [("CONNECTOR_FAULTED", "OPEN"), ("CONNECTOR_FAULTED", "ACKNOWLEDGED")]


async def test_alerts_are_narrowed_and_paged_the_newest_first(tell: Tell, alerts: alert_grpc.AlertServiceStub) -> None:
    await tell(connector_reported(a_connector(1, "FAULTED")))
    await tell(connector_reported(a_connector(2, "FAULTED", charge_point_id="CP2", station_id=new_id())))
    await tell(session(a_transaction(state="ORPHAN")))
    newest, middle, oldest = await listed(alerts)
    assert (newest.kind, middle.charge_point_id, oldest.charge_point_id) == (Alert.ORPHAN_TRANSACTION, "CP2", "CP1")
    assert await listed(alerts, severity=Alert.WARNING) == [newest]
    assert await listed(alerts, kind=Alert.CONNECTOR_FAULTED, charge_point_id="CP1") == [oldest]
    assert await listed(alerts, station_id=STATION) == [newest, oldest]
    assert await listed(alerts, station_id="no id") == []
    first = await alerts.ListAlerts(alert_pb.ListAlertsRequest(page_size=2))
    second = await alerts.ListAlerts(alert_pb.ListAlertsRequest(page_size=2, page_token=first.next_page_token))
    assert [*first.alerts, *second.alerts] == [newest, middle, oldest]
    assert (first.total_size, second.next_page_token) == (3, "")


async def test_a_station_shows_how_many_of_its_alerts_stand(
    tell: Tell, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    await tell(
        station_changed(charge_points=[a_charge_point()]),
        connector_reported(a_connector(1, "FAULTED")),
        connector_reported(a_connector(2, "FAULTED")),
        connector_reported(a_connector(2, "AVAILABLE", seconds=5), seconds=5),
    )
    response = await monitoring.ListStationStatuses(service_pb.ListStationStatusesRequest())
    assert [status.open_alert_count for status in response.station_statuses] == [1]


@pytest.mark.parametrize(
    ("alert_id", "code", "reason"),
    [
        (new_id(), grpc.StatusCode.NOT_FOUND, "ALERT_NOT_FOUND"),
        ("no id", grpc.StatusCode.NOT_FOUND, "ALERT_NOT_FOUND"),
        ("", grpc.StatusCode.INVALID_ARGUMENT, "MISSING_FIELD"),
    ],
)
async def test_what_is_no_alert_cannot_be_acknowledged(
    alert_id: str, code: grpc.StatusCode, reason: str, alerts: alert_grpc.AlertServiceStub
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await alerts.AcknowledgeAlert(alert_pb.AcknowledgeAlertRequest(id=alert_id))
    assert (failure.value.code(), from_rpc_error(failure.value).reason) == (code, reason)


async def test_a_viewer_reads_alerts_and_does_not_take_them(service: RunningService) -> None:
    viewer = alert_grpc.AlertServiceStub(await service.channel("viewer"))
    assert await listed(viewer) == []
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await viewer.AcknowledgeAlert(alert_pb.AcknowledgeAlertRequest(id=new_id()))
    assert failure.value.code() is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.field_case("C14")
@pytest.mark.parametrize("state", ["PENDING", "REJECTED"])
async def test_what_no_operator_has_accepted_is_not_missed_and_its_farewells_foretell_nothing(
    state: str, units_of_work: SqlUnitsOfWork, tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    for epoch in range(1, 8):
        about: dict[str, Any] = {"name": "SCANNER", "epoch": epoch, "station_id": "", "state": state}
        await tell(connection(online=True, seconds=epoch, **about), connection(online=False, seconds=epoch, **about))
    assert await sweeper(units_of_work, 3600).raise_for_those_away() == 0
    assert await listed(alerts) == []


@pytest.mark.field_case("C14")
async def test_one_that_is_accepted_is_missed_from_then_on_and_one_that_is_rejected_no_more(
    units_of_work: SqlUnitsOfWork, tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    await tell(
        connection(online=True, state="PENDING", seconds=1), connection(online=False, state="PENDING", seconds=2)
    )
    await sweeper(units_of_work, 100).raise_for_those_away()
    assert await listed(alerts) == []
    await tell(point_changed(a_charge_point(state="ACCEPTED"), seconds=101))
    await sweeper(units_of_work, 102).raise_for_those_away()
    assert await standing(alerts) == [("CHARGE_POINT_OFFLINE", 1)]
    # What is told late changes nothing.
    await tell(booted(a_charge_point(state="PENDING"), seconds=50))
    assert await standing(alerts) == [("CHARGE_POINT_OFFLINE", 1)]
    await tell(point_changed(a_charge_point(state="REJECTED"), seconds=103))
    assert await listed(alerts) == []
    assert await sweeper(units_of_work, 200).raise_for_those_away() == 0


@pytest.mark.field_case("C14")
async def test_an_alert_about_what_was_never_accepted_is_cleared_once_that_is_told(
    units_of_work: SqlUnitsOfWork, tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    # As an older version told of it, without its state.
    await tell(connection(online=True, name="TYPO", seconds=1), connection(online=False, name="TYPO", seconds=2))
    await sweeper(units_of_work, 100).raise_for_those_away()
    assert await standing(alerts) == [("CHARGE_POINT_OFFLINE", 1)]
    await tell(booted(a_charge_point("TYPO", state="PENDING"), seconds=101))
    assert await listed(alerts) == []
    assert await sweeper(units_of_work, 200).raise_for_those_away() == 0


@pytest.mark.field_case("C14")
async def test_that_a_charge_point_is_rejected_is_told_by_its_station_as_well(
    units_of_work: SqlUnitsOfWork, tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    await tell(
        station_changed(charge_points=[a_charge_point(state="ACCEPTED")]),
        connection(online=True, seconds=1),
        connection(online=False, seconds=2),
    )
    await sweeper(units_of_work, 100).raise_for_those_away()
    assert await standing(alerts) == [("CHARGE_POINT_OFFLINE", 1)]
    rejected = a_charge_point(state="REJECTED")
    await tell(station_changed(charge_points=[rejected], seconds=101, revision=2), point_changed(rejected, seconds=101))
    assert await listed(alerts) == []
    assert await sweeper(units_of_work, 200).raise_for_those_away() == 0


@pytest.mark.field_case("C14")
async def test_the_alerts_of_a_charge_point_go_when_it_is_deleted(
    units_of_work: SqlUnitsOfWork, tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    await tell(connection(online=True, seconds=1), connection(online=False, seconds=2), refused(count=9, seconds=3))
    await sweeper(units_of_work, 100).raise_for_those_away()
    assert [kind for kind, _ in await standing(alerts)] == ["CHARGE_POINT_OFFLINE", "CHARGE_POINT_REFUSED"]
    await tell(point_changed(a_charge_point(), seconds=101, deleted=True))
    assert await listed(alerts) == []
    # One that was made anew since is another one.
    await tell(
        point_changed(a_charge_point(state="ACCEPTED", created=110), seconds=110),
        connection(online=True, seconds=111),
        connection(online=False, seconds=112),
    )
    await tell(point_changed(a_charge_point(created=-3600), seconds=115, deleted=True))
    await sweeper(units_of_work, 200).raise_for_those_away()
    assert await standing(alerts) == [("CHARGE_POINT_OFFLINE", 1)]


@pytest.mark.field_case("C14")
async def test_unknown_charge_points_do_not_count_among_the_charge_points(service: RunningService, tell: Tell) -> None:
    await tell(
        connection(online=True, name="KNOWN", state="ACCEPTED"),
        connection(online=True, name="UNKNOWN", state="PENDING"),
        connection(online=True, name="TOLD-BY-AN-OLDER-VERSION"),
    )
    analytics = analytics_grpc.AnalyticsServiceStub(await service.channel("operator"))
    shown = (await analytics.GetDashboard(analytics_pb.GetDashboardRequest())).dashboard
    assert (shown.charge_point_count, shown.online_charge_point_count) == (2, 2)


@pytest.mark.field_case("B9")
async def test_a_charge_point_that_is_refused_again_and_again_raises_an_alert_until_it_is_back(
    units_of_work: SqlUnitsOfWork, tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    await tell(refused("CREDENTIALS_MISSING", count=2), refused("CREDENTIALS_MISSING", count=2, seconds=5))
    assert await listed(alerts) == []
    await tell(refused("CREDENTIALS_MISSING", count=3, seconds=10))
    [alert] = await listed(alerts)
    assert (alert.kind, alert.severity) == (Alert.CHARGE_POINT_REFUSED, Alert.WARNING)
    assert (alert.charge_point_id, alert.station_id) == ("CP1", STATION)
    assert alert.message == (
        "charge point CP1 was refused (credentials missing, from 203.0.113.7) 7 times within 1 h;"
        " its refusals say what to do"
    )
    await tell(connection(online=True, seconds=20))
    assert await listed(alerts) == []


@pytest.mark.field_case("B9")
async def test_the_alert_of_refusals_goes_when_they_stop(
    units_of_work: SqlUnitsOfWork, tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    await tell(refused(count=400))
    assert await standing(alerts) == [("CHARGE_POINT_REFUSED", 1)]
    await sweeper(units_of_work, 3000).clear_what_is_over()
    assert len(await listed(alerts)) == 1
    await sweeper(units_of_work, 3700).clear_what_is_over()
    assert await listed(alerts) == []


@pytest.mark.field_case("E6")
async def test_somebody_who_tries_passwords_raises_an_alert_of_its_own(
    tell: Tell, alerts: alert_grpc.AlertServiceStub
) -> None:
    # A charge point that repeats its wrong password guesses nothing.
    await tell(refused(count=400, guesses=1))
    assert await standing(alerts) == [("CHARGE_POINT_REFUSED", 1)]
    await tell(refused(count=400, guesses=399, name="CP2", seconds=1))
    [guessed] = await listed(alerts, kind=Alert.CHARGE_POINT_PASSWORD_GUESSED)
    assert (guessed.charge_point_id, guessed.severity) == ("CP2", Alert.CRITICAL)
    assert guessed.message == (
        "passwords of charge point CP2 were tried in vain from 203.0.113.7 399 times within 1 h;"
        " its refusals say from where"
    )
    # That the charge point itself comes in says nothing about who tries.
    await tell(connection(online=True, name="CP2", seconds=5))
    assert [one.id for one in await listed(alerts, charge_point_id="CP2")] == [guessed.id]
