"""What can be read of transactions."""

from services.chassis.pagination import Page, PageRequest
from services.kernel.errors import not_found
from services.transaction.domain.reading import Reading
from services.transaction.domain.session import Session
from services.transaction.domain.transaction import Latest, TransactionFilter, TransactionView, validated, viewed
from services.transaction.ports import Works


class Transactions:
    """The use cases of transactions. Each method is one unit of work."""

    def __init__(self, works: Works) -> None:
        self._works = works

    async def page(self, narrowing: TransactionFilter, page: PageRequest) -> Page[TransactionView]:
        """One page of transactions. Raises: INVALID_FIELD."""
        async with self._works.reading() as work:
            sessions = await work.transactions.page(validated(narrowing), page)
            latest = await work.transactions.latest(sessions.items)
            return sessions.map(lambda session: viewed(session, latest.get(session.id, Latest())))

    async def get(self, transaction_id: str) -> TransactionView:
        """Raises: TRANSACTION_NOT_FOUND."""
        async with self._works.reading() as work:
            session = _found(await work.transactions.find(transaction_id), transaction_id)
            latest = await work.transactions.latest([session])
            return viewed(session, latest.get(session.id, Latest()))

    async def readings(self, transaction_id: str, page: PageRequest) -> Page[Reading]:
        """One page of a transaction's meter values, in the order of sampling. Raises: TRANSACTION_NOT_FOUND."""
        async with self._works.reading() as work:
            _found(await work.transactions.find(transaction_id), transaction_id)
            return await work.transactions.readings(transaction_id, page)


def _found(session: Session | None, transaction_id: str) -> Session:
    if session is None:
        raise not_found("transaction", transaction_id)
    return session
