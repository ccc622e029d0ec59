"""How a session becomes a bill, exactly once: the one place where invoices are issued and taken back.

Locks are taken in this order, by all: sessions, invoices, the counter of invoices. Who bills many sessions at once
waits for none of them. Other services are only asked while nothing is locked: a slow one must not keep anybody else
from being billed.
"""

import asyncio
import logging
import random
from collections.abc import Iterable, Sequence
from datetime import datetime

from services.billing.application.surroundings import Surroundings
from services.billing.application.tariff_choice import bound_tariffs, tariff_key, tariff_of, tariffs_of
from services.billing.domain.charging_session import (
    END_PATIENCE,
    NO_TARIFF,
    PAID_BEFORE_CORRECTION,
    PENDING,
    ChargingSession,
    SessionState,
    TransactionSnapshot,
    bound,
    completed,
    followed,
    held,
    unbilled,
    unheard,
)
from services.billing.domain.events import SessionBilled, SessionUnbilled
from services.billing.domain.invoice import Invoice, issued, number_of, voided
from services.billing.domain.pricing import Consumption, Price, price
from services.billing.domain.tariff import Tariff
from services.billing.ports import Drivers, Stations, Work, Works
from services.kernel.clock import Clock
from services.kernel.errors import DomainError, not_found
from services.kernel.ids import new_id

# As many as the driver service tells the tiers of in one answer.
_PAGE = 250
_RETRIED_AT_ONCE = 1000
# Each takes a connection to the database; others need some, too.
_AT_ONCE = 4

_log = logging.getLogger(__name__)


