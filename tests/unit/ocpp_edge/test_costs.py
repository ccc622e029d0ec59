"""What a broken message costs the loop that all charge points share. CPU time, the least of several tries."""

import gc
import time
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
import pytest

from ocpp_edge.facts.redaction import redacted_frame
from ocpp_edge.quirks import Forgiving
from ocpp_edge.rpc.errors import CallRefused
from ocpp_edge.rpc.frames import Call, parse
from ocpp_edge.rpc.router import RouteTable
from ocpp_edge.v16 import routes as v16
from ocpp_edge.v201 import routes as v201
from ocpp_edge.versions import Version
from tests.unit.ocpp_edge.platform import Platform, context

STAMP = "2026-03-01T11:59:30Z"
STOP = {"transactionId": 42, "meterStop": 2500, "timestamp": STAMP}
ENDED = {
    "eventType": "Ended",
    "timestamp": STAMP,
    "triggerReason": "EVDeparted",
    "seqNo": 9,
    "transactionInfo": {"transactionId": "T1"},
}
TABLES: dict[Version, RouteTable[Any]] = {Version.V16: v16.route_table(), Version.V201: v201.route_table()}


def handled(version: Version, raw: bytes) -> Platform | CallRefused:
    """From the frame to the event that is recorded, or to what the charge point is refused with."""
    platform = Platform()
    message = parse(raw, version, Forgiving())
    assert isinstance(message, Call)
    handling: Coroutine[Any, Any, Any] = TABLES[version].dispatch(
        message.action, message.payload, context(version), platform
    )
    try:
        # Nothing waits here, and a loop would cost more than what is measured.
        handling.send(None)
    except CallRefused as refused:
        return refused
    except StopIteration:
        return platform
    raise AssertionError("the handler waits for something")


def cpu_seconds(work: Callable[[], object], tries: int = 7) -> float:
    spent = []
    # What the tests before have left is not to be looked through.
    gc.freeze()
    try:
        for _ in range(tries):
            before = time.thread_time()
            work()
            spent.append(time.thread_time() - before)
    finally:
        gc.unfreeze()
    return min(spent)


def reference() -> int:
    """Work that takes about 9 ms where the bounds were measured."""
    total, seen = 0, dict[int, tuple[int, int]]()
    for number in range(100_000):
        seen[number & 255] = number, total
        total += len(seen)
    return total


def bound(seconds: float) -> float:
    """So many seconds, and more in proportion on a machine that is slow or busy."""
    return seconds * max(1.0, cpu_seconds(reference) / 0.009)


def stop(*sampled: Any) -> tuple[Version, bytes]:
    data = [{"timestamp": STAMP, "sampledValue": [*sampled, {"value": "2500", "context": "Transaction.End"}]}]
    return Version.V16, orjson.dumps([2, "1", "StopTransaction", STOP | {"transactionData": data}])


def ended(*sampled: Any) -> tuple[Version, bytes]:
    values = [{"timestamp": STAMP, "sampledValue": [*sampled, {"value": 2500, "context": "Transaction.End"}]}]
    return Version.V201, orjson.dumps([2, "1", "TransactionEvent", ENDED | {"meterValue": values}])


@pytest.mark.field_case("A2")
@pytest.mark.parametrize(
    ("version", "raw"),
    [
        stop(*[None] * 2000),
        stop(*[{"measurand": "Voltage"}] * 2000),
        stop(*[{"value": "230", "measurand": "Voltage", "phase": {"a": 1}}] * 2000),
        stop(*[{"value": "230", "measurand": "Voltage", "x": 1}] * 2000),
        stop(*[{"value": "230", "measurand": f"Voltage.{number}"} for number in range(2000)]),
        stop(*[{"value": "230", "measurand": "Voltage", "unit": f"V{number}"} for number in range(2000)]),
        ended(*[{}] * 2000),
        ended(*[{"value": 230, "measurand": "Voltage", "unitOfMeasure": [5]}] * 2000),
        ended(*[{"value": 230, "measurand": "Voltage", "unitOfMeasure": {"unit": "V", "multiplier": 0.0}}] * 2000),
        ended(*[{"value": 1, "signedMeterValue": {"signedMeterData": []}}] * 2000),
    ],
    ids=["null", "no value", "phase", "unknown", "words", "units", "201 empty", "201 unit", "201 double", "201 signed"],
)
def test_2000_broken_parts_cost_less_than_20_ms(version: Version, raw: bytes) -> None:
    platform = handled(version, raw)
    assert isinstance(platform, Platform)
    assert 2500 in [value.energy_wh for value in platform.event.meter_values] or platform.event.meter_wh == 2500
    assert cpu_seconds(lambda: handled(version, raw)) < bound(0.020)


@pytest.mark.field_case("E4")
@pytest.mark.parametrize("action", ["Heartbeat", "StopTransaction", "StatusNotification", "DataTransfer"])
def test_30000_unknown_properties_are_refused_for_about_what_it_costs_to_parse_them(action: str) -> None:
    raw = orjson.dumps([2, "1", action, STOP | {f"x{number}": number for number in range(30_000)}])
    refused = handled(Version.V16, raw)
    assert isinstance(refused, CallRefused)
    assert refused.description == "payload: has too many properties that are not expected"
    assert cpu_seconds(lambda: handled(Version.V16, raw)) < 3 * cpu_seconds(lambda: orjson.loads(raw)) + bound(0.002)


@pytest.mark.field_case("E4")
def test_30000_unknown_properties_inside_cost_no_more_and_do_not_keep_a_session_from_ending() -> None:
    version, raw = stop({"value": "1"} | {f"x{number}": number for number in range(30_000)})
    platform = handled(version, raw)
    assert isinstance(platform, Platform)
    assert platform.event.meter_wh == 2500
    assert cpu_seconds(lambda: handled(version, raw)) < 3 * cpu_seconds(lambda: orjson.loads(raw)) + bound(0.002)


@pytest.mark.field_case("E4")
def test_30000_unknown_properties_are_looked_through_for_secrets_at_once() -> None:
    unknown = {f"x{number}": number for number in range(30_000)}
    raw = orjson.dumps([2, "1", "NotifyEvent", {"generatedAt": STAMP, "seqNo": 0, "eventData": [unknown]}])
    assert redacted_frame(raw, "NotifyEvent") is raw
    assert cpu_seconds(lambda: redacted_frame(raw, "NotifyEvent")) < bound(0.025)
