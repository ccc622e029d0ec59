"""Updates of firmware and requests for logs from the operator's command to the bytes: an edge node before the real
station and transaction services, whose files a charge point fetches and brings over HTTP and FTP."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aioftp
import aiohttp
import grpc.aio
import orjson
import pytest

from csms.station.v1.file_job_pb2 import FileJob
from csms.station.v1.file_job_service_pb2 import GetFileJobRequest, ListFileJobsRequest
from csms.station.v1.file_job_service_pb2_grpc import FileJobServiceStub
from csms.station.v1.file_service_pb2 import CreateFileRequest
from csms.station.v1.file_service_pb2_grpc import FileServiceStub
from csms.station.v1.stored_file_pb2 import Firmware, StoredFile
from csms.transaction.v1 import command_service_pb2 as command_pb
from csms.transaction.v1.command_pb2 import Command, CommandBody
from csms.transaction.v1.command_service_pb2_grpc import CommandServiceStub
from csms.transaction.v1.file_commands_pb2 import GetLog, UnpublishFirmware, UpdateFirmware
from ocpp_edge.versions import Version
from stack.ports import free_port
from tests.contract.ocpp_edge.node import Charger, Node, Starter
from tests.contract.ocpp_edge.platform import Platform
from tests.contract.services.transaction.platform import Stations
from tests.fixtures.background import eventually
from tests.fixtures.services import RunningService, ServiceRunner

LOG, IMAGE = b"a line of a log\n" * 10_000, bytes(range(256)) * 4_000


@dataclass(frozen=True)
class World:
    """What an operator and a charge point have to do with."""

    node: Node
    platform: Platform
    station: RunningService
    transaction: RunningService
    files: FileServiceStub
    jobs: FileJobServiceStub
    commands: CommandServiceStub

    async def ask(self, charger: Charger, identity: str, body: CommandBody, action: str, answer: Any) -> Any:
        """Command a charge point; what it was asked, and the command."""
        request = command_pb.CreateCommandRequest(charge_point_id=identity, command=body)
        creating = asyncio.ensure_future(self.commands.CreateCommand(request))
        asked = await charger.answer(answer, action)
        return asked, (await creating).command

    async def job(self, command: Command) -> FileJob:
        return (await self.jobs.GetFileJob(GetFileJobRequest(file_job_id=command.id))).file_job

    async def becomes(self, command: Command, state: "FileJob.State.ValueType") -> FileJob:
        async def is_so() -> bool:
            return (await self.job(command)).state == state

        await eventually(is_so)
        return await self.job(command)

    async def image(self, http: aiohttp.ClientSession, version: str = "2.0") -> StoredFile:
        """An image of firmware that the platform has."""
        made = await self.files.CreateFile(CreateFileRequest(name="wall.bin", firmware=Firmware(version=version)))

        async def is_put() -> bool:
            try:
                async with http.put(made.link.url, data=IMAGE) as answer:
                    return answer.status in (201, 409)
            except aiohttp.ClientConnectionError:
                return False

        await eventually(is_put)
        return made.file


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def world(run_service: ServiceRunner, platform: Platform, start_node: Starter, tmp_path: Path) -> World:
    port = free_port()
    station = await run_service(
        "station",
        background=True,
        ocpp_ask_inventory=False,
        files_listen_port=port,
        files_public_url=f"http://127.0.0.1:{port}",
        files_folder=tmp_path / "files",
        ftp_listen_port=free_port(),
        ftp_public_host="127.0.0.1",
    )
    transaction = await run_service("transaction", background=True, station_service_url=station.address)
    platform.addresses |= {"station": station.address, "transaction": transaction.address}
    channel = await station.channel("operator")
    commands = CommandServiceStub(await transaction.channel("operator"))
    node = await start_node()
    return World(node, platform, station, transaction, FileServiceStub(channel), FileJobServiceStub(channel), commands)


async def test_a_log_comes_over_http_and_ftp_by_each_version(world: World, http: aiohttp.ClientSession) -> None:
    await world.image(http)  # files are served from here on
    for version, action, is_ftp in (
        (Version.V16, "GetDiagnostics", False),
        (Version.V16, "GetDiagnostics", True),
        (Version.V201, "GetLog", False),
        (Version.V21, "GetLog", True),
    ):
        identity = f"LOG-{version}-{is_ftp}"
        await Stations(world.station).create(identity)
        async with world.node.charger(identity, version) as charger:
            body = CommandBody(get_log=GetLog(ftp=is_ftp))
            reply = {"fileName": "log"} if version is Version.V16 else {"status": "Accepted"}
            asked, command = await world.ask(charger, identity, body, action, reply)
            location = asked["location"] if version is Version.V16 else asked["log"]["remoteLocation"]
            assert (await world.job(command)).state == FileJob.ASKED
            await bring(location, http)
            job = await world.becomes(command, FileJob.DONE)
            assert (job.file.sha256, job.file.state) == (hashlib.sha256(LOG).hexdigest(), StoredFile.STORED)
            assert job.file.charge_point_id == identity
            notice, payload = "DiagnosticsStatusNotification", {"status": "Uploaded"}
            if version is not Version.V16:
                notice, payload = "LogStatusNotification", {**payload, "requestId": asked["requestId"]}
            await charger.ask(notice, payload)
            [listed] = (await world.jobs.ListFileJobs(ListFileJobsRequest(charge_point_id=identity))).file_jobs
            assert (listed.id, listed.status, listed.state) == (command.id, "Uploaded", FileJob.DONE)
            assert secret_in(location) not in str(command)


async def test_a_charge_point_that_says_it_sent_a_log_and_did_not_is_not_believed(world: World) -> None:
    await Stations(world.station).create("LIAR")
    async with world.node.charger("LIAR") as charger:
        _, command = await world.ask(charger, "LIAR", CommandBody(get_log=GetLog()), "GetDiagnostics", {})
        await charger.ask("DiagnosticsStatusNotification", {"status": "Uploaded"})
        job = await world.job(command)
        assert (job.state, job.status) == (FileJob.FAILED, "Uploaded")
        assert "no file has come" in job.error


@pytest.mark.parametrize("version", [Version.V16, Version.V201])
async def test_firmware_is_fetched_and_known_to_work_by_the_boot(
    world: World, http: aiohttp.ClientSession, version: Version
) -> None:
    image = await world.image(http, "2.0")
    await Stations(world.station).create("WALL")
    async with world.node.charger("WALL", version) as charger:
        await charger.ask("BootNotification", boot(version, "1.0"))
        body = CommandBody(update_firmware=UpdateFirmware(file_id=image.id))
        reply = {} if version is Version.V16 else {"status": "Accepted"}
        asked, command = await world.ask(charger, "WALL", body, "UpdateFirmware", reply)
        location = asked["location"] if version is Version.V16 else asked["firmware"]["location"]
        async with http.get(location) as answer:
            assert await answer.read() == IMAGE
        number = {} if version is Version.V16 else {"requestId": asked["requestId"]}
        await charger.ask("FirmwareStatusNotification", {"status": "Installing", **number})
        assert (await world.job(command)).state == FileJob.RUNNING
    async with world.node.charger("WALL", version) as charger:
        await charger.ask("BootNotification", boot(version, "1.5"))
        await charger.ask("BootNotification", boot(version, "2.0"))
        job = await world.becomes(command, FileJob.DONE)
        assert (job.previous_version, job.version, job.status) == ("1.0", "2.0", "Installing")


async def test_what_cannot_be_fetched_is_not_asked_for(world: World) -> None:
    await Stations(world.station).create("CP1")
    made = await world.files.CreateFile(CreateFileRequest(name="never-put.bin"))
    async with world.node.charger("CP1"):
        cases: list[tuple[dict[str, Any], str]] = [
            ({"file_id": made.file.id}, "have not come"),
            ({"file_id": "nothing"}, "not found"),
            ({}, "give this or location"),
            ({"location": "gopher://a"}, "must begin with"),
            ({"location": "http://a", "signature": "S"}, "signingCertificate"),
        ]
        for body, reason in cases:
            request = command_pb.CreateCommandRequest(
                charge_point_id="CP1", command=CommandBody(update_firmware=UpdateFirmware(**body))
            )
            with pytest.raises(grpc.aio.AioRpcError, match=reason):
                await world.commands.CreateCommand(request)
        publishing = command_pb.CreateCommandRequest(
            charge_point_id="CP1", command=CommandBody(unpublish_firmware=UnpublishFirmware(checksum="0" * 32))
        )
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await world.commands.CreateCommand(publishing)
        assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_another_takes_the_place_of_the_one_that_goes_on(world: World) -> None:
    await Stations(world.station).create("CP2")
    async with world.node.charger("CP2", Version.V201) as charger:
        body = CommandBody(get_log=GetLog())
        _, first = await world.ask(charger, "CP2", body, "GetLog", {"status": "Accepted"})
        _, second = await world.ask(charger, "CP2", body, "GetLog", {"status": "AcceptedCanceled"})
        assert (await world.job(first)).state == FileJob.CANCELED
        assert (await world.job(second)).state == FileJob.ASKED
        _, third = await world.ask(charger, "CP2", body, "GetLog", {"status": "Rejected"})
        assert (await world.job(third)).state == FileJob.REJECTED


async def test_the_secret_of_a_link_is_in_no_journal(world: World) -> None:
    await Stations(world.station).create("CP3")
    async with world.node.charger("CP3", Version.V201) as charger:
        asked, _ = await world.ask(
            charger, "CP3", CommandBody(get_log=GetLog()), "GetLog", {"status": "Accepted", "filename": "a"}
        )
    secret = secret_in(asked["log"]["remoteLocation"])

    async def kept() -> list[str]:
        async with world.transaction.database.read() as connection:
            rows = await connection.exec_driver_sql("SELECT frame FROM ocpp_messages WHERE action = 'GetLog'")
            return [row.frame if isinstance(row.frame, str) else orjson.dumps(row.frame).decode() for row in rows]

    async def is_journalled() -> bool:
        return bool(await kept())

    await eventually(is_journalled)
    assert all(secret not in frame and "/file-links/***/" in frame for frame in await kept())


def boot(version: Version, firmware: str) -> dict[str, Any]:
    if version is Version.V16:
        return {"chargePointVendor": "V", "chargePointModel": "M", "firmwareVersion": firmware}
    station = {"vendorName": "V", "model": "M", "firmwareVersion": firmware}
    return {"reason": "FirmwareUpdate", "chargingStation": station}


async def bring(location: str, http: aiohttp.ClientSession) -> None:
    """Send the log as a charge point does that was told this location."""
    if location.startswith("http"):
        async with http.put(location, data=LOG) as answer:
            assert answer.status == 201
        return
    login, _, place = location.removeprefix("ftp://").partition("@")
    name, _, password = login.partition(":")
    host, _, port = place.rstrip("/").partition(":")
    async with (
        aioftp.Client.context(host, int(port), name, password) as client,
        client.upload_stream("diagnostics.log") as stream,
    ):
        await stream.write(LOG)


def secret_in(location: str) -> str:
    """What nobody else may know of it."""
    if location.startswith("http"):
        return location.split("/file-links/")[1].split("/")[0]
    return location.split("@")[0].split(":")[-1]
