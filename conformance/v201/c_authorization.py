"""C: tokens, groups and the master pass."""

from conformance.station import Station
from conformance.v201.states import Session, authorized, booted, charging, ended, set_variables, status
from conformance.verdicts import same


async def tc_c_02(station: Station) -> None:
    """A token that nobody knows is invalid or unknown."""
    await booted(station)
    await authorized(station, station.place.unknown_tag(), "Invalid", "Unknown")


async def tc_c_06(station: Station) -> None:
    """A token that is blocked is told as such."""
    await booted(station)
    await authorized(station, await station.place.card(status="BLOCKED"), "Blocked")


async def tc_c_07(station: Station) -> None:
    """A token that has expired is told as such."""
    await booted(station)
    await authorized(station, await station.place.card(expired=True), "Expired")


async def tc_c_08(station: Station) -> None:
    """A start with a token that the station remembers, without a question before, is accepted."""
    await booted(station)
    tag, session = await station.place.card(), Session(station)
    await status(station, "Occupied")
    await session.tell("Started", "Authorized", tag=tag, state="EVConnected")
    await session.is_shown("ACTIVE", idTag=tag)


async def tc_c_20(station: Station) -> None:
    """A transaction with a token that is not good is told so."""
    await booted(station)
    session = Session(station)
    await status(station, "Occupied")
    await session.tell("Started", "CablePluggedIn", state="EVConnected")
    bad = ("Invalid", "Unknown")
    await session.tell("Updated", "Authorized", tag=station.place.unknown_tag(), state="EVConnected", expected=bad)
    await session.is_shown("ACTIVE", authorization="INVALID")


async def tc_c_37(station: Station) -> None:
    """The operator has the authorization cache emptied."""
    await _cleared(station, "Accepted", "ACCEPTED")


async def tc_c_38(station: Station) -> None:
    """That the cache is not emptied is told as such."""
    await _cleared(station, "Rejected", "REJECTED")


async def _cleared(station: Station, answer: str, state: str) -> None:
    await booted(station)
    asked = await station.commanded("clear-cache", {}, "ClearCache", {"status": answer})
    same("what is asked", asked.payload, {})
    same("state of the command", asked.command["state"], state)


async def tc_c_39(station: Station) -> None:
    """Two tokens of one group: one starts, the other stops, and the answers to both tell the group."""
    await booted(station)
    group = station.place.unknown_tag()
    first, second = await station.place.card(group=group), await station.place.card(group=group)
    _tells(await authorized(station, first), group)
    session = await charging(station, first)
    _tells(await authorized(station, second), group)
    await ended(session, "StopAuthorized", "Local", tag=second)


def _tells(info: dict[str, object], group: str) -> None:
    told = info.get("groupIdToken")
    same("group of the token", told.get("idToken") if isinstance(told, dict) else told, group)


async def tc_c_40(station: Station) -> None:
    """As TC_C_39, started without a question: the answers to the events tell the group."""
    await booted(station)
    group = station.place.unknown_tag()
    first, second = await station.place.card(group=group), await station.place.card(group=group)
    session = Session(station)
    await status(station, "Occupied")
    _tells(await session.tell("Started", "Authorized", tag=first, state="Charging"), group)
    _tells(await session.tell("Updated", "StopAuthorized", tag=second, state="EVConnected"), group)
    await session.tell("Ended", "EVDeparted", state="Idle", info={"stoppedReason": "Local"})
    await session.is_shown("ENDED", idTag=first)


async def tc_c_43(station: Station) -> None:
    """A token that the station's list calls invalid is answered by what the CSMS knows: good, and of its group."""
    await booted(station)
    group = station.place.unknown_tag()
    first, second = await station.place.card(group=group), await station.place.card(group=group)
    session = await charging(station, first)
    # The station asks because its own list says no.
    _tells(await authorized(station, second), group)
    await ended(session, "StopAuthorized", "Local", tag=second)


async def tc_c_47(station: Station) -> None:
    """The master pass ends all transactions: it is accepted as one of its group, and each end is acknowledged."""
    await booted(station)
    master = await _master_pass(station)
    # The operator sees one transaction after the other.
    for evse in (1, 2):
        session = Session(station, evse)
        await status(station, "Occupied", evse)
        await session.tell("Started", "Authorized", tag=await station.place.card(), state="Charging")
        await authorized(station, master)
        await session.tell("Ended", "StopAuthorized", tag=master, info={"stoppedReason": "MasterPass"})
        await status(station, "Available", evse)


async def tc_c_48(station: Station) -> None:
    """The master pass ends one transaction that was chosen."""
    await booted(station)
    master = await _master_pass(station)
    session = await charging(station, await station.place.card())
    await authorized(station, master)
    await ended(session, "StopAuthorized", "MasterPass", tag=master)


async def tc_c_49(station: Station) -> None:
    """The master pass at a station without a display: the ends carry the tokens of the starts."""
    await booted(station)
    master = await _master_pass(station)
    tag = await station.place.card()
    session = await charging(station, tag)
    await authorized(station, master)
    await ended(session, "StopAuthorized", "MasterPass", tag=tag)


async def _master_pass(station: Station) -> str:
    """A token of the group that the station is told to be that of the master pass."""
    group = station.place.unknown_tag()
    await set_variables(station, "AuthCtrlr.MasterPassGroupId", group)
    tag = await station.place.card(group=group)
    _tells(await authorized(station, tag), group)
    return tag
