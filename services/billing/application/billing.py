"""How a session becomes a bill, exactly once: the one place where invoices are issued and taken back."""

from datetime import datetime

from services.billing.domain.charging_session import (
    NO_TARIFF,
    PAID_BEFORE_CORRECTION,
    ChargingSession,
    SessionState,
    TransactionSnapshot,
    bound,
    completed,
    followed,
    held,
    hold_reason,
)
from services.billing.domain.events import SessionBilled
from services.billing.domain.invoice import InvoiceState, issued, number_of, voided
from services.billing.domain.pricing import LONGEST_SESSION, Consumption, Price, price
from services.billing.domain.tariff import Tariff
from services.billing.ports import Drivers, Stations, Work, Works
from services.kernel.clock import Clock
from services.kernel.errors import DomainError
from services.kernel.ids import new_id


class Biller:
    """Prices and bills sessions."""

    def __init__(self, works: Works, clock: Clock, drivers: Drivers, stations: Stations) -> None:
        self._works = works
        self._clock = clock
        self._drivers = drivers
        self._stations = stations

    async def take_in(self, work: Work, snapshot: TransactionSnapshot) -> None:
        """Bring the session of a transaction up to date, and bill it when it has ended.

        Idempotent, and of any order: only a snapshot newer than all before it has an effect.
        """
        now = self._clock.now()
        before = await work.sessions.of_transaction(snapshot, now)
        session = followed(before, snapshot, now)
        if session is before:
            return
        if not snapshot.is_ended:
            await work.sessions.replace(await self._with_tariff(work, session))
        elif reason := hold_reason(snapshot):
            await work.sessions.replace(held(session, reason))
        elif before.state is not SessionState.COMPLETED:
            await self.bill(work, session)
        elif (before.energy_wh, before.end_time) != (session.energy_wh, session.end_time):
            await self._correct(work, session)
        else:
            await work.sessions.replace(session)

    async def bill(self, work: Work, session: ChargingSession) -> ChargingSession:
        """Issue the invoice of an ended session; without a tariff it is held."""
        session = await self._with_tariff(work, session)
        tariff = await self._tariff(work, session)
        if tariff is None:
            session = held(session, NO_TARIFF)
            await work.sessions.replace(session)
            return session
        cost = price(tariff, await self._consumption(session, session.end_time or self._clock.now()))
        session = completed(session, cost, new_id())
        await self._issue(work, session, cost)
        await work.sessions.replace(session)
        return session

    async def price_so_far(self, session: ChargingSession, now: datetime) -> Price | None:
        """What a running session costs at this moment; None when no tariff applies or a tier cannot be asked for."""
        async with self._works() as work:
            tariff = await self._tariff(work, session)
        if tariff is None:
            return None
        try:
            return price(tariff, await self._consumption(session, now))
        except DomainError:
            # A price without the driver's discount would frighten him; none is honest.
            return None

    async def _correct(self, work: Work, session: ChargingSession) -> None:
        """Replace the invoice of a session whose facts changed after it was issued, unless money has moved."""
        invoice = await work.invoices.find(session.invoice_id or "", for_update=True)
        if invoice is None or invoice.state is not InvoiceState.OPEN or invoice.paid.minor_units:
            await work.sessions.replace(held(session, PAID_BEFORE_CORRECTION))
            return
        await work.invoices.replace(voided(invoice))
        await self.bill(work, session)

    async def _issue(self, work: Work, session: ChargingSession, cost: Price) -> None:
        now = self._clock.now()
        number = number_of(now.year, await work.invoices.next_count(now.year))
        invoice_id = session.invoice_id or new_id()
        await work.invoices.add(issued(invoice_id, number, session.driver_id, session.id, cost, now))
        await work.publish(
            [
                SessionBilled(
                    charging_session_id=session.id,
                    transaction_id=session.transaction_id,
                    invoice_id=invoice_id,
                    station_id=session.station_id,
                    driver_id=session.driver_id,
                    energy_wh=session.energy_wh,
                    total=cost.total,
                    end_time=session.end_time or now,
                )
            ]
        )

    async def _with_tariff(self, work: Work, session: ChargingSession) -> ChargingSession:
        """`session` with the version of the tariff that applies when it is first heard of; kept ever after."""
        if session.tariff_id is not None:
            return session
        tariff = await work.tariffs.applying_at(session.station_id)
        return session if tariff is None else bound(session, tariff)

    async def _tariff(self, work: Work, session: ChargingSession) -> Tariff | None:
        if session.tariff_id is None:
            return None
        return await work.tariffs.find(session.tariff_id, session.tariff_version)

    async def _consumption(self, session: ChargingSession, end: datetime) -> Consumption:
        tier = await self._drivers.tier(session.driver_id)
        # A clock that ran wild must not price a session by centuries, nor backwards.
        end = max(session.start_time, min(end, session.start_time + LONGEST_SESSION))
        return Consumption(
            energy_wh=session.energy_wh,
            start=session.start_time,
            end=end,
            idle_minutes=session.idle_minutes,
            time_zone=await self._stations.time_zone(session.station_id),
            tier=tier,
        )
