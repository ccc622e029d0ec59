"""Charging profiles are obeyed: the meter shows what they allow, in every version; so are reservations."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ocpp.v16 import call as call16
from ocpp.v201 import call

from simulator.charge_point import ChargePoint
from simulator.clock import stamp
from tests.contract.simulator.conftest import MakeStation
from tests.fixtures.tiny_csms import TinyCsms

_TOKEN = {"id_token": "TAG", "type": "ISO14443"}
_PERIODS = [{"start_period": 0, "limit": 6_000.0}]


def _of_16(purpose: str, periods: list[dict[str, Any]] = _PERIODS, **more: Any) -> dict[str, Any]:
    schedule = {"charging_rate_unit": "W", "charging_schedule_period": periods}
    return {
        "charging_profile_id": 1,
        "stack_level": 0,
        "charging_profile_purpose": purpose,
        "charging_profile_kind": "Relative",
        "charging_schedule": schedule,
        **more,
    }


def _of_2(id: int, purpose: str, limit: float, **more: Any) -> dict[str, Any]:
    periods = [{"start_period": 0, "limit": limit}]
    return {
        "id": id,
        "stack_level": 0,
        "charging_profile_purpose": purpose,
        "charging_profile_kind": "Relative",
        "charging_schedule": [{"id": 1, "charging_rate_unit": "W", "charging_schedule_period": periods}],
        **more,
    }


def _power(csms: TinyCsms, action: str) -> float:
    """What the meter told last."""
    told = [value for payload in csms.payloads(action) for value in payload.get("meterValue", ())]
    power = [one for one in told[-1]["sampledValue"] if one["measurand"] == "Power.Active.Import"]
    return float(power[0]["value"])


async def _meter_16(csms: TinyCsms) -> float:
    count = len(csms.payloads("MeterValues"))
    assert (await csms.send("CP001", call16.TriggerMessage("MeterValues", 1))).status == "Accepted"
    await csms.until(lambda: len(csms.payloads("MeterValues")) > count)
    return _power(csms, "MeterValues")


async def test_a_16_meter_shows_what_the_profiles_allow(csms: TinyCsms, station16: ChargePoint) -> None:
    assert (await csms.send("CP001", call16.SetChargingProfile(1, _of_16("TxProfile")))).status == "Rejected"
    default = call16.SetChargingProfile(0, _of_16("TxDefaultProfile"))
    assert (await csms.send("CP001", default)).status == "Accepted"
    await csms.send("CP001", call16.RemoteStartTransaction("TAG", 1))
    await csms.until(lambda: bool(csms.payloads("StartTransaction")))
    await station16.queue.drained()
    assert await _meter_16(csms) == 6_000
    own = _of_16("TxProfile", [{"start_period": 0, "limit": 0}], charging_profile_id=2, transaction_id=1)
    assert (await csms.send("CP001", call16.SetChargingProfile(1, own))).status == "Accepted"
    await csms.until(lambda: csms.payloads("StatusNotification")[-1]["status"] == "SuspendedEVSE")
    assert await _meter_16(csms) == 0
    cleared = call16.ClearChargingProfile(charging_profile_purpose="TxProfile")
    assert (await csms.send("CP001", cleared)).status == "Accepted"
    assert (await csms.send("CP001", cleared)).status == "Unknown"
    await csms.until(lambda: csms.payloads("StatusNotification")[-1]["status"] == "Charging")
    assert await _meter_16(csms) == 6_000
    await csms.send("CP001", call16.RemoteStopTransaction(1))
    await csms.until(lambda: bool(csms.payloads("StopTransaction")))


async def test_a_16_composite_schedule_says_what_they_come_to(csms: TinyCsms, station16: ChargePoint) -> None:
    now = stamp(station16.clock.now())
    periods = [{"start_period": 0, "limit": 9_000.0}, {"start_period": 600, "limit": 3_450.0}]
    whole = _of_16("ChargePointMaxProfile", periods, charging_profile_kind="Absolute")
    whole["charging_schedule"]["start_schedule"] = now
    assert (await csms.send("CP001", call16.SetChargingProfile(1, whole))).status == "Rejected"
    assert (await csms.send("CP001", call16.SetChargingProfile(0, whole))).status == "Accepted"
    # As long as a number can be, as the field has it.
    asked = call16.GetCompositeSchedule(0, 8_638_204_645_496, "A")
    told = (await csms.send("CP001", asked)).charging_schedule["charging_schedule_period"]
    assert [one["limit"] for one in told] == [13.0, 5.0]
    assert told[1]["start_period"] == pytest.approx(600, abs=5)
    assert (await csms.send("CP001", call16.GetCompositeSchedule(9, 60))).status == "Rejected"


@pytest.fixture(params=["2.0.1", "2.1"])
async def charging(request: pytest.FixtureRequest, csms: TinyCsms, make_station: MakeStation) -> AsyncIterator[str]:
    """A station of 2.x that charges on EVSE 1 by a profile which came with its remote start; the id it is called by."""
    station = make_station(request.param)
    async with station.running():
        await station.ready(10)
        profile = _of_2(1, "TxProfile", 4_000)
        answer = await csms.send("CP001", call.RequestStartTransaction(_TOKEN, 5, 1, charging_profile=profile))
        assert answer.status == "Accepted"
        await csms.until(lambda: len(csms.payloads("TransactionEvent")) >= 2)
        yield csms.payloads("TransactionEvent")[0]["transactionInfo"]["transactionId"]


async def _meter_2(csms: TinyCsms) -> float:
    count = len(csms.payloads("TransactionEvent"))
    await csms.send("CP001", call.TriggerMessage("TransactionEvent", {"id": 1}))
    await csms.until(lambda: len(csms.payloads("TransactionEvent")) > count)
    return _power(csms, "TransactionEvent")


async def test_a_2x_meter_shows_what_the_profiles_allow(csms: TinyCsms, charging: str) -> None:
    assert await _meter_2(csms) == 4_000
    whole = _of_2(2, "ChargingStationMaxProfile", 0, charging_profile_kind="Absolute")
    whole["charging_schedule"][0]["start_schedule"] = "2026-01-01T00:00:00Z"
    assert (await csms.send("CP001", call.SetChargingProfile(0, whole))).status == "Accepted"
    await csms.until(lambda: _states(csms)[-1] == "SuspendedEVSE")
    assert await _meter_2(csms) == 0
    assert (await csms.send("CP001", call.ClearChargingProfile(2))).status == "Accepted"
    await csms.until(lambda: _states(csms)[-1] == "Charging")
    assert await _meter_2(csms) == 4_000


def _states(csms: TinyCsms) -> list[str]:
    infos = [payload["transactionInfo"] for payload in csms.payloads("TransactionEvent")]
    return [info["chargingState"] for info in infos if "chargingState" in info]


async def test_a_2x_station_says_why_it_takes_no_profile(csms: TinyCsms, charging: str) -> None:
    refused = {
        "UnknownEvse": (7, _of_2(2, "TxDefaultProfile", 1)),
        "InvalidProfile": (1, _of_2(2, "ChargingStationMaxProfile", 1)),
        "InvalidSchedule": (0, _of_2(2, "ChargingStationMaxProfile", 1)),
        "TxNotFound": (1, _of_2(2, "TxProfile", 1, transaction_id="another")),
        "DuplicateProfile": (1, _of_2(2, "TxProfile", 1, transaction_id=charging)),
    }
    for reason, (evse_id, profile) in refused.items():
        answer = await csms.send("CP001", call.SetChargingProfile(evse_id, profile))
        assert (answer.status, answer.status_info["reason_code"]) == ("Rejected", reason)


async def test_a_2x_station_reports_and_combines_its_profiles(csms: TinyCsms, charging: str) -> None:
    default = _of_2(2, "TxDefaultProfile", 3_000)
    assert (await csms.send("CP001", call.SetChargingProfile(2, default))).status == "Accepted"
    asked = call.GetChargingProfiles(9, {"charging_profile_purpose": "TxDefaultProfile"})
    assert (await csms.send("CP001", asked)).status == "Accepted"
    await csms.until(lambda: bool(csms.payloads("ReportChargingProfiles")))
    [report] = csms.payloads("ReportChargingProfiles")
    assert (report["requestId"], report["evseId"], report["chargingProfile"][0]["id"]) == (9, 2, 2)
    assert (await csms.send("CP001", call.GetChargingProfiles(9, {"stack_level": 4}))).status == "NoProfiles"
    schedule = (await csms.send("CP001", call.GetCompositeSchedule(60, 1, "W"))).schedule
    assert schedule["charging_schedule_period"] == [{"start_period": 0, "limit": 4_000}]


async def test_a_connector_is_kept_for_a_card_until_it_comes_by_16(csms: TinyCsms, station16: ChargePoint) -> None:
    until = stamp(datetime.now(UTC) + timedelta(minutes=5))
    assert (await csms.send("CP001", call16.ReserveNow(1, until, "MINE", 7))).status == "Accepted"
    await csms.until(lambda: csms.payloads("StatusNotification")[-1]["status"] == "Reserved")
    assert (await csms.send("CP001", call16.ReserveNow(1, until, "OTHER", 8))).status == "Occupied"
    assert (await csms.send("CP001", call16.RemoteStartTransaction("OTHER", 1))).status == "Rejected"
    assert (await csms.send("CP001", call16.CancelReservation(8))).status == "Rejected"
    assert (await csms.send("CP001", call16.RemoteStartTransaction("MINE", 1))).status == "Accepted"
    await csms.until(lambda: bool(csms.payloads("StartTransaction")))
    assert csms.payloads("StartTransaction")[0]["reservationId"] == 7
    await station16.queue.drained()
    await csms.send("CP001", call16.RemoteStopTransaction(1))
    await csms.until(lambda: bool(csms.payloads("StopTransaction")))


async def test_a_reservation_ends_when_it_is_over_or_cancelled_by_201(csms: TinyCsms, station201: ChargePoint) -> None:
    # The clock of these stations is an hour behind.
    now = station201.clock.now()
    soon, late = stamp(now + timedelta(seconds=1)), stamp(now + timedelta(hours=1))
    assert (await csms.send("CP001", call.ReserveNow(1, soon, _TOKEN, evse_id=1))).status == "Accepted"
    assert (await csms.send("CP001", call.ReserveNow(2, late, _TOKEN, evse_id=2))).status == "Accepted"
    await csms.until(lambda: bool(csms.payloads("ReservationStatusUpdate")))
    [ended] = csms.payloads("ReservationStatusUpdate")
    assert ended == {"reservationId": 1, "reservationUpdateStatus": "Expired"}
    assert (await csms.send("CP001", call.CancelReservation(2))).status == "Accepted"
    await csms.until(lambda: _told(csms, 1) == _told(csms, 2) == ["Available", "Reserved", "Available"])


def _told(csms: TinyCsms, evse_id: int) -> list[str]:
    statuses = csms.payloads("StatusNotification")
    return [each["connectorStatus"] for each in statuses if each["evseId"] == evse_id]
