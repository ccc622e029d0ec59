"""Finds by their numbers that events of transactions are missing, and asks charge points after them (OCPP 2.0.1 part 2,
use case E14).

Nothing of it is on the path of charge points: numbers are compared when a transaction is over and everything about it
should be there, and again until what was missing came.
"""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from services.kernel.clock import Clock
from services.kernel.errors import DomainError
from services.kernel.tenancy import as_tenant
from services.process.heartbeats import every
from services.transaction.application.commands import Commands
from services.transaction.application.evidence import PLATFORM
from services.transaction.domain.command import GET_TRANSACTION_STATUS, CommandOptions
from services.transaction.domain.sequence import SequenceGap, missing_numbers
from services.transaction.domain.transaction import Transaction
from services.transaction.ports import UnitOfWork, UnitsOfWork

_NAME = "events that are missing"
_LOOK_SECONDS = 30.0
# What comes out of order, or again after a lost answer, is there by then.
_GRACE = timedelta(minutes=1)
# The clocks of those who record are not quite that of the database.
_OVERLAP = timedelta(seconds=30)
# At the first start after an update: older transactions have no charge point any more that would know.
_FIRST_LOOK_BACK = timedelta(days=1)
_AT_ONCE = 100
_PATIENCE = timedelta(seconds=20)
# For so long no other replica looks at the same.
_TAKEN = timedelta(minutes=30)

_log = logging.getLogger(__name__)


class MissingEvents:
    """Looks for gaps, and at those that are known. Harmless beside recordings and other replicas. Without `commands` no
    charge point is asked."""

    def __init__(
        self, units_of_work: UnitsOfWork, commands: Commands | None, clock: Clock, grace: timedelta = _GRACE
    ) -> None:
        self._units_of_work = units_of_work
        self._commands = commands
        self._clock = clock
        self._grace = grace

    async def run(self) -> None:
        """Look every half a minute until cancelled; waits out a database that is away."""
        await every(_LOOK_SECONDS, self.look)

    async def look(self) -> int:
        """Look for new gaps and at those that are due; how many are new."""
        async with self._units_of_work() as work:
            until = await work.visible_until() - self._grace
            since = (await work.reconciled_until(_NAME) or until - _FIRST_LOOK_BACK) - _OVERLAP
        found, after, is_last = 0, "", False
        while not is_last:
            async with self._units_of_work() as work:
                ended = await work.sequence_gaps.ended(since, until, after, _AT_ONCE)
                found += await self._find(work, ended)
            is_last = len(ended) < _AT_ONCE
            after = "" if is_last else ended[-1].id
        async with self._units_of_work() as work:
            await work.note_reconciled(_NAME, until)
        await self._look_at_known()
        return found

    async def _find(self, work: UnitOfWork, ended: Sequence[Transaction]) -> int:
        numbers = await work.sequence_gaps.numbers({one.id: one.begin_time for one in ended})
        found, now = 0, self._clock.now()
        for one in ended:
            missing = await _missing(work, one.id, numbers.get(one.id, ()))
            if missing:
                await work.sequence_gaps.keep(_new_gap(one, missing, now))
                _log.warning(
                    "transaction %s at %s lacks the events %s", one.id, one.charge_point_id, ", ".join(missing)
                )
                found += 1
        return found

    async def _look_at_known(self) -> None:
        """Look at all that is due. One that fails comes again when nobody has it any more."""
        while True:
            now = self._clock.now()
            async with self._units_of_work() as work:
                due = await work.sequence_gaps.due(now, now + _TAKEN, _AT_ONCE)
            for gap in due:
                await self._look_at(gap)
            if len(due) < _AT_ONCE:
                return

    async def _look_at(self, gap: SequenceGap) -> None:
        gap = await self._counted_again(gap)
        if gap.wants_asking and self._commands is not None:
            gap = await self._asked(gap, self._commands)
        async with self._units_of_work() as work:
            await work.sequence_gaps.keep(gap)

    async def _counted_again(self, gap: SequenceGap) -> SequenceGap:
        async with self._units_of_work.reading() as work:
            numbers = await work.sequence_gaps.numbers({gap.transaction_id: gap.begin_time})
            missing = await _missing(work, gap.transaction_id, numbers.get(gap.transaction_id, ()))
        return gap.looked(missing, self._clock.now())

    async def _asked(self, gap: SequenceGap, commands: Commands) -> SequenceGap:
        """With what the charge point said; as it is when it cannot be asked."""
        body = {"transaction_id": gap.transaction_id}
        try:
            with as_tenant(gap.tenant_id):
                command = await commands.issue(
                    gap.charge_point_id, GET_TRANSACTION_STATUS, body, CommandOptions(), PLATFORM, _PATIENCE
                )
        except DomainError as error:
            _log.info("transaction %s cannot be asked after: %s", gap.transaction_id, error.message)
            return gap
        in_queue = (command.answer or {}).get("messagesInQueue")
        return gap.answered(in_queue if isinstance(in_queue, bool) else None, self._clock.now())


async def _missing(work: UnitOfWork, transaction_id: str, numbers: Collection[int]) -> tuple[str, ...]:
    missing = missing_numbers(numbers)
    # Hardly ever is there anything to ask for.
    return missing_numbers(numbers, await work.sequence_gaps.numbers_beside(transaction_id)) if missing else missing


def _new_gap(transaction: Transaction, missing: tuple[str, ...], now: datetime) -> SequenceGap:
    return SequenceGap(
        transaction_id=transaction.id,
        charge_point_id=transaction.charge_point_id,
        tenant_id=transaction.tenant_id,
        begin_time=transaction.begin_time,
        missing=missing,
        found_time=now,
        # At once: it was waited for already.
        look_time=now,
    )
