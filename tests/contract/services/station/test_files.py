"""Files: made over gRPC, brought and fetched over HTTP and FTP by whoever has a link, kept in a folder."""

import asyncio
import base64
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aioftp
import aiohttp
import grpc.aio
import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration

from csms.station.v1 import file_service_pb2 as file_pb
from csms.station.v1 import firmware_campaign_service_pb2 as campaign_pb
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.file_service_pb2_grpc import FileServiceStub
from csms.station.v1.firmware_campaign_pb2 import FirmwareCampaign, FirmwareCampaignSelection
from csms.station.v1.firmware_campaign_service_pb2_grpc import FirmwareCampaignServiceStub
from csms.station.v1.stored_file_pb2 import FileLink, Firmware, StoredFile
from services.kernel.clock import SystemClock
from services.kernel.ids import new_id
from services.messaging.outbox import OutboxRelay
from services.station.__main__ import file_bounds
from services.station.adapters.file_folder import FileFolder
from services.station.application.files import Files
from services.station.settings import StationSettings
from services.station.sql.unit_of_work import SqlUnitsOfWork
from stack.ports import free_port
from tests.contract.services.station.callers import create_point
from tests.fixtures.background import eventually
from tests.fixtures.calls import reason
from tests.fixtures.services import RunningService, ServiceRunner

pytestmark = pytest.mark.asyncio(loop_scope="module")

