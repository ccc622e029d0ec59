"""Whatever is broken in the messages of a session, it starts and ends, and its registers are read right."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from ocpp_edge.facts.device_clock import TIME_MISSING, DeviceClock
from ocpp_edge.facts.transaction_facts import DETAILS_UNREAD
from ocpp_edge.rpc.frames import Call, parse
from ocpp_edge.rpc.router import RouteTable
from ocpp_edge.v2 import samples as v201_samples
from ocpp_edge.v16 import routes as v16
from ocpp_edge.v16 import samples as v16_samples
from ocpp_edge.v21 import routes as v21
from ocpp_edge.v201 import routes as v201
from ocpp_edge.versions import Version
from services.kernel.quirks import of_flag
from tests.fixtures.broken_transactions import NAME, NUMBER, START_WH, STOP_WH, Reported, broken_transactions
from tests.fixtures.properties import examples
from tests.fixtures.shorthand import flags_of
from tests.unit.ocpp_edge.platform import Platform, context

pytestmark = pytest.mark.field_case("A2", "A3", "B2")

TABLES: dict[Version, RouteTable[Any]] = {
    Version.V16: v16.route_table(),
    Version.V201: v201.route_table(),
    Version.V21: v21.route_table(),
}


async def events_of(reported: Reported) -> list[TransactionEvent]:
    """What the platform is told; fails when a message is refused."""
    platform, peer = Platform(), context(reported.version)
    for message in reported.messages:
        call = parse(message.frame, reported.version, peer.forgives)
        assert isinstance(call, Call), reported.breaks
        peer.received_time, peer.frame_flags = message.received_time, call.flags
        await TABLES[reported.version].dispatch(call.action, call.payload, peer, platform)
    return platform.events


@pytest.mark.parametrize("version", TABLES)
@settings(max_examples=examples(2), suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_a_session_starts_and_ends_at_its_registers_whatever_is_broken(version: Version, data: st.DataObject) -> None:
    reported = data.draw(broken_transactions(version))
    events = asyncio.run(events_of(reported))
    assert events[0].kind == TransactionEvent.STARTED, reported.breaks
    assert events[-1].kind == TransactionEvent.ENDED, reported.breaks
    assert {event.kind for event in events[1:-1]} == {TransactionEvent.UPDATED}, reported.breaks
    names = {event.ocpp_transaction_id for event in events[1:]} - {""}
    assert names <= {str(NUMBER), NAME}, reported.breaks
    for event in events:
        lost = any(flag.startswith("dropped:") or flag == "unexpected_fields" for flag in flags_of(event))
        assert not lost or event.dropped_json, reported.breaks
        assert all(map(of_flag, flags_of(event))), reported.breaks
    registers = {value.energy_wh for event in events for value in event.meter_values if value.HasField("energy_wh")}
    registers |= {event.meter_wh for event in events if event.HasField("meter_wh")}
    assert registers == {START_WH, STOP_WH}, reported.breaks


STAMP = "2026-03-01T11:59:30Z"
START = {"connectorId": 1, "idTag": "CARD", "meterStart": 7, "timestamp": STAMP}
STOP = {"transactionId": 42, "meterStop": 9, "timestamp": STAMP}
OVER = {"transactionId": "T1", "stoppedReason": "Remote"}
ENDED = {"eventType": "Ended", "timestamp": STAMP, "triggerReason": "EVDeparted", "seqNo": 1, "transactionInfo": OVER}


def entries(value: Any) -> list[dict[str, Any]]:
    return [{"timestamp": STAMP, "sampledValue": [{"value": value}]}]


def defect(entries: Any, *_: Any) -> tuple[list[Any], set[str]]:
    """As `readings_of`, which cannot cope with any."""
    if entries:
        raise ZeroDivisionError
    return [], set()


@pytest.mark.parametrize(
    ("version", "action", "payload", "details"),
    [
        (Version.V16, "StopTransaction", STOP, {"transactionData": entries("9"), "reason": "Local"}),
        (Version.V16, "MeterValues", {"connectorId": 1, "transactionId": 42}, {"meterValue": entries("9")}),
        (Version.V201, "MeterValues", {"evseId": 1}, {"meterValue": entries(9)}),
        (Version.V201, "TransactionEvent", ENDED, {"meterValue": entries(9), "offline": True}),
    ],
)
async def test_not_even_a_defect_of_ours_is_the_answer_to_a_session(
    version: Version, action: str, payload: dict[str, Any], details: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (v16_samples, v201_samples):
        monkeypatch.setattr(module, "readings_of", defect)
    platform = Platform()
    assert await TABLES[version].dispatch(action, payload | details, context(version), platform) == {}
    event = platform.event
    assert DETAILS_UNREAD in flags_of(event)
    assert orjson.loads(event.dropped_json).items() >= details.items()
    expected = {"StopTransaction": ("42", 9), "TransactionEvent": ("T1", 0)}
    named = "42" if "transactionId" in payload else ""
    assert (event.ocpp_transaction_id, event.meter_wh) == expected.get(action, (named, 0))


async def test_a_start_whose_stamp_makes_us_fail_is_one_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    platform, peer = Platform(), context()
    now = peer.clock.moment("", peer.received_time)
    monkeypatch.setattr(DeviceClock, "moment", lambda _, text, __: 1 / 0 if text else now)
    assert (await TABLES[Version.V16].dispatch("StartTransaction", START, peer, platform))["transactionId"] == 42
    event = platform.event
    assert (event.token.value, event.meter_wh) == ("CARD", 7)
    assert {DETAILS_UNREAD, TIME_MISSING} <= {*flags_of(event)}
    assert orjson.loads(event.dropped_json) == {"timestamp": STAMP}


@pytest.mark.parametrize("sampled", [7, None, "n/a", True])
@pytest.mark.parametrize(
    ("version", "place"), [(Version.V16, {"connectorId": 1, "transactionId": 42}), (Version.V201, {"evseId": 1})]
)
async def test_readings_that_nobody_can_read_were_told_at_their_time_all_the_same(
    version: Version, place: dict[str, Any], sampled: Any
) -> None:
    platform, values = Platform(), [{"timestamp": STAMP, "sampledValue": sampled}]
    await TABLES[version].dispatch("MeterValues", {**place, "meterValue": values}, context(version), platform)
    [event] = platform.events
    assert event.device_time.ToDatetime(UTC) == datetime.fromisoformat(STAMP)
    assert (flags_of(event), list(event.meter_values)) == (["dropped:meterValue"], [])
    assert orjson.loads(event.dropped_json) == {"meterValue[0]": values[0]}
