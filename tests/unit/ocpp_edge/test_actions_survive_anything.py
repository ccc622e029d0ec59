"""Whatever a charge point puts into a payload, it gets a valid answer or a refusal; no handler falls over it."""

import asyncio
import copy
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocpp_edge.rpc.errors import CallRefused
from ocpp_edge.rpc.router import RouteTable
from ocpp_edge.v16 import routes as v16
from ocpp_edge.v21 import routes as v21
from ocpp_edge.v201 import routes as v201
from ocpp_edge.versions import Version
from tests.fixtures.properties import examples
from tests.unit.ocpp_edge.notifications import NOTIFICATIONS
from tests.unit.ocpp_edge.platform import Platform, context

STAMP = "2026-03-01T11:59:30Z"
SAMPLED_16 = {
    "value": "1500",
    "unit": "Wh",
    "measurand": "Energy.Active.Import.Register",
    "phase": "L1",
    "context": "Sample.Periodic",
    "location": "Outlet",
    "format": "Raw",
}
SAMPLED_201 = {
    "value": 1.5,
    "measurand": "Power.Active.Import",
    "phase": "L2",
    "unitOfMeasure": {"unit": "kW", "multiplier": 0},
    "signedMeterValue": {"signedMeterData": "A", "signingMethod": "", "encodingMethod": "", "publicKey": ""},
}
ENTRY_16 = {"timestamp": STAMP, "sampledValue": [SAMPLED_16, {"value": "45", "measurand": "SoC"}]}
ENTRY_201 = {"timestamp": STAMP, "sampledValue": [SAMPLED_201, {"value": 45, "measurand": "SoC"}]}
TOKEN = {"idToken": "CARD", "type": "ISO14443"}
PAYLOADS: list[tuple[Version, str, dict[str, Any]]] = [
    *((version, action, payload) for version, action, payload, _, _ in NOTIFICATIONS),
    (Version.V16, "Authorize", {"idTag": "CARD"}),
    (Version.V16, "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M", "iccid": "1"}),
    (Version.V16, "DataTransfer", {"vendorId": "acme", "messageId": "m", "data": "d"}),
    (Version.V16, "Heartbeat", {}),
    (Version.V16, "MeterValues", {"connectorId": 1, "transactionId": 42, "meterValue": [ENTRY_16, ENTRY_16]}),
    (
        Version.V16,
        "StartTransaction",
        {"connectorId": 1, "idTag": "CARD", "meterStart": 1000, "timestamp": STAMP, "reservationId": 1},
    ),
    (Version.V16, "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available", "info": "i"}),
    (
        Version.V16,
        "StopTransaction",
        {
            "transactionId": 42,
            "idTag": "CARD",
            "meterStop": 1500,
            "timestamp": STAMP,
            "reason": "Local",
            "transactionData": [ENTRY_16],
        },
    ),
    (Version.V201, "Authorize", {"idToken": TOKEN}),
    (
        Version.V201,
        "BootNotification",
        {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M", "modem": {"iccid": "1"}}},
    ),
    (Version.V201, "DataTransfer", {"vendorId": "acme", "data": {"a": 1}}),
    (Version.V201, "Heartbeat", {}),
    (Version.V201, "MeterValues", {"evseId": 1, "meterValue": [ENTRY_201]}),
    (Version.V201, "NotifyReport", {"requestId": 1, "generatedAt": STAMP, "seqNo": 0}),
    (
        Version.V201,
        "StatusNotification",
        {"timestamp": STAMP, "connectorStatus": "Occupied", "evseId": 1, "connectorId": 1},
    ),
    (
        Version.V201,
        "TransactionEvent",
        {
            "eventType": "Started",
            "timestamp": STAMP,
            "triggerReason": "Authorized",
            "seqNo": 0,
            "offline": False,
            "evse": {"id": 1, "connectorId": 1},
            "idToken": TOKEN,
            "reservationId": 1,
            "transactionInfo": {"transactionId": "T1", "chargingState": "Charging", "remoteStartId": 5},
            "meterValue": [ENTRY_201],
        },
    ),
]
COSTS = {
    "totalCost": {"currency": "EUR", "typeOfCost": "NormalCost", "total": {"exclTax": 1.5}},
    "totalUsage": {"energy": 3.2, "chargingTime": 60, "idleTime": 0},
}
LIMITED = {"operationMode": "ChargingOnly", "tariffId": "t", "transactionLimit": {"maxCost": 9.5, "maxSoC": 80}}
PAYLOADS += [(Version.V21, action, payload) for version, action, payload in PAYLOADS[-8:]]
PAYLOADS.append(
    (
        Version.V21,
        "TransactionEvent",
        PAYLOADS[-1][2]
        | {"transactionInfo": {"transactionId": "T1", **LIMITED}}
        | {"costDetails": COSTS, "preconditioningStatus": "Ready", "evseSleep": False, "numberOfPhasesUsed": 3},
    )
)
TABLES: dict[Version, RouteTable[Any]] = {
    Version.V16: v16.route_table(),
    Version.V201: v201.route_table(),
    Version.V21: v21.route_table(),
}

_NASTY: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(
            "",
            "0",
            "-1",
            "1e999",
            "NaN",
            "12,5",
            "Wh",
            "1970-01-01T00:00:00",
            "9999-12-31T23:59:59-12:00",
            "\ud7ff" * 3,
        ),
        *(
            0,
            -1,
            1.5,
            2**31,
            -(2**63),
            2**63,
            1e308,
            -0.0,
            True,
            False,
            None,
            [],
            {},
            [[]],
            {"id": None},
            ["x"],
            "x" * 300,
        ),
    ]
)
_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=6,
)


def _places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The way to everything inside a payload."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, part in inside for place in ((*path, key), *_places(part, (*path, key)))]


@st.composite
def damaged(draw: st.DrawFn) -> tuple[Version, str, dict[str, Any]]:
    """A payload of a session with some of it replaced, removed or added to."""
    version, action, payload = draw(st.sampled_from(PAYLOADS))
    return version, action, damaged_copy(draw, payload)


def damaged_copy(draw: st.DrawFn, payload: dict[str, Any]) -> dict[str, Any]:
    """A payload with some of it replaced, removed or added to."""
    payload = copy.deepcopy(payload)
    for _ in range(draw(st.integers(1, 4))):
        places = _places(payload)
        if not places or draw(st.integers(0, 9)) == 0:
            payload[draw(st.text(min_size=1, max_size=10))] = draw(_JSON)
            continue
        *parents, last = draw(st.sampled_from(places))
        holder: Any = payload
        for step in parents:
            holder = holder[step]
        if draw(st.integers(0, 3)) == 0:
            del holder[last]
        else:
            holder[last] = copy.deepcopy(draw(_NASTY | _JSON))
    return payload


@settings(max_examples=examples(4), suppress_health_check=[HealthCheck.too_slow])
@given(damaged())
def test_no_payload_makes_a_handler_fall_over(said: tuple[Version, str, dict[str, Any]]) -> None:
    version, action, payload = said
    platform, peer = Platform(), context(version)
    with suppress(CallRefused):
        asyncio.run(TABLES[version].dispatch(action, payload, peer, platform))
    for event in platform.events:
        assert event.SerializeToString()
        assert event.HasField("received_time")


def test_an_undamaged_payload_is_answered() -> None:
    for version, action, payload in PAYLOADS:
        platform, peer = Platform(), context(version)
        asyncio.run(TABLES[version].dispatch(action, payload, peer, platform))
        assert all(not event.flags for event in platform.events)
