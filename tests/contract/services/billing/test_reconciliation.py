"""Bills do not hang on events: what the transaction service knows is compared at start and on a schedule."""

from datetime import UTC, datetime, timedelta

from services.kernel.ids import derived_id
from services.rpc.protobuf import timestamp
from tests.contract.services.billing.conftest import Books, Caller
from tests.contract.services.billing.messages import END, new_tariff, running_transaction, transaction
from tests.contract.services.billing.neighbours import Neighbours
from tests.fixtures.background import eventually
from tests.fixtures.services import RunningService, ServiceRunner

DONE = ("COMPLETED", "")


async def test_ended_transactions_whose_events_were_lost_are_billed_once(
    run_service: ServiceRunner, service: RunningService, admin: Caller, neighbours: Neighbours, database_url: str
) -> None:
    await admin.tariffs.CreateTariff(new_tariff(is_default=True))
    known = [transaction(number, update_time=timestamp(END + timedelta(seconds=number))) for number in range(7)]
    known.append(running_transaction(7, update_time=timestamp(END + timedelta(seconds=7))))
    neighbours.transactions = {one.id: one for one in known}
    neighbours.transactions_per_page = 3
    books = Books(service.database)
    expected = {**{f"CP{number}": DONE for number in range(7)}, "CP7": ("ACTIVE", "")}
    for _ in range(2):
        await run_service("billing", background=True, database_url=database_url, **neighbours.settings())
    await books.become(expected)
    await eventually(lambda: _was_compared(books, END + timedelta(seconds=7)))
    assert len(await books.invoices()) == 7

    # The next look begins a little before where the last one ended.
    asked = neighbours.pages_asked
    late = transaction(8, update_time=timestamp(END - timedelta(seconds=60)))
    forgotten = transaction(9, update_time=timestamp(END - timedelta(minutes=10)))
    neighbours.transactions.update({late.id: late, forgotten.id: forgotten})
    await run_service("billing", background=True, database_url=database_url, **neighbours.settings())
    await books.become({**expected, "CP8": DONE})
    assert neighbours.pages_asked - asked == 3
    assert await books.rows("SELECT count(*) FROM invoices WHERE state <> 'VOID'") == [(8,)]


async def test_the_comparison_waits_for_the_transaction_service(
    run_service: ServiceRunner, service: RunningService, admin: Caller, neighbours: Neighbours, database_url: str
) -> None:
    await admin.tariffs.CreateTariff(new_tariff(is_default=True))
    one = transaction(1)
    neighbours.transactions = {one.id: one}
    neighbours.away = {"transaction"}
    await run_service("billing", background=True, database_url=database_url, **neighbours.settings())
    books = Books(service.database)
    await eventually(lambda: _nothing_compared(books))
    neighbours.away = set()
    await books.become({"CP1": DONE})


async def test_a_transaction_that_billing_knows_better_is_left_alone(
    run_service: ServiceRunner,
    busy: RunningService,
    boss: Caller,
    books: Books,
    neighbours: Neighbours,
    database_url: str,
) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    newer, older = transaction(1, 5), transaction(1, 4, energy_wh=1)
    neighbours.transactions = {newer.id: newer}
    for snapshot in (newer, older):
        neighbours.transactions = {snapshot.id: snapshot}
        await run_service("billing", background=True, database_url=database_url, **neighbours.settings())
        await books.become({"CP1": DONE})
    assert await books.invoices() == [("CP1", "OPEN", 400)]
    assert await books.rows("SELECT id::text FROM charging_sessions") == [(derived_id("charging session", newer.id),)]


async def _was_compared(books: Books, until: datetime) -> bool:
    return await books.rows("SELECT until_time FROM reconciliations") == [(until.astimezone(UTC),)]


async def _nothing_compared(books: Books) -> bool:
    return await books.rows("SELECT * FROM reconciliations") == []
