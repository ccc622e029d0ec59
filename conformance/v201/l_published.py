"""L: firmware that is offered to others in the network."""

from conformance.station import Asked, Payload, Station
from conformance.v201.states import booted
from conformance.verdicts import same

_IMAGE = "https://firmware.example/script-2.0.bin"
_MD5 = "d41d8cd98f00b204e9800998ecf8427e"


async def _publishes(station: Station, *words: str) -> Asked:
    await booted(station)
    body = {"location": _IMAGE, "checksum": _MD5}
    asked = await station.commanded(
        "commands", {"command": {"publishFirmware": body}}, "PublishFirmware", {"status": "Accepted"}
    )
    same("what is asked for", {name: asked.payload.get(name) for name in body}, body)
    for word in words:
        told: Payload = {"status": word, "requestId": asked.payload["requestId"]}
        if word == "Published":
            told["location"] = ["http://controller.example/script-2.0.bin"]
        await station.acknowledged("PublishFirmwareStatusNotification", told)
    return asked


async def tc_l_17(station: Station) -> None:
    """The operator has firmware offered in the network: where it is to be had is acknowledged."""
    asked = await _publishes(station, "Downloading", "Downloaded", "ChecksumVerified", "Published")
    await station.file_job_is(asked.command, "DONE")


async def tc_l_19(station: Station) -> None:
    """That the checksum of firmware is wrong is acknowledged and shown."""
    asked = await _publishes(station, "Downloading", "Downloaded", "InvalidChecksum")
    await station.file_job_is(asked.command, "FAILED")


async def tc_l_20(station: Station) -> None:
    """That firmware could not be offered is acknowledged and shown."""
    asked = await _publishes(station, "Downloading", "Downloaded", "ChecksumVerified", "PublishFailed")
    await station.file_job_is(asked.command, "FAILED")


async def tc_l_24(station: Station) -> None:
    """That firmware to be offered could not be fetched is acknowledged and shown."""
    asked = await _publishes(station, "Downloading", "DownloadFailed")
    await station.file_job_is(asked.command, "FAILED")


async def tc_l_21(station: Station) -> None:
    """The operator has firmware offered no more."""
    await _unpublishes(station, "Unpublished", "ACCEPTED")


async def tc_l_22(station: Station) -> None:
    """That there is no such firmware is told as such: what was asked for holds."""
    await _unpublishes(station, "NoFirmware", "ACCEPTED")


async def tc_l_23(station: Station) -> None:
    """That firmware is being fetched and goes on to be offered is told as such."""
    await _unpublishes(station, "DownloadOngoing", "REJECTED")


async def _unpublishes(station: Station, answer: str, state: str) -> None:
    await booted(station)
    body = {"command": {"unpublishFirmware": {"checksum": _MD5}}}
    asked = await station.commanded("commands", body, "UnpublishFirmware", {"status": answer})
    same("what is asked", asked.payload, {"checksum": _MD5})
    same("state and status of the command", (asked.command["state"], asked.command["status"]), (state, answer))
