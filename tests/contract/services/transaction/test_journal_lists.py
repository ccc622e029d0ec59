"""Lists of the journal unpack as little as they can, and show what a list would that unpacks everything.

The slow, obvious way stands here: every frame of everything that was appended, filtered, sorted and cut into pages.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from csms.transaction.v1.journal_service_pb2 import OcppMessage as Frame
from services.kernel.clock import SystemClock
from services.kernel.pagination import page_request
from services.postgres.database import Database
from services.rpc.protobuf import timestamp
from services.transaction.domain.message import Direction, MessageFilter, MessageKind, OcppMessage
from services.transaction.mapping.exchanges import batch_of
from services.transaction.mapping.messages import message_of
from services.transaction.sql.journal_batches import SqlJournalBatches
from services.transaction.sql.messages import SqlMessageRepository
from tests.fixtures.journal import frame_id, journal_batch
from tests.fixtures.properties import examples
from tests.fixtures.services import RunningService

_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_OTHER = {Direction.INBOUND: Direction.OUTBOUND, Direction.OUTBOUND: Direction.INBOUND}


@dataclass
class _Appended:
    """What was appended: in rows or in a batch, after which it is sorted or not."""

    frames: Sequence[Frame]
    is_batch: bool
    is_sorted: bool


@st.composite
def _journals(draw: st.DrawFn) -> list[_Appended]:
    number, found = 0, []
    # Some are far apart, as those that waited for hours; many are of the same moment.
    moments = st.one_of(st.integers(0, 3), st.sampled_from([60, 30_000, 90_000]))
    for _ in range(draw(st.integers(1, 8))):
        frames = []
        for _ in range(draw(st.integers(1, 12))):
            number += 1
            frames.append(draw(_frames(number, draw(moments))))
        found.append(_Appended(frames, draw(st.integers(0, 3)) > 0, draw(st.booleans())))
    return found


@st.composite
def _frames(draw: st.DrawFn, number: int, seconds: int) -> Frame:
    time = timestamp(_NOW - timedelta(seconds=seconds))
    is_answered = draw(st.booleans())
    answer = draw(st.sampled_from([Frame.CALL_RESULT, Frame.CALL_ERROR])) if is_answered else Frame.KIND_UNSPECIFIED
    alone = st.sampled_from([Frame.KIND_UNSPECIFIED, Frame.CALL, Frame.SEND])
    return Frame(
        id=frame_id(time, number),
        charge_point_id=draw(st.sampled_from(["CP1", "CP1", "CP2"])),
        direction=draw(st.sampled_from([Frame.INBOUND, Frame.OUTBOUND])),
        kind=Frame.CALL if is_answered else draw(alone),
        message_id=str(number),
        action=draw(st.sampled_from(["Heartbeat", "MeterValues", ""])),
        frame=f"[2,{number}]",
        time=time,
        latency_us=1500,
        error_code=draw(st.sampled_from(["", "GenericError"])),
        protocol="ocpp1.6",
        note=draw(st.sampled_from(["", "why"])),
        answer_kind=answer,
        answer_frame="[3]" if is_answered else "",
    )


_FILTERS = st.builds(
    MessageFilter,
    charge_point_id=st.just("CP1"),
    action=st.sampled_from(["", "Heartbeat", "BootNotification"]),
    direction=st.sampled_from([None, *Direction]),
    kind=st.sampled_from([None, None, *MessageKind]),
    time_from=st.sampled_from([None, _NOW - timedelta(seconds=2), _NOW - timedelta(hours=9)]),
    time_to=st.sampled_from([None, _NOW - timedelta(seconds=1), _NOW - timedelta(seconds=60)]),
)
_NO_FILTER = MessageFilter(charge_point_id="CP1")


@dataclass
class _Slow:
    """The slow way."""

    rows: list[OcppMessage] = field(default_factory=list)

    def list(self, narrowing: MessageFilter) -> list[OcppMessage]:
        found = [
            (row.time, row.id, part, message)
            for row in self.rows
            for part, message in enumerate(_told(row))
            if _takes(narrowing, row, message)
        ]
        return [message for *_, message in sorted(found, key=lambda one: one[:3], reverse=True)]


def _told(row: OcppMessage) -> Iterator[OcppMessage]:
    plain = row._replace(answer_kind=None, answer_frame=None)
    if row.answer_frame is None:
        yield plain
        return
    yield plain._replace(error_code="", latency_us=0, note=None)
    yield plain._replace(
        id=f"{row.id[:-1]}{int(row.id[-1], 16) ^ 1:x}",
        time=row.time + timedelta(microseconds=row.latency_us),
        direction=_OTHER[row.direction],
        kind=row.answer_kind,
        frame=row.answer_frame,
    )


def _takes(narrowing: MessageFilter, row: OcppMessage, message: OcppMessage) -> bool:
    return (
        row.charge_point_id == narrowing.charge_point_id
        and narrowing.action in ("", row.action)
        and narrowing.direction in (None, message.direction)
        and narrowing.kind in (None, message.kind)
        and (narrowing.time_from is None or row.time >= narrowing.time_from)
        and (narrowing.time_to is None or row.time < narrowing.time_to)
    )


async def _fast(database: Database, narrowing: MessageFilter, size: int) -> tuple[list[OcppMessage], set[int]]:
    """All pages, and what they say how many there are."""
    found: list[OcppMessage] = []
    totals, token = set(), ""
    while True:
        async with database.read() as connection:
            page = await SqlMessageRepository(connection).page(narrowing, page_request(size, token))
        found += page.items
        totals.add(page.total_size)
        token = page.next_token
        if not token:
            return found, totals
        assert len(page.items) == size


async def _append(database: Database, journal: Sequence[_Appended]) -> _Slow:
    slow, batches = _Slow(), SqlJournalBatches(database, SystemClock())
    async with database.transaction() as connection:
        await connection.execute(text("TRUNCATE ocpp_messages, journal_batches, journal_segments"))
    for one in journal:
        slow.rows += map(message_of, one.frames)
        if one.is_batch:
            await batches.append_batches([batch_of(journal_batch(one.frames))])
        else:
            await batches.append(list(map(message_of, one.frames)))
        if one.is_sorted:
            await batches.sort()
    await batches.close()
    return slow


_SETTINGS: dict[str, Any] = {"suppress_health_check": [HealthCheck.function_scoped_fixture]}


@settings(max_examples=examples(1), **_SETTINGS)
@given(journal=_journals(), narrowing=st.one_of(st.just(_NO_FILTER), _FILTERS), size=st.sampled_from([1, 3, 250]))
async def test_lists_show_what_a_look_at_everything_shows(
    service: RunningService, journal: list[_Appended], narrowing: MessageFilter, size: int
) -> None:
    slow = await _append(service.database, journal)
    expected = slow.list(narrowing)
    assert await _fast(service.database, narrowing, size) == (expected, {len(expected)})


@settings(max_examples=examples(0.25), **_SETTINGS)
@given(journal=_journals(), size=st.sampled_from([1, 3, 250]))
async def test_what_an_older_and_a_newer_service_have_is_shown_once(
    service: RunningService, journal: list[_Appended], size: int
) -> None:
    """An edge whose call got no answer may have asked another service the next time, one that knows no batches."""
    expected = (await _append(service.database, journal)).list(_NO_FILTER)
    again = [replace(one, is_batch=False) for one in journal if one.is_batch]
    batches = SqlJournalBatches(service.database, SystemClock())
    for one in again:
        await batches.append(list(map(message_of, one.frames)))
    await batches.close()
    found, _ = await _fast(service.database, _NO_FILTER, size)
    assert found == expected


async def test_a_long_journal_is_paged_to_its_end(service: RunningService) -> None:
    """More segments than one statement looks at, and frames of which few match."""

    def frames(first: int) -> list[Frame]:
        made = []
        for number in range(first, first + 10):
            time = timestamp(_NOW - timedelta(seconds=number))
            about = Frame(direction=Frame.INBOUND, kind=Frame.CALL, action="Heartbeat" if number % 97 else "Rare")
            about.MergeFrom(Frame(id=frame_id(time, number), charge_point_id="CP1", time=time))
            made.append(about)
        return made

    slow = await _append(service.database, [_Appended(frames(first), True, True) for first in range(0, 3000, 10)])
    for narrowing in (_NO_FILTER, replace(_NO_FILTER, action="Rare"), replace(_NO_FILTER, kind=MessageKind.CALL)):
        expected = slow.list(narrowing)
        assert await _fast(service.database, narrowing, 7) == (expected, {len(expected)})
