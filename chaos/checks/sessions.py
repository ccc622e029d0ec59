"""Every session says what its charger's book says, and has one bill that says the same.

The rules of the product, as seen from outside: a session of an accepted token is billed once it has ended, any other is
held for what is true of it. Who tells the truth is not doubted: none of its sessions is held for doubts, and nothing is
flagged in it. A bill for which money was paid stands until a credit note takes it back; what differs from it then waits
for a person. Those who lie are the matter of `lies`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from datetime import datetime
from typing import NamedTuple

from chaos.books import Book, ReadingKey, SessionBook, SessionKey
from chaos.checks.check import Check, check
from chaos.stored import ChargingSession, Invoice, MeterValue, Stored, Transaction

_Found = Mapping[SessionKey, list[Transaction]]

_SUBJECT = "sessions and bills"
# How the platform writes what charge points were told about a token.
_AUTHORIZATIONS = {"ConcurrentTx": "CONCURRENT_TX"}
_ENDED, _ORPHAN, _MERGED = "ENDED", "ORPHAN", "MERGED"
_CONCURRENT_TX, _MATCHED_STOP = "concurrent_tx", "matched_stop"
_NO_NUMBER = ("0", "-1")
_CORRECTION = "correction"
_V16 = "ocpp1.6"


def session_checks(book: Book, stored: Stored) -> Iterator[Check]:
    """Sessions against books, bills against sessions and books, orphans against the sessions they could belong to."""
    found, reported = _found(stored), _started(book)
    yield once(book, stored)
    over = {key: session for key, session in reported.items() if session.end is not None}
    yield check(_SUBJECT, "an ended session is as its charger told it", len(over), _untrue(over, found))
    claim = "nothing is flagged in a session whose charger tells the truth"
    yield check(_SUBJECT, claim, len(over), _doubted(over, found))
    bills = _Bills(stored, book.liars)
    yield once_in_billing(book, stored)
    yield check(_SUBJECT, "an ended session has one invoice, if one is due", len(stored.transactions), bills.wrong())
    yield check(_SUBJECT, "no charging session is without its session", len(stored.charging_sessions), bills.strays())
    billed = {key: session for key, session in over.items() if bills.is_invoiced(found[key])}
    yield check(_SUBJECT, "the bill is for the energy that the meter counted", len(billed), bills.dear(billed, found))
    yield check(
        _SUBJECT, "a bill is that of its session and of who charged", len(billed), bills.of_others(billed, found)
    )
    yield check(_SUBJECT, "the numbers of invoices have no gaps", len(stored.invoices), _gaps(stored.invoices))
    claim = "a bill for which money was paid is taken back by a credit note alone"
    yield check(_SUBJECT, claim, len(stored.invoices), _unaccounted(stored.invoices))
    honest = [transaction for transaction in stored.transactions if transaction.charge_point_id not in book.liars]
    orphans = [transaction for transaction in honest if transaction.state == _ORPHAN]
    yield check(_SUBJECT, "no orphan could have been matched", len(honest), _matchable(orphans, stored))
    readings = [value for value in stored.meter_values if value.charge_point_id not in book.liars]
    yield check(_SUBJECT, "no reading lies beside its session", len(readings), _beside(readings, stored))
    unnamed = [reading for reading in book.readings if not reading.transaction_id]
    claim = "a reading without a session is with the one that ran"
    yield check(_SUBJECT, claim, len(unnamed), _strayed(unnamed, stored))


def once(book: Book, stored: Stored) -> Check:
    """Each session that was begun is there once."""
    reported = _started(book)
    return check(_SUBJECT, "a started session exists once", len(reported), _not_once(reported, _found(stored)))


def once_in_billing(book: Book, stored: Stored) -> Check:
    """Each session is there once for billing."""
    failures = _Bills(stored, book.liars).not_once()
    return check(_SUBJECT, "a session has one charging session", len(stored.transactions), failures)


def _found(stored: Stored) -> _Found:
    found: defaultdict[SessionKey, list[Transaction]] = defaultdict(list)
    for transaction in stored.transactions:
        found[SessionKey(transaction.charge_point_id, transaction.ocpp_transaction_id)].append(transaction)
    return found


def _started(book: Book) -> dict[SessionKey, SessionBook]:
    return {key: session for key, session in book.sessions.items() if session.start is not None}


class _Bills:
    """The bills of billing, by the transaction they are for."""

    def __init__(self, stored: Stored, liars: Set[str]) -> None:
        self._liars = liars
        self._transactions = {transaction.id: transaction for transaction in stored.transactions}
        self._sessions: defaultdict[str, list[ChargingSession]] = defaultdict(list)
        for session in stored.charging_sessions:
            self._sessions[session.transaction_id or ""].append(session)
        self._invoices: defaultdict[str, list[Invoice]] = defaultdict(list)
        for invoice in stored.invoices:
            if invoice.counts:
                self._invoices[invoice.charging_session_id].append(invoice)

    def not_once(self) -> Iterator[str]:
        for transaction_id, transaction in self._transactions.items():
            count = len(self._sessions[transaction_id])
            if count != 1:
                yield f"{count} charging sessions for {_name(transaction)}"

    def strays(self) -> Iterator[str]:
        for transaction_id, sessions in self._sessions.items():
            if sessions and transaction_id not in self._transactions:
                yield f"charging session {sessions[0].id} is for no transaction ({transaction_id})"

    def wrong(self) -> Iterator[str]:
        """Sessions whose bill, or whose lack of one, is against the rules."""
        for transaction_id, transaction in self._transactions.items():
            if transaction.charge_point_id in self._liars and transaction.start_time is not None:
                continue
            for session in self._sessions[transaction_id]:
                expected = _due(transaction)
                found = _Outcome(session.state, session.hold_reason, len(self._invoices[session.id]))
                if found != expected and found != expected._replace(hold_reason=_CORRECTION):
                    yield f"{_name(transaction)}: {found}, not {expected}"

    def is_invoiced(self, transactions: Iterable[Transaction]) -> bool:
        return any(self._of(transaction) for transaction in transactions)

    def dear(self, reported: Mapping[SessionKey, SessionBook], found: _Found) -> Iterator[str]:
        """Bills over another energy than the charger's book says. A watt-hour costs a cent.

        Where what was told later is in doubt the bill stands, and a person decides.
        """
        for key, session in reported.items():
            for transaction in found[key]:
                for charging_session, invoice in self._of(transaction):
                    if charging_session.hold_reason == _CORRECTION and transaction.flags:
                        continue
                    if not session.energy_wh == charging_session.energy_wh == invoice.total_minor:
                        billed = f"{charging_session.energy_wh} Wh by {invoice.total_minor} cents"
                        yield f"{_name(transaction)}: metered {session.energy_wh} Wh, billed {billed}"

    def of_others(self, reported: Mapping[SessionKey, SessionBook], found: _Found) -> Iterator[str]:
        """Bills that their session does not name, and such as another driver gets than the one whose card it was."""
        for key in reported:
            for transaction in found[key]:
                for session, invoice in self._of(transaction):
                    if session.invoice_id != invoice.id:
                        yield f"{_name(transaction)}: invoice {invoice.number}, the session names {session.invoice_id}"
                    if not transaction.driver_id == (session.driver_id or "") == (invoice.driver_id or ""):
                        drivers = f"{transaction.driver_id}, {session.driver_id}, {invoice.driver_id}"
                        yield f"{_name(transaction)}: the drivers are {drivers}"

    def _of(self, transaction: Transaction) -> list[tuple[ChargingSession, Invoice]]:
        sessions = self._sessions[transaction.id]
        return [(session, invoice) for session in sessions for invoice in self._invoices[session.id]]


class _Outcome(NamedTuple):
    """What has become of a session: its state, what it is held for, and how many bills it has that count."""

    state: str
    hold_reason: str
    bills: int


def _due(transaction: Transaction) -> _Outcome:
    """What should have become of a session."""
    if transaction.state == _MERGED:
        return _Outcome("HELD", "merged", 0)
    if transaction.stop_time is None:
        return _Outcome("ACTIVE", "", 0)
    if transaction.start_time is None:
        return _Outcome("HELD", "no_start", 0)
    if transaction.authorization == "CONCURRENT_TX":
        return _Outcome("HELD", "concurrent_tx", 0)
    if transaction.authorization != "ACCEPTED":
        return _Outcome("HELD", "unauthorized", 0)
    return _Outcome("COMPLETED", "", 1)


def _gaps(invoices: Iterable[Invoice]) -> Iterator[str]:
    """What is missing or doubled among the numbers of a year and kind, which count from 1: `2026-000042`."""
    counts: defaultdict[str, list[int]] = defaultdict(list)
    for invoice in invoices:
        year, _, count = invoice.number.rpartition("-")
        counts[year].append(int(count))
    for year, found in counts.items():
        if sorted(found) != list(range(1, len(found) + 1)):
            missing = sorted(set(range(1, max(found) + 1)) - set(found))
            yield f"{year}: {len(found)} invoices up to {max(found)}, missing are {missing[:5]}"


def _unaccounted(invoices: Iterable[Invoice]) -> Iterator[str]:
    """Bills that were taken back without what must be there then, and credit notes that take back nothing."""
    known = {invoice.id: invoice for invoice in invoices}
    for invoice in known.values():
        note = known.get(invoice.credit_note_id or "")
        if invoice.state == "VOID" and invoice.paid_minor:
            yield f"invoice {invoice.number} is void, {invoice.paid_minor} were paid"
        if invoice.state == "CREDITED" and (note is None or note.total_minor != -invoice.total_minor):
            yield f"invoice {invoice.number} is credited by {note}"
        corrected = known.get(invoice.corrected_invoice_id or "")
        if invoice.kind == "CREDIT_NOTE" and (corrected is None or corrected.credit_note_id != invoice.id):
            yield f"credit note {invoice.number} is for {corrected}"


def _not_once(reported: Iterable[SessionKey], found: _Found) -> Iterator[str]:
    for key in reported:
        count = len(found.get(key, ()))
        if count != 1:
            yield f"{key} is stored {count} times"


def _untrue(reported: Mapping[SessionKey, SessionBook], found: _Found) -> Iterator[str]:
    for key, session in reported.items():
        for transaction in found.get(key, ()):
            start, end = session.start, session.end
            if start is None or end is None:
                continue
            expected = (_ENDED, start.id_tag, start.meter_wh, end.meter_wh, session.energy_wh, start.time, end.time)
            stored = (
                *(transaction.state, transaction.id_tag, transaction.meter_start_wh, transaction.meter_stop_wh),
                *(transaction.energy_wh, transaction.start_time, transaction.stop_time),
            )
            if expected != stored:
                yield f"{_name(transaction)}: told {expected}, stored {stored}"
            authorization = _AUTHORIZATIONS.get(session.authorization, session.authorization.upper())
            if authorization and authorization != transaction.authorization:
                yield f"{_name(transaction)}: told {authorization}, stored {transaction.authorization}"


def _doubted(reported: Mapping[SessionKey, SessionBook], found: _Found) -> Iterator[str]:
    """Flags that say more than what the charger was told, and that it named no session in its end."""
    for key, session in reported.items():
        known = {
            *({_CONCURRENT_TX} if session.authorization == "ConcurrentTx" else ()),
            *({_MATCHED_STOP} if session.end is not None and session.end.transaction_id in _NO_NUMBER else ()),
        }
        for transaction in found.get(key, ()):
            if odd := [flag for flag in transaction.flags if flag not in known]:
                yield f"{_name(transaction)}: {', '.join(odd)} ({transaction.energy_doubt})"


def _matchable(orphans: Iterable[Transaction], stored: Stored) -> Iterator[str]:
    """Ends that belong to no session although exactly one that was never told to be over could be meant.

    By OCPP 1.6 only: later versions name the session that they mean.
    """
    over = {event.session_id for event in stored.events if event.kind == _ENDED and not event.estimated}
    open_ones: defaultdict[str, list[Transaction]] = defaultdict(list)
    for transaction in stored.transactions:
        if transaction.start_time is not None and transaction.id not in over:
            open_ones[transaction.charge_point_id].append(transaction)
    for orphan in orphans:
        if orphan.stop_time is None or orphan.protocol != _V16:
            continue
        meant = [one for one in open_ones[orphan.charge_point_id] if _may_be_meant(one, orphan)]
        if len(meant) == 1:
            yield f"{_name(orphan)} could be the end of {_name(meant[0])}"


def _may_be_meant(running: Transaction, orphan: Transaction) -> bool:
    if orphan.stop_time is None or running.begin_time > orphan.stop_time:
        return False
    if orphan.evse_id and running.evse_id != orphan.evse_id:
        return False
    first, last = running.meter_start_wh, orphan.meter_stop_wh
    return first is None or last is None or last >= first


def _beside(readings: Iterable[MeterValue], stored: Stored) -> Iterator[str]:
    """Readings outside of any session, or with what is none, at a connector and a time at which one ran."""
    ids = {one.id for one in stored.transactions if one.start_time is not None or one.stop_time is not None}
    by_place: defaultdict[tuple[str, int], list[Transaction]] = defaultdict(list)
    for transaction in stored.transactions:
        by_place[transaction.charge_point_id, transaction.evse_id].append(transaction)
    for value in readings:
        if value.session_id in ids:
            continue
        for one in by_place[value.charge_point_id, value.evse_id]:
            if (
                one.start_time
                and one.start_time <= value.time
                and (one.stop_time is None or value.time <= one.stop_time)
            ):
                yield f"reading at {value.time} of {value.charge_point_id} belongs to {_name(one)}"


def _strayed(reported: Iterable[ReadingKey], stored: Stored) -> Iterator[str]:
    """Readings that named no session, in one that did not run then and there."""
    sessions = {one.id: one for one in stored.transactions if one.start_time is not None}
    kept: defaultdict[tuple[str, int, datetime, int | None], list[str]] = defaultdict(list)
    for value in stored.meter_values:
        kept[value.charge_point_id, value.evse_id, value.time, value.energy_wh].append(value.session_id)
    for reading in reported:
        for session_id in kept[reading.charge_point_id, reading.evse_id, reading.time, reading.energy_wh]:
            one = sessions.get(session_id)
            if one is not None and (one.charge_point_id != reading.charge_point_id or not _ran(one, reading.time)):
                yield f"reading at {reading.time} of {reading.charge_point_id} is in {_name(one)}"


def _ran(session: Transaction, time: datetime) -> bool:
    begun = session.start_time is not None and session.start_time <= time
    return begun and (session.stop_time is None or time <= session.stop_time)


def _name(transaction: Transaction) -> str:
    return f"{transaction.charge_point_id} session {transaction.ocpp_transaction_id or transaction.id}"
