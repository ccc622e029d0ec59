"""The sessions of liars: what was told of each, what may become of it, and what has, in every service. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from chaos.books import Book
from chaos.rules import Rule, rule_of
from chaos.stored import ChargingSession, Event, Invoice, Stored, Transaction
from chaos.testimony import Testimony

_CONCURRENT, _ACCEPTED = "ConcurrentTx", "Accepted"
CONCURRENT_TX, UNAUTHORIZED, NO_REGISTER, MATCHED_STOP = "concurrent_tx", "unauthorized", "no_register", "matched_stop"
_Row = TypeVar("_Row")


@dataclass(frozen=True)
class Lied:
    """One of them."""

    testimony: Testimony
    rule: Rule
    transactions: Sequence[Transaction] = ()
    sessions: Sequence[ChargingSession] = ()
    invoices: Sequence[Invoice] = ()
    events: Sequence[Event] = ()

    @property
    def name(self) -> str:
        """For people."""
        truth = self.testimony.truth
        return f"{truth.charge_point_id} session {truth.transaction_id or truth.session} ({', '.join(truth.lies)})"

    @property
    def is_poor(self) -> bool:
        """Whether fewer than two registers are sure, so that there may be no energy to be known."""
        return len(self.testimony.sure_registers) < 2

    @property
    def refusal(self) -> str:
        """For what its bill has to be held whatever it took, as its charge point was told; empty for nothing."""
        status = self.testimony.authorization
        if status == _CONCURRENT:
            return CONCURRENT_TX
        return UNAUTHORIZED if status not in (_ACCEPTED, "") else ""

    @property
    def due_holds(self) -> frozenset[str]:
        """For which its bill has to be held, any of them."""
        if self.refusal:
            return frozenset({self.refusal})
        return self.rule.holds if self.rule.is_held else frozenset()

    @property
    def doubts(self) -> frozenset[str]:
        """For which its bill may be held because nobody can know what it took."""
        if self.refusal:
            return frozenset()
        return self.rule.holds | {NO_REGISTER} if self.is_poor else self.rule.holds

    def allows(self, flag: str) -> bool:
        """Whether it may be flagged so."""
        stop = self.testimony.stop
        is_nameless = stop is not None and stop.true_request.get("transactionId") in (-1, 0)
        own = {self.refusal, *([NO_REGISTER] if self.is_poor else []), *([MATCHED_STOP] if is_nameless else [])}
        return flag in own or self.rule.allows(flag)


def lied_sessions(book: Book, stored: Stored) -> list[Lied]:
    """All those whose start was acknowledged."""
    by_name = _grouped(stored.transactions, lambda one: (one.charge_point_id, one.ocpp_transaction_id))
    sessions = _grouped(stored.charging_sessions, lambda one: one.transaction_id)
    invoices = _grouped(stored.invoices, lambda one: one.charging_session_id)
    events = _grouped(stored.events, lambda one: one.session_id)
    found = []
    for testimony in book.testimonies.values():
        truth = testimony.truth
        if testimony.start is None:
            continue
        names = testimony.numbers if truth.protocol == "1.6" else {truth.session}
        transactions = [one for name in sorted(names) for one in by_name[truth.charge_point_id, name]]
        billed = [session for one in transactions for session in sessions[one.id]]
        found.append(
            Lied(
                testimony,
                rule_of(testimony.lies, lacks_register=testimony.lacks_register),
                transactions,
                billed,
                [invoice for session in billed for invoice in invoices[session.id]],
                [event for one in transactions for event in events[one.id]],
            )
        )
    return found


def _grouped(rows: Iterable[_Row], key: Callable[[_Row], object]) -> defaultdict[object, list[_Row]]:
    found: defaultdict[object, list[_Row]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found