class Biller:
    """Follows transactions, and bills sessions that have ended."""

    def __init__(self, works: Works, clock: Clock, drivers: Drivers, stations: Stations) -> None:
        self._works = works
        self._clock = clock
        self._surroundings = Surroundings(drivers, stations, clock)

    async def take_in(self, work: Work, snapshots: Iterable[TransactionSnapshot]) -> None:
        """Bring the sessions of transactions up to date; those that have ended are billed by `settle_all`.

        Idempotent, and of any order: only a snapshot newer than all before it has an effect. Once in a unit of work.
        """
        now, newest = self._clock.now(), _newest(snapshots)
        known = await work.sessions.of_transactions(newest)
        changed = []
        for snapshot in newest.values():
            before = known.get(snapshot.id) or unheard(snapshot, now)
            session = followed(before, snapshot, now)
            if session is not before:
                changed.append(session)
        changed = await self._without_void_invoices(work, changed, now)
        unbound = [session for session in changed if session.tariff_id is None]
        tariffs = await tariffs_of(work, unbound) if unbound else []
        found = {session.id: tariff for session, tariff in zip(unbound, tariffs, strict=True) if tariff is not None}
        await work.sessions.store(
            [bound(session, found[session.id]) if session.id in found else session for session in changed]
        )

    async def settle_all(self) -> int:
        """Bill every PENDING session; how many could not be billed. The failure of one is not that of the others.

        Those that somebody else is just changing or billing are left to him, or to the next time.
        """
        failures: list[BaseException] = []
        after, is_last = "", False
        while not is_last and (sessions := await self._pending(after)):
            try:
                failures += await self._settle_together(sessions)
            except Exception:  # which session it was is found out one by one
                failures += await self._settle_one_by_one(sessions)
            after, is_last = sessions[-1].id, len(sessions) < _PAGE
        if failures:
            mine = next((failure for failure in failures if not isinstance(failure, DomainError)), None)
            _log.warning("%d sessions cannot be billed now: %s", len(failures), mine or failures[0], exc_info=mine)
        return len(failures)

    async def settle(self, session_id: str) -> ChargingSession:
        """Bill a session if it is PENDING: issue its invoice in the place of one that says something else.

        Without a tariff it is held, and also when money was paid for the invoice to be replaced. Returns the session.
        Raises: CHARGING_SESSION_NOT_FOUND; UNAVAILABLE when others cannot be asked.
        """
        while True:
            async with self._works() as work:
                session = await work.sessions.find(session_id)
                if session is None:
                    raise not_found("charging session", session_id)
                if session.hold_reason != PENDING:
                    return session
                tariff = await tariff_of(work, session)
            cost = None
            if tariff is not None:
                cost = price(tariff, await self._surroundings.consumption(session, _end(session)))
            async with self._works() as work:
                if await work.sessions.find(session_id, for_update=True) == session:
                    [session] = await self._bill(work, [(session, cost)])
                    return session

    async def _settle_together(self, sessions: Sequence[ChargingSession]) -> list[BaseException]:
        """Bill sessions in one unit of work; why some could not be priced."""
        async with self._works() as work:
            tariffs = await tariffs_of(work, sessions)
        used = await self._surroundings.consumptions([(session, _end(session)) for session in sessions])
        costs: dict[str, Price | None] = {}
        failures: list[BaseException] = []
        for session, tariff, consumption in zip(sessions, tariffs, used, strict=True):
            try:
                costs[session.id] = _cost(tariff, consumption)
            except Exception as error:  # whatever is odd about one session must not keep the others from being billed
                failures.append(error)
        if costs:
            async with self._works() as work:
                revisions = await work.sessions.lock_pending(costs)
                same = [session for session in sessions if revisions.get(session.id) == session.revision]
                await self._bill(work, [(session, costs[session.id]) for session in same])
        return failures

    async def _settle_one_by_one(self, sessions: Sequence[ChargingSession]) -> list[BaseException]:
        turns = asyncio.Semaphore(_AT_ONCE)

        async def settle_in_turn(session: ChargingSession) -> None:
            async with turns:
                await self.settle(session.id)

        # Shuffled, so that replicas that see the same sessions do not follow each other from one to the next.
        shuffled = random.sample(sessions, len(sessions))
        outcomes = await asyncio.gather(*map(settle_in_turn, shuffled), return_exceptions=True)
        return [outcome for outcome in outcomes if isinstance(outcome, BaseException)]

    async def retry_held(self) -> bool:
        """Have sessions billed that waited for a tariff which exists by now, or for a better end and in vain; whether
        there may be more of them."""
        patience = self._clock.now() - END_PATIENCE
        async with self._works() as work:
            counts = (
                await work.sessions.retry_untariffed(_RETRIED_AT_ONCE),
                await work.sessions.retry_estimated(patience, _RETRIED_AT_ONCE),
            )
        return max(counts) == _RETRIED_AT_ONCE

    async def prices_so_far(self, sessions: Sequence[ChargingSession], timeout: float) -> Sequence[Price | None]:
        """What running sessions cost at this moment.

        None where no tariff applies or a tier or time zone cannot be had: a price without his discount would frighten
        a driver, none is honest. Takes at most about `timeout` seconds.
        """
        async with self._works() as work:
            tariffs = await bound_tariffs(work, sessions)
        now = self._clock.now()
        asked = [
            asyncio.create_task(self._price_so_far(tariffs.get(tariff_key(session)), session, now))
            for session in sessions
        ]
        if asked:
            _, late = await asyncio.wait(asked, timeout=timeout)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        return [None if task.cancelled() else task.result() for task in asked]

    async def _price_so_far(self, tariff: Tariff | None, session: ChargingSession, now: datetime) -> Price | None:
        if tariff is None:
            return None
        try:
            return price(tariff, await self._surroundings.consumption(session, now))
        except DomainError:
            return None

    async def _pending(self, after_id: str) -> Sequence[ChargingSession]:
        async with self._works() as work:
            return await work.sessions.pending(after_id, _PAGE)

    async def _bill(
        self, work: Work, priced: Sequence[tuple[ChargingSession, Price | None]]
    ) -> Sequence[ChargingSession]:
        """Bill PENDING sessions that are locked, at these prices; hold those without one."""
        now = self._clock.now()
        costs = {session.id: cost for session, cost in priced}
        sessions = await self._without_invoices(work, [session for session, _ in priced], now)
        pending = [(session, costs[session.id]) for session in sessions if _is_pending(session)]
        due = [(session, cost) for session, cost in pending if cost is not None]
        billed = {session.id: session for session in await self._invoiced(work, due, now)}
        done = [
            billed.get(session.id) or (held(session, NO_TARIFF, now) if _is_pending(session) else session)
            for session in sessions
        ]
        await work.sessions.store_bills(done)
        await work.publish(_unbilled([session for session, _ in priced], done))
        return done

    async def _without_void_invoices(
        self, work: Work, sessions: list[ChargingSession], now: datetime
    ) -> list[ChargingSession]:
        """`sessions`, those that are not to be billed after their invoices, if they have any, were taken back."""
        unbillable = [
            session
            for session in sessions
            if session.state is not SessionState.COMPLETED and not _is_pending(session) and session.invoice_id
        ]
        without = await self._without_invoices(work, unbillable, now)
        await work.publish(_unbilled(unbillable, without))
        taken_back = {session.id: session for session in without}
        return [taken_back.get(session.id, session) for session in sessions]

    async def _without_invoices(
        self, work: Work, sessions: Sequence[ChargingSession], now: datetime
    ) -> list[ChargingSession]:
        """`sessions` after the invoices that they have were taken back; held where money was paid for that."""
        invoices = await work.invoices.lock({session.invoice_id for session in sessions if session.invoice_id})
        done = []
        for session in sessions:
            if session.invoice_id is None:
                done.append(session)
                continue
            invoice = invoices.get(session.invoice_id)
            if invoice is None or invoice.paid.minor_units:
                done.append(held(session, PAID_BEFORE_CORRECTION, now))
                continue
            await work.invoices.replace(voided(invoice))
            done.append(unbilled(session))
        return done

    async def _invoiced(
        self, work: Work, due: Sequence[tuple[ChargingSession, Price]], now: datetime
    ) -> list[ChargingSession]:
        """Sessions after invoices were issued for them."""
        if not due:
            return []
        counts = await work.invoices.next_counts(now.year, len(due))
        invoices = [
            issued(new_id(), number_of(now.year, count), session.driver_id, session.id, cost, now)
            for (session, cost), count in zip(due, counts, strict=True)
        ]
        await work.invoices.add(invoices)
        issues = [(session, cost, invoice) for (session, cost), invoice in zip(due, invoices, strict=True)]
        await work.publish([_billed(session, invoice, now) for session, _, invoice in issues])
        return [completed(session, cost, invoice.id, now) for session, cost, invoice in issues]


