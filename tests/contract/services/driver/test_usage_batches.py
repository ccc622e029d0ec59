"""Usage from events that come together: the same as from the same events one by one."""

import asyncio
import itertools
import random

import pytest

from csms.driver.v1.driver_service_pb2_grpc import DriverServiceStub
from csms.event.v1.domain_event_pb2 import DomainEvent
from services.driver.consumers import UsageConsumer
from services.kernel.clock import SystemClock
from services.kernel.ids import new_id
from services.messaging.event_batches import OutgoingEvent
from tests.contract.services.driver.test_usage import _billed, _changed, _driver, _usage
from tests.fixtures.background import eventually
from tests.fixtures.money import minor_units
from tests.fixtures.services import RunningService, ServiceRunner

pytestmark = pytest.mark.asyncio(loop_scope="module")


def _life(transaction_id: str, driver_id: str) -> list[DomainEvent]:
    """A session from its begin to the correction of its end, and its bills."""
    return [
        _changed(transaction_id, 1, driver_id),
        _changed(transaction_id, 2, driver_id, energy_wh=500),
        _changed(transaction_id, 3, driver_id, ended=True, energy_wh=7000),
        _changed(transaction_id, 4, driver_id, ended=True, energy_wh=7100),
        _billed(transaction_id, 420, driver_id),
    ]


async def _together(service: RunningService, *events: DomainEvent) -> None:
    consumer = UsageConsumer(service.bus, service.database, SystemClock())
    async with service.database.transaction() as connection:
        await consumer.handle(connection, events)


async def test_of_several_snapshots_in_one_batch_the_newest_counts_in_any_order(
    drivers: DriverServiceStub, service: RunningService
) -> None:
    for order in itertools.permutations(range(4)):
        driver_id, transaction_id = await _driver(drivers), new_id()
        *reported, bill = _life(transaction_id, driver_id)

        await _together(service, bill, *(reported[number] for number in order))
        await _together(service, reported[1], reported[2])

        usage = await _usage(drivers, driver_id)
        assert (usage.session_count, usage.energy_wh) == (1, 7100)
        assert [minor_units(cost) for cost in usage.costs] == [420]


async def test_many_sessions_in_batches_of_any_size_and_order_give_the_sum_of_each(
    drivers: DriverServiceStub, service: RunningService
) -> None:
    driver_ids = [await _driver(drivers) for _ in range(3)]
    chance = random.Random(7)
    events = [event for number in range(60) for event in _life(new_id(), driver_ids[number % 3])]
    events += chance.sample(events, 50)
    chance.shuffle(events)
    while events:
        size = chance.randint(1, 64)
        await _together(service, *events[:size])
        events = events[size:]

    for driver_id in driver_ids:
        usage = await _usage(drivers, driver_id)
        assert (usage.session_count, usage.energy_wh) == (20, 20 * 7100)
        assert [minor_units(cost) for cost in usage.costs] == [20 * 420]


async def test_replicas_that_are_told_of_each_others_sessions_do_not_wait_for_each_other_in_a_ring(
    drivers: DriverServiceStub, service: RunningService
) -> None:
    driver_id = await _driver(drivers)
    for _ in range(3):
        one, other = ([new_id() for _ in range(200)] for _ in range(2))
        await asyncio.gather(
            *(
                _together(
                    service,
                    *(_changed(transaction_id, 1, driver_id, ended=True, energy_wh=10) for transaction_id in reported),
                    *(_billed(transaction_id, 5, driver_id) for transaction_id in billed),
                )
                for reported, billed in ((one, other), (other, one))
            )
        )

    usage = await _usage(drivers, driver_id)
    assert (usage.session_count, usage.energy_wh) == (1200, 12_000)
    assert [minor_units(cost) for cost in usage.costs] == [6_000]


async def test_an_event_that_cannot_be_kept_does_not_take_the_others_along(module_services: ServiceRunner) -> None:
    service = await module_services("driver", background=True)
    drivers = DriverServiceStub(await service.channel("operator"))
    driver_id = await _driver(drivers)
    good = [_changed(new_id(), 1, driver_id, ended=True, energy_wh=10) for _ in range(20)]
    events = [*good[:10], _changed("no id of ours", 1, driver_id), *good[10:], *good[:5]]

    await service.bus.publish(
        # Other message ids, as if the stream had forgotten the first ones.
        [OutgoingEvent(new_id(), event.subject, event.SerializeToString()) for event in events]
    )

    async def have_arrived() -> bool:
        return (await _usage(drivers, driver_id)).energy_wh >= 200

    await eventually(have_arrived)
    usage = await _usage(drivers, driver_id)
    assert (usage.session_count, usage.energy_wh) == (20, 200)
