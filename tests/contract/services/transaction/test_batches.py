"""Many events at a time: few commits, each event its own answer, a bad one fails alone, replicas agree."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from csms.error.v1 import error_reason_pb2 as error_pb
from csms.transaction.v1 import recording_service_pb2 as recording_pb
from services.kernel.clock import SystemClock
from services.messaging.outbox import OutboxRelay
from services.process import metrics, tracing
from services.transaction.application.recording import Recorded, Recorder
from services.transaction.domain.reading import MeterReport, Placed
from services.transaction.mapping.recording import EventMessage
from services.transaction.sql.meter_values import SqlMeterStore
from services.transaction.sql.recording import SqlRecording, SqlRecordings
from tests.contract.services.transaction.conftest import Reader, Record, recorder
from tests.contract.services.transaction.reports import (
    ACCEPTED,
    STARTED,
    UPDATED,
    event_201,
    meter_values_16,
    minutes,
    reading,
    start_16,
    stop_16,
)
from tests.fixtures.otlp import Receiver
from tests.fixtures.services import RunningService, ServiceRunner

INVALID = error_pb.ERROR_REASON_INVALID_FIELD


def _commits(batcher: str) -> float:
    return metrics.counter("batches_total", "Batches sent.", batcher=batcher).value


@pytest.fixture
async def own_recorder(service: RunningService) -> AsyncIterator[Recorder]:
    """A recorder without a server in front of it."""
    meters = SqlMeterStore(service.database)
    recordings = SqlRecordings(service.database, OutboxRelay(service.database, service.bus))
    recorder = Recorder(meters, recordings, SystemClock())
    yield recorder
    for end in (recorder.close, meters.close, recordings.close):
        await end()


async def test_events_that_come_together_share_a_commit(own_recorder: Recorder) -> None:
    async def record_all(events: Sequence[recording_pb.TransactionEvent]) -> list[Recorded]:
        answers = await asyncio.gather(*(own_recorder.record([EventMessage(event)]) for event in events))
        return [answer for [answer] in answers if isinstance(answer, Recorded)]

    before = _commits("transaction events")
    started = await record_all([start_16(charge_point_id=f"CP{n}", id_tag=f"TAG{n}") for n in range(200)])
    assert len({answer.ocpp_transaction_id for answer in started}) == 200
    assert _commits("transaction events") - before == 1
    before = _commits("meter values")
    reports = [
        meter_values_16(answer.ocpp_transaction_id, minutes(1), 2000, charge_point_id=f"CP{n}")
        for n, answer in enumerate(started)
    ]
    placed = await record_all(reports)
    assert [answer.transaction_id for answer in placed] == [answer.transaction_id for answer in started]
    assert _commits("meter values") - before == 1


async def test_a_commit_is_one_span_that_is_linked_to_those_who_brought_its_events(
    own_recorder: Recorder, receiver: Receiver
) -> None:
    async def bring(number: int) -> None:
        with tracing.span(f"call {number}"):
            starts = [start_16(charge_point_id=f"CP{number}{n}", id_tag=f"TAG{number}{n}") for n in range(20)]
            await own_recorder.record([EventMessage(event) for event in starts])

    async with tracing.traced("transaction", receiver.endpoint):
        await asyncio.gather(*(bring(number) for number in range(3)))
        # Nobody's: those that the edge brings for charge points alone.
        await own_recorder.record([EventMessage(start_16(charge_point_id="CP1", id_tag="TAG1"))])
    calls = {span.span_id for number in range(3) for span in receiver.spans(f"call {number}")}
    together, alone = receiver.spans("commit transaction events")
    assert len(calls) == 3
    assert (together.links, together.parent_id) == (calls, "")
    assert together.attributes == {"csms.items": 60, "csms.calls": 3}
    assert (alone.links, alone.attributes["csms.items"]) == (set(), 1)


async def test_a_batch_is_answered_in_its_order(record: Record) -> None:
    events = []
    for n in range(0, 300, 3):
        events += [
            start_16(charge_point_id=f"CP{n}", id_tag=f"TAG{n}"),
            meter_values_16("", minutes(0), 1, charge_point_id=f"CP{n + 1}"),
            event_201(STARTED, minutes(0), 0, charge_point_id=f"CP{n + 2}", ocpp_transaction_id=f"T-{n}"),
        ]
    answers = await record(*events)
    assert [answer.HasField("error") for answer in answers] == [False] * 300
    assert all(answer.ocpp_transaction_id.isdigit() for answer in answers[::3])
    assert {answer.transaction_id for answer in answers[1::3]} == {""}
    assert [answer.ocpp_transaction_id for answer in answers[2::3]] == [f"T-{n}" for n in range(0, 300, 3)]


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(start_16(charge_point_id="BAD", id_tag="A\0B"), id="a character that cannot be stored"),
        pytest.param(start_16(charge_point_id="BA\0D"), id="an identity that cannot be stored"),
        pytest.param(start_16(charge_point_id=""), id="no charge point"),
        pytest.param(recording_pb.TransactionEvent(charge_point_id="BAD", kind=STARTED), id="no time"),
        pytest.param(recording_pb.TransactionEvent(charge_point_id="BAD"), id="no kind"),
        pytest.param(
            meter_values_16(
                "1", minutes(0), charge_point_id="BAD", meter_values=[reading(minutes(0), other_json="\0")]
            ),
            id="a meter value that cannot be stored",
        ),
    ],
)
async def test_a_bad_event_fails_alone(
    record: Record, transactions: Reader, bad: recording_pb.TransactionEvent
) -> None:
    good = [start_16(charge_point_id=f"CP{n}", id_tag=f"TAG{n}") for n in range(20)]
    answers = await record(*good[:10], bad, *good[10:])
    failures = [position for position, answer in enumerate(answers) if answer.HasField("error")]
    assert failures == [10]
    assert answers[10].error.reason == INVALID
    assert len(await transactions.list(page_size=50)) == 20


async def test_a_meter_value_that_cannot_be_stored_fails_alone(record: Record, transactions: Reader) -> None:
    starts = await record(*(start_16(charge_point_id=f"CP{n}", id_tag=f"TAG{n}") for n in range(8)))
    reports = [
        meter_values_16(answer.ocpp_transaction_id, minutes(1), 2000, charge_point_id=f"CP{n}")
        for n, answer in enumerate(starts)
    ]
    reports[3].meter_values[0].other_json = "\0"
    answers = await record(*reports)
    assert [answer.error.reason for answer in answers] == [INVALID if n == 3 else 0 for n in range(8)]
    counts = [len(await transactions.meter_values(answer.transaction_id)) for answer in starts]
    assert counts == [0 if n == 3 else 1 for n in range(8)]


async def test_replicas_give_a_start_that_reaches_both_the_same_number(
    service: RunningService, run_service: ServiceRunner
) -> None:
    other = await run_service("transaction", database_url=service.settings.database_url)
    records = [await recorder(service), await recorder(other)]
    starts = [start_16(charge_point_id=f"CP{n}", id_tag=f"TAG{n}") for n in range(30)]
    batches = await asyncio.gather(*(record(*starts) for record in (*records, *records)))
    numbers = [[answer.ocpp_transaction_id for answer in answers] for answers in batches]
    assert len(set(numbers[0])) == 30
    assert numbers[1:] == numbers[:1] * 3
    fresh = sum(not answer.duplicate for answers in batches for answer in answers)
    assert fresh == 30
    async with service.database.read() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM transactions")) == 30
        assert await connection.scalar(text("SELECT count(*) FROM outbox")) == 30


async def test_replicas_accept_a_token_once(service: RunningService, run_service: ServiceRunner) -> None:
    other = await run_service("transaction", database_url=service.settings.database_url)
    records = [await recorder(service), await recorder(other)]
    starts = [start_16(charge_point_id=f"CP{n}") for n in range(12)]
    answers = await asyncio.gather(*(records[n % 2](start) for n, start in enumerate(starts)))
    assert [answer.authorization for [answer] in answers].count(ACCEPTED) == 1


async def test_an_end_is_recorded_after_the_readings_that_come_with_it(service: RunningService) -> None:
    steps: list[str] = []

    class Meters(SqlMeterStore):
        async def store(self, reports: Sequence[MeterReport]) -> Sequence[Placed]:
            placed = await super().store(reports)
            steps.append("stored")
            return placed

    class Recordings(SqlRecordings):
        @asynccontextmanager
        async def __call__(self) -> AsyncIterator[SqlRecording]:
            steps.append("begun")
            async with super().__call__() as work:
                yield work

    meters = Meters(service.database)
    recordings = Recordings(service.database, OutboxRelay(service.database, service.bus))
    recorder = Recorder(meters, recordings, SystemClock())
    [started] = await recorder.record([EventMessage(start_16(minutes(-30)))])
    assert isinstance(started, Recorded)
    steps.clear()
    number = started.ocpp_transaction_id
    batch = [stop_16(number, minutes(-1)), meter_values_16(number, minutes(-2), 2000)]
    await recorder.record([EventMessage(event) for event in batch])
    assert steps == ["stored", "begun"]
    for end in (recorder.close, meters.close, recordings.close):
        await end()


async def test_a_batch_that_is_too_large_is_refused(record: Record) -> None:
    with pytest.raises(Exception, match="at most 1000"):
        await record(*(start_16(charge_point_id=f"CP{n}") for n in range(1001)))


async def test_a_stop_and_a_late_reading_in_one_batch_are_both_recorded(record: Record, transactions: Reader) -> None:
    starts = await record(start_16(minutes(-30)), start_16(minutes(-30), charge_point_id="CP2", id_tag="B"))
    await record(stop_16(starts[1].ocpp_transaction_id, minutes(-10), charge_point_id="CP2"))
    stop, late = await record(
        stop_16(starts[0].ocpp_transaction_id, minutes(-5)),
        meter_values_16(starts[1].ocpp_transaction_id, minutes(-15), 5000, charge_point_id="CP2"),
    )
    assert (stop.transaction_id, late.transaction_id) == (starts[0].transaction_id, starts[1].transaction_id)
    assert len(await transactions.meter_values(late.transaction_id)) == 1


async def test_an_update_that_brings_nothing_new_is_no_change(record: Record, transactions: Reader) -> None:
    [started] = await record(event_201(STARTED, minutes(-30), 0))
    await record(event_201(UPDATED, minutes(-20), 1, trigger_reason="CablePluggedIn"))
    assert (await transactions.get(started.transaction_id)).revision == 1
