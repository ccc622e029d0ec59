"""Whole sessions over a real socket, against services of a few lines behind real gRPC."""

from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from csms.station.v1.charge_point_pb2 import ChargePoint
from csms.station.v1.connector_pb2 import Connector
from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from ocpp_edge.versions import Version
from tests.contract.ocpp_edge.edge import basic, until
from tests.contract.ocpp_edge.node import Charger, Node
from tests.contract.ocpp_edge.platform import Platform
from tests.fixtures.shorthand import flags_of

BOOT_16 = {"chargePointVendor": "Vendor", "chargePointModel": "Model", "iccid": ""}
BOOT_201 = {"reason": "PowerUp", "chargingStation": {"vendorName": "Vendor", "model": "Model"}}
START = {"connectorId": 1, "idTag": "card", "meterStart": 1000, "timestamp": "2026-03-01T12:00:00Z"}


def status(word: str, connector_id: int = 1) -> dict[str, Any]:
    return {"connectorId": connector_id, "errorCode": "NoError", "status": word}


def meter_values(value: str, transaction_id: int, unit: str = "Wh") -> dict[str, Any]:
    sampled = {"value": value, "unit": unit, "measurand": "Energy.Active.Import.Register"}
    entry = {"timestamp": "2026-03-01T12:30:00Z", "sampledValue": [sampled]}
    return {"connectorId": 1, "transactionId": transaction_id, "meterValue": [entry]}


async def test_a_whole_session_by_ocpp_1_6(node: Node, platform: Platform) -> None:
    async with node.charger() as charger:
        boot = await charger.ask("BootNotification", BOOT_16)
        assert (boot["status"], boot["interval"]) == ("Accepted", 120)
        for connector_id in (0, 1):
            assert await charger.ask("StatusNotification", status("Available", connector_id)) == {}
        assert await charger.ask("Authorize", {"idTag": "card"}) == {"idTagInfo": {"status": "Accepted"}}
        await charger.ask("StatusNotification", status("Preparing"))
        started = await charger.ask("StartTransaction", START)
        assert started == {"transactionId": 1000, "idTagInfo": {"status": "Accepted"}}
        await charger.ask("StatusNotification", status("Charging"))
        assert await charger.ask("MeterValues", meter_values("1500", 1000)) == {}
        assert "currentTime" in await charger.ask("Heartbeat", {})
        stop = {
            "transactionId": 1000,
            "meterStop": 2000,
            "timestamp": "2026-03-01T13:00:00Z",
            "reason": "EVDisconnected",
        }
        assert await charger.ask("StopTransaction", stop | {"idTag": "CARD"}) == {"idTagInfo": {"status": "Accepted"}}
        assert await charger.ask("DataTransfer", {"vendorId": "acme"}) == {"status": "UnknownVendorId"}

    kinds = [event.kind for event in platform.events]
    assert kinds == [TransactionEvent.STARTED, TransactionEvent.UPDATED, TransactionEvent.ENDED]
    assert {event.charge_point_id for event in platform.events} == {"CP1"}
    assert {event.station_id for event in platform.events} == {"station"}
    assert [event.ocpp_transaction_id for event in platform.events] == ["", "1000", "1000"]
    assert platform.events[1].meter_values[0].energy_wh == 1500
    assert [one.status for one in platform.statuses][-1] == Connector.CHARGING
    await until(lambda: platform.closed)


