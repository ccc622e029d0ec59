"""Bills and live costs go by how a session went: when its energy came, and when its vehicle idled."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from csms.billing.v1 import tariff_pb2 as tariff_pb
from csms.billing.v1.billing_service_pb2 import GetChargingSessionRequest, ListChargingSessionsRequest
from csms.billing.v1.charging_session_pb2 import ChargingSession
from csms.billing.v1.decision_service_pb2 import CorrectChargingSessionRequest, ReleaseChargingSessionRequest
from csms.billing.v1.invoice_service_pb2 import GetInvoiceRequest
from csms.billing.v1.tariff_pb2 import PriceLine
from csms.transaction.v1.transaction_pb2 import Transaction
from services.kernel.ids import derived_id
from services.rpc.protobuf import timestamp
from tests.contract.services.billing.conftest import Books, Caller, Tell
from tests.contract.services.billing.messages import (
    amount,
    component,
    curve,
    new_tariff,
    running_transaction,
    session_id,
    states,
    transaction,
)
from tests.contract.services.billing.neighbours import Neighbours
from tests.fixtures.background import eventually

DONE = ("COMPLETED", "")
# A whole quarter of an hour, some four hours ago.
BEGIN = (datetime.now(UTC) - timedelta(hours=4)).replace(minute=0, second=0, microsecond=0)
IDLE = component("IDLE", "6.00", grace_minutes=15)


def at(minutes: float) -> datetime:
    return BEGIN + timedelta(minutes=minutes)


def times(length: float) -> dict[str, Any]:
    """The times of a session that begins at BEGIN."""
    return {"start_time": timestamp(BEGIN), "stop_time": timestamp(at(length))}


async def _cheaper_from(boss: Caller, minutes: float, *more: tariff_pb.PriceComponent) -> None:
    """A tariff of 0.79 a kWh until so many minutes after BEGIN, and 0.39 for six hours from then on."""
    window = {"start_time_of_day": f"{at(minutes):%H:%M}", "end_time_of_day": f"{at(minutes + 360):%H:%M}"}
    parts = (component(price="0.39", **window), component(price="0.79"), *more)
    await boss.tariffs.CreateTariff(new_tariff(*parts, is_default=True))


async def _session(boss: Caller, number: int = 1) -> ChargingSession:
    return (await boss.sessions.GetChargingSession(GetChargingSessionRequest(id=session_id(number)))).charging_session


async def _lines(boss: Caller, session: ChargingSession) -> list[tuple[str, str, str]]:
    invoice = (await boss.invoices.GetInvoice(GetInvoiceRequest(id=session.invoice_id))).invoice
    return [(PriceLine.Kind.Name(line.kind), line.quantity, amount(line.amount)) for line in invoice.lines]


@pytest.mark.field_case("D2")
async def test_energy_is_billed_at_the_price_of_the_time_at_which_it_came(
    boss: Caller, books: Books, tell: Tell, neighbours: Neighbours
) -> None:
    await _cheaper_from(boss, 15)
    points = ((0, 0), (5, 8_333), (10, 16_667), (15, 25_000), (25, 34_700), (45, 41_160))
    neighbours.curves[derived_id("transaction", 1)] = curve(1, *points, start=BEGIN)
    await tell(transaction(1, energy_wh=41_160, **times(45)), transaction(2, energy_wh=41_160, **times(45)))
    await books.become({"CP1": DONE, "CP2": DONE})
    by_readings, spread = await _session(boss, 1), await _session(boss, 2)
    assert (amount(by_readings.cost), list(by_readings.flags)) == ("26.05 EUR", [])
    assert await _lines(boss, by_readings) == [("ENERGY", "25", "19.75 EUR"), ("ENERGY", "16.16", "6.30 EUR")]
    # Of the other one nobody knows when its energy came, and it says so.
    assert (amount(spread.cost), list(spread.flags)) == ("21.54 EUR", [ChargingSession.EVENLY_SPREAD])


@pytest.mark.field_case("D2")
async def test_sessions_at_one_price_need_no_readings(
    boss: Caller, books: Books, tell: Tell, neighbours: Neighbours
) -> None:
    # The price changes, but not while these sessions run.
    await _cheaper_from(boss, 90)
    await tell(*(transaction(number, **times(45)) for number in range(3)), running_transaction(7))
    await books.become({**{f"CP{number}": DONE for number in range(3)}, "CP7": ("ACTIVE", "")})
    assert neighbours.curves_asked == []
    assert {tuple((await _session(boss, number)).flags) for number in range(3)} == {()}


@pytest.mark.field_case("D2")
async def test_the_readings_of_many_sessions_are_asked_for_at_once(
    boss: Caller, books: Books, tell: Tell, neighbours: Neighbours
) -> None:
    await _cheaper_from(boss, 15)
    neighbours.away = {"transaction"}
    await tell(*(transaction(number, **times(45)) for number in range(40)))
    await books.become({f"CP{number}": ("HELD", "pending") for number in range(40)})
    asked = len(neighbours.curves_asked)
    neighbours.away = set()
    await books.become({f"CP{number}": DONE for number in range(40)})
    assert [len(ids) for ids in neighbours.curves_asked[asked:]] in ([40], [40, 40])


@pytest.mark.field_case("D1")
async def test_idling_is_billed_after_its_grace_and_shown(
    boss: Caller, books: Books, tell: Tell, neighbours: Neighbours
) -> None:
    await boss.tariffs.CreateTariff(new_tariff(component(price="0.49"), IDLE, is_default=True))
    full = tuple((minute, 11_000 * min(minute, 90) // 60, 11_000 if minute < 90 else 0) for minute in range(0, 181, 10))
    neighbours.curves[derived_id("transaction", 1)] = curve(1, *full, start=BEGIN)
    await tell(transaction(1, energy_wh=16_500, **times(180)), transaction(2, energy_wh=16_500, **times(180)))
    await books.become({"CP1": DONE, "CP2": DONE})
    session = await _session(boss)
    assert (session.idle_minutes, amount(session.cost)) == (90, "15.58 EUR")
    # 90 minutes but 15 at 6.00 an hour.
    assert await _lines(boss, session) == [("ENERGY", "16.5", "8.08 EUR"), ("IDLE", "1.2500", "7.50 EUR")]
    assert (await _session(boss, 2)).idle_minutes == 0


@pytest.mark.field_case("D1")
async def test_what_the_charge_point_says_of_idling_counts_where_nothing_was_read(
    boss: Caller, books: Books, tell: Tell, neighbours: Neighbours
) -> None:
    await boss.tariffs.CreateTariff(new_tariff(component(price="0.49"), IDLE, is_default=True))
    id = derived_id("transaction", 1)
    neighbours.curves[id] = curve(1, (0, 0), (180, 16_500), start=BEGIN)
    neighbours.states[id] = states(1, (0, "Charging"), (90, "SuspendedEV"), start=BEGIN)
    # Of the second one only the states are known; the third was held back by us.
    neighbours.states[derived_id("transaction", 2)] = states(2, (0, "Charging"), (120, "SuspendedEV"), start=BEGIN)
    neighbours.states[derived_id("transaction", 3)] = states(3, (0, "Charging"), (90, "SuspendedEVSE"), start=BEGIN)
    await tell(*(transaction(number, energy_wh=16_500, **times(180)) for number in (1, 2, 3)))
    await books.become({f"CP{number}": DONE for number in (1, 2, 3)})
    shown = [await _session(boss, number) for number in (1, 2, 3)]
    assert [(one.idle_minutes, amount(one.cost)) for one in shown] == [
        (90, "15.58 EUR"),
        (60, "12.58 EUR"),
        (0, "8.08 EUR"),
    ]


@pytest.mark.field_case("D1", "D2")
async def test_a_running_session_shows_what_it_costs_by_readings_and_how_long_it_idles(
    boss: Caller, books: Books, tell: Tell, neighbours: Neighbours
) -> None:
    await _cheaper_from(boss, 15, IDLE)
    points = ((0, 0), (15, 25_000), (30, 36_010), (60, 36_010), (90, 36_010))
    neighbours.curves[derived_id("transaction", 1)] = curve(1, *points, start=BEGIN)
    running = running_transaction(1, start_time=timestamp(BEGIN), energy_wh=36_010)
    neighbours.transactions[running.id] = running
    await tell(running, running_transaction(2, start_time=timestamp(BEGIN)))
    await books.become({"CP1": ("ACTIVE", ""), "CP2": ("ACTIVE", "")})
    session = await _session(boss)
    # 25 kWh at 0.79, 11.01 at 0.39, and 45 minutes of idling; what comes after the last reading nobody knows.
    assert (amount(session.cost), session.idle_minutes) == ("28.54 EUR", 60)
    listed = (await boss.sessions.ListChargingSessions(ListChargingSessionsRequest())).charging_sessions
    assert [amount(one.cost) for one in listed if one.id == session.id] == ["28.54 EUR"]
    # Both are asked for at once, and without an answer no cost is shown.
    assert max(map(len, neighbours.curves_asked)) == 2
    neighbours.away = {"transaction"}
    assert not (await _session(boss)).HasField("cost")


@pytest.mark.field_case("D1", "A11")
async def test_how_long_a_vehicle_idled_is_as_a_person_says(
    boss: Caller, books: Books, tell: Tell, neighbours: Neighbours
) -> None:
    await boss.tariffs.CreateTariff(new_tariff(component(price="0.49"), IDLE, is_default=True))
    full = ((0, 0), (90, 16_510), (120, 16_510), (180, 16_510))
    for number in (1, 2):
        neighbours.curves[derived_id("transaction", number)] = curve(number, *full, start=BEGIN)
    held: dict[str, Any] = {"energy_wh": 16_510, "authorization": Transaction.INVALID, **times(180)}
    await tell(transaction(1, **held), transaction(2, **held))
    await books.become({f"CP{number}": ("HELD", "unauthorized") for number in (1, 2)})
    released = ReleaseChargingSessionRequest(id=session_id(1), reason="fine")
    session = (await boss.decisions.ReleaseChargingSession(released)).charging_session
    assert (session.idle_minutes, amount(session.cost)) == (90, "15.59 EUR")
    correct = CorrectChargingSessionRequest(id=session_id(2), reason="it was our fault", idle_minutes=0)
    session = (await boss.decisions.CorrectChargingSession(correct)).charging_session
    assert (session.idle_minutes, amount(session.cost)) == (0, "8.09 EUR")
    # It stays so when something else is corrected.
    correct = CorrectChargingSessionRequest(id=session_id(2), reason="and the meter, too", energy_wh=10_000)
    session = (await boss.decisions.CorrectChargingSession(correct)).charging_session
    assert (session.idle_minutes, amount(session.cost)) == (0, "4.90 EUR")


@pytest.mark.field_case("D2")
async def test_bills_wait_for_readings_that_cannot_be_had(
    boss: Caller, books: Books, tell: Tell, neighbours: Neighbours
) -> None:
    await _cheaper_from(boss, 15)
    neighbours.away = {"transaction"}
    await tell(transaction(1, **times(45)))
    await books.become({"CP1": ("HELD", "pending")})

    async def was_asked() -> bool:
        return bool(neighbours.curves_asked)

    await eventually(was_asked)
    assert await books.invoices() == []
    neighbours.away = set()
    await books.become({"CP1": DONE})
