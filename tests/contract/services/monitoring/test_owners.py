"""What the owners answer: live connections passed on, and what lost events left wrong put right by asking."""

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import grpc.aio
import pytest

from csms.monitoring.v1 import alert_service_pb2 as alert_pb
from csms.monitoring.v1 import alert_service_pb2_grpc as alert_grpc
from csms.monitoring.v1 import monitoring_pb2 as monitoring_pb
from csms.monitoring.v1 import monitoring_service_pb2 as service_pb
from csms.monitoring.v1 import monitoring_service_pb2_grpc as monitoring_grpc
from csms.station.v1 import charge_point_pb2 as point_pb
from csms.station.v1 import charge_point_service_pb2 as point_service_pb
from csms.station.v1 import charge_point_service_pb2_grpc as point_grpc
from csms.station.v1 import connectivity_service_pb2 as connectivity_pb
from csms.station.v1 import connectivity_service_pb2_grpc as connectivity_grpc
from csms.station.v1 import connector_pb2 as connector_pb
from csms.station.v1 import station_pb2 as station_pb
from csms.station.v1 import station_service_pb2 as station_service_pb
from csms.station.v1 import station_service_pb2_grpc as station_grpc
from csms.station.v1.evse_ref_pb2 import EvseRef
from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1 import recording_service_pb2_grpc as recording_grpc
from services.billing.domain.charging_session import ChargingSession, SessionState
from services.billing.sql.unit_of_work import SqlUnitsOfWork as BillingUnitsOfWork
from services.kernel.clock import FixedClock, SystemClock
from services.kernel.errors import DomainError, ErrorKind
from services.kernel.ids import new_id
from services.kernel.money import Money
from services.messaging.outbox import OutboxRelay
from services.monitoring.application.alerts import Alerts
from services.monitoring.application.reconciliation import Reconciliation
from services.monitoring.clients import GrpcOwners
from services.monitoring.consumers import StationConsumer
from services.monitoring.sql.unit_of_work import SqlUnitsOfWork
from services.rpc.channels import channel
from services.rpc.protobuf import timestamp
from services.rpc.service_identity import ServiceIdentity
from services.rpc.status import from_rpc_error
from tests.contract.services.monitoring.conftest import NOWHERE
from tests.contract.services.monitoring.messages import a_charge_point, station_changed
from tests.fixtures.postgres import FreshDatabase
from tests.fixtures.services import RunningService, ServiceRunner

NODE = "127.0.0.1:14000"


