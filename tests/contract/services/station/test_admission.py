"""OpenConnections: who is let in, and with which epoch."""

import asyncio

import pytest
import pytest_asyncio

from csms.error.v1 import error_reason_pb2 as reasons
from csms.station.v1 import connectivity_service_pb2 as pb
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.station_service_pb2_grpc import StationServiceStub
from tests.contract.services.station.callers import (
    ChargePoint,
    attempt,
    create_point,
    create_station,
    get_point,
    open_all,
    open_one,
    refused,
    rule_for,
    update_point,
)
from tests.fixtures.calls import bad_fields
from tests.fixtures.events import reported
from tests.fixtures.services import RunningService, ServiceRunner

pytestmark = pytest.mark.asyncio(loop_scope="module")

OLD, NEW = "the old password", "the new password"
UNKNOWN, WRONG = reasons.ERROR_REASON_CHARGE_POINT_NOT_FOUND, reasons.ERROR_REASON_INVALID_CREDENTIALS


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_house(module_services: ServiceRunner, service: RunningService) -> ConnectivityServiceStub:
    """Another replica on the same database that lets unknown charge points wait."""
    url = service.settings.database_url
    replica = await module_services("station", database_url=url, ocpp_allow_unknown=True)
    return ConnectivityServiceStub(await replica.internal_channel("edge"))


