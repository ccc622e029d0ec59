"""What is switched off for a charge point is taken as the specification says; what is valid is never judged."""

import asyncio
from datetime import timedelta
from typing import Any

import orjson
import pytest

from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.device_clock import iso_text
from ocpp_edge.quirks import Forgiving, Profile
from ocpp_edge.rpc.calls import Failed, FailureReason, Refused
from ocpp_edge.rpc.events import Event, Resolved, UnknownAnswer
from ocpp_edge.rpc.frames import Call, parse
from ocpp_edge.rpc.router import RouteTable
from ocpp_edge.rpc.session import Session
from ocpp_edge.v16 import routes as v16
from ocpp_edge.v21 import routes as v21
from ocpp_edge.v201 import routes as v201
from ocpp_edge.versions import Version
from services.kernel.quirks import GROUPS, QUIRKS, Quirk
from services.kernel.quirks.frames import ERROR_WITHOUT_ID, SHORT_ERROR
from services.kernel.quirks.readings import DECIMAL_COMMA, UNIT_SPELLING, VALUE_WITH_UNIT
from services.kernel.quirks.times import CLOCK_CORRECTED, LOOSE_TIME, TIME_WITHOUT_ZONE
from tests.fixtures.shorthand import flags_of
from tests.unit.ocpp_edge.platform import NOW, Platform

TABLES: dict[Version, RouteTable[Any]] = {
    Version.V16: v16.route_table(),
    Version.V201: v201.route_table(),
    Version.V21: v21.route_table(),
}
STAMP = "2026-03-01T11:59:30Z"
START = {"connectorId": 1, "idTag": "CARD", "meterStart": 0, "timestamp": STAMP}


class Strict(Forgiving):
    """Fails when somebody asks for leniency."""

    __slots__ = ()

    def __call__(self, quirk: Quirk) -> bool:
        raise AssertionError(f"{quirk.id} is asked for")


def without(*quirks: Quirk) -> Forgiving:
    return Forgiving(Profile("Tested", off=tuple(quirk.id for quirk in quirks)))


def reported(
    action: str, payload: Any, forgives: Forgiving, version: Version = Version.V16, times: int = 1
) -> Platform:
    """What the platform is told when the same message comes so often."""
    platform = Platform()
    peer = ChargerContext("CP1", version, epoch=7, received_time=NOW, forgives=forgives)
    raw = orjson.dumps([2, "1", action, payload])
    for _ in range(times):
        call = parse(raw, version, forgives)
        assert isinstance(call, Call)
        asyncio.run(TABLES[version].dispatch(call.action, call.payload, peer, platform))
    return platform


def reading(value: str, unit: str = "Wh") -> dict[str, Any]:
    sample = {"value": value, "unit": unit}
    return {"connectorId": 1, "transactionId": 7, "meterValue": [{"timestamp": STAMP, "sampledValue": [sample]}]}


