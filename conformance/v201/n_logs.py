"""N: logs."""

from conformance.station import Asked, Station
from conformance.v201.states import booted
from conformance.verdicts import holds, same


async def _asks(station: Station, kind: str, word: str, answer: str = "Accepted") -> Asked:
    body = {"command": {"getLog": {"type": kind}}}
    asked = await station.commanded("commands", body, "GetLog", {"status": answer, "filename": "script.log"})
    same("kind of the log", asked.payload["logType"], word)
    same("status of the command", asked.command["status"], answer)
    return asked


async def _tell(station: Station, asked: Asked, word: str) -> None:
    body = {"status": word, "requestId": asked.payload["requestId"]}
    await station.acknowledged("LogStatusNotification", body)


async def _sends(station: Station, asked: Asked) -> None:
    await _tell(station, asked, "Uploading")
    await station.uploads(asked.payload["log"]["remoteLocation"], b"what was going on")
    await _tell(station, asked, "Uploaded")
    job = await station.file_job_is(asked.command, "DONE")
    holds("the file is stored", job["file"]["state"] == "STORED", job["file"])


async def tc_n_25(station: Station) -> None:
    """The operator asks for the diagnostics log: the upload is taken, and each step of it is acknowledged."""
    await booted(station)
    await _sends(station, await _asks(station, "DIAGNOSTICS", "DiagnosticsLog"))


async def tc_n_34(station: Station) -> None:
    """That a log is not sent is told as such."""
    await booted(station)
    asked = await _asks(station, "DIAGNOSTICS", "DiagnosticsLog", "Rejected")
    same("state of the command", asked.command["state"], "REJECTED")


async def tc_n_35(station: Station) -> None:
    """The operator asks for the security log: the upload is taken, and each step of it is acknowledged."""
    await booted(station)
    await _sends(station, await _asks(station, "SECURITY", "SecurityLog"))


async def tc_n_36(station: Station) -> None:
    """The operator asks for another log while the first is sent: that is given up, the new one is followed."""
    await booted(station)
    first = await _asks(station, "DIAGNOSTICS", "DiagnosticsLog")
    await _tell(station, first, "Uploading")
    second = await _asks(station, "SECURITY", "SecurityLog", "AcceptedCanceled")
    await _tell(station, first, "AcceptedCanceled")
    await station.file_job_is(first.command, "CANCELED")
    await _sends(station, second)
