"""The connectors of a station, as operators see and change them."""

import pytest

from csms.event.v1.domain_event_pb2 import DomainEvent
from csms.station.v1 import station_pb2
from csms.station.v1 import station_service_pb2 as pb
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.station_service_pb2_grpc import StationServiceStub
from tests.contract.services.station.callers import (
    ChargePoint,
    Connector,
    create_station,
    get_station,
    open_one,
    report,
    status,
    update_connector,
)
from tests.fixtures.calls import bad_fields, reason
from tests.fixtures.events import reported
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"


async def _station(stations: StationServiceStub, name: str, *places: tuple[int, int]) -> station_pb2.Station:
    """A station with one charge point that has connectors at these places: EVSE and number."""
    plugs = [Connector(evse_id=evse_id, connector_id=number) for evse_id, number in places]
    return await create_station(stations, charge_points=[ChargePoint(id=name)], connectors=plugs)


async def test_connectors_are_listed_by_charge_point_evse_and_number_in_pages(
    stations: StationServiceStub, name: str
) -> None:
    made = await create_station(
        stations,
        charge_points=[ChargePoint(id=f"{name}-B"), ChargePoint(id=f"{name}-A")],
        connectors=[
            Connector(charge_point_id=f"{name}-{letter}", evse_id=evse_id, connector_id=number)
            for letter, evse_id, number in (("B", 1, 1), ("A", 10, 1), ("A", 2, 2), ("A", 2, 1))
        ],
    )

    listed, token = [], ""
    for _ in range(2):
        request = pb.ListConnectorsRequest(station_id=made.id, page_size=2, page_token=token)
        page = await stations.ListConnectors(request)
        listed += [(plug.charge_point_id[-1], plug.evse_id, plug.connector_id) for plug in page.connectors]
        token = page.next_page_token

    assert listed == [("A", 2, 1), ("A", 2, 2), ("A", 10, 1), ("B", 1, 1)]
    assert (page.total_size, token) == (4, "")
    bad = pb.ListConnectorsRequest(station_id=made.id, page_size=-1)
    assert await bad_fields(stations.ListConnectors(bad)) == ["pageSize"]


