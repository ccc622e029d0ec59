"""Requests of OCPP 2.0.1 through the route table: what the platform is told, and what the station is."""

from typing import Any

import pytest

from csms.driver.v1.driver_pb2 import TokenDecision
from csms.station.v1.connector_pb2 import Connector
from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from csms.transaction.v1.transaction_pb2 import Transaction
from ocpp_edge.facts.context import ChargePointState, ChargerContext
from ocpp_edge.rpc.errors import CallRefused, Fault
from ocpp_edge.v2.routes import HANDLERS
from ocpp_edge.v201.routes import route_table
from ocpp_edge.versions import Version
from services.kernel.errors import DomainError, unavailable
from tests.fixtures.shorthand import flags_of
from tests.unit.ocpp_edge.platform import Platform
from tests.unit.ocpp_edge.platform import context as context_of
from tests.unit.ocpp_edge.v2.transaction_events import CARD, STAMP, event

ROUTES = route_table()


def context(state: ChargePointState = ChargePointState.ACCEPTED) -> ChargerContext:
    return context_of(Version.V201, state)


async def ask(action: str, payload: dict[str, Any], platform: Platform, peer: ChargerContext | None = None) -> Any:
    return await ROUTES.dispatch(action, payload, peer or context(), platform)


@pytest.fixture
def platform() -> Platform:
    return Platform()


def test_every_action_whose_answer_is_empty_has_its_handler() -> None:
    answers = {action: schema for action, schema in ROUTES.schemas.responses.items() if schema.is_valid({})}
    ours = {"CostUpdated"}
    assert set(answers) - ours <= set(HANDLERS)
    others = {"Authorize", "BootNotification", "DataTransfer", "Heartbeat"}
    assert set(HANDLERS) - set(answers) == others


async def test_a_boot_is_reported_and_the_station_told_the_time(platform: Platform) -> None:
    station = {
        "vendorName": "Vendor",
        "model": "Model",
        "serialNumber": "S1",
        "firmwareVersion": "2.0",
        "modem": {"iccid": "89", "imsi": "262"},
    }
    answer = await ask("BootNotification", {"reason": "PowerUp", "chargingStation": station}, platform)
    assert answer == {"status": "Accepted", "currentTime": "2026-03-01T12:00:00.000Z", "interval": 300}
    (boot,) = platform.boots
    assert (boot.vendor, boot.model, boot.serial_number, boot.firmware_version) == ("Vendor", "Model", "S1", "2.0")
    assert (boot.reason, boot.iccid, boot.imsi, boot.epoch) == ("PowerUp", "89", "262", 7)


async def test_a_boot_that_tells_next_to_nothing_is_reported(platform: Platform) -> None:
    await ask("BootNotification", {"reason": "Unknown", "chargingStation": {"vendorName": "V", "model": "M"}}, platform)
    await ask("BootNotification", {"chargingStation": {}}, platform)
    assert [(boot.vendor, boot.iccid) for boot in platform.boots] == [("V", ""), ("", "")]


async def test_a_heartbeat_is_answered_without_anybodys_help(platform: Platform) -> None:
    assert await ask("Heartbeat", {}, platform) == {"currentTime": "2026-03-01T12:00:00.000Z"}


async def test_no_vendors_private_messages_are_known(platform: Platform) -> None:
    answer = await ask("DataTransfer", {"vendorId": "acme", "data": {"a": [1]}}, platform)
    assert answer == {"status": "UnknownVendorId"}


@pytest.mark.parametrize(("tag", "status"), [("card", "Accepted"), ("LOST", "Blocked"), ("who", "Invalid")])
async def test_a_token_is_decided_about(platform: Platform, tag: str, status: str) -> None:
    payload = {"idToken": {"idToken": tag, "type": "ISO14443"}}
    assert await ask("Authorize", payload, platform) == {"idTokenInfo": {"status": status}}
    assert platform.presented == [tag.upper()]


