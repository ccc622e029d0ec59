"""What real charge points get wrong is put right by the table, and nothing else is."""

import copy
from typing import Any

import pytest

from ocpp_edge.leniency import TABLE, Remedy
from ocpp_edge.mending import mend
from ocpp_edge.schemas import load
from ocpp_edge.versions import Version

STAMP = "2026-03-01T12:00:00Z"
START = {"connectorId": 1, "idTag": "CARD", "meterStart": 1000, "timestamp": STAMP}
STOP = {"transactionId": 42, "meterStop": 2000, "timestamp": STAMP}
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
EVENT = {
    "eventType": "Started",
    "timestamp": STAMP,
    "triggerReason": "Authorized",
    "seqNo": 0,
    "transactionInfo": {"transactionId": "T1"},
}


def mended(action: str, payload: dict[str, Any], version: Version = Version.V16) -> tuple[dict[str, Any], list[str]]:
    before = copy.deepcopy(payload)
    result, flags, violations = mend(load(version).requests[action], action, payload)
    assert violations == ()
    assert payload == before
    return result, list(flags)


@pytest.mark.parametrize(
    ("action", "wrong", "right", "flag"),
    [
        ("StartTransaction", START | {"connectorId": "1"}, START, "coerced:connectorId"),
        ("StartTransaction", START | {"meterStart": 1000.0}, START, "coerced:meterStart"),
        ("StartTransaction", START | {"meterStart": "999.6"}, START, "coerced:meterStart"),
        ("StartTransaction", START | {"meterStart": "1000"}, START, "coerced:meterStart"),
        ("StartTransaction", START | {"idTag": 12345}, START | {"idTag": "12345"}, "coerced:idTag"),
        ("StartTransaction", START | {"reservationId": None}, START, "coerced:reservationId"),
        ("StartTransaction", START | {"vendorThing": 1}, START, "unexpected_fields"),
        ("StopTransaction", STOP | {"reason": "evdisconnected"}, STOP | {"reason": "EVDisconnected"}, "coerced:reason"),
        ("StatusNotification", STATUS | {"status": "available"}, STATUS, "coerced:status"),
        (
            "StatusNotification",
            STATUS | {"status": "SUSPENDED_EVSE"},
            STATUS | {"status": "SuspendedEVSE"},
            "coerced:status",
        ),
        ("StatusNotification", STATUS | {"info": "x" * 60}, STATUS | {"info": "x" * 50}, "coerced:info"),
    ],
)
def test_a_payload_is_put_right(action: str, wrong: dict[str, Any], right: dict[str, Any], flag: str) -> None:
    assert mended(action, wrong) == (right, [flag])


@pytest.mark.parametrize(
    ("action", "payload", "flag"),
    [
        ("Authorize", {"idTag": "X" * 36}, "coerced:idTag"),
        ("StopTransaction", STOP | {"reason": "OutOfCredit"}, "coerced:reason"),
        ("StatusNotification", STATUS | {"errorCode": "E42"}, "coerced:errorCode"),
        ("StatusNotification", {"connectorId": 1, "status": "Available"}, "coerced:errorCode"),
        ("StopTransaction", {"transactionId": 42, "meterStop": 5}, "coerced:timestamp"),
        ("StopTransaction", {"meterStop": 5, "timestamp": STAMP}, "coerced:transactionId"),
        ("MeterValues", {"connectorId": 1, "meterValue": []}, "coerced:meterValue"),
        ("BootNotification", {"chargePointModel": "M"}, "coerced:chargePointVendor"),
    ],
)
def test_what_the_handlers_cope_with_is_left_as_it_is(action: str, payload: dict[str, Any], flag: str) -> None:
    assert mended(action, payload) == (payload, [flag])


def meter_values(*sampled: dict[str, Any]) -> dict[str, Any]:
    return {"connectorId": 1, "meterValue": [{"timestamp": STAMP, "sampledValue": list(sampled)}]}


