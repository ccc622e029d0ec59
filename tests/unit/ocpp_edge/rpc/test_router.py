"""Who may ask for what: unknown, unsupported, not yet accepted, badly formed."""

import pytest

from ocpp_edge.facts.context import ChargePointState, ChargerContext
from ocpp_edge.rpc.errors import CallRefused, Fault
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.rpc.router import InvalidAnswer, RouteTable
from ocpp_edge.versions import Version
from tests.unit.ocpp_edge.harness import Backend, data_transfer, heartbeat, stream, table

_BOOT_16 = {"chargePointVendor": "v", "chargePointModel": "m"}
_BOOT_2X = {"reason": "PowerUp", "chargingStation": {"vendorName": "v", "model": "m"}}


async def dispatch(
    action: str,
    payload: Payload | None = None,
    version: Version = Version.V16,
    state: ChargePointState = ChargePointState.ACCEPTED,
    solicited: str | None = None,
) -> Payload:
    context = ChargerContext("CP1", version, epoch=1, state=state)
    if solicited:
        context.solicit(solicited)
    return await table(version).dispatch(action, payload or {}, context, Backend())


async def refusal(action: str, payload: Payload | None = None, **situation: object) -> Fault:
    with pytest.raises(CallRefused) as refused:
        await dispatch(action, payload, **situation)  # type: ignore[arg-type]
    return refused.value.fault


async def test_a_routed_request_is_handled() -> None:
    assert "currentTime" in await dispatch("Heartbeat")


async def test_an_unheard_of_action_is_not_implemented() -> None:
    assert await refusal("MakeCoffee") is Fault.UNKNOWN_ACTION
    assert await refusal("TransactionEvent") is Fault.UNKNOWN_ACTION


@pytest.mark.parametrize("action", ["StatusNotification", "RemoteStartTransaction"])
async def test_an_action_of_the_version_without_a_route_is_not_supported(action: str) -> None:
    assert await refusal(action) is Fault.UNSUPPORTED_ACTION


async def test_a_bad_payload_does_not_reach_the_handler() -> None:
    assert await refusal("Heartbeat", {"x": 1}) is Fault.FORMAT


async def test_an_answer_that_breaks_its_schema_does_not_leave_the_house() -> None:
    with pytest.raises(InvalidAnswer, match="DataTransfer: status"):
        await dispatch("DataTransfer", {"vendorId": "invalid"})


@pytest.mark.parametrize("version", [Version.V201, Version.V21])
@pytest.mark.parametrize("state", [ChargePointState.PENDING, ChargePointState.REJECTED])
async def test_a_2x_station_that_is_not_accepted_may_only_boot(version: Version, state: ChargePointState) -> None:
    assert await refusal("Heartbeat", version=version, state=state) is Fault.SECURITY
    assert await refusal("MakeCoffee", version=version, state=state) is Fault.SECURITY
    assert (await dispatch("BootNotification", _BOOT_2X, version, state))["status"] == "Accepted"


async def test_a_pending_2x_station_may_send_what_it_was_asked_for() -> None:
    pending, rejected = ChargePointState.PENDING, ChargePointState.REJECTED
    assert await dispatch("Heartbeat", version=Version.V201, state=pending, solicited="Heartbeat")
    assert await refusal("Heartbeat", version=Version.V201, state=rejected, solicited="Heartbeat") is Fault.SECURITY


@pytest.mark.parametrize("state", [ChargePointState.PENDING, ChargePointState.REJECTED])
async def test_a_1_6_station_that_is_not_accepted_is_answered_all_the_same(state: ChargePointState) -> None:
    assert await dispatch("Heartbeat", state=state)
    assert await dispatch("BootNotification", _BOOT_16, state=state)


async def test_a_send_is_checked_and_handled_without_an_answer() -> None:
    backend, context = Backend(), ChargerContext("CP1", Version.V21, epoch=1, message_id="m")
    payload = {"id": 1, "pending": 0, "basetime": "2026-03-01T12:00:00Z", "data": [{"t": 0, "v": "1"}]}
    routes = table(Version.V21)
    await routes.notify("NotifyPeriodicEventStream", payload, context, backend)
    assert backend.handled == ["m"]
    with pytest.raises(CallRefused):
        await routes.notify("NotifyPeriodicEventStream", {}, context, backend)
    with pytest.raises(CallRefused):
        await routes.notify("Heartbeat", {}, context, backend)


def test_a_table_cannot_route_what_the_version_lacks() -> None:
    with pytest.raises(ValueError, match="TransactionEvent"):
        RouteTable(Version.V16, {"TransactionEvent": data_transfer})
    with pytest.raises(ValueError, match="NotifyPeriodicEventStream"):
        RouteTable(Version.V21, {"NotifyPeriodicEventStream": heartbeat})
    with pytest.raises(ValueError, match="Heartbeat"):
        RouteTable(Version.V21, {}, {"Heartbeat": stream})
