"""csms.transaction.v1.CommandCampaignService."""

from typing import Any

import grpc.aio

from csms.transaction.v1 import command_campaign_service_pb2 as service_pb
from csms.transaction.v1 import command_campaign_service_pb2_grpc as service_grpc
from services.kernel.pagination import page_request
from services.rpc.auth import current_caller
from services.rpc.http import created
from services.transaction.application.campaigns import Campaigns
from services.transaction.mapping.campaigns import campaign_options, campaign_state, campaign_to_proto, command_state
from services.transaction.mapping.commands import at, body_of, command_to_proto, json_name, kind_of, options_of

Context = grpc.aio.ServicerContext[Any, Any]


class CommandCampaignServicer(service_grpc.CommandCampaignServiceServicer):
    """Makes campaigns, shows how they get on, and holds or ends them."""

    def __init__(self, campaigns: Campaigns) -> None:
        self._campaigns = campaigns

    async def CreateCommandCampaign(
        self, request: service_pb.CreateCommandCampaignRequest, context: Context
    ) -> service_pb.CreateCommandCampaignResponse:
        kind = kind_of(request.command)
        requested, options = campaign_options(request), options_of(request.options)
        body = body_of(kind, getattr(request.command, kind))
        with at(f"command.{json_name(kind)}"):
            ask = self._campaigns.asked(kind, body, options)
        made = await self._campaigns.make(ask, options, requested, current_caller().subject)
        await created(context, f"/command-campaigns/{made.campaign.id}")
        return service_pb.CreateCommandCampaignResponse(campaign=campaign_to_proto(made))

    async def GetCommandCampaign(
        self, request: service_pb.GetCommandCampaignRequest, context: Context
    ) -> service_pb.GetCommandCampaignResponse:
        found = await self._campaigns.get(request.campaign_id)
        return service_pb.GetCommandCampaignResponse(campaign=campaign_to_proto(found))

    async def ListCommandCampaigns(
        self, request: service_pb.ListCommandCampaignsRequest, context: Context
    ) -> service_pb.ListCommandCampaignsResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._campaigns.page(campaign_state(request.state), requested)
        return service_pb.ListCommandCampaignsResponse(
            campaigns=map(campaign_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def ListCampaignCommands(
        self, request: service_pb.ListCampaignCommandsRequest, context: Context
    ) -> service_pb.ListCampaignCommandsResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._campaigns.commands(request.campaign_id, command_state(request.state), requested)
        return service_pb.ListCampaignCommandsResponse(
            commands=map(command_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def PauseCommandCampaign(
        self, request: service_pb.PauseCommandCampaignRequest, context: Context
    ) -> service_pb.PauseCommandCampaignResponse:
        held = await self._campaigns.pause(request.campaign_id, current_caller().subject)
        return service_pb.PauseCommandCampaignResponse(campaign=campaign_to_proto(held))

    async def ResumeCommandCampaign(
        self, request: service_pb.ResumeCommandCampaignRequest, context: Context
    ) -> service_pb.ResumeCommandCampaignResponse:
        resumed = await self._campaigns.resume(request.campaign_id, current_caller().subject)
        return service_pb.ResumeCommandCampaignResponse(campaign=campaign_to_proto(resumed))

    async def CancelCommandCampaign(
        self, request: service_pb.CancelCommandCampaignRequest, context: Context
    ) -> service_pb.CancelCommandCampaignResponse:
        canceled = await self._campaigns.cancel(request.campaign_id, current_caller().subject)
        return service_pb.CancelCommandCampaignResponse(campaign=campaign_to_proto(canceled))
