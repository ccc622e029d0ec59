"""B: variables of network profiles."""

from conformance.station import Station
from conformance.v201.states import booted, set_variables


async def tc_b_105(station: Station) -> None:
    """The operator sets variables of a network profile."""
    await booted(station)
    await set_variables(station, "NetworkConfiguration[1].Apn", "internet")
    await set_variables(station, "NetworkConfiguration[1].VpnEnabled", "false")
