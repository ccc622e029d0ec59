"""Whoever bills or takes in snapshots at the same time waits for the others, never in a ring."""

import asyncio
import random
from decimal import Decimal

from csms.billing.v1.invoice_pb2 import Payment
from csms.billing.v1.invoice_service_pb2 import ListInvoicesRequest
from csms.billing.v1.payment_service_pb2 import CreatePaymentRequest
from services.billing.application.billing import Biller
from services.billing.application.invoicing import Invoicing
from services.billing.clients import GrpcDrivers, GrpcStations, GrpcTransactions
from services.billing.mapping.charging_sessions import transaction_snapshot
from services.billing.sql.unit_of_work import SqlUnitOfWork, SqlUnitsOfWork
from services.kernel.clock import SystemClock
from services.messaging.outbox import OutboxRelay
from services.rpc import channels
from services.rpc.service_identity import ServiceIdentity
from tests.contract.services.billing.conftest import Books, Caller
from tests.contract.services.billing.messages import new_tariff, transaction
from tests.contract.services.billing.neighbours import Neighbours
from tests.fixtures.services import RunningService

SESSIONS = 6
ROUNDS = 3


async def test_batches_in_opposite_orders_and_billing_beside_them_never_deadlock(
    service: RunningService, admin: Caller, neighbours: Neighbours
) -> None:
    await admin.tariffs.CreateTariff(new_tariff(is_default=True))
    clock = SystemClock()
    channel = channels.channel(neighbours.address, "driver", ServiceIdentity("billing", service.settings))
    units_of_work = SqlUnitsOfWork(service.database, OutboxRelay(service.database, service.bus), clock)
    biller = Biller(
        units_of_work,
        clock,
        GrpcDrivers(channel),
        GrpcStations(channel),
        GrpcTransactions(channel),
        Invoicing(clock, Decimal(5)),
    )

    async def take_in(revision: int) -> None:
        """As one consumer does with a batch of events: in one transaction."""
        order = random.Random(revision).sample(range(SESSIONS), SESSIONS)
        async with service.database.transaction() as connection:
            for number in order:
                message = transaction(number, revision, energy_wh=1_000 * revision)
                await biller.take_in(SqlUnitOfWork(connection, clock), [transaction_snapshot(message)])

    async def pay_something() -> None:
        for invoice in (await admin.invoices.ListInvoices(ListInvoicesRequest())).invoices:
            request = CreatePaymentRequest(payment=Payment(invoice_id=invoice.id))
            await asyncio.gather(admin.payments.CreatePayment(request), return_exceptions=True)

    try:
        for number in range(ROUNDS):
            revisions = range(number * 3 + 1, number * 3 + 4)
            # A deadlock ends one of them with an error.
            await asyncio.gather(*map(take_in, revisions), biller.settle_all(), biller.settle_all())
            if number == 1:
                await asyncio.gather(pay_something(), *map(take_in, revisions), biller.settle_all())
                # What is paid for certain is taken back by credit notes in the last round; those that billed beside
                # each other may all have left a session to the other.
                await biller.settle_all()
                await pay_something()
        assert await biller.settle_all() == 0
    finally:
        await channel.close()
    books = Books(service.database)
    standing = set((await books.sessions()).values())
    assert standing == {("COMPLETED", "")}
    counting = [point for point, state, _ in await books.invoices() if state in ("OPEN", "PAID")]
    assert sorted(counting) == [f"CP{number}" for number in range(SESSIONS)]
    for kind, counts in (("INVOICE", "invoice_counts"), ("CREDIT_NOTE", "credit_note_counts")):
        issued = await books.rows("SELECT count(*) FROM invoices WHERE kind = :kind", kind=kind)
        assert issued == await books.rows(f"SELECT count FROM {counts}"), kind
