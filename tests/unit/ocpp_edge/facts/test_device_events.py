"""Notifications whose answer is empty: kept as facts before they are answered, in every version."""

from typing import Any

import orjson
import pytest

from csms.station.v1.connector_pb2 import Connector
from ocpp_edge.backend.device_events import DeviceEvents
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.leniency import rules
from ocpp_edge.overload import Level, Overload
from ocpp_edge.rpc.schemas import load
from ocpp_edge.v16 import routes as v16
from ocpp_edge.v21 import routes as v21
from ocpp_edge.v201 import routes as v201
from ocpp_edge.versions import Version
from services.kernel.errors import DomainError, unavailable
from tests.fixtures.shorthand import flags_of
from tests.unit.ocpp_edge.notifications import EVENT, NOTIFICATIONS, STAMP
from tests.unit.ocpp_edge.platform import NOW, Platform, context

TABLES = {Version.V16: v16.route_table(), Version.V201: v201.route_table(), Version.V21: v21.route_table()}
STAMPED = {"security_event", "variable", "report", "monitoring_report", "customer_information"}
pytestmark = pytest.mark.field_case("B11")


@pytest.fixture
def platform() -> Platform:
    return Platform()


async def ask(
    version: Version, action: str, payload: Any, platform: Platform, peer: ChargerContext | None = None
) -> Any:
    return await TABLES[version].dispatch(action, payload, peer or context(version), platform)


# What has an empty answer and is not about notifying: ours to ask, or told by other ways.
OTHERS = {"UpdateFirmware", "CostUpdated", "MeterValues", "StatusNotification"}


@pytest.mark.parametrize("version", [Version.V16, Version.V201])
def test_every_message_whose_answer_is_empty_is_a_notification(version: Version) -> None:
    empty = {
        action
        for action, schema in load(version).responses.items()
        if not schema.definition.get("properties", {}).keys() - {"customData"}
    }
    assert empty - OTHERS == {action for reported, action, *_ in NOTIFICATIONS if reported is version}
    assert empty - OTHERS <= rules.NOTIFICATIONS


@pytest.mark.parametrize(("version", "action", "payload", "kind", "fields"), NOTIFICATIONS)
async def test_a_notification_is_kept_and_then_answered(
    platform: Platform, version: Version, action: str, payload: dict[str, Any], kind: str, fields: dict[str, Any]
) -> None:
    peer = context(version)
    peer.message_id = "m1"
    assert await ask(version, action, payload, platform, peer) == {}
    (event,) = platform.device_events
    assert (event.kind, event.action, event.protocol) == (kind, action, version.subprotocol)
    assert (event.charge_point_id, event.epoch, event.message_id) == ("CP1", 7, "m1")
    assert {name: getattr(event, name) for name in fields} == fields
    assert orjson.loads(event.payload_json) == (EVENT if action == "NotifyEvent" else payload)
    assert event.received_time.ToDatetime(tzinfo=NOW.tzinfo) == NOW
    assert event.HasField("device_time") == (kind in STAMPED)
    assert flags_of(event) == []
    if kind in STAMPED:
        assert event.device_time.ToJsonString() == event.time.ToJsonString() == STAMP


@pytest.mark.parametrize(("version", "action", "payload", "kind", "fields"), NOTIFICATIONS)
async def test_what_is_not_kept_is_not_answered(
    platform: Platform, version: Version, action: str, payload: dict[str, Any], kind: str, fields: dict[str, Any]
) -> None:
    platform.down["record_device_events"] = unavailable("the station service is down")
    with pytest.raises(DomainError):
        await ask(version, action, payload, platform)


@pytest.mark.parametrize(("version", "action", "payload", "kind", "fields"), NOTIFICATIONS)
async def test_whatever_is_left_of_a_notification_is_kept(
    platform: Platform, version: Version, action: str, payload: dict[str, Any], kind: str, fields: dict[str, Any]
) -> None:
    remains = [{name: left} for name, left in payload.items()]
    for remnant in remains:
        assert await ask(version, action, remnant | {"acme": {"x": 1}}, platform) == {}
    assert len(platform.device_events) == len(remains)
    for event in platform.device_events:
        assert (event.kind, event.action) == (kind, action)
        assert orjson.loads(event.dropped_json) == {"acme": {"x": 1}}
        assert "unexpected_fields" in flags_of(event)


