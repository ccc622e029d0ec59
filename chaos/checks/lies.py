"""What liars told came to what can be known: each of their sessions once, over, billed right or held for a true reason.

The rules of the product, as seen from outside, stand in `chaos/rules.py`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import permutations

from chaos.books import Book
from chaos.checks.check import Check, check
from chaos.checks.strays import lost_readings, unknown_sessions
from chaos.lied import Lied, lied_sessions
from chaos.rules import RULES, Times
from chaos.stored import Stored, Transaction
from chaos.testimony import first_heard, kind_of, reported_registers, stamp_of, true_time_of
from simulator.ledger import Acknowledgement

SUBJECT = "what liars told"
_ENDED, _HELD, _COMPLETED = "ENDED", "HELD", "COMPLETED"
# Stamps have milliseconds; and what is heard is written down a moment later.
_SLACK = timedelta(seconds=1)
# By how much clocks that jump are off at most, and a little.
_DRIFT, _NONE = timedelta(minutes=80), timedelta()
_BEFORE_RESTART = timedelta(minutes=10)
_SILENCE = "ended_by_silence"
_LOSSES = frozenset({"ended_by_boot", "not_ongoing", _SILENCE})
_CORRECTION = "correction"
# There is none, or one that is compared with nothing.
_NO_FIGURES = ("no energy register was told", "one energy register only was told")


@dataclass
class Count:
    """What became of the sessions with a lie. `held` by reason."""

    sessions: int = 0
    billed: int = 0
    held: dict[str, int] = field(default_factory=dict)
    failed: int = 0


def lie_checks(book: Book, stored: Stored) -> Iterator[Check]:
    """Claim by claim, over all lies."""
    lied = lied_sessions(book, stored)
    for claim, find in _CLAIMS.items():
        yield check(SUBJECT, claim, len(lied), _named(lied, find))
    yield _unknown(lied, book, stored)
    claim = "their readings are stored as they were told, once"
    yield check(SUBJECT, claim, len(book.lied), lost_readings(book, stored))


def lie_counts(book: Book, stored: Stored) -> dict[str, Count]:
    """What became of the sessions with each lie, by its name."""
    counts: dict[str, Count] = {}
    for one in lied_sessions(book, stored):
        has_failed = any(next(find(one), None) for find in _CLAIMS.values())
        for count in (counts.setdefault(name, Count()) for name in one.testimony.truth.lies):
            count.sessions += 1
            count.failed += has_failed
            for session in one.sessions:
                count.billed += session.state == _COMPLETED
                if session.state == _HELD:
                    count.held[session.hold_reason] = count.held.get(session.hold_reason, 0) + 1
    return {name: counts[name] for name in RULES if name in counts}


def lost_of_liars(book: Book, stored: Stored) -> Iterator[Check]:
    """Sessions of liars, and their facts, that are not there."""
    lied = lied_sessions(book, stored)
    yield check(SUBJECT, "a liar's session is there, with all its facts", len(lied), _named(lied, _missing))


def doubled_of_liars(book: Book, stored: Stored) -> Iterator[Check]:
    """Sessions of liars, and their facts, that are there more often than they were told; and those that are not
    theirs."""
    lied = lied_sessions(book, stored)
    yield check(SUBJECT, "a liar's session is there once, and its facts are", len(lied), _named(lied, _doubled))
    yield _unknown(lied, book, stored)


def _unknown(lied: Sequence[Lied], book: Book, stored: Stored) -> Check:
    claim = "no session is there that its charge point knows nothing of"
    return check(SUBJECT, claim, len(book.liars), unknown_sessions(lied, book, stored))


def _named(lied: Sequence[Lied], find: Callable[[Lied], Iterator[str]]) -> Iterator[str]:
    return (f"{one.name}: {failure}" for one in lied for failure in find(one))


def _once(one: Lied) -> Iterator[str]:
    yield from _missing(one)
    yield from _doubled(one)


def _missing(one: Lied) -> Iterator[str]:
    for what, found, due in _tallies(one):
        if found < due:
            yield f"{what} is stored {found} times"
    reported = {str(entry.true_request) for entry in one.testimony.heard if _is_update(entry)}
    updates = sum(event.kind == "UPDATED" for event in one.events)
    if updates < len(reported):
        yield f"of {len(reported)} updates {updates} are stored"


def _doubled(one: Lied) -> Iterator[str]:
    names = [each.ocpp_transaction_id for each in one.transactions]
    for what, found, due in _tallies(one):
        if found > due:
            yield f"{what} is stored {found} times ({', '.join(names)})"


def _tallies(one: Lied) -> Iterator[tuple[str, int, int]]:
    """What there is to be of a session: in words, how often it is stored, how often it has to be."""
    starts = sum(event.kind == "STARTED" for event in one.events)
    stops = sum(event.kind == "ENDED" and not event.estimated for event in one.events)
    yield "it", len(one.transactions), 1
    yield "its start", starts, 1
    yield "its end", stops, int(one.testimony.stop is not None)


def _over(one: Lied) -> Iterator[str]:
    for transaction in one.transactions:
        if transaction.state != _ENDED or transaction.start_time is None or transaction.stop_time is None:
            yield f"is {transaction.state}"
        elif transaction.stop_time < transaction.start_time:
            yield f"ended at {transaction.stop_time}, before its start at {transaction.start_time}"


def _in_time(one: Lied) -> Iterator[str]:
    start, stop = one.testimony.start, one.testimony.stop
    for transaction in one.transactions:
        if start is None or transaction.start_time is None or transaction.stop_time is None:
            continue
        if not _fits(transaction.start_time, start, one):
            yield f"started at {transaction.start_time}, truly at {true_time_of(start)}"
        is_squeezed = one.rule.allows("stop_before_start") and transaction.stop_time == transaction.start_time
        if stop is not None:
            if not is_squeezed and not _fits(transaction.stop_time, stop, one):
                yield f"ended at {transaction.stop_time}, truly at {true_time_of(stop)}"
        else:
            yield from _out_of_sight(one, transaction)


def _metered(one: Lied) -> Iterator[str]:
    """What is held because nobody can know it is for a person to find out."""
    energy = one.testimony.energy
    is_left = any(session.state == _HELD or session.hold_reason == _CORRECTION for session in one.sessions)
    is_open = is_left and (one.rule.holds or one.is_poor)
    for transaction in one.transactions:
        if not is_open and not energy.holds(transaction.energy_wh):
            took = f"took {energy.least_wh} to {energy.most_wh} Wh"
            yield f"{took}, stored are {transaction.energy_wh} ({transaction.energy_doubt})"


def _billed(one: Lied) -> Iterator[str]:
    if len(one.sessions) != 1:
        yield f"has {len(one.sessions)} charging sessions"
        return
    [session], bills, due = one.sessions, [invoice for invoice in one.invoices if invoice.counts], one.due_holds
    billed = f"{session.state} for {session.hold_reason or 'nothing'} ({session.hold_detail}) with {len(bills)} bills"
    if session.state == _HELD:
        if session.hold_reason not in due | one.doubts or bills:
            yield f"{billed}, may be held for {', '.join(sorted(due | one.doubts)) or 'nothing'}"
        elif not session.hold_detail:
            yield f"{billed}: nobody can tell why"
        elif session.hold_reason in one.doubts and not _names_a_figure(session.hold_detail, one):
            yield f"{billed}: without a figure that it told"
    elif session.state != _COMPLETED or due or len(bills) != 1:
        yield f"{billed}, has to be {'held for ' + ', '.join(sorted(due)) if due else 'billed once'}"
    elif session.hold_reason == _CORRECTION and one.doubts:
        # The bill stands until a person has decided about what was told later.
        return
    elif not bills[0].total_minor == session.energy_wh == one.transactions[0].energy_wh:
        billed = f"billed {session.energy_wh} Wh by {bills[0].total_minor} cents"
        yield f"{one.transactions[0].energy_wh} Wh, {billed}"


def _flagged(one: Lied) -> Iterator[str]:
    for transaction in one.transactions:
        if odd := [flag for flag in transaction.flags if not one.allows(flag)]:
            yield f"is flagged {', '.join(odd)} ({transaction.energy_doubt})"
        if one.rule.shown and not one.rule.shown.intersection(transaction.flags):
            yield f"shows none of {', '.join(sorted(one.rule.shown))}: {transaction.flags}"


# What is true of each session of a liar.
_CLAIMS: Mapping[str, Callable[[Lied], Iterator[str]]] = {
    "a liar's session exists once, with all its facts": _once,
    "it is over, and not before it began": _over,
    "it has the times that can be known": _in_time,
    "it has the energy that can be known": _metered,
    "it is billed once for that, or held for the true reason": _billed,
    "nothing is flagged but its own lies, and those are": _flagged,
}


def _fits(time: datetime, entry: Acknowledgement, one: Lied) -> bool:
    """Whether a start or an end may be said to have been at a time."""
    true, reported = true_time_of(entry), stamp_of(entry)
    heard = first_heard(one.testimony.heard, kind_of(entry))
    is_heard = heard is not None and true - _SLACK <= time <= heard + _SLACK
    match one.rule.times:
        case Times.TRUE:
            return time == true
        case Times.REPORTED:
            return time == reported
        case Times.HEARD:
            return is_heard
        case Times.RESTARTED:
            return is_heard or true - _BEFORE_RESTART <= time <= true
    drift = _DRIFT if one.rule.times is Times.ADRIFT else _NONE
    return is_heard or (reported is not None and reported - drift <= time <= reported)


def _out_of_sight(one: Lied, transaction: Transaction) -> Iterator[str]:
    """Ends of a session without one that lie before the latest that was heard of it, or, unless the next one shows that
    it has ended, after it truly did. One that told nothing after its start lasted all the same, unless nothing is heard
    ever again."""
    heard, truth, stop = one.testimony.last_heard_time, one.testimony.truth, transaction.stop_time
    start = one.testimony.start
    if stop is None or start is None or truth.end_time is None or one.rule.times not in (Times.TRUE, Times.HEARD):
        return
    is_start_all, latest = heard <= true_time_of(start), truth.end_time + _SLACK
    if stop < heard - _SLACK:
        yield f"ended at {stop}, was heard of at {heard}"
    elif is_start_all and stop == transaction.start_time and _SILENCE not in transaction.flags:
        yield f"ended as it began, truly at {truth.end_time}"
    elif one.rule.times is Times.TRUE and not is_start_all and _LOSSES & {*transaction.flags} and stop > latest:
        yield f"ended at {stop}, truly at {truth.end_time}"


def _names_a_figure(detail: str, one: Lied) -> bool:
    """Whether a reason names a register that its charge point told, or what that comes to."""
    reported = {wh for entry in one.testimony.heard for wh in reported_registers(entry)}
    # What was sent last may have been heard though its answer was lost, and never told again by one that forgets.
    if (last_sent_wh := one.testimony.truth.last_sent_wh) is not None:
        reported.add(last_sent_wh)
    known = reported | {later - earlier for later, earlier in permutations(reported, 2)}
    known |= {transaction.energy_wh for transaction in one.transactions}
    return any(words in detail for words in _NO_FIGURES) or bool(_numbers(detail) & known)


def _numbers(text: str) -> set[int]:
    return {int(word) for word in "".join(one if one.isdigit() else " " for one in text).split()}


def _is_update(entry: Acknowledgement) -> bool:
    return kind_of(entry) == "Updated" and "meterValue" not in entry.true_request
