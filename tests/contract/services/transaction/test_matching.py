"""Ends that name no transaction find theirs on the real database, whatever comes first, and their bills with them."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from csms.event.v1.domain_event_pb2 import DomainEvent
from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from services.kernel.clock import SystemClock
from services.messaging.outbox import OutboxRelay
from services.postgres.database import Database
from services.transaction.application.matching import Matcher
from services.transaction.application.placing import Placing
from services.transaction.sql.matching import SqlMatchings
from services.transaction.sql.unit_of_work import SqlUnitsOfWork
from tests.contract.services.transaction.conftest import Reader, Record, reader, recorder
from tests.contract.services.transaction.reports import (
    meter_values_16,
    minutes,
    moment,
    reading,
    start_16,
    stop_16,
)
from tests.fixtures.background import eventually
from tests.fixtures.postgres import FreshDatabase
from tests.fixtures.properties import examples
from tests.fixtures.services import RunningService, ServiceRunner
from tests.fixtures.shorthand import flags_of

ACTIVE, ENDED, MERGED, ORPHAN = (
    transaction_pb.Transaction.ACTIVE,
    transaction_pb.Transaction.ENDED,
    transaction_pb.Transaction.MERGED,
    transaction_pb.Transaction.ORPHAN,
)


def matcher_of(service: RunningService) -> Matcher:
    """What looks again, on the service's database."""
    relay, clock = OutboxRelay(service.database, service.bus), SystemClock()
    placing = Placing(SqlMatchings(service.database, relay), clock)
    return Matcher(SqlUnitsOfWork(service.database, relay, clock), placing)


@pytest.fixture
def matcher(service: RunningService) -> Matcher:
    return matcher_of(service)


@pytest.mark.parametrize("number", ["0", "-1", "4711"])
async def test_a_stop_before_its_start_ends_the_transaction_that_it_must_mean(
    record: Record, transactions: Reader, matcher: Matcher, number: str
) -> None:
    sample = reading(minutes(-31), "Transaction.End", energy_wh=5990, soc_percent=80)
    [stop] = await record(stop_16(number, minutes(-30), meter_values=[sample]))
    assert await matcher.look() == 0
    [begun] = await record(start_16(minutes(-60), offline=True, driver_id="D"))
    assert await matcher.look() == 1
    transaction = await transactions.get(begun.transaction_id)
    assert (transaction.state, transaction.energy_wh, flags_of(transaction)) == (ENDED, 5000, ["matched_stop"])
    assert (moment(transaction.stop_time), transaction.soc_percent, transaction.driver_id) == (minutes(-30), 80, "D")
    assert list(await transactions.meter_values(begun.transaction_id)) == [sample]
    left = await transactions.get(stop.transaction_id)
    assert (left.state, left.merged_into, left.HasField("stop_time")) == (MERGED, begun.transaction_id, False)
    # The charge point that was not answered says it again.
    [again] = await record(stop_16(number, minutes(-30), meter_values=[sample]))
    assert (again.transaction_id, again.duplicate) == (begun.transaction_id, True)
    assert await matcher.look() == 0


@pytest.mark.field_case("A1")
async def test_readings_of_a_transaction_that_does_not_run_keep_nobody_from_being_matched(
    record: Record, transactions: Reader, matcher: Matcher
) -> None:
    async def match(charge_point_id: str, count: int) -> None:
        stops = [stop_16("0", minutes(60 * n + 30), charge_point_id=charge_point_id) for n in range(-count, 0)]
        starts = [start_16(minutes(60 * n), offline=True, charge_point_id=charge_point_id) for n in range(-count, 0)]
        await record(*stops)
        begun = await record(*starts)
        assert await matcher.look() == count
        assert [(await transactions.get(one.transaction_id)).state for one in begun] == [ENDED] * count

    # As many in one commit as it takes until the driver prepares what it is asked.
    await match("BEFORE", 8)
    await record(meter_values_16("777001", minutes(-5), 1000, charge_point_id="STRAY"))
    for _ in range(2):
        assert await matcher.look() == 0
    await match("AFTER", 1)


