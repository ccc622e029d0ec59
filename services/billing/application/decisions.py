"""What persons can decide about charging sessions."""

import logging

from services.billing.application.billing import Biller
from services.billing.application.invoicing import Invoicing
from services.billing.application.tariff_choice import tariff_of
from services.billing.domain.charging_session import PENDING, ChargingSession, SessionState, billable
from services.billing.domain.decision import (
    Choice,
    Decision,
    DecisionFilter,
    decided,
    recorded,
    require_same,
    validated,
)
from services.billing.domain.pricing import require_valid
from services.billing.domain.tariff import Tariff
from services.billing.ports import Drivers, UnitOfWork, UnitsOfWork
from services.kernel.clock import Clock
from services.kernel.errors import DomainError, not_found
from services.kernel.ids import new_id
from services.kernel.pagination import Page, PageRequest

_log = logging.getLogger(__name__)


class Decisions:
    """The use cases of decisions."""

    def __init__(
        self, units_of_work: UnitsOfWork, clock: Clock, biller: Biller, invoicing: Invoicing, drivers: Drivers
    ) -> None:
        self._units_of_work = units_of_work
        self._clock = clock
        self._biller = biller
        self._invoicing = invoicing
        self._drivers = drivers

    async def page(self, narrowing: DecisionFilter, page: PageRequest) -> Page[Decision]:
        """One page of decisions, the newest first."""
        async with self._units_of_work.reading() as work:
            return await work.decisions.page(narrowing, page)

    async def decide(self, session_id: str, choice: Choice, etag: str, request_id: str) -> ChargingSession:
        """The session after a decision, which is kept with what it changed, and after the bill that follows from it.

        While others cannot be asked for its price it is PENDING, and billed later. Idempotent by `request_id`. Raises:
        CHARGING_SESSION_NOT_FOUND, INVALID_FIELD, ETAG_MISMATCH, CHARGING_SESSION_RUNNING, CHARGING_SESSION_NOT_HELD,
        DRIVER_NOT_FOUND, TARIFF_NOT_FOUND, TARIFF_NOT_VALID.
        """
        validated(choice)
        if choice.driver_id is not None:
            await self._drivers.require(choice.driver_id)
        async with self._units_of_work() as work:
            session = await work.sessions.find(session_id, for_update=True)
            if session is None:
                raise not_found("charging session", session_id)
            decision_id = new_id()
            if request_id and await work.remember(request_id, decision_id) != decision_id:
                return session
            require_same(session, etag)
            after = decided(session, choice, await _tariff_for(work, choice), decision_id, self._clock.now())
            await _require_tariff(work, after)
            await work.decisions.add(recorded(session, after))
            if after.state is SessionState.WRITTEN_OFF:
                after = await self._invoicing.written_off(work, after)
            await work.sessions.store([after])
        _log.info("%s decided about charging session %s: %s", choice.decided_by, session_id, choice.kind)
        try:
            return await self._biller.settle(session_id)
        except DomainError as error:
            _log.warning("session %s is billed later: %s", session_id, error.message)
            return after


async def _tariff_for(work: UnitOfWork, choice: Choice) -> Tariff | None:
    if choice.tariff_id is None:
        return None
    tariff = await work.tariffs.find(choice.tariff_id)
    if tariff is None:
        raise not_found("tariff", choice.tariff_id)
    return require_valid(tariff)


async def _require_tariff(work: UnitOfWork, session: ChargingSession) -> None:
    """Raises: TARIFF_NOT_FOUND when `session` is to be billed and no tariff applies."""
    if session.hold_reason == PENDING and await tariff_of(work, billable(session)) is None:
        raise not_found("tariff", f"for station {session.station_id or 'none'}")
