"""ChargePointService: charge points, made, found, changed and deleted."""

import asyncio
from typing import Any

import pytest

from csms.error.v1 import error_reason_pb2 as reasons
from csms.station.v1 import charge_point_service_pb2 as pb
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.station_service_pb2_grpc import StationServiceStub
from csms.transaction.v1.transaction_pb2 import Transaction
from services.kernel.ids import new_id
from tests.contract.services.station.callers import (
    ChargePoint,
    Connector,
    create_point,
    create_station,
    get_point,
    get_station,
    open_one,
    refused,
    report,
    status,
    update_point,
)
from tests.contract.services.station.transactions import Platform
from tests.fixtures.calls import bad_fields, reason, refusal, said_to_rest
from tests.fixtures.events import reported
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
OLD, NEW = "the old password", "the new password"


async def _list(points: ChargePointServiceStub, **filters: Any) -> pb.ListChargePointsResponse:
    return await points.ListChargePoints(pb.ListChargePointsRequest(**filters))


async def _names(points: ChargePointServiceStub, **filters: Any) -> list[str]:
    return [point.id for point in (await _list(points, **filters)).charge_points]


async def _delete(points: ChargePointServiceStub, name: str) -> None:
    await points.DeleteChargePoint(pb.DeleteChargePointRequest(charge_point_id=name))


async def test_a_charge_point_is_made_accepted_and_found_again(points: ChargePointServiceStub, name: str) -> None:
    made = await create_point(points, name, vendor="Acme", heartbeat_interval_seconds=300)

    assert (made.id, made.vendor, made.state, made.heartbeat_interval_seconds) == (
        name,
        "Acme",
        ChargePoint.ACCEPTED,
        300,
    )
    assert (made.online, made.has_password, made.etag) == (False, False, "1")
    assert await get_point(points, name) == made


async def test_rest_callers_hear_where_the_new_charge_point_is(points: ChargePointServiceStub, name: str) -> None:
    call = points.CreateChargePoint(pb.CreateChargePointRequest(charge_point=ChargePoint(id=f"{name}|=")))

    assert await said_to_rest(call) == {"x-http-code": "201", "location": f"/charge-points/{name}%7C%3D"}


async def test_every_bad_field_is_named(points: ChargePointServiceStub, name: str) -> None:
    bad = create_point(points, "a%b", vendor="x" * 101, security_profile=4, password="short")
    fields = ["chargePoint.vendor", "chargePoint.securityProfile", "chargePoint.password"]
    assert await bad_fields(bad) == fields
    unheard_of = create_point(points, "a%b", pinned_protocol="ocpp9")
    assert await bad_fields(unheard_of) == ["chargePoint.id", "chargePoint.pinnedProtocol"]
    assert await bad_fields(create_point(points, "")) == ["chargePoint.id"]
    assert await bad_fields(create_point(points, name, state=99)) == ["chargePoint.state"]
    assert await bad_fields(points.CreateChargePoint(pb.CreateChargePointRequest())) == ["chargePoint"]


async def test_an_identity_belongs_to_one_charge_point(points: ChargePointServiceStub, name: str) -> None:
    await create_point(points, name)

    failed = await refusal(create_point(points, name))

    assert (failed.reason, failed.metadata["id"]) == ("CHARGE_POINT_EXISTS", name)


@pytest.mark.parametrize("station_id", [UNKNOWN, "no id"])
async def test_a_charge_point_cannot_stand_at_no_station_we_know(
    points: ChargePointServiceStub, name: str, station_id: str
) -> None:
    assert await reason(create_point(points, name, station_id=station_id)) == "STATION_NOT_FOUND"
    await create_point(points, name)
    assert await reason(update_point(points, name, station_id=station_id)) == "STATION_NOT_FOUND"


async def test_a_request_with_the_same_id_makes_one_charge_point(points: ChargePointServiceStub, name: str) -> None:
    request_id = new_id()

    made = await asyncio.gather(*(create_point(points, name, request_id) for _ in range(3)))

    assert made[0] == made[1] == made[2]
    assert await reason(create_point(points, name, new_id())) == "CHARGE_POINT_EXISTS"
    assert await reason(create_point(points, f"{name}-B", request_id)) == "REQUEST_ID_REUSED"
    assert await bad_fields(create_point(points, f"{name}-C", "x" * 101)) == ["requestId"]