@pytest.mark.parametrize(
    ("version", "action", "payload"),
    [
        (Version.V16, "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}),
        (Version.V16, "Heartbeat", {}),
        (Version.V16, "StartTransaction", START),
        (Version.V16, "MeterValues", reading("1500")),
        (Version.V16, "MeterValues", {"connectorId": 1, "meterValue": reading("1500")["meterValue"]}),
        (Version.V16, "StopTransaction", {"transactionId": 7, "meterStop": 1, "timestamp": STAMP}),
        (Version.V16, "StatusNotification", {"connectorId": 1, "status": "Available", "errorCode": "NoError"}),
        (
            Version.V201,
            "TransactionEvent",
            {
                "eventType": "Started",
                "timestamp": STAMP,
                "triggerReason": "CablePluggedIn",
                "seqNo": 0,
                "transactionInfo": {"transactionId": "T1"},
                "meterValue": [{"timestamp": STAMP, "sampledValue": [{"value": 1.5}]}],
            },
        ),
        (
            Version.V21,
            "TransactionEvent",
            {
                "eventType": "Ended",
                "timestamp": STAMP,
                "triggerReason": "CostLimitReached",
                "seqNo": 2,
                "idToken": {"idToken": "X" * 200, "type": "AcmePass"},
                "transactionInfo": {"transactionId": "T1", "transactionLimit": {"maxCost": 9.5}},
                "preconditioningStatus": "Ready",
            },
        ),
        (Version.V21, "ClearedChargingLimit", {"chargingLimitSource": "DSO-7"}),
    ],
)
def test_a_valid_message_never_asks_for_leniency(version: Version, action: str, payload: Any) -> None:
    reported(action, payload, Strict(), version)


def test_every_rule_of_the_edge_that_can_be_switched_off_is_tried_here() -> None:
    tried = {
        *(DECIMAL_COMMA, UNIT_SPELLING, VALUE_WITH_UNIT, LOOSE_TIME, TIME_WITHOUT_ZONE, CLOCK_CORRECTED),
        *(ERROR_WITHOUT_ID, SHORT_ERROR),
    }
    assert {quirk for quirk in QUIRKS.values() if quirk.needed is None and quirk not in GROUPS["Asking"]} == tried


@pytest.mark.parametrize(
    ("quirk", "payload", "energy_wh", "flag"),
    [
        (DECIMAL_COMMA, reading("1500,0"), 1500, "unreadable_value"),
        (UNIT_SPELLING, reading("1500", "Watt hours"), 1500, "unknown_unit"),
        (VALUE_WITH_UNIT, reading("1.5 kWh"), 1500, "unreadable_value"),
    ],
)
def test_a_value_that_is_not_forgiven_is_kept_unread(quirk: Quirk, payload: Any, energy_wh: int, flag: str) -> None:
    (forgiven,) = reported("MeterValues", payload, without()).event.meter_values
    assert forgiven.energy_wh == energy_wh
    strict = reported("MeterValues", payload, without(quirk)).event
    (kept,) = strict.meter_values
    assert not kept.HasField("energy_wh")
    assert orjson.loads(kept.other_json) == payload["meterValue"][0]["sampledValue"]
    assert flag in flags_of(strict)


@pytest.mark.parametrize(
    ("quirk", "stamp"), [(LOOSE_TIME, "2026/03/01 11:59:30 UTC"), (TIME_WITHOUT_ZONE, "2026-03-01T11:59:30")]
)
def test_a_time_that_is_not_forgiven_is_unreadable_and_kept(quirk: Quirk, stamp: str) -> None:
    payload = {**START, "timestamp": stamp}
    assert (
        iso_text(reported("StartTransaction", payload, without()).event.device_time.ToDatetime())
        == f"{STAMP[:-1]}.000Z"
    )
    strict = reported("StartTransaction", payload, without(quirk)).event
    assert not strict.HasField("device_time")
    assert (strict.stamp, flags_of(strict)) == (stamp, ["time_unreadable"])


def test_a_clock_that_is_not_corrected_is_taken_at_its_word() -> None:
    ahead = {**START, "timestamp": iso_text(NOW + timedelta(hours=2))}
    corrected = reported("StartTransaction", ahead, without()).event
    assert flags_of(corrected) == ["clock_corrected"]
    strict = reported("StartTransaction", ahead, without(CLOCK_CORRECTED)).event
    assert not strict.flags
    assert not strict.HasField("corrected_time")
    assert strict.device_time.seconds == int((NOW + timedelta(hours=2)).timestamp())


def test_a_clock_that_counts_from_the_start_is_no_clock_when_it_is_not_corrected() -> None:
    event = reported("StartTransaction", {**START, "timestamp": "1970-01-01T00:05:00Z"}, without(CLOCK_CORRECTED)).event
    assert flags_of(event) == ["time_implausible"]
    assert not event.HasField("device_time")


def answered(raw: bytes, forgives: Forgiving) -> Event:
    """What comes of an answer while a call waits."""
    session = Session(Version.V16, forgives)
    session.call("c1", "Reset", {}, response_timeout=30, expires_at=30)
    session.next_call(0)
    return session.receive(raw, 1)


def test_an_error_without_an_id_answers_nothing_when_it_is_not_forgiven() -> None:
    raw = b'[4,"-1","GenericError","",{}]'
    assert isinstance(answered(raw, without()), Resolved)
    assert isinstance(answered(raw, without(ERROR_WITHOUT_ID)), UnknownAnswer)


def test_a_short_error_is_no_message_when_it_is_not_forgiven() -> None:
    raw = b'[4,"c1","GenericError"]'
    forgiven, strict = answered(raw, without()), answered(raw, without(SHORT_ERROR))
    assert isinstance(forgiven, Resolved)
    assert isinstance(forgiven.outcome, Refused)
    assert isinstance(strict, Resolved)
    assert strict.outcome == Failed(FailureReason.UNREADABLE)
