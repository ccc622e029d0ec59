"""Commands to a 2.0.1 charging station, each with the effect that it must have."""

from typing import Any

import pytest
from ocpp.v201 import call

from simulator.charge_point import ChargePoint
from tests.fixtures.tiny_csms import TinyCsms

_TOKEN = {"id_token": "TAG", "type": "ISO14443"}


@pytest.fixture
async def charging(csms: TinyCsms, station201: ChargePoint) -> ChargePoint:
    """A station with a transaction that was started remotely on EVSE 1."""
    answer = await csms.send("CP001", call.RequestStartTransaction(_TOKEN, 5, evse_id=1))
    assert answer.status == "Accepted"
    await csms.until(lambda: len(csms.payloads("TransactionEvent")) >= 2)
    return station201


def _ended(csms: TinyCsms) -> list[dict[str, Any]]:
    return [each for each in csms.payloads("TransactionEvent") if each["eventType"] == "Ended"]


def _last_status(csms: TinyCsms, evse: int) -> str:
    reported = [each["connectorStatus"] for each in csms.payloads("StatusNotification") if each["evseId"] == evse]
    return str(reported[-1])


def _variable(component: str, variable: str, **more: Any) -> dict[str, Any]:
    return {"component": {"name": component}, "variable": {"name": variable}, **more}


async def test_a_remote_start_authorizes_and_starts(csms: TinyCsms, charging: ChargePoint) -> None:
    started = csms.payloads("TransactionEvent")[0]
    assert started["triggerReason"] == "RemoteStart"
    assert started["transactionInfo"]["remoteStartId"] == 5
    assert csms.payloads("Authorize")[0]["idToken"]["idToken"] == "TAG"
    assert _last_status(csms, 1) == "Occupied"


async def test_an_occupied_evse_refuses_a_remote_start(csms: TinyCsms, charging: ChargePoint) -> None:
    assert (await csms.send("CP001", call.RequestStartTransaction(_TOKEN, 6, evse_id=1))).status == "Rejected"


async def test_a_remote_stop_ends_the_transaction(csms: TinyCsms, charging: ChargePoint) -> None:
    [transaction] = charging.transactions()
    assert (await csms.send("CP001", call.RequestStopTransaction("unknown"))).status == "Rejected"
    assert (await csms.send("CP001", call.RequestStopTransaction(transaction.key))).status == "Accepted"
    await csms.until(lambda: bool(_ended(csms)))
    [ended] = _ended(csms)
    assert (ended["triggerReason"], ended["transactionInfo"]["stoppedReason"]) == ("RemoteStop", "Remote")
    await csms.until(lambda: _last_status(csms, 1) == "Available")


async def test_an_immediate_reset_ends_the_transaction_reconnects_and_boots(
    csms: TinyCsms, charging: ChargePoint
) -> None:
    assert (await csms.send("CP001", call.Reset("Immediate"))).status == "Accepted"
    await csms.until(lambda: len(csms.payloads("BootNotification")) == 2)
    assert _ended(csms)[0]["transactionInfo"]["stoppedReason"] == "ImmediateReset"
    assert csms.payloads("BootNotification")[1]["reason"] == "RemoteReset"


async def test_a_reset_on_idle_waits_for_the_transaction(csms: TinyCsms, charging: ChargePoint) -> None:
    assert (await csms.send("CP001", call.Reset("OnIdle"))).status == "Scheduled"
    [transaction] = charging.transactions()
    assert len(csms.payloads("BootNotification")) == 1
    await csms.send("CP001", call.RequestStopTransaction(transaction.key))
    await csms.until(lambda: len(csms.payloads("BootNotification")) == 2)
    assert csms.payloads("BootNotification")[1]["reason"] == "ScheduledReset"


async def test_no_evse_restarts_alone(csms: TinyCsms, station201: ChargePoint) -> None:
    assert (await csms.send("CP001", call.Reset("Immediate", evse_id=1))).status == "Rejected"


