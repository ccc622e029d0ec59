"""StationService: stations with what stands at them, and the search by place."""

import asyncio
from typing import Any

import pytest

from csms.station.v1 import station_pb2
from csms.station.v1 import station_service_pb2 as pb
from csms.station.v1.charge_point_service_pb2 import DeleteChargePointRequest
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.station_service_pb2_grpc import StationServiceStub
from csms.transaction.v1.transaction_pb2 import Transaction
from services.kernel.ids import new_id
from services.rpc.json_answers import ANSWER_KEY, JSON
from tests.contract.services.station.callers import (
    ChargePoint,
    Connector,
    Station,
    close_all,
    create_point,
    create_station,
    get_point,
    get_station,
    open_one,
    report,
    status,
    update_station,
)
from tests.contract.services.station.transactions import Platform
from tests.fixtures.calls import bad_fields, read_both_ways, reason, refusal, said_to_rest
from tests.fixtures.events import reported
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
UNHEARD_OF: Any = 99
_LIST = "/csms.station.v1.StationService/ListStations"


async def _delete(stations: StationServiceStub, station_id: str) -> None:
    await stations.DeleteStation(pb.DeleteStationRequest(station_id=station_id))


async def _list(stations: StationServiceStub, **filters: Any) -> pb.ListStationsResponse:
    return await stations.ListStations(pb.ListStationsRequest(**filters))


async def _names(stations: StationServiceStub, **filters: Any) -> list[str]:
    return [station.name for station in (await _list(stations, **filters)).stations]


async def test_a_station_is_made_with_defaults_and_found_again(stations: StationServiceStub) -> None:
    made = await create_station(stations, city="Berlin", configuration={"HeartbeatInterval": "60"})

    assert (made.name, made.city, made.status, made.time_zone) == ("North", "Berlin", Station.ACTIVE, "UTC")
    assert (dict(made.configuration), made.etag, made.HasField("latitude")) == ({"HeartbeatInterval": "60"}, "1", False)
    assert not made.HasField("distance_meters")
    assert await get_station(stations, made.id) == made


async def test_rest_callers_hear_where_the_new_station_is(stations: StationServiceStub) -> None:
    said = await said_to_rest(stations.CreateStation(pb.CreateStationRequest(station=Station(name="North"))))

    assert said["x-http-code"] == "201"
    assert said["location"].startswith("/stations/")


async def test_every_bad_field_is_named(stations: StationServiceStub) -> None:
    out_of_bounds = create_station(stations, country="de", latitude=91, longitude=0)
    assert await bad_fields(out_of_bounds) == ["station.country", "station.latitude"]
    bad = create_station(stations, name=" ", time_zone="Mars/Base")
    assert await bad_fields(bad) == ["station.name", "station.timeZone"]
    assert await bad_fields(create_station(stations, name="")) == ["station.name"]
    assert await bad_fields(create_station(stations, status=99)) == ["station.status"]
    assert await bad_fields(create_station(stations, configuration={"a": "\0"})) == ["station.configuration[a]"]
    assert await bad_fields(stations.CreateStation(pb.CreateStationRequest())) == ["station"]


async def test_a_station_is_made_with_what_stands_at_it(
    stations: StationServiceStub, points: ChargePointServiceStub, name: str
) -> None:
    other = f"{name}-B"
    made = await create_station(
        stations,
        charge_points=[ChargePoint(id=name, vendor="Acme", password="a password of it"), ChargePoint(id=other)],
        connectors=[
            Connector(charge_point_id=name, connector_id=1, type=Connector.CCS2, max_power_w=150_000),
            Connector(charge_point_id=name, connector_id=2),
            Connector(charge_point_id=other, evse_id=2, connector_id=1),
        ],
    )

    assert [(point.id, point.station_id, point.has_password) for point in made.charge_points] == [
        (name, made.id, True),
        (other, made.id, False),
    ]
    assert {point.password for point in made.charge_points} == {""}
    places = [(plug.charge_point_id, plug.evse_id, plug.connector_id, plug.station_id) for plug in made.connectors]
    assert places == [(name, 1, 1, made.id), (name, 2, 2, made.id), (other, 2, 1, made.id)]
    plug = made.connectors[0]
    assert (plug.type, plug.max_power_w, plug.status, plug.error_code, plug.availability) == (
        Connector.CCS2,
        150_000,
        Connector.STATUS_UNSPECIFIED,
        "NoError",
        Connector.OPERATIVE,
    )
    assert await get_station(stations, made.id) == made
    assert await get_point(points, name) == made.charge_points[0]


