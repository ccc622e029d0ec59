"""What stations of OCPP 2.x tell of their variables, in reports and in answers to whoever asks."""

from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from csms.station.v1.device_event_pb2 import DeviceEvent
from csms.station.v1.device_variable_pb2 import DeviceVariable, ReportRequest
from ocpp_edge.v201.routes import route_table
from ocpp_edge.versions import Version
from services.kernel.redaction import MASK
from tests.unit.ocpp_edge.exchanges import reported, said
from tests.unit.ocpp_edge.notifications import EVENT, STAMP
from tests.unit.ocpp_edge.platform import NOW, Platform, context

TABLE = route_table()
INTERVAL = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
PASSWORD = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}
POWER = {
    "component": {"name": "Connector", "instance": "left", "evse": {"id": 2, "connectorId": 1}},
    "variable": {"name": "Power", "instance": "L1"},
}


async def notified(action: str, payload: dict[str, Any]) -> DeviceEvent:
    platform = Platform()
    assert await TABLE.dispatch(action, payload, context(Version.V201), platform) == {}
    [event] = platform.device_events
    return event


def report(*entries: dict[str, Any], **fields: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {"requestId": 7, "generatedAt": STAMP, "seqNo": 0, "reportData": list(entries)}
    return {**usual, **fields}


async def test_a_part_of_a_report_tells_of_each_attribute() -> None:
    entry = {
        **POWER,
        "variableAttribute": [
            {"value": "11000", "mutability": "ReadOnly", "persistent": True, "constant": True},
            {"type": "MaxSet", "value": "22000"},
            {"type": "Target"},
        ],
        "variableCharacteristics": {
            "dataType": "decimal",
            "supportsMonitoring": True,
            "unit": "W",
            "minLimit": 0,
            "maxLimit": 22000.5,
            "valuesList": "a,b",
        },
    }
    event = await notified("NotifyReport", report(entry, tbc=True, seqNo=3))
    actual, most, target = event.variable_report.variables
    assert said([actual, most, target]) == [
        ("Connector[left].Power[L1]#2.1", "11000"),
        ("Connector[left].Power[L1]#2.1", "22000"),
        ("Connector[left].Power[L1]#2.1", None),
    ]
    assert [one.attribute_type for one in (actual, most, target)] == [
        DeviceVariable.ACTUAL,
        DeviceVariable.MAX_SET,
        DeviceVariable.TARGET,
    ]
    assert (actual.mutability, actual.persistent, actual.constant) == (DeviceVariable.READ_ONLY, True, True)
    # What is left out has a meaning (part 2, VariableAttributeType).
    assert (most.mutability, most.persistent, most.constant) == (DeviceVariable.READ_WRITE, False, False)
    told_of = actual.characteristics
    assert (told_of.unit, told_of.data_type, told_of.values_list) == ("W", "decimal", "a,b")
    assert (told_of.min_limit, told_of.max_limit, told_of.supports_monitoring) == (0, 22000.5, True)
    part = event.variable_report.part
    assert (part.request_id, part.seq_no, part.last) == (7, 3, False)
    assert not event.variable_report.whole_inventory


async def test_the_last_part_says_so_and_may_be_empty() -> None:
    event = await notified("NotifyReport", {"requestId": 7, "generatedAt": STAMP, "seqNo": 4, "tbc": False})
    assert event.variable_report.part.last
    assert not event.variable_report.variables


async def test_a_report_is_not_older_than_the_question_whatever_the_clock_of_the_station() -> None:
    platform, peer = Platform(), context(Version.V201)
    asked = NOW - timedelta(seconds=2)
    peer.ask_report(7, asked)
    for number in (7, 8):
        # Two hours behind: local time, told as UTC.
        payload = report(requestId=number, generatedAt="2026-03-01T09:59:59Z")
        await TABLE.dispatch("NotifyReport", payload, peer, platform)
    times = [event.time.ToDatetime(tzinfo=NOW.tzinfo) for event in platform.device_events]
    assert times == [asked, datetime(2026, 3, 1, 9, 59, 59, tzinfo=NOW.tzinfo)]
    assert {event.device_time.ToJsonString() for event in platform.device_events} == {"2026-03-01T09:59:59Z"}


async def test_a_secret_is_told_without_its_value() -> None:
    entry = {**PASSWORD, "variableAttribute": [{"value": "0123456789abcdef"}]}
    hidden = {**PASSWORD, "variableAttribute": [{"mutability": "WriteOnly"}]}
    event = await notified("NotifyReport", report(entry, hidden))
    name = "SecurityCtrlr.BasicAuthPassword"
    assert said(event.variable_report.variables) == [(name, MASK), (name, "?")]
    assert "0123456789abcdef" not in str(event)


@pytest.mark.parametrize(
    "broken",
    [
        {**INTERVAL, "variableAttribute": [{"value": {"x": 1}, "mutability": 7}]},
        {**INTERVAL, "variableAttribute": "60"},
        {"component": {"name": 5}, "variable": {}, "variableAttribute": [{"value": "1"}]},
        7,
    ],
)
async def test_a_part_of_which_some_is_lost_is_kept_and_makes_no_report_whole(broken: Any) -> None:
    good = {**POWER, "variableAttribute": [{"value": "11000"}]}
    event = await notified("NotifyReport", report(good, broken, seqNo=0))
    assert ("Connector[left].Power[L1]#2.1", "11000") in said(event.variable_report.variables)
    assert not event.variable_report.HasField("part")
    assert event.dropped_json


@pytest.mark.parametrize("missing", ["requestId", "seqNo"])
async def test_a_part_of_no_number_still_tells_values(missing: str) -> None:
    payload = report({**INTERVAL, "variableAttribute": [{"value": "60"}]})
    del payload[missing]
    event = await notified("NotifyReport", payload)
    assert said(event.variable_report.variables) == [("OCPPCommCtrlr.HeartbeatInterval", "60")]
    assert not event.variable_report.HasField("part")


async def test_a_variable_that_changed_is_known_with_its_value() -> None:
    event = await notified("NotifyEvent", {"generatedAt": STAMP, "seqNo": 0, "eventData": [EVENT]})
    assert said(event.variable_report.variables) == [("Controller[a].Temperature[cpu]#2.1", "71.5")]
    assert event.variable_report.variables[0].mutability == DeviceVariable.MUTABILITY_UNSPECIFIED


async def test_what_is_read_is_told_and_what_does_not_exist_as_well() -> None:
    results = [
        {**INTERVAL, "attributeStatus": "Accepted", "attributeValue": "60"},
        {**POWER, "attributeStatus": "Accepted", "attributeType": "MinSet", "attributeValue": "0"},
        {**PASSWORD, "attributeStatus": "Accepted", "attributeValue": "0123456789abcdef"},
        {**PASSWORD, "attributeStatus": "Rejected"},
        {"component": {"name": "A"}, "variable": {"name": "B"}, "attributeStatus": "UnknownComponent"},
        {"component": {"name": "A"}, "variable": {"name": "C"}, "attributeStatus": "UnknownVariable"},
    ]
    [event] = await reported(Version.V201, "GetVariables", {"getVariableData": []}, {"getVariableResult": results})
    assert said(event.variable_report.variables) == [
        ("OCPPCommCtrlr.HeartbeatInterval", "60"),
        ("Connector[left].Power[L1]#2.1", "0"),
        ("SecurityCtrlr.BasicAuthPassword", MASK),
        ("A.B", "-"),
        ("A.C", "-"),
    ]
    assert event.variable_report.variables[1].attribute_type == DeviceVariable.MIN_SET
    assert "0123456789abcdef" not in str(event)
    # It is about the answer, not about the message that the charge point happens to be telling meanwhile.
    assert (event.kind, event.action) == ("variables", "GetVariables")
    assert event.message_id not in ("", "the message in hand")
    assert (event.received_time.ToDatetime(tzinfo=NOW.tzinfo) - NOW).total_seconds() == 1


async def test_what_is_set_is_the_value_from_now_on_unless_it_needs_a_restart() -> None:
    expected = [
        {**INTERVAL, "attributeValue": "60"},
        {**POWER, "attributeValue": "7"},
        {**PASSWORD, "attributeValue": "p" * 20},
    ]
    shouted = {"component": {"name": "OCPPCOMMCTRLR"}, "variable": {"name": "heartbeatinterval"}}
    results = [
        {**PASSWORD, "attributeStatus": "Accepted"},
        {**shouted, "attributeStatus": "Accepted"},
        {**POWER, "attributeStatus": "RebootRequired"},
    ]
    [event] = await reported(
        Version.V201, "SetVariables", {"setVariableData": expected}, {"setVariableResult": results}
    )
    assert said(event.variable_report.variables) == [
        ("SecurityCtrlr.BasicAuthPassword", MASK),
        ("OCPPCOMMCTRLR.heartbeatinterval", "60"),
    ]
    assert "pppp" not in str(event)
    refused = [{**INTERVAL, "attributeStatus": "Rejected"}]
    assert (
        await reported(Version.V201, "SetVariables", {"setVariableData": expected}, {"setVariableResult": refused})
        == []
    )


@pytest.mark.parametrize(
    ("action", "asked", "scope"),
    [
        ("GetBaseReport", {"requestId": 7, "reportBase": "FullInventory"}, ReportRequest.FULL_INVENTORY),
        ("GetBaseReport", {"requestId": 7, "reportBase": "SummaryInventory"}, ReportRequest.SUMMARY_INVENTORY),
        ("GetReport", {"requestId": 7, "componentCriteria": ["Problem"]}, ReportRequest.SELECTION),
    ],
)
async def test_a_report_that_will_come_is_known_by_its_number(
    action: str, asked: dict[str, Any], scope: ReportRequest.Scope.ValueType
) -> None:
    [event] = await reported(Version.V201, action, asked, {"status": "Accepted"})
    request = event.report_request
    assert (event.kind, event.request_id) == ("report_request", 7)
    assert (request.request_id, request.scope, request.command_id) == (7, scope, "c1")
    # When it was asked: its parts may come before it is answered.
    assert request.ask_time.ToDatetime(tzinfo=NOW.tzinfo) == NOW
    assert orjson.loads(event.payload_json) == {"asked": asked, "answered": {"status": "Accepted"}}
    for status in ("Rejected", "NotSupported", "EmptyResultSet"):
        assert await reported(Version.V201, action, asked, {"status": status}) == []
