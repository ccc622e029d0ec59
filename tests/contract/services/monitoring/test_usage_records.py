"""The records of usage: what snapshots and bills leave of a session in whatever order and how often they come."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.kernel.ids import new_id
from services.monitoring.domain.transaction import Authorization, Transaction, TransactionState
from services.monitoring.domain.usage import Bill
from services.monitoring.sql.locks import Locks
from services.monitoring.sql.usage import SqlUsageRepository
from tests.fixtures.services import RunningService

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)
STATION, OTHER_STATION, DRIVER, PAYER = (new_id() for _ in range(4))


def ended(revision: int, energy_wh: int, driver_id: str | None = None) -> Transaction:
    """A snapshot that ends a session as many minutes after NOW as it is revised; revision 9 lets it go on."""
    return Transaction(
        id="",
        ocpp_transaction_id="42",
        charge_point_id="CP1",
        evse_id=1,
        connector_id=1,
        station_id=STATION,
        driver_id=driver_id,
        start_time=NOW,
        stop_time=None if revision == 9 else NOW + revision * timedelta(minutes=1),
        meter_start_wh=0,
        energy_wh=energy_wh,
        power_w=None,
        power_time=None,
        revision=revision,
        update_time=NOW,
        state=TransactionState.ENDED,
        authorization=Authorization.ACCEPTED,
    )


def bill(minutes: int, amount_minor: int) -> Bill:
    return Bill(
        session_id="",
        station_id=OTHER_STATION,
        driver_id=PAYER,
        energy_wh=77,
        end_time=NOW,
        amount_minor=amount_minor,
        currency_code="EUR",
        bill_time=NOW + minutes * timedelta(minutes=1),
        bill_revision=minutes,
    )


def no_bill(revision: int) -> Bill:
    """The bill was taken back; the clock of who did that was slow."""
    return Bill("", None, None, 0, None, None, None, NOW - revision * timedelta(minutes=1), revision)


Reported = Sequence[Transaction | Bill]
REPORTED: Reported = [ended(1, 5_000, DRIVER), bill(2, 1_500), ended(3, 4_800), bill(4, 1_440)]
_COLUMNS = (
    "end_time, station_id::text, charge_point_id, driver_id::text, energy_wh, revision, billed_driver_id::text,"
    " amount_minor"
)


async def recorded(service: RunningService, reported: Reported) -> tuple[Any, ...]:
    """What is kept of a new session of which this is told, one after the other."""
    session_id = new_id()
    async with service.database.transaction() as connection:
        usage = SqlUsageRepository(connection, Locks(connection))
        for one in reported:
            if isinstance(one, Bill):
                await usage.record_bills([one._replace(session_id=session_id)])
            else:
                await usage.record_sessions([one._replace(id=session_id)])
        query = f"SELECT {_COLUMNS} FROM usage_analytics WHERE session_id = '{session_id}'"
        [row] = (await connection.exec_driver_sql(query)).all()
    return tuple(row)


async def test_a_record_is_the_same_in_any_order_and_with_repetitions(service: RunningService) -> None:
    dice = random.Random(7)
    expected = (NOW + timedelta(minutes=3), STATION, "CP1", None, 4_800, 3, PAYER, 1_440)
    for _ in range(30):
        reported = [*dice.sample(REPORTED, len(REPORTED)), *dice.choices(REPORTED, k=2)]
        assert await recorded(service, reported) == expected


async def test_a_bill_that_was_taken_back_leaves_no_amount_in_any_order(service: RunningService) -> None:
    dice = random.Random(8)
    reported: Reported = [ended(1, 5_000, DRIVER), bill(1, 1_500), ended(9, 5_000, DRIVER), no_bill(9)]
    expected = (None, STATION, "CP1", DRIVER, 5_000, 9, None, None)
    for _ in range(30):
        assert (
            await recorded(service, [*dice.sample(reported, len(reported)), *dice.choices(reported, k=2)]) == expected
        )


async def test_a_bill_after_one_that_was_taken_back_counts_in_any_order(service: RunningService) -> None:
    dice = random.Random(9)
    # The end is in doubt, and then it is billed after all: both by the same snapshot.
    reported = [bill(1, 1_500), no_bill(3), bill(3, 1_440)]
    for _ in range(20):
        assert (await recorded(service, [*dice.sample(reported, len(reported)), *dice.choices(reported, k=2)]))[
            -1
        ] == 1_440


@pytest.mark.field_case("A10", "A11")
async def test_what_persons_decide_about_a_bill_counts_in_any_order(service: RunningService) -> None:
    dice = random.Random(10)
    # By one snapshot: billed, corrected, written off, and billed after all.
    reported = [bill(3, 1_500), bill(3, 1_440)._replace(bill_decisions=1), no_bill(3)._replace(bill_decisions=2)]
    billed_again = bill(3, 1_300)._replace(bill_decisions=3)
    for _ in range(20):
        assert (await recorded(service, dice.sample(reported, len(reported))))[-1] is None
        assert (await recorded(service, dice.sample([*reported, billed_again], len(reported) + 1)))[-1] == 1_300


async def test_a_session_that_only_billing_knows_is_used_as_it_was_billed(service: RunningService) -> None:
    assert await recorded(service, [bill(1, 900)]) == (NOW, OTHER_STATION, "", None, 77, 0, PAYER, 900)
    assert (await recorded(service, [bill(2, 800), bill(1, 900)]))[-1] == 800


async def test_a_session_that_goes_on_after_all_has_no_end(service: RunningService) -> None:
    assert (await recorded(service, [ended(1, 5_000), ended(9, 6_000)]))[0] is None