async def test_a_charge_point_is_let_in_and_told_what_it_needs(
    stations: StationServiceStub, points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    station = await create_station(stations)
    await create_point(points, name, station_id=station.id, heartbeat_interval_seconds=120)

    [admission] = await open_all(edge, attempt(name, protocol="ocpp2.0.1"))

    assert admission == pb.ConnectionAdmission(
        epoch=1,
        state=ChargePoint.ACCEPTED,
        heartbeat_interval_seconds=120,
        station_id=station.id,
        protocol="ocpp2.0.1",
        tenant_id="default",
    )
    shown = await get_point(points, name)
    assert (shown.online, shown.protocol, shown.HasField("last_seen_time")) == (True, "ocpp2.0.1", True)


async def test_the_usual_heartbeat_is_a_setting(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, service: RunningService, name: str
) -> None:
    await create_point(points, name)

    [admission] = await open_all(edge, attempt(name))

    assert admission.heartbeat_interval_seconds == service.settings.ocpp_heartbeat_interval == 60


async def test_epochs_grow_with_every_connection(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    await create_point(points, name)

    assert [await open_one(edge, name, node=f"edge-{number}") for number in range(3)] == [1, 2, 3]


async def test_of_two_attempts_in_one_batch_the_last_makes_the_newest_connection(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    await create_point(points, name, password=OLD)
    await open_one(edge, name, password=OLD)

    admissions = await open_all(
        edge,
        attempt(name, password=OLD, node="edge-1"),
        attempt(name, password=NEW, node="edge-2"),
        attempt(name, password=OLD, node="edge-3"),
        attempt(name, password=NEW, node="edge-4"),
    )

    assert [admission.epoch for admission in admissions] == [2, 0, 3, 0]
    assert [admission.error.reason for admission in admissions] == [0, WRONG, 0, WRONG]
    found = await edge.FindConnection(pb.FindConnectionRequest(charge_point_id=name))
    assert (found.connection.epoch, found.connection.node) == (3, "edge-3")


async def test_unknown_ones_are_turned_away_where_the_policy_says_so(edge: ConnectivityServiceStub, name: str) -> None:
    assert await refused(edge, name) == UNKNOWN
    assert await refused(edge, "") == UNKNOWN
    assert await refused(edge, "a\0b") == UNKNOWN


async def test_unknown_charge_points_wait_for_an_operator_where_the_policy_says_so(
    points: ChargePointServiceStub, open_house: ConnectivityServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    [admission] = await open_all(open_house, attempt(name))

    assert (admission.epoch, admission.state) == (1, ChargePoint.PENDING)
    assert (await get_point(points, name)).state == ChargePoint.PENDING

    await update_point(points, name, state=ChargePoint.ACCEPTED)
    [admission] = await open_all(edge, attempt(name))
    assert (admission.epoch, admission.state) == (2, ChargePoint.ACCEPTED)


async def test_nobody_waits_under_a_name_that_no_charge_point_may_have(open_house: ConnectivityServiceStub) -> None:
    answers = await open_all(open_house, *(attempt(name) for name in ("", "a%b", "a\0b", "x" * 49, " a")))

    assert [answer.error.reason for answer in answers] == [UNKNOWN] * 5


async def test_a_rejected_charge_point_is_let_in_to_be_told_so(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    await create_point(points, name, state=ChargePoint.REJECTED)

    [admission] = await open_all(edge, attempt(name))

    assert (admission.epoch, admission.state) == (1, ChargePoint.REJECTED)


async def test_one_that_is_refused_does_not_harm_the_others(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    names = [f"{name}-{number}" for number in range(4)]
    for number, point in enumerate(names):
        await create_point(points, point, **({"password": OLD} if number % 2 else {}))

    answers = await open_all(edge, *(attempt(point) for point in (*names, f"{name}-X")))

    assert [(answer.epoch, answer.error.reason) for answer in answers] == [
        (1, 0),
        (0, WRONG),
        (1, 0),
        (0, WRONG),
        (0, UNKNOWN),
    ]


async def test_a_password_is_taken_raw_and_in_hexadecimal(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    raw = bytes.fromhex("0001ff80") * 5
    await create_point(points, name, password=raw.hex().upper(), security_profile=1)

    assert await refused(edge, name) == WRONG
    assert await refused(edge, name, password=raw[::-1]) == WRONG
    assert await refused(edge, name, password="") == WRONG
    epochs = [await open_one(edge, name, password=form) for form in (raw, raw.hex(), raw.hex().upper())]
    assert epochs == [1, 2, 3]


async def test_a_new_password_replaces_the_old_one_when_it_is_used(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    await create_point(points, name, password=OLD)
    await update_point(points, name, password=NEW)

    assert await open_one(edge, name, password=OLD) == 1
    assert await open_one(edge, name, password=NEW) == 2
    assert await refused(edge, name, password=OLD) == WRONG
    assert await open_one(edge, name, password=NEW) == 3
    assert (await get_point(points, name)).etag == "2"


async def test_a_socket_must_be_as_safe_as_the_charge_point_demands(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    await create_point(points, name, security_profile=3)

    assert await rule_for(edge, name, security_profile=2, password=OLD) == "SECURITY_PROFILE_TOO_LOW"
    assert await rule_for(edge, name, security_profile=3, certificate_common_name="other") == "WRONG_CERTIFICATE"
    assert await open_one(edge, name, security_profile=3, certificate_common_name=name) == 1


async def test_going_online_is_told_once(
    points: ChargePointServiceStub,
    stations: StationServiceStub,
    edge: ConnectivityServiceStub,
    service: RunningService,
    name: str,
) -> None:
    station = await create_station(stations)
    await create_point(points, name, station_id=station.id)
    await open_one(edge, name)
    await open_one(edge, name, node="edge-2")

    [event] = await reported(service.database, f"connection.opened.{name}")

    assert event.subject == f"csms.event.station.connection.opened.{name}"
    change = event.connectivity_changed
    assert (change.charge_point_id, change.station_id, change.online, change.epoch) == (name, station.id, True, 1)


async def test_many_batches_at_once_do_not_wait_for_each_other_in_a_circle(
    open_house: ConnectivityServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    names = [f"{name}-{number:02d}" for number in range(40)]
    # Unknown to each other's replica as well, in every order, on nodes that are all new.
    batches = [
        [attempt(point, node=f"{name}-{(number + position) % 3}") for position, point in enumerate(order)]
        for number, order in enumerate((names, names[::-1], names[20:] + names[:20], names[::2] + names[1::2]))
    ]

    answers = await asyncio.gather(*(open_all(open_house, *batch) for batch in batches))

    assert [answer.error.reason for batch in answers for answer in batch] == [0] * 160
    by_name: dict[str, list[int]] = {point: [] for point in names}
    for batch, admissions in zip(batches, answers, strict=True):
        for asked, admission in zip(batch, admissions, strict=True):
            by_name[asked.charge_point_id].append(admission.epoch)
    assert all(sorted(epochs) == [1, 2, 3, 4] for epochs in by_name.values())


async def test_a_batch_is_bounded(edge: ConnectivityServiceStub) -> None:
    too_many = [attempt("CP")] * 1001
    assert await bad_fields(open_all(edge, *too_many)) == ["attempts"]
    assert list(await open_all(edge)) == []