async def test_connectors_belong_to_the_only_charge_point_without_saying_so(
    stations: StationServiceStub, name: str
) -> None:
    made = await create_station(
        stations,
        charge_points=[ChargePoint(id=name)],
        connectors=[Connector(connector_id=1), Connector(connector_id=2)],
    )

    assert [plug.charge_point_id for plug in made.connectors] == [name, name]


@pytest.mark.parametrize(
    ("connectors", "bad"),
    [
        ([Connector(connector_id=0)], ["connectorId", "evseId"]),
        ([Connector(connector_id=1, charge_point_id="elsewhere")], ["chargePointId"]),
        ([Connector(connector_id=1, max_power_w=-1)], ["maxPowerW"]),
    ],
)
async def test_every_bad_field_of_an_inline_connector_is_named_with_its_place(
    stations: StationServiceStub, name: str, connectors: list[Any], bad: list[str]
) -> None:
    call = create_station(stations, charge_points=[ChargePoint(id=name)], connectors=connectors)

    assert await bad_fields(call) == [f"station.connectors[0].{field}" for field in bad]


async def test_bad_inline_charge_points_are_named_with_their_places(stations: StationServiceStub, name: str) -> None:
    good, bad = ChargePoint(id=name), ChargePoint(id="a%b", security_profile=9, password="short")

    unheard_of = ChargePoint(id="a%b", pinned_protocol="ocpp9")
    assert await bad_fields(create_station(stations, charge_points=[good, unheard_of])) == [
        "station.chargePoints[1].id",
        "station.chargePoints[1].pinnedProtocol",
    ]
    assert await bad_fields(create_station(stations, charge_points=[good, bad])) == [
        "station.chargePoints[1].securityProfile",
        "station.chargePoints[1].password",
    ]
    assert await bad_fields(create_station(stations, charge_points=[ChargePoint()])) == ["station.chargePoints[0].id"]
    twice = [Connector(connector_id=1), Connector(connector_id=1)]
    call = create_station(stations, charge_points=[good], connectors=twice)
    assert await bad_fields(call) == ["station.connectors[1].connectorId"]
    homeless = create_station(stations, connectors=[Connector(connector_id=1)])
    assert await bad_fields(homeless) == ["station.connectors[0].chargePointId"]


async def test_when_an_inline_charge_point_exists_nothing_is_made(
    stations: StationServiceStub, points: ChargePointServiceStub, name: str
) -> None:
    await create_point(points, name)

    refused = await refusal(
        create_station(stations, name=f"N {name}", charge_points=[ChargePoint(id=f"{name}-B"), ChargePoint(id=name)])
    )

    assert (refused.reason, refused.metadata["id"]) == ("CHARGE_POINT_EXISTS", name)
    assert await _names(stations, text=name) == []
    assert await reason(get_point(points, f"{name}-B")) == "CHARGE_POINT_NOT_FOUND"


async def test_a_request_with_the_same_id_makes_one_station(stations: StationServiceStub, name: str) -> None:
    request_id = new_id()

    made = await asyncio.gather(
        *(create_station(stations, request_id, charge_points=[ChargePoint(id=name)]) for _ in range(3))
    )

    assert len({station.id for station in made}) == 1
    assert await create_station(stations, request_id, charge_points=[ChargePoint(id=name)]) == made[0]
    assert await reason(create_station(stations, request_id, name="Later")) == "REQUEST_ID_REUSED"
    assert await bad_fields(create_station(stations, "x" * 101)) == ["requestId"]


