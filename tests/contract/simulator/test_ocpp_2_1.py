"""A 2.1 charging station: what it says and does otherwise than one of 2.0.1."""

from dataclasses import replace
from fractions import Fraction

import pytest
from ocpp.exceptions import NotImplementedError as ActionNotImplemented
from ocpp.v21 import call

from simulator.charge_point import ChargePoint
from simulator.charging import charge
from simulator.configuration import Role
from tests.contract.simulator.conftest import PLAN
from tests.fixtures.tiny_csms import TinyCsms

# Slower than others: between two samples, four seconds of the device, a busy machine has time enough to tell both.
_SAMPLED = replace(PLAN, rate=Fraction(10))


def _statuses(csms: TinyCsms, evse: int) -> list[str]:
    reported = (event for payload in csms.payloads("NotifyEvent") for event in payload["eventData"])
    return [event["actualValue"] for event in reported if event["component"].get("evse", {}).get("id") == evse]


async def test_a_session_is_told_by_events_and_variables(csms: TinyCsms, station21: ChargePoint) -> None:
    station21.configuration.assign(Role.SAMPLE_INTERVAL, "4")
    await charge(station21, station21.connectors[2], "TAG", _SAMPLED)
    await station21.queue.drained()
    events = csms.payloads("TransactionEvent")
    assert [each["eventType"] for each in events] == ["Started", "Updated", "Updated", "Updated", "Ended"]
    assert [each["transactionInfo"].get("operationMode") for each in events] == ["ChargingOnly", *[None] * 4]
    assert _statuses(csms, 2) == ["Available", "Occupied", "Available"]
    assert "StatusNotification" not in csms.actions()
    assert not station21.problems


async def test_commands_are_obeyed_in_the_words_of_2_1(csms: TinyCsms, station21: ChargePoint) -> None:
    token = {"id_token": "X" * 40, "type": "AcmePass"}
    started = call.RequestStartTransaction(id_token=token, remote_start_id=5, evse_id=1)
    assert (await csms.send("CP001", started)).status == "Accepted"
    await csms.until(lambda: bool(csms.payloads("TransactionEvent")))
    asked = call.TriggerMessage(requested_message="StatusNotification", evse={"id": 1})
    assert (await csms.send("CP001", asked)).status == "Accepted"
    await csms.until(lambda: bool(csms.payloads("StatusNotification")))
    [status] = csms.payloads("StatusNotification")
    assert (status["evseId"], status["connectorId"], status["connectorStatus"]) == (1, 1, "Occupied")
    report = call.GetBaseReport(request_id=7, report_base="SummaryInventory")
    assert (await csms.send("CP001", report)).status == "Accepted"
    await csms.until(lambda: bool(csms.payloads("NotifyReport")))
    with pytest.raises(ActionNotImplemented):
        await csms.send("CP001", call.ClearTariffs())
    assert not station21.problems