async def test_a_station_learns_the_expiry_and_the_group_of_a_token(platform: Platform) -> None:
    decision = TokenDecision(status=TokenDecision.ACCEPTED, group_id="FLEET")
    decision.expiry_time.FromJsonString("2027-01-01T00:00:00Z")
    platform.tokens["CARD"] = decision
    answer = await ask("Authorize", {"idToken": CARD}, platform)
    assert answer["idTokenInfo"] == {
        "status": "Accepted",
        "cacheExpiryDateTime": "2027-01-01T00:00:00.000Z",
        "groupIdToken": {"idToken": "FLEET", "type": "Central"},
    }


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Available", Connector.AVAILABLE),
        ("Occupied", Connector.OCCUPIED),
        ("Reserved", Connector.RESERVED),
        ("Unavailable", Connector.UNAVAILABLE),
        ("Faulted", Connector.FAULTED),
    ],
)
async def test_a_status_is_reported(platform: Platform, word: str, status: Connector.Status.ValueType) -> None:
    payload = {"timestamp": STAMP, "connectorStatus": word, "evseId": 2, "connectorId": 1}
    assert await ask("StatusNotification", payload, platform) == {}
    (report,) = platform.statuses
    assert (report.evse.evse_id, report.evse.connector_id, report.status, report.error_code) == (2, 1, status, "")
    assert report.device_time.ToJsonString() == STAMP


async def test_a_start_is_recorded_with_all_it_tells(platform: Platform) -> None:
    payload = event(
        "Started",
        triggerReason="RemoteStart",
        offline=True,
        evse={"id": 2, "connectorId": 1},
        idToken=CARD,
        reservationId=9,
        transactionInfo={"transactionId": "T1", "chargingState": "EVConnected", "remoteStartId": 77},
        meterValue=[{"timestamp": STAMP, "sampledValue": [{"value": 1000, "context": "Transaction.Begin"}]}],
    )
    assert await ask("TransactionEvent", payload, platform) == {"idTokenInfo": {"status": "Accepted"}}
    reported = platform.event
    assert (reported.kind, reported.protocol, reported.ocpp_transaction_id, reported.seq_no) == (
        TransactionEvent.STARTED,
        "ocpp2.0.1",
        "T1",
        3,
    )
    assert (reported.evse.evse_id, reported.evse.connector_id, reported.token.value, reported.driver_id) == (
        2,
        1,
        "CARD",
        "d1",
    )
    assert (reported.authorization, reported.offline, reported.trigger_reason) == (
        Transaction.ACCEPTED,
        True,
        "RemoteStart",
    )
    assert (reported.charging_state, reported.remote_start_id, reported.reservation_id) == ("EVConnected", 77, 9)
    assert (reported.stop_reason, reported.HasField("meter_wh"), flags_of(reported)) == ("", False, [])
    assert [(value.context, value.energy_wh) for value in reported.meter_values] == [("Transaction.Begin", 1000)]


async def test_an_update_without_a_token_is_answered_with_nothing(platform: Platform) -> None:
    assert await ask("TransactionEvent", event(), platform) == {}
    assert (platform.event.kind, platform.event.token.value, platform.event.authorization) == (
        TransactionEvent.UPDATED,
        "",
        0,
    )
    assert (platform.event.seq_no, platform.event.HasField("remote_start_id")) == (3, False)


@pytest.mark.parametrize(("said", "kept"), [({"stoppedReason": "EVDisconnected"}, "EVDisconnected"), ({}, "Local")])
async def test_an_end_is_recorded_with_its_reason(platform: Platform, said: dict[str, str], kept: str) -> None:
    payload = event("Ended", transactionInfo={"transactionId": "T1", **said})
    assert await ask("TransactionEvent", payload, platform) == {}
    assert (platform.event.kind, platform.event.stop_reason) == (TransactionEvent.ENDED, kept)


async def test_a_token_in_use_elsewhere_is_refused_by_the_record(platform: Platform) -> None:
    platform.concurrent = True
    answer = await ask("TransactionEvent", event("Started", idToken=CARD), platform)
    assert answer == {"idTokenInfo": {"status": "ConcurrentTx"}}


