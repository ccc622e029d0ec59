"""What the transaction service tells becomes bills: each session that ended well has exactly one that counts."""

import asyncio
import random
from datetime import timedelta

from csms.billing.v1.billing_service_pb2 import GetChargingSessionRequest
from csms.event.v1.domain_event_pb2 import DomainEvent, SessionUnbilled
from csms.transaction.v1.transaction_pb2 import Transaction
from services.kernel.ids import derived_id, new_id
from services.kernel.money import Money
from services.messaging.older_events import total_of
from services.rpc.protobuf import timestamp
from tests.contract.services.billing.conftest import Books, Caller, Tell
from tests.contract.services.billing.messages import (
    DRIVER,
    END,
    OTHER_DRIVER,
    START,
    STATION,
    amount,
    new_tariff,
    reported,
    running_transaction,
    session_id,
    transaction,
)
from tests.contract.services.billing.neighbours import Neighbours
from tests.fixtures.background import eventually
from tests.fixtures.events import relayed
from tests.fixtures.services import RunningService, ServiceRunner

DONE = ("COMPLETED", "")


async def test_a_session_is_followed_and_billed(boss: Caller, books: Books, tell: Tell, neighbours: Neighbours) -> None:
    neighbours.tiers[DRIVER] = "SILVER"
    made = (await boss.tariffs.CreateTariff(new_tariff(is_default=True, tax_basis_points=1900))).tariff
    await tell(running_transaction(1, energy_wh=0))
    await books.become({"CP1": ("ACTIVE", "")})
    await tell(transaction(1, 2))
    await books.become({"CP1": DONE})
    session = (await boss.sessions.GetChargingSession(GetChargingSessionRequest(id=session_id()))).charging_session
    assert (session.transaction_id, session.station_id, session.driver_id, session.id_tag) == (
        derived_id("transaction", 1),
        STATION,
        DRIVER,
        "TAG1",
    )
    assert (session.energy_wh, amount(session.cost), session.tariff_id) == (10_000, "4.76 EUR", made.id)
    assert (session.start_time, session.end_time) == (timestamp(START), timestamp(END))
    assert await books.invoices() == [("CP1", "OPEN", 476)]
    [event] = await _billed(books)
    told_of = event.session_billed
    assert (told_of.charging_session_id, told_of.invoice_id) == (session.id, session.invoice_id)
    assert (told_of.transaction_id, told_of.energy_wh) == (session.transaction_id, 10_000)
    assert (total_of(told_of), told_of.end_time) == (Money("EUR", 476), timestamp(END))


async def test_events_in_any_order_and_number_to_two_replicas_give_one_bill_each(
    run_service: ServiceRunner,
    busy: RunningService,
    boss: Caller,
    books: Books,
    neighbours: Neighbours,
    database_url: str,
) -> None:
    replica = await run_service("billing", background=True, database_url=database_url, **neighbours.settings())
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    count = 25
    events = []
    for number in range(count):
        for revision, snapshot in enumerate(_life(number), start=1):
            snapshot.revision = revision
            event_id = new_id()
            # The same event twice, and the same snapshot as another event.
            events += [reported(snapshot, event_id), reported(snapshot, event_id), reported(snapshot)]
    random.Random(7).shuffle(events)
    for begin in range(0, len(events), 40):
        await asyncio.gather(
            busy.bus.publish(events[begin : begin + 20]), replica.bus.publish(events[begin + 20 : begin + 40])
        )

    await books.become({f"CP{number}": DONE for number in range(count)})
    counting = [(point, total) for point, state, total in await books.invoices() if state != "VOID"]
    assert sorted(counting) == sorted((f"CP{number}", _total(number)) for number in range(count))
    await _all_handled(busy)
    await _expect_gapless_numbers(books)
    await _expect_one_event_for_each_invoice(busy, books)
    assert await books.rows("SELECT * FROM parked_events") == []


