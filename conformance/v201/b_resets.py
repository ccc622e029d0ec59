"""B: resets."""

from typing import Any

from conformance.station import Station
from conformance.v201.states import (
    all_statuses,
    booted,
    charging,
    ended,
    reboots,
    status,
)
from conformance.verdicts import same


async def _reset(station: Station, kind: str, word: str, answer: str, evse: int = 0) -> Any:
    body = {"type": kind, **({"evseId": evse} if evse else {})}
    expected = {"type": word, **({"evseId": evse} if evse else {})}
    asked = await station.commanded("reset", body, "Reset", {"status": answer})
    same("what is asked", asked.payload, expected)
    same("status of the command", asked.command["status"], answer)
    return asked.command


async def tc_b_20(station: Station) -> None:
    """The operator has an idle station reset; it is welcome after the boot."""
    await booted(station)
    command = await _reset(station, "SOFT", "OnIdle", "Accepted")
    await reboots(station)
    await station.command_is(command, "EFFECTIVE")


async def tc_b_21(station: Station) -> None:
    """A reset while a transaction goes on is scheduled: the transaction ends, then it boots."""
    await booted(station)
    session = await charging(station, await station.place.card())
    command = await _reset(station, "SOFT", "OnIdle", "Scheduled")
    await ended(session, "EVDeparted", "EVDisconnected", state="Idle")
    await reboots(station, "ScheduledReset")
    await station.command_is(command, "EFFECTIVE")


async def tc_b_22(station: Station) -> None:
    """A reset at once ends the transaction, then it boots."""
    await booted(station)
    session = await charging(station, await station.place.card())
    command = await _reset(station, "HARD", "Immediate", "Accepted")
    await ended(session, "ResetCommand", "ImmediateReset")
    await reboots(station, "RemoteReset")
    await station.command_is(command, "EFFECTIVE")


async def tc_b_25(station: Station) -> None:
    """The operator has one idle EVSE reset."""
    await booted(station)
    await _reset(station, "SOFT", "OnIdle", "Accepted", evse=1)
    await status(station, "Unavailable")
    await all_statuses(station, "Available", (1,))


async def tc_b_26(station: Station) -> None:
    """A reset of one EVSE is scheduled while its transaction goes on."""
    await booted(station)
    session = await charging(station, await station.place.card())
    await _reset(station, "SOFT", "OnIdle", "Scheduled", evse=1)
    await ended(session, "EVDeparted", "EVDisconnected", state="Idle")
    await all_statuses(station, "Available", (1,))


async def tc_b_27(station: Station) -> None:
    """A reset of one EVSE at once ends its transaction."""
    await booted(station)
    session = await charging(station, await station.place.card())
    await _reset(station, "HARD", "Immediate", "Accepted", evse=1)
    await ended(session, "ResetCommand", "ImmediateReset")
    await all_statuses(station, "Available", (1,))