async def test_a_whole_session_by_ocpp_2_0_1(node: Node, platform: Platform) -> None:
    def event(kind: str, trigger: str, number: int, **fields: Any) -> dict[str, Any]:
        session = {"transactionId": "b6f7a1c2", **fields.pop("session", {})}
        said = {
            "eventType": kind,
            "triggerReason": trigger,
            "seqNo": number,
            "timestamp": f"2026-03-01T12:0{number}:00Z",
        }
        return {**said, "transactionInfo": session, **fields}

    token = {"idToken": "card", "type": "ISO14443"}
    value = {"timestamp": "2026-03-01T12:01:00Z", "sampledValue": [{"value": 1.5, "unitOfMeasure": {"unit": "kWh"}}]}
    async with node.charger(version=Version.V201) as charger:
        assert (await charger.ask("BootNotification", BOOT_201))["status"] == "Accepted"
        connector = {"timestamp": "2026-03-01T12:00:00Z", "connectorStatus": "Occupied", "evseId": 1, "connectorId": 1}
        assert await charger.ask("StatusNotification", connector) == {}
        assert await charger.ask("Authorize", {"idToken": token}) == {"idTokenInfo": {"status": "Accepted"}}
        begun = event("Started", "Authorized", 0, evse={"id": 1, "connectorId": 1}, idToken=token)
        assert await charger.ask("TransactionEvent", begun) == {"idTokenInfo": {"status": "Accepted"}}
        update = event("Updated", "MeterValuePeriodic", 1, meterValue=[value], session={"chargingState": "Charging"})
        assert await charger.ask("TransactionEvent", update) == {}
        assert await charger.ask("MeterValues", {"evseId": 1, "meterValue": [value]}) == {}
        assert "currentTime" in await charger.ask("Heartbeat", {})
        end = event("Ended", "EVDeparted", 2, session={"stoppedReason": "EVDisconnected"})
        assert await charger.ask("TransactionEvent", end) == {}
        report = {"requestId": 1, "generatedAt": "2026-03-01T12:00:00Z", "seqNo": 0}
        assert await charger.ask("NotifyReport", report) == {}

    started, updated, read, ended = platform.events
    assert (started.ocpp_transaction_id, started.seq_no, started.evse.evse_id, started.token.value) == (
        "b6f7a1c2",
        0,
        1,
        "CARD",
    )
    assert (updated.charging_state, updated.meter_values[0].energy_wh) == ("Charging", 1500)
    assert (read.ocpp_transaction_id, read.evse.evse_id) == ("", 1)
    assert (ended.stop_reason, ended.protocol) == ("EVDisconnected", "ocpp2.0.1")


@pytest.mark.parametrize(("tag", "word"), [("lost", "Blocked"), ("who", "Invalid")])
async def test_a_refused_token_gets_a_real_number(node: Node, tag: str, word: str) -> None:
    async with node.charger() as charger:
        answer = await charger.ask("StartTransaction", START | {"idTag": tag})
        assert answer == {"transactionId": 1000, "idTagInfo": {"status": word}}


async def test_a_start_that_is_sent_again_gets_its_number_again(node: Node) -> None:
    async with node.charger() as charger:
        first = await charger.ask("StartTransaction", START)
        assert await charger.ask("StartTransaction", START) == first
        assert (await charger.ask("StartTransaction", START | {"connectorId": 2})) != first
    async with node.charger() as charger:
        assert await charger.ask("StartTransaction", START, "another id") == first


@pytest.mark.parametrize(
    ("rpc", "action", "payload"),
    [
        ("ReportBoots", "BootNotification", BOOT_16),
        ("ReportStatuses", "StatusNotification", status("Available")),
        ("AuthorizeTokens", "Authorize", {"idTag": "CARD"}),
        ("AuthorizeTokens", "StartTransaction", START),
        ("RecordTransactionEvents", "StartTransaction", START),
        ("RecordTransactionEvents", "MeterValues", meter_values("1", 1)),
        (
            "RecordTransactionEvents",
            "StopTransaction",
            {"transactionId": 1, "meterStop": 2, "timestamp": "2026-03-01T12:00:00Z"},
        ),
    ],
)
async def test_what_is_not_stored_is_not_acknowledged_and_can_be_sent_again(
    node: Node, platform: Platform, rpc: str, action: str, payload: dict[str, Any]
) -> None:
    async with node.charger() as charger:
        platform.down = {rpc}
        kind, _, code, *_ = await charger.exchange(action, payload)
        assert (kind, code) == (4, "InternalError")
        platform.down = set()
        await charger.ask(action, payload)


async def test_heartbeats_need_nobody(node: Node, platform: Platform) -> None:
    async with node.charger() as charger:
        platform.down = {"ReportLiveness", "AppendBatches"}
        assert "currentTime" in await charger.ask("Heartbeat", {})


async def test_payloads_of_real_charge_points_are_forgiven(node: Node, platform: Platform) -> None:
    async with node.charger() as charger:
        bad = meter_values("1.5", 1000, unit="KWH")
        bad["transactionId"] = "1000"
        assert await charger.ask("MeterValues", bad) == {}
        kind, _, code, description, _ = await charger.exchange("MeterValues", {"connectorId": 1})
        assert (kind, code) == (4, "OccurenceConstraintViolation")
        assert description.startswith("meterValue")
    (event,) = platform.events
    assert (event.ocpp_transaction_id, event.meter_values[0].energy_wh) == ("1000", 1500)
    assert flags_of(event) == ["coerced:meterValue.sampledValue.unit", "coerced:transactionId"]


