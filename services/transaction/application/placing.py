"""Places ends and readings that named no transaction by all that is known of a charge point, in one commit.

Idempotent, and harmless beside recordings and other replicas.
"""

import logging
from collections.abc import Callable, Sequence

from services.kernel.clock import Clock
from services.transaction.domain.fact import Fact
from services.transaction.domain.lookout import Late
from services.transaction.domain.matching import (
    Known,
    Move,
    Span,
    around,
    is_whole,
    outcome,
    reading_moves,
    rebuilt,
    rule_moves,
)
from services.transaction.domain.places import LONGEST_TRANSACTION
from services.transaction.domain.transaction import Transaction
from services.transaction.ports import MatchingUnitOfWork, MatchingUnitsOfWork

_log = logging.getLogger(__name__)

Choose = Callable[[Sequence[Known]], Sequence[Move]]


class Placing:
    """Moves facts and readings to the transactions where they belong."""

    def __init__(self, matchings: MatchingUnitsOfWork, clock: Clock) -> None:
        self._matchings = matchings
        self._clock = clock

    async def place_ends(self, charge_point_id: str, around: Span) -> int:
        """Place the ends anew that what happened `around` that time may concern; how many facts moved."""
        # An end may mean a transaction that began long before it, and others may have begun in between.
        span = Span(around.first, around.last + LONGEST_TRANSACTION)
        return await self.move(charge_point_id, span, lambda known: rule_moves(known, span))

    async def move(self, charge_point_id: str, span: Span, choose: Choose) -> int:
        """Move what `choose` says of the transactions of a charge point, to or from those of `span`, in one commit; how
        many facts those were. Nothing is chosen from transactions whose facts are not all there any more."""
        async with self._matchings() as work:
            known = await _known(work, charge_point_id, span)
            moves = choose(known)
            if moves:
                await self._carry_out(work, known, moves)
        if moves:
            _log.info("moved %d facts between transactions of %s", len(moves), charge_point_id)
        return len(moves)

    async def place_readings(self, charge_point_id: str, late: Sequence[Late]) -> int:
        """Give transactions that were told of late the readings that were told before; how many facts moved for
        that."""
        first, last = (min(one.span.first for one in late), max(one.span.last for one in late))
        async with self._matchings() as work:
            known = await _known(work, charge_point_id, Span(first, last))
            moves = reading_moves(known)
            if moves:
                # What else is late is found again by the next look.
                await self._carry_out(work, known, moves)
            elif transactions := around(known, {one.transaction_id for one in late}):
                changed = await work.adopt_readings(transactions)
                await self._settle(work, known, [one for one in transactions if one.id in changed], [])
        return len(moves)

    async def _carry_out(self, work: MatchingUnitOfWork, known: Sequence[Known], moves: Sequence[Move]) -> None:
        transactions, concluded = rebuilt(known, moves)
        await work.move(moves)
        await work.adopt_readings([transaction for transaction in transactions if transaction.start_time is not None])
        await self._settle(work, known, transactions, concluded)

    async def _settle(
        self,
        work: MatchingUnitOfWork,
        known: Sequence[Known],
        transactions: Sequence[Transaction],
        concluded: Sequence[Fact],
    ) -> None:
        """Commit transactions with what their facts and readings come to now."""
        over = [transaction for transaction in transactions if transaction.is_over]
        registers = await work.registers(over) if over else {}
        await work.commit(outcome(known, transactions, registers, self._clock.now()), concluded)


async def _known(work: MatchingUnitOfWork, charge_point_id: str, span: Span) -> list[Known]:
    """The transactions of a charge point that an end of that time may mean; facts are only there where all are."""
    known = await work.known(charge_point_id, Span(span.first - LONGEST_TRANSACTION, span.last))
    return [one if is_whole(one) else Known(one.transaction) for one in known]
