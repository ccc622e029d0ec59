"""An edge node before the real station and transaction services, which serve files over HTTP and FTP."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from csms.station.v1.file_job_pb2 import FileJob
from csms.station.v1.file_job_service_pb2 import GetFileJobRequest
from csms.station.v1.file_job_service_pb2_grpc import FileJobServiceStub
from csms.station.v1.file_service_pb2 import CreateFileRequest
from csms.station.v1.file_service_pb2_grpc import FileServiceStub
from csms.station.v1.firmware_campaign_service_pb2_grpc import FirmwareCampaignServiceStub
from csms.station.v1.stored_file_pb2 import Firmware, StoredFile
from csms.transaction.v1 import command_service_pb2 as command_pb
from csms.transaction.v1.command_pb2 import Command, CommandBody
from csms.transaction.v1.command_service_pb2_grpc import CommandServiceStub
from stack.ports import free_port
from tests.contract.ocpp_edge.node import Charger, Node, Starter
from tests.contract.ocpp_edge.platform import Platform
from tests.fixtures.background import eventually
from tests.fixtures.services import RunningService, ServiceRunner

IMAGE = bytes(range(256)) * 4_000


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
    campaigns: FirmwareCampaignServiceStub

    async def ask(self, charger: Charger, identity: str, body: CommandBody, action: str, answer: Any) -> Any:
        """Command a charge point; what it was asked, and the command."""
        request = command_pb.CreateCommandRequest(charge_point_id=identity, command=body)
        creating = asyncio.ensure_future(self.commands.CreateCommand(request))
        asked = await charger.answer(answer, action)
        return asked, (await creating).command

    async def job(self, command: Command) -> FileJob:
        return await self.job_of(command.id)

    async def job_of(self, command_id: str) -> FileJob:
        return (await self.jobs.GetFileJob(GetFileJobRequest(file_job_id=command_id))).file_job

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
    port, commanding = free_port(), free_port()
    station = await run_service(
        "station",
        background=True,
        ocpp_ask_inventory=False,
        files_listen_port=port,
        files_public_url=f"http://127.0.0.1:{port}",
        files_folder=tmp_path / "files",
        ftp_listen_port=free_port(),
        ftp_public_host="127.0.0.1",
        transaction_service_url=f"127.0.0.1:{commanding}",
    )
    transaction = await run_service(
        "transaction", background=True, listen_port=commanding, station_service_url=station.address
    )
    platform.addresses |= {"station": station.address, "transaction": transaction.address}
    channel = await station.channel("operator")
    commands = CommandServiceStub(await transaction.channel("operator"))
    node = await start_node()
    files, jobs = FileServiceStub(channel), FileJobServiceStub(channel)
    campaigns = FirmwareCampaignServiceStub(channel)
    return World(node, platform, station, transaction, files, jobs, commands, campaigns)
