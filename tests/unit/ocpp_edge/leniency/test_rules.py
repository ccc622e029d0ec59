"""What real charge points get wrong is put right or left out by the tables, and what is lost is handed back."""

import copy
from typing import Any

import pytest

from ocpp_edge.leniency.repair import Mended, mend
from ocpp_edge.leniency.rules import LONGEST_KEPT, MOST_BROKEN
from ocpp_edge.rpc.schemas import load
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


def mending(action: str, payload: dict[str, Any], version: Version = Version.V16) -> Mended:
    before = copy.deepcopy(payload)
    mended = mend(load(version).requests[action], action, payload)
    assert payload == before
    return mended


def mended(action: str, payload: dict[str, Any], version: Version = Version.V16) -> tuple[dict[str, Any], list[str]]:
    result = mending(action, payload, version)
    assert result.violations == ()
    return result.payload, list(result.flags)


@pytest.mark.parametrize(
    ("action", "wrong", "right", "flag"),
    [
        ("StartTransaction", START | {"connectorId": "1"}, START, "coerced:connectorId"),
        ("StartTransaction", START | {"meterStart": 1000.0}, START, "coerced:meterStart"),
        ("StartTransaction", START | {"meterStart": "999.6"}, START, "coerced:meterStart"),
        ("StartTransaction", START | {"meterStart": "1000"}, START, "coerced:meterStart"),
        ("StartTransaction", START | {"idTag": 12345}, START | {"idTag": "12345"}, "coerced:idTag"),
        ("StartTransaction", START | {"idTag": 12345.0}, START | {"idTag": "12345"}, "coerced:idTag"),
        ("StartTransaction", START | {"reservationId": None}, START, "coerced:reservationId"),
        ("StartTransaction", START | {"vendorThing": 1}, START, "unexpected_fields"),
        ("StopTransaction", STOP | {"reason": "evdisconnected"}, STOP | {"reason": "EVDisconnected"}, "coerced:reason"),
        ("StopTransaction", STOP | {"meterStop": "2000 Wh"}, STOP, "coerced:meterStop"),
        ("StopTransaction", STOP | {"meterStop": "2,0 kWh"}, STOP, "coerced:meterStop"),
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
        ("StatusNotification", STATUS | {"status": "Occupied"}, "coerced:status"),
        ("StatusNotification", {"connectorId": 1, "status": "Available"}, "coerced:errorCode"),
        ("StatusNotification", {"errorCode": "GroundFailure", "status": "Faulted"}, "coerced:connectorId"),
        ("StopTransaction", {"transactionId": 42, "meterStop": 5}, "coerced:timestamp"),
        ("StopTransaction", {"meterStop": 5, "timestamp": STAMP}, "coerced:transactionId"),
        ("StartTransaction", {"idTag": "CARD", "meterStart": 1, "timestamp": STAMP}, "coerced:connectorId"),
        ("BootNotification", {"chargePointModel": "M"}, "coerced:chargePointVendor"),
    ],
)
def test_what_the_handlers_cope_with_is_left_as_it_is(action: str, payload: dict[str, Any], flag: str) -> None:
    assert mended(action, payload) == (payload, [flag])


def meter_values(*sampled: Any) -> dict[str, Any]:
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


def test_a_list_of_one_in_place_of_an_object_is_understood() -> None:
    payload, flags = mended("TransactionEvent", EVENT | {"evse": [{"id": 2}]}, Version.V201)
    assert (payload["evse"], flags) == ({"id": 2}, ["coerced:evse"])


@pytest.mark.field_case("A2")
@pytest.mark.parametrize(
    "broken", [{}, {"unit": "Wh"}, {"value": True}, {"value": {"x": 1}}, True, 7, [], [[]], "junk"]
)
def test_a_broken_sample_goes_and_those_beside_it_stay(broken: Any) -> None:
    result = mending("MeterValues", meter_values({"value": "1"}, broken, {"value": "2"}))
    assert result.payload == meter_values({"value": "1"}, {"value": "2"})
    assert result.dropped == {"meterValue[0].sampledValue[1]": broken}
    assert (result.flags, result.violations) == (("dropped:meterValue.sampledValue",), ())


