"""Lets operators end transactions that their charge points do not end."""

import logging
from datetime import timedelta

from services.kernel.clock import Clock
from services.kernel.ids import new_id
from services.kernel.tenancy import as_platform
from services.transaction.application.recording import completed
from services.transaction.application.transactions import Transactions
from services.transaction.domain.batch import Needs
from services.transaction.domain.ending import EndDecision, Wish, decided, fact_of, validated
from services.transaction.domain.recording import Recording
from services.transaction.domain.transaction import Transaction
from services.transaction.domain.transaction_view import TransactionView
from services.transaction.ports import RecordingUnitOfWork, UnitsOfWork

# A reading may be stamped so long before the start of its transaction.
_AROUND = timedelta(days=1)

_log = logging.getLogger(__name__)


class Endings:
    """The use case of ending a transaction."""

    def __init__(self, transactions: Transactions, units_of_work: UnitsOfWork, clock: Clock) -> None:
        self._transactions = transactions
        self._units_of_work = units_of_work
        self._clock = clock

    async def end(self, transaction_id: str, wish: Wish, request_id: str) -> TransactionView:
        """End a transaction as an operator decides. Idempotent by the request id, for each of them.

        Raises: TRANSACTION_NOT_FOUND, INVALID_FIELD, TRANSACTION_NOT_RUNNING.
        """
        validated(wish)
        found = (await self._transactions.get(transaction_id)).transaction
        # It is his; what is recorded of it is the platform's work.
        with as_platform():
            async with self._units_of_work() as work:
                # A decision has no id of its own: another attempt than the first one is a repetition.
                attempt = new_id()
                if not request_id or await work.remember(request_id, attempt) == attempt:
                    await work.end_decisions.add(await self._record(work.recording, found, wish))
        return await self._transactions.get(transaction_id)

    async def _record(self, work: RecordingUnitOfWork, found: Transaction, wish: Wish) -> EndDecision:
        needs = Needs(charge_point_ids={found.charge_point_id}, transaction_ids={found.id})
        stored, numbers = await work.load(needs)
        now = self._clock.now()
        [transaction] = stored
        read = await work.last_read([transaction.id], transaction.begin_time - _AROUND, now)
        last_read = read[transaction.id].sampled_time if transaction.id in read else None
        decision = decided(transaction, wish, now, last_read, await work.highest_register(transaction, now))
        recording = Recording(stored, numbers, now)
        recording.take_in(fact_of(decision, transaction))
        await completed(work, recording)
        _log.info("transaction %s was ended by %s", transaction.id, wish.decided_by)
        return decision