async def test_a_list_shows_what_was_reported_and_not_the_charge_point_as_a_whole(
    stations: StationServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    made = await _station(stations, name, (1, 1))
    epoch = await open_one(edge, name)
    await report(
        edge,
        status(name, epoch, Connector.AVAILABLE, connector=0),
        status(name, epoch, Connector.FAULTED, connector=1, error_code="GroundFailure"),
        status(name, epoch, Connector.AVAILABLE, connector=2),
    )

    page = await stations.ListConnectors(pb.ListConnectorsRequest(station_id=made.id))

    shown = [(plug.connector_id, plug.status, plug.error_code, plug.station_id) for plug in page.connectors]
    assert shown == [
        (1, Connector.FAULTED, "GroundFailure", made.id),
        (2, Connector.AVAILABLE, "NoError", made.id),
    ]
    assert page.connectors[0].id == made.connectors[0].id
    assert list((await get_station(stations, made.id)).connectors) == list(page.connectors)


async def test_a_connector_is_changed_by_its_id_or_by_its_number(stations: StationServiceStub, name: str) -> None:
    made = await _station(stations, name, (1, 1), (2, 2))

    by_id = await update_connector(stations, made.id, made.connectors[0].id, type=Connector.CHADEMO, max_power_w=50_000)
    by_number = await update_connector(stations, made.id, "2", max_power_w=22_000)

    assert (by_id.connector_id, by_id.type, by_id.max_power_w) == (1, Connector.CHADEMO, 50_000)
    assert (by_number.connector_id, by_number.max_power_w) == (2, 22_000)
    cleared = await update_connector(stations, made.id, "2", "max_power_w", type=Connector.CCS2)
    assert (cleared.max_power_w, cleared.type) == (0, Connector.TYPE_UNSPECIFIED)


async def test_a_number_means_the_evse_where_connectors_are_counted_within_it(
    stations: StationServiceStub, name: str
) -> None:
    made = await _station(stations, name, (1, 1), (2, 1), (3, 1), (4, 1), (4, 3))

    assert (await update_connector(stations, made.id, "1", max_power_w=1)).evse_id == 1
    assert (await update_connector(stations, made.id, "2", max_power_w=2)).evse_id == 2
    # EVSE 3 and connector 3 of EVSE 4; both connectors of EVSE 4.
    for ambiguous in ("3", "4"):
        assert await bad_fields(update_connector(stations, made.id, ambiguous, max_power_w=3)) == ["connectorId"]


async def test_a_number_that_several_charge_points_use_is_refused(stations: StationServiceStub, name: str) -> None:
    letters = ("A", "B")
    made = await create_station(
        stations,
        charge_points=[ChargePoint(id=f"{name}-{letter}") for letter in letters],
        connectors=[Connector(charge_point_id=f"{name}-{letter}", connector_id=1) for letter in letters],
    )

    assert await bad_fields(update_connector(stations, made.id, "1", max_power_w=1)) == ["connectorId"]


async def test_every_bad_field_is_named(stations: StationServiceStub, name: str) -> None:
    made = await _station(stations, name, (1, 1))

    too_strong = update_connector(stations, made.id, "1", max_power_w=10_000_001)
    assert await bad_fields(too_strong) == ["connector.maxPowerW"]
    moved = update_connector(stations, made.id, "1", evse_id=2, charge_point_id="other")
    assert await bad_fields(moved) == ["connector.chargePointId", "connector.evseId"]
    assert await bad_fields(update_connector(stations, made.id, "1", type=99)) == ["connector.type"]
    assert await reason(update_connector(stations, made.id, "1", "status")) == "INVALID_UPDATE_MASK"
    nothing = stations.UpdateConnector(pb.UpdateConnectorRequest())
    assert await bad_fields(nothing) == ["stationId", "connectorId", "connector"]


async def test_the_whole_of_a_connector_may_be_sent_back(stations: StationServiceStub, name: str) -> None:
    made = await _station(stations, name, (1, 1))
    plug = made.connectors[0]
    plug.max_power_w = 11_000

    request = pb.UpdateConnectorRequest(station_id=made.id, connector_id=plug.id, connector=plug)
    after = (await stations.UpdateConnector(request)).connector

    assert after == plug


@pytest.mark.parametrize("connector_id", [UNKNOWN, "7", "0", "-1", "one", "1" * 1000, "²"])
async def test_an_unknown_connector_is_not_found(stations: StationServiceStub, name: str, connector_id: str) -> None:
    made = await _station(stations, name, (1, 1))

    assert await reason(update_connector(stations, made.id, connector_id, max_power_w=1)) == "CONNECTOR_NOT_FOUND"


async def test_a_connector_of_another_station_is_not_found(stations: StationServiceStub, name: str) -> None:
    one, other = await _station(stations, name, (1, 1)), await _station(stations, f"{name}-B", (1, 1))

    assert await reason(update_connector(stations, one.id, other.connectors[0].id)) == "CONNECTOR_NOT_FOUND"
    assert await reason(update_connector(stations, UNKNOWN, "1", max_power_w=1)) == "STATION_NOT_FOUND"


async def _availabilities(service: RunningService, name: str) -> list[DomainEvent]:
    return await reported(service.database, f"connector.availability_changed.{name}")


async def test_a_change_of_availability_is_told_once(
    stations: StationServiceStub, service: RunningService, name: str
) -> None:
    made = await _station(stations, name, (1, 1))

    after = await update_connector(stations, made.id, "1", availability=Connector.INOPERATIVE)
    await update_connector(stations, made.id, "1", availability=Connector.INOPERATIVE, max_power_w=5)

    [event] = await _availabilities(service, name)
    assert event.subject == f"csms.event.station.connector.availability_changed.{name}"
    assert event.connector_availability_changed.connector == after
    assert after.availability == Connector.INOPERATIVE
    snapshots = await reported(service.database, f"station.changed.{made.id}")
    assert [snapshot.station_changed.station.connectors[0].max_power_w for snapshot in snapshots] == [0, 0, 5]