async def test_a_late_stop_takes_the_place_of_an_estimate(
    record: Record, transactions: Reader, matcher: Matcher
) -> None:
    await record(stop_16("0", minutes(-40)))
    [later] = await record(start_16(minutes(-10), id_tag="OTHER", meter_wh=6000))
    [begun] = await record(start_16(minutes(-60), offline=True))
    assert flags_of(await transactions.get(begun.transaction_id)) == ["estimated_end", "no_register"]
    assert await matcher.look() == 1
    transaction = await transactions.get(begun.transaction_id)
    assert (moment(transaction.stop_time), transaction.energy_wh, flags_of(transaction)) == (
        minutes(-40),
        5000,
        ["matched_stop"],
    )
    assert (await transactions.get(later.transaction_id)).state == ACTIVE


async def test_a_stop_moves_on_to_a_transaction_that_is_told_of_later(
    record: Record, transactions: Reader, matcher: Matcher
) -> None:
    [first] = await record(start_16(minutes(-90)))
    mine = reading(minutes(-80), energy_wh=2000)
    await record(meter_values_16(first.ocpp_transaction_id, minutes(-80), meter_values=[mine]))
    sample = reading(minutes(-31), "Transaction.End", energy_wh=5990)
    await record(stop_16("0", minutes(-30), meter_values=[sample], received_time=minutes(1)))
    [second] = await record(start_16(minutes(-60), id_tag="B", meter_wh=3000, offline=True))
    assert await matcher.look() == 1
    one, other = await transactions.get(first.transaction_id), await transactions.get(second.transaction_id)
    assert (moment(one.stop_time), one.energy_wh, flags_of(one)) == (minutes(-60), 1000, ["estimated_end"])
    assert (moment(other.stop_time), other.energy_wh, flags_of(other)) == (minutes(-30), 3000, ["matched_stop"])
    assert list(await transactions.meter_values(first.transaction_id)) == [mine]
    assert list(await transactions.meter_values(second.transaction_id)) == [sample]


async def test_readings_without_a_transaction_go_with_the_stop_that_finds_its_own(
    record: Record, transactions: Reader, matcher: Matcher
) -> None:
    place = {"evse_id": 1, "connector_id": 1}
    await record(stop_16("-1", minutes(-30)))
    await record(meter_values_16("", minutes(-50), 2000, 3000, **place))
    await record(meter_values_16("", minutes(-20), 7000, **place))
    [begun] = await record(start_16(minutes(-60), offline=True, evse_id=1))
    assert await matcher.look() == 1
    assert [value.energy_wh for value in await transactions.meter_values(begun.transaction_id)] == [2000, 3000]


@pytest.mark.parametrize("look_at", [{0}, {1}, {2}, {1, 2}, {2, 3}, set()])
async def test_readings_before_a_late_start_are_its_own_when_its_stop_names_it(
    record: Record, transactions: Reader, matcher: Matcher, look_at: set[int]
) -> None:
    async def look(step: int) -> None:
        if step in look_at:
            await matcher.look()

    await record(meter_values_16("", minutes(-65), 900))
    await record(meter_values_16("0", minutes(-50), 2000, 3000), meter_values_16("", minutes(-50), 9, connector_id=2))
    await record(meter_values_16("-1", minutes(-20), 7000))
    await look(0)
    # Nothing but readings tells its energy.
    [begun] = await record(start_16(minutes(-60), offline=True, meter_wh=None, received_time=minutes(1)))
    await look(1)
    await record(stop_16(begun.ocpp_transaction_id, minutes(-30), meter_wh=None, received_time=minutes(2)))
    await look(2)
    await matcher.look()
    transaction = await transactions.get(begun.transaction_id)
    assert [value.energy_wh for value in await transactions.meter_values(begun.transaction_id)] == [2000, 3000]
    assert (transaction.state, transaction.energy_wh, flags_of(transaction)) == (ENDED, 1000, [])
    revision = transaction.revision
    assert await matcher.look() == 0
    assert (await transactions.get(begun.transaction_id)).revision == revision


