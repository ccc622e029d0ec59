"""The journal of frames: appended in batches, each frame kept once, listed newest first."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
import orjson
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import select, text

from csms.transaction.v1 import journal_service_pb2 as journal_pb
from csms.transaction.v1 import journal_service_pb2_grpc as journal_grpc
from csms.transaction.v1 import recording_service_pb2_grpc as recording_grpc
from csms.transaction.v1.recording_service_pb2 import RecordTransactionEventsRequest
from services.journal.compression import compressed
from services.kernel.clock import SystemClock, microseconds
from services.kernel.ids import id_at
from services.kernel.pagination import PageRequest
from services.kernel.tenancy import DEFAULT_TENANT, as_tenant
from services.rpc.protobuf import timestamp
from services.rpc.status import from_rpc_error
from services.transaction.application.journal import Sorter
from services.transaction.domain.message import MessageFilter, OcppMessage
from services.transaction.mapping.exchanges import batch_of
from services.transaction.mapping.messages import message_of
from services.transaction.sql.journal_batches import SqlJournalBatches, SqlJournalRows
from services.transaction.sql.messages import SqlMessageRepository
from services.transaction.tables import OCPP_MESSAGES
from services.transaction.tasks import JournalSorter
from tests.contract.services.transaction.reports import NOW
from tests.fixtures.background import eventually, running
from tests.fixtures.journal import frame_id, journal_batch, journalled
from tests.fixtures.services import RunningService

Frame = journal_pb.OcppMessage


def _at(number: int) -> Timestamp | None:
    return timestamp(NOW + timedelta(seconds=number))


def _frame(number: int, **fields: Any) -> Frame:
    usual: dict[str, Any] = {
        "id": frame_id(fields.get("time", _at(number)), number),
        "charge_point_id": "CP1",
        "epoch": 3,
        "direction": Frame.INBOUND,
        "kind": Frame.CALL,
        "message_id": str(number),
        "action": "Heartbeat",
        "frame": f'[2,"{number}","Heartbeat",{{}}]',
        "time": _at(number),
        "protocol": "ocpp1.6",
    }
    return Frame(**{**usual, **fields})


@pytest.fixture
async def edge(service: RunningService) -> journal_grpc.JournalServiceStub:
    return journal_grpc.JournalServiceStub(await service.internal_channel("edge"))


@pytest.fixture
async def journal(service: RunningService) -> journal_grpc.JournalServiceStub:
    return journal_grpc.JournalServiceStub(await service.channel("viewer"))


Stub = journal_grpc.JournalServiceStub


Append = Callable[..., Awaitable[None]]


@pytest.fixture(params=["rows", "batches", "sorted batches", "both"])
def append(request: pytest.FixtureRequest, edge: Stub, service: RunningService) -> Append:
    """Takes frames in as older edges send them, compressed, compressed and sorted, or some so and some so."""
    appended: dict[bytes, journal_pb.JournalBatch] = {}

    async def in_rows(*frames: Frame) -> None:
        await edge.AppendMessages(journal_pb.AppendMessagesRequest(messages=frames))

    async def in_batches(*frames: Frame) -> None:
        made = [journal_batch(one) for one in (frames[::2], frames[1::2]) if one]
        # What was sent before is sent again.
        batches = [appended.setdefault(batch.content, batch) for batch in made]
        await edge.AppendBatches(journal_pb.AppendBatchesRequest(batches=batches))

    async def in_sorted_batches(*frames: Frame) -> None:
        await in_batches(*frames)
        await _sort(service)

    async def in_all_ways(*frames: Frame) -> None:
        for way, some in zip(
            (in_rows, in_sorted_batches, in_batches), (frames[::3], frames[1::3], frames[2::3]), strict=True
        ):
            if some:
                await way(*some)

    ways = {"rows": in_rows, "batches": in_batches, "sorted batches": in_sorted_batches, "both": in_all_ways}
    way: Append = ways[request.param]
    return way


async def _sort(service: RunningService) -> int:
    sorting = SqlJournalBatches(service.database, SystemClock())
    try:
        return await sorting.sort()
    finally:
        await sorting.close()


def _contents(
    name: str = "CP1", size: float = 0, exchanges: int = 1, frames: int = 1, last_us: int = 1, of_action: str | int = 1
) -> bytes:
    """A table of contents with nothing behind it."""
    return orjson.dumps([[name], [size], [exchanges], [frames], [1], [last_us], [{"Heartbeat": of_action}]]) + b"\n"


async def _list(journal: Stub, **fields: Any) -> journal_pb.ListMessagesResponse:
    return await journal.ListMessages(journal_pb.ListMessagesRequest(**{"charge_point_id": "CP1", **fields}))


async def _all_pages(journal: Stub) -> list[Frame]:
    """The frames of every page of three."""
    page = await _list(journal, page_size=3)
    found = list(page.messages)
    while page.next_page_token:
        page = await _list(journal, page_size=3, page_token=page.next_page_token)
        found += page.messages
    return found


async def test_frames_come_back_as_they_went_in_newest_first(append: Append, journal: Stub) -> None:
    call = _frame(1)
    answer = _frame(2, direction=Frame.OUTBOUND, kind=Frame.CALL_RESULT, latency_us=1500)
    error = _frame(3, kind=Frame.CALL_ERROR, error_code="GenericError", frame='[4,"3","GenericError","é\\n\\t",{}]')
    garbage = _frame(4, kind=Frame.KIND_UNSPECIFIED, message_id="", action="", frame="not \t json \\ \n at all")
    await append(call, answer, error, garbage)
    assert list((await _list(journal)).messages) == [garbage, error, answer, call]


async def test_a_request_kept_with_its_answer_is_told_as_two_frames(append: Append, journal: Stub) -> None:
    fields: dict[str, Any] = {"direction": Frame.OUTBOUND, "answer_kind": Frame.CALL_ERROR}
    both = _frame(1, error_code="GenericError", latency_us=1500, answer_frame="back\\slash\ttab", **fields)
    await append(_frame(0), both, _frame(2))
    _, answer, request, _ = (await _list(journal)).messages
    assert request == _frame(1, id=both.id, direction=Frame.OUTBOUND)
    assert (answer.direction, answer.kind, answer.frame) == (Frame.INBOUND, Frame.CALL_ERROR, "back\\slash\ttab")
    assert (answer.error_code, answer.latency_us, answer.message_id) == ("GenericError", 1500, "1")
    assert answer.id not in (both.id, "")
    assert answer.time.ToMicroseconds() == both.time.ToMicroseconds() + 1500
    assert list((await _list(journal, kind=Frame.CALL_ERROR)).messages) == [answer]
    assert len((await _list(journal, direction=Frame.INBOUND)).messages) == 3


async def test_pages_may_part_a_request_from_its_answer(append: Append, journal: Stub) -> None:
    answered = {"answer_kind": Frame.CALL_RESULT, "answer_frame": "[3]"}
    await append(*(_frame(n, time=timestamp(NOW), **answered) for n in range(5)))
    found = [message.id for message in await _all_pages(journal)]
    assert len(found) == len(set(found)) == 10


async def test_a_frame_that_is_appended_again_is_kept_once(append: Append, journal: Stub) -> None:
    frames = [_frame(n) for n in range(5)]
    await append(*frames)
    await append(*frames)
    await append(_frame(9))
    assert (await _list(journal)).total_size == 6


@pytest.mark.parametrize(
    ("fields", "numbers"),
    [
        ({"action": "MeterValues"}, [2]),
        ({"direction": Frame.OUTBOUND}, [1]),
        ({"kind": Frame.CALL_RESULT}, [1]),
        ({"time_from": timestamp(NOW + timedelta(seconds=2))}, [3, 2]),
        ({"time_to": timestamp(NOW + timedelta(seconds=1))}, [0]),
        ({"charge_point_id": "CP2"}, []),
    ],
)
async def test_a_list_holds_what_was_asked_for(
    append: Append, journal: Stub, fields: dict[str, Any], numbers: list[int]
) -> None:
    answer = _frame(1, direction=Frame.OUTBOUND, kind=Frame.CALL_RESULT)
    await append(_frame(0), answer, _frame(2, action="MeterValues"), _frame(3))
    assert [int(found.message_id) for found in (await _list(journal, **fields)).messages] == numbers


async def test_pages_hold_every_frame_once(append: Append, journal: Stub) -> None:
    same_time = timestamp(NOW)
    await append(*(_frame(n, time=same_time) for n in range(7)))
    found = [message.message_id for message in await _all_pages(journal)]
    assert sorted(found) == [str(n) for n in range(7)]


async def test_frames_are_counted_up_to_ten_thousand(append: Append, journal: Stub) -> None:
    for first in range(0, 10_002, 1667):
        await append(*(_frame(n) for n in range(first, first + 1667)))
    assert (await _list(journal, page_size=1)).total_size == 10_000


@pytest.mark.parametrize(
    ("frames", "field"),
    [
        ([_frame(0, id="nonsense")], "messages.id"),
        ([_frame(0, time=None)], "messages.time"),
        ([_frame(0, direction=Frame.DIRECTION_UNSPECIFIED)], "messages.direction"),
        ([_frame(n) for n in range(2001)], "messages"),
    ],
)
async def test_a_batch_that_cannot_be_kept_is_refused(edge: Stub, frames: list[Frame], field: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await edge.AppendMessages(journal_pb.AppendMessagesRequest(messages=frames))
    assert [violation.field for violation in from_rpc_error(caught.value).violations] == [field]


async def test_a_long_frame_is_kept_whole(append: Append, journal: Stub) -> None:
    long = _frame(0, frame="x" * 65_536)
    await append(long)
    assert list((await _list(journal)).messages) == [long]


async def test_a_frame_that_is_no_text_does_not_cost_the_others(append: Append, journal: Stub) -> None:
    await append(_frame(1, frame="a\0b", action="\0"), _frame(2))
    assert [found.frame for found in (await _list(journal)).messages][1] == "a\N{REPLACEMENT CHARACTER}b"
    assert (await _list(journal, action="\N{REPLACEMENT CHARACTER}")).messages[0].message_id == "1"


async def test_only_the_platform_writes(service: RunningService, journal: Stub) -> None:
    admin = await service.channel("admin")
    for call in (
        journal_grpc.JournalServiceStub(admin).AppendMessages(journal_pb.AppendMessagesRequest()),
        recording_grpc.RecordingServiceStub(admin).RecordTransactionEvents(RecordTransactionEventsRequest()),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_what_is_sorted_is_known_when_it_comes_again(edge: Stub, journal: Stub, service: RunningService) -> None:
    batch = journal_batch([_frame(1), _frame(2, charge_point_id="CP2")])
    for _ in range(3):
        await edge.AppendBatches(journal_pb.AppendBatchesRequest(batches=[batch]))
        await _sort(service)
    assert (await _list(journal)).total_size == 1
    assert (await _list(journal, charge_point_id="CP2")).total_size == 1


async def test_frames_of_many_batches_lie_together(edge: Stub, service: RunningService) -> None:
    for number in range(5):
        batch = journal_batch([_frame(number), _frame(number, charge_point_id="CP2")])
        await edge.AppendBatches(journal_pb.AppendBatchesRequest(batches=[batch]))
    assert await _sort(service) == 10
    async with service.database.read() as connection:
        rows = await connection.execute(
            text("SELECT charge_point_id, frames, actions, action_frames FROM journal_segments ORDER BY 1")
        )
        assert rows.all() == [("CP1", 5, ["Heartbeat"], [5]), ("CP2", 5, ["Heartbeat"], [5])]
        kept = await connection.execute(
            text("SELECT count(*) FILTER (WHERE content IS NULL), count(*) FROM journal_batches")
        )
        assert kept.all() == [(5, 5)]


async def test_a_batch_is_forgotten_a_day_after_it_was_sorted(edge: Stub, service: RunningService) -> None:
    old = journal_batch([_frame(1)])
    old.id = id_at(microseconds(NOW - timedelta(days=2)), 0)
    await edge.AppendBatches(journal_pb.AppendBatchesRequest(batches=[old, journal_batch([_frame(2)])]))
    await _sort(service)
    async with service.database.read() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM journal_batches")) == 1
    assert len(await journalled(service.database, "CP1")) == 2


async def test_what_was_left_is_sorted_at_once_and_what_comes_when_it_is_worth_it(service: RunningService) -> None:
    sorting = SqlJournalBatches(service.database, SystemClock())
    sorter = Sorter(sorting)

    async def come(*numbers: int) -> None:
        batch = batch_of(journal_batch(map(_frame, numbers)))
        await sorting.append_batches([batch])
        sorter.note([batch])

    async def is_sorted() -> bool:
        async with service.database.read() as connection:
            waiting = await connection.scalar(text("SELECT count(*) FROM journal_batches WHERE content IS NOT NULL"))
            return bool(waiting == 0)

    await come(0)
    async with running(JournalSorter(sorter).run()):
        await eventually(is_sorted)
        await come(1)
        assert not await is_sorted()
        await come(*range(2, 4098))
        await eventually(is_sorted)
    await sorting.close()


async def test_one_replica_sorts_at_a_time(edge: Stub, service: RunningService) -> None:
    await edge.AppendBatches(journal_pb.AppendBatchesRequest(batches=[journal_batch([_frame(1)])]))
    async with service.database.transaction() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('journal sorting'))"))
        assert await _sort(service) == 0
    assert await _sort(service) == 1


async def test_each_tenant_has_its_own(edge: Stub, service: RunningService) -> None:
    batches = [journal_batch([_frame(1)], "north"), journal_batch([_frame(2)])]
    await edge.AppendBatches(journal_pb.AppendBatchesRequest(batches=batches))
    narrowing = MessageFilter(charge_point_id="CP1")
    for is_sorted in (False, True):
        for tenant, number in (("north", "1"), (DEFAULT_TENANT, "2")):
            with as_tenant(tenant):
                async with service.database.read() as connection:
                    page = await SqlMessageRepository(connection).page(narrowing, PageRequest())
            assert [message.message_id for message in page.items] == [number], is_sorted
        await _sort(service)


_GOOD = journal_batch([_frame(1)])


@pytest.mark.parametrize(
    ("batch", "field"),
    [
        ({"id": "nonsense"}, "batches.id"),
        ({"content": b""}, "batches.content"),
        ({"content": b"nonsense"}, "batches.content"),
        ({"content": _GOOD.content[:-9]}, "batches.content"),
        ({"content": compressed(b"[]\n")}, "batches.content"),
        ({"content": compressed(b'["a","b","c","d","e","f","g"]\n')}, "batches.content"),
        ({"content": compressed(b"{}")}, "batches.content"),
        ({"content": compressed(_contents(name="CP\0"))}, "batches.content"),
        ({"content": compressed(_contents(size=3))}, "batches.content"),
        ({"content": compressed(_contents(size=0.0))}, "batches.content"),
        ({"content": compressed(_contents(of_action="7"))}, "batches.content"),
        ({"content": compressed(_contents(frames=0))}, "batches.content"),
        ({"content": compressed(_contents(exchanges=0))}, "batches.content"),
        ({"content": compressed(_contents(last_us=0))}, "batches.content"),
        ({"content": compressed(_contents(last_us=10**18))}, "batches.content"),
        ({"content": compressed(_contents(exchanges=2001, frames=2001))}, "batches"),
    ],
)
async def test_what_could_not_be_read_again_is_refused(edge: Stub, batch: dict[str, Any], field: str) -> None:
    sent = journal_pb.JournalBatch(**{"id": _GOOD.id, "content": _GOOD.content, **batch})
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await edge.AppendBatches(journal_pb.AppendBatchesRequest(batches=[sent]))
    assert [violation.field for violation in from_rpc_error(caught.value).violations] == [field]


async def test_what_the_disk_has_spoiled_hides_nothing_else(
    edge: Stub, journal: Stub, service: RunningService, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2):
        await edge.AppendBatches(journal_pb.AppendBatchesRequest(batches=[journal_batch([_frame(number)])]))
        await _sort(service)
    async with service.database.transaction() as connection:
        oldest = "(SELECT min(last_time) FROM journal_segments)"
        await connection.execute(text(f"UPDATE journal_segments SET content = 'spoiled' WHERE last_time = {oldest}"))
    assert [found.message_id for found in (await _list(journal)).messages] == ["2"]
    assert "cannot be read" in caplog.text


async def test_what_the_disk_has_spoiled_keeps_nothing_else_from_being_sorted(
    edge: Stub, journal: Stub, service: RunningService, caplog: pytest.LogCaptureFixture
) -> None:
    batches = [journal_batch([_frame(number)]) for number in (1, 2)]
    await edge.AppendBatches(journal_pb.AppendBatchesRequest(batches=batches))
    async with service.database.transaction() as connection:
        spoil = text("UPDATE journal_batches SET content = 'spoiled' WHERE id = CAST(:id AS uuid)")
        await connection.execute(spoil, {"id": batches[0].id})
    assert await _sort(service) == 1
    assert f"batch {batches[0].id} of the journal cannot be sorted" in caplog.text
    assert [found.message_id for found in (await _list(journal)).messages] == ["2"]
    async with service.database.read() as connection:
        kept = await connection.scalars(text("SELECT id::text FROM journal_batches WHERE content IS NOT NULL"))
        assert kept.all() == [batches[0].id]


async def test_journals_that_older_releases_read_are_kept_in_rows(edge: Stub, service: RunningService) -> None:
    """With `ocpp_messages_compressed` off."""
    frames = [_frame(1, answer_kind=Frame.CALL_RESULT, answer_frame="[3]", latency_us=5, note="why"), _frame(2)]
    rows, compressed_ = SqlJournalRows(service.database, SystemClock()), journal_batch(frames, "north")
    await rows.append_batches([batch_of(compressed_)] * 2)
    await rows.close()
    expected = [message_of(frame)._replace(tenant_id="north") for frame in frames]
    async with service.database.read() as connection:
        found = await connection.execute(select(OCPP_MESSAGES).order_by(OCPP_MESSAGES.c.time))
        assert [tuple(row) for row in found] == [_as_row(message) for message in expected]


def _as_row(message: OcppMessage) -> tuple[Any, ...]:
    return tuple(getattr(message, column.name) for column in OCPP_MESSAGES.columns)