async def test_actions_that_are_not_handled_yet_are_not_pretended(node: Node) -> None:
    async with node.charger() as charger:
        assert (await charger.exchange("SignCertificate", {"csr": "x"}))[2] == "NotSupported"
        assert (await charger.exchange("MakeCoffee", {}))[2] == "NotImplemented"


async def test_a_pending_station_may_only_boot_until_it_is_accepted(node: Node, platform: Platform) -> None:
    platform.states["CP1"] = ChargePoint.PENDING
    async with node.charger(version=Version.V201) as charger:
        assert (await charger.ask("BootNotification", BOOT_201))["status"] == "Pending"
        assert (await charger.exchange("Heartbeat", {}))[2] == "SecurityError"
        platform.states["CP1"] = ChargePoint.ACCEPTED
        assert (await charger.ask("BootNotification", BOOT_201))["status"] == "Accepted"
        assert await charger.ask("Heartbeat", {})


async def test_a_rejected_charge_point_is_told_so(node: Node, platform: Platform) -> None:
    platform.states["CP1"] = ChargePoint.REJECTED
    async with node.charger() as charger:
        assert (await charger.ask("BootNotification", BOOT_16))["status"] == "Rejected"
        assert await charger.ask("Authorize", {"idTag": "CARD"}) == {"idTagInfo": {"status": "Invalid"}}


async def test_an_accepted_station_need_not_boot_again_after_it_lost_its_connection(
    node: Node, platform: Platform
) -> None:
    for _ in range(2):
        async with node.charger(version=Version.V201) as charger:
            assert await charger.ask("Heartbeat", {})
    assert platform.boots == []


async def test_the_platform_decides_who_comes_in(node: Node, platform: Platform) -> None:
    platform.unknown = {"STRANGER"}
    platform.passwords["SECRET"] = b"correct horse"
    headers = basic("SECRET", b"correct horse")
    async with node.charger("SECRET", additional_headers=headers) as charger:
        assert isinstance(charger, Charger)
    assert await _status_of(node, "STRANGER") == 404
    assert await _status_of(node, "SECRET", additional_headers=basic("SECRET", b"wrong")) == 401
    assert await _status_of(node, "SECRET") == 401
    platform.down = {"OpenConnections"}
    assert await _status_of(node, "CP1") == 503


async def _status_of(node: Node, identity: str, **options: Any) -> int:
    with pytest.raises(InvalidStatus) as refused:
        async with node.charger(identity, **options):
            pass
    return int(refused.value.response.status_code)


@pytest.mark.field_case("B1")
@pytest.mark.parametrize(("is_free", "status"), [(True, "Accepted"), (False, "Invalid")])
async def test_a_session_by_a_start_button(node: Node, platform: Platform, is_free: bool, status: str) -> None:
    platform.free |= {"CP1"} if is_free else set()
    nobody = {"idToken": "", "type": "NoAuthorization"}
    begun = {
        "eventType": "Started",
        "triggerReason": "Authorized",
        "seqNo": 0,
        "timestamp": "2026-03-01T12:00:00Z",
        "transactionInfo": {"transactionId": "b6f7a1c2"},
        "idToken": nobody,
    }
    async with node.charger(version=Version.V201) as charger:
        await charger.ask("BootNotification", BOOT_201)
        assert await charger.ask("Authorize", {"idToken": nobody}) == {"idTokenInfo": {"status": status}}
        assert await charger.ask("TransactionEvent", begun) == {"idTokenInfo": {"status": status}}
    (event,) = platform.events
    assert (event.token.value, event.token.type, event.driver_id) == ("", "NoAuthorization", "")


@pytest.mark.field_case("B10")
async def test_the_journal_says_why_a_good_card_is_refused(node: Node, platform: Platform) -> None:
    platform.states["CP1"] = ChargePoint.PENDING
    async with node.charger() as charger:
        assert (await charger.ask("BootNotification", BOOT_16))["status"] == "Pending"
        assert await charger.ask("Authorize", {"idTag": "card"}) == {"idTagInfo": {"status": "Invalid"}}
        assert "currentTime" in await charger.ask("Heartbeat", {})
    await until(lambda: len([one for one in platform.frames.values() if one.action == "Heartbeat"]) == 1)
    notes = {one.action: one.note for one in platform.frames.values()}
    assert notes["Authorize"] == "CHARGE_POINT_PENDING: The charge point is not accepted yet."
    assert notes["Heartbeat"] == notes["BootNotification"] == ""
