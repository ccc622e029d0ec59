"""What happens by the clock: the service as it runs, with everything it does besides answering."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from csms.monitoring.v1 import alert_service_pb2 as alert_pb
from csms.monitoring.v1 import alert_service_pb2_grpc as alert_grpc
from csms.monitoring.v1 import monitoring_pb2 as monitoring_pb
from csms.monitoring.v1 import monitoring_service_pb2 as service_pb
from csms.monitoring.v1 import monitoring_service_pb2_grpc as monitoring_grpc
from services.kernel.ids import new_id
from services.monitoring.domain.alert import Alert, AlertKind, AlertSeverity
from services.monitoring.tables import ALERTS, TRANSACTIONS, USAGE_ANALYTICS
from tests.contract.services.monitoring.conftest import NOWHERE, publish
from tests.contract.services.monitoring.messages import a_charge_point, a_connector, connection, station_changed
from tests.fixtures.background import eventually
from tests.fixtures.services import ServiceRunner

# With nobody to compare with, and short memories.
ALONE: dict[str, Any] = {
    "station_service_url": NOWHERE,
    "transaction_service_url": NOWHERE,
    "metrics_retention_days": 2,
    "usage_retention_days": 31,
}


def days_ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def a_stored_transaction(state: str, days: float, stop_time: datetime | None = None) -> dict[str, Any]:
    """One that changed last so many days ago."""
    return {
        "id": new_id(),
        "ocpp_transaction_id": "1",
        "charge_point_id": "CP1",
        "evse_id": 1,
        "connector_id": 1,
        "state": state,
        "stop_time": stop_time,
        "energy_wh": 0,
        "revision": 1,
        "update_time": days_ago(days),
        "power_time": None,
        "metered_wh": 0,
    }


def an_alert(clear_time: datetime | None) -> dict[str, Any]:
    alert = Alert(
        id=new_id(),
        kind=AlertKind.CONNECTOR_FAULTED,
        subject=new_id(),
        severity=AlertSeverity.CRITICAL,
        message="",
        create_time=days_ago(900),
        clear_time=clear_time,
    )
    return {name: getattr(alert, name) for name in Alert.__slots__}


def a_record(end_time: datetime | None, session_id: str = "", bill_time: datetime | None = None) -> dict[str, Any]:
    return {
        "session_id": session_id or new_id(),
        "end_time": end_time,
        "charge_point_id": "CP1",
        "energy_wh": 0,
        "revision": 1,
        "bill_time": bill_time,
    }


async def test_events_become_status_and_alerts_by_themselves(run_service: ServiceRunner) -> None:
    service = await run_service("monitoring", background=True, **ALONE)
    stations = monitoring_grpc.MonitoringServiceStub(await service.channel())
    alerts = alert_grpc.AlertServiceStub(await service.channel())
    await publish(
        service.bus,
        station_changed(charge_points=[a_charge_point()], connectors=[a_connector(1)]),
        connection(online=True),
        connection(online=False, seconds=1),
    )

    async def is_missed() -> bool:
        listed = (await alerts.ListAlerts(alert_pb.ListAlertsRequest())).alerts
        return [alert.kind for alert in listed] == [monitoring_pb.Alert.CHARGE_POINT_OFFLINE]

    await eventually(is_missed)
    [status] = (await stations.ListStationStatuses(service_pb.ListStationStatusesRequest())).station_statuses
    assert (status.open_alert_count, status.charge_point_count) == (1, 1)


async def test_rows_past_their_retention_go_and_all_others_stay(run_service: ServiceRunner) -> None:
    service = await run_service("monitoring")
    ends_late = a_stored_transaction("ENDED", 8, days_ago(20))
    runs = a_stored_transaction("ACTIVE", 30)
    still_metered = {**a_stored_transaction("ACTIVE", 32), "power_time": days_ago(1)}
    orphan = a_stored_transaction("ORPHAN", 8)
    gone = [a_stored_transaction("ENDED", 10, days_ago(10)), a_stored_transaction("ACTIVE", 32)]
    gone += [a_stored_transaction(state, 10) for state in ("ORPHAN", "MERGED")]
    alerts = [an_alert(time) for time in (days_ago(364), None)]
    # What has no end stays with its transaction, and for some days after its bill was taken back.
    records = [a_record(days_ago(30)), a_record(None, orphan["id"]), a_record(None, bill_time=days_ago(8))]
    kept = {TRANSACTIONS: [ends_late, runs, still_metered, orphan], ALERTS: alerts, USAGE_ANALYTICS: records}
    rows = {
        TRANSACTIONS: kept[TRANSACTIONS] + gone,
        ALERTS: [*alerts, an_alert(days_ago(366))],
        USAGE_ANALYTICS: [
            *records,
            a_record(days_ago(32)),
            a_record(None, gone[-1]["id"]),
            a_record(None, bill_time=days_ago(10)),
        ],
    }
    async with service.database.transaction() as connection:
        for table, made in rows.items():
            await connection.execute(insert(table), made)
    await run_service("monitoring", background=True, database_url=service.settings.database_url, **ALONE)

    async def are_swept() -> bool:
        async with service.database.read() as connection:
            left = {table: set(await connection.scalars(select(table.primary_key.columns[0]))) for table in rows}
        return left == {table: {next(iter(one.values())) for one in stay} for table, stay in kept.items()}

    await eventually(are_swept)
