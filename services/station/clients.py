"""The ports of the station service that other services answer, over gRPC."""

from collections.abc import Sequence

import grpc.aio

from csms.station.v1 import connector_pb2 as connector_pb
from csms.transaction.v1 import change_settings_pb2 as settings_pb
from csms.transaction.v1 import command_campaign_service_pb2 as campaign_pb
from csms.transaction.v1 import command_campaign_service_pb2_grpc as campaign_grpc
from csms.transaction.v1 import command_pb2 as body_pb
from csms.transaction.v1 import command_service_pb2 as command_pb
from csms.transaction.v1 import command_service_pb2_grpc as command_grpc
from csms.transaction.v1 import file_commands_pb2 as file_pb
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from csms.transaction.v1 import transaction_service_pb2 as service_pb
from csms.transaction.v1 import transaction_service_pb2_grpc as service_grpc
from csms.transaction.v1.command_campaign_pb2 import ChargePointSelection
from csms.transaction.v1.command_result_pb2 import StatusResult
from services.station.domain.connector import Availability
from services.station.ports import MadeCommand, Pace


class GrpcRunningTransactions:
    """Satisfies ports.RunningTransactions."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._transactions = service_grpc.TransactionServiceStub(channel)

    async def at_station(self, station_id: str) -> bool:
        return await self._any(service_pb.ListTransactionsRequest(station_id=station_id))

    async def at_charge_point(self, charge_point_id: str) -> bool:
        return await self._any(service_pb.ListTransactionsRequest(charge_point_id=charge_point_id))

    async def _any(self, request: service_pb.ListTransactionsRequest) -> bool:
        request.state = transaction_pb.Transaction.ACTIVE
        request.page_size = 1
        response = await self._transactions.ListTransactions(request)
        return bool(response.transactions)


class GrpcCommands:
    """Satisfies ports.Commands."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._commands = command_grpc.CommandServiceStub(channel)
        self._campaigns = campaign_grpc.CommandCampaignServiceStub(channel)

    async def change_configuration(self, charge_point_id: str, key: str, value: str, request_id: str) -> None:
        request = command_pb.ChangeConfigurationRequest(
            charge_point_id=charge_point_id, options=_options(request_id), key=key, value=value
        )
        await self._commands.ChangeConfiguration(request)

    async def get_full_report(self, charge_point_id: str, request_id: str) -> None:
        request = command_pb.GetBaseReportRequest(
            charge_point_id=charge_point_id,
            options=command_pb.CommandOptions(request_id=request_id),
            base=body_pb.GetBaseReport.FULL_INVENTORY,
        )
        await self._commands.GetBaseReport(request)

    async def change_settings(
        self,
        name: str,
        settings: Sequence[tuple[str, str]],
        charge_point_ids: Sequence[str],
        pace: Pace,
        request_id: str,
    ) -> str:
        entries = [settings_pb.Setting(key=key, value=value) for key, value in settings]
        options = command_pb.CommandOptions(request_id=request_id, queue_while_offline=pace.queue_while_offline)
        options.expire_after.FromSeconds(24 * 3600)
        request = campaign_pb.CreateCommandCampaignRequest(
            name=name,
            command=body_pb.CommandBody(change_settings=settings_pb.ChangeSettings(settings=entries)),
            selection=ChargePointSelection(charge_point_ids=charge_point_ids),
            commands_per_second=pace.commands_per_second,
            options=options,
        )
        return (await self._campaigns.CreateCommandCampaign(request)).campaign.id

    async def made(self, command_id: str) -> MadeCommand:
        command = (await self._commands.GetCommand(command_pb.GetCommandRequest(command_id=command_id))).command
        statuses = [entry.status.status for entry in command.result.settings.entries]
        return MadeCommand(command.campaign_id, StatusResult.REBOOT_REQUIRED in statuses)

    async def reset(self, charge_point_id: str, at_once: bool, request_id: str) -> None:
        kind = body_pb.Reset.HARD if at_once else body_pb.Reset.SOFT
        request = command_pb.CreateCommandRequest(
            charge_point_id=charge_point_id,
            command=body_pb.CommandBody(reset=body_pb.Reset(type=kind)),
            options=command_pb.CommandOptions(request_id=request_id),
        )
        await self._commands.CreateCommand(request)

    async def ask_again(self, charge_point_id: str, command_id: str, request_id: str) -> str:
        asked = (await self._commands.GetCommand(command_pb.GetCommandRequest(command_id=command_id))).command
        request = command_pb.CreateCommandRequest(
            charge_point_id=charge_point_id,
            command=asked.body,
            options=command_pb.CommandOptions(request_id=request_id),
        )
        return (await self._commands.CreateCommand(request)).command.id

    async def update_firmware(self, charge_point_id: str, file_id: str, request_id: str) -> str:
        request = command_pb.CreateCommandRequest(
            charge_point_id=charge_point_id,
            command=body_pb.CommandBody(update_firmware=file_pb.UpdateFirmware(file_id=file_id)),
            options=command_pb.CommandOptions(request_id=request_id, priority=body_pb.Command.BACKGROUND),
        )
        return (await self._commands.CreateCommand(request)).command.id

    async def change_availability(
        self, charge_point_id: str, evse_id: int, connector_id: int, availability: Availability, request_id: str
    ) -> None:
        request = command_pb.ChangeAvailabilityRequest(
            charge_point_id=charge_point_id,
            options=_options(request_id),
            availability=connector_pb.Connector.Availability.Value(availability),
            evse_id=evse_id,
            connector_id=connector_id,
        )
        await self._commands.ChangeAvailability(request)


def _options(request_id: str) -> command_pb.CommandOptions:
    options = command_pb.CommandOptions(request_id=request_id, queue_while_offline=True)
    # Long enough for a charge point that is switched off over the weekend.
    options.expire_after.FromSeconds(7 * 24 * 3600)
    return options
