"""Records what charge points tell of their transactions, many events in one commit.

Two ways: readings of running transactions are stored without a look at the transactions; whatever may change a
transaction goes through a recording. Neither waits for the other, and a bad event fails alone.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Generic, NamedTuple, TypeVar

from services.kernel.clock import Clock
from services.kernel.errors import DomainError, ErrorKind
from services.process import tracing
from services.process.batching import Batcher
from services.transaction.domain.batch import Kept, KeyedEvent, keyed, needs_of, questioned, stray_ends, undated_updates
from services.transaction.domain.concurrency import Concurrency
from services.transaction.domain.fact import Authorization, TransactionEvent
from services.transaction.domain.reading import MeterReport, Placed
from services.transaction.domain.recording import Recording
from services.transaction.ports import MeterStore, RecordingUnitOfWork, RecordingUnitsOfWork, Report

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

# Events of one transaction: enough to spread its cost, few enough to be answered within some ten milliseconds.
_CHUNK = 256
_MOST_WAITING_CHUNKS = 400
_USUAL_RULES = Concurrency()
# Readings that are older say nothing of what runs.
LOOK_BACK = timedelta(days=3)
_PASSING = (ErrorKind.UNAVAILABLE, ErrorKind.DEADLINE_EXCEEDED)

_log = logging.getLogger(__name__)


class Recorded(NamedTuple):
    """The answer to one event; see csms.transaction.v1.TransactionEventAnswer."""

    transaction_id: str
    ocpp_transaction_id: str
    authorization: Authorization | None = None
    duplicate: bool = False
    authorization_reason: str = ""


class Recorder:
    """Records batches of events. Made inside the running event loop that it works in."""

    def __init__(
        self, meters: MeterStore, recordings: RecordingUnitsOfWork, clock: Clock, rules: Concurrency = _USUAL_RULES
    ) -> None:
        self._meters = meters
        self._rules = rules
        self._recordings = recordings
        self._clock = clock
        self._meter_batcher = _batcher("meter values", self._store)
        self._transaction_batcher = _batcher("transaction events", self._record)

    async def record(self, reports: Sequence[Report]) -> list[Recorded | DomainError]:
        """Record events; the answers, in order, are given when everything is committed that will be."""
        answers: list[Recorded | DomainError | None] = [None] * len(reports)
        meters: list[tuple[int, MeterReport]] = []
        events: list[tuple[int, KeyedEvent]] = []
        for position, report in enumerate(reports):
            try:
                readings = report.meter_report()
                if readings is None:
                    events.append((position, keyed(report.event())))
                else:
                    meters.append((position, readings))
            except DomainError as error:
                answers[position] = error
        metered = {report.charge_point_id for _, report in meters}
        # An end counts the readings that came with it: it has to find them stored.
        after = [item for item in events if item[1].event.charge_point_id in metered]
        at_once = [item for item in events if item[1].event.charge_point_id not in metered] if after else events
        placed = await self._both(meters, at_once, answers)
        await self._answer([*after, *self._late(reports, meters, placed, answers)], answers)
        return [answer for answer in answers if answer is not None]

    async def _both(
        self,
        meters: list[tuple[int, MeterReport]],
        events: list[tuple[int, KeyedEvent]],
        answers: list[Recorded | DomainError | None],
    ) -> Sequence[Placed | DomainError]:
        """Store readings, and answer events beside it: a task costs as much as a message, and most calls have one."""
        readings = [item for _, item in meters]
        if meters and events:
            placed, _ = await asyncio.gather(_through(self._meter_batcher, readings), self._answer(events, answers))
            return placed
        await self._answer(events, answers)
        return await _through(self._meter_batcher, readings)

    async def close(self) -> None:
        """Refuse new events and return when those that wait are recorded."""
        await self._meter_batcher.close()
        await self._transaction_batcher.close()

    async def _answer(self, events: list[tuple[int, KeyedEvent]], answers: list[Recorded | DomainError | None]) -> None:
        if not events:
            return
        results = await _through(self._transaction_batcher, [item for _, item in events])
        for (position, _), result in zip(events, results, strict=True):
            answers[position] = result

    def _late(
        self,
        reports: Sequence[Report],
        meters: list[tuple[int, MeterReport]],
        placed: Sequence[Placed | DomainError],
        answers: list[Recorded | DomainError | None],
    ) -> list[tuple[int, KeyedEvent]]:
        """Answer the readings that are stored; the others become events of the transactions they belong to."""
        late: list[tuple[int, KeyedEvent]] = []
        for (position, _), place in zip(meters, placed, strict=True):
            if isinstance(place, DomainError):
                answers[position] = place
            elif place.is_stored:
                answers[position] = Recorded(place.transaction_id, place.ocpp_transaction_id)
            else:
                try:
                    late.append((position, keyed(_named(reports[position].event(), place.ocpp_transaction_id))))
                except DomainError as error:
                    answers[position] = error
        return late

    async def _store(self, reports: Sequence[MeterReport]) -> Sequence[Placed]:
        return await self._meters.store(reports)

    async def _record(self, batch: Sequence[KeyedEvent]) -> Sequence[Recorded]:
        needs = needs_of(batch, self._rules)
        async with self._recordings() as work:
            stored, numbers = await work.load(needs)
            kept: Mapping[str, Kept] = {}
            if strays := stray_ends(batch, stored):
                candidates, kept = await work.candidates(strays)
                stored = [*stored, *candidates]
            undated, asked = undated_updates(batch), questioned(batch, stored, self._rules)
            now = self._clock.now()
            # Hardly ever: what has no time of its own, tokens that may be in use elsewhere, transactions that are lost.
            updates = await work.first_reports(undated) if undated else {}
            read = await work.last_read(asked, now - LOOK_BACK, now) if asked else {}
            recording = Recording(stored, numbers, now, updates, self._rules, read, kept)
            answers = [recording.record(item) for item in batch]
            fresh = await completed(work, recording)
        seen: set[str] = set()
        results: list[Recorded] = []
        for key, transaction_id, ocpp_transaction_id, authorization, reason in answers:
            is_duplicate = key in seen or key not in fresh
            seen.add(key)
            results.append(Recorded(transaction_id, ocpp_transaction_id, authorization, is_duplicate, reason))
        return results


async def completed(work: RecordingUnitOfWork, recording: Recording) -> set[str]:
    """Commit a recording; returns the keys of its facts that are new."""
    over, outlasting = recording.over(), recording.outlasting()
    if not (over or outlasting):
        return await work.commit(recording.outcome({}), recording.facts)
    # Their energy is settled with all their readings, these included.
    fresh, registers = await work.store(recording.facts, over or outlasting)
    if outlasting and await work.adopt_from_outside(outlasting) and over:
        registers = await work.registers(over)
    await work.commit(recording.outcome(registers), [])
    return fresh


def _named(event: TransactionEvent, ocpp_transaction_id: str) -> TransactionEvent:
    return event.of_transaction(ocpp_transaction_id) if event.names_no_transaction else event


class _Chunk(NamedTuple, Generic[_Item]):
    """Items of one call, and where in a trace they come from."""

    items: Sequence[_Item]
    origin: tracing.Origin | None


_Batcher = Batcher[_Chunk[_Item], Sequence[_Result | DomainError]]


def _batcher(name: str, commit: Callable[[Sequence[_Item]], Awaitable[Sequence[_Result]]]) -> _Batcher[_Item, _Result]:
    """Merges the chunks of several calls into one `commit` at a time."""
    span_name = f"commit {name}"

    async def send(chunks: list[_Chunk[_Item]]) -> list[Sequence[_Result | DomainError] | Exception]:
        items = [item for chunk in chunks for item in chunk.items]
        with tracing.span(span_name, links=(chunk.origin for chunk in chunks)) as span:
            results = await _isolating(commit, items)
            span.note({"csms.items": len(items), "csms.calls": len(chunks)})
        answers: list[Sequence[_Result | DomainError] | Exception] = []
        start = 0
        for chunk in chunks:
            answers.append(results[start : start + len(chunk.items)])
            start += len(chunk.items)
        return answers

    return Batcher(
        send,
        max_items=_CHUNK,
        max_queue=_MOST_WAITING_CHUNKS,
        # The edge has gathered them already.
        linger_seconds=0,
        size_of=_size,
        max_bytes=2 * _CHUNK,
        name=name,
    )


async def _through(batcher: _Batcher[_Item, _Result], items: Sequence[_Item]) -> list[_Result | DomainError]:
    """What becomes of `items` in order."""
    if len(items) <= _CHUNK:
        return list(await _outcome(batcher, items)) if items else []
    chunks = [items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK)]
    outcomes = await asyncio.gather(*(_outcome(batcher, chunk) for chunk in chunks))
    return [result for outcome in outcomes for result in outcome]


async def _outcome(batcher: _Batcher[_Item, _Result], chunk: Sequence[_Item]) -> Sequence[_Result | DomainError]:
    try:
        return await batcher.submit(_Chunk(chunk, tracing.here()))
    except DomainError as error:
        return [error] * len(chunk)


def _size(chunk: _Chunk[_Item]) -> int:
    return len(chunk.items)


async def _isolating(
    commit: Callable[[Sequence[_Item]], Awaitable[Sequence[_Result]]], items: Sequence[_Item], *, again: bool = False
) -> Sequence[_Result | DomainError]:
    """Commit `items` together or, when one of them is at fault, those that can be: halves of halves, until it is alone.

    Raises: UNAVAILABLE, DEADLINE_EXCEEDED when no item is at fault.
    """
    try:
        return await commit(items)
    except Exception as error:  # which item it was, and whether it was one, is found out here
        if isinstance(error, DomainError) and error.kind in _PASSING:
            raise
        if len(items) == 1 and (again or isinstance(error, DomainError)):
            return [_failure(error)]
    if len(items) == 1:
        # Perhaps it was the moment, not the item: a partition was attached, for example.
        return await _isolating(commit, items, again=True)
    half = len(items) // 2
    return [*await _isolating(commit, items[:half]), *await _isolating(commit, items[half:])]


def _failure(error: Exception) -> DomainError:
    if isinstance(error, DomainError):
        return error
    _log.error("an event cannot be recorded", exc_info=error)
    return DomainError(ErrorKind.INTERNAL, "INTERNAL", "internal error")
