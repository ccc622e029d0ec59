"""Compares billing with the owner of the facts, so that no bill hangs on an event that got lost."""

from datetime import timedelta

from services.billing.application.billing import Biller
from services.billing.ports import Transactions, UnitsOfWork
from services.kernel.clock import Clock

_NAME = "transactions"
# Commits do not become visible in the order of their times: look back further than any of them takes.
_OVERLAP = timedelta(minutes=2)
_FIRST_LOOK_BACK = timedelta(days=30)


class Reconciliation:
    """Takes in every transaction that changed since the last look. Idempotent."""

    def __init__(self, units_of_work: UnitsOfWork, clock: Clock, biller: Biller, transactions: Transactions) -> None:
        self._units_of_work = units_of_work
        self._clock = clock
        self._biller = biller
        self._transactions = transactions

    async def run_once(self) -> int:
        """Compare, page by page; how many transactions were looked at. Raises: UNAVAILABLE."""
        while await self._biller.retry_held():
            pass
        async with self._units_of_work() as work:
            until = await work.reconciled_until(_NAME)
        since = (until or self._clock.now() - _FIRST_LOOK_BACK) - _OVERLAP
        looked_at, token = 0, ""
        while True:
            found, token = await self._transactions.changed_since(since, token)
            if found:
                async with self._units_of_work() as work:
                    await self._biller.take_in(work, [snapshot for snapshot, _ in found])
                    await work.note_reconciled(_NAME, found[-1][1])
            looked_at += len(found)
            if not token:
                return looked_at
