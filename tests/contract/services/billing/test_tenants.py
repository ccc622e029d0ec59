"""One tenant's tariffs, sessions, bills and payments are not there for another, and count for themselves."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import grpc.aio
import psycopg
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from csms.billing.v1 import billing_service_pb2 as session_pb
from csms.billing.v1 import decision_service_pb2 as decision_pb
from csms.billing.v1 import invoice_party_service_pb2 as party_pb
from csms.billing.v1 import invoice_pb2
from csms.billing.v1 import invoice_service_pb2 as invoice_pb
from csms.billing.v1 import payment_service_pb2 as payment_pb
from csms.billing.v1 import tariff_service_pb2 as tariff_pb
from csms.billing.v1.charging_session_pb2 import ChargingSession
from csms.event.v1.domain_event_pb2 import DomainEvent, TransactionChanged
from csms.transaction.v1.transaction_pb2 import Transaction
from services.billing.application.billing import Biller
from services.billing.application.invoicing import Invoicing
from services.billing.clients import GrpcDrivers, GrpcStations, GrpcTransactions
from services.billing.consumers import TransactionConsumer
from services.billing.sql.unit_of_work import SqlUnitsOfWork
from services.kernel.clock import SystemClock
from services.kernel.ids import new_id
from services.messaging.outbox import OutboxRelay
from services.postgres import migrations
from services.rpc import channels
from services.rpc.service_identity import ServiceIdentity
from tests.contract.services.billing.conftest import Books, Caller
from tests.contract.services.billing.messages import (
    DRIVER,
    STATION,
    amount,
    component,
    customer,
    new_tariff,
    refusal,
    running_transaction,
    seller,
    session_id,
    tariff,
    transaction,
)
from tests.contract.services.billing.neighbours import Neighbours
from tests.contract.services.tenants import OTHER, OWNER, Answer, Attempt, Tenants, services_for_people
from tests.fixtures.events import reported
from tests.fixtures.postgres import DatabaseAt
from tests.fixtures.services import RunningService, ServiceRunner

SERVICES = services_for_people("csms.billing.v1")
# Transactions of the owner: billed, told otherwise after it was paid, held, running.
BILLED, DOUBTED, HELD, RUNNING = 1, 2, 3, 4


@dataclass(frozen=True)
class Platform:
    """What the service does besides answering, done when it is told to."""

    service: RunningService
    consumer: TransactionConsumer
    biller: Biller

    async def tell(self, tenant_id: str, *transactions: Transaction) -> None:
        """Take in what the transaction service tells of transactions of a tenant."""
        await self.tell_all([(tenant_id, one) for one in transactions])

    async def tell_all(self, told_of: Sequence[tuple[str, Transaction]]) -> None:
        """The same for those of many tenants, in one batch."""
        events = [
            DomainEvent(id=new_id(), tenant_id=tenant_id, transaction_changed=TransactionChanged(transaction=one))
            for tenant_id, one in told_of
        ]
        async with self.service.database.transaction() as connection:
            await self.consumer.handle(connection, events)

    async def settle(self) -> None:
        """Bill what has ended, whosever it is."""
        assert await self.biller.settle_all() == 0

    async def caller(self, tenant_id: str) -> Caller:
        """An administrator of a tenant."""
        return Caller(await self.service.channel("admin", tenant=tenant_id))

    @property
    def books(self) -> Books:
        return Books(self.service.database)


class Things(NamedTuple):
    """What the owner has."""

    tariff_id: str
    billed: str
    doubted: str
    held: str
    running: str
    entered: str
    invoice_id: str
    method_id: str
    customer_name: str


@pytest.fixture(scope="module")
async def platform(module_services: ServiceRunner, shared_neighbours: Neighbours) -> AsyncIterator[Platform]:
    """A service of its own, and the only one who bills there."""
    shared_neighbours.forget()
    shared_neighbours.tiers = {DRIVER: "BASIC"}
    service = await module_services("billing", **shared_neighbours.settings())
    clock = SystemClock()
    units_of_work = SqlUnitsOfWork(service.database, OutboxRelay(service.database, service.bus), clock)
    identity = ServiceIdentity("billing", service.settings)
    async with channels.channel(shared_neighbours.address, "driver", identity) as channel:
        asked = GrpcDrivers(channel), GrpcStations(channel), GrpcTransactions(channel)
        biller = Biller(units_of_work, clock, *asked, Invoicing(clock, Decimal(5)))
        yield Platform(service, TransactionConsumer(service.bus, service.database, clock, biller), biller)


@pytest.fixture(scope="module")
async def things(platform: Platform) -> Things:
    """A default tariff, sessions in every state, bills, payments, and a way to pay."""
    owner = await platform.caller(OWNER)
    made = (await owner.tariffs.CreateTariff(new_tariff(is_default=True))).tariff
    unknown = transaction(HELD, authorization=Transaction.INVALID)
    await platform.tell(OWNER, transaction(BILLED), transaction(DOUBTED), unknown, running_transaction(RUNNING))
    await platform.settle()
    invoice_id = (await _session(owner, session_id(BILLED))).invoice_id
    paid_id = (await _session(owner, session_id(DOUBTED))).invoice_id
    await owner.payments.CreatePayment(_payment_of(paid_id))
    await platform.tell(OWNER, transaction(DOUBTED, 2, energy_wh=90_000))
    await platform.settle()
    method = payment_pb.CreatePaymentMethodRequest(payment_method=_method())
    method_id = (await owner.payments.CreatePaymentMethod(method)).payment_method.id
    await owner.parties.UpdateInvoiceSeller(party_pb.UpdateInvoiceSellerRequest(seller=seller()))
    named = party_pb.UpdateInvoiceCustomerRequest(driver_id=DRIVER, customer=customer(name="Fleet of the South"))
    await owner.parties.UpdateInvoiceCustomer(named)
    entered = await _entered(owner)
    billed, doubted, held, running = (session_id(number) for number in (BILLED, DOUBTED, HELD, RUNNING))
    return Things(made.id, billed, doubted, held, running, entered.id, invoice_id, method_id, named.customer.name)


@pytest.fixture(scope="module")
async def tenants(platform: Platform, things: Things) -> Tenants:
    """Both of them."""
    return Tenants(platform.service, _attempts(things), things)


async def _session(caller: Caller, name: str) -> ChargingSession:
    return (await caller.sessions.GetChargingSession(session_pb.GetChargingSessionRequest(id=name))).charging_session


async def _entered(caller: Caller) -> ChargingSession:
    request = session_pb.CreateChargingSessionRequest(charging_session=ChargingSession(station_id=STATION))
    return (await caller.sessions.CreateChargingSession(request)).charging_session


def _payment_of(invoice_id: str, **fields: Any) -> payment_pb.CreatePaymentRequest:
    return payment_pb.CreatePaymentRequest(payment=invoice_pb2.Payment(invoice_id=invoice_id, **fields))


def _method() -> invoice_pb2.PaymentMethod:
    return invoice_pb2.PaymentMethod(driver_id=DRIVER, kind=invoice_pb2.PaymentMethod.CARD, label="Card")


def _attempts(things: Things) -> dict[str, Attempt]:
    nothing, own = Answer.NOTHING, Answer.OWN
    changed = tariff_pb.UpdateTariffRequest(
        tariff_id=things.tariff_id, tariff=tariff(name="Mine"), update_mask=FieldMask(paths=["name"])
    )
    by_their_tariff = ChargingSession(station_id=STATION, tariff_id=things.tariff_id)
    paid_their_way = _payment_of(things.invoice_id, payment_method_id=things.method_id)
    return {
        "TariffService.ListTariffs": Attempt(tariff_pb.ListTariffsRequest(include_retired=True), nothing),
        "TariffService.GetTariff": Attempt(tariff_pb.GetTariffRequest(tariff_id=things.tariff_id)),
        "TariffService.UpdateTariff": Attempt(changed),
        "TariffService.CalculatePrice": Attempt(tariff_pb.CalculatePriceRequest(tariff_id=things.tariff_id)),
        "TariffService.CreateTariff": Attempt(new_tariff(is_default=True), own),
        "BillingService.ListChargingSessions": Attempt(session_pb.ListChargingSessionsRequest(), nothing),
        "BillingService.GetChargingSession": Attempt(session_pb.GetChargingSessionRequest(id=things.running)),
        "BillingService.ExplainChargingSession": Attempt(session_pb.ExplainChargingSessionRequest(id=things.billed)),
        "BillingService.CreateChargingSession": Attempt(
            session_pb.CreateChargingSessionRequest(charging_session=by_their_tariff)
        ),
        "BillingService.CompleteChargingSession": Attempt(
            session_pb.CompleteChargingSessionRequest(id=things.entered, energy_wh=1000)
        ),
        "DecisionService.ReleaseChargingSession": Attempt(
            decision_pb.ReleaseChargingSessionRequest(id=things.held, reason="mine")
        ),
        "DecisionService.CorrectChargingSession": Attempt(
            decision_pb.CorrectChargingSessionRequest(id=things.held, reason="mine", energy_wh=1)
        ),
        "DecisionService.KeepBill": Attempt(decision_pb.KeepBillRequest(id=things.doubted, reason="mine")),
        "DecisionService.WriteOffChargingSession": Attempt(
            decision_pb.WriteOffChargingSessionRequest(id=things.held, reason="mine")
        ),
        "DecisionService.ListSessionDecisions": Attempt(decision_pb.ListSessionDecisionsRequest(), nothing),
        "InvoiceService.ListInvoices": Attempt(invoice_pb.ListInvoicesRequest(), nothing),
        "InvoiceService.GetInvoice": Attempt(invoice_pb.GetInvoiceRequest(id=things.invoice_id)),
        "InvoiceService.GetInvoicePdf": Attempt(invoice_pb.GetInvoicePdfRequest(id=things.invoice_id)),
        "InvoiceService.WriteOffInvoice": Attempt(
            invoice_pb.WriteOffInvoiceRequest(id=things.invoice_id, reason="mine")
        ),
        "InvoiceService.ExportInvoices": Attempt(invoice_pb.ExportInvoicesRequest(), nothing),
        "InvoiceService.GetInvoiceXml": Attempt(invoice_pb.GetInvoiceXmlRequest(id=things.invoice_id)),
        "InvoicePartyService.GetInvoiceSeller": Attempt(party_pb.GetInvoiceSellerRequest()),
        "InvoicePartyService.UpdateInvoiceSeller": Attempt(
            party_pb.UpdateInvoiceSellerRequest(seller=seller(name="Mine")), own
        ),
        "InvoicePartyService.ListInvoiceCustomers": Attempt(party_pb.ListInvoiceCustomersRequest(), nothing),
        "InvoicePartyService.GetInvoiceCustomer": Attempt(party_pb.GetInvoiceCustomerRequest(driver_id=DRIVER)),
        "InvoicePartyService.UpdateInvoiceCustomer": Attempt(
            party_pb.UpdateInvoiceCustomerRequest(driver_id=DRIVER, customer=customer(name="Mine")), own
        ),
        "PaymentService.CreatePayment": Attempt(paid_their_way),
        "PaymentService.ListPayments": Attempt(payment_pb.ListPaymentsRequest(), nothing),
        "PaymentService.ListPaymentMethods": Attempt(payment_pb.ListPaymentMethodsRequest(), nothing),
        "PaymentService.CreatePaymentMethod": Attempt(
            payment_pb.CreatePaymentMethodRequest(payment_method=_method()), own
        ),
    }


async def test_every_rpc_has_its_attempt(tenants: Tenants) -> None:
    tenants.check_none_is_forgotten(*SERVICES)


async def test_another_tenant_reads_and_changes_nothing(tenants: Tenants) -> None:
    await tenants.check_a_stranger_gets_nothing(*SERVICES)


async def test_the_default_tenant_is_another_one_too(platform: Platform, things: Things) -> None:
    usual = Caller(await platform.service.channel("admin"))

    assert not (await usual.sessions.ListChargingSessions(session_pb.ListChargingSessionsRequest())).charging_sessions
    assert not (await usual.invoices.ListInvoices(invoice_pb.ListInvoicesRequest())).invoices
    assert not (await usual.tariffs.ListTariffs(tariff_pb.ListTariffsRequest())).tariffs


async def test_nothing_is_paid_the_way_of_another_tenant(platform: Platform, things: Things) -> None:
    """The database would take it: what a row refers to is looked up without policies."""
    other = await platform.caller(OTHER)
    await other.tariffs.CreateTariff(new_tariff(is_default=True))
    entered = await _entered(other)
    request = session_pb.CompleteChargingSessionRequest(id=entered.id, energy_wh=1000)
    billed = (await other.sessions.CompleteChargingSession(request)).charging_session
    paid = _payment_of(billed.invoice_id, payment_method_id=things.method_id)

    assert (await refusal(other.payments.CreatePayment(paid))).reason == "PAYMENT_METHOD_NOT_FOUND"


async def test_each_tenant_is_billed_by_its_own_tariff_with_numbers_of_its_own(
    platform: Platform, shared_neighbours: Neighbours
) -> None:
    """At one station, in one batch of events; one of them has no tariff and waits until it has."""
    prices = {"east": "0.10", "west": "0.70"}
    for tenant_id, price in prices.items():
        owner = await platform.caller(tenant_id)
        await owner.tariffs.CreateTariff(new_tariff(component(price=price), is_default=True))
    ended = enumerate(("east", "west", "poor") * 2, start=10)
    await platform.tell_all([(tenant_id, transaction(number)) for number, tenant_id in ended])
    await platform.settle()
    bills = (
        "SELECT tenant_id, number, total_minor FROM invoices WHERE tenant_id = ANY(:tenants) ORDER BY tenant_id, number"
    )
    year = (await platform.books.rows("SELECT max(year) FROM invoice_counts"))[0][0]
    numbers = (f"{year}-000001", f"{year}-000002")

    of_both = [("east", number, 100) for number in numbers] + [("west", number, 700) for number in numbers]
    assert await platform.books.rows(bills, tenants=["east", "west", "poor"]) == of_both
    # The zone of the station, and what is its driver's, are asked for by each.
    expected = {(service, tenant_id) for service in ("driver", "station") for tenant_id in ("east", "west", "poor")}
    assert expected <= shared_neighbours.asked_for
    await platform.biller.retry_held()
    waiting = "SELECT DISTINCT hold_reason FROM charging_sessions WHERE tenant_id = 'poor'"
    assert await platform.books.rows(waiting) == [("no_tariff",)]
    poor = await platform.caller("poor")
    made = (await poor.tariffs.CreateTariff(new_tariff(component(price="1.00"), is_default=True))).tariff
    await platform.settle()

    listed = (await poor.sessions.ListChargingSessions(session_pb.ListChargingSessionsRequest())).charging_sessions
    assert {(one.tenant_id, one.tariff_id, amount(one.cost)) for one in listed} == {("poor", made.id, "10.00 EUR")}
    assert await platform.books.rows(bills, tenants=["poor"]) == [("poor", number, 1000) for number in numbers]


async def test_what_a_bank_calls_payments_is_its_own_for_each_tenant(platform: Platform) -> None:
    for tenant_id in ("east", "west"):
        owner = await platform.caller(tenant_id)
        invoice = (await owner.invoices.ListInvoices(invoice_pb.ListInvoicesRequest())).invoices[0]
        request = _payment_of(invoice.id, external_reference="TRANSFER-1")
        assert (await owner.payments.CreatePayment(request)).payment.invoice_id == invoice.id


async def test_a_running_session_is_bound_to_the_tariff_of_its_tenant(platform: Platform) -> None:
    await platform.tell_all([("east", running_transaction(20)), ("nobody", running_transaction(21))])
    bound = "SELECT s.tenant_id, p.tenant_id FROM charging_sessions s LEFT JOIN pricing_tiers p ON p.id = tariff_id"
    of_both = await platform.books.rows(f"{bound} WHERE s.id = ANY(:ids)", ids=[session_id(20), session_id(21)])

    assert sorted(of_both, key=str) == [("east", "east"), ("nobody", None)]


async def test_a_session_stays_whose_it_was(platform: Platform) -> None:
    """Until the transaction service named tenants it was the default one's, and a bill may be out."""
    await platform.tell("", transaction(22, 1, energy_wh=1))
    await platform.tell("east", transaction(22, 2))
    [(tenant_id, energy_wh)] = await platform.books.rows(
        "SELECT tenant_id, energy_wh FROM charging_sessions WHERE id = :id", id=session_id(22)
    )

    assert (tenant_id, energy_wh) == ("default", 10_000)