async def test_a_connector_in_use_is_not_unlocked(csms: TinyCsms, charging: ChargePoint) -> None:
    assert (await csms.send("CP001", call.UnlockConnector(1, 1))).status == "OngoingAuthorizedTransaction"
    assert (await csms.send("CP001", call.UnlockConnector(2, 1))).status == "Unlocked"
    assert (await csms.send("CP001", call.UnlockConnector(2, 2))).status == "UnknownConnector"


async def test_availability_follows_the_transaction(csms: TinyCsms, charging: ChargePoint) -> None:
    assert (await csms.send("CP001", call.ChangeAvailability("Inoperative"))).status == "Scheduled"
    await csms.until(lambda: _last_status(csms, 2) == "Unavailable")
    [transaction] = charging.transactions()
    await csms.send("CP001", call.RequestStopTransaction(transaction.key))
    await csms.until(lambda: _last_status(csms, 1) == "Unavailable")
    assert (await csms.send("CP001", call.ChangeAvailability("Operative", {"id": 1}))).status == "Accepted"
    await csms.until(lambda: _last_status(csms, 1) == "Available")
    assert (await csms.send("CP001", call.ChangeAvailability("Operative", {"id": 9}))).status == "Rejected"


@pytest.mark.parametrize(
    ("asked", "status", "value"),
    [
        (_variable("OCPPCommCtrlr", "HeartbeatInterval"), "Accepted", "300"),
        (_variable("ocppcommctrlr", "heartbeatinterval"), "Accepted", "300"),
        (_variable("ChargingStation", "AvailabilityState"), "Accepted", "Available"),
        (_variable("OCPPCommCtrlr", "Nonsense"), "UnknownVariable", None),
        (_variable("Nonsense", "HeartbeatInterval"), "UnknownComponent", None),
        (_variable("SecurityCtrlr", "BasicAuthPassword"), "Rejected", None),
        (
            _variable("OCPPCommCtrlr", "HeartbeatInterval", attribute_type="Target"),
            "NotSupportedAttributeType",
            None,
        ),
    ],
)
async def test_a_variable_is_read(
    csms: TinyCsms, station201: ChargePoint, asked: dict[str, Any], status: str, value: str | None
) -> None:
    [result] = (await csms.send("CP001", call.GetVariables([asked]))).get_variable_result
    assert (result["attribute_status"], result.get("attribute_value")) == (status, value)


@pytest.mark.parametrize(
    ("expected", "status"),
    [
        (_variable("SampledDataCtrlr", "TxUpdatedInterval", attribute_value="5"), "Accepted"),
        (_variable("SampledDataCtrlr", "TxUpdatedInterval", attribute_value="-5"), "Rejected"),
        (_variable("ChargingStation", "Model", attribute_value="x"), "Rejected"),
        (_variable("ChargingStation", "AvailabilityState", attribute_value="Faulted"), "Rejected"),
        (_variable("ChargingStation", "Nonsense", attribute_value="x"), "UnknownVariable"),
    ],
)
async def test_a_variable_is_written_by_its_rules(
    csms: TinyCsms, station201: ChargePoint, expected: dict[str, Any], status: str
) -> None:
    [result] = (await csms.send("CP001", call.SetVariables([expected]))).set_variable_result
    assert result["attribute_status"] == status


async def test_a_new_sample_interval_has_its_effect(csms: TinyCsms, charging: ChargePoint) -> None:
    expected = _variable("SampledDataCtrlr", "TxUpdatedInterval", attribute_value="1")
    await csms.send("CP001", call.SetVariables([expected]))
    await csms.until(lambda: csms.payloads("TransactionEvent")[-1]["triggerReason"] == "MeterValuePeriodic")


async def test_what_needs_a_restart_counts_from_then_on(csms: TinyCsms, station201: ChargePoint) -> None:
    timeout = _variable("OCPPCommCtrlr", "MessageTimeout")
    timeout["variable"]["instance"] = "Default"
    light = _variable("EnvironmentalLighting", "Enabled")
    written = [timeout | {"attribute_value": "60"}, light | {"attribute_value": "false"}]
    results = (await csms.send("CP001", call.SetVariables(written))).set_variable_result
    assert [one["attribute_status"] for one in results] == ["RebootRequired", "Accepted"]
    assert await _values(csms, timeout, light) == ["30", "false"]
    await csms.send("CP001", call.Reset("Immediate"))
    await csms.until(lambda: csms.actions().count("BootNotification") == 2)
    await station201.ready(10)
    assert await _values(csms, timeout, light) == ["60", "true"]


