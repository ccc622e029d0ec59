"""Runs the transaction service: `python -m services.transaction`."""

import grpc.aio

from services.kernel.clock import SystemClock
from services.messaging.event_bus import EventBus
from services.messaging.outbox import OutboxRelay
from services.postgres.database import Database
from services.postgres.partitions import partition_task
from services.postgres.readers import Readers
from services.process.reconciler import Reconciler
from services.rpc import channels, server
from services.rpc.service_identity import ServiceIdentity
from services.service import Service
from services.transaction.adapters.live_meter_values import LiveMeterValues
from services.transaction.application.campaign_steps import CampaignSteps
from services.transaction.application.campaigns import Campaigns
from services.transaction.application.commands import Commands
from services.transaction.application.connector_powers import ConnectorPowers
from services.transaction.application.delivery import Delivery
from services.transaction.application.ending import Endings
from services.transaction.application.journal import Messages, Sorter
from services.transaction.application.matching import Matcher
from services.transaction.application.missing_events import MissingEvents
from services.transaction.application.orphans import Orphans
from services.transaction.application.placing import Placing
from services.transaction.application.recording import Recorder
from services.transaction.application.silence import Silence
from services.transaction.application.transactions import Transactions
from services.transaction.clients import GrpcChargePoints, GrpcEdge, GrpcFleet, GrpcStations
from services.transaction.consumers import CommandConsumer, EvidenceConsumer, StationConsumer
from services.transaction.migrations import DATABASE
from services.transaction.servicer.registration import register
from services.transaction.settings import TransactionSettings
from services.transaction.sql.journal_batches import SqlJournalBatches, SqlJournalRows
from services.transaction.sql.matching import SqlMatchings
from services.transaction.sql.meter_values import SqlMeterStore
from services.transaction.sql.reads import SqlTransactionReads
from services.transaction.sql.recording import SqlRecordings
from services.transaction.sql.unit_of_work import SqlUnitsOfWork
from services.transaction.tasks import SORTED_EVERY_SECONDS, CampaignRunner, JournalSorter


def wire(settings: TransactionSettings, database: Database, bus: EventBus) -> server.Wiring:
    """The transaction service on the given engines."""
    clock = SystemClock()
    relay = OutboxRelay(database, bus)
    units_of_work = SqlUnitsOfWork(database, relay, clock)
    meters, recordings = SqlMeterStore(database), SqlRecordings(database, relay)
    journal = (SqlJournalBatches if settings.ocpp_messages_compressed else SqlJournalRows)(database, clock)
    sorter = Sorter(journal)
    recorder, live = Recorder(meters, recordings, clock, settings.concurrency), LiveMeterValues(bus)
    matchings = SqlMatchings(database, relay)
    readers = Readers(database)
    transactions, placing = Transactions(units_of_work, SqlTransactionReads(readers), clock), Placing(matchings, clock)
    identity = ServiceIdentity("transaction", settings)
    stations = channels.channel(settings.station_service_url, "station", identity)
    charge_points, edge = GrpcChargePoints(stations), GrpcEdge(identity)
    delivery = Delivery(units_of_work, charge_points, edge, clock)
    commands = Commands(units_of_work, charge_points, delivery, clock)
    campaigns = Campaigns(units_of_work, clock)
    steps = CampaignSteps(units_of_work, GrpcFleet(stations), delivery.look_soon, clock)
    ask = commands if settings.ask_for_missing_events else None
    powers = Reconciler("connectors", ConnectorPowers(units_of_work, GrpcStations(stations), clock).compare)

    def serve(grpc_server: grpc.aio.Server) -> None:
        orphans, messages = Orphans(transactions, placing), Messages(units_of_work, journal, sorter)
        endings = Endings(transactions, units_of_work, clock)
        register(grpc_server, transactions, orphans, endings, recorder, live, messages, commands, campaigns)

    async def keep_partitions() -> None:
        await partition_task(database, settings.retention_days)

    return server.Wiring(
        serve,
        tasks=(
            server.Task("relay", relay.run, 30),
            server.Task("delivery", delivery.run, 60),
            server.Task("campaigns", CampaignRunner(steps).run, 60),
            server.Task("commands", CommandConsumer(bus, database, clock).run, 30),
            server.Task("connectors", StationConsumer(bus, database, clock).run, 30),
            server.Task("connectors compared", powers.run, 900),
            server.Task("evidence", EvidenceConsumer(bus, database, clock).run, 30),
            server.Task("matching", Matcher(units_of_work, placing).run, 120),
            server.Task("missing events", MissingEvents(units_of_work, ask, clock).run, 900),
            server.Task("silence", Silence(units_of_work, commands, clock, settings.silence).run, 3600),
            server.Task("journal", JournalSorter(sorter).run, 2 * SORTED_EVERY_SECONDS),
            server.Task("partitions", keep_partitions, 7200),
        ),
        on_stop=(
            recorder.close,
            live.close,
            delivery.close,
            edge.close,
            meters.close,
            recordings.close,
            matchings.close,
            journal.close,
            stations.close,
            readers.close,
        ),
    )


SERVICE = Service("transaction", TransactionSettings, DATABASE, wire)

if __name__ == "__main__":
    SERVICE.run()