async def test_stations_are_listed_in_pages_the_newest_first(stations: StationServiceStub, name: str) -> None:
    for number in range(3):
        await create_station(stations, name=f"{number} {name}")

    first = await _list(stations, text=name, page_size=2)
    last = await _list(stations, text=name, page_size=2, page_token=first.next_page_token)

    assert [station.name[0] for station in (*first.stations, *last.stations)] == ["2", "1", "0"]
    assert (first.total_size, last.total_size, last.next_page_token) == (3, 3, "")
    assert await bad_fields(_list(stations, page_size=-1)) == ["pageSize"]
    assert await reason(_list(stations, page_token="?")) == "INVALID_PAGE_TOKEN"


async def test_a_list_is_narrowed_by_status_and_text(stations: StationServiceStub, name: str) -> None:
    await create_station(stations, name=f"A {name}", status=Station.PLANNED)
    await create_station(stations, name="B", address=f"Street {name} 1")
    await create_station(stations, name="C", city=f"Town {name}")

    assert await _names(stations, text=name.lower()) == ["C", "B", f"A {name}"]
    assert await _names(stations, text=name, status=Station.PLANNED) == [f"A {name}"]
    assert await _names(stations, text=f"{name}_") == []
    assert await bad_fields(_list(stations, text="x" * 201)) == ["text"]
    assert await bad_fields(_list(stations, status=UNHEARD_OF)) == ["status"]


async def test_an_update_without_mask_replaces_what_it_carries(stations: StationServiceStub, name: str) -> None:
    made = await create_station(
        stations, city="Berlin", latitude=1, longitude=2, configuration={"a": "1"}, charge_points=[ChargePoint(id=name)]
    )

    after = await update_station(
        stations, made.id, name="South", configuration={"b": "2"}, charge_points=[ChargePoint(id="ignored")]
    )

    assert (after.name, after.city, after.latitude, dict(after.configuration)) == ("South", "Berlin", 1, {"b": "2"})
    assert ([point.id for point in after.charge_points], after.etag) == ([name], "2")


async def test_an_update_with_mask_changes_exactly_what_it_names(stations: StationServiceStub) -> None:
    made = await create_station(stations, city="Berlin", latitude=1, longitude=2, status=Station.INACTIVE)

    paths = ("city", "latitude", "longitude", "status", "time_zone")
    after = await update_station(stations, made.id, *paths, name="South")

    assert (after.name, after.city, after.status, after.time_zone) == ("North", "", Station.ACTIVE, "UTC")
    assert not after.HasField("latitude")
    assert await bad_fields(update_station(stations, made.id, "name")) == ["station.name"]
    half = update_station(stations, made.id, "latitude", latitude=5)
    assert await bad_fields(half) == ["station.latitude"]
    assert await reason(update_station(stations, made.id, "connectors")) == "INVALID_UPDATE_MASK"


async def test_an_update_of_what_somebody_else_changed_is_refused(stations: StationServiceStub) -> None:
    made = await create_station(stations)
    await update_station(stations, made.id, city="Berlin", etag="1")

    assert await reason(update_station(stations, made.id, city="Bonn", etag="1")) == "ETAG_MISMATCH"


@pytest.mark.parametrize("station_id", [UNKNOWN, "no id"])
async def test_an_unknown_station_is_not_found(stations: StationServiceStub, station_id: str) -> None:
    connectors = stations.ListConnectors(pb.ListConnectorsRequest(station_id=station_id))

    assert await reason(get_station(stations, station_id)) == "STATION_NOT_FOUND"
    assert await reason(update_station(stations, station_id, name="X")) == "STATION_NOT_FOUND"
    assert await reason(_delete(stations, station_id)) == "STATION_NOT_FOUND"
    assert await reason(connectors) == "STATION_NOT_FOUND"


async def test_which_station_must_be_said(stations: StationServiceStub) -> None:
    assert await bad_fields(get_station(stations, "")) == ["stationId"]
    assert await bad_fields(_delete(stations, "")) == ["stationId"]
    assert await bad_fields(stations.UpdateStation(pb.UpdateStationRequest())) == ["stationId", "station"]