class Platform:
    """The services that own what is monitored, and monitoring beside them that hears no event of theirs."""

    def __init__(
        self,
        stations: RunningService,
        transactions: RunningService,
        billing: RunningService,
        monitoring: RunningService,
    ) -> None:
        self.stations = stations
        self.transactions = transactions
        self.billing = billing
        self.monitoring = monitoring

    async def station(self, *names: str, tenant: str = "default") -> str:
        """A station of a tenant with these charge points, each with a connector; its id."""
        stub = station_grpc.StationServiceStub(await self.stations.channel(tenant=tenant))
        station = station_pb.Station(
            name="Harbour",
            charge_points=[point_pb.ChargePoint(id=name) for name in names],
            connectors=[connector_pb.Connector(charge_point_id=name, connector_id=1) for name in names],
        )
        request = station_service_pb.CreateStationRequest(station=station)
        return (await stub.CreateStation(request)).station.id

    async def connect(self, *names: str) -> dict[str, int]:
        """Connections of these charge points; their epochs."""
        attempts = [
            connectivity_pb.ConnectionAttempt(
                charge_point_id=name, protocol="ocpp1.6", node=NODE, node_address=NODE, remote_address="10.0.0.1"
            )
            for name in names
        ]
        edge = await self._edge()
        response = await edge.OpenConnections(connectivity_pb.OpenConnectionsRequest(attempts=attempts))
        return {name: one.epoch for name, one in zip(names, response.admissions, strict=True)}

    async def disconnect(self, name: str, epoch: int) -> None:
        closed = connectivity_pb.ClosedConnection(charge_point_id=name, epoch=epoch, reason="closed by peer")
        await (await self._edge()).CloseConnections(connectivity_pb.CloseConnectionsRequest(connections=[closed]))

    async def start(self, name: str, station_id: str, kind: str = "STARTED", meter_wh: int = 1_000) -> None:
        """A transaction by OCPP 2.0.1."""
        now = timestamp(datetime.now(UTC))
        event = recording_pb.TransactionEvent(
            charge_point_id=name,
            station_id=station_id,
            kind=kind,  # type: ignore[arg-type]  # enums may be given by name
            protocol="ocpp2.0.1",
            ocpp_transaction_id="T1",
            evse=EvseRef(evse_id=1, connector_id=1),
            device_time=now,
            received_time=now,
            corrected_time=now,
            meter_wh=meter_wh,
            seq_no=0 if kind == "STARTED" else 1,
        )
        stub = recording_grpc.RecordingServiceStub(await self.transactions.internal_channel("edge"))
        answers = await stub.RecordTransactionEvents(recording_pb.RecordTransactionEventsRequest(events=[event]))
        assert not answers.answers[0].HasField("error")

    async def reconcile(self, *, seconds_from_now: float = 120) -> None:
        """Compare with the owners, as of then: what was told a minute before and later is left alone."""
        clock = FixedClock(datetime.fromtimestamp(datetime.now(UTC).timestamp() + seconds_from_now, UTC))
        identity = ServiceIdentity("monitoring", self.monitoring.settings)
        async with (
            channel(self.stations.address, "station", identity) as stations,
            channel(self.transactions.address, "transaction", identity) as transactions,
            channel(self.billing.address, "billing", identity) as billing,
        ):
            owners = GrpcOwners(stations, transactions, billing, clock)
            await Reconciliation(self.units_of_work(), owners, clock).run()

    async def charge(self, **fields: Any) -> None:
        """A session as billing keeps it."""
        database = self.billing.database
        now = datetime.now(UTC)
        usual = {"start_time": now - timedelta(hours=1), "create_time": now, "update_time": now}
        async with BillingUnitsOfWork(database, OutboxRelay(database, self.billing.bus), SystemClock())() as work:
            await work.sessions.store([ChargingSession(**{**usual, **fields})])

    async def revenue(self) -> dict[str, int]:
        """What was billed today."""
        async with self.units_of_work()() as work:
            return dict((await work.dashboard_queries.dashboard(datetime.now(UTC))).revenue_today)

    def units_of_work(self) -> SqlUnitsOfWork:
        database = self.monitoring.database
        return SqlUnitsOfWork(database, OutboxRelay(database, self.monitoring.bus), SystemClock())

    async def statuses(self, tenant: str = "default") -> list[monitoring_pb.StationStatus]:
        stub = monitoring_grpc.MonitoringServiceStub(await self.monitoring.channel(tenant=tenant))
        return list((await stub.ListStationStatuses(service_pb.ListStationStatusesRequest())).station_statuses)

    async def _edge(self) -> connectivity_grpc.ConnectivityServiceStub:
        return connectivity_grpc.ConnectivityServiceStub(await self.stations.internal_channel("edge"))


@pytest.fixture
async def platform(run_service: ServiceRunner, emptied_database: FreshDatabase) -> Platform:
    """The services concerned, each without what it does besides answering."""

    async def run(name: str, **addresses: Any) -> RunningService:
        return await run_service(name, background=False, database_url=emptied_database(name), **addresses)

    transactions = await run("transaction", station_service_url=NOWHERE)
    stations = await run("station", transaction_service_url=transactions.address)
    billing = await run("billing", transaction_service_url=NOWHERE)
    monitoring = await run(
        "monitoring", station_service_url=stations.address, transaction_service_url=transactions.address
    )
    return Platform(stations, transactions, billing, monitoring)