async def _values(csms: TinyCsms, *asked: dict[str, Any]) -> list[str]:
    answer = await csms.send("CP001", call.GetVariables(list(asked)))
    return [one["attribute_value"] for one in answer.get_variable_result]


@pytest.mark.parametrize("base", ["FullInventory", "ConfigurationInventory", "SummaryInventory"])
async def test_a_report_is_sent_in_numbered_parts(csms: TinyCsms, station201: ChargePoint, base: str) -> None:
    assert (await csms.send("CP001", call.GetBaseReport(9, base))).status == "Accepted"
    await csms.until(lambda: any(not each["tbc"] for each in csms.payloads("NotifyReport")))
    parts = csms.payloads("NotifyReport")
    assert [each["seqNo"] for each in parts] == list(range(len(parts)))
    assert {each["requestId"] for each in parts} == {9}
    entries = [entry for part in parts for entry in part["reportData"]]
    names = {(entry["component"]["name"], entry["variable"]["name"]) for entry in entries}
    assert (("OCPPCommCtrlr", "HeartbeatInterval") in names) == (base != "SummaryInventory")
    assert (("EVSE", "AvailabilityState") in names) == (base != "ConfigurationInventory")
    assert (len(parts) > 3 and len(entries) > 200) or base != "FullInventory"


@pytest.mark.parametrize(
    ("criteria", "expected", "names"),
    [
        (
            None,
            [{"component": {"name": "evse", "evse": {"id": 2}}, "variable": {"name": "Power"}}],
            {("EVSE", "Power")},
        ),
        (
            None,
            [{"component": {"name": "ReservationCtrlr"}}],
            {(("ReservationCtrlr", name)) for name in ("Available", "Enabled", "NonEvseSpecific")},
        ),
        (["Enabled"], [{"component": {"name": "AuthCtrlr"}}], {("AuthCtrlr", "Enabled")}),
        (["Problem"], None, set()),
    ],
)
async def test_a_report_of_what_is_wanted_is_sent_or_there_is_nothing_of_it(
    csms: TinyCsms,
    station201: ChargePoint,
    criteria: list[str] | None,
    expected: list[dict[str, Any]] | None,
    names: set[tuple[str, str]],
) -> None:
    answer = await csms.send("CP001", call.GetReport(9, expected, criteria))
    assert answer.status == ("Accepted" if names else "EmptyResultSet")
    if not names:
        return
    await csms.until(lambda: bool(csms.payloads("NotifyReport")))
    [part] = csms.payloads("NotifyReport")
    assert {(entry["component"]["name"], entry["variable"]["name"]) for entry in part["reportData"]} == names


@pytest.mark.parametrize(
    "action",
    [
        "BootNotification",
        "Heartbeat",
        "StatusNotification",
        "MeterValues",
        "TransactionEvent",
        "FirmwareStatusNotification",
        "LogStatusNotification",
    ],
)
async def test_what_is_triggered_is_sent(csms: TinyCsms, charging: ChargePoint, action: str) -> None:
    before = csms.actions().count(action)
    assert (await csms.send("CP001", call.TriggerMessage(action))).status == "Accepted"
    await csms.until(lambda: csms.actions().count(action) > before)


async def test_what_is_not_there_cannot_be_triggered(csms: TinyCsms, station201: ChargePoint) -> None:
    for request, status in (
        (call.TriggerMessage("TransactionEvent"), "Rejected"),
        (call.TriggerMessage("Heartbeat", {"id": 9}), "Rejected"),
        (call.TriggerMessage("SignChargingStationCertificate"), "NotImplemented"),
    ):
        assert (await csms.send("CP001", request)).status == status


