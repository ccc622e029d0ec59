"""What a station does with files, whatever OCPP version brought the command: it fetches and installs firmware, and
sends logs, over HTTP and FTP.

An image may say in its first line which version it is (`firmware 2.4.1`); otherwise the numbers in its name do.
"""

import asyncio
import base64
import ftplib
import hashlib
import re
import urllib.request
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from simulator import commands
from simulator.charge_point import ChargePoint
from simulator.file_conduct import FileConduct, FirmwareFault

_Answer = TypeVar("_Answer")

Tell = Callable[[str], Awaitable[None]]
"""Tells how far it is, in the words of a version."""

_LINE_SECONDS = 60.0
_LINES = ThreadPoolExecutor(32, "files")
_READY_SECONDS = 60.0
_SAID = re.compile(rb"firmware ([\w.+-]{1,50})\r?\n")
_IN_NAME = re.compile(r"\d+(?:\.\d+)+")
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/=]+):")
# Whatever goes wrong on the way, the transfer has failed.
_FAILURES: tuple[type[Exception], ...] = (OSError, EOFError, ValueError, ftplib.Error)


async def update_firmware(station: ChargePoint, location: str, tell: Tell) -> None:
    """Fetch the image, wait until nobody charges, install, restart, and tell each step."""
    conduct = station.files
    if conduct.fault is FirmwareFault.SILENT:
        return
    await _step(conduct, tell, "Downloading")
    try:
        image = await _fetched(conduct, location)
    except _FAILURES as failure:
        station.problem("UpdateFirmware", f"{location}: {failure}")
        await tell("DownloadFailed")
        return
    await _step(conduct, tell, "Downloaded")
    await commands.ended(station.transactions())
    await _step(conduct, tell, "Installing")
    if conduct.fault is FirmwareFault.INSTALLATION_FAILED:
        await tell("InstallationFailed")
        return
    if conduct.fault is not FirmwareFault.OLD_VERSION:
        station.profile = replace(station.profile, firmware_version=version_of(image, location))
    if conduct.fault is FirmwareFault.FAULTED:
        next(iter(station.connectors.values())).fault = "OtherError"
    await station.link.reboot("FirmwareUpdate")
    await station.ready(_READY_SECONDS)
    await tell("Installed")


async def send_log(station: ChargePoint, location: str, name: str, tell: Tell) -> None:
    """Send the log under a name, and tell how it went."""
    await _step(station.files, tell, "Uploading")
    try:
        await _on_the_line(_put, location, name, station.files.log)
    except _FAILURES as failure:
        station.problem("GetLog", f"{location}: {failure}")
        await tell("UploadFailure")
        return
    await tell("Uploaded")


async def publish_firmware(station: ChargePoint, location: str, checksum: str, tell: Tell) -> None:
    """Fetch an image, check it, and offer it to others."""
    conduct = station.files
    await _step(conduct, tell, "Downloading")
    try:
        image = await _fetched(conduct, location)
    except _FAILURES as failure:
        station.problem("PublishFirmware", f"{location}: {failure}")
        await tell("DownloadFailed")
        return
    await _step(conduct, tell, "Downloaded")
    if hashlib.md5(image, usedforsecurity=False).hexdigest() != checksum.lower():
        await tell("InvalidChecksum")
        return
    await _step(conduct, tell, "ChecksumVerified")
    conduct.published[checksum.lower()] = location
    await tell("Published")


def unpublish_firmware(station: ChargePoint, checksum: str) -> str:
    """Offer an image no longer; the status of the answer."""
    return "Unpublished" if station.files.published.pop(checksum.lower(), None) else "NoFirmware"


def version_of(image: bytes, location: str) -> str:
    """Which version an image is."""
    if said := _SAID.match(image):
        return said[1].decode()
    found = _IN_NAME.findall(PurePosixPath(urlsplit(location).path).name)
    return found[-1] if found else "2.0.0"


async def _step(conduct: FileConduct, tell: Tell, status: str) -> None:
    await tell(status)
    await asyncio.sleep(conduct.steps_seconds)


async def _fetched(conduct: FileConduct, location: str) -> bytes:
    if conduct.fault is FirmwareFault.DOWNLOAD_FAILED:
        raise OSError("the line is down")
    return await _on_the_line(_get, location)


async def _on_the_line(transfer: Callable[..., _Answer], *arguments: Any) -> _Answer:
    """In a thread of its own kind: a fleet that waits for its files must not hold up what else needs one."""
    return await asyncio.get_running_loop().run_in_executor(_LINES, transfer, *arguments)


def _get(location: str) -> bytes:
    """The bytes behind an http, https or ftp address. Raises ValueError for others, and for a wrong checksum."""
    _check_scheme(location)
    with urllib.request.urlopen(location, timeout=_LINE_SECONDS) as answer:
        body: bytes = answer.read()
        said = _DIGEST.search(answer.headers.get("Repr-Digest", ""))
    if said and base64.b64decode(said[1]) != hashlib.sha256(body).digest():
        raise ValueError("the bytes are not those of the checksum")
    return body


def _put(location: str, name: str, body: bytes) -> None:
    """Bring bytes to an http, https or ftp address."""
    _check_scheme(location)
    parts = urlsplit(location)
    if parts.scheme != "ftp":
        request = urllib.request.Request(location, data=body, method="PUT")
        with urllib.request.urlopen(request, timeout=_LINE_SECONDS):
            return
    with ftplib.FTP(timeout=_LINE_SECONDS) as line:
        line.connect(parts.hostname or "", parts.port or ftplib.FTP_PORT)
        line.login(unquote(parts.username or ""), unquote(parts.password or ""))
        with line.transfercmd(f"STOR {parts.path.rstrip('/')}/{name}") as data:
            data.sendall(body)
        line.voidresp()


def _check_scheme(location: str) -> None:
    if urlsplit(location).scheme not in ("http", "https", "ftp"):
        raise ValueError("nobody knows how to get there")