def test_a_whole_session_of_bad_habits_is_forgiven_at_once() -> None:
    wrong = meter_values(*[{"value": number, "unit": "WH", "phase": "", "extra": 1} for number in range(40)])
    wrong["transactionId"] = "42"
    payload, flags = mended("MeterValues", wrong)
    assert payload["transactionId"] == 42
    sampled = payload["meterValue"][0]["sampledValue"]
    assert sampled == [{"value": str(number), "unit": "Wh", "phase": ""} for number in range(40)]
    assert set(flags) == {
        "coerced:transactionId",
        "coerced:meterValue.sampledValue.value",
        "coerced:meterValue.sampledValue.unit",
        "coerced:meterValue.sampledValue.phase",
        "unexpected_fields",
    }


def test_what_is_wrong_in_two_ways_goes_once() -> None:
    payload, _ = mended("MeterValues", meter_values({"value": "1", "unit": None}))
    assert payload == meter_values({"value": "1"})


def test_an_object_in_place_of_a_list_of_one_is_understood() -> None:
    payload, _ = mended("MeterValues", {"connectorId": 1, "meterValue": {"timestamp": STAMP, "sampledValue": []}})
    assert payload["meterValue"] == [{"timestamp": STAMP, "sampledValue": []}]


@pytest.mark.parametrize(
    ("wrong", "path", "right"),
    [
        ({"seqNo": "7"}, "seqNo", 7),
        ({"offline": "true"}, "offline", True),
        ({"transactionInfo": {"transactionId": 5}}, "transactionInfo", {"transactionId": "5"}),
        ({"idToken": {"idToken": "x" * 40, "type": "RFID"}}, "idToken", {"idToken": "x" * 40, "type": "RFID"}),
        ({"triggerReason": "SomethingNew"}, "triggerReason", "SomethingNew"),
        ({"eventType": "started"}, "eventType", "Started"),
        ({"customData": {"anything": 1}}, "customData", {"anything": 1}),
    ],
)
def test_transaction_events_are_put_right(wrong: dict[str, Any], path: str, right: Any) -> None:
    payload, flags = mended("TransactionEvent", EVENT | wrong, Version.V201)
    assert payload[path] == right
    assert {flag.partition(".")[0] for flag in flags} == {f"coerced:{path}"}


@pytest.mark.parametrize(
    ("action", "payload", "path"),
    [
        ("StartTransaction", START | {"meterStart": "n/a"}, "meterStart"),
        ("StartTransaction", START | {"meterStart": "1e30"}, "meterStart"),
        ("StartTransaction", START | {"connectorId": 1.5}, "connectorId"),
        ("StartTransaction", START | {"connectorId": [1]}, "connectorId"),
        ("StartTransaction", {"idTag": "CARD", "meterStart": 1, "timestamp": STAMP}, "connectorId"),
        ("StatusNotification", STATUS | {"status": "Exploded"}, "status"),
        ("Authorize", {"idTag": "X" * 300}, "idTag"),
        ("Authorize", {}, "idTag"),
        ("StopTransaction", STOP | {"reason": "x" * 300}, "reason"),
        ("MeterValues", meter_values({}), "meterValue[0].sampledValue[0].value"),
        ("MeterValues", {"connectorId": 1, "meterValue": [None]}, "meterValue[0]"),
    ],
)
def test_what_cannot_be_forgiven_is_named(action: str, payload: dict[str, Any], path: str) -> None:
    result, flags, violations = mend(load(Version.V16).requests[action], action, payload)
    assert (result, flags) == (payload, ())
    assert [violation.path for violation in violations] == [path]


def test_a_payload_that_is_wrong_everywhere_is_given_up() -> None:
    payload = meter_values(*[{"value": 1} for _ in range(2500)])
    _, flags, violations = mend(load(Version.V16).requests["MeterValues"], "MeterValues", payload)
    assert flags == ()
    assert violations


def test_flags_are_bounded() -> None:
    schema = load(Version.V16).requests["BootNotification"]
    fields = ("chargePointVendor", "chargePointModel", "firmwareVersion", "iccid", "imsi", "meterType")
    more = ("chargePointSerialNumber", "chargeBoxSerialNumber", "meterSerialNumber")
    _, flags, violations = mend(schema, "BootNotification", {name: 5 for name in (*fields, *more)})
    assert (len(flags), violations) == (8, ())


def test_every_default_of_the_table_is_for_keywords_that_name_a_property() -> None:
    assert Remedy.KEEP not in {TABLE["type"].get(""), TABLE["maxLength"].get(""), TABLE["enum"].get("")}
    assert "" not in TABLE["required"]