async def test_live_connections_are_those_of_the_station_service(platform: Platform) -> None:
    await platform.station("CP1", "CP2", "CP3")
    epochs = await platform.connect("CP1", "CP2", "CP3")
    await platform.disconnect("CP2", epochs["CP2"])
    stub = monitoring_grpc.MonitoringServiceStub(await platform.monitoring.channel("viewer"))
    first = await stub.ListLiveConnections(service_pb.ListLiveConnectionsRequest(page_size=1))
    [connection] = first.connections
    assert (connection.charge_point_id, connection.protocol, connection.node) == ("CP1", "ocpp1.6", NODE)
    assert (connection.epoch, connection.remote_address, first.total_size) == (epochs["CP1"], "10.0.0.1", 2)
    assert connection.HasField("connected_time")
    request = service_pb.ListLiveConnectionsRequest(page_token=first.next_page_token)
    second = await stub.ListLiveConnections(request)
    assert [each.charge_point_id for each in second.connections] == ["CP3"]


async def test_a_bad_page_of_connections_is_refused_as_by_the_owner(platform: Platform) -> None:
    stub = monitoring_grpc.MonitoringServiceStub(await platform.monitoring.channel())
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await stub.ListLiveConnections(service_pb.ListLiveConnectionsRequest(page_size=-1))
    error = from_rpc_error(failure.value)
    assert (error.reason, [violation.field for violation in error.violations]) == ("INVALID_FIELD", ["pageSize"])


async def test_without_the_station_service_there_are_no_connections(service: RunningService) -> None:
    stub = monitoring_grpc.MonitoringServiceStub(await service.channel())
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await stub.ListLiveConnections(service_pb.ListLiveConnectionsRequest())
    assert failure.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_asking_the_owners_shows_what_no_event_told(platform: Platform) -> None:
    station_id = await platform.station("CP1", "CP2")
    await platform.connect("CP1")
    await platform.start("CP1", station_id)
    await platform.reconcile()
    [status] = await platform.statuses()
    assert (status.station_id, status.name) == (station_id, "Harbour")
    assert (status.charge_point_count, status.online_charge_point_count, status.active_transaction_count) == (2, 1, 1)
    assert [(plug.online, plug.transaction_id != "") for plug in status.connectors] == [(True, True), (False, False)]


async def test_asking_the_owners_shows_whose_it_is(platform: Platform) -> None:
    """Also of what was known before there were tenants, and counted as the default one's."""
    station_id = await platform.station("CP1", tenant="south")
    epochs = await platform.connect("CP1")
    await platform.charge(id=new_id(), tenant_id="south")
    told_before = station_changed(station_id=station_id, seconds=-60, charge_points=[a_charge_point()])
    async with platform.monitoring.database.transaction() as connection:
        known = StationConsumer(platform.monitoring.bus, platform.monitoring.database, SystemClock())
        await known.handle(connection, [told_before])
    assert [status.station_id for status in await platform.statuses()] == [station_id]
    await platform.reconcile()
    assert await platform.statuses() == []
    [status] = await platform.statuses("south")
    assert (status.station_id, status.online_charge_point_count) == (station_id, 1)
    # Who is gone is not forgotten as somebody else's either.
    await platform.disconnect("CP1", epochs["CP1"])
    await platform.reconcile(seconds_from_now=180)
    [status] = await platform.statuses("south")
    assert (await platform.statuses(), status.online_charge_point_count) == ([], 0)


async def test_asking_again_changes_nothing(platform: Platform) -> None:
    station_id = await platform.station("CP1")
    await platform.connect("CP1")
    await platform.start("CP1", station_id)
    await platform.reconcile()
    before = await platform.statuses()
    await platform.reconcile(seconds_from_now=121)
    after = await platform.statuses()
    for status in (*before, *after):
        status.ClearField("update_time")
    assert after == before


