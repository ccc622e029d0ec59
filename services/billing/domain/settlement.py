"""What becomes of a session when its bill is due: the one rule of how bills come about and change.

An invoice for which nothing was paid is voided. One for which money was paid only changes by a credit note: by itself
if the difference is small, else a person decides.
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from enum import Enum, auto

from services.billing.domain.charging_session import (
    CORRECTION,
    NO_TARIFF,
    ChargingSession,
    billable,
    held,
    unbilled,
)
from services.billing.domain.following import TOLD_OTHERWISE, difference
from services.billing.domain.invoice import Invoice
from services.billing.domain.pricing import Price
from services.billing.domain.remarks import Correction, Due, Note

PAID = "paid"


class Change(Enum):
    """What is done with the bill that a session has, if it has one."""

    # Another takes its place; if there is one, nothing was paid for it, and it is voided.
    ISSUE = auto()
    # Another takes its place; it is paid, and taken back by a credit note.
    CREDIT = auto()
    # None takes its place, because no tariff applies; nothing was paid for it, and it is voided.
    HOLD = auto()
    # It stands until a tariff applies to what takes its place.
    WAIT = auto()
    # It stands: what is told otherwise comes to the same.
    STAND = auto()
    # It stands until a person decides.
    ASK = auto()


def change_of(session: ChargingSession, invoice: Invoice | None, cost: Price | None, limit: Decimal) -> Change:
    """What is done with the bill of a session that would cost `cost` now, None without a tariff.

    A paid bill changes by itself when its total changes by at most `limit`, in major units of its currency.
    """
    if invoice is None or not invoice.paid.minor_units:
        return Change.HOLD if cost is None else Change.ISSUE
    if cost is None:
        return Change.WAIT
    due = session.remarks.due
    if due is None or due.is_approved:
        return Change.CREDIT
    is_same_payer = due.facts.driver_id == invoice.driver_id
    if cost.total.currency_code != invoice.total.currency_code or not is_same_payer:
        return Change.ASK
    if cost.total == invoice.total:
        return Change.STAND
    return Change.CREDIT if abs((cost.total - invoice.total).to_decimal()) <= limit else Change.ASK


def without_bill(session: ChargingSession, now: datetime) -> ChargingSession:
    """`session` without a bill, because no tariff applies."""
    return held(unbilled(billable(session)), NO_TARIFF, now)


def standing(session: ChargingSession, change: Change, cost: Price | None, now: datetime) -> ChargingSession:
    """`session` whose bill stands: WAIT, STAND or ASK."""
    if change is Change.WAIT:
        return session._replace(hold_reason=NO_TARIFF, update_time=now)
    due, remarks = session.remarks.due, session.remarks
    if due is None or cost is None:
        raise ValueError(f"no other bill of session {session.id} is due")
    if change is Change.ASK:
        remarks = replace(remarks, correction=_correction(session, due, cost, now))
    else:
        detail = f"told after the bill, at the same price: {difference(session, due.facts)}"
        remarks = remarks.noted(Note(TOLD_OTHERWISE, detail, due.revision, now))
    waits = "" if remarks.correction is None else CORRECTION
    return session._replace(hold_reason=waits, update_time=now, remarks=replace(remarks, due=None))


def _correction(session: ChargingSession, due: Due, cost: Price, now: datetime) -> Correction:
    totals = [
        f"{total.to_decimal()} {total.currency_code}" for total in (cost.total, session.cost) if total is not None
    ]
    detail = f"the bill is paid: {difference(session, due.facts)}; {' instead of '.join(totals)}"
    return Correction(due.facts, PAID, detail, due.revision, now, cost.total)
