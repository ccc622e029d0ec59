"""Which transaction an end means that names none: decided anew from all facts of a charge point, whatever their order.

By OCPP 1.6 a charge point may have lost, or never got, the number of its transaction. A recording places such an end by
what is known at the moment; what is told later may say otherwise. Pure; whoever uses it holds the lock of the charge
point.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from services.transaction.domain.events import TransactionChanged
from services.transaction.domain.fact import KEY_TAIL, EventKind, Fact, TransactionEvent, moment, transaction_id_of
from services.transaction.domain.folding import join, settle
from services.transaction.domain.places import may_end, placed_like, same_place
from services.transaction.domain.ranks import is_concluded
from services.transaction.domain.reading import highest_register
from services.transaction.domain.recording import MATCHED_STOP, Outcome, change_of, concluded_end
from services.transaction.domain.registers import NO_REGISTERS, Registers
from services.transaction.domain.transaction import ORPHAN_STOP, Transaction, TransactionState, content, shown

# An operator has said which transaction the end belongs to; no rule says otherwise.
ASSIGNED_STOP = "assigned_stop"
_PLACED_BY_RULE = frozenset({MATCHED_STOP, ORPHAN_STOP})


class Known(NamedTuple):
    """A stored transaction; with all its facts where an end may leave it, else with none."""

    transaction: Transaction
    facts: Sequence[Fact] = ()


class Span(NamedTuple):
    """From when to when ends are placed anew; what the transactions around it come to stays as it is."""

    first: datetime = datetime.min.replace(tzinfo=UTC)
    last: datetime = datetime.max.replace(tzinfo=UTC)

    def holds(self, fact: Fact) -> bool:
        """Whether the fact is an end that rules place, of that time."""
        return _is_placed_by_rule(fact) and self.first <= fact.event.corrected_time <= self.last


ALWAYS = Span()


class Move(NamedTuple):
    """A fact as it is from now on, and the transaction that it leaves."""

    fact: Fact
    from_transaction_id: str


class Rebuilt(NamedTuple):
    """The transactions that moves change, still to be settled, with the ends that were concluded meanwhile. Those that
    ran before and after them at their places are among them: readings that named no transaction may be those of another
    one."""

    transactions: Sequence[Transaction]
    concluded: Sequence[Fact]


def is_whole(one: Known) -> bool:
    """Whether the facts are all that the transaction was made of: old ones are deleted some day.

    By the keys of those that decided it. What else their ranks say may be of another telling than the one that is
    stored: a clock is corrected by another amount by then, or the token can be decided about now.
    """
    transaction: Transaction | None = None
    for fact in one.facts:
        transaction = join(transaction, fact)
    if transaction is None:
        return False
    ranks = ("start_rank", "token_rank", "stop_rank")
    return all(getattr(transaction, name)[-KEY_TAIL:] == getattr(one.transaction, name)[-KEY_TAIL:] for name in ranks)


def rule_moves(known: Sequence[Known], span: Span = ALWAYS) -> list[Move]:
    """What has to move so that every end that names no transaction is where it belongs by all that is known.

    What else was told under a name that its charge point has made up goes with the end of that name.
    """
    reported = [(one.transaction.id, fact) for one in known for fact in one.facts if not fact.estimated]
    ends = sorted({fact.key: fact for _, fact in reported if span.holds(fact)}.values(), key=moment)
    started = {one.transaction.id: one.transaction for one in known if one.transaction.start_time is not None}
    going = [
        (transaction_id, fact, fact if span.holds(fact) else _end_of_name(fact, ends))
        for transaction_id, fact in reported
    ]
    # An end that does not say where it was means a transaction where the rest was that was told under its name.
    with_ends = {end.key: fact for _, fact, end in going if end is not None and fact is not end and _has_place(fact)}
    placed = [
        replace(end, event=placed_like(end.event, with_ends[end.key].event)) if end.key in with_ends else end
        for end in ends
    ]
    meant = _meant(placed, started.values(), set(_ended_otherwise(known, span)))
    moves = []
    for transaction_id, fact, end in going:
        if end is not None:
            target = started.get(meant.get(end.key, ""))
            moved = _home(fact, end) if target is None else _placed(fact, target, MATCHED_STOP)
            if moved.transaction_id != transaction_id:
                moves.append(Move(moved, transaction_id))
    return moves


def assignment_moves(orphan: Known, target: Transaction) -> list[Move]:
    """What has to move so that all of an orphan belongs to `target`, whatever rules say."""
    return [Move(_placed(fact, target, ASSIGNED_STOP), orphan.transaction.id) for fact in orphan.facts]


def reading_moves(known: Sequence[Known]) -> list[Move]:
    """What has to move so that readings under a number that no transaction has are those of the transaction that ran at
    their place all the while. With any doubt none; ends take along what was told under their names (`rule_moves`)."""
    started = sorted((one.transaction for one in known if one.transaction.start_time is not None), key=_turn)
    moves = []
    for transaction, facts in known:
        if transaction.start_time is None and not transaction.is_over and all(map(_is_of_number, facts)):
            targets = [_holder(fact, started) for fact in facts]
            if targets and targets[0] is not None and all(one is targets[0] for one in targets):
                moves += [Move(_placed(fact, targets[0], ""), transaction.id) for fact in facts]
    return moves


def around(known: Sequence[Known], transaction_ids: Collection[str]) -> list[Transaction]:
    """Those of these transactions that have started, and those that ran before and after them at their places."""
    transactions = [one.transaction for one in known]
    chosen = [replace(one) for one in transactions if one.id in transaction_ids and one.start_time is not None]
    return [*chosen, *_neighbours(chosen, transactions)]


def rebuilt(known: Sequence[Known], moves: Sequence[Move]) -> Rebuilt:
    """The transactions after `moves`, each from its facts."""
    transactions = {one.transaction.id: one.transaction for one in known}
    facts = {one.transaction.id: {fact.key: fact for fact in one.facts} for one in known if one.facts}
    left: dict[str, str] = {}
    joining: defaultdict[str, list[Fact]] = defaultdict(list)
    for fact, source in moves:
        facts[source].pop(fact.key, None)
        left[source] = fact.transaction_id
        joining[fact.transaction_id].append(fact)
    for transaction_id in left.keys() | joining.keys():
        before, staying = transactions.get(transaction_id), list(facts.get(transaction_id, {}).values())
        # Whoever has no facts here loses none, and takes the new ones in as they are told late.
        after = replace(before) if before is not None and transaction_id not in facts else None
        for fact in (*staying, *joining[transaction_id]):
            after = join(after, fact)
        if after is None and before is not None:
            after = _emptied(before, left[transaction_id])
        if after is not None:
            after.revision = before.revision if before is not None else 0
            transactions[transaction_id] = after
    touched = [transactions[transaction_id] for transaction_id in sorted(left.keys() | joining.keys())]
    concluded = list(_concluded(touched, transactions.values()))
    return Rebuilt([*touched, *_neighbours(touched, transactions.values())], concluded)


def outcome(
    known: Sequence[Known], transactions: Iterable[Transaction], registers: Mapping[str, Registers], now: datetime
) -> Outcome:
    """What changed in `transactions`, which are settled by `registers`, and what is to be told of it."""
    before = {one.transaction.id: one.transaction for one in known}
    changed, events = [], []
    for transaction in transactions:
        settle(transaction, registers.get(transaction.id, NO_REGISTERS))
        old = before.get(transaction.id)
        if old is not None and content(old) == content(transaction):
            continue
        changed.append(transaction)
        if old is None or shown(old) != shown(transaction):
            transaction.revision += 1
            transaction.update_time = now
            events.append(TransactionChanged(transaction, change_of(old.state if old else None, transaction.state)))
    return Outcome(changed, events)


def _is_placed_by_rule(fact: Fact) -> bool:
    return fact.event.kind is EventKind.ENDED and not _PLACED_BY_RULE.isdisjoint(fact.event.flags)


def _ended_otherwise(known: Iterable[Known], span: Span) -> Iterator[str]:
    """The transactions whose end is not in question: told by their name, assigned by an operator, or of another
    time."""
    for transaction, facts in known:
        if not facts and not is_concluded(transaction.stop_rank):
            yield transaction.id
        for fact in facts:
            if fact.event.kind is EventKind.ENDED and not fact.estimated and not span.holds(fact):
                yield transaction.id


def _meant(ends: Iterable[Fact], started: Iterable[Transaction], ended: set[str]) -> dict[str, str]:
    """The transaction that each of `ends`, the earliest first, means, by its key, where there is no doubt. Of several
    ends the first counts: the others are those of transactions that were not told of yet."""
    in_turn = sorted(started, key=_turn)
    meant: dict[str, str] = {}
    for end in ends:
        event = end.event
        possible = _possible(event, in_turn, ended, meant)
        with_token = [one for one in possible if event.id_tag and one.id_tag == event.id_tag] or possible
        # Who was known to be lost by then is hardly meant where another one was not.
        candidates = [one for one in with_token if not _was_lost(one, event.corrected_time)] or with_token
        if len(candidates) == 1:
            meant.setdefault(candidates[0].id, end.key)
    return {key: transaction_id for transaction_id, key in meant.items()}


def _possible(
    event: TransactionEvent, in_turn: Sequence[Transaction], ended: set[str], taken: Collection[str]
) -> list[Transaction]:
    """The transactions that an end may mean: of those that began before it the last at each place or, where earlier
    ends have `taken` all of these, those that began in its moment. Clocks count whole seconds, and who is refused at
    the start has ended by then."""
    began_then = [transaction for transaction in in_turn if transaction.begin_time == event.corrected_time]
    before, then = (
        [one for one in transactions if one.id not in ended and may_end(one, event)]
        for transactions in (_running_at(event.corrected_time, in_turn), began_then)
    )
    return before if any(one.id not in taken for one in before) else then or before


def _running_at(time: datetime, in_turn: Sequence[Transaction]) -> list[Transaction]:
    """Of transactions in the order of their starts, the last that began before `time` at each place."""
    running: list[Transaction] = []
    for transaction in reversed(in_turn):
        if transaction.begin_time < time and not any(same_place(transaction, later) for later in running):
            running.append(transaction)
    return running


def _was_lost(transaction: Transaction, time: datetime) -> bool:
    loss = transaction.loss
    return loss is not None and loss.first_time < time


def _turn(transaction: Transaction) -> tuple[datetime, str]:
    return transaction.begin_time, transaction.id


def _is_of_number(fact: Fact) -> bool:
    """Whether a fact tells readings under a number by OCPP 1.6, and no end."""
    event = fact.event
    return event.is_ocpp_16 and event.is_mere_reading and not event.names_no_transaction


def _holder(fact: Fact, in_turn: Sequence[Transaction]) -> Transaction | None:
    """Of transactions in the order of their starts, the one that ran where and when a fact was told, if it can be
    its."""
    event = fact.event
    if not _has_place(fact):
        return None
    register = highest_register(event.readings)
    for transaction in _running_at(event.corrected_time, in_turn):
        if may_end(transaction, event) and _lasts(transaction, event.corrected_time):
            fits = register is None or transaction.meter_start_wh is None or register >= transaction.meter_start_wh
            return transaction if fits else None
    return None


def _lasts(transaction: Transaction, time: datetime) -> bool:
    return transaction.stop_time is None or transaction.stop_time >= time


def _has_place(fact: Fact) -> bool:
    return bool(fact.event.connector_id or fact.event.evse_id)


def _end_of_name(fact: Fact, ends: Iterable[Fact]) -> Fact | None:
    """Of `ends`, the earliest first, the one that a fact under a made-up name goes with: the next one of that name."""
    named = [
        end
        for end in ends
        if end.event.ocpp_transaction_id == fact.event.ocpp_transaction_id and not end.event.names_no_transaction
    ]
    later = (end for end in named if end.event.corrected_time >= fact.event.corrected_time)
    return next(later, named[-1] if named else None)


def _home(fact: Fact, end: Fact) -> Fact:
    """The fact in the orphan that its charge point speaks of; ends without any name are told apart by their keys."""
    event = end.event
    home = (
        end.key if event.names_no_transaction else transaction_id_of(event.charge_point_id, event.ocpp_transaction_id)
    )
    return _flagged(replace(fact, transaction_id=home, ocpp_transaction_id=event.ocpp_transaction_id), ORPHAN_STOP)


def _placed(fact: Fact, transaction: Transaction, flag: str) -> Fact:
    """The fact in a transaction; `flag` says why, on an end."""
    return _flagged(
        replace(fact, transaction_id=transaction.id, ocpp_transaction_id=transaction.ocpp_transaction_id), flag
    )


def _flagged(fact: Fact, flag: str) -> Fact:
    event = fact.event
    if event.kind is not EventKind.ENDED:
        return fact
    flags = (*(one for one in event.flags if one not in _PLACED_BY_RULE), flag)
    return replace(fact, event=replace(event, flags=flags))


def _emptied(transaction: Transaction, into: str) -> Transaction:
    """What is left of an orphan all of whose facts went to the transaction `into`."""
    return Transaction(
        id=transaction.id,
        ocpp_transaction_id=transaction.ocpp_transaction_id,
        charge_point_id=transaction.charge_point_id,
        station_id=transaction.station_id,
        protocol=transaction.protocol,
        state=TransactionState.MERGED,
        merged_into=into,
        begin_time=transaction.begin_time,
        create_time=transaction.create_time,
        update_time=transaction.update_time,
        tenant_id=transaction.tenant_id,
    )


def _concluded(touched: Iterable[Transaction], transactions: Collection[Transaction]) -> Iterator[Fact]:
    """Ends of those that lost theirs, where others have taken their place."""
    for transaction in touched:
        if transaction.start_time is None:
            continue
        later = [
            other
            for other in transactions
            if other.start_time is not None and same_place(transaction, other) and _turn(transaction) < _turn(other)
        ]
        if not later:
            continue
        next_one = min(later, key=_turn)
        if transaction.outlasts(next_one.begin_time):
            fact = concluded_end(transaction, transaction.create_time, next_one.begin_time, next_one.id)
            join(transaction, fact)
            yield fact


def _neighbours(touched: Sequence[Transaction], transactions: Collection[Transaction]) -> Iterator[Transaction]:
    """Those that ran last before these at the same places, and first after them, if they are not among these."""
    done = {transaction.id for transaction in touched}
    for transaction in touched:
        if transaction.start_time is None:
            continue
        here = [other for other in transactions if other.start_time is not None and same_place(other, transaction)]
        before = [other for other in here if _turn(other) < _turn(transaction)]
        after = [other for other in here if _turn(other) > _turn(transaction)]
        for one in (max(before, key=_turn, default=None), min(after, key=_turn, default=None)):
            if one is not None and one.id not in done:
                done.add(one.id)
                yield replace(one)
