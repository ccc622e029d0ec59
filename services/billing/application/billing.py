"""How a session becomes a bill, exactly once: follows transactions, and prices what has ended.

Who bills many sessions at once waits for none of them. Other services are only asked while nothing is locked: a slow
one must not keep anybody else from being billed.
"""

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from services.billing.application.invoicing import Invoicing
from services.billing.application.pricing_context import PricingContext, Question
from services.billing.application.tariff_choice import bound_tariffs, tariff_key, tariff_of, tariffs_of
from services.billing.domain.charging_session import (
    END_PATIENCE,
    PENDING,
    ChargingSession,
    SessionState,
    billable,
    bound,
)
from services.billing.domain.course import Course
from services.billing.domain.following import TransactionSnapshot, followed, unheard
from services.billing.domain.pricing import Consumption, Explanation, Price, explain, may_need_course, price
from services.billing.domain.tariff import Tariff
from services.billing.domain.taxation import taxed_for
from services.billing.ports import Drivers, Stations, Transactions, UnitOfWork, UnitsOfWork
from services.kernel.clock import Clock
from services.kernel.errors import DomainError, not_found
from services.kernel.tenancy import as_tenant, owner_of_new
from services.process import tracing

# As many as the driver service tells the tiers of in one answer.
_PAGE = 250
_RETRIED_AT_ONCE = 1000
# Each takes a connection to the database; others need some, too.
_AT_ONCE = 4

_log = logging.getLogger(__name__)