async def test_readings_that_the_transaction_before_was_given_go_to_the_one_that_started_late(
    record: Record, transactions: Reader, matcher: Matcher
) -> None:
    [before] = await record(start_16(minutes(-90)))
    for at, energy_wh in ((-80, 2000), (-50, 4000)):
        [answer] = await record(meter_values_16("", minutes(at), energy_wh))
        assert answer.transaction_id == before.transaction_id
    [begun] = await record(start_16(minutes(-60), id_tag="B", meter_wh=3500, offline=True, received_time=minutes(1)))
    await record(stop_16(begun.ocpp_transaction_id, minutes(-30), received_time=minutes(2)))
    await record(stop_16(before.ocpp_transaction_id, minutes(-70), meter_wh=3000, received_time=minutes(3)))
    await matcher.look()
    assert [value.energy_wh for value in await transactions.meter_values(before.transaction_id)] == [2000]
    assert [value.energy_wh for value in await transactions.meter_values(begun.transaction_id)] == [4000]
    # What was read in the other one does not make its register look as if it had gone back.
    assert [flags_of(await transactions.get(one.transaction_id)) for one in (before, begun)] == [[], []]


async def test_readings_that_an_earlier_transaction_was_given_are_found_whoever_ran_between(
    record: Record, transactions: Reader, matcher: Matcher
) -> None:
    """A charge point that tells what it has kept back beginning with the last, found by a killing run."""
    [first] = await record(start_16(minutes(-90)))
    [answer] = await record(meter_values_16("", minutes(-50), 4000))
    assert answer.transaction_id == first.transaction_id
    [third] = await record(start_16(minutes(-60), id_tag="C", meter_wh=3500, received_time=minutes(1)))
    await record(stop_16(third.ocpp_transaction_id, minutes(-45), meter_wh=4200, received_time=minutes(2)))
    await record(stop_16(first.ocpp_transaction_id, minutes(-85), meter_wh=2000, received_time=minutes(3)))
    [second] = await record(start_16(minutes(-80), id_tag="B", meter_wh=2000, received_time=minutes(4)))
    await record(stop_16(second.ocpp_transaction_id, minutes(-65), meter_wh=3500, received_time=minutes(5)))
    await matcher.look()
    read = [
        [value.energy_wh for value in await transactions.meter_values(one.transaction_id)]
        for one in (first, second, third)
    ]
    assert read == [[], [], [4000]]
    assert [flags_of(await transactions.get(one.transaction_id)) for one in (first, second, third)] == [[], [], []]


async def test_readings_that_named_their_transaction_stay_with_it_where_a_wrong_clock_has_another_one_run_meanwhile(
    record: Record, transactions: Reader, matcher: Matcher
) -> None:
    [one] = await record(start_16(minutes(-90)))
    for at, energy_wh in ((-80, 2000), (-70, 4000)):
        await record(meter_values_16(one.ocpp_transaction_id, minutes(at), energy_wh))
    await record(stop_16(one.ocpp_transaction_id, minutes(-60)))
    # The clock was put back by half an hour: the next one seems to have begun, and to have been read, in its time.
    [other] = await record(start_16(minutes(-75), id_tag="B", meter_wh=6000, received_time=minutes(1)))
    await record(meter_values_16(other.ocpp_transaction_id, minutes(-65), 7000, received_time=minutes(2)))
    await record(stop_16(other.ocpp_transaction_id, minutes(-55), meter_wh=8000, received_time=minutes(3)))
    await matcher.look()
    found = [await transactions.get(begun.transaction_id) for begun in (one, other)]
    assert [(transaction.energy_wh, flags_of(transaction)) for transaction in found] == [(5000, []), (2000, [])]
    assert [value.energy_wh for value in await transactions.meter_values(one.transaction_id)] == [2000, 4000]
    assert [value.energy_wh for value in await transactions.meter_values(other.transaction_id)] == [7000]


