"""Scenarios in YAML, played in every version against a central system: what is told, in which order."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ocpp.v16 import call as call16
from ocpp.v201 import call as call201

from simulator.clock import stamp
from simulator.fleet import Fleet
from simulator.scenario import Scenario
from simulator.scenario_file import parse, shipped
from simulator.simulate import Simulation, simulate
from simulator.transport import Endpoint
from tests.contract.simulator.test_files import store
from tests.contract.simulator.test_fleet import plan, run_until, stops
from tests.fixtures.tiny_csms import TinyCsms

__all__ = ["store"]

_ALL = ("1.6", "2.0.1", "2.1")
_ALONE = (
    "pauses",
    "fault-in-session",
    "idle-fault",
    "offline-and-back",
    "offline-from-start-to-end",
    "reboot-in-session",
    "power-loss",
    "reboot-when-idle",
    "driver-pulls-the-cable",
)


async def played(csms: TinyCsms, scenario: Scenario, protocol: str, *, seconds: float = 0.2) -> int:
    """Play it; the exit status."""
    simulation = Simulation("CP001", protocol, Endpoint(csms.url), scenario, duration_seconds=seconds, quiet=True)
    return await simulate(simulation)


def events(csms: TinyCsms) -> list[str]:
    """What a transaction came to: kinds of events with reasons and states, readings left out."""
    told = []
    for each in csms.calls:
        said, info = each.payload, each.payload.get("transactionInfo", {})
        if each.action in ("StartTransaction", "StopTransaction", "BootNotification"):
            told.append(" ".join(filter(None, (each.action.removesuffix("Transaction"), said.get("reason")))))
        elif each.action == "TransactionEvent" and said["triggerReason"] != "MeterValuePeriodic":
            told.append(" ".join(filter(None, (said["eventType"], info.get("stoppedReason")))))
    return told


def statuses(csms: TinyCsms, connector_id: int = 1) -> list[str]:
    told = [each for each in csms.payloads("StatusNotification") if each["connectorId"] == connector_id]
    return [each["status"] for each in told if "status" in each]


def charging_states(csms: TinyCsms) -> list[str]:
    """The states that were told, each once in a row."""
    infos = [each["transactionInfo"] for each in csms.payloads("TransactionEvent")]
    told = [info["chargingState"] for info in infos if "chargingState" in info]
    return [state for number, state in enumerate(told) if number == 0 or told[number - 1] != state]


@pytest.mark.parametrize("protocol", _ALL)
@pytest.mark.parametrize("name", _ALONE)
async def test_each_ends_well_in_every_version_with_nothing_left_at_the_connector(
    csms: TinyCsms, name: str, protocol: str
) -> None:
    assert await played(csms, shipped(name), protocol) == 0
    told = events(csms)
    starts, ends = ("Start", "Stop") if protocol == "1.6" else ("Started", "Ended")
    assert sum(one.split()[0] == starts for one in told) == 1
    assert sum(one.split()[0] == ends for one in told) == 1
    if protocol == "1.6":
        assert statuses(csms)[-1] == "Available"


async def test_who_holds_back_the_energy_is_told(csms: TinyCsms) -> None:
    assert await played(csms, shipped("pauses"), "1.6") == 0
    charging = [one for one in statuses(csms) if one not in ("Available", "Preparing", "Finishing")]
    assert charging == ["Charging", "SuspendedEV", "Charging", "SuspendedEVSE", "Charging"]


async def test_it_is_told_by_2x_as_a_state_of_the_transaction(csms: TinyCsms) -> None:
    assert await played(csms, shipped("pauses"), "2.0.1") == 0
    assert charging_states(csms) == [
        "EVConnected",
        "Charging",
        "SuspendedEV",
        "Charging",
        "SuspendedEVSE",
        "Charging",
        "EVConnected",
    ]


async def test_a_fault_has_its_code_and_goes_away(csms: TinyCsms) -> None:
    assert await played(csms, shipped("fault-in-session"), "1.6") == 0
    told = [(one["status"], one["errorCode"]) for one in csms.payloads("StatusNotification")]
    place = told.index(("Faulted", "GroundFailure"))
    assert told[place + 1] == ("Charging", "NoError")


async def test_a_transaction_without_a_connection_is_told_newest_first(csms: TinyCsms) -> None:
    assert await played(csms, shipped("offline-from-start-to-end"), "2.0.1") == 0
    told = [one for one in events(csms) if one.startswith(("Started", "Ended"))]
    assert told == ["Ended Local", "Started"]
    assert csms.payloads("Authorize") == []
    assert all(each["offline"] for each in csms.payloads("TransactionEvent"))


@pytest.mark.parametrize(
    ("name", "reason"), [("power-loss", "PowerLoss"), ("driver-pulls-the-cable", "EVDisconnected")]
)
async def test_a_transaction_ends_for_what_ended_it(csms: TinyCsms, name: str, reason: str) -> None:
    assert await played(csms, shipped(name), "1.6") == 0
    assert events(csms)[-1] == f"Stop {reason}"


async def test_a_boot_in_the_middle_tells_its_reason_and_the_transaction_goes_on(csms: TinyCsms) -> None:
    assert await played(csms, shipped("reboot-in-session"), "2.1") == 0
    told = events(csms)
    boot = told.index("BootNotification Watchdog")
    assert told.index("Started") < boot < told.index("Ended Local")


async def test_a_step_that_fails_is_told_by_its_line_and_what_ran_is_ended(
    csms: TinyCsms, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    text = "about: x\nsteps:\n  - plug-in\n  - start\n  - expect: SuspendedEV\n  - charge: 1 h\n"
    assert await played(csms, parse(text, "mine.yaml", "mine"), "1.6") == 1
    assert "mine.yaml:5: expect: the connector is Charging, not SuspendedEV" in caplog.text
    assert "1 not accepted" in capsys.readouterr().err
    assert events(csms)[-1].startswith("Stop")


async def test_a_blocked_card_starts_nothing(csms: TinyCsms, caplog: pytest.LogCaptureFixture) -> None:
    csms.tags["DEMO0001"] = "Blocked"
    assert await played(csms, shipped("pauses"), "2.0.1") == 1
    assert "authorize: DEMO0001 is Blocked, not Accepted" in caplog.text
    assert csms.payloads("TransactionEvent") == []


async def test_a_command_that_does_not_come_is_waited_for_so_long(
    csms: TinyCsms, caplog: pytest.LogCaptureFixture
) -> None:
    text = "about: x\nsteps:\n  - await-command: {command: reservation, within: 1 s}\n"
    assert await played(csms, parse(text, "mine.yaml", "mine"), "1.6") == 1
    assert "mine.yaml:3: await-command: no reservation within 1 s" in caplog.text


async def _in_service(csms: TinyCsms, count: int) -> None:
    await csms.until(lambda: len(csms.payloads("StatusNotification")) >= count)


async def test_a_reservation_is_waited_for_and_used(csms: TinyCsms) -> None:
    playing = asyncio.create_task(played(csms, shipped("reserved"), "1.6", seconds=1))
    await _in_service(csms, 3)
    until = stamp(datetime.now(UTC) + timedelta(hours=1))
    assert (await csms.send("CP001", call16.ReserveNow(1, until, "DEMO0001", 7))).status == "Accepted"
    assert await playing == 0
    assert csms.payloads("StartTransaction")[0]["reservationId"] == 7


def _tx_events(csms: TinyCsms) -> list[dict[str, Any]]:
    return csms.payloads("TransactionEvent")


def _limit(said: dict[str, Any]) -> dict[str, Any]:
    schedule = {"id": 1, "charging_rate_unit": "W", "charging_schedule_period": [{"start_period": 0, "limit": 5_000.0}]}
    kind = {"stack_level": 0, "charging_profile_purpose": "TxDefaultProfile", "charging_profile_kind": "Relative"}
    return {"id": 1, **kind, "charging_schedule": [schedule], **said}


async def test_a_profile_is_waited_for_and_obeyed(csms: TinyCsms) -> None:
    playing = asyncio.create_task(played(csms, shipped("obeys-a-profile"), "2.0.1", seconds=1))
    await csms.until(lambda: any(each["triggerReason"] == "MeterValuePeriodic" for each in _tx_events(csms)))
    assert (await csms.send("CP001", call201.SetChargingProfile(1, _limit({})))).status == "Accepted"
    assert await playing == 0
    values = [value for each in _tx_events(csms) for value in each.get("meterValue", ())]
    power = [one["value"] for value in values for one in value["sampledValue"] if one["measurand"][:5] == "Power"]
    assert set(power) == {11_000, 5_000}


async def test_a_fleet_plays_it_again_and_again_and_ends_in_order(csms: TinyCsms) -> None:
    text = "about: x\nsteps: [plug-in, authorize, start, charge: 1 s, suspend: {by: EV, for: 1 s}, stop, unplug]"
    fleet = Fleet(plan(csms, scenario=parse(text, "x", "x")), rng=random.Random(1))
    report = await run_until(fleet, lambda: len(stops(csms, "CP1")) >= 2 and len(stops(csms, "CP2")) >= 2)
    assert (report.unsent, report.problems) == (0, {})
    assert "SuspendedEV" in statuses(csms)
    assert len(csms.payloads("StartTransaction")) == len(csms.payloads("StopTransaction"))


def _update(protocol: str, location: str) -> Any:
    if protocol == "1.6":
        return call16.UpdateFirmware(location, "2026-01-01T00:00:00Z")
    return call201.UpdateFirmware(1, {"location": location, "retrieve_date_time": "2026-01-01T00:00:00Z"})


def _log(protocol: str, location: str) -> Any:
    if protocol == "1.6":
        return call16.GetDiagnostics(location)
    return call201.GetLog({"remote_location": location}, "DiagnosticsLog", 1)


async def _booted(csms: TinyCsms, count: int) -> None:
    await csms.until(lambda: len(csms.payloads("BootNotification")) >= count)


@pytest.mark.parametrize("protocol", _ALL)
async def test_firmware_is_waited_for_until_it_is_installed_or_cannot_be(
    csms: TinyCsms, store: str, protocol: str
) -> None:
    for name, last in (("firmware-update", "Installed"), ("firmware-fails", "InstallationFailed")):
        boots = len(csms.payloads("BootNotification"))
        playing = asyncio.create_task(played(csms, shipped(name), protocol))
        await _booted(csms, boots + 1)
        await csms.send("CP001", _update(protocol, f"{store}/wall-2.0.bin"))
        assert await playing == 0
        assert csms.payloads("FirmwareStatusNotification")[-1]["status"] == last


@pytest.mark.parametrize("protocol", _ALL)
async def test_a_log_is_waited_for_until_it_is_uploaded(csms: TinyCsms, store: str, protocol: str) -> None:
    playing = asyncio.create_task(played(csms, shipped("log-upload"), protocol))
    await _booted(csms, 1)
    await csms.send("CP001", _log(protocol, f"{store}/logs/"))
    assert await playing == 0
