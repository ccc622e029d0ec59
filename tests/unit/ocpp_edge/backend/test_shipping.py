"""Frames on their way to the journal: complete, masked, none twice, none for ever in the way."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from csms.transaction.v1.journal_service_pb2 import AppendBatchesRequest, JournalBatch, OcppMessage
from ocpp_edge.backend.journal_rows import in_rows
from ocpp_edge.backend.shipping import Shipper, exchange_of
from ocpp_edge.journal import FrameRecord, Journal
from ocpp_edge.overload import Level, Overload
from ocpp_edge.versions import Version
from services.journal.batches import packed, part_of, unpacked
from services.kernel.errors import DomainError, invalid, unavailable
from services.kernel.ids import is_id
from services.process.stirring import AT_REST_SECONDS
from tests.fixtures.background import eventually, running
from tests.fixtures.journal import exchanges_in

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def record(raw: bytes = b'[2,"1","Heartbeat",{}]', **fields: Any) -> FrameRecord:
    usual = FrameRecord("CP1", 7, Version.V16, True, NOW, 2, "1", "Heartbeat", raw, None, "")
    return usual._replace(**fields)


def written(one: FrameRecord) -> OcppMessage:
    """As older services take it, and as callers see it."""
    batch = JournalBatch(content=packed([part_of(one.charge_point_id, [exchange_of(one, "0" * 12, 1)])]))
    [message] = in_rows([batch]).messages
    return message


class Journals:
    """Takes frames, unless `failures` says what is wrong with the next batch."""

    def __init__(self) -> None:
        self.requests: list[AppendBatchesRequest] = []
        self.batches: list[list[str]] = []
        self.ids: list[str] = []
        self.failures: list[DomainError] = []

    async def append(self, request: AppendBatchesRequest) -> None:
        self.requests.append(request)
        # Numbered as they were taken out; a batch has them by charge point.
        exchanges = sorted((one for _, one in exchanges_in(request.batches)), key=lambda one: one.number)
        self.batches.append([exchange.message_id for exchange in exchanges])
        self.ids += [exchange.id for exchange in exchanges]
        if self.failures:
            raise self.failures.pop(0)


def shipper(journals: Journals, *records: FrameRecord) -> Shipper:
    journal = Journal()
    for one in records:
        journal.append(one)
    return Shipper(journal, journals.append, Overload())


def test_a_frame_is_kept_with_all_that_is_known_of_it() -> None:
    message = written(record(inbound=False, message_type=3, latency_us=1500))
    assert is_id(message.id)
    assert (message.charge_point_id, message.epoch, message.protocol) == ("CP1", 7, "ocpp1.6")
    assert (message.direction, message.kind, message.message_id) == (OcppMessage.OUTBOUND, OcppMessage.CALL_RESULT, "1")
    assert (message.action, message.frame, message.latency_us) == ("Heartbeat", '[2,"1","Heartbeat",{}]', 1500)
    assert (message.time.ToJsonString(), message.error_code) == ("2026-03-01T12:00:00Z", "")


@pytest.mark.parametrize(
    ("message_type", "kind", "error_code"),
    [
        (0, OcppMessage.KIND_UNSPECIFIED, "Why"),
        (2, OcppMessage.CALL, ""),
        (4, OcppMessage.CALL_ERROR, "Why"),
        (5, OcppMessage.CALL_ERROR, "Why"),
        (6, OcppMessage.SEND, "Why"),
    ],
)
def test_error_codes_belong_to_errors(message_type: int, kind: OcppMessage.Kind.ValueType, error_code: str) -> None:
    message = written(record(message_type=message_type, outcome="Why"))
    assert (message.kind, message.error_code, message.direction) == (kind, error_code, OcppMessage.INBOUND)


def test_what_no_text_column_holds_is_replaced() -> None:
    assert written(record(b"\xff\x00garbage")).frame == "\ufffd\ufffdgarbage"


def test_a_very_long_frame_is_cut() -> None:
    assert len(written(record(b"x" * 100_000)).frame) == 64 * 1024


def test_passwords_do_not_get_this_far() -> None:
    raw = b'[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"secret"}]'
    assert "secret" not in written(record(raw)).frame


async def test_what_waits_is_shipped_in_order() -> None:
    journals = Journals()
    await shipper(journals, *(record(message_id=str(number)) for number in range(3))).flush()
    assert journals.batches == [["0", "1", "2"]]


async def test_a_batch_holds_no_more_than_a_call_carries() -> None:
    journals = Journals()
    many = [record(b"x" * 60_000, message_id=str(number)) for number in range(100)]
    await shipper(journals, *many).flush()
    assert len(journals.batches) > 1
    assert [number for batch in journals.batches for number in batch] == [str(number) for number in range(100)]


async def test_others_have_their_turn_while_a_batch_is_prepared() -> None:
    journals, turns = Journals(), 0

    async def count_turns() -> None:
        nonlocal turns
        while not journals.batches:
            turns += 1
            await asyncio.sleep(0)

    async with running(count_turns()):
        await asyncio.sleep(0)
        turns = 0
        await shipper(journals, *(record() for _ in range(400))).flush()

    assert [len(batch) for batch in journals.batches] == [400]
    assert turns >= 400 // 40


async def test_what_was_taken_out_when_the_shipping_was_cancelled_is_shipped_by_the_next() -> None:
    journals = Journals()
    one = shipper(journals, *(record(message_id=str(number)) for number in range(100)))
    first = asyncio.create_task(one.flush())
    await asyncio.sleep(0)
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    assert not journals.batches

    await one.flush()
    assert [number for batch in journals.batches for number in batch] == [str(number) for number in range(100)]


async def test_what_was_not_taken_is_sent_again_under_the_same_id() -> None:
    journals = Journals()
    journals.failures = [unavailable("the transaction service is down")]
    one = shipper(journals, record())
    with pytest.raises(DomainError):
        await one.flush()
    await one.flush()
    assert journals.batches == [["1"], ["1"]]
    assert len(set(journals.ids)) == 1
    assert journals.requests[0] == journals.requests[1]


async def test_each_tenant_has_a_batch_in_which_frames_lie_by_charge_point() -> None:
    journals = Journals()
    names = ["CP1", "CP2", "CP1"]
    many = [record(charge_point_id=name, tenant_id=tenant) for tenant in ("", "north") for name in names]
    await shipper(journals, *many).flush()
    [request] = journals.requests
    assert [batch.tenant_id for batch in request.batches] == ["", "north"]
    for batch in request.batches:
        parts = [part for part, _ in unpacked(batch.content)]
        assert [(part.charge_point_id, part.exchanges) for part in parts] == [("CP1", 2), ("CP2", 1)]
    assert len({batch.id for batch in request.batches}) == 2
    assert len(set(journals.ids)) == 6


async def test_frames_that_are_refused_do_not_hold_up_the_others() -> None:
    journals = Journals()
    journals.failures = [invalid("messages", "are bad")]
    many = [record(b"x" * 60_000, message_id=str(number)) for number in range(100)]
    await shipper(journals, *many).flush()
    assert journals.batches[0][0] == "0"
    assert journals.batches[-1][-1] == "99"
    assert len(journals.ids) == len(set(journals.ids)) == 100


async def test_frames_wait_while_the_journal_is_shed_and_the_oldest_are_forgotten() -> None:
    journals, journal, overload = Journals(), Journal(max_records=3), Overload()
    before = journal.forgotten.value
    overload.level = Level.JOURNAL
    async with running(Shipper(journal, journals.append, overload).run()):
        for number in range(5):
            journal.append(record(message_id=str(number)))
        await asyncio.sleep(0)
        assert len(journal) == 3
        assert journal.forgotten.value - before == 2
        assert not journals.batches
        overload.level = Level.NOTHING
        await eventually(lambda: _shipped(journals))
    assert journals.batches == [["2", "3", "4"]]


async def test_a_frame_that_comes_while_nothing_is_to_be_shipped_does_not_wait() -> None:
    journals = Journals()
    shipping = shipper(journals)
    loop = asyncio.get_running_loop()
    async with running(shipping.run()):
        await asyncio.sleep(0.1)
        began = loop.time()
        for number in range(2):
            shipping.take_in(record(message_id=str(number)))
            await eventually(partial(_shipped, journals, 1 + number))
        assert loop.time() - began < AT_REST_SECONDS / 2
    assert journals.batches == [["0"], ["1"]]


async def _shipped(journals: Journals, count: int = 1) -> bool:
    return len(journals.batches) >= count