async def test_readings_that_a_transaction_was_given_after_its_end_go_to_the_one_that_started_late(
    record: Record, transactions: Reader, matcher: Matcher
) -> None:
    [before] = await record(start_16(minutes(-90)))
    await record(stop_16("-1", minutes(-20), meter_wh=5000))
    [answer] = await record(meter_values_16("", minutes(-50), 4000, received_time=minutes(1)))
    assert answer.transaction_id == before.transaction_id
    [begun] = await record(start_16(minutes(-60), id_tag="B", meter_wh=3500, offline=True, received_time=minutes(2)))
    await matcher.look()
    assert list(await transactions.meter_values(before.transaction_id)) == []
    assert [value.energy_wh for value in await transactions.meter_values(begun.transaction_id)] == [4000]
    assert (await transactions.get(begun.transaction_id)).energy_wh == 1500


@pytest.mark.parametrize("is_told_first", [True, False])
async def test_readings_under_a_number_of_no_transaction_are_those_of_the_one_that_ran_there(
    record: Record, transactions: Reader, matcher: Matcher, is_told_first: bool
) -> None:
    report = meter_values_16("4711", minutes(-50), 2000, 3000)
    start = start_16(minutes(-60), offline=True, received_time=minutes(1))
    answers: list[recording_pb.TransactionEventAnswer] = []
    for event in (report, start) if is_told_first else (start, report):
        answers += await record(event)
        await matcher.look()
    orphan, begun = answers if is_told_first else reversed(answers)
    await record(stop_16(begun.ocpp_transaction_id, minutes(-30), received_time=minutes(2)))
    await matcher.look()
    assert [value.energy_wh for value in await transactions.meter_values(begun.transaction_id)] == [2000, 3000]
    left = await transactions.get(orphan.transaction_id)
    assert (left.state, left.merged_into) == (MERGED, begun.transaction_id)
    # The charge point that was not answered says it again.
    await record(report)
    await matcher.look()
    assert len(await transactions.meter_values(begun.transaction_id)) == 2
    assert (await transactions.get(orphan.transaction_id)).state == MERGED


@pytest.mark.parametrize(
    "report",
    [
        meter_values_16("4711", minutes(-20), 7000),
        meter_values_16("4711", minutes(-70), 2000),
        meter_values_16("4711", minutes(-50), 400),
        meter_values_16("4711", minutes(-50), 2000, connector_id=0),
        meter_values_16("4711", minutes(-50), 2000, connector_id=2),
    ],
    ids=["after it", "before it", "lower register", "no place", "elsewhere"],
)
async def test_readings_under_a_number_of_no_transaction_stay_where_none_fits(
    record: Record, transactions: Reader, matcher: Matcher, report: recording_pb.TransactionEvent
) -> None:
    [orphan] = await record(report)
    [begun] = await record(start_16(minutes(-60), offline=True, received_time=minutes(1)))
    await record(stop_16(begun.ocpp_transaction_id, minutes(-30), received_time=minutes(2)))
    assert await matcher.look() == 0
    assert (await transactions.get(orphan.transaction_id)).state == ORPHAN
    assert list(await transactions.meter_values(begun.transaction_id)) == []


async def test_a_stop_that_two_transactions_could_mean_waits_until_one_of_them_is_over(
    record: Record, transactions: Reader, matcher: Matcher
) -> None:
    [one] = await record(start_16(minutes(-60), id_tag="A"))
    [other] = await record(start_16(minutes(-60), id_tag="B", connector_id=2))
    [stop] = await record(stop_16("0", minutes(-30)))
    assert await matcher.look() == 0
    assert (await transactions.get(stop.transaction_id)).state == ORPHAN
    await record(stop_16(one.ocpp_transaction_id, minutes(-20)))
    assert await matcher.look() == 1
    assert moment((await transactions.get(other.transaction_id)).stop_time) == minutes(-30)


