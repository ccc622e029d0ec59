"""Runs the billing service: `python -m services.billing`."""

import grpc.aio

from csms.billing.v1.billing_service_pb2_grpc import add_BillingServiceServicer_to_server
from csms.billing.v1.decision_service_pb2_grpc import add_DecisionServiceServicer_to_server
from csms.billing.v1.invoice_party_service_pb2_grpc import add_InvoicePartyServiceServicer_to_server
from csms.billing.v1.invoice_service_pb2_grpc import add_InvoiceServiceServicer_to_server
from csms.billing.v1.payment_service_pb2_grpc import add_PaymentServiceServicer_to_server
from csms.billing.v1.tariff_service_pb2_grpc import add_TariffServiceServicer_to_server
from services.billing.adapters.document_worker import DocumentWorker
from services.billing.application.billing import Biller
from services.billing.application.charging_sessions import ChargingSessions
from services.billing.application.decisions import Decisions
from services.billing.application.invoices import Invoices
from services.billing.application.invoicing import Invoicing
from services.billing.application.parties import Parties
from services.billing.application.payments import Payments
from services.billing.application.reconciliation import Reconciliation
from services.billing.application.tariffs import Tariffs
from services.billing.clients import GrpcDrivers, GrpcStations, GrpcTransactions
from services.billing.consumers import TransactionConsumer
from services.billing.migrations import DATABASE
from services.billing.servicer import (
    BillingServicer,
    DecisionServicer,
    InvoicePartyServicer,
    InvoiceServicer,
    PaymentServicer,
    TariffServicer,
)
from services.billing.settings import BillingSettings
from services.billing.sql.reads import SqlChargingSessionReads
from services.billing.sql.unit_of_work import SqlUnitsOfWork
from services.billing.tasks import Settler
from services.kernel.clock import SystemClock
from services.messaging.event_bus import EventBus
from services.messaging.outbox import OutboxRelay
from services.postgres.database import Database
from services.postgres.gathering import GatheringTransactions
from services.postgres.readers import Readers
from services.process.reconciler import Reconciler
from services.rpc import channels, server
from services.rpc.service_identity import ServiceIdentity
from services.service import Service


def wire(settings: BillingSettings, database: Database, bus: EventBus) -> server.Wiring:
    """The billing service on the given engines."""
    clock = SystemClock()
    relay = OutboxRelay(database, bus)
    units_of_work = SqlUnitsOfWork(database, relay, clock)
    identity = ServiceIdentity("billing", settings)
    opened = (
        channels.channel(settings.driver_service_url, "driver", identity),
        channels.channel(settings.station_service_url, "station", identity),
        channels.channel(settings.transaction_service_url, "transaction", identity),
    )
    drivers, stations, transactions = GrpcDrivers(opened[0]), GrpcStations(opened[1]), GrpcTransactions(opened[2])
    invoicing = Invoicing(clock, settings.paid_bill_correction_limit)
    is_billed = settings.unmetered_sessions == "bill"
    gathering = GatheringTransactions(database)
    biller = Biller(
        SqlUnitsOfWork(database, relay, clock, gathering),
        clock,
        drivers,
        stations,
        transactions,
        invoicing,
        bills_unmetered=is_billed,
        end_patience=settings.end_patience,
    )
    readers = Readers(database)
    sessions = ChargingSessions(units_of_work, SqlChargingSessionReads(readers), clock, biller, transactions)
    consumer = TransactionConsumer(bus, database, clock, biller)
    reconciler = Reconciler(
        "transactions with their bills",
        Reconciliation(units_of_work, clock, biller, transactions).run_once,
        at_least_every=settings.end_patience.total_seconds() / 2,
    )

    worker = DocumentWorker()

    def register(grpc_server: grpc.aio.Server) -> None:
        tariffs = Tariffs(units_of_work, clock, biller, drivers, stations)
        add_TariffServiceServicer_to_server(TariffServicer(tariffs), grpc_server)
        add_BillingServiceServicer_to_server(BillingServicer(sessions), grpc_server)
        decisions = Decisions(units_of_work, clock, biller, invoicing, drivers)
        add_DecisionServiceServicer_to_server(DecisionServicer(decisions), grpc_server)
        add_InvoiceServiceServicer_to_server(
            InvoiceServicer(Invoices(units_of_work, clock, drivers), worker), grpc_server
        )
        parties = Parties(units_of_work, clock, drivers)
        add_InvoicePartyServiceServicer_to_server(InvoicePartyServicer(parties), grpc_server)
        add_PaymentServiceServicer_to_server(PaymentServicer(Payments(units_of_work, clock, drivers)), grpc_server)

    tasks = (
        server.Task("relay", relay.run, 30),
        server.Task("transactions", consumer.run, 30),
        server.Task("settling", Settler(biller).run, 120),
        server.Task("reconciliation", reconciler.run, 900),
    )
    return server.Wiring(
        register, tasks, on_stop=[*(channel.close for channel in opened), readers.close, gathering.close, worker.close]
    )


SERVICE = Service("billing", BillingSettings, DATABASE, wire)

if __name__ == "__main__":
    SERVICE.run()
