"""Every line of a price is explained: by times, readings, component, step and rounding."""

from datetime import UTC, datetime, timedelta

from csms.billing.v1 import price_explanation_pb2 as explanation_pb
from csms.billing.v1.billing_service_pb2 import ExplainChargingSessionRequest, GetChargingSessionRequest
from csms.billing.v1.tariff_pb2 import PriceLine
from services.kernel.errors import ErrorKind
from services.kernel.ids import derived_id
from services.rpc.protobuf import timestamp
from tests.contract.services.billing.conftest import Books, Caller, Tell
from tests.contract.services.billing.messages import (
    DRIVER,
    OTHER_DRIVER,
    amount,
    component,
    curve,
    new_tariff,
    refusal,
    running_transaction,
    session_id,
    transaction,
)
from tests.contract.services.billing.neighbours import Neighbours
from tests.fixtures.services import RunningService

BEGIN = (datetime.now(UTC) - timedelta(hours=4)).replace(minute=0, second=0, microsecond=0)


def at(minutes: float) -> datetime:
    return BEGIN + timedelta(minutes=minutes)


async def _explained(caller: Caller, number: int = 1) -> explanation_pb.PriceExplanation:
    request = ExplainChargingSessionRequest(id=session_id(number))
    return (await caller.sessions.ExplainChargingSession(request)).explanation


async def test_a_bill_is_explained_by_its_readings(
    boss: Caller, books: Books, tell: Tell, neighbours: Neighbours
) -> None:
    window = {"start_time_of_day": f"{at(15):%H:%M}", "end_time_of_day": f"{at(375):%H:%M}"}
    parts = (component(price="0.39", step_size=1000, **window), component(price="0.79"))
    await boss.tariffs.CreateTariff(new_tariff(*parts, is_default=True, tax_basis_points=1900))
    points = ((0, 0), (10, 16_667), (20, 33_333), (45, 41_160))
    neighbours.curves[derived_id("transaction", 1)] = curve(1, *points, start=BEGIN)
    await tell(transaction(1, energy_wh=41_160, start_time=timestamp(BEGIN), stop_time=timestamp(at(45))))
    await books.become({"CP1": ("COMPLETED", "")})

    explained = await _explained(boss)
    session = (await boss.sessions.GetChargingSession(GetChargingSessionRequest(id=session_id(1)))).charging_session
    assert explained.cost == explained.price.total == session.cost
    assert [one.line for one in explained.lines] == list(explained.price.lines)
    assert (explained.driver_id, explained.time_zone, explained.reading_count) == (DRIVER, "UTC", 4)
    day, night = explained.lines
    assert (day.line.quantity, day.parts[0].component, day.part_count, day.step_size) == ("25", 1, 1, 0)
    assert [reading.energy_wh for reading in day.parts[0].readings] == [0, 16_667, 33_333]
    assert not day.parts[0].readings[0].HasField("power_w")
    assert day.parts[0].end_time == night.parts[0].begin_time == timestamp(at(15))
    # 16.16 kWh, and 41.16 in all become 42.
    assert (night.parts[0].quantity, night.step_added, night.step_size) == ("16.16", "0.84", 1000)
    assert (night.line.quantity, night.exact_amount, amount(night.line.amount)) == ("17", "6.63", "6.63 EUR")


async def test_a_running_session_is_explained_up_to_now_and_one_without_readings_says_so(
    boss: Caller, books: Books, tell: Tell, neighbours: Neighbours
) -> None:
    await boss.tariffs.CreateTariff(new_tariff(component("TIME", "1.00"), component(), is_default=True))
    await tell(running_transaction(1))
    await books.become({"CP1": ("ACTIVE", "")})
    explained = await _explained(boss)
    kinds = [PriceLine.Kind.Name(one.line.kind) for one in explained.lines]
    assert (kinds, explained.reading_count) == (["ENERGY", "TIME"], 0)
    assert explained.cost == explained.price.total
    # It began two hours ago.
    assert float(explained.lines[1].line.quantity) >= 2


async def test_what_cannot_be_explained_says_why(
    boss: Caller, books: Books, tell: Tell, neighbours: Neighbours, busy: RunningService
) -> None:
    await tell(transaction(1))
    await books.become({"CP1": ("HELD", "no_tariff")})
    for number, reason in ((1, "TARIFF_NOT_FOUND"), (2, "CHARGING_SESSION_NOT_FOUND")):
        request = ExplainChargingSessionRequest(id=session_id(number))
        assert (await refusal(boss.sessions.ExplainChargingSession(request))).reason == reason
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    await books.become({"CP1": ("COMPLETED", "")})
    other = Caller(await busy.channel("driver", driver_id=OTHER_DRIVER))
    request = ExplainChargingSessionRequest(id=session_id(1))
    assert (await refusal(other.sessions.ExplainChargingSession(request))).reason == "CHARGING_SESSION_NOT_FOUND"
    own = Caller(await busy.channel("driver", driver_id=DRIVER))
    assert amount((await _explained(own)).price.total) == "4.00 EUR"
    neighbours.away = {"transaction"}
    assert (await refusal(boss.sessions.ExplainChargingSession(request))).kind is ErrorKind.UNAVAILABLE
