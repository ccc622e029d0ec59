"""Every scenario of the catalogue runs to its end against a central system that accepts what is valid."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from ocpp.exceptions import OCPPError
from ocpp.v16 import call

from simulator.scenario import SCENARIOS, Scenario
from simulator.simulate import Simulation, simulate
from simulator.transport import Endpoint
from tests.fixtures.tiny_csms import TinyCsms

# What the schemas forbid is refused by whoever checks them.
_REFUSED = {"numbers-as-strings"}
_RUNS = [
    pytest.param(scenario, protocol, id=f"{scenario.name}-{protocol}")
    for scenario in SCENARIOS.values()
    for protocol in scenario.protocols
    if scenario.name not in _REFUSED
]


def _simulation(csms: TinyCsms, scenario: Scenario, protocol: str) -> Simulation:
    return Simulation("CP001", protocol, Endpoint(csms.url), scenario, duration_seconds=0.1, quiet=True)


@pytest.mark.parametrize(("scenario", "protocol"), _RUNS)
async def test_a_scenario_runs_to_its_end(csms: TinyCsms, scenario: Scenario, protocol: str) -> None:
    assert await simulate(_simulation(csms, scenario, protocol)) == 0


@pytest.mark.parametrize("name", sorted(_REFUSED))
async def test_what_the_schema_forbids_is_told_by_the_verdict(csms: TinyCsms, name: str) -> None:
    assert await simulate(_simulation(csms, SCENARIOS[name], "1.6")) == 1


async def test_a_power_cut_continues_the_same_transaction_after_the_boot(csms: TinyCsms) -> None:
    await simulate(_simulation(csms, SCENARIOS["power-cut"], "1.6"))
    actions = csms.actions()
    second_boot = actions.index("BootNotification", 1)
    assert actions.index("StartTransaction") < second_boot < actions.index("StopTransaction")
    assert csms.payloads("StopTransaction")[0]["transactionId"] == 1


async def test_a_reversed_replay_tells_the_end_first(csms: TinyCsms) -> None:
    await simulate(_simulation(csms, SCENARIOS["reversed-replay"], "2.0.1"))
    kinds = [each["eventType"] for each in csms.payloads("TransactionEvent")]
    assert (kinds[0], kinds[-1]) == ("Ended", "Started")


async def test_an_abandoned_transaction_is_followed_by_another(csms: TinyCsms) -> None:
    await simulate(_simulation(csms, SCENARIOS["unfinished"], "1.6"))
    assert len(csms.payloads("StartTransaction")) == 2
    assert [each["transactionId"] for each in csms.payloads("StopTransaction")] == [2]


async def test_a_late_sample_names_the_ended_transaction_after_the_next_boot(csms: TinyCsms) -> None:
    await simulate(_simulation(csms, SCENARIOS["late-meter-values"], "1.6"))
    assert csms.calls[-1].action == "MeterValues"
    assert csms.calls[-1].payload["transactionId"] == 1
    assert csms.calls[-1].connection == 2


async def test_two_calls_are_in_flight_at_once(csms: TinyCsms) -> None:
    await simulate(_simulation(csms, SCENARIOS["two-calls-in-flight"], "1.6"))
    assert {each["connectorId"] for each in csms.payloads("StartTransaction")} == {1, 2}
    assert {each["transactionId"] for each in csms.payloads("StopTransaction")} == {1, 2}


async def test_ids_begin_again_on_each_connection(csms: TinyCsms) -> None:
    scenario = SCENARIOS["reconnect-storm"]
    repeated = Scenario("both", "", scenario.script, prepare=SCENARIOS["repeated-ids"].prepare)
    await simulate(_simulation(csms, repeated, "1.6"))
    assert [call.message_id for call in csms.calls].count("1") > 1


async def test_a_clock_that_was_never_set_says_1970(csms: TinyCsms) -> None:
    await simulate(_simulation(csms, SCENARIOS["clock-1970"], "1.6"))
    assert csms.payloads("StartTransaction")[0]["timestamp"].startswith("1970-01-01")


async def _while_obeying(csms: TinyCsms, name: str, command: Callable[[], Awaitable[Any]]) -> Any:
    """Run a command while a scenario obeys, once the station is in service."""
    run = asyncio.create_task(simulate(replace(_simulation(csms, SCENARIOS[name], "1.6"), duration_seconds=1.5)))
    try:
        await csms.until(lambda: csms.actions().count("StatusNotification") == 3)
        return await command()
    finally:
        assert await run == 0


async def test_a_silent_station_does_what_it_is_told_without_a_word(csms: TinyCsms) -> None:
    async def command() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(csms.send("CP001", call.TriggerMessage("Heartbeat")), 0.5)

    await _while_obeying(csms, "silent", command)
    assert "Heartbeat" in csms.actions()
    assert csms.results == []


async def test_odd_errors_have_no_description(csms: TinyCsms) -> None:
    async def command() -> None:
        with pytest.raises(OCPPError):
            await csms.send("CP001", call.GetConfiguration())

    await _while_obeying(csms, "odd-errors", command)
    assert csms.results[0][2:] == ["GenericError", "", {}]


async def test_invalid_answers_break_the_schema(csms: TinyCsms) -> None:
    async def command() -> None:
        with pytest.raises(OCPPError):
            await csms.send("CP001", call.ClearCache())

    await _while_obeying(csms, "invalid-answers", command)
    assert csms.results[0][2] == {"status": "Perhaps", "extra": 1}


async def test_a_remote_start_is_answered_after_the_stations_own_authorize(csms: TinyCsms) -> None:
    async def command() -> Any:
        return await csms.send("CP001", call.RemoteStartTransaction("TAG"))

    answer = await _while_obeying(csms, "authorize-first", command)
    assert answer.status == "Accepted"
    assert csms.order.index("Authorize") < csms.order.index("answer")
