"""Issues invoices and takes them back: the only place that does.

Locks are taken in this order, by all: sessions, invoices, the counters of documents. Nobody else is asked meanwhile.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from services.billing.domain.charging_session import ChargingSession, billable, completed, unbilled
from services.billing.domain.events import SessionBilled, SessionUnbilled
from services.billing.domain.following import taken_back, takes_bill_back
from services.billing.domain.invoice import Invoice, InvoiceKind, carried_over, credited, issued, number_of, voided
from services.billing.domain.payment import Payment
from services.billing.domain.pricing import Price
from services.billing.domain.remarks import NO_REMARKS
from services.billing.domain.settlement import Change, change_of, standing, without_bill
from services.billing.domain.taxation import BillingTerms, taxed_for
from services.billing.ports import UnitOfWork
from services.kernel.clock import Clock
from services.kernel.ids import new_id


class _Issue(NamedTuple):
    """A bill that is to be issued; `credit_note` takes back the one before, if that was paid."""

    session: ChargingSession
    cost: Price
    credit_note: Invoice | None = None


class Invoicing:
    """Changes bills within the unit of work of whoever holds the locks on their sessions.

    `correction_limit` is by how much a paid bill changes without a person, in major units of its currency.
    """

    def __init__(self, clock: Clock, correction_limit: Decimal) -> None:
        self._clock = clock
        self._limit = correction_limit

    async def bill(
        self, work: UnitOfWork, priced: Sequence[tuple[ChargingSession, Price | None]]
    ) -> Sequence[ChargingSession]:
        """Bill PENDING sessions of one tenant that are locked, at these prices, and store them; hold those without
        one."""
        now = self._clock.now()
        terms = await _terms(work, priced)
        priced = _taxed(priced, terms)
        invoices = await _invoices(work, [session for session, _ in priced])
        done: dict[str, ChargingSession] = {}
        issues: list[_Issue] = []
        for session, cost in priced:
            invoice = invoices.get(session.invoice_id or "")
            change = change_of(session, invoice, cost, self._limit)
            if change in (Change.WAIT, Change.STAND, Change.ASK):
                done[session.id] = standing(session, change, cost, now)
                continue
            note = None if invoice is None else await self._taken_back(work, invoice)
            if cost is None:
                done[session.id] = without_bill(session, now)
            else:
                issues.append(_Issue(billable(session), cost, note))
        done |= {session.id: session for session in await _issue(work, issues, now, terms.payment_days)}
        after = [done[session.id] for session, _ in priced]
        # Of those with remarks more than their bills may change.
        plain = [session.remarks is NO_REMARKS and done[session.id].remarks is NO_REMARKS for session, _ in priced]
        await work.sessions.store([one for one, is_plain in zip(after, plain, strict=True) if not is_plain])
        await work.sessions.store_bills([one for one, is_plain in zip(after, plain, strict=True) if is_plain])
        await work.publish(_unbilled([session for session, _ in priced], after))
        return after

    async def without_void_bills(self, work: UnitOfWork, sessions: list[ChargingSession]) -> list[ChargingSession]:
        """`sessions`; those of which there turns out to be nothing to bill without their bill, unless it is paid."""
        nothing = [session for session in sessions if takes_bill_back(session)]
        if not nothing:
            return sessions
        invoices, after = await _invoices(work, nothing), dict[str, ChargingSession]()
        for session in nothing:
            invoice = invoices.get(session.invoice_id or "")
            if invoice is None or not invoice.paid.minor_units:
                if invoice is not None:
                    await work.invoices.replace(voided(invoice))
                after[session.id] = taken_back(session)
        had = [session for session in nothing if session.id in after]
        await work.publish(_unbilled(had, [after[session.id] for session in had]))
        return [after.get(session.id, session) for session in sessions]

    async def written_off(self, work: UnitOfWork, session: ChargingSession) -> ChargingSession:
        """A locked `session` after its bill, if it has one, was taken back."""
        invoice = (await _invoices(work, [session])).get(session.invoice_id or "")
        note = None if invoice is None else await self._taken_back(work, invoice)
        if note is not None:
            await work.invoices.add_credit_note(note)
        after = unbilled(session)
        await work.publish(_unbilled([session], [after]))
        return after

    async def _taken_back(self, work: UnitOfWork, invoice: Invoice) -> Invoice | None:
        """The credit note that takes an invoice back, which is still to be added; None if it was voided instead."""
        if not invoice.paid.minor_units:
            await work.invoices.replace(voided(invoice))
            return None
        now = self._clock.now()
        [count] = await work.invoices.next_counts(invoice.tenant_id, now.year, 1, InvoiceKind.CREDIT_NOTE)
        number = number_of(now.year, count, InvoiceKind.CREDIT_NOTE)
        after, note = credited(invoice, new_id(), number, now)
        await work.invoices.replace(after)
        return note


async def _terms(work: UnitOfWork, priced: Sequence[tuple[ChargingSession, Price | None]]) -> BillingTerms:
    """What seller and customers add to prices of sessions of one tenant."""
    if not priced:
        return BillingTerms({}, None)
    drivers = {billable(session).driver_id for session, cost in priced if cost is not None}
    return await work.parties.terms(priced[0][0].tenant_id, {one for one in drivers if one is not None})


def _taxed(
    priced: Sequence[tuple[ChargingSession, Price | None]], terms: BillingTerms
) -> Sequence[tuple[ChargingSession, Price | None]]:
    """The same with prices as those who pay them are taxed."""
    if not terms.treatments:
        return priced
    return [
        (session, None if cost is None else taxed_for(cost, terms.treatment_of(billable(session).driver_id)))
        for session, cost in priced
    ]


async def _issue(
    work: UnitOfWork, issues: Sequence[_Issue], now: datetime, payment_days: int | None
) -> list[ChargingSession]:
    """Sessions of one tenant after invoices were issued for them, due in `payment_days`."""
    if not issues:
        return []
    tenant_id = issues[0].session.tenant_id
    counts = await work.invoices.next_counts(tenant_id, now.year, len(issues))
    invoices: list[Invoice] = []
    payments: list[Payment] = []
    for (session, cost, note), count in zip(issues, counts, strict=True):
        number = number_of(now.year, count)
        invoice = issued(new_id(), number, session.driver_id, session.id, cost, now, tenant_id, payment_days)
        if note is not None:
            note, invoice, payment = _carried_over(note, invoice, now)
            await work.invoices.add_credit_note(note)
            payments += payment
        invoices.append(invoice)
    await work.invoices.add(invoices)
    for one in payments:
        await work.payments.add(one)
    billed = [(session, cost, invoice) for (session, cost, _), invoice in zip(issues, invoices, strict=True)]
    await work.publish([_billed(session, invoice, now) for session, _, invoice in billed])
    return [completed(session, cost, invoice.id, now) for session, cost, invoice in billed]


def _carried_over(note: Invoice, invoice: Invoice, now: datetime) -> tuple[Invoice, Invoice, list[Payment]]:
    """A credit note and the next invoice after the money of the one was counted for the other, and the record of it."""
    note, invoice, amount = carried_over(note, invoice)
    if not amount.minor_units:
        return note, invoice, []
    payment = Payment(
        id=new_id(),
        invoice_id=invoice.id,
        driver_id=invoice.driver_id,
        payment_method_id=None,
        amount=amount,
        external_reference="",
        create_time=now,
        credit_note_id=note.id,
        tenant_id=invoice.tenant_id,
    )
    return note, invoice, [payment]


async def _invoices(work: UnitOfWork, sessions: Sequence[ChargingSession]) -> Mapping[str, Invoice]:
    """The invoices of sessions, locked."""
    return await work.invoices.lock({session.invoice_id for session in sessions if session.invoice_id})


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
        decision_count=session.remarks.decision_count,
        tenant_id=session.tenant_id,
    )


def _unbilled(before: Sequence[ChargingSession], after: Sequence[ChargingSession]) -> list[SessionUnbilled]:
    """What to tell of those among the same sessions whose bill was taken back and not replaced."""
    return [
        SessionUnbilled(
            charging_session_id=session.id,
            transaction_id=session.transaction_id,
            invoice_id=had.invoice_id,
            revision=session.revision,
            decision_count=session.remarks.decision_count,
            tenant_id=session.tenant_id,
        )
        for had, session in zip(before, after, strict=True)
        if had.invoice_id is not None and session.invoice_id is None
    ]
