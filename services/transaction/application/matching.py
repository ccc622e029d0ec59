"""Looks again at ends and readings that named no transaction, until they are where they belong.

Recordings place them at once where they can; what was told in another order is put right here, seconds later, off the
path of charge points. What has changed is looked at first. What is open still is gone through again and again besides,
however long ago it was told: nothing is left to times, or to what somebody has looked at before.
"""

import logging
from collections import defaultdict
from collections.abc import Awaitable
from datetime import datetime, timedelta

from services.kernel.errors import DomainError, ErrorKind
from services.process.heartbeats import every
from services.process.stirring import AT_REST_SECONDS
from services.transaction.application.placing import Placing
from services.transaction.domain.lookout import BEGINNING, Contest, Late, Suspect
from services.transaction.ports import UnitsOfWork

_NAME = "ends without a transaction"
_LOOK_SECONDS = 5.0
# The clocks of those who record are not quite that of the database.
_OVERLAP = timedelta(seconds=30)
_FIRST_LOOK_BACK = timedelta(days=30)
# What fails is tried again at each look; changes beside it are not listed anew for longer than that.
_PATIENCE = timedelta(hours=1)
_AT_ONCE = 200
# When so many fail in a row for want of the database, the others would as well.
_AWAY, _AWAY_IN_A_ROW = (ErrorKind.UNAVAILABLE, ErrorKind.DEADLINE_EXCEEDED), 3

_log = logging.getLogger(__name__)


class Matcher:
    """Says what is to be placed anew. Harmless beside recordings and other replicas."""

    def __init__(self, units_of_work: UnitsOfWork, placing: Placing) -> None:
        self._units_of_work = units_of_work
        self._placing = placing
        # What the last look has placed as well as it can be: most of it is found once more.
        self._seen: set[Suspect] = set()
        # How far the present round through what is open has come, what it has met, and what the round before has.
        self._bookmark = BEGINNING
        self._met: set[Contest] = set()
        self._met_before: set[Contest] = set()
        # How the placings of the present look ended; None for those that went well.
        self._ended: list[Exception | None] = []
        self._away_in_a_row = 0

    async def run(self) -> None:
        """Look every few seconds until cancelled; waits out what is away."""
        await every(_LOOK_SECONDS, self.look, at_rest_seconds=AT_REST_SECONDS)

    async def look(self) -> int:
        """Look at every charge point where something changed since the last time, and at the next ones where something
        is open; how many facts moved.

        Raises: what the first placing raised when none went well; that is hardly the fault of one charge point.
        """
        self._ended, self._away_in_a_row = [], 0
        async with self._units_of_work() as work:
            # What is committed from now on has later times.
            visible = await work.visible_until()
            until = await work.reconciled_until(_NAME)
        since = (until or visible - _FIRST_LOOK_BACK) - _OVERLAP
        moved = await self._look_at_ends(since) + await self._look_at_readings(since)
        has_failed = any(self._ended)
        async with self._units_of_work() as work:
            earliest = visible - _PATIENCE
            await work.note_reconciled(_NAME, max(until or earliest, earliest) if has_failed else visible)
        moved += await self._look_at_contests()
        if self._ended and self._ended[0] is not None and None not in self._ended:
            raise self._ended[0]
        return moved

    async def _look_at_ends(self, since: datetime) -> int:
        moved, after, seen, is_last = 0, "", set[Suspect](), False
        while not is_last:
            async with self._units_of_work() as work:
                found = await work.transactions.suspects(since, after, _AT_ONCE)
            for suspect in found:
                if suspect not in self._seen:
                    placed = await self._alone(
                        suspect.charge_point_id, self._placing.place_ends(suspect.charge_point_id, suspect.span)
                    )
                    if placed is None:
                        continue
                    moved += placed
                seen.add(suspect)
            is_last = len(found) < _AT_ONCE
            after = "" if is_last else found[-1].charge_point_id
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
            for name, transactions in by_charge_point.items():
                moved += await self._alone(name, self._placing.place_readings(name, transactions)) or 0
            is_last = not after
        return moved

    async def _look_at_contests(self) -> int:
        """Look at the next ends that may belong elsewhere, unless nothing has changed since the round before."""
        moved = 0
        async with self._units_of_work() as work:
            contests, bookmark = await work.transactions.contested(self._bookmark, _AT_ONCE)
        for contest in contests:
            if contest not in self._met_before:
                name = contest.charge_point_id
                placed = await self._alone(name, self._placing.place_ends(name, contest.span))
                if placed is None:
                    continue
                moved += placed
            self._met.add(contest)
        self._bookmark = bookmark
        if bookmark == BEGINNING:
            self._met, self._met_before = set(), self._met
        return moved

    async def _alone(self, charge_point_id: str, placing: Awaitable[int]) -> int | None:
        """What is odd about one charge point must not keep the others from being looked at; None when it failed."""
        try:
            moved = await placing
        except Exception as error:
            is_away = isinstance(error, DomainError) and error.kind in _AWAY
            self._away_in_a_row = self._away_in_a_row + 1 if is_away else 0
            if self._away_in_a_row == _AWAY_IN_A_ROW:
                raise
            trace = None if isinstance(error, DomainError) else error
            _log.error("the transactions of %s cannot be matched: %s", charge_point_id, error, exc_info=trace)
            self._ended.append(error)
            return None
        self._ended.append(None)
        self._away_in_a_row = 0
        return moved