async def test_a_late_correction_voids_the_bill_and_issues_another_once(boss: Caller, books: Books, tell: Tell) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    await tell(transaction(1, 2, energy_wh=9_000))
    await books.become({"CP1": DONE})
    correction = transaction(1, 3, energy_wh=10_000, stop_time=timestamp(END + timedelta(minutes=5)))
    await tell(correction, correction, transaction(1, 2, energy_wh=9_000))
    await _become_invoices(books, [("CP1", "VOID", 360), ("CP1", "OPEN", 400)])
    # News that change nothing on the bill leave it alone.
    correction.revision, correction.connector_id = 4, 2
    await tell(correction)
    await eventually(lambda: _has_revision(books, 4))
    await books.become({"CP1": DONE})
    assert await books.invoices() == [("CP1", "VOID", 360), ("CP1", "OPEN", 400)]
    assert [event.session_billed.energy_wh for event in await _billed(books)] == [9_000, 10_000]
    await _expect_gapless_numbers(books)


async def test_an_end_that_is_taken_back_is_told_as_a_bill_that_is_none_once(
    boss: Caller, books: Books, tell: Tell
) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    await tell(transaction(1, 2))
    await books.become({"CP1": DONE})
    [(invoice_id,)] = await books.rows("SELECT id::text FROM invoices")
    runs_on = running_transaction(1, 3)
    await tell(runs_on, transaction(1, 2), runs_on)
    await books.become({"CP1": ("ACTIVE", "")})
    assert await books.invoices() == [("CP1", "VOID", 400)]
    [told_of] = await _unbilled(books)
    assert (told_of.charging_session_id, told_of.invoice_id, told_of.revision) == (session_id(), invoice_id, 3)
    assert told_of.transaction_id == derived_id("transaction", 1)
    # What takes the place of a bill tells enough.
    await tell(transaction(1, 4, energy_wh=9_000))
    await books.become({"CP1": DONE})
    await tell(transaction(1, 5, energy_wh=8_000))
    await _become_invoices(books, [("CP1", "VOID", 400), ("CP1", "VOID", 360), ("CP1", "OPEN", 320)])
    assert [event.session_billed.revision for event in await _billed(books)] == [2, 4, 5]
    assert len(await _unbilled(books)) == 1


async def test_a_bill_whose_place_has_no_tariff_any_more_is_told_as_none(
    boss: Caller, books: Books, tell: Tell
) -> None:
    await boss.tariffs.CreateTariff(new_tariff(station_ids=[STATION]))
    await tell(transaction(1, 2))
    await books.become({"CP1": DONE})
    await tell(transaction(1, 3, station_id=""))
    await books.become({"CP1": ("HELD", "no_tariff")})
    assert [told_of.revision for told_of in await _unbilled(books)] == [3]


async def test_a_correction_of_who_pays_reissues_the_bill(boss: Caller, books: Books, tell: Tell) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    await tell(transaction(1, 1))
    await books.become({"CP1": DONE})
    await tell(transaction(1, 2, driver_id=OTHER_DRIVER))
    await _become_invoices(books, [("CP1", "VOID", 400), ("CP1", "OPEN", 400)])
    drivers = await books.rows("SELECT driver_id::text FROM invoices ORDER BY number")
    assert drivers == [(DRIVER,), (OTHER_DRIVER,)]


async def test_a_bill_over_nothing_can_be_corrected(boss: Caller, books: Books, tell: Tell) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    await tell(transaction(1, 1, energy_wh=0))
    await books.become({"CP1": DONE})
    await tell(transaction(1, 2))
    await _become_invoices(books, [("CP1", "VOID", 0), ("CP1", "OPEN", 400)])