IMAGE = os.urandom(3_000_000)
SHA_256 = hashlib.sha256(IMAGE).hexdigest()
DIGEST = f"sha-256=:{base64.b64encode(hashlib.sha256(IMAGE).digest()).decode()}:"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def keeper(module_services: ServiceRunner, tmp_path_factory: pytest.TempPathFactory) -> RunningService:
    """A station service that serves files; an image may have 5 MiB."""
    port = free_port()
    return await module_services(
        "station",
        background=True,
        files_listen_port=port,
        files_public_url=f"http://127.0.0.1:{port}",
        files_folder=tmp_path_factory.mktemp("files"),
        files_most_firmware_mib=5,
        ftp_listen_port=free_port(),
        ftp_public_host="127.0.0.1",
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def files(keeper: RunningService) -> FileServiceStub:
    """FileService as an operator calls it."""
    return FileServiceStub(await keeper.channel("operator"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(keeper: RunningService) -> AsyncIterator[aiohttp.ClientSession]:
    """Whoever has a link. Waits until files are served."""
    async with aiohttp.ClientSession() as session:

        async def is_served() -> bool:
            try:
                async with session.get(f"{settings_of(keeper).files_public_url}/file-links/x/y") as answer:
                    return answer.status == 404
            except aiohttp.ClientConnectionError:
                return False

        await eventually(is_served)
        yield session


async def made(files: FileServiceStub, name: str = "wall-2.bin") -> file_pb.CreateFileResponse:
    return await files.CreateFile(file_pb.CreateFileRequest(name=name))


async def download_of(files: FileServiceStub, file: StoredFile) -> FileLink:
    answer = await files.IssueFileLink(file_pb.IssueFileLinkRequest(file_id=file.id))
    return answer.link


async def refusal(answer: aiohttp.ClientResponse) -> tuple[int, str]:
    """Status and reason."""
    said = await answer.json()
    return answer.status, said["details"][0]["reason"]


async def test_what_is_put_is_there_and_is_fetched_whole_or_in_part(
    files: FileServiceStub, http: aiohttp.ClientSession
) -> None:
    new = await made(files)
    assert new.file.state == StoredFile.AWAITED
    assert new.link.most_bytes == 5 << 20
    async with http.put(new.link.url, data=IMAGE, headers={"Repr-Digest": DIGEST}) as answer:
        assert answer.status == 201
        assert await answer.json() == {"sizeBytes": str(len(IMAGE)), "sha256": SHA_256}
    file = (await files.GetFile(file_pb.GetFileRequest(file_id=new.file.id))).file
    assert (file.state, file.size_bytes, file.sha256) == (StoredFile.STORED, len(IMAGE), SHA_256)
    assert file.md5 == hashlib.md5(IMAGE).hexdigest()

    link = await download_of(files, file)
    async with http.head(link.url) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Length"] == str(len(IMAGE))
        etag = answer.headers["ETag"]
        assert answer.headers["Repr-Digest"] == DIGEST
    async with http.get(link.url) as answer:
        assert (answer.status, await answer.read()) == (200, IMAGE)
    async with http.get(link.url, headers={"Range": "bytes=1000000-", "If-Range": etag}) as answer:
        assert (answer.status, await answer.read()) == (206, IMAGE[1_000_000:])
        assert answer.headers["Content-Range"] == f"bytes 1000000-{len(IMAGE) - 1}/{len(IMAGE)}"
    async with http.get(link.url, headers={"Range": f"bytes={len(IMAGE)}-"}) as answer:
        assert answer.status == 416
    async with http.get(link.url, headers={"If-None-Match": etag}) as answer:
        assert answer.status == 304


@pytest.mark.parametrize("range_asked", ["bytes=0-1,5-6", "items=0-5", "bytes=5-2", "bytes=x-", "", "bytes=-"])
async def test_what_is_no_single_range_is_answered_whole(
    files: FileServiceStub, http: aiohttp.ClientSession, range_asked: str
) -> None:
    new = await made(files)
    async with http.put(new.link.url, data=b"0123456789") as answer:
        assert answer.status == 201
    link = await download_of(files, new.file)
    async with http.get(link.url, headers={"Range": range_asked}) as answer:
        assert (answer.status, await answer.read()) == (200, b"0123456789")
    async with http.get(link.url, headers={"Range": "bytes=-3"}) as answer:
        assert (answer.status, await answer.read()) == (206, b"789")
    # Only of GET (RFC 9110, 14.2).
    async with http.head(link.url, headers={"Range": "bytes=0-4"}) as answer:
        assert (answer.status, answer.headers["Content-Length"]) == (200, "10")


async def test_an_upload_comes_as_a_form_too(files: FileServiceStub, http: aiohttp.ClientSession) -> None:
    new = await made(files)
    form = aiohttp.FormData()
    form.add_field("comment", "not the file")
    form.add_field("file", IMAGE, filename="diagnostics.zip")
    async with http.post(new.link.url, data=form) as answer:
        assert answer.status == 201
        assert (await answer.json())["sha256"] == SHA_256
    other = await made(files)
    async with http.post(other.link.url, data={"comment": "no file"}) as answer:
        assert answer.status == 201  # url-encoded, which is a body as any other
    form = aiohttp.FormData(default_to_multipart=True)
    form.add_field("comment", "no file")
    async with http.post((await made(files)).link.url, data=form) as answer:
        assert await refusal(answer) == (400, "INVALID_FIELD")


async def test_each_wrong_use_of_a_link_is_told(
    files: FileServiceStub, http: aiohttp.ClientSession, keeper: RunningService
) -> None:
    new = await made(files)
    async with http.get(new.link.url) as answer:
        assert await refusal(answer) == (404, "FILE_LINK_NOT_FOUND")
    async with http.put(f"{settings_of(keeper).files_public_url}/file-links/{'0' * 64}/a", data=b"a") as answer:
        assert await refusal(answer) == (404, "FILE_LINK_NOT_FOUND")
    async with http.put(new.link.url, data=bytes(new.link.most_bytes + 1)) as answer:
        assert await refusal(answer) == (413, "TOO_LARGE")

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(7):
            yield bytes(1 << 20)

    async with http.put(new.link.url, data=endless()) as answer:
        assert await refusal(answer) == (413, "TOO_LARGE")
    async with http.put(new.link.url, data=b"damaged", headers={"Repr-Digest": DIGEST}) as answer:
        assert await refusal(answer) == (400, "INVALID_FIELD")
    async with http.put(new.link.url, data=b"damaged", headers={"Content-MD5": "München"}) as answer:
        assert await refusal(answer) == (400, "INVALID_FIELD")
    # None of these has used the link up.
    async with http.put(new.link.url, data=b"sound") as answer:
        assert answer.status == 201
    async with http.put(new.link.url, data=b"again") as answer:
        assert await refusal(answer) == (409, "FILE_EXISTS")
    async with http.delete(new.link.url) as answer:
        assert answer.status == 405
    await files.DeleteFile(file_pb.DeleteFileRequest(file_id=new.file.id))
    async with http.put(new.link.url, data=b"again") as answer:
        assert await refusal(answer) == (404, "FILE_LINK_NOT_FOUND")


async def test_of_two_uploads_at_once_one_is_kept_whole(files: FileServiceStub, http: aiohttp.ClientSession) -> None:
    new = await made(files)

    async def put(byte: bytes) -> int:
        async with http.put(new.link.url, data=byte * 2_000_000) as answer:
            return answer.status

    statuses = await asyncio.gather(*(put(bytes([number])) for number in range(5)))
    assert sorted(statuses) == [201, 409, 409, 409, 409]
    kept = bytes([statuses.index(201)]) * 2_000_000
    async with http.get((await download_of(files, new.file)).url) as answer:
        assert await answer.read() == kept


async def test_an_upload_that_breaks_off_is_as_if_it_had_not_been(
    files: FileServiceStub, http: aiohttp.ClientSession, keeper: RunningService
) -> None:
    new = await made(files)

    async def broken() -> AsyncIterator[bytes]:
        yield bytes(1 << 20)
        raise RuntimeError("the charge point is switched off")

    with pytest.raises((RuntimeError, aiohttp.ClientError)):
        await http.put(new.link.url, data=broken(), headers={"Content-Length": str(2 << 20)})
    folder = Path(settings_of(keeper).files_folder)

    async def nothing_is_left() -> bool:
        return not await asyncio.to_thread(lambda: list(folder.glob("*/*.part")))

    await eventually(nothing_is_left)
    assert (await files.GetFile(file_pb.GetFileRequest(file_id=new.file.id))).file.state == StoredFile.AWAITED
    async with http.put(new.link.url, data=b"whole") as answer:
        assert answer.status == 201


async def test_who_speaks_ftp_has_the_same(files: FileServiceStub, http: aiohttp.ClientSession) -> None:
    new = await made(files)
    async with ftp_client(new.link.ftp_url) as client, client.upload_stream("/logs/whatever.zip") as stream:
        await stream.write(IMAGE)
    file = (await files.GetFile(file_pb.GetFileRequest(file_id=new.file.id))).file
    assert (file.state, file.sha256) == (StoredFile.STORED, SHA_256)
    link = await download_of(files, file)
    async with ftp_client(link.ftp_url) as client:
        got = b""
        async with client.download_stream("wall-2.bin", offset=1000) as stream:
            async for block in stream.iter_by_block():
                got += block
        assert got == IMAGE[1000:]
        with pytest.raises(aioftp.StatusCodeError, match="550"):
            await client.upload_stream("wall-3.bin")
        with pytest.raises(aioftp.StatusCodeError, match="502"):
            await client.remove_file("wall-2.bin")
        for offset in (len(IMAGE) + 1, 10**30):
            with pytest.raises(aioftp.StatusCodeError, match="550"):
                async with client.download_stream("x", offset=offset) as stream:
                    await stream.read()
    used = ftp_client(new.link.ftp_url)
    with pytest.raises(aioftp.StatusCodeError, match="530"):
        await used.__aenter__()


async def test_an_upload_by_ftp_that_is_given_up_can_be_made_anew(
    files: FileServiceStub, http: aiohttp.ClientSession
) -> None:
    new = await made(files)
    async with ftp_client(new.link.ftp_url) as client:
        stream = await client.upload_stream("a")
        await stream.write(b"half")
        await client.abort()
        stream.close()
        async with client.upload_stream("a") as stream:
            await stream.write(b"whole")
    file = (await files.GetFile(file_pb.GetFileRequest(file_id=new.file.id))).file
    assert (file.state, file.size_bytes) == (StoredFile.STORED, 5)


async def test_too_much_by_ftp_is_refused(files: FileServiceStub, http: aiohttp.ClientSession) -> None:
    new = await made(files)

    async def send_too_much() -> None:
        async with ftp_client(new.link.ftp_url) as client, client.upload_stream("a") as stream:
            for _ in range(7):
                await stream.write(bytes(1 << 20))

    with pytest.raises((aioftp.StatusCodeError, ConnectionError)):
        await send_too_much()
    assert (await files.GetFile(file_pb.GetFileRequest(file_id=new.file.id))).file.state == StoredFile.AWAITED


async def test_a_request_that_is_repeated_makes_one_file(files: FileServiceStub) -> None:
    request = file_pb.CreateFileRequest(name="a.bin", request_id="the same")
    first, second = await files.CreateFile(request), await files.CreateFile(request)
    assert first.file.id == second.file.id
    assert first.link.url != second.link.url


@pytest.mark.parametrize("name", ["", "a/b", 'a"b', "a" * 201])
async def test_a_name_is_no_path(files: FileServiceStub, name: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match="name"):
        await files.CreateFile(file_pb.CreateFileRequest(name=name))


async def test_a_link_to_what_is_not_there_is_refused(files: FileServiceStub, http: aiohttp.ClientSession) -> None:
    new = await made(files)
    with pytest.raises(grpc.aio.AioRpcError, match="linkLife: "):
        await files.CreateFile(file_pb.CreateFileRequest(name="a", link_life=Duration(seconds=-1)))
    with pytest.raises(grpc.aio.AioRpcError, match="have not come"):
        await download_of(files, new.file)
    async with http.put(new.link.url, data=b"here") as answer:
        assert answer.status == 201
    with pytest.raises(grpc.aio.AioRpcError, match="exists"):
        await files.IssueFileLink(
            file_pb.IssueFileLinkRequest(file_id=new.file.id, direction=FileLink.Direction.UPLOAD)
        )
    with pytest.raises(grpc.aio.AioRpcError, match="not found"):
        await files.GetFile(file_pb.GetFileRequest(file_id="nothing"))


async def test_what_is_old_goes_and_says_so(
    files: FileServiceStub, http: aiohttp.ClientSession, keeper: RunningService
) -> None:
    """A log after its days, a link after its time."""
    new = await made(files)
    async with http.put(new.link.url, data=b"old") as answer:
        assert answer.status == 201
    link = await download_of(files, new.file)
    await execute(keeper, f"UPDATE files SET delete_time = now() - interval '1 s' WHERE id = '{new.file.id}'")
    folder = FileFolder(Path(settings_of(keeper).files_folder))
    assert folder.place_of(new.file.id).exists()
    clock = SystemClock()
    units_of_work = SqlUnitsOfWork(keeper.database, OutboxRelay(keeper.database, keeper.bus), clock)
    mine = Files(units_of_work, clock, file_bounds(settings_of(keeper)), folder.remove)
    await mine.forget()
    assert not folder.place_of(new.file.id).exists()
    assert (await files.GetFile(file_pb.GetFileRequest(file_id=new.file.id))).file.state == StoredFile.GONE
    async with http.get(link.url) as answer:
        assert await refusal(answer) == (410, "FILE_LINK_EXPIRED")
    other = await made(files)
    await execute(keeper, "UPDATE file_links SET expire_time = now()")
    async with http.put(other.link.url, data=b"late") as answer:
        assert await refusal(answer) == (410, "FILE_LINK_EXPIRED")


async def test_a_tenant_sees_its_own_files_alone(keeper: RunningService, http: aiohttp.ClientSession) -> None:
    north = FileServiceStub(await keeper.channel("operator", tenant="north"))
    south = FileServiceStub(await keeper.channel("operator", tenant="south"))
    new = await made(north)
    assert [file.id for file in (await north.ListFiles(file_pb.ListFilesRequest())).files] == [new.file.id]
    assert not (await south.ListFiles(file_pb.ListFilesRequest())).files
    with pytest.raises(grpc.aio.AioRpcError, match="not found"):
        await south.DeleteFile(file_pb.DeleteFileRequest(file_id=new.file.id))
    async with http.put(new.link.url, data=b"of the north") as answer:
        assert answer.status == 201
    stored = (await north.ListFiles(file_pb.ListFilesRequest(state=StoredFile.STORED))).files
    assert [file.id for file in stored] == [new.file.id]


async def execute(service: RunningService, statement: str) -> None:
    async with service.database.transaction() as connection:
        await connection.exec_driver_sql(statement)


def settings_of(service: RunningService) -> StationSettings:
    assert isinstance(service.settings, StationSettings)
    return service.settings


def ftp_client(url: str) -> Any:
    """A client that is logged in as a link says."""
    login, _, rest = url.removeprefix("ftp://").partition("@")
    name, _, password = login.partition(":")
    host, _, port = rest.partition("/")[0].partition(":")
    return aioftp.Client.context(host, int(port), name, password)


async def test_the_image_of_a_campaign_stays_until_that_is_over(keeper: RunningService, files: FileServiceStub) -> None:
    channel = await keeper.channel("operator")
    name = f"CP-{new_id()}"
    await create_point(ChargePointServiceStub(channel), name)
    image = Firmware(version="2.0", location="https://vendor.example/wall-2.bin")
    file = (await files.CreateFile(file_pb.CreateFileRequest(name="wall-2.bin", firmware=image))).file
    campaigns = FirmwareCampaignServiceStub(channel)
    campaign = FirmwareCampaign(file_id=file.id, selection=FirmwareCampaignSelection(charge_point_ids=[name]))
    made = await campaigns.CreateFirmwareCampaign(campaign_pb.CreateFirmwareCampaignRequest(campaign=campaign))
    delete = file_pb.DeleteFileRequest(file_id=file.id)

    assert await reason(files.DeleteFile(delete)) == "FILE_IN_USE"
    await campaigns.CancelFirmwareCampaign(campaign_pb.CancelFirmwareCampaignRequest(campaign_id=made.campaign.id))
    await files.DeleteFile(delete)
    assert await reason(files.GetFile(file_pb.GetFileRequest(file_id=file.id))) == "FILE_NOT_FOUND"
