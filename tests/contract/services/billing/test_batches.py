"""Many sessions at once: taken in together, priced together and billed together, each as if it were alone."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import grpc.aio
import pytest

from csms.transaction.v1.transaction_pb2 import Transaction
from services.billing.application.billing import Biller
from services.billing.application.invoicing import Invoicing
from services.billing.clients import GrpcDrivers, GrpcStations, GrpcTransactions
from services.billing.domain.charging_session import END_PATIENCE
from services.billing.mapping.charging_sessions import transaction_snapshot
from services.billing.sql.unit_of_work import SqlUnitsOfWork
from services.kernel.clock import Clock, FixedClock, SystemClock
from services.kernel.ids import derived_id, new_id
from services.messaging.outbox import OutboxRelay
from services.process import tracing
from services.rpc import channels
from services.rpc.service_identity import ServiceIdentity
from tests.contract.services.billing.conftest import Books, Caller, Tell
from tests.contract.services.billing.messages import (
    DRIVER,
    OTHER_DRIVER,
    new_tariff,
    running_transaction,
    session_id,
    transaction,
)
from tests.contract.services.billing.neighbours import Neighbours
from tests.fixtures.otlp import Receiver
from tests.fixtures.services import RunningService

DONE = ("COMPLETED", "")
_LOCK_ONE = "SELECT FROM charging_sessions WHERE charge_point_id = 'CP1' FOR UPDATE"


@pytest.fixture
async def units_of_work(service: RunningService) -> SqlUnitsOfWork:
    return SqlUnitsOfWork(service.database, OutboxRelay(service.database, service.bus), SystemClock())


@pytest.fixture
async def biller(
    service: RunningService, units_of_work: SqlUnitsOfWork, neighbours: Neighbours
) -> AsyncIterator[Biller]:
    """The only one who bills on the database of `service`."""
    identity = ServiceIdentity("billing", service.settings)
    async with channels.channel(neighbours.address, "driver", identity) as channel:
        yield _biller(units_of_work, SystemClock(), channel)


def _biller(
    units_of_work: SqlUnitsOfWork, clock: Clock, channel: grpc.aio.Channel, patience: timedelta = END_PATIENCE
) -> Biller:
    return Biller(
        units_of_work,
        clock,
        GrpcDrivers(channel),
        GrpcStations(channel),
        GrpcTransactions(channel),
        Invoicing(clock, Decimal(5)),
        end_patience=patience,
    )


@pytest.fixture
def ledger(service: RunningService) -> Books:
    """The database of `service`."""
    return Books(service.database)


async def _take_in(biller: Biller, units_of_work: SqlUnitsOfWork, *messages: Transaction) -> None:
    async with units_of_work() as work:
        await biller.take_in(work, [transaction_snapshot(message) for message in messages])


async def _count(books: Books) -> list[tuple[int, ...]]:
    return await books.rows("SELECT count FROM invoice_counts")


async def test_of_several_snapshots_in_one_batch_the_newest_is_billed(
    admin: Caller, biller: Biller, units_of_work: SqlUnitsOfWork, ledger: Books
) -> None:
    await admin.tariffs.CreateTariff(new_tariff(is_default=True))
    snapshots = [
        running_transaction(1, 1, energy_wh=0),
        transaction(1, 3, energy_wh=20_000),
        transaction(1, 2, energy_wh=10_000),
        transaction(2, 5, authorization=Transaction.INVALID),
        transaction(2, 4),
    ]
    for seed in range(5):
        await _take_in(biller, units_of_work, *random.Random(seed).sample(snapshots, len(snapshots)))
    assert await biller.settle_all() == 0
    assert await ledger.sessions() == {"CP1": DONE, "CP2": ("HELD", "unauthorized")}
    assert await ledger.invoices() == [("CP1", "OPEN", 800)]


async def test_bills_that_are_settled_together_are_one_span_with_what_others_were_asked(
    admin: Caller, biller: Biller, units_of_work: SqlUnitsOfWork, receiver: Receiver
) -> None:
    await admin.tariffs.CreateTariff(new_tariff(is_default=True))
    await _take_in(biller, units_of_work, *(transaction(number, energy_wh=10_000) for number in range(3)))
    async with tracing.traced("billing", receiver.endpoint):
        assert await biller.settle_all() == 0
        assert await biller.settle_all() == 0
    # The second time there was nothing to do, and nothing to tell.
    [settled] = receiver.spans("settle bills")
    assert (settled.attributes, settled.status) == ({"csms.sessions": 3}, "")
    asked = receiver.spans(kind="CLIENT")
    assert {span.parent_id for span in asked} == {settled.span_id}


async def test_more_sessions_than_a_page_have_one_bill_each_with_numbers_without_gaps(
    admin: Caller, biller: Biller, units_of_work: SqlUnitsOfWork, ledger: Books, neighbours: Neighbours
) -> None:
    await admin.tariffs.CreateTariff(new_tariff(is_default=True))
    neighbours.tiers[DRIVER] = "GOLD"
    count = 300
    await _take_in(
        biller, units_of_work, *(transaction(number, energy_wh=1_000 * (number + 1)) for number in range(count))
    )
    assert sum(await asyncio.gather(biller.settle_all(), biller.settle_all())) == 0
    assert await biller.settle_all() == 0
    assert set((await ledger.sessions()).values()) == {DONE}
    assert sorted(await ledger.invoices()) == sorted((f"CP{n}", "OPEN", 40 * (n + 1)) for n in range(count))
    numbers = [number[5:] for (number,) in await ledger.rows("SELECT number FROM invoices ORDER BY number")]
    assert numbers == [f"{number:06d}" for number in range(1, count + 1)]
    assert await ledger.rows("SELECT count(*) FROM outbox") == [(count,)]


async def test_what_waits_for_a_bill_or_a_person_is_noted_as_long_as_it_waits(
    admin: Caller, biller: Biller, units_of_work: SqlUnitsOfWork, ledger: Books
) -> None:
    async def noted() -> list[tuple[str, str]]:
        """Charge point and reason of what is noted, which must be that of the session."""
        return await ledger.rows(
            "SELECT charge_point_id, reason FROM unbilled_sessions JOIN charging_sessions ON id = session_id"
            " WHERE reason = hold_reason ORDER BY charge_point_id"
        )

    await _take_in(biller, units_of_work, running_transaction(1, 1), transaction(2, authorization=Transaction.INVALID))
    assert await noted() == [("CP2", "unauthorized")]
    await _take_in(biller, units_of_work, transaction(2, 2))
    assert await noted() == [("CP2", "pending")]
    await _take_in(biller, units_of_work, running_transaction(2, 3))
    assert await noted() == []
    await _take_in(biller, units_of_work, transaction(1, 2), transaction(3), transaction(4, flags=["estimated_end"]))
    assert await noted() == [("CP1", "pending"), ("CP3", "pending"), ("CP4", "estimated_end")]
    assert await biller.settle_all() == 0
    assert await noted() == [("CP1", "no_tariff"), ("CP3", "no_tariff"), ("CP4", "estimated_end")]
    # It went on after all, and another one should never have begun.
    await _take_in(
        biller, units_of_work, running_transaction(1, 3), transaction(3, 2, authorization=Transaction.INVALID)
    )
    assert await noted() == [("CP3", "unauthorized"), ("CP4", "estimated_end")]
    await admin.tariffs.CreateTariff(new_tariff(is_default=True))
    await _take_in(biller, units_of_work, transaction(4, 2), transaction(5))
    assert await noted() == [("CP3", "unauthorized"), ("CP4", "pending"), ("CP5", "pending")]
    assert await biller.settle_all() == 0
    assert await ledger.rows("SELECT reason FROM unbilled_sessions") == [("unauthorized",)]


async def test_each_driver_is_asked_after_once(
    admin: Caller, biller: Biller, units_of_work: SqlUnitsOfWork, neighbours: Neighbours, ledger: Books
) -> None:
    await admin.tariffs.CreateTariff(new_tariff(is_default=True))
    drivers = [DRIVER, OTHER_DRIVER, ""]
    await _take_in(biller, units_of_work, *(transaction(number, driver_id=drivers[number % 3]) for number in range(30)))
    assert await biller.settle_all() == 0
    assert sorted(neighbours.asked) == sorted([DRIVER, OTHER_DRIVER])
    assert set((await ledger.sessions()).values()) == {DONE}


async def test_a_session_that_cannot_be_billed_does_not_take_the_others_along(
    admin: Caller, biller: Biller, units_of_work: SqlUnitsOfWork, ledger: Books
) -> None:
    await admin.tariffs.CreateTariff(new_tariff(is_default=True))
    await _take_in(biller, units_of_work, *(transaction(number) for number in range(20)))
    # An invoice nobody knows of: the database refuses a second one for this session, and with it those of all.
    async with ledger.database.transaction() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO invoices (id, number, charging_session_id, state, issue_time, currency_code, total_minor,"
            f" tax_minor, paid_minor, lines) VALUES ('{new_id()}', 'X', '{session_id(7)}', 'OPEN', now(), 'EUR', 1, 0,"
            " 0, '[]')"
        )
    assert await biller.settle_all() == 1
    pending = {"CP7": ("HELD", "pending")}
    assert await ledger.sessions() == {f"CP{number}": DONE for number in range(20)} | pending
    assert await _count(ledger) == [(19,)]
    # Put right, it gets its own.
    async with ledger.database.transaction() as connection:
        await connection.exec_driver_sql("DELETE FROM invoices WHERE number = 'X'")
    assert await biller.settle_all() == 0
    assert await _count(ledger) == [(20,)]


async def test_who_bills_waits_for_no_session_that_somebody_else_holds(
    admin: Caller, biller: Biller, units_of_work: SqlUnitsOfWork, ledger: Books
) -> None:
    await admin.tariffs.CreateTariff(new_tariff(is_default=True))
    await _take_in(biller, units_of_work, *(transaction(number) for number in range(3)))
    async with ledger.database.transaction() as connection:
        await connection.exec_driver_sql(_LOCK_ONE)
        assert await biller.settle_all() == 0
        assert await ledger.sessions() == {"CP0": DONE, "CP1": ("HELD", "pending"), "CP2": DONE}
    assert await biller.settle_all() == 0
    assert (await ledger.sessions())["CP1"] == DONE


@pytest.mark.parametrize("patience", [END_PATIENCE, timedelta(seconds=15)])
async def test_an_end_that_nobody_tells_is_billed_as_it_was_concluded_after_a_while(
    admin: Caller,
    service: RunningService,
    units_of_work: SqlUnitsOfWork,
    ledger: Books,
    neighbours: Neighbours,
    patience: timedelta,
) -> None:
    await admin.tariffs.CreateTariff(new_tariff(is_default=True))
    clock = FixedClock(SystemClock().now())
    identity = ServiceIdentity("billing", service.settings)
    async with channels.channel(neighbours.address, "driver", identity) as channel:
        biller = _biller(units_of_work, clock, channel, patience)
        await _take_in(biller, units_of_work, transaction(1, 1, flags=["estimated_end"]))
        clock.advance(patience)
        # News of it: it waits anew.
        await _take_in(
            biller, units_of_work, transaction(1, 2, energy_wh=9_000, flags=["estimated_end"]), transaction(2, 1)
        )
        assert await biller.settle_all() == 0
        for wait in (timedelta(), patience):
            clock.advance(wait)
            await biller.retry_held()
            assert await biller.settle_all() == 0
            assert await ledger.sessions() == {"CP1": ("HELD", "estimated_end"), "CP2": DONE}
        clock.advance(timedelta(seconds=1))
        assert not await biller.retry_held()
        assert await biller.settle_all() == 0
        assert await ledger.invoices() == [("CP2", "OPEN", 400), ("CP1", "OPEN", 360)]
        # What is told after all, and still, corrects it.
        await _take_in(biller, units_of_work, transaction(1, 3))
        assert await biller.settle_all() == 0
    assert await ledger.sessions() == {"CP1": DONE, "CP2": DONE}
    assert await ledger.invoices() == [("CP2", "OPEN", 400), ("CP1", "VOID", 360), ("CP1", "OPEN", 400)]


async def test_tariffs_of_stations_come_before_the_default_within_one_batch(
    admin: Caller, biller: Biller, units_of_work: SqlUnitsOfWork, ledger: Books
) -> None:
    there = derived_id("station", 7)
    await admin.tariffs.CreateTariff(new_tariff(is_default=True))
    await admin.tariffs.CreateTariff(new_tariff(station_ids=[there], currency_code="CHF"))
    await _take_in(
        biller, units_of_work, transaction(1), transaction(2, station_id=there), transaction(3, station_id="")
    )
    assert await biller.settle_all() == 0
    rows = await ledger.rows("SELECT charge_point_id, currency_code FROM charging_sessions ORDER BY charge_point_id")
    assert rows == [("CP1", "EUR"), ("CP2", "CHF"), ("CP3", "EUR")]


async def test_an_event_that_makes_no_sense_does_not_take_the_others_along(
    boss: Caller, books: Books, tell: Tell
) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    senseless = transaction(99, start_time=None, create_time=None)
    good = [transaction(number) for number in range(20)]
    await tell(*good[:10], senseless, *good[10:], *good[:5])
    await books.become({f"CP{number}": DONE for number in range(20)})
    assert len(await books.invoices()) == 20
