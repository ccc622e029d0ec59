"""Runs the billing service: `python -m services.billing`."""

import grpc.aio

from csms.billing.v1.billing_service_pb2_grpc import add_BillingServiceServicer_to_server
from csms.billing.v1.invoice_service_pb2_grpc import add_InvoiceServiceServicer_to_server
from csms.billing.v1.payment_service_pb2_grpc import add_PaymentServiceServicer_to_server
from csms.billing.v1.tariff_service_pb2_grpc import add_TariffServiceServicer_to_server
from services.billing.application.billing import Biller
from services.billing.application.charging_sessions import ChargingSessions
from services.billing.application.invoices import Invoices
from services.billing.application.payments import Payments
from services.billing.application.reconciliation import Reconciliation
from services.billing.application.tariffs import Tariffs
from services.billing.clients import GrpcDrivers, GrpcStations, GrpcTransactions
from services.billing.consumers import Reconciler, Settler, TransactionConsumer
from services.billing.migrations import DATABASE
from services.billing.servicer import BillingServicer, InvoiceServicer, PaymentServicer, TariffServicer
from services.billing.sql.work import SqlWorks
from services.chassis import channels, server
from services.chassis.database import Database
from services.chassis.events import EventBus
from services.chassis.outbox import OutboxRelay
from services.chassis.settings import ServiceSettings, database_url, load
from services.kernel.clock import SystemClock


def wire(settings: ServiceSettings, database: Database, bus: EventBus) -> server.Wiring:
    """The billing service on the given engines."""
    clock = SystemClock()
    relay = OutboxRelay(database, bus)
    works = SqlWorks(database, relay, clock)
    secret = settings.service_secret.get_secret_value()
    drivers = GrpcDrivers(channels.channel(settings.driver_service_url, "billing", secret))
    stations = GrpcStations(channels.channel(settings.station_service_url, "billing", secret))
    transactions = GrpcTransactions(channels.channel(settings.transaction_service_url, "billing", secret))
    biller = Biller(works, clock, drivers, stations)
    sessions = ChargingSessions(works, clock, biller, transactions)
    consumer = TransactionConsumer(bus, database, clock, biller)
    reconciler = Reconciler(Reconciliation(works, clock, biller, transactions))

    def register(grpc_server: grpc.aio.Server) -> None:
        tariffs = Tariffs(works, clock, biller, drivers, stations)
        add_TariffServiceServicer_to_server(TariffServicer(tariffs), grpc_server)
        add_BillingServiceServicer_to_server(BillingServicer(sessions), grpc_server)
        add_InvoiceServiceServicer_to_server(InvoiceServicer(Invoices(works)), grpc_server)
        add_PaymentServiceServicer_to_server(PaymentServicer(Payments(works, clock, drivers)), grpc_server)

    return server.Wiring(register, tasks=(relay.run, consumer.run, Settler(biller).run, reconciler.run))


async def main() -> None:
    """Serve until told to stop."""
    settings = load(ServiceSettings)
    database = Database(database_url(settings, DATABASE))
    bus = EventBus(settings.nats_url, "billing")
    wiring = wire(settings, database, bus)
    await server.serve(
        "billing",
        settings,
        register=wiring.register,
        tasks=wiring.tasks,
        ready=database.ping,
        on_stop=[bus.close, database.close],
    )


if __name__ == "__main__":
    server.run(main())
