"""G: what connectors do."""

from conformance.station import Station
from conformance.v201.states import all_statuses, booted, event


async def tc_g_01(station: Station) -> None:
    """What connectors do is acknowledged and shown, by StatusNotification and by NotifyEvent."""
    await booted(station)
    for word in ("Occupied", "Unavailable", "Faulted", "Available"):
        await all_statuses(station, word)
    await event(station, "Connector", "AvailabilityState", "Occupied", trigger="Delta")
    await station.connector_is("OCCUPIED", 1, 1)
