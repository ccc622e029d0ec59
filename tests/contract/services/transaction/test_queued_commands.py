"""services.transaction.sql.commands on the real database: queued commands go in the order in which they were given."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from services.kernel.ids import new_id
from services.transaction.domain.command import Command, CommandState
from services.transaction.sql.commands import SqlCommandRepository
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
        return [command.id for command in await SqlCommandRepository(connection).due(_NOW, limit)]


@pytest.mark.parametrize("locked", [0, 1, 2])
async def test_none_is_due_before_one_that_is_just_being_changed(service: RunningService, locked: int) -> None:
    commands = [_command("CP1") for _ in range(3)]
    others = [_command("CP2")]
    await _add(service, [*commands, *others])

    async with service.database.transaction() as connection:
        await SqlCommandRepository(connection).find(commands[locked].id, for_update=True)
        assert await _due(service) == [command.id for command in [*commands[:locked], *others]]

    assert await _due(service) == [command.id for command in [*commands, *others]]


async def test_as_many_are_due_as_are_asked_for(service: RunningService) -> None:
    commands = [_command("CP1") for _ in range(3)]
    await _add(service, commands)
    assert await _due(service, limit=2) == [command.id for command in commands[:2]]
