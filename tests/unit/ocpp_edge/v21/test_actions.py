"""What a charging station of OCPP 2.1 tells otherwise than one of 2.0.1, through the route table."""

from typing import Any

import orjson
import pytest

from csms.driver.v1.driver_pb2 import TokenDecision
from csms.station.v1.connector_pb2 import Connector
from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from ocpp_edge.facts.context import ChargePointState, ChargerContext
from ocpp_edge.rpc.errors import CallRefused, Fault
from ocpp_edge.rpc.schemas import load
from ocpp_edge.v2.routes import HANDLERS
from ocpp_edge.v21.routes import route_table
from ocpp_edge.v201 import routes as v201_routes
from ocpp_edge.versions import Version
from services.kernel.errors import DomainError, unavailable
from tests.fixtures.shorthand import flags_of
from tests.unit.ocpp_edge.platform import Platform
from tests.unit.ocpp_edge.platform import context as context_of
from tests.unit.ocpp_edge.v2.transaction_events import CARD, STAMP, event

ROUTES = route_table()
COSTS = {
    "totalCost": {"currency": "EUR", "typeOfCost": "NormalCost", "total": {"exclTax": 1.5}},
    "totalUsage": {"energy": 3.2, "chargingTime": 60, "idleTime": 0},
}


def context(state: ChargePointState = ChargePointState.ACCEPTED) -> ChargerContext:
    return context_of(Version.V21, state)


async def ask(action: str, payload: dict[str, Any], platform: Platform, peer: ChargerContext | None = None) -> Any:
    return await ROUTES.dispatch(action, payload, peer or context(), platform)


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.mark.parametrize("kind", ["DirectPayment", "VIN", "EVCCID", "AcmePass", ""])
async def test_the_type_of_a_token_is_free_text(platform: Platform, kind: str) -> None:
    platform.types[kind] = TokenDecision(status=TokenDecision.ACCEPTED)
    value = "X" * 255
    answer = await ask("TransactionEvent", event("Started", idToken={"idToken": value, "type": kind}), platform)
    assert answer == {"idTokenInfo": {"status": "Accepted"}}
    reported = platform.event
    assert (reported.token.value, reported.token.type, flags_of(reported)) == (value, kind, [])


async def test_a_group_is_told_to_a_station_that_has_room_for_it(platform: Platform) -> None:
    group, peer = "FLEET" * 20, context_of(Version.V201)
    platform.tokens["CARD"] = TokenDecision(status=TokenDecision.ACCEPTED, group_id=group)
    reported = {"status": "Accepted", "groupIdToken": {"idToken": group, "type": "Central"}}
    assert await ask("Authorize", {"idToken": CARD}, platform) == {"idTokenInfo": reported}
    answer = await v201_routes.route_table().dispatch("Authorize", {"idToken": CARD}, peer, platform)
    assert answer == {"idTokenInfo": {"status": "Accepted"}}


async def test_a_type_or_a_source_that_is_too_long_is_kept_whole(platform: Platform) -> None:
    kind = "a type of a token of 35 characters"
    await ask("TransactionEvent", event("Started", idToken={"idToken": "X", "type": kind}), platform)
    assert (platform.event.token.type, flags_of(platform.event)) == (kind, ["coerced:idToken.type"])
    source = "an energy manager in the cellar"
    await ask("ClearedChargingLimit", {"chargingLimitSource": source}, platform)
    await ask("NotifyChargingLimit", {"chargingLimit": {"chargingLimitSource": source}}, platform)
    assert [one.subject for one in platform.device_events] == [source, source]


async def test_where_a_limit_comes_from_is_free_text(platform: Platform) -> None:
    await ask("NotifyChargingLimit", {"chargingLimit": {"chargingLimitSource": "DSO-7"}}, platform)
    await ask("ClearedChargingLimit", {"chargingLimitSource": "DSO-7"}, platform)
    assert [(one.subject, flags_of(one)) for one in platform.device_events] == [("DSO-7", [])] * 2


