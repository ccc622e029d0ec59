"""Monitors of OCPP 2.x: how they are asked for, and what reports, answers and NotifyEvent tell of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.station.v1.device_event_pb2 import DeviceEvent
from csms.station.v1.device_monitor_pb2 import DeviceMonitor, MonitoredChange, ReportedMonitor
from csms.station.v1.device_variable_pb2 import DeviceComponent, DeviceVariable, DeviceVariableName, ReportRequest
from csms.transaction.v1 import variable_monitoring_pb2 as pb
from csms.transaction.v1.command_result_pb2 import CommandResult, StatusResult
from csms.transaction.v1.component_variable_pb2 import ComponentVariable
from ocpp_edge.rpc.outbound import check_call
from ocpp_edge.rpc.schemas import load
from ocpp_edge.served import SERVED
from ocpp_edge.v2.commands import DIALECT
from ocpp_edge.versions import Version
from services.kernel.ids import request_number
from tests.unit.ocpp_edge.commands.test_parts import Station, limit, variable
from tests.unit.ocpp_edge.exchanges import reported
from tests.unit.ocpp_edge.notifications import STAMP
from tests.unit.ocpp_edge.platform import NOW, Platform, context

V201, V21 = Version.V201, Version.V21
HEAT = {"component": {"name": "Controller", "evse": {"id": 2}}, "variable": {"name": "Temperature", "instance": "cpu"}}
ASKED = {**HEAT, "id": 4, "value": 80.5, "type": "UpperThreshold", "severity": 4, "transaction": True}
SET = {**HEAT, "id": 4, "type": "UpperThreshold", "severity": 4, "status": "Accepted"}
NUMBER = request_number("c1")


def setting(**fields: Any) -> pb.MonitorSetting:
    return pb.MonitorSetting(
        component=DeviceComponent(name="Controller", evse_id=2),
        variable=DeviceVariableName(name="Temperature", instance="cpu"),
        **{"type": DeviceMonitor.UPPER_THRESHOLD, "value": 80.5, "severity": 4, **fields},
    )


@pytest.mark.parametrize("version", [V201, V21])
@pytest.mark.parametrize(
    ("kind", "body", "action", "payload"),
    [
        (
            "set_variable_monitoring",
            pb.SetVariableMonitoring(
                monitors=[
                    setting(monitor_id=4, during_transaction=True),
                    setting(type=DeviceMonitor.PERIODIC_CLOCK_ALIGNED, value=900, severity=0),
                ]
            ),
            "SetVariableMonitoring",
            {
                "setMonitoringData": [
                    ASKED,
                    {**HEAT, "value": 900, "type": "PeriodicClockAligned", "severity": 0},
                ]
            },
        ),
        (
            "clear_variable_monitoring",
            pb.ClearVariableMonitoring(monitor_ids=[4, 5]),
            "ClearVariableMonitoring",
            {"id": [4, 5]},
        ),
        (
            "set_monitoring_base",
            pb.SetMonitoringBase(base=pb.SetMonitoringBase.HARD_WIRED_ONLY),
            "SetMonitoringBase",
            {"monitoringBase": "HardWiredOnly"},
        ),
        ("set_monitoring_level", pb.SetMonitoringLevel(severity=6), "SetMonitoringLevel", {"severity": 6}),
        ("get_monitoring_report", pb.GetMonitoringReport(), "GetMonitoringReport", {"requestId": NUMBER}),
        (
            "get_monitoring_report",
            pb.GetMonitoringReport(
                criteria=[pb.GetMonitoringReport.THRESHOLD, pb.GetMonitoringReport.PERIODIC],
                component_variables=[ComponentVariable(component=DeviceComponent(name="Controller", evse_id=2))],
            ),
            "GetMonitoringReport",
            {
                "requestId": NUMBER,
                "monitoringCriteria": ["ThresholdMonitoring", "PeriodicMonitoring"],
                "componentVariable": [{"component": HEAT["component"]}],
            },
        ),
    ],
)
def test_each_command_is_a_valid_request(version: Version, kind: str, body: Any, action: str, payload: Any) -> None:
    assert DIALECT[kind].ask(body, "c1") == (action, payload)
    check_call(load(version), action, payload)


def test_a_version_without_monitors_has_no_such_commands() -> None:
    assert not {kind for kind in SERVED[Version.V16].dialect if "monitoring" in kind}


def entries(result: CommandResult) -> list[tuple[int | None, str, str]]:
    return [
        (
            one.monitor_id if one.HasField("monitor_id") else None,
            one.key,
            StatusResult.Status.Name(one.status.status),
        )
        for one in result.monitors.entries
    ]


def test_each_monitor_has_a_result_of_its_own() -> None:
    refused = {**SET, "status": "UnsupportedMonitorType", "statusInfo": {"reasonCode": "No"}}
    del refused["id"]
    answer = {"setMonitoringResult": [SET, refused, {**SET, "id": 5, "status": "Duplicate"}]}
    command = DIALECT["set_variable_monitoring"]
    assert command.reply(answer) == (False, "UnsupportedMonitorType")
    assert command.reply({"setMonitoringResult": [SET]}) == (True, "Accepted")
    key = "Controller.Temperature[cpu]#2"
    assert entries(command.result(answer)) == [
        (4, key, "ACCEPTED"),
        (None, key, "NOT_SUPPORTED"),
        (5, key, "DUPLICATE"),
    ]
    assert command.result(answer).monitors.entries[1].status.reason_code == "No"


def test_what_is_not_there_need_not_be_cleared() -> None:
    command = DIALECT["clear_variable_monitoring"]
    answer = {"clearMonitoringResult": [{"id": 4, "status": "Accepted"}, {"id": 5, "status": "NotFound"}]}
    assert command.reply(answer) == (True, "Accepted")
    assert entries(command.result(answer)) == [(4, "", "ACCEPTED"), (5, "", "NOT_FOUND")]
    answer["clearMonitoringResult"].append({"id": 6, "status": "Rejected"})
    assert command.reply(answer) == (False, "Rejected")


async def test_monitors_are_set_and_cleared_as_many_at_a_time_as_the_station_takes() -> None:
    class Answering(Station):
        async def call(self, action: str, payload: Any, **limits: object) -> Any:
            outcome: Any = await super().call(action, payload, **limits)
            if action == "SetVariableMonitoring":
                results = [{**SET, "id": 10} for _ in payload["setMonitoringData"]]
                return outcome._replace(payload={"setMonitoringResult": results})
            cleared = [{"id": number, "status": "Accepted"} for number in payload["id"]]
            return outcome._replace(payload={"clearMonitoringResult": cleared})

    def of_monitors(action: str) -> DeviceVariable:
        return variable("MonitoringCtrlr", "ItemsPerMessage", "2", action)

    # The limits of variables are none of these.
    station = Answering(
        V201, of_monitors("SetVariableMonitoring"), limit("ItemsPerMessage", 9, "ClearVariableMonitoring")
    )
    response = await station.deliver(set_variable_monitoring=pb.SetVariableMonitoring(monitors=[setting()] * 5))
    assert station.sizes("setMonitoringData") == [2, 2, 1]
    assert len(response.result.monitors.entries) == 5
    station = Answering(V201, of_monitors("ClearVariableMonitoring"))
    response = await station.deliver(clear_variable_monitoring=pb.ClearVariableMonitoring(monitor_ids=[1, 2, 3]))
    assert [payload["id"] for _, payload in station.asked] == [[1, 2], [3]]
    assert [one.monitor_id for one in response.result.monitors.entries] == [1, 2, 3]


async def test_a_report_of_monitors_is_limited_as_one_of_variables() -> None:
    station = Station(V201, limit("ItemsPerMessage", 2, "GetReport"))
    named = [ComponentVariable(component=DeviceComponent(name=f"C{number}")) for number in range(3)]
    await station.deliver(get_monitoring_report=pb.GetMonitoringReport(component_variables=named))
    assert station.sizes("componentVariable") == [2, 1]
    assert len({payload["requestId"] for _, payload in station.asked}) == 2


async def notified(version: Version, action: str, payload: dict[str, Any]) -> list[DeviceEvent]:
    platform = Platform()
    assert await SERVED[version].routes().dispatch(action, payload, context(version), platform) == {}
    return platform.device_events


def part(*monitors: dict[str, Any], **fields: Any) -> dict[str, Any]:
    of_heat = {**HEAT, "variableMonitoring": list(monitors)}
    return {"requestId": 7, "generatedAt": STAMP, "seqNo": 2, "monitor": [of_heat], **fields}


async def test_a_part_of_a_report_tells_of_each_monitor() -> None:
    monitor = {"id": 4, "transaction": True, "value": 80.5, "type": "UpperThreshold", "severity": 4}
    [event] = await notified(
        V201, "NotifyMonitoringReport", part(monitor, {**monitor, "id": 5, "type": "Delta"}, tbc=True)
    )
    first, second = event.monitor_report.monitors
    assert (first.monitor_id, first.value, first.severity, first.during_transaction) == (4, 80.5, 4, True)
    assert (first.type, first.kind) == (DeviceMonitor.UPPER_THRESHOLD, DeviceMonitor.KIND_UNSPECIFIED)
    assert (first.component.name, first.component.evse_id, first.variable.instance) == ("Controller", 2, "cpu")
    assert (second.monitor_id, second.type) == (5, DeviceMonitor.DELTA)
    told = event.monitor_report.part
    assert (told.request_id, told.seq_no, told.last) == (7, 2, False)
    newer = {**monitor, "type": "TargetDelta", "eventNotificationType": "PreconfiguredMonitor"}
    [event] = await notified(V21, "NotifyMonitoringReport", part(newer))
    [told_of] = event.monitor_report.monitors
    assert (told_of.type, told_of.kind) == (DeviceMonitor.TARGET_DELTA, DeviceMonitor.PRECONFIGURED)
    assert event.monitor_report.part.last


async def test_one_odd_monitor_costs_itself_and_the_wholeness_of_the_report() -> None:
    good = {"id": 4, "transaction": False, "value": 80.5, "type": "UpperThreshold", "severity": 4}
    [event] = await notified(V201, "NotifyMonitoringReport", part(good, {**good, "id": "five"}))
    assert [one.monitor_id for one in event.monitor_report.monitors] == [4]
    assert not event.monitor_report.HasField("part")
    [event] = await notified(V201, "NotifyMonitoringReport", part({**good, "id": 2.0**70}, good))
    assert [one.monitor_id for one in event.monitor_report.monitors] == [4]


async def test_what_was_set_is_known_by_what_was_asked_and_answered() -> None:
    other = {**ASKED, "severity": 6, "value": 3}
    answer = {"setMonitoringResult": [{**SET, "severity": 6, "id": 8}, SET, {**SET, "id": 9, "status": "Rejected"}]}
    [event] = await reported(V201, "SetVariableMonitoring", {"setMonitoringData": [ASKED, other]}, answer)
    told = [(one.monitor_id, one.value, one.severity, one.kind) for one in event.monitor_report.monitors]
    assert told == [(8, 3, 6, DeviceMonitor.CUSTOM), (4, 80.5, 4, DeviceMonitor.CUSTOM)]
    assert not await reported(
        V201,
        "SetVariableMonitoring",
        {"setMonitoringData": [ASKED]},
        {"setMonitoringResult": [{**SET, "status": "Rejected"}]},
    )


async def test_what_was_cleared_is_gone() -> None:
    answer = {
        "clearMonitoringResult": [
            {"id": 4, "status": "Accepted"},
            {"id": 5, "status": "NotFound"},
            {"id": 6, "status": "Rejected"},
        ]
    }
    [event] = await reported(V201, "ClearVariableMonitoring", {"id": [4, 5, 6]}, answer)
    assert list(event.monitor_report.monitors) == [ReportedMonitor(monitor_id=number, gone=True) for number in (4, 5)]


async def test_base_and_level_are_variables_and_a_base_takes_monitors_away() -> None:
    level = await reported(V201, "SetMonitoringLevel", {"severity": 5}, {"status": "Accepted"})
    everything = await reported(V201, "SetMonitoringBase", {"monitoringBase": "All"}, {"status": "Accepted"})
    base, taken = await reported(V201, "SetMonitoringBase", {"monitoringBase": "HardWiredOnly"}, {"status": "Accepted"})
    values = [
        (one.component.name, one.variable.name, one.value)
        for event in (*level, *everything, base)
        for one in event.variable_report.variables
    ]
    assert values == [
        ("MonitoringCtrlr", "ActiveMonitoringLevel", "5"),
        ("MonitoringCtrlr", "ActiveMonitoringBase", "All"),
        ("MonitoringCtrlr", "ActiveMonitoringBase", "HardWiredOnly"),
    ]
    assert list(taken.monitor_report.gone_kinds) == [DeviceMonitor.CUSTOM, DeviceMonitor.PRECONFIGURED]
    assert not await reported(V201, "SetMonitoringBase", {"monitoringBase": "All"}, {"status": "Rejected"})
    assert not await reported(V201, "SetMonitoringLevel", {"severity": 5}, {"status": "Rejected"})


@pytest.mark.parametrize(
    ("narrowed", "scope"),
    [
        ({}, ReportRequest.FULL_INVENTORY),
        ({"monitoringCriteria": ["DeltaMonitoring"]}, ReportRequest.SELECTION),
        ({"componentVariable": [{"component": {"name": "Controller"}}]}, ReportRequest.SELECTION),
    ],
)
async def test_a_report_that_will_come_is_known_by_its_number(narrowed: dict[str, Any], scope: Any) -> None:
    asked = {"requestId": 12, **narrowed}
    [event] = await reported(V201, "GetMonitoringReport", asked, {"status": "Accepted"})
    request = event.monitoring_report_request
    assert (request.request_id, request.scope, request.command_id) == (12, scope, "c1")
    assert request.ask_time.ToDatetime(tzinfo=NOW.tzinfo) == NOW
    assert not await reported(V201, "GetMonitoringReport", asked, {"status": "EmptyResultSet"})


async def test_an_event_says_which_monitor_told_it_and_why() -> None:
    entry = {
        **HEAT,
        "eventId": 7,
        "timestamp": STAMP,
        "trigger": "Alerting",
        "actualValue": "91",
        "cleared": True,
        "variableMonitoringId": 4,
        "eventNotificationType": "CustomMonitor",
    }
    [event] = await notified(V201, "NotifyEvent", {"generatedAt": STAMP, "seqNo": 0, "eventData": [entry]})
    assert event.monitored_change == MonitoredChange(
        event_id=7, trigger=MonitoredChange.ALERTING, cleared=True, monitor_id=4, kind=DeviceMonitor.CUSTOM
    )
    [event] = await notified(
        V21, "NotifyEvent", {"generatedAt": STAMP, "seqNo": 0, "eventData": [{**entry, "severity": 2}]}
    )
    assert event.monitored_change.severity == 2


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "value", "name", "type"]), inner)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["id", "value", "severity", "type", "transaction"]), ODD))
async def test_no_answer_of_a_station_is_worth_more_than_one_entry(odd: dict[str, Any]) -> None:
    events = await reported(
        V201,
        "SetVariableMonitoring",
        {"setMonitoringData": [ASKED]},
        {"setMonitoringResult": [{**SET, **odd, "id": odd.get("id", 1)}, SET]},
    )
    assert 4 in [one.monitor_id for event in events for one in event.monitor_report.monitors]
