"""A charging session, frame by frame."""

from dataclasses import replace
from fractions import Fraction

import pytest

from simulator.charge_point import ChargePoint
from simulator.charging import ChargingPlan, charge
from simulator.configuration import Role
from simulator.connector import ConnectorStatus
from tests.contract.simulator.conftest import PLAN, MakeStation
from tests.fixtures.tiny_csms import TinyCsms

# Slower than others: between two samples, four seconds of the device, a busy machine has time enough to tell both.
_SAMPLED = replace(PLAN, rate=Fraction(10))


def _statuses(csms: TinyCsms, connector: int) -> list[str]:
    return [each["status"] for each in csms.payloads("StatusNotification") if each["connectorId"] == connector]


async def test_a_16_session_is_told_from_boot_to_unplug(csms: TinyCsms, station16: ChargePoint) -> None:
    station16.configuration.assign(Role.SAMPLE_INTERVAL, "4")
    outcome = await charge(station16, station16.connectors[1], "TAG", _SAMPLED)
    await station16.queue.drained()
    assert outcome.authorization == "Accepted"
    assert csms.actions() == [
        "BootNotification",
        *["StatusNotification"] * 3,
        "StatusNotification",
        "Authorize",
        "StartTransaction",
        "StatusNotification",
        "MeterValues",
        "MeterValues",
        "StopTransaction",
        "StatusNotification",
        "StatusNotification",
    ]
    assert _statuses(csms, 1) == ["Available", "Preparing", "Charging", "Finishing", "Available"]
    assert not station16.problems


async def test_the_energy_of_a_16_session_is_exact(csms: TinyCsms, station16: ChargePoint) -> None:
    for _ in range(2):
        await charge(station16, station16.connectors[1], "TAG", PLAN)
    await station16.queue.drained()
    starts = [each["meterStart"] for each in csms.payloads("StartTransaction")]
    stops = [each["meterStop"] for each in csms.payloads("StopTransaction")]
    assert (starts, stops) == ([0, 100], [100, 200])
    assert [each["transactionId"] for each in csms.payloads("StopTransaction")] == [1, 2]


async def test_a_201_session_is_one_transaction_of_numbered_events(csms: TinyCsms, station201: ChargePoint) -> None:
    station201.configuration.assign(Role.SAMPLE_INTERVAL, "4")
    await charge(station201, station201.connectors[2], "TAG", _SAMPLED)
    await station201.queue.drained()
    events = csms.payloads("TransactionEvent")
    assert [each["eventType"] for each in events] == ["Started", "Updated", "Updated", "Updated", "Ended"]
    assert [each["seqNo"] for each in events] == [0, 1, 2, 3, 4]
    assert len({each["transactionInfo"]["transactionId"] for each in events}) == 1
    assert {each["evse"]["id"] for each in events} == {2}
    assert not any(each["offline"] for each in events)
    registers = [events[at]["meterValue"][0]["sampledValue"][0]["value"] for at in (0, -1)]
    assert registers == [0, 100]
    assert not station201.problems


async def test_a_refused_card_starts_nothing(csms: TinyCsms, station16: ChargePoint) -> None:
    csms.tags["BAD"] = "Blocked"
    outcome = await charge(station16, station16.connectors[1], "BAD", PLAN)
    assert (outcome.authorization, outcome.transaction) == ("Blocked", None)
    assert "StartTransaction" not in csms.actions()
    assert _statuses(csms, 1)[-2:] == ["Preparing", "Available"]
    assert [str(problem) for problem in station16.problems] == ["Authorize: BAD is Blocked"]


@pytest.mark.parametrize("protocol", ["1.6", "2.0.1"])
async def test_a_card_refused_at_the_start_ends_the_session(
    csms: TinyCsms, make_station: MakeStation, protocol: str
) -> None:
    station = make_station(protocol)
    async with station.running():
        await station.ready(10)
        csms.tags["BAD"] = "Blocked"
        plan = ChargingPlan(already_authorized=True)
        outcome = await charge(station, station.connectors[1], "BAD", plan)
        await station.queue.drained()
    assert outcome.authorization == "Blocked"
    if protocol == "1.6":
        assert csms.payloads("StopTransaction")[0]["reason"] == "DeAuthorized"
    else:
        assert csms.payloads("TransactionEvent")[-1]["transactionInfo"]["stoppedReason"] == "DeAuthorized"


async def test_a_full_vehicle_is_told_before_the_driver_comes(csms: TinyCsms, station16: ChargePoint) -> None:
    plan = ChargingPlan(power_w=36_000, energy_wh=20, seconds=10, rate=PLAN.rate)
    await charge(station16, station16.connectors[1], "TAG", plan)
    assert _statuses(csms, 1)[2:] == ["Charging", "SuspendedEV", "Finishing", "Available"]
    assert csms.payloads("StopTransaction")[0]["meterStop"] == 20


async def test_a_connector_in_use_takes_no_second_session(station16: ChargePoint) -> None:
    station16.connectors[1].claimed = True
    with pytest.raises(ValueError, match="connector 1"):
        await charge(station16, station16.connectors[1], "TAG", PLAN)


async def test_both_connectors_charge_side_by_side(csms: TinyCsms, station16: ChargePoint) -> None:
    one = station16.connectors[1]
    station16.spawn(_charge_on_two(station16))
    await charge(station16, one, "TAG", PLAN)
    await csms.until(lambda: len(csms.payloads("StopTransaction")) == 2)
    stops = csms.payloads("StopTransaction")
    assert {each["transactionId"] for each in stops} == {1, 2}
    assert [connector.meter.energy_wh for connector in station16.connectors.values()] == [100, 100]
    assert one.status is ConnectorStatus.AVAILABLE


async def _charge_on_two(station: ChargePoint) -> None:
    await charge(station, station.connectors[2], "TAG2", PLAN)