async def test_the_state_of_a_transaction_is_told(csms: TinyCsms, charging: ChargePoint) -> None:
    [transaction] = charging.transactions()
    answer = await csms.send("CP001", call.GetTransactionStatus(transaction.key))
    assert answer.ongoing_indicator is True
    answer = await csms.send("CP001", call.GetTransactionStatus("unknown"))
    assert (answer.ongoing_indicator, answer.messages_in_queue) == (False, False)


async def test_cache_and_data_transfer_are_answered(csms: TinyCsms, station201: ChargePoint) -> None:
    assert (await csms.send("CP001", call.ClearCache())).status == "Accepted"
    assert (await csms.send("CP001", call.DataTransfer("CSMS", data={"a": 1}))).data == {"a": 1}
    assert (await csms.send("CP001", call.DataTransfer("Other"))).status == "UnknownVendorId"


async def test_what_is_monitored_is_notified_when_it_happens_and_when_it_is_over(
    csms: TinyCsms, station201: ChargePoint
) -> None:
    interval = _variable("OCPPCommCtrlr", "HeartbeatInterval")

    async def become(value: str, notified: int) -> None:
        await csms.send("CP001", call.SetVariables([{**interval, "attribute_value": value}]))
        await csms.until(lambda: len(csms.payloads("NotifyEvent")) == notified)

    data = [
        {**interval, "value": 600, "type": "UpperThreshold", "severity": 4},
        {**interval, "value": 100, "type": "Delta", "severity": 8},
        {**_variable("Nothing", "AtAll"), "value": 1, "type": "Delta", "severity": 8},
        {**interval, "value": 60, "type": "Periodic", "severity": 8},
        {**interval, "value": 700, "type": "UpperThreshold", "severity": 4},
    ]
    answer = await csms.send("CP001", call.SetVariableMonitoring(data))
    statuses = [one["status"] for one in answer.set_monitoring_result]
    assert statuses == ["Accepted", "Accepted", "UnknownComponent", "UnsupportedMonitorType", "Duplicate"]
    upper, delta = (one["id"] for one in answer.set_monitoring_result[:2])
    await csms.send("CP001", call.SetMonitoringLevel(5))
    await become("900", 1)
    await become("300", 2)
    await csms.send("CP001", call.SetMonitoringLevel(9))
    await become("500", 3)
    told = [
        (one["variableMonitoringId"], one["trigger"], one["actualValue"], one.get("cleared"))
        for payload in csms.payloads("NotifyEvent")
        for one in payload["eventData"]
    ]
    assert told == [
        (upper, "Alerting", "900", False),
        (upper, "Alerting", "300", True),
        (delta, "Delta", "500", None),
    ]


async def test_monitors_are_reported_and_cleared(csms: TinyCsms, station201: ChargePoint) -> None:
    interval = _variable("OCPPCommCtrlr", "HeartbeatInterval")
    data = [
        {**interval, "value": 600 + number, "type": "UpperThreshold", "severity": number % 10} for number in range(10)
    ]
    data += [{**interval, "value": number, "type": "LowerThreshold", "severity": number} for number in range(5)]
    answer = await csms.send("CP001", call.SetVariableMonitoring(data))
    ids = [one["id"] for one in answer.set_monitoring_result]
    assert (await csms.send("CP001", call.GetMonitoringReport(3))).status == "Accepted"
    await csms.until(lambda: len(csms.payloads("NotifyMonitoringReport")) == 2)
    parts = csms.payloads("NotifyMonitoringReport")
    assert [(part["requestId"], part["seqNo"], part["tbc"]) for part in parts] == [(3, 0, True), (3, 1, False)]
    assert [one["variableMonitoring"][0]["id"] for part in parts for one in part["monitor"]] == ids
    answer = await csms.send("CP001", call.ClearVariableMonitoring([ids[0], 999]))
    assert [one["status"] for one in answer.clear_monitoring_result] == ["Accepted", "NotFound"]
    assert (
        await csms.send("CP001", call.GetMonitoringReport(4, monitoring_criteria=["DeltaMonitoring"]))
    ).status == "EmptyResultSet"
    await csms.send("CP001", call.SetMonitoringBase("HardWiredOnly"))
    assert (await csms.send("CP001", call.GetMonitoringReport(5))).status == "EmptyResultSet"