async def test_a_word_that_ocpp_does_not_have_is_kept_as_it_was_said(platform: Platform) -> None:
    assert await ask(Version.V16, "FirmwareStatusNotification", {"status": "Rebooting"}, platform) == {}
    assert platform.device_events[0].status == "Rebooting"


async def test_each_variable_of_a_message_is_an_event(platform: Platform) -> None:
    later = EVENT | {"eventId": 8, "timestamp": "2026-03-01T11:59:40Z", "cleared": True}
    payload = {"generatedAt": STAMP, "seqNo": 0, "eventData": [EVENT, later]}
    await ask(Version.V201, "NotifyEvent", payload, platform)
    assert [event.time.ToJsonString() for event in platform.device_events] == [STAMP, "2026-03-01T11:59:40Z"]
    assert [event.info for event in platform.device_events] == ["T1, hot", "T1, hot, cleared"]


async def test_a_secret_is_in_no_event(platform: Platform) -> None:
    secret = EVENT | {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}
    secret["actualValue"] = "0123456789abcdef"
    await ask(Version.V201, "NotifyEvent", {"generatedAt": STAMP, "seqNo": 0, "eventData": [secret]}, platform)
    attribute = {"type": "Actual", "value": "0123456789abcdef"}
    reported = {"component": secret["component"], "variable": secret["variable"], "variableAttribute": [attribute]}
    report = {"requestId": 1, "generatedAt": STAMP, "seqNo": 0, "reportData": [reported]}
    await ask(Version.V201, "NotifyReport", report, platform)
    assert len(platform.device_events) == 2
    assert "0123456789abcdef" not in str(platform.device_events)


def available(component: dict[str, Any], value: str = "Occupied") -> dict[str, Any]:
    return EVENT | {"component": component, "variable": {"name": "AvailabilityState"}, "actualValue": value}


@pytest.mark.parametrize(
    ("entry", "place", "status", "said"),
    [
        (available({"name": "Connector", "evse": {"id": 2, "connectorId": 1}}), (2, 1), Connector.OCCUPIED, ""),
        (available({"name": "ChargingStation"}, "Faulted"), (0, 0), Connector.FAULTED, ""),
        # The station service knows its connectors.
        (available({"name": "EVSE", "evse": {"id": 2}}, "Reserved"), (2, 0), Connector.RESERVED, ""),
        (
            available({"name": "Connector", "evse": {"id": 1, "connectorId": 2}}, "Asleep"),
            (1, 2),
            Connector.STATUS_UNSPECIFIED,
            "Asleep",
        ),
    ],
)
async def test_what_a_connector_is_doing_is_a_status_as_well(
    platform: Platform,
    entry: dict[str, Any],
    place: tuple[int, int],
    status: Connector.Status.ValueType,
    said: str,
) -> None:
    await ask(Version.V201, "NotifyEvent", {"generatedAt": STAMP, "seqNo": 0, "eventData": [entry, EVENT]}, platform)
    (report,) = platform.statuses
    assert (report.evse.evse_id, report.evse.connector_id) == place
    assert (report.status, report.reported_status) == (status, said)
    assert report.device_time.ToJsonString() == STAMP
    assert len(platform.device_events) == 2


async def test_events_are_refused_while_transactions_wait() -> None:
    kept: list[Any] = []

    async def submit(event: Any) -> None:
        kept.append(event)

    overload = Overload()
    events = DeviceEvents(submit, overload)
    await events.record(["a", "b"])  # type: ignore[list-item]  # whatever they are
    overload.level = Level.STATUSES
    with pytest.raises(DomainError) as refused:
        await events.record(["c"])  # type: ignore[list-item]
    assert (kept, refused.value.reason) == (["a", "b"], "QUEUE_FULL")