@pytest.mark.field_case("A2")
@pytest.mark.parametrize("broken", [None, True, 3, "x", {}, {"timestamp": STAMP}, [{}]])
def test_a_broken_entry_goes_and_those_beside_it_stay(broken: Any) -> None:
    good = {"timestamp": STAMP, "sampledValue": [{"value": "1"}]}
    result = mending("StopTransaction", STOP | {"transactionData": [broken, good]})
    assert result.payload == STOP | {"transactionData": [good]}
    assert result.dropped == {"transactionData[0]": broken}


@pytest.mark.field_case("A2")
@pytest.mark.parametrize("broken", ["n/a", "", True, [1], {"x": 1}, 1e30, "1e30", "1,300", "-76,000 "], ids=repr)
def test_a_register_that_is_none_goes_and_is_handed_back(broken: Any) -> None:
    payload = {name: value for name, value in START.items() if name != "meterStart"}
    result = mending("StartTransaction", START | {"meterStart": broken})
    assert (result.payload, result.violations) == (payload, ())
    assert (result.flags, result.dropped) == (("dropped:meterStart",), {"meterStart": broken})


@pytest.mark.parametrize(
    ("wrong", "rounded"), [("999.6", 1000), (999.6, 1000), ("1300 Wh", 1300), ("1.3 kWh", 1300)], ids=repr
)
def test_what_a_register_loses_by_being_read_is_handed_back(wrong: Any, rounded: int) -> None:
    result = mending("StartTransaction", START | {"meterStart": wrong})
    assert (result.payload["meterStart"], result.dropped) == (rounded, {"meterStart": wrong})


def test_a_cut_text_is_handed_back_whole() -> None:
    assert mending("StatusNotification", STATUS | {"info": "x" * 60}).dropped == {"info": "x" * 60}


@pytest.mark.field_case("A2")
def test_a_part_with_nothing_good_in_what_it_needs_goes_as_a_whole() -> None:
    wrong = {"additionalIdToken": {"x": 1}, "type": "b"}
    card = {"idToken": "A", "type": "ISO14443"}
    result = mending("TransactionEvent", EVENT | {"idToken": {**card, "additionalInfo": [wrong]}}, Version.V201)
    assert result.payload == EVENT | {"idToken": {**card, "additionalInfo": []}}
    assert result.dropped == {"idToken.additionalInfo[0]": wrong}


@pytest.mark.field_case("A2")
@pytest.mark.parametrize(
    ("wrong", "path", "right"),
    [
        ({"seqNo": "7"}, "seqNo", 7),
        ({"offline": "true"}, "offline", True),
        ({"transactionInfo": {"transactionId": 5}}, "transactionInfo", {"transactionId": "5"}),
        ({"idToken": {"idToken": "x" * 40, "type": "RFID"}}, "idToken", {"idToken": "x" * 40, "type": "RFID"}),
        ({"triggerReason": "SomethingNew"}, "triggerReason", "SomethingNew"),
        ({"eventType": "started"}, "eventType", "Started"),
        ({"eventType": "Over"}, "eventType", "Over"),
        ({"customData": {"anything": 1}}, "customData", {"anything": 1}),
        ({"evse": {"connectorId": 1}}, "evse", {"connectorId": 1}),
        ({"idToken": "CARD"}, "idToken", {"idToken": "CARD"}),
    ],
)
def test_transaction_events_are_put_right(wrong: dict[str, Any], path: str, right: Any) -> None:
    payload, flags = mended("TransactionEvent", EVENT | wrong, Version.V201)
    assert payload[path] == right
    assert {flag.partition(".")[0] for flag in flags} == {f"coerced:{path}"}


@pytest.mark.field_case("A2")
@pytest.mark.parametrize(("wrong", "right"), [("kWh", {"unit": "kWh"}), ("x", None), (3, None)])
def test_a_unit_by_itself_is_one_of_those_that_are_known(wrong: Any, right: Any) -> None:
    reading = {"timestamp": "2026-03-01T12:00:00Z", "sampledValue": [{"value": 3, "unitOfMeasure": wrong}]}
    payload, _ = mended("TransactionEvent", EVENT | {"meterValue": [reading]}, Version.V201)
    [sample] = payload["meterValue"][0]["sampledValue"]
    assert sample.get("unitOfMeasure") == right


