"""Stations that misbehave on purpose do it on the wire, count it, and still tell all that they have to tell."""

import asyncio
import random
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ocpp.exceptions import OCPPError, UnknownCallErrorCodeError
from ocpp.v201 import call

from simulator.fleet import Fleet, FleetPlan
from simulator.ledger import Ledger, read_ledger
from simulator.misbehaviours import conduct
from simulator.misbehaviours.catalogue import MISBEHAVIOURS
from tests.contract.simulator.test_command_line import start
from tests.contract.simulator.test_fleet import plan, run_until, stops
from tests.fixtures.tiny_csms import TinyCsms

_ALL = ("1.6", "2.0.1", "2.1")


def misbehaving(csms: TinyCsms, name: str, *protocols: str, **changes: Any) -> FleetPlan:
    """A fleet of a station in each version, all of which misbehave so."""
    identities = [f"CP{number + 1}" for number in range(len(protocols))]
    given = {"misbehaviours": [MISBEHAVIOURS[name]], "misbehaving_share": 1.0, **changes}
    return plan(csms, identities=identities, protocols=list(protocols), **given)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens now and then happens at once."""
    monkeypatch.setattr(random.Random, "expovariate", lambda *_: 0.2)
    monkeypatch.setattr(conduct, "_AWAY_SECONDS", 2.0)


async def test_a_heartbeat_comes_every_second_whatever_the_interval(csms: TinyCsms) -> None:
    fleet = Fleet(misbehaving(csms, "never-obeys-the-interval", *_ALL), rng=random.Random(1))
    report = await run_until(fleet, lambda: csms.actions().count("Heartbeat") >= 6)
    assert csms.boot_interval == 300
    assert report.misbehaviours["never-obeys-the-interval"] >= 5


async def test_readings_come_after_the_end_with_their_own_stamps(csms: TinyCsms) -> None:
    fleet = Fleet(misbehaving(csms, "late-readings", "1.6", "2.0.1", session_seconds=2.0), rng=random.Random(1))
    report = await run_until(fleet, lambda: bool(stops(csms, "CP1") and stops(csms, "CP2")))
    assert report.unsent == 0
    assert report.misbehaviours["late-readings"] >= 2
    by_16 = [each for each in csms.calls if each.charge_point_id == "CP1"]
    first_stop = [each.action for each in by_16].index("StopTransaction")
    late = by_16[first_stop + 1]
    assert "MeterValues" not in [each.action for each in by_16[:first_stop]]
    assert late.action == "MeterValues"
    assert late.payload["meterValue"][0]["timestamp"] < by_16[first_stop].payload["timestamp"]
    events = [each.payload for each in csms.calls if (each.charge_point_id, each.action) == ("CP2", "TransactionEvent")]
    kinds = [(event["eventType"], "meterValue" in event) for event in events]
    assert kinds[kinds.index(("Ended", True)) + 1] == ("Updated", True)


@pytest.mark.parametrize(
    "name",
    ["reconnect-storm", "malformed-frames", "two-calls-in-flight", "boots-at-each-connection", "reversed-replay"],
)
@pytest.mark.usefixtures("hurried")
async def test_whatever_it_does_beside_charging_nothing_is_left_untold(
    csms: TinyCsms, tmp_path: Path, name: str
) -> None:
    with Ledger(tmp_path / "ledger") as ledger:
        fleet = Fleet(misbehaving(csms, name, *_ALL), ledger, random.Random(1))
        report = await run_until(
            fleet, lambda: all(stops(csms, each) for each in ("CP1", "CP2", "CP3")) and _misbehaved(fleet) >= 3
        )
    assert (report.unsent, report.given_up) == (0, 0)
    told = Counter(entry.action for entry in read_ledger(tmp_path / "ledger"))
    assert told["StartTransaction"] == told["StopTransaction"] >= 1
    assert told["TransactionEvent"] >= 4


def _misbehaved(fleet: Fleet) -> int:
    return sum(one.misbehaviours for one in fleet.standings())


async def test_commands_are_answered_by_codes_of_another_version(csms: TinyCsms) -> None:
    fleet = Fleet(misbehaving(csms, "old-codes", "2.0.1"), rng=random.Random(1))
    running = asyncio.create_task(fleet.run())
    await csms.until(lambda: "BootNotification" in csms.actions())
    for _ in range(2):
        with pytest.raises((OCPPError, UnknownCallErrorCodeError)):
            await csms.send("CP1", call.ClearCache())
    fleet.stop()
    report = await running
    assert [(answer[0], answer[2]) for answer in csms.results] == [
        (4, "OccurenceConstraintViolation"),
        (4, "FormationViolation"),
    ]
    assert report.misbehaviours == {"old-codes": 2}


async def test_a_mixed_fleet_sums_up_when_it_is_interrupted(csms: TinyCsms) -> None:
    words = [
        "--fleet",
        "6",
        "--misbehave",
        "spaced-json,clock-ahead",
        "--url",
        csms.url,
        "--seed",
        "1",
        "--session",
        "60",
    ]
    process = await start(*words)
    await csms.until(lambda: bool(csms.payloads("StartTransaction") and csms.payloads("TransactionEvent")), 30)
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 30)
    lines = out.decode().splitlines()
    assert (process.returncode, err) == (0, b"")
    assert lines[-4].startswith("6 charge points, ")
    assert "0 refused, 0 left unsent" in lines[-4]
    assert [line.split()[1] for line in lines[-2:]] == ["clock-ahead", "spaced-json"]
    assert len(csms.payloads("StopTransaction")) == len(csms.payloads("StartTransaction"))
    assert {each.charge_point_id[:4] for each in csms.calls} == {"SIM-"}
