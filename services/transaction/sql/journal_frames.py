"""Frames of one charge point from batches and segments of the journal: only as much is unpacked as a list needs.

A statement sees batches and segments at one moment; what is sorted meanwhile is not missed and not seen twice. So when
one does not bring enough, a larger one begins anew.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.journal.batches import part_in
from services.journal.compression import decompressed
from services.journal.records import Exchange, decoded
from services.journal.segments import WIDEST_US
from services.kernel.clock import microseconds, time_at
from services.postgres.keyset import COUNTED_UP_TO
from services.transaction.domain.message import Direction, MessageFilter, OcppMessage
from services.transaction.mapping.exchanges import answer_in, request_in
from services.transaction.mapping.messages import KINDS, storable

REQUEST, ANSWER = 0, 1
# Time, id of the request, and which of the two frames it is; lists run down by it.
Key = tuple[datetime, str, int]

_SOURCES = f"""
    SELECT id, true AS is_batch, first_time, last_time, frames[array_position(charge_points, :name)] AS frames, content
    FROM journal_batches
    WHERE content IS NOT NULL AND charge_points @> ARRAY[:name] AND first_time <= :until AND last_time >= :since
    UNION ALL
    SELECT id, false, first_time, last_time,
        CASE WHEN :action = '' THEN frames ELSE action_frames[array_position(actions, :action)] END, content
    FROM journal_segments
    WHERE charge_point_id = :name AND first_time <= :until AND last_time >= :since
        AND last_time <= :until + interval '{WIDEST_US} microseconds' AND (:action = '' OR actions @> ARRAY[:action])
"""
# Contents of the newest, until the frames of those that lie wholly before :until are enough.
_NEWEST = text(f"""
SELECT is_batch, last_time, CASE WHEN newer < :enough THEN content END AS content FROM (
    SELECT *, coalesce(sum(frames) FILTER (WHERE last_time <= :until) OVER (
        ORDER BY last_time DESC, id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), 0) AS newer
    FROM (SELECT * FROM ({_SOURCES}) AS source ORDER BY last_time DESC, id DESC LIMIT :most) AS newest
) AS summed ORDER BY last_time DESC, id DESC
""")
# How many frames each has, and its content where that does not say how many are meant.
_COUNTED = text(f"""
SELECT is_batch, frames, CASE
    WHEN :is_narrow OR is_batch AND :action <> '' OR first_time < :since OR last_time > :until THEN content
END AS content FROM ({_SOURCES}) AS source ORDER BY last_time DESC, id DESC LIMIT :most
""")
# Every one has a frame at least.
_SUMMED = text(f"SELECT sum(frames) FROM (SELECT frames FROM ({_SOURCES}) AS source LIMIT {COUNTED_UP_TO}) AS counted")

_BEGINNING, _END = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MOST, _GROWTH = 64, 16
_MARGIN = 32

_log = logging.getLogger(__name__)


class Found(NamedTuple):
    """A frame, with its place in lists."""

    key: Key
    message: OcppMessage


class JournalFrames:
    """The frames in batches and segments, within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def newest(self, narrowing: MessageFilter, after: Key | None, limit: int) -> list[Found]:
        """The first `limit` frames behind `after`, or from the newest on."""
        matches = _Matches(narrowing)
        until = matches.until if after is None else min(matches.until, after[0])
        enough, most = limit + _MARGIN, max(_MOST, limit)
        while True:
            bounds = {**matches.bounds, "until": until, "enough": enough, "most": most}
            rows = (await self._connection.execute(_NEWEST, bounds)).all()
            found: list[tuple[Key, Exchange]] = []
            # What was not looked into is older than this, or as old.
            known_since = rows[-1].last_time if len(rows) == most else None
            for row in rows:
                if row.content is None:
                    known_since = row.last_time
                    break
                found += [(_key(exchange, part), exchange) for exchange, part in matches.within(row, until)]
            found = sorted((one for one in found if after is None or one[0] < after), reverse=True, key=itemgetter(0))
            certain = [one for one in found if known_since is None or one[0][0] > known_since]
            if known_since is None or len(certain) >= limit:
                return [Found(key, matches.message(exchange, key[2])) for key, exchange in certain[:limit]]
            enough, most = enough * _GROWTH, most * _GROWTH

    async def count(self, narrowing: MessageFilter) -> int:
        """How many there are, up to COUNTED_UP_TO."""
        matches = _Matches(narrowing)
        if matches.takes_all:
            return min(await self._connection.scalar(_SUMMED, matches.bounds) or 0, COUNTED_UP_TO)
        most = _MOST
        while True:
            bounds = {**matches.bounds, "is_narrow": matches.is_narrow, "most": most}
            rows = (await self._connection.execute(_COUNTED, bounds)).all()
            total = 0
            for row in rows:
                total += row.frames if row.content is None else sum(1 for _ in matches.within(row, matches.until))
                if total >= COUNTED_UP_TO:
                    return COUNTED_UP_TO
            if len(rows) < most:
                return total
            most *= _GROWTH


