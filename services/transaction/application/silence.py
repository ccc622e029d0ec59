"""Ends transactions of which nothing is heard for days, whether their charge points are connected or gone."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

from services.kernel.clock import Clock
from services.kernel.errors import DomainError
from services.kernel.tenancy import as_tenant
from services.process.heartbeats import every
from services.transaction.application.commands import Commands
from services.transaction.application.evidence import PLATFORM
from services.transaction.application.recording import LOOK_BACK, completed
from services.transaction.domain.batch import Needs
from services.transaction.domain.command import GET_TRANSACTION_STATUS, CommandOptions
from services.transaction.domain.losses import Cause
from services.transaction.domain.recording import Recording
from services.transaction.domain.transaction import Transaction
from services.transaction.ports import UnitsOfWork

# How often is looked: often enough that the bound is passed by no more than a tenth, but not for nothing.
_OFTEN, _LOOK_SECONDS = 10, 600.0
_AT_ONCE = 20
_PATIENCE = timedelta(seconds=20)

_log = logging.getLogger(__name__)


class Silence:
    """Looks for transactions of which nothing was heard for `bound`. Harmless beside recordings and other replicas."""

    def __init__(self, units_of_work: UnitsOfWork, commands: Commands, clock: Clock, bound: timedelta) -> None:
        self._units_of_work = units_of_work
        self._commands = commands
        self._clock = clock
        self._bound = bound
        self._pause_seconds = min(bound.total_seconds() / _OFTEN, _LOOK_SECONDS)

    async def run(self) -> None:
        """Look every few minutes until cancelled."""
        await every(self._pause_seconds, self.look)

    async def look(self) -> int:
        """End the transactions of which nothing is heard, after asking those charge points that can be; how many."""
        ended, after = 0, ""
        while True:
            since = self._clock.now() - self._bound
            async with self._units_of_work.reading() as work:
                silent = await work.transactions.silent(since, after, _AT_ONCE)
            await self._ask([transaction for transaction in silent if transaction.last_sign < since])
            for transaction in silent:
                ended += transaction.last_sign < since and await self._end(transaction)
            if len(silent) < _AT_ONCE:
                return ended
            after = silent[-1].id

    async def _ask(self, transactions: Sequence[Transaction]) -> None:
        """What is answered is recorded where it comes in: that a transaction goes on is heard, that it does not ends
        it."""
        await asyncio.gather(
            *(self._ask_after(transaction) for transaction in transactions if not transaction.is_ocpp_16)
        )

    async def _ask_after(self, transaction: Transaction) -> None:
        body = {"transaction_id": transaction.id}
        try:
            with as_tenant(transaction.tenant_id):
                await self._commands.issue(
                    transaction.charge_point_id, GET_TRANSACTION_STATUS, body, CommandOptions(), PLATFORM, _PATIENCE
                )
        except DomainError as error:
            _log.info("transaction %s cannot be asked after: %s", transaction.id, error.message)

    async def _end(self, transaction: Transaction) -> bool:
        """End a transaction, unless it was heard of meanwhile."""
        async with self._units_of_work() as work:
            recorder = work.recording
            needs = Needs(charge_point_ids={transaction.charge_point_id}, transaction_ids={transaction.id})
            stored, numbers = await recorder.load(needs)
            now = self._clock.now()
            read = await recorder.last_read([transaction.id], min(transaction.begin_time, now - LOOK_BACK), now)
            recording = Recording(stored, numbers, now, read=read)
            is_heard = any(one.heard_time != transaction.heard_time or one.is_over for one in stored)
            if is_heard or recording.lose(transaction.id, Cause.SILENCE, now, now) is None:
                return False
            await completed(recorder, recording)
        _log.info("transaction %s at %s ended by silence", transaction.id, transaction.charge_point_id)
        return True
