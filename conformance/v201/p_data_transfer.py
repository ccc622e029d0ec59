"""P: what vendors add."""

from conformance.station import Station
from conformance.v201.states import Session, booted, status
from conformance.verdicts import holds

_CUSTOM = {"vendorId": "org.example.conformance", "anything": {"may": ["stand", "here"]}}


async def tc_p_02(station: Station) -> None:
    """A message of a vendor that the CSMS does not know is not taken for one that it does."""
    await booted(station)
    body = {"vendorId": "org.example.conformance", "messageId": "Nothing", "data": {"a": 1}}
    answer = await station.call("DataTransfer", body)
    holds("it is refused", answer["status"] in ("UnknownVendorId", "UnknownMessageId", "Rejected"), answer)


async def tc_p_03(station: Station) -> None:
    """Custom data in messages and in their parts is accepted."""
    await booted(station)
    await status(station, "Occupied", customData=_CUSTOM)
    tag, session = await station.place.card(), Session(station)
    custom = {"customData": _CUSTOM}
    await session.tell("Started", "Authorized", tag=tag, state="Charging", info=custom, customData=_CUSTOM)
    await session.is_shown("ACTIVE", idTag=tag)
