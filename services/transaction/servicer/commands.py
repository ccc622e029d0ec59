"""csms.transaction.v1.CommandService."""

from datetime import timedelta
from typing import Any

import grpc.aio
from google.protobuf.message import Message

from csms.transaction.v1 import command_pb2 as command_pb
from csms.transaction.v1 import command_service_pb2 as service_pb
from csms.transaction.v1 import command_service_pb2_grpc as service_grpc
from services.kernel.pagination import page_request
from services.rpc.auth import current_caller
from services.rpc.http import created
from services.transaction.application.commands import Commands
from services.transaction.mapping.commands import (
    at,
    body_of,
    command_filter,
    command_to_proto,
    json_name,
    kind_of,
    options_of,
)

Context = grpc.aio.ServicerContext[Any, Any]

_USUAL_PATIENCE = timedelta(seconds=30)
_LONGEST_PATIENCE, _SHORTEST_PATIENCE = timedelta(seconds=120), timedelta(milliseconds=100)
# What we need of the caller's time beside that of the charge point.
_OWN_TIME = timedelta(seconds=1)


class CommandServicer(service_grpc.CommandServiceServicer):
    """Commands charge points and shows what became of it."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def ListCommands(
        self, request: service_pb.ListCommandsRequest, context: Context
    ) -> service_pb.ListCommandsResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._commands.page(command_filter(request), requested)
        return service_pb.ListCommandsResponse(
            commands=map(command_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def GetCommand(
        self, request: service_pb.GetCommandRequest, context: Context
    ) -> service_pb.GetCommandResponse:
        command = await self._commands.get(request.command_id)
        return service_pb.GetCommandResponse(command=command_to_proto(command))

    async def CreateCommand(
        self, request: service_pb.CreateCommandRequest, context: Context
    ) -> service_pb.CreateCommandResponse:
        kind = kind_of(request.command)
        with at(f"command.{json_name(kind)}"):
            command = await self._ask(request, kind, getattr(request.command, kind), context)
        await created(context, f"/commands/{command.id}")
        return service_pb.CreateCommandResponse(command=command)

    async def CancelCommand(
        self, request: service_pb.CancelCommandRequest, context: Context
    ) -> service_pb.CancelCommandResponse:
        command = await self._commands.cancel(request.command_id)
        return service_pb.CancelCommandResponse(command=command_to_proto(command))

    async def RemoteStart(
        self, request: service_pb.RemoteStartRequest, context: Context
    ) -> service_pb.RemoteStartResponse:
        return service_pb.RemoteStartResponse(command=await self._issue("remote_start", request, context))

    async def RemoteStop(
        self, request: service_pb.RemoteStopRequest, context: Context
    ) -> service_pb.RemoteStopResponse:
        return service_pb.RemoteStopResponse(command=await self._issue("remote_stop", request, context))

    async def ResetChargePoint(
        self, request: service_pb.ResetChargePointRequest, context: Context
    ) -> service_pb.ResetChargePointResponse:
        return service_pb.ResetChargePointResponse(command=await self._issue("reset", request, context))

    async def UnlockConnector(
        self, request: service_pb.UnlockConnectorRequest, context: Context
    ) -> service_pb.UnlockConnectorResponse:
        return service_pb.UnlockConnectorResponse(command=await self._issue("unlock", request, context))

    async def ChangeAvailability(
        self, request: service_pb.ChangeAvailabilityRequest, context: Context
    ) -> service_pb.ChangeAvailabilityResponse:
        return service_pb.ChangeAvailabilityResponse(command=await self._issue("change_availability", request, context))

    async def GetConfiguration(
        self, request: service_pb.GetConfigurationRequest, context: Context
    ) -> service_pb.GetConfigurationResponse:
        return service_pb.GetConfigurationResponse(command=await self._issue("get_configuration", request, context))

    async def GetBaseReport(
        self, request: service_pb.GetBaseReportRequest, context: Context
    ) -> service_pb.GetBaseReportResponse:
        return service_pb.GetBaseReportResponse(command=await self._issue("get_base_report", request, context))

    async def GetReport(self, request: service_pb.GetReportRequest, context: Context) -> service_pb.GetReportResponse:
        return service_pb.GetReportResponse(command=await self._issue("get_report", request, context))

    async def ChangeConfiguration(
        self, request: service_pb.ChangeConfigurationRequest, context: Context
    ) -> service_pb.ChangeConfigurationResponse:
        return service_pb.ChangeConfigurationResponse(
            command=await self._issue("change_configuration", request, context)
        )

    async def RotatePassword(
        self, request: service_pb.RotatePasswordRequest, context: Context
    ) -> service_pb.RotatePasswordResponse:
        return service_pb.RotatePasswordResponse(command=await self._issue("rotate_password", request, context))

    async def TriggerMessage(
        self, request: service_pb.TriggerMessageRequest, context: Context
    ) -> service_pb.TriggerMessageResponse:
        return service_pb.TriggerMessageResponse(command=await self._issue("trigger_message", request, context))

    async def ClearCache(
        self, request: service_pb.ClearCacheRequest, context: Context
    ) -> service_pb.ClearCacheResponse:
        return service_pb.ClearCacheResponse(command=await self._issue("clear_cache", request, context))

    async def GetTransactionStatus(
        self, request: service_pb.GetTransactionStatusRequest, context: Context
    ) -> service_pb.GetTransactionStatusResponse:
        return service_pb.GetTransactionStatusResponse(
            command=await self._issue("get_transaction_status", request, context)
        )

    async def SendDataTransfer(
        self, request: service_pb.SendDataTransferRequest, context: Context
    ) -> service_pb.SendDataTransferResponse:
        return service_pb.SendDataTransferResponse(command=await self._issue("transfer_data", request, context))

    async def _issue(self, kind: str, request: Any, context: Context) -> command_pb.Command:
        """One kind of command: its request has the fields of the command beside `charge_point_id` and `options`."""
        return await self._ask(request, kind, request, context)

    async def _ask(self, request: Any, kind: str, body: Message, context: Context) -> command_pb.Command:
        command = await self._commands.issue(
            request.charge_point_id,
            kind,
            body_of(kind, body),
            options_of(request.options),
            current_caller().subject,
            _patience(context),
        )
        return command_to_proto(command)


def _patience(context: Context) -> timedelta:
    """How long the charge point may take to answer, so that the caller still hears of it."""
    remaining: float | None = context.time_remaining()  # None without a deadline, whatever its annotation says
    if remaining is None:
        return _USUAL_PATIENCE
    return max(min(timedelta(seconds=remaining), _LONGEST_PATIENCE) - _OWN_TIME, _SHORTEST_PATIENCE)
