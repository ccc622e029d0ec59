"""How a session becomes a bill, exactly once: the one place where invoices are issued and taken back.

Locks are taken in this order, by all: session, invoice, the counter of invoices. Other services are only asked while
none is held: a slow one must not keep anybody else from being billed.
"""

import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from services.billing.domain.charging_session import (
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
from services.billing.domain.events import SessionBilled
from services.billing.domain.invoice import issued, number_of, voided
from services.billing.domain.pricing import LONGEST_SESSION, Consumption, Price, price
from services.billing.domain.tariff import Tariff
from services.billing.ports import Drivers, Stations, Work, Works
from services.kernel.clock import Clock
from services.kernel.errors import DomainError, not_found
from services.kernel.ids import new_id

_PAGE = 64
_RETRIED_AT_ONCE = 1000
# Each takes a connection to the database; others need some, too.
_AT_ONCE = 4

_log = logging.getLogger(__name__)


class Biller:
    """Follows transactions, and bills sessions that have ended."""

    def __init__(self, works: Works, clock: Clock, drivers: Drivers, stations: Stations) -> None:
        self._works = works
        self._clock = clock
        self._drivers = drivers
        self._stations = stations

    async def take_in(self, work: Work, snapshot: TransactionSnapshot) -> None:
        """Bring the session of a transaction up to date; one that has ended is billed by `settle`.

        Idempotent, and of any order: only a snapshot newer than all before it has an effect.
        """
        now = self._clock.now()
        before = await work.sessions.of_transaction(snapshot.id)
        session = followed(before or unheard(snapshot, now), snapshot, now)
        if session is before:
            return
        if session.state is not SessionState.COMPLETED and session.hold_reason != PENDING:
            session = await self._without_invoice(work, session)
        if session.tariff_id is None and (tariff := await tariff_of(work, session)) is not None:
            session = bound(session, tariff)
        await (work.sessions.add if before is None else work.sessions.replace)(session)

    async def settle_all(self) -> int:
        """Bill every PENDING session; how many could not be billed. The failure of one is not that of the others."""
        turns = asyncio.Semaphore(_AT_ONCE)

        async def settle_in_turn(session_id: str) -> None:
            async with turns:
                await self.settle(session_id)

        failures: list[BaseException] = []
        after = ""
        while ids := await self._pending(after):
            # Shuffled, so that replicas that see the same sessions do not follow each other from one to the next.
            shuffled = random.sample(ids, len(ids))
            outcomes = await asyncio.gather(*map(settle_in_turn, shuffled), return_exceptions=True)
            failures += [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
            after = ids[-1]
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
            end = session.end_time or session.update_time
            cost = None if tariff is None else price(tariff, await self._consumption(session, end))
            async with self._works() as work:
                if await work.sessions.find(session_id, for_update=True) == session:
                    return await self._bill(work, session, cost)

    async def retry_untariffed(self) -> bool:
        """Have sessions billed that waited for a tariff which exists by now; whether there may be more of them."""
        async with self._works() as work:
            return await work.sessions.retry_untariffed(_RETRIED_AT_ONCE) == _RETRIED_AT_ONCE

    async def prices_so_far(self, sessions: Sequence[ChargingSession], timeout: float) -> Sequence[Price | None]:
        """What running sessions cost at this moment.

        None where no tariff applies or a tier or time zone cannot be had: a price without his discount would frighten
        a driver, none is honest. Takes at most about `timeout` seconds.
        """
        async with self._works() as work:
            tariffs = {key: await work.tariffs.find(*key) for key in {_tariff_key(session) for session in sessions}}
        now = self._clock.now()
        asked = [
            asyncio.create_task(self._price_so_far(tariffs[_tariff_key(session)], session, now)) for session in sessions
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
            return price(tariff, await self._consumption(session, now))
        except DomainError:
            return None

    async def _pending(self, after_id: str) -> Sequence[str]:
        async with self._works() as work:
            return await work.sessions.pending(after_id, _PAGE)

    async def _bill(self, work: Work, session: ChargingSession, cost: Price | None) -> ChargingSession:
        now = self._clock.now()
        session = await self._without_invoice(work, replace(session, update_time=now))
        if session.hold_reason == PENDING:
            session = held(session, NO_TARIFF) if cost is None else await self._invoiced(work, session, cost, now)
        await work.sessions.replace(session)
        return session

    async def _without_invoice(self, work: Work, session: ChargingSession) -> ChargingSession:
        """`session` after its invoice, if it has one, was taken back; held when money was paid for that."""
        if session.invoice_id is None:
            return session
        invoice = await work.invoices.find(session.invoice_id, for_update=True)
        if invoice is None or invoice.paid.minor_units:
            return held(session, PAID_BEFORE_CORRECTION)
        await work.invoices.replace(voided(invoice))
        return unbilled(session)

    async def _invoiced(self, work: Work, session: ChargingSession, cost: Price, now: datetime) -> ChargingSession:
        number = number_of(now.year, await work.invoices.next_count(now.year))
        invoice = issued(new_id(), number, session.driver_id, session.id, cost, now)
        await work.invoices.add(invoice)
        billed = SessionBilled(
            charging_session_id=session.id,
            transaction_id=session.transaction_id,
            invoice_id=invoice.id,
            station_id=session.station_id,
            driver_id=session.driver_id,
            energy_wh=session.energy_wh,
            total=cost.total,
            end_time=session.end_time or now,
        )
        await work.publish([billed])
        return completed(session, cost, invoice.id)

    async def _consumption(self, session: ChargingSession, end: datetime) -> Consumption:
        tier = await self._drivers.tier(session.driver_id)
        # A clock that ran wild must not price a session by centuries, nor backwards.
        length = min(max(end - session.start_time, timedelta()), LONGEST_SESSION)
        return Consumption(
            energy_wh=session.energy_wh,
            start=session.start_time,
            end=session.start_time + length,
            idle_minutes=session.idle_minutes,
            time_zone=await self._stations.time_zone(session.station_id),
            tier=tier,
        )


async def tariff_of(work: Work, session: ChargingSession) -> Tariff | None:
    """The version a session is bound to; else the one that applied when it began; else the one that applies now."""
    if session.tariff_id is not None:
        return await work.tariffs.find(*_tariff_key(session))
    return await work.tariffs.applying_at(session.station_id, session.start_time) or await work.tariffs.applying_at(
        session.station_id
    )


def _tariff_key(session: ChargingSession) -> tuple[str, int]:
    return session.tariff_id or "", session.tariff_version