class _Matches:
    """Which frames a filter means."""

    def __init__(self, narrowing: MessageFilter) -> None:
        self._narrowing = narrowing
        # So much that no numbers of frames are kept for it.
        self.is_narrow = bool(narrowing.direction or narrowing.kind)
        self.takes_all = not (self.is_narrow or narrowing.action or narrowing.time_from or narrowing.time_to)
        self.since = narrowing.time_from or _BEGINNING
        self.until = narrowing.time_to - _MICROSECOND if narrowing.time_to else _END
        self._since_us = microseconds(self.since)

    @property
    def bounds(self) -> dict[str, Any]:
        """What a statement asks for."""
        narrowing = self._narrowing
        return {
            "name": narrowing.charge_point_id,
            "since": self.since,
            "until": self.until,
            "action": narrowing.action,
        }

    def within(self, row: Row[Any], until: datetime) -> Iterator[tuple[Exchange, int]]:
        """The frames in a batch or segment, up to that time: exchanges, and which of their frames."""
        since_us, until_us = self._since_us, microseconds(until)
        for exchange in _exchanges(row, self._narrowing.charge_point_id):
            if since_us <= exchange.time_us <= until_us:
                for part in self._parts(exchange):
                    yield exchange, part

    def message(self, exchange: Exchange, part: int) -> OcppMessage:
        """A frame as lists show it."""
        message_in = answer_in if part == ANSWER else request_in
        return message_in(self._narrowing.charge_point_id, exchange)

    def _parts(self, exchange: Exchange) -> Sequence[int]:
        both = (REQUEST, ANSWER) if exchange.answer else (REQUEST,)
        if not (self.is_narrow or self._narrowing.action):
            return both
        return [part for part in both if self._takes(exchange, part)]

    def _takes(self, exchange: Exchange, part: int) -> bool:
        narrowing, is_answer = self._narrowing, part == ANSWER
        if narrowing.action and storable(exchange.action) != narrowing.action:
            return False
        direction = Direction.INBOUND if exchange.is_inbound is not is_answer else Direction.OUTBOUND
        if narrowing.direction and narrowing.direction is not direction:
            return False
        kind = exchange.answer_kind if is_answer else exchange.kind
        return narrowing.kind is None or KINDS.get(kind) is narrowing.kind


def _exchanges(row: Row[Any], charge_point_id: str) -> Sequence[Exchange]:
    try:
        content = bytes(row.content)
        return list(decoded(part_in(content, charge_point_id) if row.is_batch else decompressed(content)))
    except ValueError as error:
        # One that the disk has spoiled must not hide all others.
        _log.error("a part of the journal of %s cannot be read: %s", charge_point_id, error)
        return ()


def _key(exchange: Exchange, part: int) -> Key:
    return time_at(exchange.time_us), exchange.id, part
