"""Bills survive the engines: NATS and PostgreSQL end and come back while events are delivered."""

import asyncio

import pytest
from sqlalchemy import make_url

from csms.event.v1.domain_event_pb2 import DomainEvent
from services.messaging.event_batches import OutgoingEvent
from services.postgres import migrations
from services.postgres.database import DatabaseUnavailable
from tests.contract.services.billing.conftest import Books, Caller
from tests.contract.services.billing.messages import new_tariff, reported, running_transaction, transaction
from tests.contract.services.billing.neighbours import Neighbours
from tests.fixtures.background import eventually
from tests.fixtures.nats import OwnNats
from tests.fixtures.postgres import OwnPostgres
from tests.fixtures.services import RunningService, ServiceRunner

COUNT = 20
# Every session begins, then every session ends.
EVENTS = [
    *(reported(running_transaction(number, 1)) for number in range(COUNT)),
    *(reported(transaction(number, 2)) for number in range(COUNT)),
]


async def test_nats_ends_and_comes_back_while_sessions_are_billed(
    run_service: ServiceRunner, own_nats: OwnNats, neighbours: Neighbours, database_url: str
) -> None:
    own_nats.start()
    settings = {**neighbours.settings(), "nats_url": own_nats.url, "database_url": database_url}
    service = await run_service("billing", background=True, **settings)
    await _make_tariff(service)
    await _publish(service, EVENTS[: COUNT * 3 // 2])
    await eventually(lambda: _some_invoices(service))
    own_nats.stop()
    await eventually(lambda: _has_noticed(service))
    own_nats.start()
    await _publish(service, EVENTS[COUNT * 3 // 2 :])
    await _expect_one_bill_each(service)


async def test_postgresql_ends_and_comes_back_while_sessions_are_billed(
    run_service: ServiceRunner, own_postgres: OwnPostgres, neighbours: Neighbours
) -> None:
    url = make_url(own_postgres.url).set(database="csms_billing").render_as_string(hide_password=False)
    migrations.upgrade(url, "billing")
    services = [
        await run_service("billing", background=True, database_url=url, **neighbours.settings()) for _ in range(2)
    ]
    await _make_tariff(services[0])
    publishing = asyncio.create_task(_publish(services[0], EVENTS))
    await eventually(lambda: _some_invoices(services[0]))
    own_postgres.stop()
    with pytest.raises(DatabaseUnavailable):
        await services[0].database.ping()
    own_postgres.start()
    await publishing
    await _expect_one_bill_each(services[1])


async def _make_tariff(service: RunningService) -> None:
    await Caller(await service.channel()).tariffs.CreateTariff(new_tariff(is_default=True))


async def _publish(service: RunningService, waiting: list[OutgoingEvent]) -> None:
    """What is not confirmed is published again, as the outbox does."""
    while waiting:
        confirmed = await service.bus.publish(waiting[:10])
        lost = [event for event, is_confirmed in zip(waiting, confirmed, strict=False) if not is_confirmed]
        waiting = lost + waiting[10:]


async def _has_noticed(service: RunningService) -> bool:
    return not service.bus.is_ready


async def _some_invoices(service: RunningService) -> bool:
    return len(await Books(service.database).invoices()) > 0


async def _expect_one_bill_each(service: RunningService) -> None:
    books = Books(service.database)

    async def all_billed() -> bool:
        try:
            return await books.sessions() == {f"CP{number}": ("COMPLETED", "") for number in range(COUNT)}
        except DatabaseUnavailable:
            return False

    await eventually(all_billed)
    assert sorted(await books.invoices()) == sorted((f"CP{number}", "OPEN", 400) for number in range(COUNT))
    events = [DomainEvent.FromString(payload) for (payload,) in await books.rows("SELECT payload FROM outbox")]
    invoices = [invoice_id for (invoice_id,) in await books.rows("SELECT id::text FROM invoices")]
    assert sorted(event.session_billed.invoice_id for event in events) == sorted(invoices)
    assert await books.rows("SELECT max(count) FROM invoice_counts") == [(COUNT,)]
