"""The live status of stations: made of events in any order, paged by name, narrowed by health."""

import itertools

import grpc
import grpc.aio
import pytest

from csms.event.v1.domain_event_pb2 import DomainEvent
from csms.monitoring.v1 import monitoring_pb2 as monitoring_pb
from csms.monitoring.v1 import monitoring_service_pb2 as service_pb
from csms.monitoring.v1 import monitoring_service_pb2_grpc as monitoring_grpc
from services.kernel.ids import new_id
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
    session,
    station_changed,
)
from tests.fixtures.services import RunningService

Status = monitoring_pb.StationStatus


async def statuses(stub: monitoring_grpc.MonitoringServiceStub, **wish: object) -> list[Status]:
    response = await stub.ListStationStatuses(service_pb.ListStationStatusesRequest(**wish))  # type: ignore[arg-type]
    assert response.total_size >= len(response.station_statuses)
    return list(response.station_statuses)


async def only_status(stub: monitoring_grpc.MonitoringServiceStub) -> Status:
    [status] = await statuses(stub)
    return status


TWO_CHARGE_POINTS = [
    station_changed(
        charge_points=[a_charge_point("CP1"), a_charge_point("CP2")],
        connectors=[a_connector(1), a_connector(2, charge_point_id="CP2")],
    ),
    connection(online=True, epoch=3, seconds=1),
    connection(online=False, epoch=3, seconds=2),
    connection(online=True, epoch=4, seconds=3),
    connector_reported(a_connector(1, "CHARGING", seconds=5), seconds=5),
    session(a_transaction(power_w=11_000)),
]


