"""Looks again at ends that named no session, whenever more is known of their charge points.

Recordings place such an end at once where they can; what was told in another order is put right here, seconds later,
off the path of charge points.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

from services.kernel.clock import Clock
from services.kernel.errors import DomainError
from services.transaction.domain.matching import Doubt, Known, Move, Span, is_whole, outcome, rebuilt, rule_moves
from services.transaction.domain.places import LONGEST_SESSION
from services.transaction.ports import MatchingWork, MatchingWorks, Works

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

    def __init__(self, works: Works, matchings: MatchingWorks, clock: Clock) -> None:
        self._works = works
        self._matchings = matchings
        self._clock = clock
        # What the last look has seen: most of it is found once more.
        self._seen: set[Doubt] = set()

    async def run(self) -> None:
        """Look every few seconds until cancelled; waits out what is away."""
        while True:
            try:
                await self.look()
            except DomainError as error:
                _log.info("ends cannot be matched now: %s", error.message)
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> int:
        """Look at every charge point where something changed since the last time; how many facts moved."""
        now = self._clock.now()
        async with self._works() as work:
            until = await work.reconciled_until(_NAME)
        since = (until or now - _FIRST_LOOK_BACK) - _OVERLAP
        moved, after, seen = 0, "", set[Doubt]()
        while True:
            async with self._works() as work:
                found = await work.transactions.doubtful(since, after, _AT_ONCE)
            for doubt in found:
                if doubt not in self._seen:
                    moved += await self._match_alone(doubt.charge_point_id, doubt.span)
            seen.update(found)
            if len(found) < _AT_ONCE:
                break
            after = found[-1].charge_point_id
        self._seen = seen
        async with self._works() as work:
            await work.note_reconciled(_NAME, now)
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

    async def _carry_out(self, work: MatchingWork, known: Sequence[Known], moves: Sequence[Move]) -> None:
        sessions, concluded = rebuilt(known, moves)
        over = [session for session in sessions if session.is_over]
        await work.move(moves)
        await work.adopt_readings([session for session in sessions if session.start_time is not None])
        registers = await work.registers(over) if over else {}
        await work.commit(outcome(known, sessions, registers, self._clock.now()), concluded)

    async def _match_alone(self, charge_point_id: str, span: Span) -> int:
        """`match`, where what is odd about one charge point must not keep the others from being looked at."""
        try:
            return await self.match(charge_point_id, span)
        except DomainError:
            raise
        except Exception:
            _log.exception("the ends of %s cannot be matched", charge_point_id)
            return 0
