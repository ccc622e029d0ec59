"""Fleets: stations with habits, sessions that take place offline, stations that leave for good."""

import asyncio
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from simulator import fleet_cli
from simulator.fleet import Fleet, FleetPlan, FleetReport
from simulator.ledger import Ledger, read_ledger
from simulator.scenario import SCENARIOS
from simulator.transport import Endpoint
from tests.fixtures.tiny_csms import TinyCsms


def plan(csms: TinyCsms, **changes: Any) -> FleetPlan:
    usual: dict[str, Any] = {
        "identities": ["CP1", "CP2"],
        "tags": ["TAG1", "TAG2"],
        "protocols": ["1.6", "2.0.1"],
        "endpoint": Endpoint(csms.url),
        "session_seconds": 1.0,
        "pause_seconds": 0.1,
        "sample_seconds": 1,
        "ramp_seconds": 0.1,
        "reconnect_seconds": 1.0,
    }
    return FleetPlan(**{**usual, **changes})


async def run_until(fleet: Fleet, condition: Any) -> FleetReport:
    """Let the fleet charge until the condition holds, then send it home."""
    running = asyncio.create_task(fleet.run())
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # the other end is a server that tells nobody
            await asyncio.sleep(0.02)
    fleet.stop()
    return await running


def stops(csms: TinyCsms, charge_point_id: str) -> list[Any]:
    ends = ("StopTransaction", "TransactionEvent")
    return [
        call
        for call in csms.calls
        if call.charge_point_id == charge_point_id
        and call.action in ends
        and call.payload.get("eventType", "Ended") == "Ended"
    ]


async def test_habits_are_dealt_out_to_the_stations_that_can_have_them(csms: TinyCsms) -> None:
    habits = [SCENARIOS["duplicate-stop"], SCENARIOS["seq-no-zero"]]
    fleet = Fleet(plan(csms, habits=habits), rng=random.Random(1))
    report = await run_until(fleet, lambda: len(stops(csms, "CP1")) >= 2 and len(stops(csms, "CP2")) >= 1)
    first, second, *_ = stops(csms, "CP1")
    assert first.payload == second.payload
    assert first.message_id != second.message_id
    numbers = {call.payload["seqNo"] for call in csms.calls if call.action == "TransactionEvent"}
    assert numbers == {0}
    assert (report.unsent, report.given_up) == (0, 0)


async def test_offline_sessions_are_all_told_afterwards_some_of_them_backwards(csms: TinyCsms, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with Ledger(path) as ledger:
        fleet = Fleet(plan(csms, offline_share=1.0, protocols=["2.0.1"]), ledger, random.Random(1))
        report = await run_until(fleet, lambda: len(stops(csms, "CP1")) >= 2 and len(stops(csms, "CP2")) >= 2)
    assert report.unsent == 0
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for entry in read_ledger(path):
        if entry.action == "TransactionEvent":
            kinds[entry.request["transactionInfo"]["transactionId"]].append(entry.request["eventType"])
    assert {("Started", "Ended"), ("Ended", "Started")} <= {(order[0], order[-1]) for order in kinds.values()}


async def test_a_station_that_retires_delivers_and_is_not_seen_again(csms: TinyCsms) -> None:
    fleet = Fleet(plan(csms, retire_seconds=0.001), rng=random.Random(1))
    report = await asyncio.wait_for(fleet.run(), 20)
    assert (report.connects, report.unsent) == (2, 0)
    assert all(station.link.session is None for station in fleet.stations)


async def test_a_power_cut_brings_a_boot_and_the_session_goes_on(csms: TinyCsms) -> None:
    expected = plan(csms, session_seconds=3.0, cut_seconds=0.5, power_cut_share=1.0, protocols=["2.0.1"])
    report = await run_until(Fleet(expected, rng=random.Random(1)), lambda: len(stops(csms, "CP1")) >= 1)
    first = stops(csms, "CP1")[0].payload["transactionInfo"]["transactionId"]
    events = [call for call in csms.calls if call.payload.get("transactionInfo", {}).get("transactionId") == first]
    boots = [call for call in csms.calls if call.action == "BootNotification" and call.charge_point_id == "CP1"]
    assert {"Started", "Ended"} <= {event.payload["eventType"] for event in events}
    assert len(boots) >= 2
    assert report.unsent == 0


@pytest.mark.parametrize("words", [["--habits", "offline-session"], ["--habits", "nonsense"], ["--offline", "1.5"]])
def test_what_is_no_habit_and_no_share_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        fleet_cli.main(words)
    assert refused.value.code == 2
