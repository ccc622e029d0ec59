"""Firmware and logs of simulated charge points: what they fetch, check, install and send, and how they fail."""

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from ocpp.v16 import call as call16
from ocpp.v201 import call as call201

from simulator.charge_point import ChargePoint
from simulator.file_conduct import FirmwareFault, firmware_faults
from simulator.files import version_of
from tests.contract.simulator.conftest import MakeStation
from tests.fixtures.tiny_csms import TinyCsms

IMAGE = b"firmware 3.1.4\n" + bytes(5000)
MD5 = hashlib.md5(IMAGE).hexdigest()


class _Store(BaseHTTPRequestHandler):
    """Gives the image, also one that is damaged on the way, and keeps what it is sent."""

    got: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        sound = base64.b64encode(hashlib.sha256(IMAGE).digest()).decode()
        body = IMAGE[:-1] + b"!" if self.path.startswith("/damaged") else IMAGE
        self.send_response(200)
        self.send_header("Repr-Digest", f"sha-256=:{sound}:")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self) -> None:
        self.got[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def store() -> Iterator[str]:
    """Where files are; its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Store) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def statuses(csms: TinyCsms, action: str) -> list[str]:
    return [str(payload["status"]) for payload in csms.payloads(action)]


async def reported(csms: TinyCsms, action: str, last: str) -> list[str]:
    """All statuses, once the last one was told."""
    await csms.until(lambda: statuses(csms, action)[-1:] == [last])
    return statuses(csms, action)


async def test_firmware_of_1_6_is_fetched_installed_and_reported(
    csms: TinyCsms, station16: ChargePoint, store: str
) -> None:
    await csms.send("CP001", call16.UpdateFirmware(f"{store}/wall.bin", "2027-01-15T08:00:00Z"))
    told = await reported(csms, "FirmwareStatusNotification", "Installed")
    assert told == ["Downloading", "Downloaded", "Installing", "Installed"]
    assert [boot["firmwareVersion"] for boot in csms.payloads("BootNotification")] == ["1.0.0", "3.1.4"]


async def test_signed_firmware_and_the_security_log_of_1_6_have_numbers(
    csms: TinyCsms, station16: ChargePoint, store: str
) -> None:
    firmware = {
        "location": f"{store}/wall.bin",
        "retrieveDateTime": "2027-01-15T08:00:00Z",
        "signingCertificate": "C",
        "signature": "S",
    }
    answer = await csms.send("CP001", call16.SignedUpdateFirmware(7, firmware))
    assert answer.status == "Accepted"
    assert await reported(csms, "SignedFirmwareStatusNotification", "Installed")
    assert {payload["requestId"] for payload in csms.payloads("SignedFirmwareStatusNotification")} == {7}
    await station16.ready(10)
    log = {"remoteLocation": f"{store}/log"}
    assert (await csms.send("CP001", call16.GetLog(log, "SecurityLog", 8))).status == "Accepted"
    assert await reported(csms, "LogStatusNotification", "Uploaded") == ["Uploading", "Uploaded"]
    assert _Store.got["/log"] == station16.files.log


@pytest.mark.parametrize(
    ("fault", "path", "told", "version"),
    [
        (FirmwareFault.DOWNLOAD_FAILED, "wall.bin", ["Downloading", "DownloadFailed"], "1.0.0"),
        (FirmwareFault.NONE, "damaged.bin", ["Downloading", "DownloadFailed"], "1.0.0"),
        (
            FirmwareFault.INSTALLATION_FAILED,
            "wall.bin",
            ["Downloading", "Downloaded", "Installing", "InstallationFailed"],
            "1.0.0",
        ),
        (FirmwareFault.OLD_VERSION, "wall.bin", ["Downloading", "Downloaded", "Installing", "Installed"], "1.0.0"),
        (FirmwareFault.FAULTED, "wall.bin", ["Downloading", "Downloaded", "Installing", "Installed"], "3.1.4"),
    ],
)
async def test_each_fault_shows_itself(
    csms: TinyCsms, station201: ChargePoint, store: str, fault: FirmwareFault, path: str, told: list[str], version: str
) -> None:
    station201.files.fault = fault
    firmware = {"location": f"{store}/{path}", "retrieveDateTime": "2027-01-15T08:00:00Z"}
    await csms.send("CP001", call201.UpdateFirmware(5, firmware))
    assert await reported(csms, "FirmwareStatusNotification", told[-1]) == told
    assert station201.profile.firmware_version == version
    assert (station201.connectors[1].fault is not None) == (fault is FirmwareFault.FAULTED)


async def test_firmware_is_published_when_it_is_what_was_meant(
    csms: TinyCsms, station201: ChargePoint, store: str
) -> None:
    location = f"{store}/wall.bin"
    assert (await csms.send("CP001", call201.PublishFirmware(location, MD5, 3))).status == "Accepted"
    action = "PublishFirmwareStatusNotification"
    assert await reported(csms, action, "Published") == ["Downloading", "Downloaded", "ChecksumVerified", "Published"]
    assert csms.payloads(action)[-1]["location"] == [location]
    for expected in ("Unpublished", "NoFirmware"):
        assert (await csms.send("CP001", call201.UnpublishFirmware(MD5))).status == expected
    await csms.send("CP001", call201.PublishFirmware(location, "0" * 32, 4))
    assert (await reported(csms, action, "InvalidChecksum"))[-2:] == ["Downloaded", "InvalidChecksum"]


async def test_a_log_that_cannot_be_sent_is_told_in_the_words_of_the_version(
    csms: TinyCsms, make_station: MakeStation
) -> None:
    nowhere: dict[str, Any] = {"remoteLocation": "gopher://127.0.0.1/"}
    for protocol, request, action, word in (
        ("1.6", call16.GetDiagnostics("gopher://127.0.0.1/"), "DiagnosticsStatusNotification", "UploadFailed"),
        ("2.0.1", call201.GetLog(nowhere, "DiagnosticsLog", 9), "LogStatusNotification", "UploadFailure"),
    ):
        async with AsyncExitStack() as stack:
            station = make_station(protocol)
            await stack.enter_async_context(station.running())
            await station.ready(10)
            await csms.send("CP001", request)
            assert await reported(csms, action, word) == ["Uploading", word]


def test_an_image_says_its_version_or_its_name_does() -> None:
    assert version_of(b"firmware 9.9-rc1\nbytes", "http://a/wall-2.4.1.bin") == "9.9-rc1"
    assert version_of(b"\0\1", "ftp://a/b-1.0/wall-2.4.1.bin?x=3.3") == "2.4.1"
    assert version_of(b"", "http://a/wall") == "2.0.0"
    assert firmware_faults("none,Silent") == [FirmwareFault.NONE, FirmwareFault.SILENT]
