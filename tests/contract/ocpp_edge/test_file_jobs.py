"""Updates of firmware and requests for logs from the operator's command to the bytes: an edge node before the real
station and transaction services, whose files a charge point fetches and brings over HTTP and FTP."""

import asyncio
import hashlib
from typing import Any

import aioftp
import aiohttp
import grpc.aio
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from csms.station.v1.file_job_pb2 import FileJob
from csms.station.v1.file_job_service_pb2 import GetFileJobRequest, ListFileJobsRequest
from csms.station.v1.file_job_service_pb2_grpc import FileJobServiceStub
from csms.station.v1.file_service_pb2 import CreateFileRequest, ListFilesRequest
from csms.station.v1.file_service_pb2_grpc import FileServiceStub
from csms.station.v1.stored_file_pb2 import Firmware, StoredFile
from csms.transaction.v1 import command_service_pb2 as command_pb
from csms.transaction.v1.command_pb2 import CommandBody
from csms.transaction.v1.command_service_pb2_grpc import CommandServiceStub
from csms.transaction.v1.file_commands_pb2 import GetLog, UnpublishFirmware, UpdateFirmware
from ocpp_edge.versions import Version
from tests.contract.ocpp_edge.file_world import IMAGE, World, http, world
from tests.contract.services.transaction.platform import Stations
from tests.fixtures.background import eventually
from tests.fixtures.journal import journalled

LOG = b"a line of a log\n" * 10_000

__all__ = ["http", "world"]


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
    async with world.node.charger("CP1") as charger:
        cases: list[tuple[dict[str, Any], str]] = [
            ({"file_id": made.file.id}, "have not come"),
            ({"file_id": "nothing"}, "not found"),
            ({}, "give this or location"),
            ({"location": "gopher://a"}, "must begin with"),
            ({"location": "https:///"}, "must begin with"),
            ({"location": "http://a", "signature": "S"}, "signingCertificate"),
            ({"location": "http://a", "retrieve_time": Timestamp(seconds=253402300799)}, "retrieveTime"),
        ]
        for body, reason in cases:
            request = command_pb.CreateCommandRequest(
                charge_point_id="CP1", command=CommandBody(update_firmware=UpdateFirmware(**body))
            )
            with pytest.raises(grpc.aio.AioRpcError, match=reason):
                await world.commands.CreateCommand(request)
        span = GetLog(oldest_time=Timestamp(seconds=2), latest_time=Timestamp(seconds=1))
        backwards = command_pb.CreateCommandRequest(charge_point_id="CP1", command=CommandBody(get_log=span))
        with pytest.raises(grpc.aio.AioRpcError, match="latestTime"):
            await world.commands.CreateCommand(backwards)
        _, command = await world.ask(charger, "CP1", CommandBody(get_log=GetLog()), "GetDiagnostics", {})
        log = UpdateFirmware(file_id=(await world.job(command)).file.id)
        request = command_pb.CreateCommandRequest(charge_point_id="CP1", command=CommandBody(update_firmware=log))
        with pytest.raises(grpc.aio.AioRpcError, match="no file of firmware"):
            await world.commands.CreateCommand(request)
        publishing = command_pb.CreateCommandRequest(
            charge_point_id="CP1", command=CommandBody(unpublish_firmware=UnpublishFirmware(checksum="0" * 32))
        )
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await world.commands.CreateCommand(publishing)
        assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_silence_ends_a_job_until_something_is_heard_again(world: World) -> None:
    await Stations(world.station).create("QUIET")
    async with world.node.charger("QUIET") as charger:
        body = CommandBody(update_firmware=UpdateFirmware(location="http://192.0.2.1/wall.bin"))
        _, command = await world.ask(charger, "QUIET", body, "UpdateFirmware", {})
        assert (await world.job(command)).location == "http://192.0.2.1/wall.bin"
        async with world.station.database.transaction() as connection:
            await connection.exec_driver_sql("UPDATE file_jobs SET expire_time = now() - interval '1 s'")
        job = await world.becomes(command, FileJob.TIMED_OUT)
        assert "nothing was heard" in job.error
        await charger.ask("FirmwareStatusNotification", {"status": "Installing"})
        job = await world.job(command)
        assert (job.state, job.error, job.HasField("end_time")) == (FileJob.RUNNING, "", False)


async def test_jobs_and_files_are_their_tenants_alone(world: World) -> None:
    await Stations(world.station).create("NORTH", tenant="north")
    north = FileServiceStub(await world.station.channel("operator", tenant="north"))
    of_south = FileJobServiceStub(await world.station.channel("operator", tenant="south"))
    commands = CommandServiceStub(await world.transaction.channel("operator", tenant="north"))
    ours = await world.files.CreateFile(CreateFileRequest(name="ours.bin", firmware=Firmware(location="http://a/b")))
    async with world.node.charger("NORTH") as charger:
        theirs = command_pb.CreateCommandRequest(
            charge_point_id="NORTH", command=CommandBody(update_firmware=UpdateFirmware(file_id=ours.file.id))
        )
        with pytest.raises(grpc.aio.AioRpcError, match="not found"):
            await commands.CreateCommand(theirs)
        request = command_pb.CreateCommandRequest(charge_point_id="NORTH", command=CommandBody(get_log=GetLog()))
        creating = asyncio.ensure_future(commands.CreateCommand(request))
        await charger.answer({}, "GetDiagnostics")
        await charger.ask("DiagnosticsStatusNotification", {"status": "Uploading"})
        command = (await creating).command
    with pytest.raises(grpc.aio.AioRpcError, match="not found"):
        await of_south.GetFileJob(GetFileJobRequest(file_job_id=command.id))
    [file] = (await north.ListFiles(ListFilesRequest())).files
    assert (file.charge_point_id, file.purpose) == ("NORTH", StoredFile.LOG)


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
        exchanges = await journalled(world.transaction.database, "CP3")
        return [one.frame.decode() for one in exchanges if one.action == "GetLog"]

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