async def test_events_name_the_tenant_of_what_they_tell(platform: Platform, things: Things) -> None:
    await platform.tell(OWNER, transaction(23))
    await platform.settle()
    await platform.tell(OWNER, running_transaction(23, 2))
    events = await reported(platform.service.database, "csms.event.billing.charging_session", session_id(23))

    kinds = [(event.WhichOneof("payload"), event.tenant_id) for event in events]
    assert kinds == [("session_billed", OWNER), ("session_unbilled", OWNER)]


async def test_every_row_belongs_to_the_tenant_of_its_session(platform: Platform) -> None:
    for table in ("invoices", "session_decisions"):
        strange = f"SELECT 1 FROM {table} t JOIN charging_sessions s ON s.id = charging_session_id"
        assert await platform.books.rows(f"{strange} WHERE t.tenant_id <> s.tenant_id") == []
    strange = "SELECT 1 FROM payments p JOIN invoices i ON i.id = invoice_id WHERE p.tenant_id <> i.tenant_id"
    assert await platform.books.rows(strange) == []
    counted = "SELECT tenant_id, sum(count)::integer FROM invoice_counts GROUP BY 1 ORDER BY 1"
    issued = "SELECT tenant_id, count(*)::integer FROM invoices WHERE kind = 'INVOICE' GROUP BY 1 ORDER BY 1"
    assert await platform.books.rows(counted) == await platform.books.rows(issued) != []


