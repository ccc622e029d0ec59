"""What operators do about orphans: have one looked at again, or say where it belongs."""

import logging
from collections.abc import Sequence

from services.kernel.errors import DomainError, ErrorKind, failed_precondition, invalid
from services.transaction.application.placing import Placing
from services.transaction.application.transactions import Transactions
from services.transaction.domain.matching import Known, Move, Span, assignment_moves
from services.transaction.domain.transaction import Transaction, TransactionState
from services.transaction.domain.transaction_view import TransactionView

_log = logging.getLogger(__name__)


class Orphans:
    """The use cases of orphans. Idempotent: one that was merged is shown as it is."""

    def __init__(self, transactions: Transactions, placing: Placing) -> None:
        self._transactions = transactions
        self._placing = placing

    async def replay(self, orphan_id: str) -> TransactionView:
        """Match an orphan by what is known now. Raises: TRANSACTION_NOT_FOUND, TRANSACTION_NOT_ORPHAN."""
        orphan = (await self._transactions.get(orphan_id)).transaction
        if orphan.state is not TransactionState.MERGED:
            _check_orphan(orphan)
            await self._placing.place_ends(orphan.charge_point_id, Span(orphan.begin_time, orphan.begin_time))
        return await self._transactions.get(orphan_id)

    async def assign(self, orphan_id: str, target_id: str, by: str) -> TransactionView:
        """Give an orphan to the transaction `target_id`, as the caller `by` says.

        Raises: TRANSACTION_NOT_FOUND, TRANSACTION_NOT_ORPHAN; INVALID_FIELD for a transaction that it cannot belong to.
        """
        orphan = (await self._transactions.get(orphan_id)).transaction
        if orphan.merged_into == target_id:
            return await self._transactions.get(orphan_id)
        _check_orphan(orphan)
        target = await self._target(orphan, target_id)
        span = Span(target.begin_time, orphan.begin_time)
        await self._placing.move(
            orphan.charge_point_id,
            span,
            lambda known: _chosen({one.transaction.id: one for one in known}, orphan, target),
        )
        _log.info("orphan %s was assigned to transaction %s by %s", orphan.id, target.id, by)
        return await self._transactions.get(orphan_id)

    async def _target(self, orphan: Transaction, target_id: str) -> Transaction:
        try:
            target = (await self._transactions.get(target_id)).transaction
        except DomainError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
            raise invalid("transactionId", "is no transaction") from None
        if target.charge_point_id != orphan.charge_point_id:
            raise invalid("transactionId", "is a transaction of another charge point")
        if target.start_time is None or target.start_time > (orphan.stop_time or orphan.begin_time):
            raise invalid("transactionId", "must have started before the orphan ended")
        return target


def _check_orphan(transaction: Transaction) -> None:
    if transaction.state is not TransactionState.ORPHAN:
        raise failed_precondition(
            "TRANSACTION_NOT_ORPHAN", f"transaction {transaction.id} is {transaction.state.lower()}"
        )


def _chosen(known: dict[str, Known], orphan: Transaction, target: Transaction) -> Sequence[Move]:
    """The moves of an assignment, if things are still as they were when it was checked."""
    orphan_now, target_now = known.get(orphan.id), known.get(target.id)
    if orphan_now is None or not orphan_now.facts or target_now is None:
        raise failed_precondition("TRANSACTION_NOT_ORPHAN", f"too little is kept of transaction {orphan.id} to move it")
    _check_orphan(orphan_now.transaction)
    return assignment_moves(orphan_now, target_now.transaction)
