"""The billing service running inside the test, its neighbours, its callers and its books."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc.aio
import pytest
from sqlalchemy import text

from csms.billing.v1 import billing_service_pb2 as session_service_pb
from csms.billing.v1 import billing_service_pb2_grpc as session_grpc
from csms.billing.v1 import charging_session_pb2 as session_pb
from csms.billing.v1 import decision_service_pb2_grpc as decision_grpc
from csms.billing.v1 import invoice_party_service_pb2_grpc as party_grpc
from csms.billing.v1 import invoice_pb2 as invoice_pb
from csms.billing.v1 import invoice_service_pb2 as invoice_service_pb
from csms.billing.v1 import invoice_service_pb2_grpc as invoice_grpc
from csms.billing.v1 import payment_service_pb2_grpc as payment_grpc
from csms.billing.v1 import tariff_service_pb2_grpc as tariff_grpc
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from services.postgres.database import Database
from tests.contract.services.billing.messages import DRIVER, new_tariff, reported
from tests.contract.services.billing.neighbours import Neighbours, running_neighbours
from tests.fixtures.background import eventually
from tests.fixtures.postgres import FreshDatabase
from tests.fixtures.services import RunningService, ServiceRunner


class Caller:
    """The services of billing as one caller sees them."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.tariffs = tariff_grpc.TariffServiceStub(channel)
        self.sessions = session_grpc.BillingServiceStub(channel)
        self.invoices = invoice_grpc.InvoiceServiceStub(channel)
        self.payments = payment_grpc.PaymentServiceStub(channel)
        self.parties = party_grpc.InvoicePartyServiceStub(channel)
        self.decisions = decision_grpc.DecisionServiceStub(channel)


@dataclass(frozen=True)
class Books:
    """What is in the database, read beside the service."""

    database: Database

    async def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        async with self.database.read() as connection:
            return [tuple(row) for row in await connection.execute(text(query), values)]

    async def sessions(self) -> dict[str, tuple[str, str]]:
        """State and reason to hold, by the charge point of the session."""
        found = await self.rows("SELECT charge_point_id, state, hold_reason FROM charging_sessions")
        return {charge_point_id: (state, reason) for charge_point_id, state, reason in found}

    async def invoices(self) -> list[tuple[str, str, int]]:
        """Charge point, state and total of every invoice, in the order of their numbers; not of credit notes."""
        return [
            (charge_point_id, state, total)
            for charge_point_id, state, total in await self.rows(
                "SELECT charge_point_id, i.state, total_minor FROM invoices i"
                " JOIN charging_sessions s ON s.id = charging_session_id WHERE kind = 'INVOICE' ORDER BY number"
            )
        ]

    async def credit_notes(self) -> list[tuple[str, str, int, int]]:
        """Number, state, total and what was given back or counted of every credit note, in their order."""
        return [
            (number, state, total, paid)
            for number, state, total, paid in await self.rows(
                "SELECT number, state, total_minor, paid_minor FROM invoices WHERE kind = 'CREDIT_NOTE' ORDER BY number"
            )
        ]

    async def become(self, sessions: dict[str, tuple[str, str]]) -> None:
        """Wait until the sessions stand as told."""

        async def stand() -> bool:
            return await self.sessions() == sessions

        try:
            await eventually(stand)
        except TimeoutError:
            assert await self.sessions() == sessions


Tell = Callable[..., Awaitable[None]]
Bill = Callable[..., Awaitable[invoice_pb.Invoice]]


@pytest.fixture(scope="module")
async def shared_neighbours() -> AsyncIterator[Neighbours]:
    """Those of all tests of a module."""
    async with running_neighbours() as known:
        yield known


@pytest.fixture
def neighbours(shared_neighbours: Neighbours) -> Neighbours:
    """The services that billing asks; what they know is of this test."""
    shared_neighbours.forget()
    return shared_neighbours


@pytest.fixture
def database_url(emptied_database: FreshDatabase) -> str:
    """The URL of a database of billing without rows."""
    return emptied_database("billing")


@pytest.fixture(scope="module")
async def shared_service(
    module_services: ServiceRunner, shared_neighbours: Neighbours, kept_database: FreshDatabase
) -> RunningService:
    """One for all tests of a module: it has no memory but its database, so that each finds it as if it were new."""
    settings = shared_neighbours.settings()
    return await module_services("billing", database_url=kept_database("billing"), **settings)


@pytest.fixture
def service(shared_service: RunningService, neighbours: Neighbours, database_url: str, nats_url: str) -> RunningService:
    """The service, without what it does besides answering."""
    assert (shared_service.settings.database_url, shared_service.settings.nats_url) == (database_url, nats_url)
    shared_service.bus.stream_missing()  # as `nats_url` has left it
    return shared_service


@pytest.fixture
async def busy(run_service: ServiceRunner, neighbours: Neighbours, database_url: str) -> RunningService:
    """The service with all that it does."""
    return await run_service("billing", background=True, database_url=database_url, **neighbours.settings())


@pytest.fixture
async def admin(service: RunningService) -> Caller:
    """An administrator of `service`."""
    return Caller(await service.channel())


@pytest.fixture
def bill(admin: Caller) -> Bill:
    """`await bill(energy_wh, driver_id=...)` gives the invoice for a session that a caller entered, at 0.40 a kWh."""

    async def issue(energy_wh: int = 10_000, **fields: Any) -> invoice_pb.Invoice:
        chosen = (await admin.tariffs.CreateTariff(new_tariff(tax_basis_points=1900))).tariff
        session = session_pb.ChargingSession(**{"driver_id": DRIVER, "tariff_id": chosen.id, **fields})
        made = await admin.sessions.CreateChargingSession(
            session_service_pb.CreateChargingSessionRequest(charging_session=session)
        )
        done = await admin.sessions.CompleteChargingSession(
            session_service_pb.CompleteChargingSessionRequest(id=made.charging_session.id, energy_wh=energy_wh)
        )
        request = invoice_service_pb.GetInvoiceRequest(id=done.charging_session.invoice_id)
        return (await admin.invoices.GetInvoice(request)).invoice

    return issue


@pytest.fixture
async def boss(busy: RunningService) -> Caller:
    """An administrator of `busy`."""
    return Caller(await busy.channel())


@pytest.fixture
def books(busy: RunningService) -> Books:
    """The database of `busy`."""
    return Books(busy.database)


@pytest.fixture
def tell(busy: RunningService) -> Tell:
    """`await tell(transaction, transaction)` publishes what the transaction service would."""

    async def publish(*transactions: transaction_pb.Transaction) -> None:
        confirmed = await busy.bus.publish([reported(one) for one in transactions])
        assert all(confirmed)

    return publish
