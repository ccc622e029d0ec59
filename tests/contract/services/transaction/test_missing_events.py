"""Events of a transaction that never came are seen by their numbers, asked after, and shown until they come (OCPP 2.0.1
part 2, use case E14)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from csms.edge.v1 import edge_service_pb2 as edge_pb
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from services.kernel.clock import SystemClock
from services.transaction.application.missing_events import MissingEvents
from tests.contract.services.transaction.conftest import Reader, Record
from tests.contract.services.transaction.platform import Edge, Stations, commands_on, running_edge
from tests.contract.services.transaction.reports import ACCEPTED, ENDED, STARTED, UPDATED, event_201, minutes, reading
from tests.fixtures.postgres import FreshDatabase
from tests.fixtures.services import RunningService, ServiceRunner
from tests.fixtures.shorthand import flags_of
from tests.fixtures.tokens import Tokens

Look = Callable[[], Awaitable[int]]
AT_ONCE = timedelta()


@pytest.fixture
async def look(service: RunningService, tokens: Tokens) -> AsyncIterator[Look]:
    """Looks for missing events without asking anybody."""
    async with commands_on(service, None, tokens) as (units_of_work, _):
        yield MissingEvents(units_of_work, None, SystemClock(), AT_ONCE).look


def _event(kind: Any, at: float, seq_no: int, **fields: Any) -> Any:
    usual = {"authorization": ACCEPTED} if kind == STARTED else {}
    return event_201(kind, minutes(at), seq_no, **{**usual, **fields})


def _reading(at: float, seq_no: int) -> Any:
    """An event that tells nothing but readings, and is no row of its own."""
    samples = [reading(minutes(at), energy_wh=2000)]
    return _event(UPDATED, at, seq_no, meter_values=samples, trigger_reason="MeterValuePeriodic")


async def test_what_is_missing_is_shown_until_it_came(
    record: Record, transactions: Reader, look: Look, database_url: str
) -> None:
    [begun, *_] = await record(
        _event(STARTED, -60, 0, id_tag="TAG"),
        _event(
            UPDATED, -50, 2, meter_values=[reading(minutes(-50), energy_wh=2000)], trigger_reason="MeterValuePeriodic"
        ),
    )
    assert await look() == 0  # it runs still
    await record(_event(ENDED, -30, 5))

    assert await look() == 1

    transaction = await transactions.get(begun.transaction_id)
    assert list(transaction.missing_events.numbers) == ["1", "3-4"]
    assert "events_missing" in flags_of(transaction)
    assert not transaction.missing_events.HasField("asked_time")
    [listed] = await transactions.list(charge_point_id="CP1")
    assert list(listed.missing_events.numbers) == ["1", "3-4"]

    # Part of it was in a queue. The rest comes when it was looked for again.
    await record(_reading(-40, 3), _event(UPDATED, -55, 1, charging_state="Charging"))
    _make_due(database_url)
    assert await look() == 0
    assert list((await transactions.get(begun.transaction_id)).missing_events.numbers) == ["4"]
    await record(_event(UPDATED, -35, 4, charging_state="SuspendedEV"))
    _make_due(database_url)
    await look()
    transaction = await transactions.get(begun.transaction_id)
    assert not transaction.HasField("missing_events")
    assert "events_missing" not in flags_of(transaction)


@pytest.mark.parametrize(("first", "numbers"), [(0, [1, 2]), (0, [0, 0]), (7, [8, 9])])
async def test_nothing_is_missing_where_all_came_or_nothing_is_counted(
    record: Record, transactions: Reader, look: Look, first: int, numbers: list[int]
) -> None:
    [begun, *_] = await record(
        _event(STARTED, -60, first), _event(UPDATED, -50, numbers[0]), _event(ENDED, -30, numbers[1])
    )
    assert await look() == 0
    assert not (await transactions.get(begun.transaction_id)).HasField("missing_events")


async def test_nothing_is_missing_where_all_transactions_are_counted_together(
    record: Record, transactions: Reader, look: Look
) -> None:
    other = {"ocpp_transaction_id": "T-2", "evse_id": 2}
    began, beside, *_ = await record(
        _event(STARTED, -60, 10), _event(STARTED, -55, 11, **other), _reading(-50, 12), _event(ENDED, -40, 14, **other)
    )
    await record(_event(UPDATED, -45, 13, charging_state="SuspendedEV"), _event(ENDED, -30, 15))
    assert await look() == 0
    for one in (began, beside):
        assert not (await transactions.get(one.transaction_id)).HasField("missing_events")


async def test_numbers_of_others_hide_no_gap_where_each_transaction_is_counted_alone(
    record: Record, transactions: Reader, look: Look
) -> None:
    other = {"ocpp_transaction_id": "T-2", "evse_id": 2}
    [began, *_] = await record(
        _event(STARTED, -60, 0),
        _event(STARTED, -55, 0, **other),
        _event(UPDATED, -50, 1, charging_state="Charging", **other),
        _event(ENDED, -40, 2, **other),
    )
    await record(_event(ENDED, -30, 2))
    assert await look() == 1
    assert list((await _missing(transactions, began.transaction_id)).numbers) == ["1"]


@pytest.fixture
async def edge(tokens: Tokens) -> AsyncIterator[Edge]:
    async with running_edge(tokens) as edge:
        yield edge


@pytest.mark.parametrize("in_queue", [True, False])
async def test_the_charge_point_is_asked_until_it_has_nothing_more_to_tell(
    run_service: ServiceRunner,
    service: RunningService,
    record: Record,
    transactions: Reader,
    tokens: Tokens,
    emptied_database: FreshDatabase,
    edge: Edge,
    database_url: str,
    in_queue: bool,
) -> None:
    def answer(request: edge_pb.DeliverCommandRequest) -> edge_pb.DeliverCommandResponse:
        response = edge_pb.DeliverCommandResponse(accepted=True)
        response.answer.update({"messagesInQueue": in_queue, "ongoingIndicator": False})
        return response

    edge.answer = answer
    stations = await run_service("station", database_url=emptied_database("station"))
    known = Stations(stations)
    await known.create("CP1")
    [begun, _] = await record(_event(STARTED, -60, 0), _event(ENDED, -30, 5))
    async with commands_on(service, stations, tokens) as (units_of_work, commands):
        look = MissingEvents(units_of_work, commands, SystemClock(), AT_ONCE).look
        await look()  # it is not connected
        assert not (await _missing(transactions, begun.transaction_id)).HasField("asked_time")
        await known.connect("CP1", edge, "ocpp2.0.1")
        for _ in range(2):
            _make_due(database_url)
            await look()

    missing = await _missing(transactions, begun.transaction_id)
    assert (list(missing.numbers), missing.messages_in_queue) == (["1-4"], in_queue)
    assert missing.HasField("asked_time")
    asked = [request.body.get_transaction_status.ocpp_transaction_id for request in edge.delivered]
    assert asked == ["T-1"] * (2 if in_queue else 1)


async def _missing(transactions: Reader, transaction_id: str) -> transaction_pb.MissingEvents:
    return (await transactions.get(transaction_id)).missing_events


def _make_due(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE sequence_gaps SET look_time = now() WHERE look_time IS NOT NULL")
