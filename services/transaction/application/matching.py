"""Looks again at ends and readings that named no session, whenever more is known of their charge points.

Recordings place them at once where they can; what was told in another order is put right here, seconds later, off the
path of charge points.
"""

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from services.kernel.clock import Clock
from services.kernel.errors import DomainError
from services.process.heartbeats import repeat
from services.transaction.domain.fact import Fact
from services.transaction.domain.matching import (
    Doubt,
    Known,
    Late,
    Move,
    Span,
    around,
    is_whole,
    outcome,
    reading_moves,
    rebuilt,
    rule_moves,
)
from services.transaction.domain.places import LONGEST_SESSION
from services.transaction.domain.session import Session
from services.transaction.ports import MatchingUnitOfWork, MatchingUnitsOfWork, UnitsOfWork

_NAME = "ends without a session"
_LOOK_SECONDS = 5.0
# Commits do not become visible in the order of their times: look back further than any of them takes.
_OVERLAP = timedelta(seconds=30)
_FIRST_LOOK_BACK = timedelta(days=30)
_AT_ONCE = 200

_log = logging.getLogger(__name__)

Choose = Callable[[Sequence[Known]], Sequence[Move]]


class Matcher:
    """Places ends anew. Idempotent, and harmless beside recordings and other replicas."""

    def __init__(self, units_of_work: UnitsOfWork, matchings: MatchingUnitsOfWork, clock: Clock) -> None:
        self._units_of_work = units_of_work
        self._matchings = matchings
        self._clock = clock
        # What the last look has seen: most of it is found once more.
        self._seen: set[Doubt] = set()
        # How the matchings of the present look ended; None for those that went well.
        self._ended: list[Exception | None] = []

    async def run(self) -> None:
        """Look every few seconds until cancelled; waits out what is away."""
        await repeat(self._look, _LOOK_SECONDS)

    async def _look(self) -> float:
        await self.look()
        return _LOOK_SECONDS

    async def look(self) -> int:
        """Look at every charge point where something changed since the last time; how many facts moved.

        Raises: what the first matching raised when none went well; that is hardly the fault of one charge point.
        """
        now, self._ended = self._clock.now(), []
        async with self._units_of_work() as work:
            until = await work.reconciled_until(_NAME)
        since = (until or now - _FIRST_LOOK_BACK) - _OVERLAP
        moved = await self._look_at_ends(since) + await self._look_at_readings(since)
        async with self._units_of_work() as work:
            await work.note_reconciled(_NAME, now)
        if self._ended and self._ended[0] is not None and None not in self._ended:
            raise self._ended[0]
        return moved

    async def _look_at_ends(self, since: datetime) -> int:
        moved, after, seen = 0, "", set[Doubt]()
        while True:
            async with self._units_of_work() as work:
                found = await work.transactions.doubtful(since, after, _AT_ONCE)
            for doubt in found:
                if doubt not in self._seen:
                    moved += await self._alone(doubt.charge_point_id, self.match(doubt.charge_point_id, doubt.span))
            seen.update(found)
            if len(found) < _AT_ONCE:
                break
            after = found[-1].charge_point_id
        self._seen = seen
        return moved

    async def _look_at_readings(self, since: datetime) -> int:
        moved, after, is_last = 0, "", False
        while not is_last:
            async with self._units_of_work() as work:
                late, after = await work.transactions.late(since, after, _AT_ONCE)
            by_charge_point: defaultdict[str, list[Late]] = defaultdict(list)
            for one in late:
                by_charge_point[one.charge_point_id].append(one)
            for name, sessions in by_charge_point.items():
                moved += await self._alone(name, self._match_readings(name, sessions))
            is_last = not after
        return moved

    async def match(self, charge_point_id: str, around: Span) -> int:
        """Place the ends anew that what happened `around` that time may concern; how many facts moved."""
        # An end may mean a session that began long before it, and others may have begun in between.
        span = Span(around.first, around.last + LONGEST_SESSION)
        return await self.move(charge_point_id, span, lambda known: rule_moves(known, span))

    async def move(self, charge_point_id: str, span: Span, choose: Choose) -> int:
        """Move what `choose` says of the sessions of a charge point, to or from those of `span`, in one commit; how
        many facts those were. Nothing is chosen from sessions whose facts are not all there any more."""
        async with self._matchings() as work:
            known = await work.known(charge_point_id, Span(span.first - LONGEST_SESSION, span.last))
            known = [one if is_whole(one) else Known(one.session) for one in known]
            moves = choose(known)
            if moves:
                await self._carry_out(work, known, moves)
        if moves:
            _log.info("moved %d facts between sessions of %s", len(moves), charge_point_id)
        return len(moves)

    async def _match_readings(self, charge_point_id: str, late: Sequence[Late]) -> int:
        """Give sessions that were told of late the readings that were told before; how many facts moved for that."""
        first, last = (min(one.span.first for one in late), max(one.span.last for one in late))
        async with self._matchings() as work:
            known = await work.known(charge_point_id, Span(first - LONGEST_SESSION, last))
            known = [one if is_whole(one) else Known(one.session) for one in known]
            moves = reading_moves(known)
            if moves:
                # What else is late is found again by the next look.
                await self._carry_out(work, known, moves)
            elif sessions := around(known, {one.session_id for one in late}):
                changed = await work.adopt_readings(sessions)
                await self._settle(work, known, [one for one in sessions if one.id in changed], [])
        return len(moves)

    async def _carry_out(self, work: MatchingUnitOfWork, known: Sequence[Known], moves: Sequence[Move]) -> None:
        sessions, concluded = rebuilt(known, moves)
        await work.move(moves)
        await work.adopt_readings([session for session in sessions if session.start_time is not None])
        await self._settle(work, known, sessions, concluded)

    async def _settle(
        self, work: MatchingUnitOfWork, known: Sequence[Known], sessions: Sequence[Session], concluded: Sequence[Fact]
    ) -> None:
        """Commit sessions with what their facts and readings come to now."""
        over = [session for session in sessions if session.is_over]
        registers = await work.registers(over) if over else {}
        await work.commit(outcome(known, sessions, registers, self._clock.now()), concluded)

    async def _alone(self, charge_point_id: str, matching: Awaitable[int]) -> int:
        """What is odd about one charge point must not keep the others from being looked at."""
        try:
            moved = await matching
        except DomainError:
            raise
        except Exception as error:
            _log.exception("the sessions of %s cannot be matched", charge_point_id)
            self._ended.append(error)
            return 0
        self._ended.append(None)
        return moved