async def test_what_an_event_has_no_field_for_goes_along_as_it_came(platform: Platform) -> None:
    limit = {"maxCost": 20.5, "maxEnergy": 10000}
    session = {"transactionId": "T1", "operationMode": "ChargingOnly", "tariffId": "t-1", "transactionLimit": limit}
    payload = event("Started", idToken=CARD, transactionInfo=session, costDetails=COSTS, evseSleep=False)
    answer = await ask("TransactionEvent", payload | {"preconditioningStatus": "Ready"}, platform)
    assert answer == {"idTokenInfo": {"status": "Accepted"}}
    reported = platform.event
    # There is nothing wrong with it: no doubt, no quirk.
    assert (reported.kind, reported.ocpp_transaction_id, flags_of(reported)) == (TransactionEvent.STARTED, "T1", [])
    assert orjson.loads(reported.dropped_json) == {
        "costDetails": COSTS,
        "preconditioningStatus": "Ready",
        "evseSleep": False,
        "transactionInfo.operationMode": "ChargingOnly",
        "transactionInfo.tariffId": "t-1",
        "transactionInfo.transactionLimit": limit,
    }


async def test_an_event_that_tells_nothing_new_has_nothing_beside_it(platform: Platform) -> None:
    await ask("TransactionEvent", event(), platform)
    assert (platform.event.dropped_json, platform.event.protocol) == ("", "ocpp2.1")


@pytest.mark.parametrize(
    "broken",
    [
        {"costDetails": {"totalCost": 7}},
        {"costDetails": None},
        {"preconditioningStatus": "Lukewarm"},
        {"evseSleep": []},
        {"evse": {"id": -1, "connectorId": -1}},
        {"reservationId": -1},
        {"numberOfPhasesUsed": 4},
        {"transactionInfo": {"transactionId": "T1", "transactionLimit": {"maxSoC": 101}}},
        {"transactionInfo": {"transactionId": "T1", "transactionLimit": "none", "operationMode": 3}},
    ],
)
async def test_nothing_that_came_with_2_1_refuses_an_event(platform: Platform, broken: dict[str, Any]) -> None:
    assert await ask("TransactionEvent", event("Ended", **broken), platform) == {}
    reported = platform.event
    assert (reported.kind, reported.ocpp_transaction_id) == (TransactionEvent.ENDED, "T1")
    assert flags_of(reported)
    # A null says no more than nothing does.
    assert bool(reported.dropped_json) == (broken != {"costDetails": None})


@pytest.mark.parametrize("reason", ["CostLimitReached", "LimitSet", "OperationModeChanged", "RunningCost", "TxResumed"])
async def test_reasons_that_came_with_2_1_are_words_like_others(platform: Platform, reason: str) -> None:
    over = {"transactionId": "T1", "stoppedReason": "ReqEnergyTransferRejected"}
    await ask("TransactionEvent", event("Ended", triggerReason=reason, transactionInfo=over), platform)
    reported = platform.event
    assert (reported.trigger_reason, reported.stop_reason, flags_of(reported)) == (
        reason,
        "ReqEnergyTransferRejected",
        [],
    )


async def test_measurands_and_proofs_are_those_of_2_1(platform: Platform) -> None:
    signed = {"signedMeterData": "A" * 30_000, "encodingMethod": "OCMF"}
    samples = [
        {"value": 1000, "signedMeterValue": signed},
        {"value": 80, "measurand": "Display.TargetSOC", "location": "Upstream"},
    ]
    await ask("TransactionEvent", event(meterValue=[{"timestamp": STAMP, "sampledValue": samples}]), platform)
    assert flags_of(platform.event) == []
    (value,) = platform.event.meter_values
    assert value.energy_wh == 1000
    assert orjson.loads(value.other_json) == samples[::-1]


def variable(name: str, value: str, component: str = "Connector", **place: int) -> dict[str, Any]:
    return {
        "eventId": 1,
        "timestamp": STAMP,
        "trigger": "Delta",
        "actualValue": value,
        "severity": 4,
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": component, "evse": place},
        "variable": {"name": name},
    }


