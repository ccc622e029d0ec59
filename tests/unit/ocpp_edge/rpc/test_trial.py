"""Whether a version that was chosen among several gets anywhere."""

from typing import Any

import pytest

from ocpp_edge.admission.refusal import RefusalNote
from ocpp_edge.facts.context import ChargePointState
from ocpp_edge.rpc.calls import Refused, Result
from ocpp_edge.versions import Version
from services.kernel.refusal import Rule
from tests.unit.ocpp_edge.harness import Bench, data_call, heartbeat_call

pytestmark = pytest.mark.field_case("B7")

BOTH = ("ocpp2.0.1", "ocpp1.6")
BOOT = [2, "b", "BootNotification", {"chargingStation": {"vendorName": "A", "model": "B"}, "reason": "PowerUp"}]
BAD_BOOT = [2, "b", "BootNotification", {"chargePointVendor": "A", "chargePointModel": "B"}]


def bench(offers: tuple[str, ...] = BOTH, state: ChargePointState = ChargePointState.ACCEPTED) -> Bench:
    return Bench(Version.V201, state, offers=offers)


async def verdict(one: Bench, *messages: Any, seconds: float = 10) -> list[RefusalNote]:
    """What is told of a connection that says this and is lost after so many seconds."""
    for message in messages:
        one.receive(*message)
        await one.settle()
    one.time.now += seconds
    await one.end()
    return one.refusals


async def test_one_that_says_nothing_gets_nowhere() -> None:
    [note] = await verdict(bench(), seconds=300)
    assert (note.identity, note.rule, note.offers) == ("CP1", Rule.VERSION_GETS_NOWHERE, BOTH)
    assert "by ocpp2.0.1" in note.reason
    assert "it said nothing" in note.reason
    assert "offers ocpp1.6 as well" in note.reason


async def test_one_that_is_not_understood_gets_nowhere() -> None:
    [note] = await verdict(bench(), BAD_BOOT, BAD_BOOT, seconds=300)
    assert "2 messages were not understood" in note.reason


async def test_one_that_leaves_after_its_boot_gets_nowhere() -> None:
    [note] = await verdict(bench(), BOOT, heartbeat_call("1"), seconds=10)
    assert "left after 10 s" in note.reason


async def test_one_that_stays_open_and_is_never_understood_is_told_of_while_it_lasts_once() -> None:
    one = bench()
    one.receive(*BAD_BOOT)
    await one.settle()
    one.pass_time(60)
    assert one.refusals == []
    one.pass_time(70)
    one.pass_time(70)
    assert [note.rule for note in one.refusals] == [Rule.VERSION_GETS_NOWHERE]
    await one.end()
    assert len(one.refusals) == 1


async def test_one_that_answers_our_calls_with_what_it_does_not_know_gets_nowhere() -> None:
    one = bench()
    one.connection._trial.answered(Refused("NotSupported", "", {}))  # type: ignore[union-attr]
    [note] = await verdict(one, BOOT, seconds=300)
    assert "1 messages were not understood" in note.reason


@pytest.mark.parametrize(
    "messages", [[BOOT, data_call("1", "v")], [data_call("1", "v")], [BAD_BOOT, data_call("1", "v")]]
)
async def test_one_that_gets_on_is_well(messages: list[Any]) -> None:
    assert await verdict(bench(), *messages, seconds=1) == []


async def test_one_that_answers_our_calls_is_well() -> None:
    one = bench()
    one.connection._trial.answered(Result({}))  # type: ignore[union-attr]
    assert await verdict(one, seconds=1) == []


async def test_one_that_is_idle_for_long_is_well() -> None:
    assert await verdict(bench(), BOOT, heartbeat_call("1"), seconds=3600) == []


@pytest.mark.parametrize("offers", [("ocpp2.0.1",), (), ("ocpp2.1", "ocpp2.0.1")])
async def test_of_one_that_offers_nothing_else_or_is_pinned_nothing_is_told(offers: tuple[str, ...]) -> None:
    assert await verdict(bench(offers), BAD_BOOT, seconds=1) == []


async def test_that_a_charge_point_is_not_accepted_yet_says_nothing_about_its_version() -> None:
    one = bench(state=ChargePointState.PENDING)
    assert await verdict(one, data_call("1", "v"), seconds=300) == []


async def test_that_we_stop_says_nothing_about_its_version() -> None:
    one = bench()
    one.connection.retire()
    assert await verdict(one, seconds=1) == []