class Biller:
    """Follows transactions, and bills sessions that have ended."""

    def __init__(
        self,
        units_of_work: UnitsOfWork,
        clock: Clock,
        drivers: Drivers,
        stations: Stations,
        transactions: Transactions,
        invoicing: Invoicing,
        *,
        bills_unmetered: bool = False,
        end_patience: timedelta = END_PATIENCE,
    ) -> None:
        """`bills_unmetered` says that sessions which told no energy register wait for nobody, `end_patience` for how
        long those wait whose end nobody has told."""
        self._units_of_work = units_of_work
        self._clock = clock
        self._bills_unmetered = bills_unmetered
        self._end_patience = end_patience
        self._invoicing = invoicing
        self._pricing_context = PricingContext(drivers, stations, transactions, clock)

    async def take_in(self, work: UnitOfWork, snapshots: Iterable[TransactionSnapshot]) -> None:
        """Bring the sessions of transactions up to date; those that have ended are billed by `settle_all`.

        Idempotent, and of any order: only a snapshot newer than all before it has an effect. Once in a unit of work.
        """
        now, newest = self._clock.now(), _newest(snapshots)
        known = await work.sessions.of_transactions(newest)
        changed = []
        for snapshot in newest.values():
            before = known.get(snapshot.id) or unheard(snapshot, now)
            session = followed(before, snapshot.unmetered() if self._bills_unmetered else snapshot, now)
            if session is not before:
                changed.append(session)
        changed = await self._invoicing.without_void_bills(work, changed)
        unbound = [session for session in changed if session.tariff_id is None]
        tariffs = await tariffs_of(work, unbound) if unbound else []
        found = {session.id: tariff for session, tariff in zip(unbound, tariffs, strict=True) if tariff is not None}
        await work.sessions.store(
            [bound(session, found[session.id]) if session.id in found else session for session in changed]
        )

    async def settle_all(self) -> int:
        """Bill every PENDING session; how many could not be billed. The failure of one is not that of the others.

        Those that somebody else is just changing or billing are left to them, or to the next time. What comes of the
        sessions of a tenant is done for that tenant: nothing of another can get into its bills.
        """
        failures: list[BaseException] = []
        after, is_last = "", False
        while not is_last and (sessions := await self._pending(after)):
            for tenant_id, own in _by_tenant(sessions).items():
                with as_tenant(tenant_id):
                    failures += await self._settle_all_of(own)
            after, is_last = sessions[-1].id, len(sessions) < _PAGE
        if failures:
            mine = next((failure for failure in failures if not isinstance(failure, DomainError)), None)
            _log.warning("%d sessions cannot be billed now: %s", len(failures), mine or failures[0], exc_info=mine)
        return len(failures)

    async def settle(self, session_id: str) -> ChargingSession:
        """Bill a session if it is PENDING: issue its invoice in the place of one that says something else.

        Without a tariff it is held. Returns the session. Raises: CHARGING_SESSION_NOT_FOUND; UNAVAILABLE when others
        cannot be asked.
        """
        with tracing.span("settle bill", attributes={"csms.charging_session_id": session_id}) as span:
            settled = await self._settled(session_id)
            span.note({"csms.hold_reason": str(settled.hold_reason or "")})
            return settled

    async def _settled(self, session_id: str) -> ChargingSession:
        while True:
            async with self._units_of_work() as work:
                session = await work.sessions.find(session_id)
                if session is None:
                    raise not_found("charging session", session_id)
                if session.hold_reason != PENDING:
                    return session
                to_bill = billable(session)
                tariff = await tariff_of(work, to_bill)
            with as_tenant(session.tenant_id):
                [used] = await self._pricing_context.consumptions([Question(to_bill, tariff, _end(to_bill))])
                cost = _cost(tariff, used)
                async with self._units_of_work() as work:
                    if await work.sessions.find(session_id, for_update=True) == session:
                        [session] = await self._invoicing.bill(work, [(session, cost)])
                        return session

    async def _settle_all_of(self, sessions: Sequence[ChargingSession]) -> list[BaseException]:
        """Bill sessions of one tenant; why some could not be billed."""
        try:
            return await self._settle_together(sessions)
        except Exception:  # which session it was is found out one by one
            return await self._settle_one_by_one(sessions)

    async def _settle_together(self, sessions: Sequence[ChargingSession]) -> list[BaseException]:
        """Bill sessions in one unit of work; why some could not be priced."""
        with tracing.span("settle bills", attributes={"csms.sessions": len(sessions)}) as span:
            failures = await self._priced_and_billed(sessions)
            if failures:
                span.fail(f"{len(failures)} sessions cannot be priced")
            return failures

    async def _priced_and_billed(self, sessions: Sequence[ChargingSession]) -> list[BaseException]:
        to_bill = [billable(session) for session in sessions]
        async with self._units_of_work() as work:
            tariffs = await tariffs_of(work, to_bill)
        questions = [Question(session, tariff, _end(session)) for session, tariff in zip(to_bill, tariffs, strict=True)]
        used = await self._pricing_context.consumptions(questions)
        costs: dict[str, Price | None] = {}
        failures: list[BaseException] = []
        for session, tariff, consumption in zip(sessions, tariffs, used, strict=True):
            try:
                costs[session.id] = _cost(tariff, consumption)
            except Exception as error:  # whatever is odd about one session must not keep the others from being billed
                failures.append(error)
        if costs:
            async with self._units_of_work() as work:
                times = await work.sessions.lock_pending(costs)
                same = [session for session in sessions if times.get(session.id) == session.update_time]
                await self._invoicing.bill(work, [(session, costs[session.id]) for session in same])
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
        patience = self._clock.now() - self._end_patience
        async with self._units_of_work() as work:
            counts = (
                await work.sessions.retry_untariffed(_RETRIED_AT_ONCE),
                await work.sessions.retry_estimated(patience, _RETRIED_AT_ONCE),
            )
        return max(counts) == _RETRIED_AT_ONCE

    async def explain(self, session: ChargingSession) -> Explanation:
        """How the price of a session comes about; of one that runs up to now.

        Raises: TARIFF_NOT_FOUND when none applies, UNAVAILABLE.
        """
        async with self._units_of_work() as work:
            tariff = await tariff_of(work, session)
            drivers = {session.driver_id} if session.driver_id is not None else set[str]()
            terms = await work.parties.terms(session.tenant_id, drivers)
        if tariff is None:
            raise not_found("tariff", f"of session {session.id}")
        end = self._clock.now() if session.state is SessionState.ACTIVE else _end(session)
        used = await self._pricing_context.consumption_in_full(Question(session, tariff, end))
        explained = explain(tariff, used)
        cost = taxed_for(explained.price, terms.treatment_of(session.driver_id))
        lines = [one._replace(line=line) for one, line in zip(explained.lines, cost.lines, strict=True)]
        return explained._replace(price=cost, lines=lines)

    async def prices_so_far(self, sessions: Sequence[ChargingSession], timeout: float) -> Sequence[Price | None]:
        """What running sessions cost at this moment.

        None where no tariff applies, or what its price depends on cannot be had: one without a discount would frighten
        a driver, none is honest. Takes at most about `timeout` seconds.
        """
        async with self._units_of_work() as work:
            tariffs = await bound_tariffs(work, sessions)
            drivers = {session.driver_id for session in sessions if session.driver_id is not None}
            terms = await work.parties.terms(owner_of_new(), drivers)
        now = self._clock.now()
        questions = [Question(session, tariffs.get(tariff_key(session)), now) for session in sessions]
        courses = asyncio.create_task(self._pricing_context.courses(questions))
        asked = [asyncio.create_task(self._price_so_far(question, courses)) for question in questions]
        if asked:
            _, late = await asyncio.wait(asked, timeout=timeout)
            for task in (*late, courses):
                task.cancel()
        await asyncio.gather(*asked, courses, return_exceptions=True)
        prices = [None if task.cancelled() else task.result() for task in asked]
        return [
            None if cost is None else taxed_for(cost, terms.treatment_of(session.driver_id))
            for session, cost in zip(sessions, prices, strict=True)
        ]

    async def _price_so_far(self, question: Question, courses: asyncio.Task[Mapping[str, Course]]) -> Price | None:
        if question.tariff is None:
            return None
        try:
            known = await asyncio.shield(courses) if may_need_course(question.tariff) else {}
            return price(question.tariff, await self._pricing_context.consumption(question, known))
        except DomainError:
            return None

    async def _pending(self, after_id: str) -> Sequence[ChargingSession]:
        async with self._units_of_work() as work:
            return await work.sessions.pending(after_id, _PAGE)


def _newest(snapshots: Iterable[TransactionSnapshot]) -> dict[str, TransactionSnapshot]:
    """The newest snapshot of each transaction."""
    newest: dict[str, TransactionSnapshot] = {}
    for snapshot in snapshots:
        known = newest.get(snapshot.id)
        if known is None or snapshot.revision > known.revision:
            newest[snapshot.id] = snapshot
    return newest


def _by_tenant(sessions: Iterable[ChargingSession]) -> Mapping[str, Sequence[ChargingSession]]:
    found: defaultdict[str, list[ChargingSession]] = defaultdict(list)
    for session in sessions:
        found[session.tenant_id].append(session)
    return found


def _cost(tariff: Tariff | None, used: Consumption | DomainError) -> Price | None:
    if tariff is None:
        return None
    if isinstance(used, DomainError):
        raise used
    return price(tariff, used)


def _end(session: ChargingSession) -> datetime:
    return session.end_time or session.update_time
