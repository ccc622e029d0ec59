"""The same facts give the same rows, the same bill and the same readings in any order, on the real database."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from csms.event.v1.domain_event_pb2 import DomainEvent
from csms.transaction.v1 import recording_service_pb2 as recording_pb
from services.postgres.database import Database
from tests.contract.services.transaction.conftest import Record, recorder
from tests.contract.services.transaction.reports import (
    ACCEPTED,
    ENDED,
    STARTED,
    UPDATED,
    event_201,
    meter_values_16,
    minutes,
    reading,
    start_16,
    stop_16,
)
from tests.fixtures.postgres import FreshDatabase
from tests.fixtures.properties import examples
from tests.fixtures.services import RunningService

# What tells when and how often the platform heard of it.
_VERSIONS = ("revision", "update_time", "create_time")


def _transaction(name: str, first_wh: int) -> list[recording_pb.TransactionEvent]:
    """A transaction of which neither register is told: its energy hangs on readings, some of which come by
    themselves."""

    def reported(kind: Any, at: float, seq_no: int, **fields: Any) -> recording_pb.TransactionEvent:
        return event_201(kind, minutes(at), seq_no, ocpp_transaction_id=name, charge_point_id=name, **fields)

    def sample(at: float, energy_wh: int) -> dict[str, Any]:
        return {"meter_values": [reading(minutes(at), energy_wh=energy_wh)]}

    return [
        reported(
            STARTED, -60, 0, id_tag=name, authorization=ACCEPTED, driver_id="D", station_id="S", flags=["coerced:id"]
        ),
        reported(UPDATED, -50, 1, charging_state="Charging", flags=["clock_corrected"], **sample(-50, first_wh)),
        reported(UPDATED, -40, 2, **sample(-40, first_wh + 1000)),
        reported(UPDATED, -30, 3, **sample(-30, first_wh + 2500)),
        reported(ENDED, -20, 4, stop_reason="Local"),
    ]


_EVENTS = [*_transaction("A", 100), *_transaction("B", 90_000)]


async def _rows(database: Database) -> dict[str, list[dict[str, Any]]]:
    async with database.read() as connection:
        found = {}
        for table in ("transactions", "meter_values"):
            rows = (await connection.execute(text(f"SELECT * FROM {table}"))).mappings()
            found[table] = sorted(({k: v for k, v in row.items() if k not in _VERSIONS} for row in rows), key=repr)
        return found


async def _bills(database: Database) -> list[tuple[Any, ...]]:
    """What billing hears last of each transaction."""
    async with database.read() as connection:
        payloads = (await connection.scalars(text("SELECT payload FROM outbox ORDER BY seq"))).all()
    last = {}
    for payload in payloads:
        event = DomainEvent.FromString(payload)
        transaction = event.transaction_changed.transaction
        last[transaction.id] = (
            event.subject,
            transaction.energy_wh,
            transaction.start_time.seconds,
            transaction.stop_time.seconds,
        )
    return sorted(last.values())


async def _recorded(
    record: Record, database: Database, batches: Sequence[Sequence[recording_pb.TransactionEvent]]
) -> tuple[Any, ...]:
    for batch in batches:
        assert not any(answer.HasField("error") for answer in await record(*batch))
    return await _rows(database), await _bills(database)


@pytest.fixture
async def record(service: RunningService) -> Record:
    return await recorder(service)


@pytest.fixture
async def recorded_in_order(service: RunningService, record: Record) -> tuple[Any, ...]:
    """The rows and bills when each is told once, in its order."""
    return await _recorded(record, service.database, [[event] for event in _EVENTS])


@settings(max_examples=examples(0.25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(_EVENTS),
    repeated=st.lists(st.sampled_from(_EVENTS), max_size=5),
    sizes=st.lists(st.integers(1, 6), min_size=15, max_size=15),
)
async def test_facts_in_any_order_and_however_often_give_the_same_rows_and_bills(
    service: RunningService,
    record: Record,
    emptied_database: FreshDatabase,
    recorded_in_order: tuple[Any, ...],
    order: list[recording_pb.TransactionEvent],
    repeated: list[recording_pb.TransactionEvent],
    sizes: list[int],
) -> None:
    emptied_database("transaction")
    rest, batches = [*order, *repeated], []
    for size in sizes:
        batches.append(rest[:size])
        rest = rest[size:]
    assert await _recorded(record, service.database, batches) == recorded_in_order
    assert [bill[1] for bill in recorded_in_order[1]] == [2500, 2500]


def _transaction_16(number: str, stop_number: str, *, offline: bool) -> list[recording_pb.TransactionEvent]:
    """A transaction by OCPP 1.6 whose charge point may have been away, and may not know what it ends."""
    return [
        start_16(minutes(-60), offline=offline),
        meter_values_16(number, minutes(-50), 1500, 2000),
        meter_values_16(number, minutes(-30), 5000),
        stop_16(stop_number or number, minutes(-20), connector_id=1),
    ]


async def _recorded_16(
    record: Record, database: Database, order: Sequence[int], stop_number: str, *, offline: bool
) -> tuple[Any, ...]:
    """What is stored, but for the number that the transaction happened to get."""
    # Nothing names the transaction before its charge point has heard the number.
    [begun] = await record(start_16(minutes(-60), offline=offline))
    events = _transaction_16(begun.ocpp_transaction_id, stop_number, offline=offline)
    for position in order:
        [answer] = await record(events[position])
        assert answer.ocpp_transaction_id == begun.ocpp_transaction_id
    async with database.read() as connection:
        transactions = await connection.execute(
            text("SELECT state, meter_start_wh, meter_stop_wh, energy_wh, offline, flags, start_time FROM transactions")
        )
        values = await connection.execute(text("SELECT sampled_time, energy_wh FROM meter_values ORDER BY 1"))
        return [tuple(row) for row in transactions], [tuple(row) for row in values], len(await _bills(database))


@settings(max_examples=examples(0.15), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(range(4)),
    repeated=st.lists(st.integers(0, 3), max_size=4),
    stop_number=st.sampled_from(["", "0", "-1"]),
    offline=st.booleans(),
)
async def test_a_transaction_by_ocpp_16_is_the_same_whatever_comes_when_after_its_start(
    service: RunningService,
    record: Record,
    emptied_database: FreshDatabase,
    order: list[int],
    repeated: list[int],
    stop_number: str,
    offline: bool,
) -> None:
    emptied_database("transaction")
    expected = await _recorded_16(record, service.database, range(4), stop_number, offline=offline)
    emptied_database("transaction")
    assert await _recorded_16(record, service.database, [*order, *repeated], stop_number, offline=offline) == expected
    [transaction], values, bills = expected
    assert transaction[:4] == ("ENDED", 1000, 6000, 5000)
    assert (len(values), bills) == (3, 1)