async def test_charge_points_are_listed_by_identity_in_pages(points: ChargePointServiceStub, name: str) -> None:
    for letter in "BCA":
        await create_point(points, f"{name}-{letter}")

    first = await _list(points, text=name, page_size=2)
    last = await _list(points, text=name, page_size=2, page_token=first.next_page_token)

    listed = [point.id for point in (*first.charge_points, *last.charge_points)]
    assert listed == [f"{name}-{letter}" for letter in "ABC"]
    assert (first.total_size, last.next_page_token) == (3, "")
    assert await bad_fields(_list(points, page_size=-1)) == ["pageSize"]


async def test_a_list_is_narrowed_by_station_state_presence_and_text(
    points: ChargePointServiceStub, stations: StationServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    station = await create_station(stations)
    online, rejected, other = f"{name}-1", f"{name}-2", f"{name}-3"
    await create_point(points, online, station_id=station.id, model=f"Model {name}")
    await create_point(points, rejected, station_id=station.id, state=ChargePoint.REJECTED)
    await create_point(points, other, vendor="100%")
    await open_one(edge, online)

    assert await _names(points, station_id=station.id) == [online, rejected]
    assert await _names(points, station_id="no id") == []
    assert await _names(points, text=name, state=ChargePoint.REJECTED) == [rejected]
    assert await _names(points, text=name, online=True) == [online]
    assert await _names(points, text=name, online=False) == [rejected, other]
    assert await _names(points, text=f"model {name}".upper()) == [online]
    assert await _names(points, text="%%") == []
    assert await bad_fields(_list(points, text="x" * 201)) == ["text"]


async def test_an_update_changes_what_it_carries_or_what_its_mask_names(
    points: ChargePointServiceStub, name: str
) -> None:
    await create_point(points, name, vendor="Acme", model="Wall", heartbeat_interval_seconds=60)

    carried = await update_point(points, name, state=ChargePoint.REJECTED, id=name)
    masked = await update_point(points, name, "vendor", "heartbeat_interval_seconds", "state", model="Other")

    assert (carried.state, carried.vendor, carried.etag) == (ChargePoint.REJECTED, "Acme", "2")
    assert (masked.vendor, masked.model, masked.state) == ("", "Wall", ChargePoint.ACCEPTED)
    assert masked.heartbeat_interval_seconds == 0
    assert await reason(update_point(points, name, "online")) == "INVALID_UPDATE_MASK"
    assert await bad_fields(update_point(points, name, id="other")) == ["chargePoint.id"]
    assert await bad_fields(update_point(points, name, security_profile=-1)) == ["chargePoint.securityProfile"]
    assert await reason(update_point(points, name, model="X", etag="1")) == "ETAG_MISMATCH"


async def test_a_password_is_set_only_where_the_mask_names_it(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    await create_point(points, name, password=OLD)

    await update_point(points, name, "vendor", vendor="Acme", password=NEW)
    assert await refused(edge, name, password=NEW) == reasons.ERROR_REASON_INVALID_CREDENTIALS
    after = await update_point(points, name, "password", password=NEW)

    assert (after.has_password, after.password) == (True, "")
    assert await open_one(edge, name, password=NEW)
    assert await bad_fields(update_point(points, name, password="short")) == ["chargePoint.password"]


@pytest.mark.parametrize("name", [UNKNOWN, "no such one", "x" * 100])
async def test_an_unknown_charge_point_is_not_found(points: ChargePointServiceStub, name: str) -> None:
    assert await reason(get_point(points, name)) == "CHARGE_POINT_NOT_FOUND"
    assert await reason(update_point(points, name, vendor="Acme")) == "CHARGE_POINT_NOT_FOUND"
    assert await reason(_delete(points, name)) == "CHARGE_POINT_NOT_FOUND"


async def test_which_charge_point_must_be_said(points: ChargePointServiceStub) -> None:
    assert await bad_fields(get_point(points, "")) == ["chargePointId"]
    assert await bad_fields(update_point(points, "")) == ["chargePointId"]
    assert await bad_fields(_delete(points, "")) == ["chargePointId"]


async def test_a_deleted_charge_point_is_gone_with_its_connectors(
    points: ChargePointServiceStub, stations: StationServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    station = await create_station(
        stations, charge_points=[ChargePoint(id=name)], connectors=[Connector(connector_id=1)]
    )
    await open_one(edge, name)

    call = points.DeleteChargePoint(pb.DeleteChargePointRequest(charge_point_id=name))

    assert await said_to_rest(call) == {"x-http-code": "204"}
    assert await reason(get_point(points, name)) == "CHARGE_POINT_NOT_FOUND"
    left = await get_station(stations, station.id)
    assert (list(left.charge_points), list(left.connectors)) == ([], [])
    assert await refused(edge, name) == reasons.ERROR_REASON_CHARGE_POINT_NOT_FOUND


async def test_a_charge_point_is_not_deleted_while_a_transaction_runs_at_it(
    points: ChargePointServiceStub, platform: Platform, name: str
) -> None:
    await create_point(points, name)
    platform.running.append(Transaction(charge_point_id=name, state=Transaction.ACTIVE))

    assert await reason(_delete(points, name)) == "TRANSACTION_RUNNING"

    platform.running.clear()
    await _delete(points, name)


async def test_every_change_tells_how_the_stations_look_that_it_concerns(
    points: ChargePointServiceStub, stations: StationServiceStub, service: RunningService, name: str
) -> None:
    one, other = await create_station(stations, name="One"), await create_station(stations, name="Other")
    await create_point(points, name, station_id=one.id)
    await update_point(points, name, station_id=other.id)
    await update_point(points, name, "station_id")
    await update_point(points, name, vendor="Acme")
    await create_point(points, f"{name}-B", station_id=other.id)
    await _delete(points, f"{name}-B")

    async def looks(station_id: str) -> list[list[str]]:
        events = await reported(service.database, f"station.changed.{station_id}")
        return [[point.id for point in event.station_changed.station.charge_points] for event in events]

    assert await looks(one.id) == [[], [name], []]
    assert await looks(other.id) == [[], [name], [], [f"{name}-B"], []]


async def test_the_last_word_about_a_station_tells_all_that_concurrent_changes_did(
    points: ChargePointServiceStub, stations: StationServiceStub, service: RunningService, name: str
) -> None:
    letters = "ABCDEFGH"
    station = await create_station(stations, charge_points=[ChargePoint(id=f"{name}-{letter}") for letter in letters])

    await asyncio.gather(*(update_point(points, f"{name}-{letter}", vendor="Acme") for letter in letters))

    last = (await reported(service.database, f"station.changed.{station.id}"))[-1].station_changed.station
    assert [point.vendor for point in last.charge_points] == ["Acme"] * len(letters)


async def test_charge_points_that_change_places_at_the_same_time_get_there(
    points: ChargePointServiceStub, stations: StationServiceStub, name: str
) -> None:
    one, other = await create_station(stations), await create_station(stations)
    names = [f"{name}-{number}" for number in range(6)]
    for number, point in enumerate(names):
        await create_point(points, point, station_id=(one, other)[number % 2].id)

    await asyncio.gather(
        *(update_point(points, point, station_id=(other, one)[number % 2].id) for number, point in enumerate(names))
    )

    assert [point.id for point in (await get_station(stations, one.id)).charge_points] == names[1::2]
    assert [point.id for point in (await get_station(stations, other.id)).charge_points] == names[::2]


@pytest.mark.field_case("C13")
async def test_a_charge_point_shows_its_connectors_with_and_without_a_station(
    points: ChargePointServiceStub, stations: StationServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    await create_point(points, name)
    assert list((await get_point(points, name)).connectors) == []
    epoch = await open_one(edge, name)
    await report(edge, status(name, epoch, Connector.FAULTED, connector=2), status(name, epoch, Connector.CHARGING))

    shown = await get_point(points, name)
    assert [(plug.connector_id, plug.status, plug.station_id) for plug in shown.connectors] == [
        (1, Connector.CHARGING, ""),
        (2, Connector.FAULTED, ""),
    ]
    [listed] = (await _list(points, text=name)).charge_points
    assert listed == shown
    station = await create_station(stations, name=name)
    moved = await update_point(points, name, station_id=station.id)
    assert [plug.station_id for plug in moved.connectors] == [station.id] * 2
    found = await get_station(stations, station.id)
    assert list(found.charge_points) == [moved]
    assert list(found.connectors) == list(moved.connectors)


async def test_what_is_not_said_of_a_state_changes_none(points: ChargePointServiceStub, name: str) -> None:
    """A field with presence may be told its zero: of an enum that says nothing."""
    await create_point(points, name, state=ChargePoint.REJECTED, heartbeat_interval_seconds=300)
    changed = await update_point(points, name, state=ChargePoint.STATE_UNSPECIFIED, heartbeat_interval_seconds=0)
    assert (changed.state, changed.heartbeat_interval_seconds) == (ChargePoint.REJECTED, 0)
