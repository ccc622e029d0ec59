"""What can be read of transactions."""

import asyncio
from collections.abc import Mapping, Sequence

from services.kernel.clock import Clock
from services.kernel.errors import not_found
from services.kernel.pagination import Page, PageRequest
from services.transaction.domain.curve import CurvePoint, curve_of
from services.transaction.domain.ranks import ENDED_BY_OPERATOR
from services.transaction.domain.reading import Reading
from services.transaction.domain.session import Session, start_and_stop
from services.transaction.domain.transaction import (
    ChargingStateChange,
    Latest,
    TransactionFilter,
    TransactionView,
    validated,
    viewed,
)
from services.transaction.ports import UnitsOfWork

_CURVES_AT_ONCE = 25


class Transactions:
    """The use cases of transactions. Each method is one unit of work."""

    def __init__(self, units_of_work: UnitsOfWork, clock: Clock) -> None:
        self._units_of_work = units_of_work
        self._clock = clock

    async def page(self, narrowing: TransactionFilter, page: PageRequest) -> Page[TransactionView]:
        """One page of transactions. Raises: INVALID_FIELD."""
        async with self._units_of_work.reading() as work:
            sessions = await work.transactions.page(validated(narrowing), page)
            latest = await work.transactions.latest(sessions.items)
            decisions = await work.end_decisions.of(_decided(sessions.items))
            return sessions.map(
                lambda session: viewed(session, latest.get(session.id, Latest()), decisions.get(session.id))
            )

    async def get(self, transaction_id: str) -> TransactionView:
        """Raises: TRANSACTION_NOT_FOUND."""
        async with self._units_of_work.reading() as work:
            session = _found(await work.transactions.find(transaction_id), transaction_id)
            latest = await work.transactions.latest([session])
            decisions = await work.end_decisions.of(_decided([session]))
            return viewed(session, latest.get(session.id, Latest()), decisions.get(session.id))

    async def curves(self, transaction_ids: Sequence[str]) -> Mapping[str, Sequence[CurvePoint]]:
        """How the energy of transactions came about, by their ids, of those of which it is known. Lets others go on in
        between: to find out what all the readings mean may take a while. Raises: INVALID_FIELD."""
        validated(TransactionFilter(ids=tuple(transaction_ids)))
        found: dict[str, Sequence[CurvePoint]] = {}
        async with self._units_of_work.reading() as work:
            sessions = await work.transactions.with_ids(transaction_ids)
            for begin in range(0, len(sessions), _CURVES_AT_ONCE):
                some = sessions[begin : begin + _CURVES_AT_ONCE]
                samples = await work.transactions.samples(some, self._clock.now())
                for session in some:
                    curve = curve_of(start_and_stop(session), *samples[session.id])
                    await asyncio.sleep(0)
                    if curve:
                        found[session.id] = curve
        return found

    async def readings(self, transaction_id: str, page: PageRequest) -> Page[Reading]:
        """One page of a transaction's meter values, in the order of sampling. Raises: TRANSACTION_NOT_FOUND."""
        async with self._units_of_work.reading() as work:
            _found(await work.transactions.find(transaction_id), transaction_id)
            return await work.transactions.readings(transaction_id, page)

    async def charging_states(self, transaction_id: str, page: PageRequest) -> Page[ChargingStateChange]:
        """One page of how a transaction charged, in the order of time. Raises: TRANSACTION_NOT_FOUND."""
        async with self._units_of_work.reading() as work:
            session = _found(await work.transactions.find(transaction_id), transaction_id)
            return await work.transactions.charging_states(session, page)

    async def changes_of_state(self, ids: Sequence[str]) -> Mapping[str, Sequence[ChargingStateChange]]:
        """How transactions charged, by id; those of which nothing is known are left out. Raises: INVALID_FIELD."""
        narrowing = validated(TransactionFilter(ids=tuple(ids)))
        async with self._units_of_work.reading() as work:
            sessions = await work.transactions.page(narrowing, PageRequest(max(len(ids), 1)))
            return await work.transactions.changes_of_state(sessions.items) if ids else {}


def _decided(sessions: Sequence[Session]) -> list[str]:
    return [session.id for session in sessions if ENDED_BY_OPERATOR in session.flags]


def _found(session: Session | None, transaction_id: str) -> Session:
    if session is None:
        raise not_found("transaction", transaction_id)
    return session