async def test_asking_the_owners_mends_ends_that_no_event_told(platform: Platform) -> None:
    station_id = await platform.station("CP1", "CP2")
    epochs = await platform.connect("CP1", "CP2")
    await platform.start("CP1", station_id)
    await platform.reconcile()
    await platform.disconnect("CP1", epochs["CP1"])
    await platform.start("CP1", station_id, "ENDED", meter_wh=9_000)
    await platform.reconcile(seconds_from_now=240)
    [status] = await platform.statuses()
    assert (status.online_charge_point_count, status.active_transaction_count) == (1, 0)


async def test_asking_the_owners_mends_bills_that_no_event_told(platform: Platform) -> None:
    billed: dict[str, Any] = {
        "id": new_id(),
        "transaction_id": new_id(),
        "end_time": datetime.now(UTC),
        "energy_wh": 5_000,
        "state": SessionState.COMPLETED,
        "invoice_id": new_id(),
        "cost": Money("EUR", 250),
        "revision": 2,
    }
    await platform.charge(**billed)
    by_hand = {"id": new_id(), "transaction_id": None, "cost": Money("EUR", 50), "revision": 0}
    await platform.charge(**{**billed, **by_hand})
    await platform.charge(id=new_id(), transaction_id=new_id(), revision=1)
    await platform.reconcile()
    assert await platform.revenue() == {"EUR": 300}
    # About to be billed anew: nobody knows by how much, so the bill stands.
    again = {"state": SessionState.HELD, "hold_reason": "pending", "revision": 3, "update_time": datetime.now(UTC)}
    await platform.charge(**{**billed, **again})
    await platform.reconcile(seconds_from_now=180)
    assert await platform.revenue() == {"EUR": 300}
    taken_back = {"state": SessionState.ACTIVE, "end_time": None, "invoice_id": None, "cost": None, "revision": 4}
    await platform.charge(**{**billed, **taken_back, "update_time": datetime.now(UTC)})
    await platform.reconcile(seconds_from_now=240)
    assert await platform.revenue() == {"EUR": 50}


async def test_asking_the_owners_forgets_what_they_deleted(platform: Platform) -> None:
    gone, kept = await platform.station("CP1"), await platform.station("CP2")
    epochs = await platform.connect("CP1", "CP2")
    await platform.disconnect("CP1", epochs["CP1"])
    await platform.disconnect("CP2", epochs["CP2"])
    await platform.reconcile()
    later = FixedClock(datetime.fromtimestamp(datetime.now(UTC).timestamp() + 3600, UTC))
    await Alerts(platform.units_of_work(), later).raise_for_those_away()
    alerts = alert_grpc.AlertServiceStub(await platform.monitoring.channel())
    assert len((await alerts.ListAlerts(alert_pb.ListAlertsRequest())).alerts) == 2
    owner = await platform.stations.channel()
    points = point_grpc.ChargePointServiceStub(owner)
    await points.DeleteChargePoint(point_service_pb.DeleteChargePointRequest(charge_point_id="CP1"))
    await station_grpc.StationServiceStub(owner).DeleteStation(station_service_pb.DeleteStationRequest(station_id=gone))
    await platform.reconcile(seconds_from_now=240)
    assert [status.station_id for status in await platform.statuses()] == [kept]
    listed = (await alerts.ListAlerts(alert_pb.ListAlertsRequest())).alerts
    assert [alert.charge_point_id for alert in listed] == ["CP2"]


async def test_without_the_owners_nothing_is_forgotten(platform: Platform, service: RunningService) -> None:
    await platform.station("CP1")
    await platform.reconcile()
    clock = SystemClock()
    async with channel(NOWHERE, "station", ServiceIdentity("monitoring", service.settings)) as nowhere:
        with pytest.raises(DomainError) as failure:
            await Reconciliation(platform.units_of_work(), GrpcOwners(nowhere, nowhere, nowhere, clock), clock).run()
    assert failure.value.kind is ErrorKind.UNAVAILABLE
    assert len(await platform.statuses()) == 1
