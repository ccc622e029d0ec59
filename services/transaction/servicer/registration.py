"""Puts the servicers on a server."""

import grpc.aio

from csms.transaction.v1.command_campaign_service_pb2_grpc import add_CommandCampaignServiceServicer_to_server
from csms.transaction.v1.command_service_pb2_grpc import add_CommandServiceServicer_to_server
from csms.transaction.v1.journal_service_pb2_grpc import add_JournalServiceServicer_to_server
from csms.transaction.v1.recording_service_pb2_grpc import add_RecordingServiceServicer_to_server
from csms.transaction.v1.transaction_service_pb2_grpc import add_TransactionServiceServicer_to_server
from services.transaction.adapters.live_meter_values import LiveMeterValues
from services.transaction.application.campaigns import Campaigns
from services.transaction.application.commands import Commands
from services.transaction.application.ending import Endings
from services.transaction.application.journal import Messages
from services.transaction.application.orphans import Orphans
from services.transaction.application.recording import Recorder
from services.transaction.application.transactions import Transactions
from services.transaction.servicer.campaigns import CommandCampaignServicer
from services.transaction.servicer.commands import CommandServicer
from services.transaction.servicer.journal import JournalServicer
from services.transaction.servicer.recording import RecordingServicer
from services.transaction.servicer.transactions import TransactionServicer


def register(
    server: grpc.aio.Server,
    transactions: Transactions,
    orphans: Orphans,
    endings: Endings,
    recorder: Recorder,
    live: LiveMeterValues,
    messages: Messages,
    commands: Commands,
    campaigns: Campaigns,
) -> None:
    """Answer every RPC of csms.transaction.v1 on `server`."""
    add_TransactionServiceServicer_to_server(TransactionServicer(transactions, orphans, endings), server)
    add_RecordingServiceServicer_to_server(RecordingServicer(recorder, live, commands), server)
    add_JournalServiceServicer_to_server(JournalServicer(messages), server)
    add_CommandServiceServicer_to_server(CommandServicer(commands), server)
    add_CommandCampaignServiceServicer_to_server(CommandCampaignServicer(campaigns), server)