async def test_a_change_that_becomes_visible_late_is_not_missed(
    service: RunningService, record: Record, transactions: Reader, matcher: Matcher
) -> None:
    [stop] = await record(stop_16("0", minutes(-30)))
    await matcher.look()
    [begun] = await record(start_16(minutes(-60), offline=True))
    async with service.database.transaction() as connection:
        # As if it had been committed long after that was noted.
        query = "UPDATE transactions SET update_time = update_time - interval '20 s' WHERE id = :id"
        await connection.execute(text(query), {"id": begun.transaction_id})
    assert await matcher.look() == 1
    assert (await transactions.get(stop.transaction_id)).merged_into == begun.transaction_id


async def test_a_transaction_whose_facts_are_gone_is_left_as_it_is(
    service: RunningService, record: Record, transactions: Reader, matcher: Matcher
) -> None:
    [first] = await record(start_16(minutes(-90)))
    await record(stop_16("0", minutes(-30)))
    before = await transactions.get(first.transaction_id)
    async with service.database.transaction() as connection:
        await connection.execute(text("DELETE FROM transaction_events WHERE kind = 'STARTED'"))
    await record(start_16(minutes(-60), id_tag="B", offline=True))
    assert await matcher.look() == 0
    assert await transactions.get(first.transaction_id) == before


async def test_replicas_look_by_themselves_and_move_an_end_once(
    run_service: ServiceRunner, fresh_database: FreshDatabase
) -> None:
    url = fresh_database("transaction")
    service, _ = [await run_service("transaction", background=True, database_url=url) for _ in range(2)]
    record, transactions = await recorder(service), await reader(service)
    stops = [await record(stop_16("0", minutes(-30), charge_point_id=f"CP{n}")) for n in range(5)]
    for number in range(5):
        await record(start_16(minutes(-60), charge_point_id=f"CP{number}", id_tag=f"T{number}", offline=True))

    async def have_all_moved() -> bool:
        return {(await transactions.get(stop.transaction_id)).state for [stop] in stops} == {MERGED}

    await eventually(have_all_moved, within_seconds=30)
    ended = await transactions.list(state=ENDED)
    assert [(transaction.energy_wh, transaction.revision) for transaction in ended] == [(5000, 2)] * 5


def received_in_turn(*events: recording_pb.TransactionEvent) -> list[recording_pb.TransactionEvent]:
    """Events that were received one after the other."""
    for second, event in enumerate(events):
        event.received_time.FromDatetime(minutes(second / 60))
    return list(events)


_QUEUE = received_in_turn(
    start_16(minutes(-600), id_tag="A", offline=True),
    stop_16("0", minutes(-560), meter_wh=2000),
    start_16(minutes(-540), id_tag="B", meter_wh=2000, offline=True),
    meter_values_16("", minutes(-530), 2500, connector_id=1),
    stop_16("-1", minutes(-500), meter_wh=3500, id_tag="B"),
    start_16(minutes(-540), id_tag="C", meter_wh=9000, connector_id=2, offline=True),
    stop_16("4711", minutes(-490), meter_wh=9900, id_tag="C"),
)
_BILLED = [("A", ENDED, 1000), ("B", ENDED, 1500), ("C", ENDED, 900)]


