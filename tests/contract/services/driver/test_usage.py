"""GetDriverUsage, and the consumer that it is made by."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from google.type.money_pb2 import Money

from csms.driver.v1 import driver_pb2
from csms.driver.v1 import driver_service_pb2 as pb
from csms.driver.v1.driver_service_pb2_grpc import DriverServiceStub
from csms.event.v1.domain_event_pb2 import DomainEvent, SessionBilled, SessionUnbilled, TransactionChanged
from csms.transaction.v1.transaction_pb2 import Transaction
from services.driver.consumers import UsageConsumer
from services.kernel.clock import SystemClock
from services.kernel.ids import new_id
from services.messaging.event_batches import OutgoingEvent
from services.messaging.subjects import subject
from services.rpc.protobuf import timestamp
from tests.fixtures.background import eventually
from tests.fixtures.calls import bad_fields, reason
from tests.fixtures.money import minor_units
from tests.fixtures.services import RunningService, ServiceRunner

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)


async def _driver(drivers: DriverServiceStub) -> str:
    return (await drivers.CreateDriver(pb.CreateDriverRequest(driver=driver_pb2.Driver(name="Ann")))).driver.id


def _changed(
    transaction_id: str,
    revision: int,
    driver_id: str = "",
    *,
    hours_ago: float = 2,
    ended: bool = False,
    energy_wh: int = 0,
) -> DomainEvent:
    """A snapshot of a session that began so long ago; an ended one took an hour."""
    start = NOW - hours_ago * HOUR
    transaction = Transaction(
        id=transaction_id,
        charge_point_id="CP1",
        station_id="S1",
        id_tag="TAG",
        driver_id=driver_id,
        start_time=timestamp(start),
        stop_time=timestamp(start + HOUR) if ended else None,
        energy_wh=energy_wh,
        revision=revision,
    )
    return DomainEvent(
        id=new_id(),
        subject=subject("transaction_changed", "updated", "CP1"),
        transaction_changed=TransactionChanged(transaction=transaction),
    )


def _billed(
    transaction_id: str, total_minor: int, driver_id: str = "", revision: int = 3, decision_count: int = 0
) -> DomainEvent:
    billed = SessionBilled(
        transaction_id=transaction_id,
        driver_id=driver_id,
        total=Money(currency_code="EUR", units=total_minor // 100, nanos=total_minor % 100 * 10_000_000),
        revision=revision,
        decision_count=decision_count,
    )
    return DomainEvent(id=new_id(), subject=subject("session_billed", "billed", new_id()), session_billed=billed)


def _unbilled(transaction_id: str, revision: int, decision_count: int = 0) -> DomainEvent:
    unbilled = SessionUnbilled(transaction_id=transaction_id, revision=revision, decision_count=decision_count)
    return DomainEvent(
        id=new_id(), subject=subject("session_unbilled", "unbilled", new_id()), session_unbilled=unbilled
    )


async def _handle(service: RunningService, events: Sequence[DomainEvent]) -> None:
    consumer = UsageConsumer(service.bus, service.database, SystemClock())
    for event in events:
        async with service.database.transaction() as connection:
            await consumer.handle(connection, [event])


async def _usage(drivers: DriverServiceStub, driver_id: str, **period: datetime) -> driver_pb2.DriverUsage:
    times = {name: timestamp(time) for name, time in period.items()}
    return (await drivers.GetDriverUsage(pb.GetDriverUsageRequest(driver_id=driver_id, **times))).usage


async def test_who_used_nothing_has_an_empty_usage(drivers: DriverServiceStub) -> None:
    driver_id = await _driver(drivers)

    assert await _usage(drivers, driver_id) == driver_pb2.DriverUsage(driver_id=driver_id)


async def test_events_in_any_order_and_number_give_the_same_usage(
    drivers: DriverServiceStub, service: RunningService
) -> None:
    usages = []
    # The session is told of before its driver is known, and billed before or after any of it is heard of here.
    for order in itertools.permutations(range(4)):
        driver_id, transaction_id = await _driver(drivers), new_id()
        reported = [
            _changed(transaction_id, 1),
            _changed(transaction_id, 2, driver_id, energy_wh=500),
            _changed(transaction_id, 3, driver_id, ended=True, energy_wh=7000),
            _billed(transaction_id, 420, driver_id),
        ]
        events = [reported[number] for number in order]
        await _handle(service, [*events, events[0]])
        usage = await _usage(drivers, driver_id)
        assert [session.transaction_id for session in usage.sessions] == [transaction_id]
        usage.driver_id = usage.sessions[0].transaction_id = ""
        usages.append(usage)

    assert usages[0].session_count == 1
    assert (usages[0].energy_wh, usages[0].duration_seconds) == (7000, 3600)
    assert list(usages[0].costs) == [Money(currency_code="EUR", units=4, nanos=200_000_000)]
    [session] = usages[0].sessions
    assert (session.station_id, session.charge_point_id, session.id_tag) == ("S1", "CP1", "TAG")
    assert (session.energy_wh, minor_units(session.cost), session.cost.currency_code) == (7000, 420, "EUR")
    assert all(usage == usages[0] for usage in usages)


async def test_a_bill_that_was_taken_back_costs_nothing_in_any_order(
    drivers: DriverServiceStub, service: RunningService
) -> None:
    for order in itertools.permutations(range(4)):
        driver_id, transaction_id = await _driver(drivers), new_id()
        reported = [
            _changed(transaction_id, 3, driver_id, ended=True, energy_wh=7000),
            _billed(transaction_id, 420, driver_id),
            _changed(transaction_id, 4, driver_id, energy_wh=7000),
            _unbilled(transaction_id, 4),
        ]
        events = [reported[number] for number in order]
        await _handle(service, [*events, events[0]])
        usage = await _usage(drivers, driver_id)
        assert (usage.session_count, list(usage.costs)) == (0, [])
        assert [session.HasField("cost") for session in usage.sessions] == [False]


@pytest.mark.field_case("A10", "A11")
async def test_a_bill_that_a_person_took_back_costs_nothing_in_any_order(
    drivers: DriverServiceStub, service: RunningService
) -> None:
    for order in itertools.permutations(range(4)):
        driver_id, transaction_id = await _driver(drivers), new_id()
        reported = [
            _changed(transaction_id, 3, driver_id, ended=True, energy_wh=7000),
            _billed(transaction_id, 420, driver_id),
            _billed(transaction_id, 380, driver_id, decision_count=1),
            _unbilled(transaction_id, 3, decision_count=2),
        ]
        await _handle(service, [reported[number] for number in order])
        assert list((await _usage(drivers, driver_id)).costs) == []


async def test_of_the_bills_of_a_session_the_last_one_counts_in_any_order(
    drivers: DriverServiceStub, service: RunningService
) -> None:
    for order in itertools.permutations(range(4)):
        driver_id, transaction_id = await _driver(drivers), new_id()
        # An end that is in doubt is not billed, and then it is: both by the same snapshot.
        reported = [
            _billed(transaction_id, 420, driver_id, 3),
            _unbilled(transaction_id, 4),
            _billed(transaction_id, 380, driver_id, 4),
            _changed(transaction_id, 4, driver_id, ended=True, energy_wh=6500),
        ]
        events = [reported[number] for number in order]
        consumer = UsageConsumer(service.bus, service.database, SystemClock())
        async with service.database.transaction() as connection:
            await consumer.handle(connection, events[:3])
        await _handle(service, [events[3], events[0]])
        assert [minor_units(cost) for cost in (await _usage(drivers, driver_id)).costs] == [380]


async def test_a_running_session_is_shown_and_not_counted(drivers: DriverServiceStub, service: RunningService) -> None:
    driver_id, transaction_id = await _driver(drivers), new_id()

    await _handle(service, [_changed(transaction_id, 1, driver_id, energy_wh=100)])

    usage = await _usage(drivers, driver_id)
    assert (usage.session_count, usage.energy_wh) == (0, 0)
    [session] = usage.sessions
    assert (session.energy_wh, session.HasField("end_time"), session.HasField("cost")) == (100, False, False)


async def test_a_period_counts_what_ended_in_it_and_shows_what_began_in_it(
    drivers: DriverServiceStub, service: RunningService
) -> None:
    driver_id = await _driver(drivers)
    ids = [new_id() for _ in range(3)]
    await _handle(
        service,
        [
            _changed(transaction_id, 1, driver_id, ended=True, energy_wh=10**number, hours_ago=hours)
            for number, (transaction_id, hours) in enumerate(zip(ids, (10, 5, 4), strict=True))
        ],
    )

    usage = await _usage(drivers, driver_id, start_time=NOW - 9 * HOUR, end_time=NOW - 3 * HOUR)

    # The first ended as the period began; the last ended as it was over.
    assert (usage.session_count, usage.energy_wh) == (2, 11)
    assert [session.transaction_id for session in usage.sessions] == [ids[2], ids[1]]


async def test_the_sessions_of_others_do_not_count(drivers: DriverServiceStub, service: RunningService) -> None:
    ann, bea = await _driver(drivers), await _driver(drivers)

    await _handle(service, [_changed(new_id(), 1, ann, ended=True, energy_wh=5), _changed(new_id(), 1, "", ended=True)])

    assert (await _usage(drivers, bea)).session_count == 0
    assert (await _usage(drivers, ann)).session_count == 1


async def test_at_most_a_hundred_sessions_are_shown_and_all_are_counted(
    drivers: DriverServiceStub, service: RunningService
) -> None:
    driver_id = await _driver(drivers)
    consumer = UsageConsumer(service.bus, service.database, SystemClock())
    async with service.database.transaction() as connection:
        sessions = [_changed(new_id(), 1, driver_id, ended=True, energy_wh=1) for _ in range(103)]
        await consumer.handle(connection, sessions)

    usage = await _usage(drivers, driver_id)

    assert (usage.session_count, usage.energy_wh, len(usage.sessions)) == (103, 103, 100)


@pytest.mark.parametrize("driver_id", ["", "no id", "01890a5d-ac96-774b-bcce-b302099a8057"])
async def test_a_session_of_nobody_we_know_does_no_harm(service: RunningService, driver_id: str) -> None:
    transaction_id = new_id()

    await _handle(service, [_changed(transaction_id, 1, driver_id), _billed(transaction_id, 1, driver_id)])
    await _handle(service, [_billed("", 1, driver_id)])


async def test_a_period_begins_before_it_ends_and_lasts_a_year_at_most(drivers: DriverServiceStub) -> None:
    driver_id = await _driver(drivers)

    assert await bad_fields(_usage(drivers, driver_id, start_time=NOW, end_time=NOW)) == ["startTime"]
    assert await bad_fields(_usage(drivers, driver_id, start_time=NOW - timedelta(days=367))) == ["startTime"]
    first_day = _usage(drivers, driver_id, end_time=datetime(1, 1, 1, tzinfo=UTC))
    assert await bad_fields(first_day) == ["startTime"]
    out_of_time = pb.GetDriverUsageRequest(driver_id=driver_id)
    out_of_time.end_time.seconds = 10**15
    assert await bad_fields(drivers.GetDriverUsage(out_of_time)) == ["endTime"]


async def test_a_driver_is_not_deleted_while_a_session_runs(
    drivers: DriverServiceStub, service: RunningService
) -> None:
    driver_id, transaction_id = await _driver(drivers), new_id()
    await _handle(service, [_changed(transaction_id, 1, driver_id)])
    deletion = pb.DeleteDriverRequest(driver_id=driver_id)

    assert await reason(drivers.DeleteDriver(deletion)) == "DRIVER_IN_USE"

    await _handle(service, [_changed(transaction_id, 2, driver_id, ended=True)])
    await drivers.DeleteDriver(deletion)


async def test_what_is_left_of_an_orphan_counts_nothing_and_keeps_no_driver(
    drivers: DriverServiceStub, service: RunningService
) -> None:
    driver_id, transaction_id = await _driver(drivers), new_id()
    orphan, merged = _changed(transaction_id, 1, driver_id, ended=True), _changed(transaction_id, 2, driver_id)
    for event in (orphan, merged):
        event.transaction_changed.transaction.ClearField("start_time")
    await _handle(service, [orphan, merged])

    assert (await _usage(drivers, driver_id)).session_count == 0
    await drivers.DeleteDriver(pb.DeleteDriverRequest(driver_id=driver_id))


async def test_a_bill_for_a_session_not_heard_of_keeps_no_driver(
    drivers: DriverServiceStub, service: RunningService
) -> None:
    driver_id = await _driver(drivers)
    await _handle(service, [_billed(new_id(), 100, driver_id)])

    await drivers.DeleteDriver(pb.DeleteDriverRequest(driver_id=driver_id))


async def test_what_other_services_publish_arrives(module_services: ServiceRunner) -> None:
    service = await module_services("driver", background=True)
    drivers = DriverServiceStub(await service.channel("operator"))
    driver_id, transaction_id = await _driver(drivers), new_id()
    event = _changed(transaction_id, 1, driver_id, ended=True, energy_wh=1234)
    reported = [event, _billed(transaction_id, 99), event]

    await service.bus.publish([OutgoingEvent(event.id, event.subject, event.SerializeToString()) for event in reported])

    async def has_arrived() -> bool:
        usage = await _usage(drivers, driver_id)
        return (usage.energy_wh, [minor_units(cost) for cost in usage.costs]) == (1234, [99])

    await eventually(has_arrived)
