"""Charging sessions over gRPC: those that callers enter, and the live ones of charge points."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from csms.billing.v1 import charging_session_pb2 as session_pb
from csms.billing.v1.billing_service_pb2 import (
    CompleteChargingSessionRequest,
    CreateChargingSessionRequest,
    GetChargingSessionRequest,
    ListChargingSessionsRequest,
)
from csms.billing.v1.hold_pb2 import Hold
from csms.billing.v1.tariff_pb2 import Tariff
from csms.billing.v1.tariff_service_pb2 import UpdateTariffRequest
from services.kernel.errors import ErrorKind
from services.kernel.ids import derived_id
from services.rpc.protobuf import timestamp
from tests.contract.services.billing.conftest import Books, Caller, Tell
from tests.contract.services.billing.messages import (
    DRIVER,
    END,
    OTHER_DRIVER,
    START,
    STATION,
    amount,
    component,
    fields_of,
    new_tariff,
    refusal,
    running_transaction,
    session_id,
    transaction,
)
from tests.contract.services.billing.neighbours import Neighbours
from tests.fixtures.background import eventually

UNKNOWN = derived_id("session", "unknown")
Session = session_pb.ChargingSession


async def _create(admin: Caller, request_id: str = "", **fields: Any) -> Session:
    usual: dict[str, Any] = {"station_id": STATION, "driver_id": DRIVER, "start_time": timestamp(START)}
    request = CreateChargingSessionRequest(charging_session=Session(**{**usual, **fields}), request_id=request_id)
    return (await admin.sessions.CreateChargingSession(request)).charging_session


async def _complete(admin: Caller, id: str, energy_wh: int = 10_000, **fields: Any) -> Session:
    request = CompleteChargingSessionRequest(id=id, energy_wh=energy_wh, **{"end_time": timestamp(END), **fields})
    return (await admin.sessions.CompleteChargingSession(request)).charging_session


async def _get(admin: Caller, id: str) -> Session:
    return (await admin.sessions.GetChargingSession(GetChargingSessionRequest(id=id))).charging_session


async def _list(admin: Caller, **fields: Any) -> list[Session]:
    return list((await admin.sessions.ListChargingSessions(ListChargingSessionsRequest(**fields))).charging_sessions)


async def test_a_session_that_a_caller_enters_is_completed_and_billed(admin: Caller) -> None:
    made = (await admin.tariffs.CreateTariff(new_tariff(tax_basis_points=1900, station_ids=[STATION]))).tariff
    given = Session(
        station_id=STATION, charge_point_id="CP", connector_id=2, driver_id=DRIVER, id_tag="tag", energy_wh=99
    )
    call = admin.sessions.CreateChargingSession(CreateChargingSessionRequest(charging_session=given))
    session = (await call).charging_session
    metadata = dict(await call.initial_metadata())
    assert (metadata["x-http-code"], metadata["location"]) == ("201", f"/charging-sessions/{session.id}")
    # What only the service sets was not taken from the caller.
    assert (session.state, session.id_tag, session.energy_wh) == (Session.ACTIVE, "TAG", 0)
    assert (session.tariff_id, session.tariff_version) == (made.id, 1)

    done = await _complete(admin, session.id, end_time=None)
    assert (done.state, done.energy_wh, done.HasField("hold_reason")) == (Session.COMPLETED, 10_000, False)
    assert (amount(done.cost), bool(done.invoice_id)) == ("4.76 EUR", True)
    assert await _get(admin, session.id) == done
    # A repeat, also one that gives the end it was told, changes nothing; other values are refused.
    assert await _complete(admin, session.id, end_time=done.end_time) == done
    others: list[dict[str, Any]] = [{"energy_wh": 9_999}, {"end_time": timestamp(END)}, {"idle_minutes": 1}]
    for other in others:
        refused = await refusal(_complete(admin, **{"id": session.id, "end_time": None, **other}))
        assert (refused.kind, refused.reason) == (ErrorKind.FAILED_PRECONDITION, "CHARGING_SESSION_COMPLETED")


async def test_completed_at_the_same_time_it_is_billed_once(admin: Caller) -> None:
    await admin.tariffs.CreateTariff(new_tariff(is_default=True))
    session = await _create(admin)
    done = await asyncio.gather(*(_complete(admin, session.id) for _ in range(6)))
    assert len({one.invoice_id for one in done}) == 1
    assert {one.state for one in done} == {Session.COMPLETED}


async def test_a_repeated_request_makes_one_session(admin: Caller) -> None:
    made = await asyncio.gather(*(_create(admin, request_id="once") for _ in range(4)))
    assert len({one.id for one in made}) == 1
    assert len(await _list(admin)) == 1


async def test_a_session_keeps_the_version_that_was_valid_when_it_began(admin: Caller) -> None:
    made = (await admin.tariffs.CreateTariff(new_tariff(is_default=True))).tariff
    session = await _create(admin, start_time=None)
    dearer = Tariff(components=[component(price="0.90")])
    await admin.tariffs.UpdateTariff(UpdateTariffRequest(tariff_id=made.id, tariff=dearer))
    assert amount((await _complete(admin, session.id, end_time=None)).cost) == "4.00 EUR"
    # One that began before the change and is entered after it has the old price, too.
    late = await _create(admin, start_time=made.create_time)
    assert (late.tariff_version, amount((await _complete(admin, late.id, end_time=None)).cost)) == (1, "4.00 EUR")
    new = await _create(admin, start_time=None)
    assert (new.tariff_version, amount((await _complete(admin, new.id, end_time=None)).cost)) == (2, "9.00 EUR")
    # What began before there was any tariff has the price of now.
    assert (await _create(admin)).tariff_version == 2


async def test_a_tariff_may_be_chosen(admin: Caller) -> None:
    await admin.tariffs.CreateTariff(new_tariff(is_default=True))
    chosen = (await admin.tariffs.CreateTariff(new_tariff(component(price="1.00")))).tariff
    session = await _create(admin, tariff_id=chosen.id)
    assert amount((await _complete(admin, session.id)).cost) == "10.00 EUR"
    assert (await refusal(_create(admin, tariff_id=UNKNOWN))).reason == "TARIFF_NOT_FOUND"
    await admin.tariffs.UpdateTariff(UpdateTariffRequest(tariff_id=chosen.id, tariff=Tariff(retired=True)))
    assert (await refusal(_create(admin, tariff_id=chosen.id))).reason == "TARIFF_NOT_VALID"


async def test_without_a_tariff_a_completed_session_is_held(admin: Caller) -> None:
    session = await _create(admin)
    assert not session.tariff_id
    assert not session.HasField("cost")
    held = await _complete(admin, session.id)
    assert (held.state, held.hold_reason, held.invoice_id) == (Session.HELD, Hold.NO_TARIFF, "")
    assert await _complete(admin, session.id) == held


async def test_a_completion_does_not_hang_on_the_driver_service(boss: Caller, neighbours: Neighbours) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    session = await _create(boss)
    neighbours.away = {"driver"}
    done = await _complete(boss, session.id)
    assert (done.state, done.hold_reason, done.energy_wh) == (Session.HELD, Hold.PENDING, 10_000)
    neighbours.away = set()

    async def completed() -> bool:
        return (await _complete(boss, session.id)).state == Session.COMPLETED

    await eventually(completed)
    assert amount((await _get(boss, session.id)).cost) == "4.00 EUR"


async def test_a_running_session_shows_energy_and_cost_of_this_moment(
    boss: Caller, books: Books, tell: Tell, neighbours: Neighbours
) -> None:
    per_hour = component("TIME", "1.00")
    await boss.tariffs.CreateTariff(new_tariff(component(), per_hour, is_default=True))
    start = timestamp(datetime.now(UTC) - timedelta(minutes=30))
    await tell(running_transaction(1, energy_wh=1_000, start_time=start))
    await books.become({"CP1": ("ACTIVE", "")})
    now = running_transaction(1, energy_wh=6_000)
    neighbours.transactions[now.id] = now
    live = await _get(boss, session_id())
    assert (live.state, live.energy_wh, amount(live.cost)) == (Session.ACTIVE, 6_000, "2.90 EUR")
    [listed] = await _list(boss, state=Session.ACTIVE)
    assert (listed.id, listed.energy_wh) == (live.id, 6_000)
    # Without the transaction service it shows what was told last, without the driver service no price.
    neighbours.away = {"transaction"}
    live = await _get(boss, session_id())
    assert (live.energy_wh, amount(live.cost)) == (1_000, "0.90 EUR")
    neighbours.away = {"driver"}
    live = await _get(boss, session_id())
    assert (live.energy_wh, live.HasField("cost")) == (6_000, False)


async def test_a_list_of_running_sessions_does_not_hang_on_one_driver(
    boss: Caller, books: Books, tell: Tell, neighbours: Neighbours
) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    neighbours.slow[OTHER_DRIVER] = asyncio.Event()
    await tell(running_transaction(1), running_transaction(2, driver_id=OTHER_DRIVER))
    await books.become({"CP1": ("ACTIVE", ""), "CP2": ("ACTIVE", "")})
    listed = {one.charge_point_id: one.HasField("cost") for one in await _list(boss)}
    assert listed == {"CP1": True, "CP2": False}
    neighbours.slow[OTHER_DRIVER].set()


async def test_lists_are_paged_and_narrowed_the_latest_started_first(boss: Caller, books: Books, tell: Tell) -> None:
    def at(number: int) -> Any:
        return timestamp(START + timedelta(minutes=number))

    other = derived_id("station", 2)
    await tell(
        running_transaction(1, start_time=at(1)),
        running_transaction(2, start_time=at(2), station_id=other),
        transaction(3, start_time=at(3), driver_id=OTHER_DRIVER),
        running_transaction(4, start_time=at(4), driver_id="", station_id=""),
    )
    await books.become(
        {"CP1": ("ACTIVE", ""), "CP2": ("ACTIVE", ""), "CP3": ("HELD", "no_tariff"), "CP4": ("ACTIVE", "")}
    )

    async def listed(**fields: Any) -> str:
        return "".join(one.charge_point_id[-1] for one in await _list(boss, **fields))

    assert await listed() == "4321"
    assert await listed(driver_id=DRIVER) == "21"
    assert await listed(station_id=other) == "2"
    assert await listed(charge_point_id="CP4") == "4"
    assert await listed(charge_point_id="CP4", driver_id=DRIVER) == ""
    assert await listed(charge_point_id="cp4") == ""
    assert await listed(state=Session.HELD) == "3"
    assert await listed(state=Session.COMPLETED) == ""
    assert await listed(transaction_id=derived_id("transaction", 1)) == "1"
    assert await listed(start_time_from=at(2), start_time_to=at(4)) == "32"
    for name in ("driver_id", "station_id", "transaction_id"):
        assert await listed(**{name: "no id"}) == ""
    first = await boss.sessions.ListChargingSessions(ListChargingSessionsRequest(page_size=3))
    assert ([one.charge_point_id for one in first.charging_sessions], first.total_size) == (["CP4", "CP3", "CP2"], 4)
    assert await listed(page_size=3, page_token=first.next_page_token) == "1"


async def test_what_does_not_exist_is_not_found(admin: Caller) -> None:
    for id in (UNKNOWN, "no id"):
        for call in (_get(admin, id), _complete(admin, id)):
            refused = await refusal(call)
            assert (refused.kind, refused.reason) == (ErrorKind.NOT_FOUND, "CHARGING_SESSION_NOT_FOUND")


async def test_the_session_of_a_charge_point_is_not_completed_by_callers(
    boss: Caller, books: Books, tell: Tell
) -> None:
    await tell(running_transaction(1))
    await books.become({"CP1": ("ACTIVE", "")})
    assert (await refusal(_complete(boss, session_id()))).reason == "CHARGING_SESSION_COMPLETED"


async def test_bad_input_of_a_new_session_is_refused_by_name(admin: Caller) -> None:
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"station_id": "x", "driver_id": "y"}, ["chargingSession.stationId", "chargingSession.driverId"]),
        ({"tariff_id": "x"}, ["chargingSession.tariffId"]),
        ({"charge_point_id": "x" * 49}, ["chargingSession.chargePointId"]),
        ({"id_tag": "a\0b"}, ["chargingSession.idTag"]),
        ({"connector_id": -1}, ["chargingSession.connectorId"]),
        ({"start_time": timestamp(datetime(2126, 1, 1, tzinfo=UTC))}, ["chargingSession.startTime"]),
        ({"start_time": {"seconds": 2**62}}, ["chargingSession.startTime"]),
        ({"request_id": "x" * 101}, ["requestId"]),
    ]
    for fields, named in cases:
        refused = await refusal(_create(admin, **fields))
        assert (refused.reason, fields_of(refused)) == ("INVALID_FIELD", named)
    nothing = CreateChargingSessionRequest()
    assert fields_of(await refusal(admin.sessions.CreateChargingSession(nothing))) == ["chargingSession"]
    assert await _list(admin) == []


async def test_bad_input_of_a_completion_is_refused_by_name(admin: Caller) -> None:
    session = await _create(admin)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"energy_wh": -1}, "energyWh"),
        ({"energy_wh": 100_000_001}, "energyWh"),
        ({"idle_minutes": -1}, "idleMinutes"),
        ({"end_time": timestamp(START - timedelta(seconds=1))}, "endTime"),
        ({"end_time": timestamp(datetime(2126, 1, 1, tzinfo=UTC))}, "endTime"),
        ({"id": ""}, "id"),
    ]
    for fields, named in cases:
        assert fields_of(await refusal(_complete(admin, **{"id": session.id, **fields}))) == [named]
    assert (await _get(admin, session.id)).state == Session.ACTIVE


async def test_bad_input_of_a_list_is_refused_by_name(admin: Caller) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"page_size": -1}, "pageSize"),
        ({"page_token": "x"}, "pageToken"),
        ({"state": 99}, "state"),
        ({"start_time_from": {"seconds": 2**62}}, "startTimeFrom"),
    ]
    for fields, named in cases:
        assert fields_of(await refusal(_list(admin, **fields))) == [named]


async def test_who_reconciles_gets_the_sessions_in_the_order_of_change(admin: Caller) -> None:
    first, second = await _create(admin), await _create(admin)
    await _complete(admin, first.id)
    every = await _list(admin, update_time_from=first.update_time)
    assert [session.id for session in every] == [second.id, first.id]
    [changed] = await _list(admin, update_time_from=every[-1].update_time)
    assert changed.id == first.id
