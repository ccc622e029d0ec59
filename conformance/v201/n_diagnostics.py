"""N: events of variables that are watched."""

from conformance.station import Station
from conformance.v201.states import booted, event


async def tc_n_21(station: Station) -> None:
    """What a monitor of the hardware tells is acknowledged and shown."""
    await booted(station)
    await event(station, "ElectricalFeed", "PowerLost", "true", eventNotificationType="HardWiredMonitor")
    await station.event("NotifyEvent", status="true")


async def tc_n_24(station: Station) -> None:
    """What a monitor tells again and again is acknowledged each time."""
    await booted(station)
    for number in range(3):
        await event(
            station,
            "Controller",
            "Temperature",
            str(40 + number),
            trigger="Periodic",
            eventId=number,
            variableMonitoringId=7,
            eventNotificationType="CustomMonitor",
        )
    await station.event("NotifyEvent", status="42")


async def tc_n_48(station: Station) -> None:
    """An event without a value, of a variable that can only be written, is acknowledged."""
    await booted(station)
    await event(station, "SecurityCtrlr", "BasicAuthPassword", "", trigger="Delta")
    await station.event("NotifyEvent")


async def tc_n_49(station: Station) -> None:
    """That a monitor is content again is acknowledged and shown."""
    await booted(station)
    for cleared in (False, True):
        await event(station, "Controller", "Temperature", "80", variableMonitoringId=7, cleared=cleared)
    await station.event("NotifyEvent", info="cleared")


async def tc_n_50(station: Station) -> None:
    """An event that comes by the clock is acknowledged and shown."""
    await booted(station)
    await event(station, "Controller", "Temperature", "41", trigger="Periodic", variableMonitoringId=7)
    await station.event("NotifyEvent", status="41")
