"""What of a message nobody could read stays with its fact, wherever that goes, and is told apart in repetitions."""

from collections.abc import Sequence

import pytest
from sqlalchemy import text

from services.postgres.database import Database
from tests.contract.services.transaction.conftest import Reader, Record
from tests.contract.services.transaction.reports import (
    STARTED,
    event_201,
    meter_values_16,
    minutes,
    start_16,
    stop_16,
)
from tests.contract.services.transaction.test_matching import matcher_of
from tests.fixtures.services import RunningService
from tests.fixtures.shorthand import flags_of

pytestmark = pytest.mark.field_case("A2")
DROPPED = '{"meterStop":"n/a","transactionData[0].sampledValue[1]":{"unit":[]}}'


async def _kept(database: Database) -> Sequence[str]:
    async with database.read() as connection:
        rows = await connection.execute(text("SELECT dropped_json FROM transaction_events ORDER BY device_time"))
        return [row[0] for row in rows]


async def test_what_could_not_be_taken_is_stored_with_the_fact(record: Record, service: RunningService) -> None:
    [started] = await record(start_16(minutes(-30)))
    await record(stop_16(started.ocpp_transaction_id, minutes(-20), flags=["dropped:meterStop"], dropped_json=DROPPED))
    assert await _kept(service.database) == [None, DROPPED]


async def test_it_goes_with_a_fact_that_finds_its_transaction_later(
    record: Record, transactions: Reader, service: RunningService
) -> None:
    await record(stop_16("0", minutes(-20), flags=["dropped:transactionId"], dropped_json=DROPPED))
    [begun] = await record(start_16(minutes(-60), offline=True))
    assert await matcher_of(service).look() == 1
    transaction = await transactions.get(begun.transaction_id)
    assert (transaction.energy_wh, flags_of(transaction)) == (5000, ["dropped:transactionId", "matched_stop"])
    assert await _kept(service.database) == [None, DROPPED]


async def test_messages_that_differ_only_in_what_nobody_can_read_are_different_facts(
    record: Record, service: RunningService
) -> None:
    await record(event_201(STARTED, minutes(-30), 0))
    reported = [event_201(STARTED, minutes(-20), 1, dropped_json=f'{{"customData":{number}}}') for number in (1, 2, 2)]
    answers = [(await record(one))[0].duplicate for one in reported]
    assert answers == [False, False, True]
    assert await _kept(service.database) == [None, '{"customData":1}', '{"customData":2}']


@pytest.mark.parametrize("energies", [(), (2000, 2100)])
async def test_readings_that_name_no_transaction_keep_it_as_a_reading_without_values(
    record: Record, transactions: Reader, energies: tuple[int, ...]
) -> None:
    [started] = await record(start_16(minutes(-30)))
    report = meter_values_16("", minutes(-20), *energies, dropped_json='{"meterValue[0]":null}')
    await record(report)
    await record(report)
    values = await transactions.meter_values(started.transaction_id)
    assert sorted(value.energy_wh for value in values if value.HasField("energy_wh")) == sorted(energies)
    kept = [(value.context, value.other_json) for value in values if value.other_json]
    assert kept == [("Other", '[{"meterValue[0]":null}]')]
