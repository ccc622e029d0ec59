"""What can be read of transactions."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from services.kernel.clock import Clock
from services.kernel.errors import not_found
from services.kernel.pagination import Head, Page, PageRequest
from services.kernel.tenancy import as_platform
from services.transaction.domain.curve import CurvePoint, curve_of
from services.transaction.domain.reading import Reading
from services.transaction.domain.transaction import Transaction, start_and_stop
from services.transaction.domain.transaction_view import (
    ChargingStateChange,
    Latest,
    TransactionFilter,
    TransactionView,
    validated,
    viewed,
)
from services.transaction.ports import TransactionReads, UnitOfWork, UnitsOfWork

_CURVES_AT_ONCE = 25


class Transactions:
    """The use cases of transactions. Each method is one unit of work."""

    def __init__(self, units_of_work: UnitsOfWork, reads: TransactionReads, clock: Clock) -> None:
        self._units_of_work = units_of_work
        self._reads = reads
        self._clock = clock

    async def page(self, narrowing: TransactionFilter, page: PageRequest) -> Page[TransactionView]:
        """One page of transactions. Raises: INVALID_FIELD."""
        found = await self._reads.page(validated(narrowing), page)
        return Page(await self._viewed(found.items), found.next_token, found.total_size)

    async def heads(self, narrowing: TransactionFilter, page: PageRequest) -> Page[Head]:
        """The same page, but which transactions it holds only. Raises: INVALID_FIELD."""
        return await self._reads.heads(validated(narrowing), page)

    async def views(self, transaction_ids: Sequence[str]) -> list[tuple[Head, TransactionView]]:
        """The transactions of these ids that are there."""
        found = await self._reads.with_ids(transaction_ids)
        views = await self._viewed([transaction for _, transaction in found])
        return [(head, view) for (head, _), view in zip(found, views, strict=True)]

    async def get(self, transaction_id: str) -> TransactionView:
        """Raises: TRANSACTION_NOT_FOUND."""
        transaction = _found(await self._reads.find(transaction_id), transaction_id)
        [view] = await self._viewed([transaction])
        return view

    async def curves(self, transaction_ids: Sequence[str]) -> Mapping[str, Sequence[CurvePoint]]:
        """How the energy of transactions came about, by their ids, of those of which it is known. Lets others go on in
        between: to find out what all the readings mean may take a while. Raises: INVALID_FIELD."""
        validated(TransactionFilter(ids=tuple(transaction_ids)))
        found: dict[str, Sequence[CurvePoint]] = {}
        async with self._units_of_work.reading() as work:
            transactions = await work.transactions.with_ids(transaction_ids)
        async with self._what_belongs_to_them() as work:
            for begin in range(0, len(transactions), _CURVES_AT_ONCE):
                some = transactions[begin : begin + _CURVES_AT_ONCE]
                samples = await work.transactions.samples(some, self._clock.now())
                for transaction in some:
                    curve = curve_of(start_and_stop(transaction), *samples[transaction.id])
                    await asyncio.sleep(0)
                    if curve:
                        found[transaction.id] = curve
        return found

    async def readings(self, transaction_id: str, page: PageRequest) -> Page[Reading]:
        """One page of a transaction's meter values, in the order of sampling. Raises: TRANSACTION_NOT_FOUND."""
        async with self._units_of_work.reading() as work:
            _found(await work.transactions.find(transaction_id), transaction_id)
        async with self._what_belongs_to_them() as work:
            return await work.transactions.readings(transaction_id, page)

    async def charging_states(self, transaction_id: str, page: PageRequest) -> Page[ChargingStateChange]:
        """One page of how a transaction charged, in the order of time. Raises: TRANSACTION_NOT_FOUND."""
        async with self._units_of_work.reading() as work:
            transaction = _found(await work.transactions.find(transaction_id), transaction_id)
            return await work.transactions.charging_states(transaction, page)

    async def changes_of_state(self, ids: Sequence[str]) -> Mapping[str, Sequence[ChargingStateChange]]:
        """How transactions charged, by id; those of which nothing is known are left out. Raises: INVALID_FIELD."""
        validated(TransactionFilter(ids=tuple(ids)))
        async with self._units_of_work.reading() as work:
            return await work.transactions.changes_of_state(await work.transactions.with_ids(ids))

    async def _viewed(self, transactions: Sequence[Transaction]) -> list[TransactionView]:
        latest, decisions, gaps = await self._reads.belongings(transactions)
        return [
            viewed(one, latest.get(one.id, Latest()), decisions.get(one.id), gaps.get(one.id)) for one in transactions
        ]

    @asynccontextmanager
    async def _what_belongs_to_them(self) -> AsyncIterator[UnitOfWork]:
        """For reading what belongs to transactions that were found, so that their tenant is known to be the caller's.

        Else the database would look up the transaction of each of their readings to see whose it is: thrice the work.
        """
        with as_platform():
            async with self._units_of_work.reading() as work:
                yield work


def _found(transaction: Transaction | None, transaction_id: str) -> Transaction:
    if transaction is None:
        raise not_found("transaction", transaction_id)
    return transaction