async def test_a_deleted_station_is_gone_and_its_charge_points_belong_to_none(
    stations: StationServiceStub, points: ChargePointServiceStub, name: str
) -> None:
    made = await create_station(stations, charge_points=[ChargePoint(id=name)])

    said = await said_to_rest(stations.DeleteStation(pb.DeleteStationRequest(station_id=made.id)))

    assert said == {"x-http-code": "204"}
    assert await reason(get_station(stations, made.id)) == "STATION_NOT_FOUND"
    assert (await get_point(points, name)).station_id == ""


async def test_a_station_is_not_deleted_while_a_transaction_runs_there(
    stations: StationServiceStub, platform: Platform
) -> None:
    made = await create_station(stations)
    platform.running.append(Transaction(station_id=made.id, state=Transaction.ACTIVE))

    assert await reason(_delete(stations, made.id)) == "TRANSACTION_RUNNING"
    assert platform.asked[-1] == "service:station"

    platform.running[-1].state = Transaction.ENDED
    await _delete(stations, made.id)


async def test_every_change_is_told_with_the_whole_station(
    stations: StationServiceStub, service: RunningService, name: str
) -> None:
    made = await create_station(stations, configuration={"a": "1", "b": "1"}, charge_points=[ChargePoint(id=name)])
    changed = await update_station(stations, made.id, configuration={"a": "1", "b": "2", "c": "3"})
    await _delete(stations, made.id)

    events = await reported(service.database, made.id)

    assert [event.subject for event in events] == [
        f"csms.event.station.station.{verb}.{made.id}" for verb in ("changed", "changed", "deleted")
    ]
    first, second, last = [event.station_changed for event in events]
    assert (first.station, first.deleted, dict(first.changed_configuration)) == (made, False, {})
    assert (second.station, dict(second.changed_configuration)) == (changed, {"b": "2", "c": "3"})
    assert (last.station, last.deleted) == (changed, True)


@pytest.mark.parametrize("role", ["admin", "driver"])
async def test_a_page_is_the_same_as_json_after_each_change(
    service: RunningService,
    stations: StationServiceStub,
    points: ChargePointServiceStub,
    edge: ConnectivityServiceStub,
    name: str,
    role: str,
) -> None:
    channel = await service.channel(role, **({"driver_id": new_id()} if role == "driver" else {}))

    async def listed() -> station_pb2.Station:
        """The newest, twice: what was written before comes from memory."""
        for _ in range(2):
            request = pb.ListStationsRequest(page_size=3)
            found = await read_both_ways(channel, _LIST, request, pb.ListStationsResponse)
        return found.stations[0] if found.stations else Station()

    made = await create_station(stations, latitude=51.25, longitude=12.0, configuration={"a": "b"})
    assert (await listed()).id == made.id
    await update_station(stations, made.id, "name", name="South")
    assert (await listed()).name == "South"
    await create_point(points, name, station_id=made.id)
    assert [point.id for point in (await listed()).charge_points] == [name]
    epoch = await open_one(edge, name)
    assert (await listed()).charge_points[0].online
    assert await report(edge, status(name, epoch, Connector.AVAILABLE)) == [0]
    assert len((await listed()).connectors) == 1
    await close_all(edge, (name, epoch))
    assert not (await listed()).charge_points[0].online
    await points.DeleteChargePoint(DeleteChargePointRequest(charge_point_id=name))
    assert not (await listed()).charge_points
    await _delete(stations, made.id)
    assert (await listed()).id != made.id


async def test_a_search_by_place_is_answered_by_a_message_whoever_asks(
    service: RunningService, stations: StationServiceStub
) -> None:
    made = await create_station(stations, latitude=-48.88, longitude=-123.39)
    request = pb.ListStationsRequest(latitude=-48.88, longitude=-123.39, radius_km=1)
    asked = StationServiceStub(await service.channel())
    found = await asked.ListStations(request, metadata=((ANSWER_KEY, JSON),))
    assert [(station.id, station.distance_meters) for station in found.stations] == [(made.id, 0)]