async def test_who_ends_a_session_is_not_told_of_others(platform: Platform) -> None:
    platform.concurrent = True
    answer = await ask("TransactionEvent", event("Ended", idToken=CARD), platform)
    assert answer == {"idTokenInfo": {"status": "Accepted"}}


async def test_an_end_is_recorded_even_when_nobody_knows_its_token(platform: Platform) -> None:
    platform.down["authorize"] = unavailable("the driver service is down")
    answer = await ask("TransactionEvent", event("Ended", idToken=CARD), platform)
    # Told because a token was presented, and not to be remembered.
    assert answer == {"idTokenInfo": {"status": "Invalid", "cacheExpiryDateTime": "2000-01-01T00:00:00.000Z"}}
    assert platform.event.token.value == "CARD"
    with pytest.raises(DomainError):
        await ask("TransactionEvent", event("Started", idToken=CARD), platform)


async def test_an_event_that_is_not_recorded_is_not_answered(platform: Platform) -> None:
    platform.down["record"] = unavailable("the transaction service is down")
    with pytest.raises(DomainError):
        await ask("TransactionEvent", event(), platform)


async def test_readings_outside_of_events_name_no_session(platform: Platform) -> None:
    payload = {
        "evseId": 2,
        "meterValue": [{"timestamp": STAMP, "sampledValue": [{"value": 1.5, "context": "Sample.Clock"}]}],
    }
    assert await ask("MeterValues", payload, platform) == {}
    reported = platform.event
    assert (reported.kind, reported.ocpp_transaction_id, reported.evse.evse_id, reported.evse.connector_id) == (
        TransactionEvent.UPDATED,
        "",
        2,
        0,
    )
    assert (reported.meter_values[0].energy_wh, reported.HasField("seq_no")) == (2, False)


@pytest.mark.parametrize("evse_id", [-1, 2**31, 2**63])
async def test_readings_of_an_evse_that_cannot_be_are_answered_and_kept(platform: Platform, evse_id: int) -> None:
    entries = [{"timestamp": STAMP, "sampledValue": [{"value": 1500}]}]
    assert await ask("MeterValues", {"evseId": evse_id, "meterValue": entries}, platform) == {}
    reported = platform.event
    assert (reported.evse.evse_id, reported.meter_values[0].energy_wh, flags_of(reported)) == (
        0,
        1500,
        ["coerced:evseId"],
    )
    assert await ask("MeterValues", {"evseId": evse_id, "meterValue": []}, platform) == {}
    assert len(platform.events) == 1


async def test_readings_that_are_none_are_acknowledged_and_not_recorded(platform: Platform) -> None:
    assert await ask("MeterValues", {"evseId": 0, "meterValue": []}, platform) == {}
    assert platform.events == []


async def test_numbers_sent_as_text_are_understood_and_flagged(platform: Platform) -> None:
    payload = event(seqNo="3", meterValue=[{"timestamp": STAMP, "sampledValue": [{"value": "12.5"}]}])
    await ask("TransactionEvent", payload, platform)
    assert platform.event.meter_values[0].energy_wh == 12
    assert set(flags_of(platform.event)) == {"coerced:seqNo", "coerced:meterValue.sampledValue.value"}


@pytest.mark.parametrize("state", [ChargePointState.PENDING, ChargePointState.REJECTED])
async def test_a_station_that_is_not_accepted_may_not_report_sessions(
    platform: Platform, state: ChargePointState
) -> None:
    with pytest.raises(CallRefused) as refused:
        await ask("TransactionEvent", event(), platform, context(state))
    assert refused.value.fault is Fault.SECURITY


async def test_the_custom_data_of_vendors_is_no_offence(platform: Platform) -> None:
    custom = {"vendorId": "acme", "more": [1]}
    payload = event(customData=custom, transactionInfo={"transactionId": "T1", "customData": custom})
    assert await ask("TransactionEvent", payload, platform) == {}
    assert flags_of(platform.event) == []