def _billed(session: ChargingSession, invoice: Invoice, now: datetime) -> SessionBilled:
    return SessionBilled(
        charging_session_id=session.id,
        transaction_id=session.transaction_id,
        invoice_id=invoice.id,
        station_id=session.station_id,
        driver_id=session.driver_id,
        energy_wh=session.energy_wh,
        total=invoice.total,
        end_time=session.end_time or now,
        revision=session.revision,
    )


def _unbilled(before: Sequence[ChargingSession], after: Sequence[ChargingSession]) -> list[SessionUnbilled]:
    """What to tell of those among the same sessions whose invoice was taken back and not replaced."""
    return [
        SessionUnbilled(
            charging_session_id=session.id,
            transaction_id=session.transaction_id,
            invoice_id=had.invoice_id,
            revision=session.revision,
        )
        for had, session in zip(before, after, strict=True)
        if had.invoice_id is not None and session.invoice_id is None
    ]


def _newest(snapshots: Iterable[TransactionSnapshot]) -> dict[str, TransactionSnapshot]:
    """The newest snapshot of each transaction."""
    newest: dict[str, TransactionSnapshot] = {}
    for snapshot in snapshots:
        known = newest.get(snapshot.id)
        if known is None or snapshot.revision > known.revision:
            newest[snapshot.id] = snapshot
    return newest


def _cost(tariff: Tariff | None, used: Consumption | DomainError) -> Price | None:
    if tariff is None:
        return None
    if isinstance(used, DomainError):
        raise used
    return price(tariff, used)


def _is_pending(session: ChargingSession) -> bool:
    return session.hold_reason == PENDING


def _end(session: ChargingSession) -> datetime:
    return session.end_time or session.update_time
