"""L: firmware that is installed."""

from datetime import UTC, datetime, timedelta

from conformance.place import iso
from conformance.station import Asked, Station
from conformance.v201.states import all_statuses, booted, charging, ended, now, reboots
from conformance.verdicts import holds, same

_IMAGE = "https://firmware.example/script-2.0.bin"
_SIGNED = {"signingCertificate": "-----BEGIN CERTIFICATE-----", "signature": "c2lnbmF0dXJl"}
_FETCHED = ("Downloading", "Downloaded", "SignatureVerified")


async def _updates(station: Station, answer: str = "Accepted", **more: str) -> Asked:
    body = {"location": _IMAGE, **_SIGNED, **more}
    asked = await station.commanded(
        "commands", {"command": {"updateFirmware": body}}, "UpdateFirmware", {"status": answer}
    )
    firmware = asked.payload["firmware"]
    expected = {"location": _IMAGE, **_SIGNED}
    same("what is asked for", {name: firmware.get(name) for name in expected}, expected)
    same("status of the command", asked.command["status"], answer)
    return asked


async def _tell(station: Station, asked: Asked, *words: str) -> None:
    for word in words:
        body = {"status": word, "requestId": asked.payload["requestId"]}
        await station.acknowledged("FirmwareStatusNotification", body)


async def _installed(station: Station, asked: Asked) -> None:
    await _tell(station, asked, "Installing", "InstallRebooting")
    await reboots(station, "FirmwareUpdate")
    await _tell(station, asked, "Installed")
    await station.file_job_is(asked.command, "DONE")


async def tc_l_01(station: Station) -> None:
    """The operator has signed firmware installed: each step is acknowledged and shown, the boot included."""
    await booted(station)
    asked = await _updates(station)
    await _tell(station, asked, *_FETCHED)
    await station.file_job_is(asked.command, "RUNNING")
    await _installed(station, asked)


async def tc_l_02(station: Station) -> None:
    """The operator has firmware installed later: that it is scheduled is acknowledged."""
    await booted(station)
    later = _later()
    asked = await _updates(station, installTime=later)
    _is_at(asked, "installDateTime", later)
    await _tell(station, asked, *_FETCHED, "InstallScheduled")
    await _installed(station, asked)


async def tc_l_03(station: Station) -> None:
    """The operator has firmware fetched later: that it is scheduled is acknowledged."""
    await booted(station)
    later = _later()
    asked = await _updates(station, retrieveTime=later)
    _is_at(asked, "retrieveDateTime", later)
    await _tell(station, asked, "DownloadScheduled", *_FETCHED)
    await _installed(station, asked)


def _later() -> str:
    return iso((datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0))


def _is_at(asked: Asked, name: str, expected: str) -> None:
    told = asked.payload["firmware"][name]
    same(name, datetime.fromisoformat(told), datetime.fromisoformat(expected))


async def tc_l_04(station: Station) -> None:
    """That the certificate of firmware is revoked is told as such."""
    await booted(station)
    asked = await _updates(station, "RevokedCertificate")
    await station.file_job_is(asked.command, "REJECTED")


async def tc_l_05(station: Station) -> None:
    """That the certificate of firmware is not valid is told as such, and the security event acknowledged."""
    await booted(station)
    asked = await _updates(station, "InvalidCertificate")
    await _security_event(station, "InvalidFirmwareSigningCertificate")
    await station.file_job_is(asked.command, "REJECTED")


async def _security_event(station: Station, kind: str) -> None:
    await station.acknowledged("SecurityEventNotification", {"type": kind, "timestamp": now()})
    await station.event("SecurityEventNotification", subject=kind)


async def tc_l_06(station: Station) -> None:
    """That the signature of firmware is wrong is acknowledged and shown, as is the security event."""
    await booted(station)
    asked = await _updates(station)
    await _tell(station, asked, "Downloading", "Downloaded", "InvalidSignature")
    await _security_event(station, "InvalidFirmwareSignature")
    await station.file_job_is(asked.command, "FAILED")


async def tc_l_07(station: Station) -> None:
    """That firmware could not be fetched is acknowledged and shown."""
    await _fails(station, "Downloading", "DownloadFailed")


async def tc_l_08(station: Station) -> None:
    """That firmware could not be verified is acknowledged and shown."""
    await _fails(station, *_FETCHED, "InstallVerificationFailed")


async def tc_l_09(station: Station) -> None:
    """That firmware could not be installed is acknowledged and shown, after the boot."""
    await booted(station)
    asked = await _updates(station)
    await _tell(station, asked, *_FETCHED, "Installing", "InstallRebooting")
    await reboots(station, "FirmwareUpdate")
    await _tell(station, asked, "InstallationFailed")
    await station.file_job_is(asked.command, "FAILED")


async def _fails(station: Station, *words: str) -> None:
    await booted(station)
    asked = await _updates(station)
    await _tell(station, asked, *words)
    await station.file_job_is(asked.command, "FAILED")


async def tc_l_10(station: Station) -> None:
    """The operator asks for other firmware while the first is fetched: that is given up, the new one is followed."""
    await booted(station)
    first = await _updates(station)
    await _tell(station, first, "Downloading")
    second = await _updates(station, "AcceptedCanceled")
    holds("they have numbers of their own", first.payload["requestId"] != second.payload["requestId"])
    await station.file_job_is(first.command, "CANCELED")
    await _tell(station, second, *_FETCHED)
    await _installed(station, second)


async def tc_l_11(station: Station) -> None:
    """The operator asks for other firmware, which is refused: the first is followed to its end."""
    await booted(station)
    first = await _updates(station)
    await _tell(station, first, "Downloading")
    second = await _updates(station, "Rejected")
    await station.file_job_is(second.command, "REJECTED")
    await _tell(station, first, "Downloaded", "SignatureVerified")
    await _installed(station, first)


async def tc_l_13(station: Station) -> None:
    """Firmware that comes while a transaction goes on is installed once it is over."""
    await booted(station)
    session = await charging(station, await station.place.card(), evse=1)
    asked = await _updates(station)
    await _tell(station, asked, *_FETCHED, "InstallScheduled")
    await all_statuses(station, "Unavailable", (2,))
    await ended(session, "EVDeparted", "EVDisconnected", state="Idle")
    await all_statuses(station, "Unavailable", (1,))
    await _installed(station, asked)
