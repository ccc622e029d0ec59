"""ReportRefusals, ListRefusals, ListUnknownChargePoints: who was refused, and what to do about it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import func, select, text, update

from csms.station.v1 import charge_point_service_pb2 as point_pb
from csms.station.v1 import connectivity_service_pb2 as pb
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.refusal_pb2 import Refusal
from services.kernel.clock import FixedClock
from services.messaging.event_bus import EventBus
from services.messaging.outbox import OutboxRelay
from services.rpc.protobuf import timestamp
from services.station.application.refusals import Memory, Refusals
from services.station.sql.unit_of_work import SqlUnitsOfWork
from services.station.tables import CHARGE_POINTS, CONNECTIONS, REFUSALS
from tests.contract.services.station.callers import (
    ChargePoint,
    attempt,
    close_all,
    create_point,
    create_station,
    get_point,
    open_all,
    open_one,
    rule_for,
    update_point,
)
from tests.fixtures.calls import bad_fields, reason
from tests.fixtures.events import reported
from tests.fixtures.services import RunningService, ServiceRunner

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.field_case("B9")]

NOW = datetime.now(UTC)
OLD = "the old password"


def refused(
    identity: str, rule: Refusal.Rule.ValueType = Refusal.WRONG_PASSWORD, **fields: Any
) -> pb.RefusedHandshakes:
    usual: dict[str, Any] = {
        "remote_address": "203.0.113.7",
        "detail": "the credentials do not match",
        "offered_protocols": ["ocpp2.0.1", "ocpp1.6"],
        "path": f"/ocpp/{identity}",
        "count": 1,
        "first_time": timestamp(NOW),
        "last_time": timestamp(NOW),
    }
    return pb.RefusedHandshakes(identity=identity, rule=rule, **{**usual, **fields})


async def report(edge: ConnectivityServiceStub, *refusals: pb.RefusedHandshakes) -> None:
    await edge.ReportRefusals(pb.ReportRefusalsRequest(node="edge-1", refusals=refusals))


async def refusals_of(points: ChargePointServiceStub, name: str, **fields: Any) -> Sequence[Refusal]:
    return (await points.ListRefusals(point_pb.ListRefusalsRequest(charge_point_id=name, **fields))).refusals


async def unknown_ones(points: ChargePointServiceStub, **fields: Any) -> Sequence[Refusal]:
    request = point_pb.ListUnknownChargePointsRequest(**fields)
    return (await points.ListUnknownChargePoints(request)).unknown_charge_points


async def test_refusals_of_a_charge_point_are_counted_and_say_what_to_do(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    await create_point(points, name, password=OLD)
    later = NOW + timedelta(minutes=5)
    await report(edge, refused(name, count=3, guess_count=2))
    await report(edge, refused(name, count=4, guess_count=1, last_time=timestamp(later), offered_protocols=["ocpp1.6"]))
    await report(edge, refused(name, remote_address="198.51.100.1"), refused(name, Refusal.CREDENTIALS_MISSING))

    found = await refusals_of(points, name)

    assert len(found) == 3
    first = found[0]
    assert (first.identity, first.rule, first.remote_address) == (name, Refusal.WRONG_PASSWORD, "203.0.113.7")
    assert (first.count, first.guess_count) == (7, 3)
    assert (first.first_time.ToDatetime(UTC), first.last_time.ToDatetime(UTC)) == (NOW, later)
    assert (list(first.offered_protocols), first.path) == (["ocpp1.6"], f"/ocpp/{name}")
    assert first.detail == "the credentials do not match"
    assert "password" in first.advice
    assert len({one.advice for one in found}) == 2
    [missing] = await refusals_of(points, name, rule=Refusal.CREDENTIALS_MISSING)
    assert missing.advice != first.advice
    assert await unknown_ones(points, text=name) == []


async def test_refusals_are_paged_the_latest_first(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    await create_point(points, name)
    times = [NOW - timedelta(minutes=minute) for minute in range(5)]
    await report(
        edge,
        *(
            refused(name, remote_address=f"10.0.0.{number}", last_time=timestamp(time))
            for number, time in enumerate(times)
        ),
    )
    request = point_pb.ListRefusalsRequest(charge_point_id=name, page_size=2)
    seen = []
    while True:
        page = await points.ListRefusals(request)
        assert page.total_size == 5
        seen += [one.remote_address for one in page.refusals]
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert seen == [f"10.0.0.{number}" for number in range(5)]


async def test_who_is_no_charge_point_is_unknown_until_somebody_creates_it(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    await report(
        edge,
        refused(name, Refusal.UNKNOWN_IDENTITY),
        refused("%20" + name, Refusal.IDENTITY_INVALID),
        refused("", Refusal.IDENTITY_MISSING, path=f"/{name}/x"),
    )
    found = await unknown_ones(points, text=name)
    assert {one.rule for one in found} == {
        Refusal.UNKNOWN_IDENTITY,
        Refusal.IDENTITY_INVALID,
        Refusal.IDENTITY_MISSING,
    }
    [unknown] = await unknown_ones(points, text=name, rule=Refusal.UNKNOWN_IDENTITY)
    assert unknown.identity == name
    unknown_point = points.ListRefusals(point_pb.ListRefusalsRequest(charge_point_id=name))
    assert await reason(unknown_point) == "CHARGE_POINT_NOT_FOUND"

    await create_point(points, name)

    assert Refusal.UNKNOWN_IDENTITY not in {one.rule for one in await unknown_ones(points, text=name)}
    assert [one.rule for one in await refusals_of(points, name)] == [Refusal.UNKNOWN_IDENTITY]


async def test_with_its_charge_point_its_refusals_are_forgotten(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    await create_point(points, name)
    await report(edge, refused(name))
    await points.DeleteChargePoint(point_pb.DeleteChargePointRequest(charge_point_id=name))
    assert await unknown_ones(points, text=name) == []


async def test_of_one_identity_only_so_much_is_kept_from_however_many_addresses(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    await create_point(points, name)
    for batch in range(4):
        await report(
            edge,
            *(
                refused(
                    name,
                    remote_address=f"10.0.{batch}.{number}",
                    last_time=timestamp(NOW + timedelta(seconds=batch)),
                )
                for number in range(50)
            ),
        )
    page = await points.ListRefusals(point_pb.ListRefusalsRequest(charge_point_id=name, page_size=250))
    assert page.total_size == 50
    assert all(one.remote_address.startswith("10.0.3.") for one in page.refusals)


async def test_of_many_unknown_the_latest_are_kept_and_no_charge_point_loses_anything(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, service: RunningService, name: str
) -> None:
    await create_point(points, name)
    long_ago = NOW - timedelta(days=20)
    await report(edge, refused(name, first_time=timestamp(long_ago), last_time=timestamp(long_ago)))
    for batch in range(11):
        await report(
            edge,
            *(refused(f"{name}-{batch}-{number}", Refusal.UNKNOWN_IDENTITY, count=1) for number in range(1000)),
        )
    memory = Memory(timedelta(days=30))
    await _refusals(service, NOW, memory).forget()

    async with service.database.transaction() as connection:
        kept = await connection.scalar(select(func.count()).where(REFUSALS.c.identity.startswith(f"{name}-")))
    assert kept is not None
    assert 9_000 < kept <= 10_000
    assert len(await refusals_of(points, name)) == 1

    await _refusals(service, NOW + timedelta(days=31), memory).forget()
    assert await unknown_ones(points) == []
    assert await refusals_of(points, name) == []


async def test_what_anybody_wrote_is_kept_cut_and_without_harm(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    wild = refused(
        name + "x" * 5000,
        Refusal.IDENTITY_INVALID,
        path="/" + "y" * 5000,
        offered_protocols=[f"{'z' * 100},{number}" for number in range(50)],
    )
    await report(edge, wild)
    [found] = await unknown_ones(points, text=name)
    assert (len(found.identity), len(found.path), len(found.offered_protocols)) == (300, 300, 10)
    assert {len(offer) for offer in found.offered_protocols} == {40}


async def test_a_report_is_bounded_and_names_its_rule(edge: ConnectivityServiceStub) -> None:
    too_many = pb.ReportRefusalsRequest(refusals=[refused("X")] * 1001)
    assert await bad_fields(edge.ReportRefusals(too_many)) == ["refusals"]
    nameless = pb.ReportRefusalsRequest(refusals=[pb.RefusedHandshakes(identity="X")])
    assert await bad_fields(edge.ReportRefusals(nameless)) == ["refusals.rule"]
    await report(edge)


async def test_of_a_charge_point_in_service_the_others_are_told(
    points: ChargePointServiceStub,
    edge: ConnectivityServiceStub,
    service: RunningService,
    stations: Any,
    name: str,
) -> None:
    station = await create_station(stations)
    await create_point(points, name, station_id=station.id)
    await create_point(points, f"{name}-P", state=ChargePoint.PENDING)
    await report(
        edge,
        refused(name, count=7, guess_count=5),
        refused(name, Refusal.OVERLOADED),
        refused(name, Refusal.VERSION_GETS_NOWHERE),
        refused(f"{name}-P"),
        refused(f"{name}-X", Refusal.UNKNOWN_IDENTITY),
    )

    [event] = await reported(service.database, f"connection.refused.{name}")

    assert event.subject == f"csms.event.station.connection.refused.{name}"
    change = event.connection_refused
    assert (change.charge_point_id, change.station_id, change.rule) == (name, station.id, Refusal.WRONG_PASSWORD)
    assert (change.count, change.guess_count, change.remote_address) == (7, 5, "203.0.113.7")
    for other in (f"{name}-P", f"{name}-X"):
        assert await reported(service.database, f"connection.refused.{other}") == []


@pytest.mark.field_case("B7")
async def test_a_pin_decides_about_the_version_until_it_is_taken_away(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    offers = ["ocpp2.0.1", "ocpp1.6"]
    made = await create_point(points, name, pinned_protocol="ocpp1.6")
    assert made.pinned_protocol == "ocpp1.6"

    [admission] = await open_all(edge, attempt(name, protocol="ocpp2.0.1", offered_protocols=offers))
    assert (admission.epoch, admission.protocol) == (1, "ocpp1.6")
    assert (await get_point(points, name)).protocol == "ocpp1.6"
    found = await edge.FindConnection(pb.FindConnectionRequest(charge_point_id=name))
    assert found.connection.protocol == "ocpp1.6"
    only_new = {"protocol": "ocpp2.0.1", "offered_protocols": ["ocpp2.0.1"]}
    assert await rule_for(edge, name, **only_new) == "PINNED_PROTOCOL_NOT_OFFERED"

    after = await update_point(points, name, pinned_protocol="")
    assert (after.pinned_protocol, after.etag) == ("", "2")
    [admission] = await open_all(edge, attempt(name, protocol="ocpp2.0.1", offered_protocols=offers))
    assert (admission.epoch, admission.protocol) == (2, "ocpp2.0.1")
    assert await bad_fields(update_point(points, name, pinned_protocol="ocpp9")) == ["chargePoint.pinnedProtocol"]


@pytest.mark.field_case("B7")
async def test_a_charge_point_whose_version_gets_nowhere_is_shown_with_a_hint(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    await create_point(points, name)
    detail = "by ocpp2.0.1 its connection gets nowhere (it said nothing), and it offers ocpp1.6 as well"
    nowhere = refused(name, Refusal.VERSION_GETS_NOWHERE, detail=detail, last_time=timestamp(NOW))
    await report(edge, nowhere, nowhere)
    assert (await get_point(points, name)).protocol_hint == ""

    await report(edge, nowhere)
    assert (await get_point(points, name)).protocol_hint == detail
    listed = await points.ListChargePoints(point_pb.ListChargePointsRequest(text=name))
    assert [point.protocol_hint for point in listed.charge_points] == [detail]

    # Once it boots by it, all is well; and who is pinned needs no hint.
    epoch = await open_one(edge, name)
    boot = pb.BootReport(charge_point_id=name, epoch=epoch, received_time=timestamp(NOW + timedelta(seconds=1)))
    await edge.ReportBoots(pb.ReportBootsRequest(boots=[boot]))
    assert (await get_point(points, name)).protocol_hint == ""
    again = refused(name, Refusal.VERSION_GETS_NOWHERE, detail=detail, last_time=timestamp(NOW + timedelta(seconds=9)))
    await report(edge, again)
    assert (await get_point(points, name)).protocol_hint == detail
    assert (await update_point(points, name, pinned_protocol="ocpp1.6")).pinned_protocol == "ocpp1.6"
    assert (await get_point(points, name)).protocol_hint == ""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def small_inbox(module_services: ServiceRunner, service: RunningService) -> RunningService:
    """Another replica on the same database that lets a few unknown charge points wait."""
    url = service.settings.database_url
    return await module_services("station", database_url=url, ocpp_allow_unknown=True, ocpp_max_unknown=5)


async def _no_unknown(service: RunningService) -> None:
    async with service.database.transaction() as connection:
        await connection.execute(update(CHARGE_POINTS).values(is_unknown=False))


@pytest.mark.field_case("B9", "C14")
async def test_so_many_unknown_wait_and_no_more_until_an_operator_looks_at_them(
    small_inbox: RunningService, service: RunningService, points: ChargePointServiceStub, name: str
) -> None:
    await _no_unknown(service)
    edge = ConnectivityServiceStub(await small_inbox.internal_channel("edge"))
    names = [f"{name}-{number}" for number in range(8)]
    admissions = await open_all(edge, *map(attempt, names))
    let_in = [point for point, admission in zip(names, admissions, strict=True) if admission.epoch]
    assert len(let_in) == 5
    assert {admission.error.metadata["rule"] for admission in admissions if not admission.epoch} == {"TOO_MANY_UNKNOWN"}
    # Who waits already may come again.
    assert await open_one(edge, let_in[0]) == 2
    await update_point(points, let_in[0], state=ChargePoint.ACCEPTED)
    late = [point for point in names if point not in let_in]
    admissions = await open_all(edge, *map(attempt, late))
    assert sum(bool(admission.epoch) for admission in admissions) == 1


async def test_too_many_unknown_are_stored_under_the_name_that_older_builds_know(
    service: RunningService, edge: ConnectivityServiceStub, points: ChargePointServiceStub, name: str
) -> None:
    await report(edge, refused(name, Refusal.TOO_MANY_UNKNOWN))
    async with service.database.transaction() as connection:
        stored = await connection.scalar(text("SELECT rule FROM refusals WHERE identity = :name"), {"name": name})
    assert stored == "TOO_MANY_STRANGERS"
    [found] = await unknown_ones(points, text=name, rule=Refusal.TOO_MANY_UNKNOWN)
    assert found.rule == Refusal.TOO_MANY_UNKNOWN


@pytest.mark.field_case("B9", "C14")
async def test_who_waits_to_be_accepted_is_on_the_list_of_unknown_charge_points(
    small_inbox: RunningService, service: RunningService, points: ChargePointServiceStub, name: str
) -> None:
    await _no_unknown(service)
    edge = ConnectivityServiceStub(await small_inbox.internal_channel("edge"))
    await open_one(edge, name)
    await report(edge, refused(name, Refusal.NOT_ACCEPTED_YET))

    [found] = await unknown_ones(points, text=name)
    assert (found.rule, "ACCEPTED" in found.advice) == (Refusal.NOT_ACCEPTED_YET, True)

    await update_point(points, name, state=ChargePoint.ACCEPTED)
    assert await unknown_ones(points, text=name) == []


@pytest.mark.field_case("B9", "C14")
async def test_an_unknown_charge_point_that_never_comes_again_is_forgotten_and_what_an_operator_made_is_not(
    small_inbox: RunningService, service: RunningService, points: ChargePointServiceStub, name: str
) -> None:
    await _no_unknown(service)
    edge = ConnectivityServiceStub(await small_inbox.internal_channel("edge"))
    epochs = {f"{name}-{kind}": await open_one(edge, f"{name}-{kind}") for kind in ("gone", "here", "touched")}
    await create_point(points, f"{name}-made", state=ChargePoint.PENDING)
    await update_point(points, f"{name}-touched", vendor="ACME")
    await close_all(edge, *((point, epoch) for point, epoch in epochs.items() if not point.endswith("here")))
    async with service.database.transaction() as connection:
        long_ago = NOW - timedelta(days=31)
        await connection.execute(update(CONNECTIONS).values(last_seen_time=long_ago))
        await connection.execute(update(CHARGE_POINTS).values(create_time=long_ago))

    await _refusals(service, NOW, Memory(timedelta(days=30))).forget()

    left = await points.ListChargePoints(point_pb.ListChargePointsRequest(text=name))
    assert [point.id for point in left.charge_points] == [f"{name}-here", f"{name}-made", f"{name}-touched"]
    [event] = await reported(service.database, f"charge_point.deleted.{name}-gone")
    assert event.charge_point_changed.deleted


@pytest.mark.field_case("C14")
async def test_that_a_charge_point_is_made_changed_or_deleted_is_told_and_its_state_with_its_connections(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, service: RunningService, name: str
) -> None:
    await create_point(points, name, state=ChargePoint.PENDING)
    epoch = await open_one(edge, name)
    await close_all(edge, (name, epoch))
    await update_point(points, name, state=ChargePoint.ACCEPTED)
    await points.DeleteChargePoint(point_pb.DeleteChargePointRequest(charge_point_id=name))

    changes = [event.charge_point_changed for event in await reported(service.database, f"charge_point.changed.{name}")]
    assert [change.charge_point.state for change in changes] == [ChargePoint.PENDING, ChargePoint.ACCEPTED]
    [deleted] = await reported(service.database, f"charge_point.deleted.{name}")
    assert deleted.charge_point_changed.deleted
    for verb in ("opened", "closed"):
        [event] = await reported(service.database, f"connection.{verb}.{name}")
        assert event.connectivity_changed.state == ChargePoint.PENDING


def _refusals(service: RunningService, now: datetime, memory: Memory) -> Refusals:
    clock = FixedClock(now)
    relay = OutboxRelay(service.database, EventBus("nats://127.0.0.1:1"))
    return Refusals(SqlUnitsOfWork(service.database, relay, clock), clock, memory)
