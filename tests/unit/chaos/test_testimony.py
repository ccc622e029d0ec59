"""What liars told of a session, and what can be known by that."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chaos import testimony
from chaos.rules import RULES, rule_of
from chaos.testimony import Energy
from simulator.ledger import Acknowledgement
from simulator.lies.catalogue import LIES
from simulator.truth import Ending, Truth

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
_LIFE_WH = 4_000_000
START = {"connectorId": 1, "idTag": "TAG", "meterStart": _LIFE_WH, "timestamp": T0.isoformat()}
STOP = {"transactionId": 7, "meterStop": _LIFE_WH + 250, "timestamp": (T0 + timedelta(minutes=1)).isoformat()}


def reported(action: str, meant: dict[str, Any], *unsaid: str, **said: Any) -> Acknowledgement:
    return Acknowledgement(
        *("CP", "1.6", "1", action, meant | said, {"transactionId": 7}, T0, T0),
        meant=meant,
        lies=("start-from-zero", "broken-parts"),
        unsaid=unsaid,
        session="S",
    )


def session(*heard: Acknowledgement, **known: Any) -> testimony.Testimony:
    usual: dict[str, Any] = {"ending": Ending.REPORTED, "meter_end_wh": _LIFE_WH + 250}
    lies = ("start-from-zero", "broken-parts")
    truth = Truth("CP", "1.6", "S", 1, "TAG", T0, _LIFE_WH, lies, **usual | known)
    return testimony.testimonies([truth], heard)["S"]


def test_there_is_a_rule_for_every_lie() -> None:
    assert RULES.keys() == LIES.keys()


def test_a_register_that_nobody_can_read_is_no_lie_and_holds_no_bill() -> None:
    stop = reported("StopTransaction", STOP)
    lied = session(reported("StartTransaction", START, meterStart=0), stop)
    assert rule_of(lied.lies).is_held
    spoilt = session(reported("StartTransaction", START, "meterStart", meterStart={"x": [1]}), stop)
    assert spoilt.lies == ["broken-parts"]
    assert not rule_of(spoilt.lies).is_held


@pytest.mark.parametrize(
    ("heard", "energy"),
    [
        ([reported("StartTransaction", START), reported("StopTransaction", STOP)], Energy(250, 250)),
        ([reported("StartTransaction", START), reported("StopTransaction", STOP, "meterStop")], Energy(0, 250)),
        ([reported("StartTransaction", START)], Energy(0, 250)),
    ],
)
def test_what_is_sure_of_the_energy_is_what_was_heard_of_it(heard: list[Acknowledgement], energy: Energy) -> None:
    assert session(*heard).energy == energy


def test_of_a_session_that_was_lost_no_more_is_billed_than_was_sent() -> None:
    lost = session(reported("StartTransaction", START), ending=Ending.FORGOTTEN, last_sent_wh=_LIFE_WH + 100)
    assert lost.energy == Energy(0, 100)


def test_a_stray_of_a_moment_after_an_end_without_a_register_may_count() -> None:
    value = {"timestamp": (T0 + timedelta(seconds=75)).isoformat(), "sampledValue": [_register(_LIFE_WH + 320)]}
    named = {"connectorId": 1, "transactionId": 7, "meterValue": [value]}
    stray = replace(reported("MeterValues", named), lies=(testimony.STRAY,), session="ANOTHER")
    start, stop = reported("StartTransaction", START), reported("StopTransaction", STOP)
    spoilt = reported("StopTransaction", STOP, "meterStop", meterStop={"x": [1]})
    assert session(start, stop, stray, transaction_id="7").energy == Energy(250, 250)
    assert session(start, spoilt, stray, transaction_id="7").energy == Energy(0, 320)
    assert session(start, spoilt, stray, transaction_id="8").energy == Energy(0, 250)


@pytest.mark.parametrize("unit", [[], {}, {"unit": [1]}, "n/a", None])
def test_a_reading_whose_unit_cannot_be_read_may_be_one_in_watt_hours(unit: Any) -> None:
    sample = _register(208) | {"unitOfMeasure": unit}
    value = {"timestamp": T0.isoformat(), "sampledValue": [sample]}
    entry = reported("MeterValues", {"connectorId": 1, "meterValue": [value]}, "meterValue.0")
    assert list(testimony.reported_readings(entry)) == []
    assert list(testimony.perhaps_reported_readings(entry)) == [208]


def _register(wh: int) -> dict[str, Any]:
    return {"value": str(wh), "measurand": "Energy.Active.Import.Register"}


def test_a_stray_reading_of_a_register_that_begins_anew_does_not_fit_what_is_over() -> None:
    both = rule_of(["session-register", "stray-readings"])
    assert both.allows("outlier_reading")
    for alone in ("session-register", "stray-readings"):
        assert not rule_of([alone]).allows("outlier_reading")