@settings(max_examples=examples(0.25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(_QUEUE),
    repeated=st.lists(st.sampled_from(_QUEUE), max_size=4),
    looks=st.sets(st.integers(0, 10), max_size=3),
)
# A is given the reading of B, ends before it, and B is told the same one by itself.
@example(order=[_QUEUE[n] for n in (0, 3, 1, 2, 4, 5, 6)], repeated=[_QUEUE[3]], looks=set())
async def test_an_offline_queue_in_any_order_gives_the_same_transactions_and_bills(
    service: RunningService,
    emptied_database: FreshDatabase,
    order: list[recording_pb.TransactionEvent],
    repeated: list[recording_pb.TransactionEvent],
    looks: set[int],
) -> None:
    emptied_database("transaction")
    record, matcher = await recorder(service), matcher_of(service)
    for position, event in enumerate([*order, *repeated]):
        [answer] = await record(event)
        assert not answer.HasField("error")
        if position in looks:
            await matcher.look()
    await matcher.look()
    assert await _reported(service.database) == _BILLED
    async with service.database.read() as connection:
        rows = await connection.execute(
            text(
                "SELECT id_tag, energy_wh, flags, (SELECT count(*) FROM transaction_events e"
                " WHERE e.transaction_id = t.id AND NOT estimated AND kind <> 'UPDATED')"
                " FROM transactions t WHERE state <> 'MERGED' ORDER BY 1"
            )
        )
        found = [tuple(row) for row in rows]
    assert found == [(tag, energy_wh, ["matched_stop"], 2) for tag, _, energy_wh in _BILLED]


_TOLD_EARLY = {
    "before it": meter_values_16("", minutes(-65), 900),
    "in it": meter_values_16("0", minutes(-50), 2000, 3000),
    "in it, too": meter_values_16("-1", minutes(-31), 5000),
    "after it": meter_values_16("", minutes(-20), 7000),
    "before": start_16(minutes(-100), id_tag="BEFORE", meter_wh=100, offline=True),
}


@settings(max_examples=examples(0.2), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations([*_TOLD_EARLY, "start", "stop"]),
    repeated=st.lists(st.sampled_from([*_TOLD_EARLY, "start", "stop"]), max_size=4),
    looks=st.sets(st.integers(0, 11), max_size=4),
)
async def test_readings_around_a_late_start_are_placed_alike_in_any_order(
    service: RunningService, emptied_database: FreshDatabase, order: list[str], repeated: list[str], looks: set[int]
) -> None:
    emptied_database("transaction")
    record, matcher = await recorder(service), matcher_of(service)
    number = ""
    # The charge point knows the number when its start was answered.
    first, then = sorted([order.index("start"), order.index("stop")])
    order[first], order[then] = "start", "stop"
    # What is read after a transaction that goes on as far as is known counts as its own: nothing tells that it named
    # none.
    if first < (after := order.index("after it")) < then:
        order.append(order.pop(after))
    repeated = [name for name in repeated if name != "after it"]
    for position, name in enumerate([*order, *repeated]):
        match name:
            case "start":
                event = start_16(minutes(-60), meter_wh=None, offline=True)
            case "stop":
                event = stop_16(number, minutes(-30), meter_wh=None)
            case _:
                event = recording_pb.TransactionEvent.FromString(_TOLD_EARLY[name].SerializeToString())
        event.received_time.FromDatetime(minutes(1 + position))
        [answer] = await record(event)
        if name == "start":
            number = answer.ocpp_transaction_id
        if position in looks:
            await matcher.look()
    await matcher.look()
    async with service.database.read() as connection:
        query = (
            "SELECT energy_wh, flags, (SELECT array_agg(energy_wh ORDER BY sampled_time) FROM meter_values m"
            " WHERE m.transaction_id = t.id) FROM transactions t WHERE id_tag = 'TAG'"
        )
        [found] = [tuple(row) for row in await connection.execute(text(query))]
    assert found == (3000, [], [2000, 3000, 5000])


async def _reported(database: Database) -> Sequence[tuple[Any, ...]]:
    """What billing hears last of each transaction that is one."""
    async with database.read() as connection:
        payloads = (await connection.scalars(text("SELECT payload FROM outbox ORDER BY seq"))).all()
    last = {}
    for payload in payloads:
        transaction = DomainEvent.FromString(payload).transaction_changed.transaction
        last[transaction.id] = (transaction.id_tag, transaction.state, transaction.energy_wh)
    return sorted(reported for reported in last.values() if reported[1] != MERGED)
