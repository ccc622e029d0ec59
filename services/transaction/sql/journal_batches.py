"""Batches of the journal as they come, and how they are sorted into segments by charge point."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta

from services.journal.batches import Part, unpacked
from services.journal.segments import Segment, segments_of
from services.kernel.clock import Clock, microseconds, time_at
from services.kernel.ids import id_at, new_id
from services.postgres.database import Database, RawConnection, bare
from services.postgres.recordset import array, text_array
from services.transaction.domain.journal_batch import MOST_SORTED, JournalBatch
from services.transaction.mapping.exchanges import rows_of
from services.transaction.mapping.messages import storable
from services.transaction.sql.messages import SqlJournal

_INSERT = b"""
INSERT INTO journal_batches (id, tenant_id, first_time, last_time, exchanges, charge_points, frames, content)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_LOCK = b"SELECT pg_try_advisory_xact_lock(hashtext('journal sorting'))"
# In the order of their ids, which is about that in which they came.
_WAITING = b"""
SELECT id::text, tenant_id, exchanges, content FROM (
    SELECT *, sum(exchanges) OVER (ORDER BY id) - exchanges AS before FROM journal_batches WHERE content IS NOT NULL
) AS waiting WHERE before < %s ORDER BY id
"""
_INSERT_SEGMENTS = b"""
INSERT INTO journal_segments (tenant_id, charge_point_id, last_time, id, first_time, frames, actions,
    action_frames, content)
SELECT a, b, c, d, e, f, g::text[], h::integer[], i FROM unnest(
    %s::text[], %s::text[], %s::timestamptz[], %s::uuid[], %s::timestamptz[], %s::integer[], %s::text[], %s::text[],
    %b::bytea[]
) AS segment (a, b, c, d, e, f, g, h, i)
"""
_EMPTY = b"UPDATE journal_batches SET content = NULL, charge_points = '{}', frames = '{}' WHERE id = ANY(%s::uuid[])"
# Ids begin with the time at which they were made.
_FORGET = b"DELETE FROM journal_batches WHERE content IS NULL AND id < %s"
_KNOWN_FOR = timedelta(days=1)
_SEGMENTS_AT_ONCE = 500
# Whoever waits for an answer meanwhile waits no longer than that.
_TURN_SECONDS = 0.002

_Of = tuple[str, str]

_log = logging.getLogger(__name__)


class SqlJournalBatches(SqlJournal):
    """Satisfies ports.Journal and ports.JournalSorting."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database)
        self._database = database
        self._clock = clock

    async def append_batches(self, batches: Sequence[JournalBatch]) -> None:
        if not batches:
            return
        async with self._connection.round_trips() as trips:
            await trips.run(*((_INSERT, _values(batch)) for batch in batches))

    async def sort(self) -> int:
        async with self._database.transaction() as transaction:
            connection = await bare(transaction)
            locked = await (await connection.execute(_LOCK)).fetchone()
            if locked != (True,):
                return 0
            cursor = await connection.cursor(binary=True).execute(_WAITING, (MOST_SORTED,))
            batches = await cursor.fetchall()
            turn = _Turn()
            parts: dict[_Of, list[tuple[Part, memoryview]]] = defaultdict(list)
            taken: dict[str, int] = {}
            for batch_id, tenant_id, exchanges, content in batches:
                for part, records in _parts_of(batch_id, content):
                    parts[tenant_id, part.charge_point_id].append((part, records))
                    taken[batch_id] = exchanges
                await turn.over()
            await self._store(connection, parts, turn)
            await connection.execute(_EMPTY, (list(taken),))
            oldest = microseconds(self._clock.now() - _KNOWN_FOR)
            await connection.execute(_FORGET, (id_at(oldest, 0),))
            return sum(taken.values())

    async def _store(
        self, connection: RawConnection, parts: Mapping[_Of, Sequence[tuple[Part, memoryview]]], turn: "_Turn"
    ) -> None:
        made: list[tuple[_Of, Segment]] = []
        for whose in sorted(parts):
            for segment in segments_of(parts[whose]):
                made.append((whose, segment))
                await turn.over()
            if len(made) >= _SEGMENTS_AT_ONCE:
                await _insert(connection, made)
                made = []
        if made:
            await _insert(connection, made)


class SqlJournalRows(SqlJournalBatches):
    """Satisfies ports.Journal by rows, which releases before 0.3.0 can read."""

    async def append_batches(self, batches: Sequence[JournalBatch]) -> None:
        for batch in batches:
            await self.append(rows_of(batch))


class _Turn:
    """Lets others have theirs now and then."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    async def over(self) -> None:
        if time.perf_counter() - self._began > _TURN_SECONDS:
            await asyncio.sleep(0)
            self._began = time.perf_counter()


def _parts_of(batch_id: str, content: bytes) -> Sequence[tuple[Part, memoryview]]:
    try:
        return unpacked(content)
    except ValueError as error:
        # One that the disk has spoiled must not keep all others waiting. It stays: a newer release may read it.
        _log.error("batch %s of the journal cannot be sorted: %s", batch_id, error)
        return ()


def _values(batch: JournalBatch) -> Sequence[str]:
    return (
        batch.id,
        batch.tenant_id,
        batch.first_time.isoformat(),
        batch.last_time.isoformat(),
        str(batch.exchanges),
        text_array(batch.charge_points),
        array(batch.frames),
        f"\\x{batch.content.hex()}",
    )


async def _insert(connection: RawConnection, made: Sequence[tuple[_Of, Segment]]) -> None:
    segments = [segment for _, segment in made]
    await connection.execute(
        _INSERT_SEGMENTS,
        (
            [tenant_id for (tenant_id, _), _ in made],
            [charge_point_id for (_, charge_point_id), _ in made],
            [time_at(segment.last_us) for segment in segments],
            [new_id() for _ in segments],
            [time_at(segment.first_us) for segment in segments],
            [segment.frames for segment in segments],
            [text_array(map(storable, segment.actions)) for segment in segments],
            [array(segment.actions.values()) for segment in segments],
            [segment.content for segment in segments],
        ),
    )