async def test_a_status_by_event_alone_is_a_status(platform: Platform) -> None:
    reported = [
        variable("AvailabilityState", "Occupied", id=1, connectorId=1),
        variable("AvailabilityState", "Faulted", "EVSE", id=2),
        variable("Problem", "true", "EVSE", id=2),
    ]
    assert await ask("NotifyEvent", {"generatedAt": STAMP, "seqNo": 0, "eventData": reported}, platform) == {}
    assert [(one.evse.evse_id, one.evse.connector_id, one.status) for one in platform.statuses] == [
        (1, 1, Connector.OCCUPIED),
        (2, 0, Connector.FAULTED),
    ]
    assert [(one.subject, one.status, one.protocol) for one in platform.device_events] == [
        ("Connector.AvailabilityState", "Occupied", "ocpp2.1"),
        ("EVSE.AvailabilityState", "Faulted", "ocpp2.1"),
        ("EVSE.Problem", "true", "ocpp2.1"),
    ]


async def test_a_monitor_as_2_0_1_tells_it_is_kept(platform: Platform) -> None:
    monitor = {"id": 1, "transaction": False, "value": 1, "type": "Delta", "severity": 4}
    entry = {"component": {"name": "A"}, "variable": {"name": "B"}, "variableMonitoring": [monitor]}
    report = {"requestId": 1, "seqNo": 0, "generatedAt": STAMP, "monitor": [entry]}
    assert await ask("NotifyMonitoringReport", report, platform) == {}
    (reported,) = platform.device_events
    assert orjson.loads(reported.payload_json) == report
    assert flags_of(reported) == ["coerced:monitor.variableMonitoring.eventNotificationType"]


STREAM = {"id": 7, "pending": 2, "basetime": STAMP, "data": [{"t": 0, "v": "230.1"}, {"t": 1.5, "v": "230.4"}]}


async def test_values_of_a_stream_are_an_event(platform: Platform) -> None:
    peer = context()
    await ROUTES.notify("NotifyPeriodicEventStream", STREAM, peer, platform)
    await ROUTES.notify("NotifyPeriodicEventStream", {"data": [], "acme": 1}, peer, platform)
    whole, rest = platform.device_events
    assert (whole.kind, whole.action, whole.subject) == ("event_stream", "NotifyPeriodicEventStream", "7")
    assert (whole.time.ToJsonString(), flags_of(whole)) == (STAMP, [])
    assert orjson.loads(whole.payload_json) == STREAM
    assert (rest.subject, orjson.loads(rest.dropped_json)) == ("", {"acme": 1})


async def test_a_stream_is_of_one_that_is_accepted(platform: Platform) -> None:
    with pytest.raises(CallRefused) as refused:
        await ROUTES.notify("NotifyPeriodicEventStream", STREAM, context(ChargePointState.PENDING), platform)
    assert (refused.value.fault, platform.device_events) == (Fault.SECURITY, [])
    platform.down["record_device_events"] = unavailable("the station service is down")
    with pytest.raises(DomainError):
        await ROUTES.notify("NotifyPeriodicEventStream", STREAM, context(), platform)


def test_all_that_2_0_1_has_is_handled() -> None:
    stations = {action for action in load(Version.V201).requests if action in HANDLERS}
    assert stations == HANDLERS.keys()


@pytest.mark.parametrize("action", sorted(load(Version.V21).requests.keys() - HANDLERS.keys()))
async def test_what_nobody_handles_is_said_so(platform: Platform, action: str) -> None:
    """Blocks that came with 2.1 are not known here; of those of 2.0.1 a message is known and not taken."""
    with pytest.raises(CallRefused) as refused:
        await ask(action, {}, platform)
    is_new = action not in load(Version.V201).requests and action != "NotifyPeriodicEventStream"
    assert refused.value.fault is (Fault.UNKNOWN_ACTION if is_new else Fault.UNSUPPORTED_ACTION)
    assert action in refused.value.description
