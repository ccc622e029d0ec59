"""services.transaction.sql.commands on the real database: queued commands go in the order in which they were given."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.kernel.clock import SystemClock
from services.kernel.ids import new_id
from services.messaging.outbox import OutboxRelay
from services.transaction.application.delivery import Delivery
from services.transaction.domain.command import Command, CommandPriority, CommandState, Reply
from services.transaction.sql.commands import SqlCommandRepository
from services.transaction.sql.unit_of_work import SqlUnitsOfWork
from tests.fixtures.background import eventually
from tests.fixtures.services import RunningService

_NOW = datetime.now(UTC)


def _command(charge_point_id: str) -> Command:
    return Command(
        id=new_id(),
        charge_point_id=charge_point_id,
        kind="clear_cache",
        body={},
        state=CommandState.QUEUED,
        requested_by="a test",
        create_time=_NOW,
        update_time=_NOW,
        expire_time=_NOW + timedelta(minutes=5),
        delivery_time=_NOW - timedelta(seconds=1),
    )


async def _add(service: RunningService, commands: Sequence[Command]) -> None:
    async with service.database.transaction() as connection:
        for command in commands:
            await SqlCommandRepository(connection).add(command)


async def _due(service: RunningService, limit: int = 50) -> list[str]:
    async with service.database.transaction() as connection:
        due = await SqlCommandRepository(connection).due(_NOW, _NOW - timedelta(minutes=1), limit)
    return [command.id for command in due]


async def _store(service: RunningService, command: Command) -> None:
    async with service.database.transaction() as connection:
        await SqlCommandRepository(connection).replace(command)


async def test_the_first_of_each_charge_point_is_due(service: RunningService) -> None:
    commands = [_command(charge_point_id) for charge_point_id in ("CP1", "CP1", "CP2", "CP1", "CP3")]
    await _add(service, commands)
    assert await _due(service) == [commands[number].id for number in (0, 2, 4)]
    assert await _due(service, limit=2) == [commands[number].id for number in (0, 2)]


async def test_none_is_due_before_one_that_is_just_being_changed(service: RunningService) -> None:
    first, other, *others = [_command(charge_point_id) for charge_point_id in ("CP1", "CP1", "CP2")]
    await _add(service, [first, other, *others])

    async with service.database.transaction() as connection:
        await SqlCommandRepository(connection).find(first.id, for_update=True)
        assert await _due(service) == [command.id for command in others]

    assert await _due(service) == [command.id for command in [first, *others]]


async def test_it_is_known_when_the_next_one_is_due_or_over(service: RunningService) -> None:
    async def next_time() -> datetime | None:
        async with service.database.transaction() as connection:
            return await SqlCommandRepository(connection).next_time(_NOW)

    assert await next_time() is None
    later, sooner = _NOW + timedelta(minutes=2), _NOW + timedelta(minutes=1)
    sent = replace(_command("CP1"), state=CommandState.SENT, expire_time=later)
    over = replace(_command("CP2"), state=CommandState.SENT, expire_time=_NOW)
    settled = [
        replace(_command("CP3"), state=state, expire_time=sooner)
        for state in (CommandState.ACCEPTED, CommandState.FAILED)
    ]
    await _add(service, [sent, over, *settled])
    assert await next_time() == later
    queued = replace(_command("CP4"), delivery_time=sooner)
    await _add(service, [queued])
    assert await next_time() == sooner
    await _store(service, replace(queued, expire_time=_NOW))
    assert await next_time() == later


async def test_the_most_urgent_of_a_charge_point_is_due_before_the_oldest(service: RunningService) -> None:
    first, second, third, other = [_command(charge_point_id) for charge_point_id in ("CP1", "CP1", "CP1", "CP2")]
    urgent = [replace(one, priority=CommandPriority.URGENT) for one in (second, third)]
    await _add(service, [first, *urgent, other])
    assert await _due(service) == [second.id, other.id]
    # One that goes after it does not wait for one that is on its way, however old.
    await _store(service, replace(first, state=CommandState.SENT))
    assert await _due(service) == [second.id, other.id]
    await _store(service, replace(urgent[0], state=CommandState.SENT))
    assert await _due(service) == [other.id]


@pytest.mark.parametrize(
    ("change", "is_waited_for"),
    [
        ({"delivery_time": _NOW + timedelta(minutes=1)}, True),
        ({"delivery_time": _NOW + timedelta(minutes=1), "expire_time": _NOW}, False),
        ({"state": CommandState.SENT}, True),
        ({"state": CommandState.SENT, "update_time": _NOW - timedelta(minutes=2)}, False),
        ({"state": CommandState.ACCEPTED}, False),
        ({"state": CommandState.FAILED}, False),
    ],
)
async def test_none_is_due_while_another_one_before_it_waits_or_is_on_its_way(
    service: RunningService, change: dict[str, Any], is_waited_for: bool
) -> None:
    first, second = [_command("CP1") for _ in range(2)]
    await _add(service, [first, second])
    await _store(service, replace(first, **change))
    assert await _due(service) == ([] if is_waited_for else [second.id])


async def test_events_touch_only_commands_that_they_can_change(service: RunningService) -> None:
    kinds = (("CP1", "remote_start"), ("CP2", "get_base_report"), ("CP3", "get_base_report"), ("CP4", "remote_stop"))
    commands = [replace(_command(charge_point_id), kind=kind) for charge_point_id, kind in kinds]
    await _add(service, commands)
    for command, state in zip(
        commands, (CommandState.ACCEPTED, CommandState.SENT, CommandState.QUEUED, CommandState.EFFECTIVE), strict=True
    ):
        await _store(service, replace(command, state=state))
    async with service.database.transaction() as connection:
        names = [charge_point_id for charge_point_id, _ in kinds]
        locked = await SqlCommandRepository(connection).lock_open_at(names, _NOW)
    # One that may have its effect, and one that goes when its charge point comes.
    assert locked == {"CP1", "CP3"}


@dataclass
class SlowFleet:
    """Satisfies ports.ChargePoints and ports.Edge: every charge point is connected, and answers when it is let."""

    asked: list[Command] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def edge_address(self, charge_point_id: str) -> str:
        return "edge"

    async def stage_password(self, charge_point_id: str, source: str, password: str) -> None:
        raise AssertionError("no password is set here")

    async def withdraw_password(self, charge_point_id: str, source: str) -> None:
        raise AssertionError("no password is set here")

    async def prepare_file_job(self, command: Command, body: Mapping[str, Any]) -> Mapping[str, Any]:
        raise AssertionError("no file is moved here")

    async def settle_file_job(self, command_id: str, accepted: bool, status: str, error: str) -> None:
        raise AssertionError("no file is moved here")

    async def deliver(self, address: str, command: Command, body: Mapping[str, Any], timeout: timedelta) -> Reply:
        self.asked.append(command)
        await self.may_answer.wait()
        return Reply(accepted=True, status="Accepted", answer={"status": "Accepted"})

    async def recall(self, address: str, command: Command, age: timedelta) -> None:
        raise AssertionError("nothing is forgotten here")


async def test_a_tenant_with_many_commands_leaves_room_for_those_of_others(service: RunningService) -> None:
    many = [replace(_command(f"NORTH{n}"), tenant_id="north", priority=CommandPriority.URGENT) for n in range(60)]
    few = [replace(_command(f"SOUTH{n}"), tenant_id="south") for n in range(3)]
    await _add(service, [*many, *few])
    fleet, clock = SlowFleet(), SystemClock()
    units_of_work = SqlUnitsOfWork(service.database, OutboxRelay(service.database, service.bus), clock)
    delivery = Delivery(units_of_work, fleet, fleet, clock)

    await delivery.deliver_due()

    async def all_are_asked() -> bool:
        return len(fleet.asked) == 43

    await eventually(all_are_asked)
    assert Counter(command.tenant_id for command in fleet.asked) == {"north": 40, "south": 3}
    # One that still has its share gets no more, however often somebody looks.
    await delivery.deliver_due()
    async with service.database.read() as connection:
        states = (await connection.scalars(text("SELECT state FROM commands ORDER BY state"))).all()
    assert Counter(states) == {"SENT": 43, "QUEUED": 20}

    fleet.may_answer.set()
    await delivery.close()
    await delivery.deliver_due()
    await delivery.close()
    assert Counter(command.tenant_id for command in fleet.asked) == {"north": 60, "south": 3}
