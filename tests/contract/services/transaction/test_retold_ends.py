"""Ends without a number that come again, as they do where lines break: each is one fact, in one place, on the real
database, whatever else the platform says of it the next time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from csms.transaction.v1 import transaction_pb2 as transaction_pb
from services.postgres.database import Database
from tests.contract.services.transaction.conftest import Reader, Record
from tests.contract.services.transaction.reports import ACCEPTED, minutes, moment, start_16, stop_16
from tests.contract.services.transaction.test_matching import matcher_of
from tests.fixtures.services import RunningService
from tests.fixtures.shorthand import flags_of

State = transaction_pb.Transaction
_LATER = minutes(1)
# What is said of the same words the next time.
_AGAIN: dict[str, dict[str, Any]] = {
    "its token can be decided about": {"authorization": ACCEPTED, "driver_id": "D"},
    "its token cannot be decided about any more": {"authorization": 0, "driver_id": ""},
    "its clock is known to be ahead": {"corrected_time": minutes(-31), "flags": ["clock_corrected"]},
    "its clock is known to be ahead by less": {"corrected_time": minutes(-29), "flags": ["clock_corrected"]},
}


@pytest.fixture(params=_AGAIN)
def again(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"received_time": _LATER, **_AGAIN[request.param]}


async def _ends(database: Database) -> list[tuple[str, bool]]:
    """The transactions in which ends are kept, and whether these have begun."""
    async with database.read() as connection:
        query = (
            "SELECT t.id::text, t.start_time IS NOT NULL FROM transaction_events e"
            " JOIN transactions t ON t.id = e.transaction_id WHERE e.kind = 'ENDED'"
        )
        return [tuple(row) for row in await connection.execute(text(query))]


@pytest.mark.parametrize("number", ["-1", "4711"])
async def test_an_end_that_was_told_twice_before_its_start_finds_it(
    service: RunningService, record: Record, transactions: Reader, number: str, again: dict[str, Any]
) -> None:
    first = {"id_tag": "TAG", "authorization": ACCEPTED if again.get("authorization") == 0 else 0}
    [stop] = await record(stop_16(number, minutes(-30), **first))
    [repeated] = await record(stop_16(number, minutes(-30), **{**first, **again}))
    assert (repeated.transaction_id, repeated.duplicate) == (stop.transaction_id, True)
    assert (await transactions.get(stop.transaction_id)).revision == 1
    [begun] = await record(start_16(minutes(-60), offline=True, received_time=minutes(2)))
    assert await matcher_of(service).look() == 1
    transaction = await transactions.get(begun.transaction_id)
    assert (transaction.energy_wh, flags_of(transaction), moment(transaction.stop_time)) == (
        5000,
        ["matched_stop"],
        minutes(-30),
    )
    assert (await transactions.get(stop.transaction_id)).merged_into == begun.transaction_id


@pytest.mark.parametrize("number", ["-1", "4711"])
async def test_an_end_that_is_told_again_when_it_has_moved_stays_where_it_is(
    service: RunningService, record: Record, transactions: Reader, number: str, again: dict[str, Any]
) -> None:
    first = {"id_tag": "TAG", "authorization": ACCEPTED if again.get("authorization") == 0 else 0}
    await record(stop_16(number, minutes(-30), **first))
    [begun] = await record(start_16(minutes(-60), offline=True, received_time=minutes(2)))
    await matcher_of(service).look()
    before = await transactions.get(begun.transaction_id)
    [repeated] = await record(stop_16(number, minutes(-30), **{**first, **again}))
    assert (repeated.transaction_id, repeated.duplicate) == (begun.transaction_id, True)
    assert await matcher_of(service).look() == 0
    assert await transactions.get(begun.transaction_id) == before
    assert await _ends(service.database) == [(begun.transaction_id, True)]


async def test_an_end_that_older_releases_have_left_with_another_telling_of_it_finds_its_transaction(
    service: RunningService, record: Record, transactions: Reader
) -> None:
    [stop] = await record(stop_16("-1", minutes(-30), id_tag="TAG"))
    async with service.database.transaction() as connection:
        # The decision of the second time, in the transaction and not in the fact.
        query = "UPDATE transactions SET token_rank = '2' || substr(token_rank, 2), \"authorization\" = 'ACCEPTED'"
        await connection.execute(text(query))
    [begun] = await record(start_16(minutes(-60), offline=True))
    assert await matcher_of(service).look() == 1
    assert (await transactions.get(stop.transaction_id)).merged_into == begun.transaction_id


async def test_an_end_in_the_second_of_its_start_stays_its_own(
    service: RunningService, record: Record, transactions: Reader
) -> None:
    # Who is refused stops at once, and most clocks tell whole seconds.
    [begun] = await record(start_16(minutes(-30), offline=True))
    [stop] = await record(stop_16("-1", minutes(-30), meter_wh=1000))
    assert stop.transaction_id == begun.transaction_id
    before = await transactions.get(begun.transaction_id)
    assert before.state == State.ENDED
    assert await matcher_of(service).look() == 0
    assert await transactions.get(begun.transaction_id) == before


async def test_an_end_by_a_clock_that_began_with_1970_finds_the_transaction_that_is_told_of_later(
    service: RunningService, record: Record, transactions: Reader
) -> None:
    uptime = datetime(1970, 1, 1, tzinfo=UTC)
    corrected: dict[str, Any] = {"flags": ["clock_corrected"]}
    stop = stop_16("-1", uptime + timedelta(minutes=31), corrected_time=minutes(-30), **corrected)
    start = start_16(uptime + timedelta(minutes=1), corrected_time=minutes(-60), offline=True, **corrected)
    [orphan] = await record(stop)
    [begun] = await record(start)
    assert await matcher_of(service).look() == 1
    assert (await transactions.get(orphan.transaction_id)).merged_into == begun.transaction_id
    assert (await transactions.get(begun.transaction_id)).energy_wh == 5000