async def test_a_bill_is_taken_back_when_the_session_turns_out_to_be_unauthorized(
    boss: Caller, books: Books, tell: Tell
) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    await tell(transaction(1, 1))
    await books.become({"CP1": DONE})
    await tell(transaction(1, 2, authorization=Transaction.BLOCKED))
    await books.become({"CP1": ("HELD", "unauthorized")})
    assert await books.invoices() == [("CP1", "VOID", 400)]
    session = (await boss.sessions.GetChargingSession(GetChargingSessionRequest(id=session_id()))).charging_session
    assert (session.invoice_id, session.HasField("cost")) == ("", False)


async def test_numbers_have_no_gaps_whoever_bills(
    run_service: ServiceRunner,
    busy: RunningService,
    boss: Caller,
    books: Books,
    neighbours: Neighbours,
    database_url: str,
) -> None:
    await run_service("billing", background=True, database_url=database_url, **neighbours.settings())
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    count = 24
    await busy.bus.publish([reported(transaction(number)) for number in range(count)])
    await books.become({f"CP{number}": DONE for number in range(count)})
    assert len(await books.invoices()) == count
    await _expect_gapless_numbers(books)
    await _expect_one_event_for_each_invoice(busy, books)


def _life(number: int) -> list[Transaction]:
    """The snapshots of a session in order: begun, charging, ended; of some also a correction of the end."""
    snapshots = [
        running_transaction(number, energy_wh=0),
        running_transaction(number, energy_wh=500),
        transaction(number, energy_wh=1_000 * (number + 1)),
    ]
    if number % 3 == 0:
        snapshots.append(transaction(number, energy_wh=1_000 * (number + 1) + 500))
    return snapshots


def _total(number: int) -> int:
    return 40 * (number + 1) + (20 if number % 3 == 0 else 0)


async def _billed(books: Books) -> list[DomainEvent]:
    """The events that tell of bills, in the order in which they were committed."""
    return [event for event in await _reported(books) if event.HasField("session_billed")]


async def _unbilled(books: Books) -> list[SessionUnbilled]:
    """What was told of bills that were taken back, in the order in which it was committed."""
    return [event.session_unbilled for event in await _reported(books) if event.HasField("session_unbilled")]


async def _reported(books: Books) -> list[DomainEvent]:
    rows = await books.rows("SELECT payload FROM outbox ORDER BY seq")
    return [DomainEvent.FromString(payload) for (payload,) in rows]


async def _become_invoices(books: Books, invoices: list[tuple[str, str, int]]) -> None:
    async def stand() -> bool:
        return await books.invoices() == invoices

    try:
        await eventually(stand)
    except TimeoutError:
        assert await books.invoices() == invoices


async def _has_revision(books: Books, revision: int) -> bool:
    return await books.rows("SELECT revision FROM charging_sessions") == [(revision,)]


async def _all_handled(service: RunningService) -> None:
    jetstream = await service.bus.ready()

    async def acknowledged() -> bool:
        info = await jetstream.consumer_info("CSMS_EVENTS", "billing-sessions")
        return (info.num_pending, info.num_ack_pending) == (0, 0)

    await eventually(acknowledged)


async def _expect_gapless_numbers(books: Books) -> None:
    numbers = [number for (number,) in await books.rows("SELECT number FROM invoices ORDER BY number")]
    year = numbers[0][:4]
    assert numbers == [f"{year}-{count:06d}" for count in range(1, len(numbers) + 1)]


async def _expect_one_event_for_each_invoice(service: RunningService, books: Books) -> None:
    invoices = [invoice_id for (invoice_id,) in await books.rows("SELECT id::text FROM invoices")]
    events = await _billed(books)
    assert sorted(event.session_billed.invoice_id for event in events) == sorted(invoices)
    totals = dict(await books.rows("SELECT id::text, total_minor FROM invoices"))
    assert all(
        totals[event.session_billed.invoice_id] == total_of(event.session_billed).minor_units for event in events
    )

    async def told_once() -> bool:
        messages = await relayed(service.bus, "csms.event.billing.charging_session.billed")
        reported = [event.session_billed.invoice_id for message in messages for event in message]
        return sorted(reported) == sorted(invoices)

    await eventually(told_once)
