"""G: in and out of operation."""

from conformance.station import Payload, Station
from conformance.v201.states import all_statuses, booted, charging, ended, event, status
from conformance.verdicts import same


async def _asked(station: Station, word: str, evse: Payload | None, answer: str = "Accepted") -> None:
    body: Payload = {"availability": word.upper()}
    if evse:
        body |= {"evseId": evse["id"], "connectorId": evse.get("connectorId", 0)}
    asked = await station.commanded("change-availability", body, "ChangeAvailability", {"status": answer})
    same("what is asked", asked.payload, {"operationalStatus": word, **({"evse": evse} if evse else {})})
    same("status of the command", asked.command["status"], answer)
    same("state of the command", asked.command["state"], "ACCEPTED")


async def tc_g_03(station: Station) -> None:
    """The operator takes one EVSE out of operation."""
    await booted(station)
    await _asked(station, "Inoperative", {"id": 1})
    await all_statuses(station, "Unavailable", (1,))


async def tc_g_04(station: Station) -> None:
    """The operator takes one EVSE into operation again."""
    await booted(station)
    await all_statuses(station, "Unavailable", (1,))
    await _asked(station, "Operative", {"id": 1})
    await all_statuses(station, "Available", (1,))


async def tc_g_05(station: Station) -> None:
    """The operator takes the whole station out of operation."""
    await booted(station)
    await _asked(station, "Inoperative", None)
    await all_statuses(station, "Unavailable")


async def tc_g_06(station: Station) -> None:
    """The operator takes the whole station into operation again."""
    await booted(station)
    await all_statuses(station, "Unavailable")
    await _asked(station, "Operative", None)
    await all_statuses(station, "Available")


async def tc_g_07(station: Station) -> None:
    """The operator takes one connector out of operation."""
    await booted(station)
    await _asked(station, "Inoperative", {"id": 1, "connectorId": 1})
    await all_statuses(station, "Unavailable", (1,))


async def tc_g_08(station: Station) -> None:
    """The operator takes one connector into operation again."""
    await booted(station)
    await all_statuses(station, "Unavailable", (1,))
    await _asked(station, "Operative", {"id": 1, "connectorId": 1})
    await all_statuses(station, "Available", (1,))


async def tc_g_11(station: Station) -> None:
    """One EVSE goes out of operation once its transaction is over."""
    await _scheduled(station, {"id": 1})


async def tc_g_14(station: Station) -> None:
    """The station goes out of operation once its transaction is over; what is idle at once."""
    await booted(station)
    session = await charging(station, await station.place.card())
    await _asked(station, "Inoperative", None, "Scheduled")
    await all_statuses(station, "Unavailable", (2,))
    await ended(session, "EVDeparted", "EVDisconnected", state="Idle")
    await all_statuses(station, "Unavailable", (1,))


async def tc_g_17(station: Station) -> None:
    """One connector goes out of operation once its transaction is over."""
    await _scheduled(station, {"id": 1, "connectorId": 1})


async def _scheduled(station: Station, evse: Payload) -> None:
    await booted(station)
    session = await charging(station, await station.place.card())
    await _asked(station, "Inoperative", evse, "Scheduled")
    await ended(session, "EVDeparted", "EVDisconnected", state="Idle")
    await all_statuses(station, "Unavailable", (1,))


async def tc_g_20(station: Station) -> None:
    """A lock that fails is told by an event, which is acknowledged and shown."""
    await booted(station)
    await status(station, "Occupied")
    await event(station, "ConnectorPlugRetentionLock", "Problem", "true")
    await station.event("NotifyEvent", status="true")
