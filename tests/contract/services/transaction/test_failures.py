"""What happens to events while the database, or what surrounds the service, is not well."""

import asyncio
from datetime import timedelta

import grpc
import pytest
from sqlalchemy import text

from csms.error.v1 import error_reason_pb2 as error_pb
from services.postgres.database import Database
from services.postgres.partitions import maintain
from tests.contract.services.transaction.conftest import Reader, Record, reader, recorder
from tests.contract.services.transaction.reports import NOW, meter_values_16, minutes, start_16, stop_16
from tests.fixtures.background import eventually
from tests.fixtures.postgres import FreshDatabase
from tests.fixtures.services import RunningService, ServiceRunner

_OTHERS = text(
    # Waits until they are gone.
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
def database_url(fresh_database: FreshDatabase) -> str:
    """A database of its own for each test: some change the tables."""
    return fresh_database("transaction")


@pytest.fixture
async def service(run_service: ServiceRunner, database_url: str) -> RunningService:
    """The service on it."""
    return await run_service("transaction", database_url=database_url)


@pytest.fixture
async def record(service: RunningService) -> Record:
    """Its way in."""
    return await recorder(service)


@pytest.fixture
async def transactions(service: RunningService) -> Reader:
    """What it shows."""
    return await reader(service)


async def _cut_connections(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(_OTHERS)


async def test_events_are_recorded_after_the_database_has_cut_its_connections(
    record: Record, transactions: Reader, service: RunningService
) -> None:
    [started] = await record(start_16(minutes(-30)))
    await record(meter_values_16(started.ocpp_transaction_id, minutes(-20), 2000))
    await _cut_connections(service.database)
    [metered] = await record(meter_values_16(started.ocpp_transaction_id, minutes(-10), 3000))
    [stopped] = await record(stop_16(started.ocpp_transaction_id, minutes(-5)))
    assert metered.transaction_id == stopped.transaction_id == started.transaction_id
    assert len(await transactions.meter_values(started.transaction_id)) == 2


async def test_an_event_whose_commit_was_cut_short_is_not_recorded_and_may_come_again(
    record: Record, service: RunningService
) -> None:
    await record(start_16(minutes(-30)))
    async with service.database.transaction() as connection:
        await connection.execute(text("LOCK TABLE transactions IN ACCESS EXCLUSIVE MODE"))
        waiting = asyncio.ensure_future(record(start_16(minutes(-30), charge_point_id="CP2", id_tag="B")))

        async def is_waiting() -> bool:
            return bool(await connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))

        await eventually(is_waiting)
        await connection.execute(_OTHERS)
        [answer] = await waiting
    assert answer.error.reason == error_pb.ERROR_REASON_UNAVAILABLE
    [again] = await record(start_16(minutes(-30), charge_point_id="CP2", id_tag="B"))
    assert (again.HasField("error"), again.duplicate) == (False, False)


@pytest.mark.parametrize("table", ["transaction_events", "meter_values"])
async def test_events_go_on_while_partitions_are_made(record: Record, service: RunningService, table: str) -> None:
    async def make_partitions() -> None:
        for day in range(0, 60, 9):
            async with service.database.transaction() as connection:
                today = (NOW - timedelta(days=day)).date()
                await maintain(connection, table, retention_days=400, today=today)

    async def charge(number: int) -> None:
        at = NOW - timedelta(days=number)
        [started] = await record(start_16(at, charge_point_id=f"CP{number}", id_tag=f"TAG{number}"))
        report = meter_values_16(
            started.ocpp_transaction_id, at + timedelta(minutes=1), 1500, charge_point_id=f"CP{number}"
        )
        [metered] = await record(report)
        assert (started.HasField("error"), metered.transaction_id) == (False, started.transaction_id)

    await asyncio.gather(make_partitions(), *(charge(number) for number in range(40)))


@pytest.mark.field_case("A15")
@pytest.mark.parametrize("table", ["transactions", "transaction_events", "meter_values"])
async def test_a_column_that_changes_its_type_under_load_costs_no_event(
    record: Record, transactions: Reader, service: RunningService, table: str
) -> None:
    changed = asyncio.Event()

    async def charge_on(number: int) -> None:
        """Transactions one after the other, some before the change and some after it."""
        charge_point_id, done = f"CP{number}", 0
        while done < 3 or not changed.is_set():
            at = minutes(-60 + done)
            [started] = await record(start_16(at, charge_point_id=charge_point_id, id_tag=f"TAG{number}"))
            name = started.ocpp_transaction_id
            await record(meter_values_16(name, at, 1500, charge_point_id=charge_point_id))
            [stopped] = await record(stop_16(name, at + timedelta(seconds=30), charge_point_id=charge_point_id))
            assert (stopped.HasField("error"), stopped.transaction_id) == (False, started.transaction_id)
            assert await _energy_wh(transactions, started.transaction_id) == 5000
            done += 1
            if done == 3:
                busy.release()

    busy = asyncio.Semaphore(0)
    async with asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(charge_on(number))
        for _ in range(4):
            await busy.acquire()
        async with service.database.transaction() as connection:
            await connection.execute(text(f"ALTER TABLE {table} ALTER COLUMN evse_id TYPE bigint"))
        for number in range(4, 6):
            await record(start_16(minutes(-1), charge_point_id=f"CP{number}", id_tag=f"TAG{number}"))
        changed.set()


async def _energy_wh(transactions: Reader, transaction_id: str) -> int:
    """As a caller reads it, who repeats what could not be answered: each pool finds out about the change once."""
    for _ in range(2):
        try:
            return (await transactions.get(transaction_id)).energy_wh
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
    return (await transactions.get(transaction_id)).energy_wh
