"""Misbehaviour on the wire, frame by frame."""

import json
from typing import Any

from simulator import distortion

_METER_16 = {
    "connectorId": 1,
    "transactionId": 5,
    "meterValue": [
        {
            "timestamp": "2025-01-01T00:00:00.000Z",
            "sampledValue": [
                {"value": "300", "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
                {"value": "11000", "measurand": "Power.Active.Import", "unit": "W"},
            ],
        }
    ],
}
_EVENT: dict[str, Any] = {
    "eventType": "Updated",
    "timestamp": "2025-01-01T00:00:00.000Z",
    "triggerReason": "MeterValuePeriodic",
    "seqNo": 3,
    "offline": False,
    "evse": {"id": 2, "connectorId": 1},
    "transactionInfo": {"transactionId": "t", "stoppedReason": "Local"},
    "meterValue": [
        {
            "timestamp": "2025-01-01T00:00:00.000Z",
            "sampledValue": [
                {"value": 300, "measurand": "Energy.Active.Import.Register", "unitOfMeasure": {"unit": "Wh"}}
            ],
        }
    ],
}


def _rewrite(change: Any, action: str, payload: dict[str, Any]) -> dict[str, Any]:
    [text] = distortion.rewriting(change)([2, "1", action, payload])
    changed: dict[str, Any] = json.loads(text)[3]
    return changed


def _first_value(payload: dict[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = payload["meterValue"][0]["sampledValue"][0]
    return value


def test_a_stop_is_sent_twice_under_two_ids() -> None:
    distort = distortion.twice(distortion.is_stop)
    first, second = (json.loads(text) for text in distort([2, "1", "StopTransaction", {"meterStop": 5}]))
    assert first[1] != second[1]
    assert first[2:] == second[2:]


def test_what_is_no_stop_is_sent_once() -> None:
    distort = distortion.twice(distortion.is_stop)
    assert len(distort([2, "1", "StartTransaction", {}])) == 1
    assert len(distort([2, "1", "TransactionEvent", {"eventType": "Started"}])) == 1
    assert len(distort([2, "1", "TransactionEvent", {"eventType": "Ended"}])) == 2
    assert len(distort([3, "1", {}])) == 1


def test_watt_hours_are_labelled_kilowatt_hours() -> None:
    value = _first_value(_rewrite(distortion.wrong_unit, "MeterValues", _METER_16))
    assert (value["value"], value["unit"]) == ("300", "kWh")
    value = _first_value(_rewrite(distortion.wrong_unit, "TransactionEvent", _EVENT))
    assert (value["value"], value["unitOfMeasure"]) == (300, {"unit": "kWh"})


def test_kilowatt_hours_carry_the_noise_of_floating_point() -> None:
    value = _first_value(_rewrite(distortion.noisy_kwh, "MeterValues", _METER_16))
    assert value["unit"] == "kWh"
    assert value["value"] != "0.3"
    assert abs(float(value["value"]) - 0.3) < 1e-12


def test_a_rewrite_leaves_the_frame_it_was_given_alone() -> None:
    _rewrite(distortion.wrong_unit, "MeterValues", _METER_16)
    assert _first_value(_METER_16)["unit"] == "Wh"


def test_only_a_state_of_charge_is_left() -> None:
    payload = _rewrite(distortion.no_energy, "MeterValues", _METER_16)
    [value] = payload["meterValue"][0]["sampledValue"]
    assert value["measurand"] == "SoC"


def test_signed_values_are_kilobytes() -> None:
    text = json.dumps(_rewrite(distortion.signed_values, "MeterValues", _METER_16))
    assert len(text) > 2_000
    signed = _first_value(_rewrite(distortion.signed_values, "TransactionEvent", _EVENT))["signedMeterValue"]
    assert len(signed["signedMeterData"]) <= 2_500


def test_numbers_become_text_and_truths_stay() -> None:
    payload = _rewrite(distortion.numbers_as_strings, "TransactionEvent", _EVENT)
    assert (payload["seqNo"], payload["offline"]) == ("3", False)


def test_no_timestamp_has_a_zone() -> None:
    assert "Z" not in json.dumps(_rewrite(distortion.without_zone, "MeterValues", _METER_16)).replace("Zone", "")


def test_events_can_all_be_number_nought_or_leave_gaps() -> None:
    assert _rewrite(distortion.seq_no_zero, "TransactionEvent", _EVENT)["seqNo"] == 0
    assert _rewrite(distortion.seq_no_gaps, "TransactionEvent", _EVENT)["seqNo"] == 6


def test_bare_events_say_neither_where_nor_why() -> None:
    payload = _rewrite(distortion.bare_events, "TransactionEvent", _EVENT)
    assert "evse" not in payload
    assert "offline" not in payload
    assert "stoppedReason" not in payload["transactionInfo"]


def test_samples_go_apart_under_the_same_id() -> None:
    [text] = distortion.meter_values_apart()([2, "7", "TransactionEvent", _EVENT])
    assert json.loads(text)[:3] == [2, "7", "MeterValues"]
    assert json.loads(text)[3]["evseId"] == 2


def test_a_status_follows_the_boot_at_once() -> None:
    boot, status = distortion.eager_status()([2, "1", "BootNotification", {"chargePointModel": "m"}])
    assert (json.loads(boot)[2], json.loads(status)[2]) == ("BootNotification", "StatusNotification")


def test_answers_can_be_withheld_or_replaced() -> None:
    assert distortion.answering(lambda _: None)([3, "1", {}]) == []
    assert distortion.answering(lambda message_id: [4, message_id])([3, "1", {}]) == ['[4,"1"]']
    assert len(distortion.answering(lambda _: None)([2, "1", "Heartbeat", {}])) == 1
