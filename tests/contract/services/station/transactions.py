"""The part of the transaction service that the station service calls, on the other side of a real wire."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio

from csms.transaction.v1 import command_campaign_service_pb2 as campaign_pb
from csms.transaction.v1 import command_campaign_service_pb2_grpc as campaign_grpc
from csms.transaction.v1 import command_service_pb2 as command_pb
from csms.transaction.v1 import command_service_pb2_grpc as command_grpc
from csms.transaction.v1 import transaction_service_pb2 as transaction_pb
from csms.transaction.v1 import transaction_service_pb2_grpc as transaction_grpc
from csms.transaction.v1.command_campaign_pb2 import CommandCampaign
from csms.transaction.v1.command_pb2 import Command
from csms.transaction.v1.transaction_pb2 import Transaction
from services.kernel.errors import DomainError
from services.kernel.ids import new_id
from services.kernel.tenancy import current_tenant
from services.process.settings import ServiceSettings
from services.rpc.auth import current_caller
from services.rpc.server import running_server

Context = grpc.aio.ServicerContext[Any, Any]
Order = tuple[Any, ...]


class Platform(
    transaction_grpc.TransactionServiceServicer,
    command_grpc.CommandServiceServicer,
    campaign_grpc.CommandCampaignServiceServicer,
):
    """Knows which transactions run, and keeps the commands it was given: each request id once."""

    def __init__(self) -> None:
        self.address = ""
        self.running: list[Transaction] = []
        self.orders: dict[str, Order] = {}
        self.reports: dict[str, Order] = {}
        self.asked: list[str] = []
        # Campaigns, by the ids of their requests.
        # What happens between a campaign's begin and the word of it.
        self.slow_campaign: Callable[[str], Awaitable[None]] | None = None
        self.campaigns: dict[str, tuple[str, campaign_pb.CreateCommandCampaignRequest]] = {}
        # Commands by their ids, and those that were made by the general call, by the ids of their requests.
        self.commands: dict[str, Command] = {}
        self.created: dict[str, Command] = {}
        # In whose name charge points were commanded.
        self.asked_for: dict[str, str | None] = {}
        # What becomes of a command to a charge point, the next one first.
        self.failures: dict[str, list[DomainError]] = {}

    async def ListTransactions(
        self, request: transaction_pb.ListTransactionsRequest, context: Context
    ) -> transaction_pb.ListTransactionsResponse:
        self.asked.append(current_caller().subject)
        found = [
            transaction
            for transaction in self.running
            if request.station_id in ("", transaction.station_id)
            and request.charge_point_id in ("", transaction.charge_point_id)
            and request.state in (Transaction.STATE_UNSPECIFIED, transaction.state)
        ]
        return transaction_pb.ListTransactionsResponse(transactions=found, total_size=len(found))

    async def ChangeConfiguration(
        self, request: command_pb.ChangeConfigurationRequest, context: Context
    ) -> command_pb.ChangeConfigurationResponse:
        self._keep(request.charge_point_id, request.options, (request.key, request.value))
        return command_pb.ChangeConfigurationResponse()

    async def ChangeAvailability(
        self, request: command_pb.ChangeAvailabilityRequest, context: Context
    ) -> command_pb.ChangeAvailabilityResponse:
        self._keep(
            request.charge_point_id, request.options, (request.evse_id, request.connector_id, request.availability)
        )
        return command_pb.ChangeAvailabilityResponse()

    async def GetBaseReport(
        self, request: command_pb.GetBaseReportRequest, context: Context
    ) -> command_pb.GetBaseReportResponse:
        if failures := self.failures.get(request.charge_point_id):
            raise failures.pop(0)
        assert not request.options.queue_while_offline
        self.asked_for[request.charge_point_id] = current_tenant()
        self.reports.setdefault(request.options.request_id, (request.charge_point_id, request.base))
        return command_pb.GetBaseReportResponse()

    async def GetCommand(
        self, request: command_pb.GetCommandRequest, context: Context
    ) -> command_pb.GetCommandResponse:
        return command_pb.GetCommandResponse(command=self.commands[request.command_id])

    async def CreateCommand(
        self, request: command_pb.CreateCommandRequest, context: Context
    ) -> command_pb.CreateCommandResponse:
        if failures := self.failures.get(request.charge_point_id):
            raise failures.pop(0)
        self.asked_for[request.charge_point_id] = current_tenant()
        known = self.created.get(request.options.request_id)
        if known is None:
            known = Command(id=new_id(), charge_point_id=request.charge_point_id, body=request.command)
            self.commands[known.id] = self.created[request.options.request_id] = known
        return command_pb.CreateCommandResponse(command=known)

    async def CreateCommandCampaign(
        self, request: campaign_pb.CreateCommandCampaignRequest, context: Context
    ) -> campaign_pb.CreateCommandCampaignResponse:
        campaign_id, _ = self.campaigns.setdefault(request.options.request_id, (new_id(), request))
        if self.slow_campaign is not None:
            await self.slow_campaign(campaign_id)
        return campaign_pb.CreateCommandCampaignResponse(campaign=CommandCampaign(id=campaign_id))

    def reports_of(self, charge_point_id: str) -> list[Order]:
        """The reports that were asked of a charge point."""
        return [order for order in self.reports.values() if order[0] == charge_point_id]

    def _keep(self, charge_point_id: str, options: command_pb.CommandOptions, order: Order) -> None:
        assert options.queue_while_offline
        self.asked.append(charge_point_id)
        self.asked_for[charge_point_id] = current_tenant()
        if failures := self.failures.get(charge_point_id):
            raise failures.pop(0)
        self.orders.setdefault(options.request_id, (charge_point_id, *order))


@asynccontextmanager
async def platform_on_the_wire(settings: ServiceSettings) -> AsyncIterator[Platform]:
    """A platform that answers on `address` for the length of the block."""
    # Calls it does not know are answered UNIMPLEMENTED.
    platform = Platform()  # type: ignore[abstract]

    def register(server: grpc.aio.Server) -> None:
        transaction_grpc.add_TransactionServiceServicer_to_server(platform, server)
        command_grpc.add_CommandServiceServicer_to_server(platform, server)
        campaign_grpc.add_CommandCampaignServiceServicer_to_server(platform, server)

    async with running_server("transaction", settings, register=register) as (port, _):
        platform.address = f"127.0.0.1:{port}"
        yield platform
