"""Commands to a 1.6 charge point, each with the effect that it must have."""

import pytest
from ocpp.exceptions import NotImplementedError as OcppNotImplemented
from ocpp.v16 import call

from simulator.charge_point import ChargePoint
from simulator.configuration import Role
from tests.fixtures.tiny_csms import TinyCsms


@pytest.fixture
async def charging(csms: TinyCsms, station16: ChargePoint) -> ChargePoint:
    """A charge point with a transaction, number 1, that was started remotely on connector 1."""
    answer = await csms.send("CP001", call.RemoteStartTransaction(id_tag="TAG", connector_id=1))
    assert answer.status == "Accepted"
    await csms.until(lambda: _last_status(csms, 1) == "Charging")
    return station16


def _last_status(csms: TinyCsms, connector: int) -> str | None:
    reported = [each["status"] for each in csms.payloads("StatusNotification") if each["connectorId"] == connector]
    return reported[-1] if reported else None


async def _stopped(csms: TinyCsms) -> str:
    await csms.until(lambda: "StopTransaction" in csms.actions())
    reason: str = csms.payloads("StopTransaction")[0]["reason"]
    return reason


async def test_a_remote_start_authorizes_and_starts(csms: TinyCsms, charging: ChargePoint) -> None:
    assert csms.payloads("Authorize") == [{"idTag": "TAG"}]
    assert csms.payloads("StartTransaction")[0]["connectorId"] == 1
    assert len(charging.transactions()) == 1


async def test_a_remote_start_samples_the_meter(csms: TinyCsms, station16: ChargePoint) -> None:
    await csms.send("CP001", call.ChangeConfiguration("MeterValueSampleInterval", "1"))
    await csms.send("CP001", call.RemoteStartTransaction(id_tag="TAG"))
    await csms.until(lambda: "MeterValues" in csms.actions())
    assert csms.payloads("MeterValues")[0]["transactionId"] == 1


async def test_a_remote_start_asks_nobody_when_so_configured(csms: TinyCsms, station16: ChargePoint) -> None:
    await csms.send("CP001", call.ChangeConfiguration("AuthorizeRemoteTxRequests", "false"))
    await csms.send("CP001", call.RemoteStartTransaction(id_tag="TAG"))
    await csms.until(lambda: "StartTransaction" in csms.actions())
    assert "Authorize" not in csms.actions()


async def test_an_occupied_connector_refuses_a_remote_start(csms: TinyCsms, charging: ChargePoint) -> None:
    for connector in (1, 9):
        answer = await csms.send("CP001", call.RemoteStartTransaction(id_tag="TAG", connector_id=connector))
        assert answer.status == "Rejected"


async def test_a_remote_start_without_a_connector_takes_a_free_one(csms: TinyCsms, charging: ChargePoint) -> None:
    assert (await csms.send("CP001", call.RemoteStartTransaction(id_tag="TAG2"))).status == "Accepted"
    await csms.until(lambda: len(csms.payloads("StartTransaction")) == 2)
    assert csms.payloads("StartTransaction")[1]["connectorId"] == 2
    assert (await csms.send("CP001", call.RemoteStartTransaction(id_tag="TAG3"))).status == "Rejected"


async def test_a_remote_stop_ends_the_transaction(csms: TinyCsms, charging: ChargePoint) -> None:
    assert (await csms.send("CP001", call.RemoteStopTransaction(1))).status == "Accepted"
    assert await _stopped(csms) == "Remote"
    await csms.until(lambda: _last_status(csms, 1) == "Available")


async def test_an_unknown_transaction_cannot_be_stopped(csms: TinyCsms, charging: ChargePoint) -> None:
    assert (await csms.send("CP001", call.RemoteStopTransaction(77))).status == "Rejected"


@pytest.mark.parametrize(("kind", "reason"), [("Soft", "SoftReset"), ("Hard", "HardReset")])
async def test_a_reset_ends_the_transaction_reconnects_and_boots(
    csms: TinyCsms, charging: ChargePoint, kind: str, reason: str
) -> None:
    assert (await csms.send("CP001", call.Reset(kind))).status == "Accepted"
    assert await _stopped(csms) == reason
    await csms.until(lambda: len(csms.payloads("BootNotification")) == 2)
    assert csms.handshakes["CP001"] == 2
    await charging.ready(10)


async def test_unlocking_ends_the_transaction(csms: TinyCsms, charging: ChargePoint) -> None:
    assert (await csms.send("CP001", call.UnlockConnector(1))).status == "Unlocked"
    assert await _stopped(csms) == "UnlockCommand"
    assert (await csms.send("CP001", call.UnlockConnector(5))).status == "NotSupported"


async def test_a_free_connector_goes_out_of_service_at_once(csms: TinyCsms, station16: ChargePoint) -> None:
    assert (await csms.send("CP001", call.ChangeAvailability(2, "Inoperative"))).status == "Accepted"
    await csms.until(lambda: _last_status(csms, 2) == "Unavailable")
    assert (await csms.send("CP001", call.RemoteStartTransaction("TAG", 2))).status == "Rejected"
    assert (await csms.send("CP001", call.ChangeAvailability(2, "Operative"))).status == "Accepted"
    await csms.until(lambda: _last_status(csms, 2) == "Available")


