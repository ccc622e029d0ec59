"""Firmware, diagnostics and logs (profile FirmwareManagement, security whitepaper)."""

from typing import Any

from conformance.station import Asked, Payload, Station
from conformance.v16.states import booted, now, reboots, status
from conformance.verdicts import holds, same

_IMAGE = "https://firmware.example/script-2.0.bin"
_SIGNED = {"signingCertificate": "-----BEGIN CERTIFICATE-----", "signature": "c2lnbmF0dXJl"}
_TAKEN: Payload = {"status": "Accepted"}


async def _tell(station: Station, action: str, *words: str, **more: Any) -> None:
    for word in words:
        await station.acknowledged(action, {"status": word, **more})


async def _ask(station: Station, kind: str, body: Payload, action: str, answer: Payload) -> Asked:
    return await station.commanded("commands", {"command": {kind: body}}, action, answer)


# ---------------------------------------------------------------- firmware


async def _updates(station: Station) -> Asked:
    await booted(station)
    asked = await _ask(station, "updateFirmware", {"location": _IMAGE}, "UpdateFirmware", {})
    same("location that is asked for", asked.payload["location"], _IMAGE)
    return asked


async def tc_044_1(station: Station) -> None:
    """The operator has firmware installed: each step is acknowledged and shown, the boot between included."""
    asked = await _updates(station)
    await _tell(station, "FirmwareStatusNotification", "Downloading", "Downloaded")
    await status(station, "Unavailable", 0)
    await _tell(station, "FirmwareStatusNotification", "Installing")
    await station.file_job_is(asked.command, "RUNNING")
    await reboots(station)
    await _tell(station, "FirmwareStatusNotification", "Installed")
    await station.file_job_is(asked.command, "DONE")


async def tc_044_2(station: Station) -> None:
    """That firmware could not be fetched is acknowledged and shown."""
    asked = await _updates(station)
    await _tell(station, "FirmwareStatusNotification", "Downloading", "DownloadFailed")
    await station.file_job_is(asked.command, "FAILED")


async def tc_044_3(station: Station) -> None:
    """That firmware could not be installed is acknowledged and shown."""
    asked = await _updates(station)
    await _tell(station, "FirmwareStatusNotification", "Downloading", "Downloaded", "Installing")
    await reboots(station)
    await _tell(station, "FirmwareStatusNotification", "InstallationFailed")
    await station.file_job_is(asked.command, "FAILED")


async def tc_080(station: Station) -> None:
    """The operator has signed firmware installed: certificate and signature are sent, each step is acknowledged."""
    asked, about = await _updates_signed(station)
    await _tell(station, _SIGNED_STATUS, "Downloading", "Downloaded", "SignatureVerified", "Installing", **about)
    await reboots(station)
    await _tell(station, _SIGNED_STATUS, "Installed", **about)
    await station.file_job_is(asked.command, "DONE")


async def tc_081(station: Station) -> None:
    """That the signature of firmware is wrong is acknowledged and shown, as is the security event."""
    asked, about = await _updates_signed(station)
    await _tell(station, _SIGNED_STATUS, "Downloading", "Downloaded", "InvalidSignature", **about)
    event = {"type": "InvalidFirmwareSignature", "timestamp": now()}
    await station.acknowledged("SecurityEventNotification", event)
    await station.event("SecurityEventNotification", subject="InvalidFirmwareSignature")
    await station.file_job_is(asked.command, "FAILED")


_SIGNED_STATUS = "SignedFirmwareStatusNotification"


async def _updates_signed(station: Station) -> tuple[Asked, Payload]:
    await booted(station)
    body = {"location": _IMAGE, **_SIGNED}
    asked = await _ask(station, "updateFirmware", body, "SignedUpdateFirmware", _TAKEN)
    firmware = asked.payload["firmware"]
    same("what is asked for", {name: firmware.get(name) for name in body}, body)
    return asked, {"requestId": asked.payload["requestId"]}


# ---------------------------------------------------------------- diagnostics and logs


async def tc_045_1(station: Station) -> None:
    """The operator asks for diagnostics: the upload is taken, and each step of it is acknowledged."""
    await booted(station)
    asked = await _ask(station, "getLog", {}, "GetDiagnostics", {"fileName": "diagnostics.zip"})
    await _tell(station, "DiagnosticsStatusNotification", "Uploading")
    await station.uploads(asked.payload["location"], b"what was going on")
    await _tell(station, "DiagnosticsStatusNotification", "Uploaded")
    job = await station.file_job_is(asked.command, "DONE")
    holds("the file is stored", job["file"]["state"] == "STORED", job["file"])


async def tc_045_2(station: Station) -> None:
    """That diagnostics could not be sent is acknowledged and shown."""
    await booted(station)
    asked = await _ask(station, "getLog", {}, "GetDiagnostics", {"fileName": "diagnostics.zip"})
    await _tell(station, "DiagnosticsStatusNotification", "Uploading", "UploadFailed")
    await station.file_job_is(asked.command, "FAILED")


async def tc_079(station: Station) -> None:
    """The operator asks for the security log: the upload is taken, and each step of it is acknowledged."""
    await booted(station)
    asked = await _ask(station, "getLog", {"type": "SECURITY"}, "GetLog", {**_TAKEN, "filename": "security.log"})
    same("kind of the log", asked.payload["logType"], "SecurityLog")
    about = {"requestId": asked.payload["requestId"]}
    await _tell(station, "LogStatusNotification", "Uploading", **about)
    await station.uploads(asked.payload["log"]["remoteLocation"], b"who was there")
    await _tell(station, "LogStatusNotification", "Uploaded", **about)
    await station.file_job_is(asked.command, "DONE")
