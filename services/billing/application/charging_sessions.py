"""What can be done with charging sessions, and how they follow from what charge points told."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.billing.application.billing import Biller
from services.billing.application.tariff_choice import tariff_of
from services.billing.domain.charging_session import (
    CLOCK_SKEW,
    ChargingSession,
    ChargingSessionFilter,
    SessionState,
    bound,
    check_completable,
    ended,
    priced,
    validated,
)
from services.billing.domain.pricing import Consumption, Explanation, checked, require_valid
from services.billing.domain.tariff import Tariff
from services.billing.ports import ChargingSessionReads, Transactions, UnitOfWork, UnitsOfWork
from services.kernel.clock import Clock
from services.kernel.errors import DomainError, invalid, not_found
from services.kernel.ids import new_id
from services.kernel.pagination import Page, PageRequest
from services.kernel.tenancy import owner_of_new

# Waited for twice in a row, for energy and for what prices depend on: a list of sessions cannot take longer.
_LIVE_SECONDS = 1.0

_log = logging.getLogger(__name__)


class ChargingSessions:
    """The use cases of charging sessions. Each method is one unit of work."""

    def __init__(
        self,
        units_of_work: UnitsOfWork,
        reads: ChargingSessionReads,
        clock: Clock,
        biller: Biller,
        transactions: Transactions,
    ) -> None:
        self._units_of_work = units_of_work
        self._reads = reads
        self._clock = clock
        self._biller = biller
        self._transactions = transactions

    async def page(self, narrowing: ChargingSessionFilter, page: PageRequest) -> Page[ChargingSession]:
        """One page of sessions in the order that the filter says.

        Running ones with energy and cost of this moment, unless it is asked what changed: who compares wants what is
        kept, and not to wait for others.
        """
        found = await self._reads.page(narrowing, page)
        if narrowing.update_time_from is not None:
            return found
        return Page(await self._live(found.items), found.next_token, found.total_size)

    async def get(self, session_id: str) -> ChargingSession:
        """The session; a running one with energy and cost of this moment. Raises: CHARGING_SESSION_NOT_FOUND."""
        session = _found(await self._reads.find(session_id), session_id)
        [live] = await self._live([session])
        return live

    async def explain(self, session_id: str, seen_by: str | None = None) -> tuple[ChargingSession, Explanation]:
        """The session, a running one with energy and cost of this moment, and how its price comes about.

        Raises: CHARGING_SESSION_NOT_FOUND, also for a driver and the session of another; TARIFF_NOT_FOUND when none
        applies; UNAVAILABLE.
        """
        session = _found(await self._reads.find(session_id), session_id)
        if seen_by not in (None, session.driver_id):
            raise not_found("charging session", session_id)
        if session.state is not SessionState.ACTIVE:
            return session, await self._biller.explain(session)
        [session] = await self._with_energy([session])
        explanation = await self._biller.explain(session)
        return priced(session, explanation.price), explanation

    async def create(self, fields: Mapping[str, Any], start_time: datetime | None, request_id: str) -> ChargingSession:
        """Make a session that did not come by OCPP. Idempotent by `request_id`.

        Raises: INVALID_FIELD, TARIFF_NOT_FOUND, TARIFF_NOT_VALID.
        """
        now = self._clock.now()
        session = ChargingSession(
            id=new_id(),
            **fields,
            start_time=start_time or now,
            create_time=now,
            update_time=now,
            tenant_id=owner_of_new(),
        )
        validated(session, now)
        async with self._units_of_work() as work:
            if request_id and (made := await work.remember(request_id, session.id)) != session.id:
                return _found(await work.sessions.find(made), made)
            tariff = await _tariff_for(work, session)
            if tariff is not None:
                session = bound(session, tariff)
            await work.sessions.store([session])
        return session

    async def complete(
        self, session_id: str, energy_wh: int, end_time: datetime | None, idle_minutes: int
    ) -> ChargingSession:
        """Complete and bill a session that did not come by OCPP; a repeat returns it as it is.

        While others cannot be asked for its price it is PENDING, and billed later. Raises: CHARGING_SESSION_NOT_FOUND,
        INVALID_FIELD, CHARGING_SESSION_COMPLETED.
        """
        now = self._clock.now()
        async with self._units_of_work() as work:
            session = _found(await work.sessions.find(session_id, for_update=True), session_id)
            if not check_completable(session, energy_wh, end_time, idle_minutes):
                end = end_time or max(now, session.start_time)
                if end > now + CLOCK_SKEW:
                    raise invalid("endTime", "must not lie in the future")
                used = Consumption(energy_wh=energy_wh, start=session.start_time, end=end, idle_minutes=idle_minutes)
                checked(used, "startTime", "endTime")
                session = ended(session, energy_wh, end, idle_minutes, now)
                await work.sessions.store([session])
        try:
            return await self._biller.settle(session_id)
        except DomainError as error:
            _log.warning("session %s is billed later: %s", session_id, error.message)
            return session

    async def _live(self, sessions: Sequence[ChargingSession]) -> list[ChargingSession]:
        """`sessions`, the running ones with energy and cost of this moment as far as these can be had in time."""
        running = [session for session in sessions if session.state is SessionState.ACTIVE]
        if not running:
            return list(sessions)
        running = await self._with_energy(running)
        prices = await self._biller.prices_so_far(running, _LIVE_SECONDS)
        live = {
            session.id: session if price is None else priced(session, price)
            for session, price in zip(running, prices, strict=True)
        }
        return [live.get(session.id, session) for session in sessions]

    async def _with_energy(self, running: Sequence[ChargingSession]) -> list[ChargingSession]:
        """Running sessions with the energy of this moment, as far as it can be had in time."""
        transaction_ids = [session.transaction_id for session in running if session.transaction_id is not None]
        energies = await self._transactions.energy_wh(transaction_ids, _LIVE_SECONDS) if transaction_ids else {}
        return [
            session._replace(energy_wh=energies.get(session.transaction_id or "", session.energy_wh))
            for session in running
        ]


async def _tariff_for(work: UnitOfWork, session: ChargingSession) -> Tariff | None:
    if session.tariff_id is None:
        return await tariff_of(work, session)
    tariff = await work.tariffs.find(session.tariff_id)
    if tariff is None:
        raise not_found("tariff", session.tariff_id)
    return require_valid(tariff)


def _found(session: ChargingSession | None, session_id: str) -> ChargingSession:
    if session is None:
        raise not_found("charging session", session_id)
    return session