async def test_a_charging_connector_goes_out_of_service_afterwards(csms: TinyCsms, charging: ChargePoint) -> None:
    assert (await csms.send("CP001", call.ChangeAvailability(0, "Inoperative"))).status == "Scheduled"
    await csms.until(lambda: _last_status(csms, 2) == "Unavailable")
    assert _last_status(csms, 1) == "Charging"
    await csms.send("CP001", call.RemoteStopTransaction(1))
    await csms.until(lambda: _last_status(csms, 1) == "Unavailable")


async def test_an_unknown_connector_cannot_change_its_availability(csms: TinyCsms, station16: ChargePoint) -> None:
    assert (await csms.send("CP001", call.ChangeAvailability(9, "Inoperative"))).status == "Rejected"


async def test_the_configuration_is_listed_and_secrets_are_not(csms: TinyCsms, station16: ChargePoint) -> None:
    listed = {each["key"]: each for each in (await csms.send("CP001", call.GetConfiguration())).configuration_key}
    assert listed["NumberOfConnectors"] == {"key": "NumberOfConnectors", "readonly": True, "value": "2"}
    assert "value" not in listed["AuthorizationKey"]
    answer = await csms.send("CP001", call.GetConfiguration(["HeartbeatInterval", "Nonsense"]))
    assert [each["key"] for each in answer.configuration_key] == ["HeartbeatInterval"]
    assert answer.unknown_key == ["Nonsense"]


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [
        ("MeterValueSampleInterval", "30", "Accepted"),
        ("MeterValueSampleInterval", "-1", "Rejected"),
        ("NumberOfConnectors", "3", "Rejected"),
        ("Nonsense", "1", "NotSupported"),
    ],
)
async def test_a_key_is_changed_by_its_rules(
    csms: TinyCsms, station16: ChargePoint, key: str, value: str, status: str
) -> None:
    assert (await csms.send("CP001", call.ChangeConfiguration(key, value))).status == status


async def test_the_heartbeat_interval_is_obeyed_at_once(csms: TinyCsms, station16: ChargePoint) -> None:
    await csms.send("CP001", call.ChangeConfiguration("HeartbeatInterval", "1"))
    await csms.until(lambda: csms.actions().count("Heartbeat") == 2)


async def test_only_the_measurands_that_are_configured_are_sent(csms: TinyCsms, charging: ChargePoint) -> None:
    await csms.send("CP001", call.ChangeConfiguration("MeterValuesSampledData", "Voltage,SoC"))
    await csms.send("CP001", call.TriggerMessage("MeterValues", 1))
    await csms.until(lambda: "MeterValues" in csms.actions())
    [value] = csms.payloads("MeterValues")[0]["meterValue"]
    assert [each["measurand"] for each in value["sampledValue"]] == ["Voltage", "SoC"]
    assert {each["context"] for each in value["sampledValue"]} == {"Trigger"}


@pytest.mark.parametrize(
    "action",
    [
        "BootNotification",
        "Heartbeat",
        "StatusNotification",
        "MeterValues",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
    ],
)
async def test_what_is_triggered_is_sent(csms: TinyCsms, station16: ChargePoint, action: str) -> None:
    before = csms.actions().count(action)
    assert (await csms.send("CP001", call.TriggerMessage(action))).status == "Accepted"
    await csms.until(lambda: csms.actions().count(action) > before)


async def test_an_unknown_connector_triggers_nothing(csms: TinyCsms, station16: ChargePoint) -> None:
    assert (await csms.send("CP001", call.TriggerMessage("MeterValues", 9))).status == "Rejected"


async def test_clearing_the_cache_forgets_the_cards(csms: TinyCsms, station16: ChargePoint) -> None:
    await station16.authorize("TAG")
    assert station16.known_tags == {"TAG": "Accepted"}
    assert (await csms.send("CP001", call.ClearCache())).status == "Accepted"
    assert station16.known_tags == {}
    station16.configuration.assign(Role.AUTHORIZATION_CACHE, "false")
    assert (await csms.send("CP001", call.ClearCache())).status == "Rejected"


async def test_data_of_its_own_vendor_is_echoed(csms: TinyCsms, station16: ChargePoint) -> None:
    answer = await csms.send("CP001", call.DataTransfer(vendor_id="CSMS", data="ping"))
    assert (answer.status, answer.data) == ("Accepted", "ping")
    assert (await csms.send("CP001", call.DataTransfer(vendor_id="Other"))).status == "UnknownVendorId"


async def test_what_it_cannot_do_is_answered_as_not_implemented(csms: TinyCsms, station16: ChargePoint) -> None:
    with pytest.raises(OcppNotImplemented):
        await csms.send("CP001", call.GetInstalledCertificateIds("ManufacturerRootCertificate"))
