"""Requests of OCPP 1.6 through the route table: what the platform is told, and what the charge point is."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from csms.driver.v1.driver_pb2 import TokenDecision
from csms.station.v1.charge_point_pb2 import ChargePoint
from csms.station.v1.connector_pb2 import Connector
from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from csms.transaction.v1.transaction_pb2 import Transaction
from ocpp_edge.facts.context import ChargePointState, ChargerContext
from ocpp_edge.facts.device_clock import iso_text
from ocpp_edge.v16.routes import HANDLERS, route_table
from services.kernel.errors import DomainError, unavailable
from tests.fixtures.shorthand import flags_of
from tests.unit.ocpp_edge.platform import NOW, Platform, context

ROUTES = route_table()
STAMP = "2026-03-01T11:59:30Z"
LONG_AGO = "2026-03-01T08:00:00Z"
START = {"connectorId": 2, "idTag": "card", "meterStart": 1000, "timestamp": STAMP}
STOP = {"transactionId": 42, "meterStop": 2500, "timestamp": STAMP}


async def ask(action: str, payload: dict[str, Any], platform: Platform, peer: ChargerContext | None = None) -> Any:
    return await ROUTES.dispatch(action, payload, peer or context(), platform)


@pytest.fixture
def platform() -> Platform:
    return Platform()


def test_every_action_that_is_not_for_certificates_has_its_handler() -> None:
    assert set(HANDLERS) == {
        "Authorize",
        "BootNotification",
        "DataTransfer",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "SecurityEventNotification",
        "SignedFirmwareStatusNotification",
        "StartTransaction",
        "StatusNotification",
        "StopTransaction",
    }


async def test_a_boot_is_reported_and_the_station_told_the_time(platform: Platform) -> None:
    peer = context(state=ChargePointState.PENDING)
    payload = {
        "chargePointVendor": "Vendor",
        "chargePointModel": "Model",
        "chargeBoxSerialNumber": "BOX1",
        "firmwareVersion": "1.0",
        "iccid": "",
        "imsi": "262",
    }
    assert await ask("BootNotification", payload, platform, peer) == {
        "status": "Accepted",
        "currentTime": "2026-03-01T12:00:00.000Z",
        "interval": 300,
    }
    (boot,) = platform.boots
    assert (boot.charge_point_id, boot.epoch, boot.vendor, boot.model) == ("CP1", 7, "Vendor", "Model")
    assert (boot.serial_number, boot.firmware_version, boot.iccid, boot.imsi) == ("BOX1", "1.0", "", "262")
    assert boot.received_time.ToJsonString() == "2026-03-01T12:00:00Z"
    assert (peer.state, peer.heartbeat_interval_seconds) == (ChargePointState.ACCEPTED, 300)


@pytest.mark.parametrize(
    ("state", "status", "kept"),
    [
        (ChargePoint.PENDING, "Pending", ChargePointState.PENDING),
        (ChargePoint.REJECTED, "Rejected", ChargePointState.REJECTED),
        (ChargePoint.STATE_UNSPECIFIED, "Pending", ChargePointState.PENDING),
    ],
)
async def test_a_boot_of_who_is_not_accepted_says_so(
    platform: Platform, state: ChargePoint.State.ValueType, status: str, kept: ChargePointState
) -> None:
    platform.state, peer = state, context()
    answer = await ask("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}, platform, peer)
    assert answer["status"] == status
    assert (peer.state, peer.heartbeat_interval_seconds) == (kept, 60)


async def test_a_boot_starts_the_clock_of_a_device_without_a_battery(platform: Platform) -> None:
    peer = context()
    await ask("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}, platform, peer)
    peer.received_time = NOW + timedelta(hours=1)
    await ask("StartTransaction", START | {"timestamp": "1970-01-01T00:10:00"}, platform, peer)
    assert platform.event.device_time.ToJsonString() == "1970-01-01T00:10:00Z"
    assert platform.event.corrected_time.ToJsonString() == "2026-03-01T12:10:00Z"
    assert flags_of(platform.event) == ["clock_corrected", "time_without_zone"]


async def test_a_heartbeat_is_answered_without_anybodys_help(platform: Platform) -> None:
    assert await ask("Heartbeat", {}, platform) == {"currentTime": "2026-03-01T12:00:00.000Z"}


async def test_no_vendors_private_messages_are_known(platform: Platform) -> None:
    assert await ask("DataTransfer", {"vendorId": "acme", "data": "x"}, platform) == {"status": "UnknownVendorId"}


@pytest.mark.parametrize(
    ("tag", "status"),
    [("card", "Accepted"), (" CARD ", "Accepted"), ("lost", "Blocked"), ("who", "Invalid"), ("", "Invalid")],
)
async def test_a_token_is_decided_about(platform: Platform, tag: str, status: str) -> None:
    assert await ask("Authorize", {"idTag": tag}, platform) == {"idTagInfo": {"status": status}}


async def test_a_charge_point_learns_the_expiry_and_the_parent_of_a_token(platform: Platform) -> None:
    decision = TokenDecision(status=TokenDecision.EXPIRED, group_id="FLEET")
    decision.expiry_time.FromDatetime(NOW)
    platform.tokens["OLD"] = decision
    expected = {"status": "Expired", "expiryDate": "2026-03-01T12:00:00.000Z", "parentIdTag": "FLEET"}
    assert await ask("Authorize", {"idTag": "old"}, platform) == {"idTagInfo": expected}
    decision.group_id = "A GROUP WITH A VERY LONG NAME"
    assert "parentIdTag" not in (await ask("Authorize", {"idTag": "old"}, platform))["idTagInfo"]


@pytest.mark.parametrize("state", [ChargePointState.PENDING, ChargePointState.REJECTED])
async def test_nobody_charges_at_a_charge_point_that_is_not_accepted(
    platform: Platform, state: ChargePointState
) -> None:
    peer = context(state=state)
    assert await ask("Authorize", {"idTag": "CARD"}, platform, peer) == {"idTagInfo": {"status": "Invalid"}}
    answer = await ask("StartTransaction", START, platform, peer)
    assert answer == {"transactionId": 42, "idTagInfo": {"status": "Invalid"}}
    assert platform.presented == []


async def test_a_start_is_recorded_and_numbered(platform: Platform) -> None:
    answer = await ask("StartTransaction", START | {"reservationId": 5}, platform)
    assert answer == {"transactionId": 42, "idTagInfo": {"status": "Accepted"}}
    event = platform.event
    assert (event.kind, event.protocol, event.ocpp_transaction_id) == (TransactionEvent.STARTED, "ocpp1.6", "")
    assert (event.charge_point_id, event.epoch, event.station_id) == ("CP1", 7, "s1")
    assert (event.evse.evse_id, event.evse.connector_id, event.token.value, event.driver_id) == (2, 2, "CARD", "d1")
    assert (event.authorization, event.meter_wh, event.reservation_id) == (Transaction.ACCEPTED, 1000, 5)
    assert event.device_time.ToJsonString() == STAMP
    assert not event.HasField("corrected_time")
    assert (event.offline, flags_of(event), event.HasField("seq_no")) == (False, [], False)


@pytest.mark.parametrize(
    ("tag", "status", "authorization"),
    [("lost", "Blocked", Transaction.BLOCKED), ("who", "Invalid", Transaction.INVALID)],
)
async def test_a_session_of_a_refused_token_gets_its_number_all_the_same(
    platform: Platform, tag: str, status: str, authorization: Transaction.Authorization.ValueType
) -> None:
    answer = await ask("StartTransaction", START | {"idTag": tag, "timestamp": LONG_AGO}, platform)
    assert answer == {"transactionId": 42, "idTagInfo": {"status": status}}
    assert (platform.event.authorization, platform.event.offline) == (authorization, True)


async def test_a_token_in_use_elsewhere_is_refused_by_the_record(platform: Platform) -> None:
    platform.concurrent = True
    assert (await ask("StartTransaction", START, platform))["idTagInfo"] == {"status": "ConcurrentTx"}


@pytest.mark.parametrize("method", ["authorize", "record"])
async def test_a_start_that_is_not_recorded_is_not_answered(platform: Platform, method: str) -> None:
    platform.down[method] = unavailable("the service is down")
    with pytest.raises(DomainError):
        await ask("StartTransaction", START, platform)


@pytest.mark.field_case("A2")
@pytest.mark.parametrize("field", ["connectorId", "meterStart", "reservationId"])
async def test_numbers_that_the_platform_cannot_hold_count_as_not_told_and_are_kept(
    platform: Platform, field: str
) -> None:
    answer = await ask("StartTransaction", START | {field: 2**63}, platform)
    assert answer["transactionId"] == 42
    assert flags_of(platform.event) == [f"coerced:{field}"]
    assert orjson.loads(platform.event.dropped_json) == {field: 2**63}


async def test_a_stop_is_recorded_with_its_readings(platform: Platform) -> None:
    sampled = [
        {"value": "1.0", "unit": "kWh", "context": "Transaction.Begin"},
        {"value": "2500", "context": "Transaction.End"},
    ]
    data = [{"timestamp": STAMP, "sampledValue": sampled}]
    assert await ask("StopTransaction", STOP | {"transactionData": data, "reason": "Remote"}, platform) == {}
    event = platform.event
    assert (event.kind, event.ocpp_transaction_id, event.meter_wh) == (TransactionEvent.ENDED, "42", 2500)
    assert (event.stop_reason, event.token.value, event.authorization) == ("Remote", "", 0)
    assert [(value.context, value.energy_wh) for value in event.meter_values] == [
        ("Transaction.Begin", 1000),
        ("Transaction.End", 2500),
    ]
    assert platform.presented == []


@pytest.mark.parametrize("reading", [[], [{"timestamp": STAMP, "sampledValue": []}]])
async def test_a_stop_without_a_reason_or_a_reading_is_a_local_one(platform: Platform, reading: list[Any]) -> None:
    await ask("StopTransaction", STOP | {"transactionData": reading}, platform)
    assert (platform.event.stop_reason, len(platform.event.meter_values)) == ("Local", 0)


async def test_the_token_that_stops_a_session_is_decided_about(platform: Platform) -> None:
    answer = await ask("StopTransaction", STOP | {"idTag": "Card"}, platform)
    assert answer == {"idTagInfo": {"status": "Accepted"}}
    assert (platform.event.token.value, platform.event.authorization) == ("CARD", Transaction.ACCEPTED)


async def test_a_stop_is_recorded_even_when_nobody_knows_its_token(platform: Platform) -> None:
    platform.down["authorize"] = unavailable("the driver service is down")
    assert await ask("StopTransaction", STOP | {"idTag": "Card"}, platform) == {}
    assert (platform.event.token.value, platform.event.authorization) == ("CARD", 0)


async def test_a_stop_that_is_not_recorded_is_not_answered(platform: Platform) -> None:
    platform.down["record"] = unavailable("the transaction service is down")
    with pytest.raises(DomainError):
        await ask("StopTransaction", STOP, platform)


@pytest.mark.parametrize("number", [0, -1])
async def test_a_stop_of_a_session_nobody_numbered_is_recorded(platform: Platform, number: int) -> None:
    assert await ask("StopTransaction", STOP | {"transactionId": number}, platform) == {}
    assert platform.event.ocpp_transaction_id == str(number)


def values(*sampled: dict[str, Any], **fields: Any) -> dict[str, Any]:
    entry = {"timestamp": STAMP, "sampledValue": list(sampled)}
    return {"connectorId": 2, "meterValue": [entry], **fields}


async def test_readings_of_a_session_are_recorded(platform: Platform) -> None:
    payload = values({"value": "1500"}, {"value": "7.2", "unit": "kW", "measurand": "Power.Active.Import"})
    assert await ask("MeterValues", payload | {"transactionId": 42}, platform) == {}
    event = platform.event
    assert (event.kind, event.ocpp_transaction_id) == (TransactionEvent.UPDATED, "42")
    assert (event.evse.evse_id, event.evse.connector_id, event.trigger_reason) == (2, 2, "")
    (value,) = event.meter_values
    assert (value.energy_wh, value.power_w, flags_of(event)) == (1500, 7200, [])
    assert event.device_time.ToJsonString() == STAMP


@pytest.mark.parametrize("number", [{}, {"transactionId": 0}, {"transactionId": -1}, {"transactionId": None}])
async def test_readings_of_no_session_are_recorded_for_their_connector(
    platform: Platform, number: dict[str, Any]
) -> None:
    sampled = {"value": "1500", "context": "Sample.Clock"}
    await ask("MeterValues", values(sampled, **number), platform)
    assert (platform.event.ocpp_transaction_id, platform.event.evse.connector_id) == ("", 2)
    assert platform.event.meter_values[0].context == "Sample.Clock"


@pytest.mark.parametrize("connector_id", [-1, 2**31, 2**63])
async def test_readings_of_a_connector_that_cannot_be_are_answered_and_kept(
    platform: Platform, connector_id: int
) -> None:
    payload = values({"value": "1500"}, transactionId=42) | {"connectorId": connector_id}
    assert await ask("MeterValues", payload, platform) == {}
    event = platform.event
    assert (event.ocpp_transaction_id, event.evse.evse_id, event.evse.connector_id) == ("42", 0, 0)
    assert (event.meter_values[0].energy_wh, flags_of(event)) == (1500, ["coerced:connectorId"])
    assert await ask("MeterValues", {"connectorId": connector_id, "meterValue": []}, platform) == {}
    assert len(platform.events) == 1


async def test_readings_that_are_none_are_acknowledged_and_not_recorded(platform: Platform) -> None:
    assert await ask("MeterValues", {"connectorId": 2, "meterValue": []}, platform) == {}
    assert await ask("MeterValues", values(), platform) == {}
    assert platform.events == []


async def test_coerced_and_doubtful_readings_carry_their_flags(platform: Platform) -> None:
    await ask("MeterValues", values({"value": 1.5, "unit": "KWH"}, transactionId="42"), platform)
    assert platform.event.meter_values[0].energy_wh == 1500
    assert set(flags_of(platform.event)) == {
        "coerced:transactionId",
        "coerced:meterValue.sampledValue.unit",
        "coerced:meterValue.sampledValue.value",
    }


async def test_flags_of_one_message_do_not_stick_to_the_next(platform: Platform) -> None:
    peer = context()
    await ask("MeterValues", values({"value": 1}), platform, peer)
    await ask("MeterValues", values({"value": "1"}), platform, peer)
    assert [bool(event.flags) for event in platform.events] == [True, False]


@pytest.mark.field_case("A7")
async def test_registers_are_handed_on_as_they_were_told(platform: Platform) -> None:
    peer = context()
    await ask("StartTransaction", START | {"meterStart": 4_076_000}, platform, peer)
    for reading in ({"value": "228"}, {"value": "4076353", "unit": "kWh"}):
        await ask("MeterValues", values(reading, transactionId=42), platform, peer)
    stopped = STOP | {"meterStop": 453, "transactionData": values({"value": "453"})["meterValue"]}
    await ask("StopTransaction", stopped, platform, peer)
    reported = [value.energy_wh for event in platform.events for value in event.meter_values]
    assert reported == [228, 4_076_353_000, 453]
    assert not any(event.flags for event in platform.events)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Available", Connector.AVAILABLE),
        ("Preparing", Connector.PREPARING),
        ("Charging", Connector.CHARGING),
        ("SuspendedEVSE", Connector.SUSPENDED_EVSE),
        ("SuspendedEV", Connector.SUSPENDED_EV),
        ("Finishing", Connector.FINISHING),
        ("Reserved", Connector.RESERVED),
        ("Unavailable", Connector.UNAVAILABLE),
        ("Faulted", Connector.FAULTED),
    ],
)
async def test_a_status_is_reported(platform: Platform, word: str, status: Connector.Status.ValueType) -> None:
    payload = {"connectorId": 2, "errorCode": "GroundFailure", "status": word, "info": "i", "vendorErrorCode": "v"}
    assert await ask("StatusNotification", payload, platform) == {}
    (report,) = platform.statuses
    assert (report.charge_point_id, report.epoch, report.evse.evse_id, report.evse.connector_id) == ("CP1", 7, 2, 2)
    assert (report.status, report.error_code, report.info, report.vendor_error_code) == (
        status,
        "GroundFailure",
        "i",
        "v",
    )
    assert not report.HasField("device_time")


async def test_a_status_is_reported_at_the_corrected_time(platform: Platform) -> None:
    payload = {"connectorId": 0, "errorCode": "NoError", "status": "Available"}
    await ask("StatusNotification", payload | {"timestamp": iso_text(NOW + timedelta(hours=1))}, platform)
    await ask("StatusNotification", payload | {"timestamp": ""}, platform)
    first, second = platform.statuses
    assert first.device_time.ToJsonString() == "2026-03-01T12:00:00Z"
    assert not second.HasField("device_time")
    assert (first.evse.evse_id, first.evse.connector_id) == (0, 0)


@pytest.mark.field_case("B2")
async def test_doubts_about_the_frame_are_flags_of_its_event(platform: Platform) -> None:
    peer = context()
    peer.frame_flags = ("bad_characters",)
    await ask("StopTransaction", STOP | {"reason": []}, platform, peer)
    assert flags_of(platform.event) == ["bad_characters", "dropped:reason"]
