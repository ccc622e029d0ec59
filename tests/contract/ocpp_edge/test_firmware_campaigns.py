"""Firmware campaigns over simulated charge points of all versions, which fetch the image over HTTP, install it, restart
and report: a bad canary halts it, and with a good one it goes through."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import grpc.aio
import pytest
from google.protobuf.duration_pb2 import Duration

from csms.station.v1 import firmware_campaign_service_pb2 as pb
from csms.station.v1.file_job_pb2 import FileJob
from csms.station.v1.firmware_campaign_pb2 import (
    FirmwareCampaign,
    FirmwareCampaignSelection,
    FirmwareCampaignTarget,
)
from csms.transaction.v1 import command_service_pb2 as command_pb
from csms.transaction.v1.command_pb2 import CommandBody
from csms.transaction.v1.file_commands_pb2 import GetLog
from services.station.application import firmware_campaigns
from simulator.charge_point import ChargePoint
from simulator.dialects import DIALECTS
from simulator.file_conduct import FirmwareFault
from simulator.link import Timing
from simulator.transport import Endpoint
from tests.contract.ocpp_edge.file_world import World, http, world
from tests.contract.services.transaction.platform import Stations
from tests.fixtures.background import eventually
from tests.fixtures.events import relayed

__all__ = ["http", "world"]

QUICK = Timing(reboot=0.05, reconnect_first=0.1, reconnect_ceiling=0.5, boot_retry=0.5)
VERSIONS = tuple(DIALECTS)


@asynccontextmanager
async def fleet(world: World, count: int) -> AsyncIterator[Sequence[ChargePoint]]:
    """Simulated charge points in service, of all versions in turn."""
    stations = Stations(world.station)
    async with AsyncExitStack() as stack:
        made = []
        for number in range(count):
            name = f"SIM{number:02}"
            await stations.create(name)
            url = f"ws://127.0.0.1:{world.node.edge.gateway.port}/ocpp"
            point = DIALECTS[VERSIONS[number % len(VERSIONS)]](name, Endpoint(url), timing=QUICK)
            await stack.enter_async_context(point.running())
            made.append(point)
        for point in made:
            await point.ready(30)
        yield made


def campaign_of(file_id: str, **fields: Any) -> FirmwareCampaign:
    asked: dict[str, Any] = {"canaries": 2, "wave_size": 9, "max_in_flight": 20, "updates_per_minute": 3000, **fields}
    return FirmwareCampaign(
        file_id=file_id,
        selection=FirmwareCampaignSelection(all=True),
        watch_period=Duration(seconds=1),
        update_timeout=Duration(seconds=60),
        **asked,
    )


async def make(world: World, asked: FirmwareCampaign) -> FirmwareCampaign:
    return (await world.campaigns.CreateFirmwareCampaign(pb.CreateFirmwareCampaignRequest(campaign=asked))).campaign


async def becomes(
    world: World, campaign: FirmwareCampaign, state: "FirmwareCampaign.State.ValueType"
) -> FirmwareCampaign:
    async def current() -> FirmwareCampaign:
        request = pb.GetFirmwareCampaignRequest(campaign_id=campaign.id)
        return (await world.campaigns.GetFirmwareCampaign(request)).campaign

    async def is_so() -> bool:
        return (await current()).state == state

    await eventually(is_so, within_seconds=60)
    return await current()


async def targets(world: World, campaign: FirmwareCampaign, **narrowing: Any) -> list[FirmwareCampaignTarget]:
    request = pb.ListFirmwareCampaignTargetsRequest(campaign_id=campaign.id, **narrowing)
    return list((await world.campaigns.ListFirmwareCampaignTargets(request)).targets)


async def test_a_campaign_over_twenty_halts_at_a_bad_canary_and_goes_through_when_it_is_resumed(
    world: World, http: aiohttp.ClientSession
) -> None:
    image = await world.image(http, "2.0.0")
    async with fleet(world, 20) as points:
        points[0].files.fault, points[1].files.fault = FirmwareFault.INSTALLATION_FAILED, FirmwareFault.FAULTED
        campaign = await make(world, campaign_of(image.id, canaries=3))
        assert (campaign.waves, campaign.progress.waiting) == (3, 20)
        halted = await becomes(world, campaign, FirmwareCampaign.HALTED)
        assert halted.reason in [f"{count} of 3 charge points of the canaries failed" for count in (1, 2)]

        async def canaries_are_through() -> bool:
            failed = await targets(world, campaign, state=FirmwareCampaignTarget.FAILED)
            return (len(failed), len(await targets(world, campaign, state=FirmwareCampaignTarget.HEALTHY))) == (2, 1)

        await eventually(canaries_are_through)  # what is under way goes on, and is watched
        bad = {
            one.charge_point_id: one.reason
            for one in await targets(world, campaign, state=FirmwareCampaignTarget.FAILED)
        }
        assert bad == {"SIM00": "InstallationFailed", "SIM01": "a connector is faulted after the update"}
        # Nobody behind the canaries was asked.
        assert {one.profile.firmware_version for one in points[3:]} == {"1.0.0"}
        assert len(await targets(world, campaign, state=FirmwareCampaignTarget.WAITING)) == 17

        await world.campaigns.ResumeFirmwareCampaign(pb.ResumeFirmwareCampaignRequest(campaign_id=campaign.id))
        done = await becomes(world, campaign, FirmwareCampaign.COMPLETED)
        assert (done.progress.healthy, done.progress.failed, done.progress.waiting) == (18, 2, 0)
        assert {one.profile.firmware_version for one in points[2:]} == {"2.0.0"}

        async def all_is_told() -> bool:
            news = [event.firmware_campaign_changed for events in await relayed(world.station.bus) for event in events]
            states = [FirmwareCampaign.State.Name(one.state) for one in news if one.campaign_id == campaign.id]
            return states == ["RUNNING", "HALTED", "RUNNING", "COMPLETED"]

        await eventually(all_is_told)
        healthy = await targets(world, campaign, state=FirmwareCampaignTarget.HEALTHY)
        job = await world.job_of(healthy[-1].command_id)
        assert (job.state, job.previous_version, job.version) == (FileJob.DONE, "1.0.0", "2.0.0")


async def test_logs_come_from_simulated_charge_points_over_http_and_ftp(
    world: World, http: aiohttp.ClientSession
) -> None:
    await world.image(http)
    async with fleet(world, len(VERSIONS)) as points:
        for point in points:
            for is_ftp in (False, True):
                request = command_pb.CreateCommandRequest(
                    charge_point_id=point.identity, command=CommandBody(get_log=GetLog(ftp=is_ftp))
                )
                command = (await world.commands.CreateCommand(request)).command
                job = await world.becomes(command, FileJob.DONE)
                assert job.file.size_bytes == len(point.files.log)
                assert not point.problems


async def test_only_those_in_nobodys_use_are_asked_and_a_campaign_can_be_given_up(
    world: World, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One that cannot be asked holds up nobody, however few are looked at.
    monkeypatch.setattr(firmware_campaigns, "_SEEN_AT_ONCE", 1)
    image = await world.image(http, "2.0.0")
    async with fleet(world, 2) as points:
        points[0].connectors[1].plugged_in = True
        await points[0].report_status(points[0].connectors[1])
        campaign = await make(world, campaign_of(image.id, canaries=2))

        async def other_is_through() -> bool:
            return len(await targets(world, campaign, state=FirmwareCampaignTarget.HEALTHY)) == 1

        await eventually(other_is_through)
        [waiting] = await targets(world, campaign, state=FirmwareCampaignTarget.WAITING)
        assert waiting.charge_point_id == points[0].identity
        await world.campaigns.CancelFirmwareCampaign(pb.CancelFirmwareCampaignRequest(campaign_id=campaign.id))

        async def is_over() -> bool:
            request = pb.GetFirmwareCampaignRequest(campaign_id=campaign.id)
            return (await world.campaigns.GetFirmwareCampaign(request)).campaign.HasField("end_time")

        await eventually(is_over)
        [skipped] = await targets(world, campaign, state=FirmwareCampaignTarget.SKIPPED)
        assert skipped.charge_point_id == points[0].identity
        with pytest.raises(grpc.aio.AioRpcError, match="CANCELED"):
            await world.campaigns.ResumeFirmwareCampaign(pb.ResumeFirmwareCampaignRequest(campaign_id=campaign.id))
        with pytest.raises(grpc.aio.AioRpcError, match="CANCELED"):
            await world.campaigns.HaltFirmwareCampaign(pb.HaltFirmwareCampaignRequest(campaign_id=campaign.id))
        # Who has the version already is passed over.
        again = await make(world, campaign_of(image.id))
        listed = (await world.campaigns.ListFirmwareCampaigns(pb.ListFirmwareCampaignsRequest())).campaigns
        assert [one.progress.skipped for one in listed] == [1, 1]
        assert listed[1].progress.healthy == 1
        assert (again.progress.skipped, again.progress.waiting) == (1, 1)
        await world.campaigns.CancelFirmwareCampaign(pb.CancelFirmwareCampaignRequest(campaign_id=again.id))


async def test_who_was_noted_and_not_asked_before_a_process_ended_is_asked_once(
    world: World, http: aiohttp.ClientSession
) -> None:
    image = await world.image(http, "2.0.0")
    async with fleet(world, 1) as [point]:
        point.connectors[1].plugged_in = True
        await point.report_status(point.connectors[1])
        campaign = await make(world, campaign_of(image.id))
        async with world.station.database.transaction() as connection:
            await connection.exec_driver_sql(
                "UPDATE firmware_campaign_targets SET state = 'UPDATING', ask_time = now()"
            )
        await becomes(world, campaign, FirmwareCampaign.COMPLETED)
        assert point.profile.firmware_version == "2.0.0"
        listing = command_pb.ListCommandsRequest(charge_point_id=point.identity)
        assert len((await world.commands.ListCommands(listing)).commands) == 1


async def test_what_makes_no_campaign_is_refused(world: World, http: aiohttp.ClientSession) -> None:
    image = await world.image(http, "2.0.0")
    nameless = await world.image(http, "")
    for asked, reason in (
        (campaign_of("nothing"), "not found"),
        (campaign_of(nameless.id), "says its version"),
        (FirmwareCampaign(file_id=image.id, selection=FirmwareCampaignSelection(station_id="S", all=True)), "or all"),
        (
            FirmwareCampaign(file_id=image.id, selection=FirmwareCampaignSelection(charge_point_ids=["NOBODY"])),
            "no charge point in service",
        ),
    ):
        with pytest.raises(grpc.aio.AioRpcError, match=reason):
            await make(world, asked)
    missing = pb.GetFirmwareCampaignRequest(campaign_id="nothing")
    with pytest.raises(grpc.aio.AioRpcError, match="not found"):
        await world.campaigns.GetFirmwareCampaign(missing)
