"""What can be done with charging sessions, and how they follow from what charge points told."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.billing.application.billing import Biller
from services.billing.domain.charging_session import (
    ChargingSession,
    ChargingSessionFilter,
    SessionState,
    bound,
    check_completable,
    priced,
)
from services.billing.domain.pricing import Consumption, checked, require_valid
from services.billing.ports import Transactions, Works
from services.chassis.pagination import Page, PageRequest
from services.kernel.clock import Clock
from services.kernel.errors import invalid, not_found
from services.kernel.ids import new_id


class ChargingSessions:
    """The use cases of charging sessions. Each method is one unit of work."""

    def __init__(self, works: Works, clock: Clock, biller: Biller, transactions: Transactions) -> None:
        self._works = works
        self._clock = clock
        self._biller = biller
        self._transactions = transactions

    async def page(self, narrowing: ChargingSessionFilter, page: PageRequest) -> Page[ChargingSession]:
        """One page of sessions, the latest started first; running ones with energy and cost of this moment."""
        async with self._works() as work:
            found = await work.sessions.page(narrowing, page)
        return Page(await self._live(found.items), found.next_token, found.total_size)

    async def get(self, session_id: str) -> ChargingSession:
        """The session; a running one with energy and cost of this moment. Raises: CHARGING_SESSION_NOT_FOUND."""
        async with self._works() as work:
            session = _found(await work.sessions.find(session_id), session_id)
        [live] = await self._live([session])
        return live

    async def create(self, fields: Mapping[str, Any], start_time: datetime | None, request_id: str) -> ChargingSession:
        """Make a session that did not come by OCPP. Idempotent by `request_id`.

        Raises: INVALID_FIELD, TARIFF_NOT_FOUND, TARIFF_NOT_VALID.
        """
        now = self._clock.now()
        session = ChargingSession(id=new_id(), **fields, start_time=start_time or now, create_time=now, update_time=now)
        if session.start_time > now:
            raise invalid("chargingSession.startTime", "must not lie in the future")
        async with self._works() as work:
            if request_id and (made := await work.remember("sessions", request_id, session.id)) != session.id:
                return _found(await work.sessions.find(made), made)
            if session.tariff_id is None:
                tariff = await work.tariffs.applying_at(session.station_id)
            else:
                tariff = await work.tariffs.find(session.tariff_id)
                if tariff is None:
                    raise not_found("tariff", session.tariff_id)
                require_valid(tariff)
            if tariff is not None:
                session = bound(session, tariff)
            await work.sessions.add(session)
        return session

    async def complete(
        self, session_id: str, energy_wh: int, end_time: datetime | None, idle_minutes: int
    ) -> ChargingSession:
        """Complete and bill a session that did not come by OCPP; a repeat returns it as it is.

        Raises: CHARGING_SESSION_NOT_FOUND, INVALID_FIELD, CHARGING_SESSION_COMPLETED.
        """
        async with self._works() as work:
            session = _found(await work.sessions.find(session_id, for_update=True), session_id)
            if check_completable(session, energy_wh, end_time, idle_minutes):
                return session
            now = self._clock.now()
            end = end_time or now
            checked(Consumption(energy_wh=energy_wh, start=session.start_time, end=end, idle_minutes=idle_minutes))
            session = replace(session, energy_wh=energy_wh, end_time=end, idle_minutes=idle_minutes, update_time=now)
            return await self._biller.bill(work, session)

    async def _live(self, sessions: Sequence[ChargingSession]) -> list[ChargingSession]:
        running = [
            session.transaction_id
            for session in sessions
            if session.state is SessionState.ACTIVE and session.transaction_id is not None
        ]
        energies = await self._transactions.energy_wh(running) if running else {}
        return [await self._at_this_moment(session, energies) for session in sessions]

    async def _at_this_moment(self, session: ChargingSession, energies: Mapping[str, int]) -> ChargingSession:
        if session.state is not SessionState.ACTIVE:
            return session
        energy_wh = energies.get(session.transaction_id or "", session.energy_wh)
        session = replace(session, energy_wh=energy_wh)
        price = await self._biller.price_so_far(session, self._clock.now())
        return priced(session, price) if price is not None else session


def _found(session: ChargingSession | None, session_id: str) -> ChargingSession:
    if session is None:
        raise not_found("charging session", session_id)
    return session
