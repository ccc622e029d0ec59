"""N: logs."""

import json

from conformance.station import Station
from conformance.v201.states import booted
from conformance.verdicts import holds, same

_SECRET = "topsecret-of-conformance"


async def tc_n_102(station: Station) -> None:
    """The operator has a log sent to an http location with credentials, which nobody else sees."""
    await _sent_to(station, f"http://uploader:{_SECRET}@logs.example/upload")


async def tc_n_102_2(station: Station) -> None:
    """The operator has a log sent to an https location with credentials, which nobody else sees."""
    await _sent_to(station, f"https://uploader:{_SECRET}@logs.example/upload")


async def _sent_to(station: Station, location: str) -> None:
    await booted(station)
    body = {"command": {"getLog": {"location": location}}}
    asked = await station.commanded("commands", body, "GetLog", {"status": "Accepted"})
    same("location", asked.payload["log"]["remoteLocation"], location)
    told = {"requestId": asked.payload["requestId"]}
    for word in ("Uploading", "Uploaded"):
        await station.acknowledged("LogStatusNotification", {"status": word, **told})
    await station.file_job_is(asked.command, "DONE")
    seen = [await station.operator.get(f"/charge-points/{station.identity}/{name}") for name in _RECORDS]
    holds("the records are without the password", _SECRET not in json.dumps([asked.command, *seen]))


_RECORDS = ("commands", "file-jobs", "messages")
