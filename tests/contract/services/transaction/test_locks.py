"""Effects of commands noted by replicas at once never wait for each other in a ring."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from csms.event.v1 import domain_event_pb2 as event_pb
from services.kernel.clock import SystemClock
from services.kernel.ids import new_id
from services.rpc.protobuf import timestamp
from services.transaction.consumers import CommandConsumer
from services.transaction.domain.command import RESET, Command, CommandState
from services.transaction.sql.commands import SqlCommandRepository
from tests.fixtures.deadlocks import deadlocks_of, look_for_rings_at_once
from tests.fixtures.postgres import FreshDatabase
from tests.fixtures.services import ServiceRunner

HAMMERED_SECONDS = 4.0
POINTS = [f"CP{number}" for number in range(4)]


def _command(charge_point_id: str, state: CommandState) -> Command:
    now = datetime.now(UTC)
    return Command(
        id=new_id(),
        charge_point_id=charge_point_id,
        kind=RESET,
        body={},
        state=state,
        requested_by="a test",
        create_time=now,
        update_time=now,
        expire_time=now + timedelta(minutes=5),
        delivery_time=now,
    )


def _event(name: str, kind: str) -> event_pb.DomainEvent:
    event = event_pb.DomainEvent(id=new_id(), create_time=timestamp(datetime.now(UTC) - timedelta(hours=1)))
    if kind == "boot":
        event.charge_point_booted.charge_point.id = name
    else:
        event.connectivity_changed.charge_point_id = name
        event.connectivity_changed.online = True
    return event


@pytest.mark.field_case("E7")
async def test_boots_and_connections_of_commanded_charge_points_in_any_order(
    run_service: ServiceRunner, fresh_database: FreshDatabase
) -> None:
    url = fresh_database("transaction")
    look_for_rings_at_once(url)
    service = await run_service("transaction", database_url=url)
    dice = random.Random(3)
    async with service.database.transaction() as connection:
        for name in POINTS * 3:
            for state in (CommandState.QUEUED, CommandState.ACCEPTED):
                await SqlCommandRepository(connection).add(_command(name, state))

    async def note() -> None:
        events = [_event(dice.choice(POINTS), dice.choice(("boot", "connection"))) for _ in range(8)]
        async with service.database.transaction() as connection:
            await CommandConsumer(service.bus, service.database, SystemClock()).handle(connection, events)

    assert await deadlocks_of(service, [note] * 6, HAMMERED_SECONDS) == 0