@pytest.mark.field_case("B5")
def test_a_very_long_name_of_a_session_becomes_a_shorter_one_that_is_always_the_same() -> None:
    def named(name: str) -> str:
        payload, _ = mended("TransactionEvent", EVENT | {"transactionInfo": {"transactionId": name}}, Version.V201)
        return str(payload["transactionInfo"]["transactionId"])

    assert named("x" * 255) == "x" * 255
    assert named("x" * 300) == named("x" * 300)
    assert named("x" * 300) != named("x" * 301)
    assert len(named("x" * 300)) == LONGEST_KEPT


@pytest.mark.field_case("A3")
def test_a_whole_number_written_with_a_fraction_is_whole_and_no_doubt_where_the_schema_allows_it() -> None:
    sampled = {"value": 1.0, "unitOfMeasure": {"unit": "Wh", "multiplier": 3.0}}
    wrong = EVENT | {"seqNo": 2.0, "evse": {"id": 1e0, "connectorId": 1.0}, "meterValue": [{"timestamp": STAMP}]}
    wrong["meterValue"] = [{"timestamp": STAMP, "sampledValue": [sampled]}]
    schema = load(Version.V201).requests["TransactionEvent"]
    assert not schema.is_valid(wrong)
    payload, flags = mended("TransactionEvent", wrong, Version.V201)
    multiplier = payload["meterValue"][0]["sampledValue"][0]["unitOfMeasure"]["multiplier"]
    numbers = [payload["seqNo"], *payload["evse"].values(), multiplier]
    assert [(number, type(number)) for number in numbers] == [(2, int), (1, int), (1, int), (3, int)]
    assert flags == []


@pytest.mark.parametrize(
    ("action", "payload", "path"),
    [
        ("StartTransaction", {}, "connectorId"),
        ("StopTransaction", {"nonsense": 1}, "transactionId"),
        ("Authorize", {"idTag": "X" * 300}, "idTag"),
        ("Authorize", {"idTag": [1]}, "idTag"),
        ("Authorize", {}, "idTag"),
        ("DataTransfer", {"data": "x"}, "vendorId"),
    ],
)
def test_what_cannot_be_forgiven_is_named(action: str, payload: dict[str, Any], path: str) -> None:
    result = mending(action, payload)
    assert (result.payload, result.flags, result.dropped) == (payload, (), {})
    assert path in [violation.path for violation in result.violations]


@pytest.mark.field_case("A2")
@pytest.mark.parametrize("broken", [None, {"value": True}, {"unit": []}, {"value": "1", "phase": {}}])
def test_a_message_of_2000_broken_parts_keeps_all_that_is_good(broken: Any) -> None:
    result = mending("MeterValues", meter_values(*[broken] * 2000, {"value": "7"}))
    samples = result.payload["meterValue"][0]["sampledValue"]
    assert samples == [{"value": "1"}] * (len(samples) - 1) + [{"value": "7"}]
    assert len(result.dropped) == 2000


@pytest.mark.field_case("A2")
def test_a_part_that_is_wrong_everywhere_goes_as_a_whole_and_the_rest_is_put_right() -> None:
    data = [{"timestamp": STAMP, "sampledValue": [None] * (MOST_BROKEN + 1)}]
    result = mending("StopTransaction", {"transactionData": data} | STOP | {"meterStop": "2000", "reason": []})
    assert (result.payload, result.violations) == (STOP, ())
    assert result.dropped == {"transactionData": data, "reason": []}
    assert "dropped:transactionData" in result.flags


@pytest.mark.field_case("E4")
def test_unknown_properties_are_dropped_up_to_a_bound_and_refused_beyond() -> None:
    many = {f"x{number}": number for number in range(MOST_BROKEN)}
    result = mending("StartTransaction", START | many)
    assert (result.payload, result.flags, dict(result.dropped)) == (START, ("unexpected_fields",), many)
    result = mending("StartTransaction", START | many | {f"y{number}": number for number in range(10)})
    assert [(violation.path, violation.keyword) for violation in result.violations] == [
        ("payload", "additionalProperties")
    ]


def test_flags_are_bounded() -> None:
    fields = ("chargePointVendor", "chargePointModel", "firmwareVersion", "iccid", "imsi", "meterType")
    more = ("chargePointSerialNumber", "chargeBoxSerialNumber", "meterSerialNumber")
    result = mending("BootNotification", {name: 5 for name in (*fields, *more)})
    assert (len(result.flags), result.violations) == (8, ())