def test_what_was_there_before_tenants_is_the_default_ones_and_numbers_go_on(database_at: DatabaseAt) -> None:
    url = database_at("billing", "0006")
    count = "INSERT INTO invoice_counts (year, count) VALUES (2026, 7)"
    methods = (
        "INSERT INTO payment_methods (id, driver_id, kind, label, provider_token, is_default, create_time)"
        " VALUES (gen_random_uuid(), gen_random_uuid(), 'CARD', 'Card', '', true, now())"
    )
    with psycopg.connect(url) as connection:
        connection.execute(count)
        connection.execute(methods)
    migrations.upgrade(url, "billing")

    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT tenant_id FROM payment_methods").fetchall() == [("default",)]
        assert connection.execute("SELECT * FROM invoice_counts").fetchall() == [(2026, 7, "default")]
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(count)


async def test_a_driver_is_told_nothing_of_another_tenant(platform: Platform, things: Things) -> None:
    """Not even by a token of the driver who is named in its sessions."""
    channel: grpc.aio.Channel = await platform.service.channel("driver", tenant=OTHER, driver_id=DRIVER)
    listed = await Caller(channel).sessions.ListChargingSessions(session_pb.ListChargingSessionsRequest())

    assert not listed.charging_sessions


async def test_the_owner_gets_what_is_his(tenants: Tenants) -> None:
    """The last of all: it changes them."""
    await tenants.check_the_owner_gets_it(*SERVICES)
