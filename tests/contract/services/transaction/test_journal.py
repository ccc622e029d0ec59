"""The journal of frames: appended in batches, each frame kept once, listed newest first."""

from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
import pytest

from csms.transaction.v1 import journal_service_pb2 as journal_pb
from csms.transaction.v1 import journal_service_pb2_grpc as journal_grpc
from csms.transaction.v1 import recording_service_pb2_grpc as recording_grpc
from csms.transaction.v1.recording_service_pb2 import RecordTransactionEventsRequest
from services.kernel.ids import new_id
from services.rpc.protobuf import timestamp
from services.rpc.status import from_rpc_error
from tests.contract.services.transaction.reports import NOW
from tests.fixtures.services import RunningService

Frame = journal_pb.OcppMessage


def _frame(number: int, **fields: Any) -> Frame:
    usual: dict[str, Any] = {
        "id": new_id(),
        "charge_point_id": "CP1",
        "epoch": 3,
        "direction": Frame.INBOUND,
        "kind": Frame.CALL,
        "message_id": str(number),
        "action": "Heartbeat",
        "frame": f'[2,"{number}","Heartbeat",{{}}]',
        "time": timestamp(NOW + timedelta(seconds=number)),
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


async def _append(edge: Stub, *frames: Frame) -> None:
    await edge.AppendMessages(journal_pb.AppendMessagesRequest(messages=frames))


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


async def test_frames_come_back_as_they_went_in_newest_first(edge: Stub, journal: Stub) -> None:
    call = _frame(1)
    answer = _frame(2, direction=Frame.OUTBOUND, kind=Frame.CALL_RESULT, latency_us=1500)
    error = _frame(3, kind=Frame.CALL_ERROR, error_code="GenericError", frame='[4,"3","GenericError","é\\n\\t",{}]')
    garbage = _frame(4, kind=Frame.KIND_UNSPECIFIED, message_id="", action="", frame="not \t json \\ \n at all")
    await _append(edge, call, answer, error, garbage)
    assert list((await _list(journal)).messages) == [garbage, error, answer, call]


async def test_a_request_kept_with_its_answer_is_told_as_two_frames(edge: Stub, journal: Stub) -> None:
    fields: dict[str, Any] = {"direction": Frame.OUTBOUND, "answer_kind": Frame.CALL_ERROR}
    both = _frame(1, error_code="GenericError", latency_us=1500, answer_frame="back\\slash\ttab", **fields)
    await _append(edge, _frame(0), both, _frame(2))
    _, answer, request, _ = (await _list(journal)).messages
    assert request == _frame(1, id=both.id, direction=Frame.OUTBOUND)
    assert (answer.direction, answer.kind, answer.frame) == (Frame.INBOUND, Frame.CALL_ERROR, "back\\slash\ttab")
    assert (answer.error_code, answer.latency_us, answer.message_id) == ("GenericError", 1500, "1")
    assert answer.id not in (both.id, "")
    assert answer.time.ToMicroseconds() == both.time.ToMicroseconds() + 1500
    assert list((await _list(journal, kind=Frame.CALL_ERROR)).messages) == [answer]
    assert len((await _list(journal, direction=Frame.INBOUND)).messages) == 3


async def test_pages_may_part_a_request_from_its_answer(edge: Stub, journal: Stub) -> None:
    answered = {"answer_kind": Frame.CALL_RESULT, "answer_frame": "[3]"}
    await _append(edge, *(_frame(n, time=timestamp(NOW), **answered) for n in range(5)))
    found = [message.id for message in await _all_pages(journal)]
    assert len(found) == len(set(found)) == 10


async def test_a_frame_that_is_appended_again_is_kept_once(edge: Stub, journal: Stub) -> None:
    frames = [_frame(n) for n in range(5)]
    await _append(edge, *frames)
    await _append(edge, *frames, _frame(9))
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
    edge: Stub, journal: Stub, fields: dict[str, Any], numbers: list[int]
) -> None:
    answer = _frame(1, direction=Frame.OUTBOUND, kind=Frame.CALL_RESULT)
    await _append(edge, _frame(0), answer, _frame(2, action="MeterValues"), _frame(3))
    assert [int(found.message_id) for found in (await _list(journal, **fields)).messages] == numbers


async def test_pages_hold_every_frame_once(edge: Stub, journal: Stub) -> None:
    same_time = timestamp(NOW)
    await _append(edge, *(_frame(n, time=same_time) for n in range(7)))
    found = [message.message_id for message in await _all_pages(journal)]
    assert sorted(found) == [str(n) for n in range(7)]


async def test_frames_are_counted_up_to_ten_thousand(edge: Stub, journal: Stub) -> None:
    for first in range(0, 10_002, 1667):
        await _append(edge, *(_frame(n) for n in range(first, first + 1667)))
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
        await _append(edge, *frames)
    assert [violation.field for violation in from_rpc_error(caught.value).violations] == [field]


async def test_a_long_frame_is_kept_whole(edge: Stub, journal: Stub) -> None:
    long = _frame(0, frame="x" * 65_536)
    await _append(edge, long)
    assert list((await _list(journal)).messages) == [long]


async def test_a_frame_that_is_no_text_does_not_cost_the_others(edge: Stub, journal: Stub) -> None:
    await _append(edge, _frame(1, frame="a\0b", action="\0"), _frame(2))
    assert [found.frame for found in (await _list(journal)).messages][1] == "a\N{REPLACEMENT CHARACTER}b"


async def test_only_the_platform_writes(service: RunningService, journal: Stub) -> None:
    admin = await service.channel("admin")
    for call in (
        journal_grpc.JournalServiceStub(admin).AppendMessages(journal_pb.AppendMessagesRequest()),
        recording_grpc.RecordingServiceStub(admin).RecordTransactionEvents(RecordTransactionEventsRequest()),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