async def test_a_station_is_shown_with_all_that_is_known_of_it(
    tell: Tell, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    await tell(*TWO_CHARGE_POINTS)
    status = await only_status(monitoring)
    assert (status.station_id, status.name, status.health) == (STATION, "Harbour", Status.DEGRADED)
    assert (status.charge_point_count, status.online_charge_point_count) == (2, 1)
    assert dict(status.connector_counts) == {"CHARGING": 1, "AVAILABLE": 1}
    assert (status.power_w, status.active_transaction_count, status.open_alert_count) == (11_000, 1, 0)
    shown = [(plug.charge_point_id, plug.connector_id, plug.online, plug.transaction_id) for plug in status.connectors]
    assert shown == [("CP1", 1, True, a_transaction().id), ("CP2", 2, False, "")]
    assert status.connectors[0].status_time.ToDatetime() == at(5).replace(tzinfo=None)
    assert status.update_time.ToDatetime() == at(5).replace(tzinfo=None)


@pytest.mark.parametrize("turn", range(len(TWO_CHARGE_POINTS)))
async def test_the_order_and_the_repetition_of_events_do_not_matter(
    turn: int, tell: Tell, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    turned = [*TWO_CHARGE_POINTS[turn:], *TWO_CHARGE_POINTS[:turn]]
    again = [_copy(event) for event in turned[::-1]]
    await tell(*turned[::-1], *again)
    status = await only_status(monitoring)
    assert (status.health, status.online_charge_point_count, status.active_transaction_count) == (Status.DEGRADED, 1, 1)
    assert dict(status.connector_counts) == {"CHARGING": 1, "AVAILABLE": 1}


async def test_an_older_snapshot_changes_nothing(tell: Tell, monitoring: monitoring_grpc.MonitoringServiceStub) -> None:
    newest = station_changed("Newest", revision=2, seconds=2, charge_points=[a_charge_point("CP1")])
    await tell(newest)
    await tell(station_changed("Older", revision=1, seconds=3), station_changed("Oldest", revision=2, seconds=1))
    status = await only_status(monitoring)
    assert (status.name, status.charge_point_count) == ("Newest", 1)


async def test_a_deleted_station_is_gone_and_no_older_snapshot_brings_it_back(
    tell: Tell, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    for order in itertools.permutations(
        [station_changed(), station_changed(seconds=5), station_changed(seconds=9, deleted=True)]
    ):
        await tell(*(_copy(event) for event in order))
        assert await statuses(monitoring) == []


async def test_a_charge_point_that_moves_is_counted_where_it_is(
    tell: Tell, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    other = new_id()
    point = a_charge_point("CP1")
    await tell(
        station_changed("From", charge_points=[point], connectors=[a_connector(1, "FAULTED")]),
        station_changed(
            "To", station_id=other, seconds=5, charge_points=[point], connectors=[a_connector(1, "FAULTED")]
        ),
        station_changed("From", seconds=5),
        connection(online=True, station_id=other, seconds=6),
    )
    shown = {status.name: (status.charge_point_count, status.health) for status in await statuses(monitoring)}
    assert shown == {"From": (0, Status.OK), "To": (1, Status.DOWN)}


async def test_a_connector_that_its_station_no_longer_has_is_forgotten(
    tell: Tell, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    point = a_charge_point("CP1")
    await tell(station_changed(charge_points=[point], connectors=[a_connector(1), a_connector(2)]))
    await tell(
        connector_reported(a_connector(3, seconds=9), seconds=9),
        station_changed(seconds=5, charge_points=[point], connectors=[a_connector(1)]),
    )
    assert [plug.connector_id for plug in (await only_status(monitoring)).connectors] == [1, 3]


async def test_a_boot_shows_that_epochs_began_anew(
    tell: Tell, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    await tell(
        station_changed(charge_points=[a_charge_point("CP1")]),
        connection(online=True, epoch=9, seconds=1),
        station_changed(seconds=20),
        station_changed(seconds=30, charge_points=[a_charge_point("CP1", created=29)]),
        connection(online=True, epoch=1, seconds=31),
        booted(a_charge_point("CP1", created=29, online=True), seconds=32),
        connection(online=False, epoch=1, seconds=33),
    )
    status = await only_status(monitoring)
    assert (status.online_charge_point_count, status.health) == (0, Status.DOWN)


async def test_stations_are_paged_by_name(tell: Tell, monitoring: monitoring_grpc.MonitoringServiceStub) -> None:
    await tell(*(station_changed(name, station_id=new_id()) for name in ("c", "a", "b", "b")))
    names, token = [], ""
    while True:
        request = service_pb.ListStationStatusesRequest(page_size=3, page_token=token)
        response = await monitoring.ListStationStatuses(request)
        names.append([status.name for status in response.station_statuses])
        assert response.total_size == 4
        token = response.next_page_token
        if not token:
            break
    assert names == [["a", "b", "b"], ["c"]]


async def test_stations_are_narrowed_by_health_and_by_id(
    tell: Tell, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    down = new_id()
    await tell(
        station_changed("Fine"),
        station_changed("Down", station_id=down, charge_points=[a_charge_point("CP9")]),
    )
    assert [status.name for status in await statuses(monitoring, health=Status.DOWN)] == ["Down"]
    assert [status.name for status in await statuses(monitoring, health=Status.OK)] == ["Fine"]
    assert [status.name for status in await statuses(monitoring, station_id=down)] == ["Down"]
    assert await statuses(monitoring, station_id=down, health=Status.OK) == []
    assert await statuses(monitoring, station_id="no id") == []


@pytest.mark.parametrize(
    ("wish", "field"),
    [({"page_size": -1}, "pageSize"), ({"page_token": "?"}, "pageToken"), ({"health": 9}, "health")],
)
async def test_a_bad_wish_is_refused_by_its_field(
    wish: dict[str, object], field: str, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await statuses(monitoring, **wish)
    assert [violation.field for violation in from_rpc_error(failure.value).violations] == [field]


@pytest.mark.parametrize(("role", "may"), [("viewer", True), ("admin", True), ("driver", False)])
async def test_drivers_do_not_see_how_stations_are(role: str, may: bool, service: RunningService) -> None:
    claims = {"driver_id": new_id()} if role == "driver" else {}
    stub = monitoring_grpc.MonitoringServiceStub(await service.channel(role, **claims))
    if may:
        assert await statuses(stub) == []
    else:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await statuses(stub)
        assert failure.value.code() is grpc.StatusCode.PERMISSION_DENIED


def _copy(event: DomainEvent) -> DomainEvent:
    """The same news under another id, so that only its meaning tells it as a repetition."""
    copy = DomainEvent()
    copy.CopyFrom(event)
    copy.id = new_id()
    return copy
