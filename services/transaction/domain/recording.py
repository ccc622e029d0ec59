"""Recording: decides what a batch of events means, given the transactions that are stored.

Places each event in its transaction, numbers the starts by OCPP 1.6, decides about concurrent tokens, and concludes the
end of transactions that others have replaced. Pure; whoever uses it holds the locks that batch.py names.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from services.kernel.ids import derived_id
from services.kernel.token_reasons import TokenReason
from services.transaction.domain.batch import Kept, KeyedEvent, keyed, unplaced
from services.transaction.domain.concurrency import Concurrency, decided
from services.transaction.domain.events import TransactionChange, TransactionChanged
from services.transaction.domain.evidence import ConnectorReport, charging_state, is_lost, loss
from services.transaction.domain.fact import (
    Authorization,
    EventKind,
    Fact,
    TransactionEvent,
    moment,
    transaction_id_of,
)
from services.transaction.domain.folding import join, settle
from services.transaction.domain.losses import Cause
from services.transaction.domain.places import may_end, placed_like, precedes, same_place, was_nameless
from services.transaction.domain.ranks import stop_rank
from services.transaction.domain.reading import LastRead
from services.transaction.domain.registers import NO_REGISTERS, Registers
from services.transaction.domain.repetition import FirstReport, as_first_reported
from services.transaction.domain.transaction import (
    CONCLUDED_REASON,
    ORPHAN_STOP,
    Transaction,
    TransactionState,
    content,
    shown,
)

MATCHED_STOP = "matched_stop"
_USUAL_RULES = Concurrency()


class Answer(NamedTuple):
    """The answer to one event. `key` is that of its fact, to find out whether it was recorded before."""

    key: str
    transaction_id: str
    ocpp_transaction_id: str
    authorization: Authorization | None
    authorization_reason: str


class Outcome(NamedTuple):
    """What a recording comes to beside its facts: the transactions that changed, and what to tell."""

    transactions: Sequence[Transaction]
    events: Sequence[TransactionChanged]


class _Image(NamedTuple):
    """A transaction as it was stored."""

    content: tuple[Any, ...] = ()
    shown: tuple[Any, ...] = ()
    state: TransactionState | None = None


_NOTHING = _Image()


class Recording:
    """Records events one after the other. `numbers` are unused transaction numbers, as many as `needs_of` says;
    `updates` are the latest of transactions, by their ids, among which `undated_updates` may have been told before;
    `read` is when those that are `questioned` were last read; `kept` is where those of the `stray_ends` are that were
    told before."""

    def __init__(
        self,
        stored: Iterable[Transaction],
        numbers: Iterator[int],
        now: datetime,
        updates: Mapping[str, Sequence[FirstReport]] = MappingProxyType({}),
        rules: Concurrency = _USUAL_RULES,
        read: Mapping[str, LastRead] = MappingProxyType({}),
        kept: Mapping[str, Kept] = MappingProxyType({}),
    ) -> None:
        self._numbers = numbers
        self._updates = updates
        self._rules = rules
        self._read = read
        self._kept = dict(kept)
        self._now = now
        # An end may be told twice and placed in two transactions, when what it means came in between.
        self._facts: dict[tuple[str, str], Fact] = {}
        self._before: dict[str, _Image] = {}
        self._stops: dict[str, datetime] = {}
        self._transactions: dict[str, Transaction] = {}
        self._ids_by_charge_point: defaultdict[str, set[str]] = defaultdict(set)
        self._ids_by_token: defaultdict[str, set[str]] = defaultdict(set)
        self._ids_by_group: defaultdict[str, set[str]] = defaultdict(set)
        self._ids_by_start: dict[str, str] = {}
        for transaction in stored:
            self._before[transaction.id] = _Image(content(transaction), shown(transaction), transaction.state)
            if transaction.stop_time is not None:
                self._stops[transaction.id] = transaction.stop_time
            self._keep(transaction)

    def record(self, item: KeyedEvent) -> Answer:
        """Take one event in."""
        if item.event.kind is not EventKind.UPDATED or not item.event.is_dated:
            item = self._as_first_reported(item)
        event = item.event
        if event.kind is EventKind.STARTED:
            return self._record_start(item)
        if event.kind is EventKind.ENDED:
            return self._record_end(item)
        if event.kind is EventKind.LOST:
            return self._record_loss(item)
        return self._place(
            item, transaction_id_of(event.charge_point_id, event.ocpp_transaction_id), event.ocpp_transaction_id
        )

    @property
    def facts(self) -> list[Fact]:
        """The facts that the events became."""
        return list(self._facts.values())

    def over(self) -> list[Transaction]:
        """The transactions of this batch for which `outcome` needs the registers."""
        touched = {fact.transaction_id for fact in self._facts.values()}
        return [
            self._transactions[transaction_id]
            for transaction_id in touched
            if self._transactions[transaction_id].is_over
        ]

    def outlasting(self) -> list[Transaction]:
        """The transactions of this batch that were over as far as was known, and may have gone on for longer: what was
        read in them and named none may be kept outside of any transaction."""
        if not self._stops:
            return []
        touched = {fact.transaction_id for fact in self._facts.values()} & self._stops.keys()
        return [self._transactions[one] for one in touched if _may_outlast(self._transactions[one], self._stops[one])]

    def outcome(self, registers: Mapping[str, Registers]) -> Outcome:
        """All of it. `registers`, by transaction id, are those of all readings, the ones of this batch included."""
        changed: list[Transaction] = []
        events: list[TransactionChanged] = []
        for transaction_id in sorted({fact.transaction_id for fact in self._facts.values()}):
            before, transaction = self._before.get(transaction_id, _NOTHING), self._transactions[transaction_id]
            settle(transaction, registers.get(transaction_id, NO_REGISTERS))
            if content(transaction) == before.content:
                continue
            changed.append(transaction)
            if shown(transaction) != before.shown:
                transaction.revision += 1
                transaction.update_time = self._now
                events.append(TransactionChanged(transaction, change_of(before.state, transaction.state)))
        return Outcome(changed, events)

    def _as_first_reported(self, item: KeyedEvent) -> KeyedEvent:
        event, key = item
        if event.wants_number:
            transaction_id = self._ids_by_start.get(key, "")
        else:
            transaction_id = transaction_id_of(event.charge_point_id, event.ocpp_transaction_id)
        named = self._transactions.get(transaction_id)
        if named is None and event.is_dated:
            return item
        here = () if event.is_dated else self._of_charge_point(event)
        return as_first_reported(item, named, here, self._updates.get(transaction_id, ()))

    def _of_charge_point(self, event: TransactionEvent | ConnectorReport) -> list[Transaction]:
        return [
            self._transactions[transaction_id] for transaction_id in self._ids_by_charge_point[event.charge_point_id]
        ]

    def _record_start(self, item: KeyedEvent) -> Answer:
        event = item.event
        transaction_id, ocpp_transaction_id = self._started_as(item)
        for other in self._at_same_place(event, transaction_id):
            if other.outlasts(event.corrected_time) and precedes(other, event, transaction_id):
                self._conclude_end(other, event, event.corrected_time, transaction_id)
        answer = self._place(item, transaction_id, ocpp_transaction_id)
        later = [
            other for other in self._at_same_place(event, transaction_id) if not precedes(other, event, transaction_id)
        ]
        if later:
            next_one = min(later, key=lambda other: (other.begin_time, other.id))
            self._conclude_end(self._transactions[transaction_id], event, next_one.begin_time, next_one.id)
        return answer

    def _started_as(self, item: KeyedEvent) -> tuple[str, str]:
        """Id of the transaction that a start begins, and what it is called; a start that is known keeps its number."""
        event, key = item
        if not event.wants_number:
            return transaction_id_of(event.charge_point_id, event.ocpp_transaction_id), event.ocpp_transaction_id
        known = self._ids_by_start.get(key)
        if known is not None:
            return known, self._transactions[known].ocpp_transaction_id
        number = str(next(self._numbers))
        return transaction_id_of(event.charge_point_id, number), number

    def _record_end(self, item: KeyedEvent) -> Answer:
        event = item.event
        transaction_id = transaction_id_of(event.charge_point_id, event.ocpp_transaction_id)
        known = None if event.names_no_transaction else self._transactions.get(transaction_id)
        if not event.names_no_transaction:
            is_begun = known is not None and known.start_time is not None
            if is_begun or not (event.is_ocpp_16 or any(map(was_nameless, self._of_charge_point(event)))):
                return self._place(item, transaction_id, event.ocpp_transaction_id)
        if (kept := self._kept.get(item.key)) is not None:
            # Told again it is the same fact, whatever is known of the clock or decided about the token by now.
            return Answer(item.key, *kept, event.authorization, event.authorization_reason)
        answer = self._place_stray_end(item, transaction_id, known)
        self._kept[item.key] = Kept(answer.transaction_id, answer.ocpp_transaction_id)
        return answer

    def _place_stray_end(self, item: KeyedEvent, transaction_id: str, known: Transaction | None) -> Answer:
        """Place an end that names no transaction which is known to have begun; `known` is what was told under its
        name."""
        event = item.event
        # What was told before under its name may say where it was.
        meant = self._meant(item if known is None else KeyedEvent(placed_like(event, known), item.key))
        if meant is not None:
            return self._place(item, meant.id, meant.ocpp_transaction_id, MATCHED_STOP)
        # Ends without a number are told apart by their keys alone.
        return self._place(
            item, item.key if event.names_no_transaction else transaction_id, event.ocpp_transaction_id, ORPHAN_STOP
        )

    def _record_loss(self, item: KeyedEvent) -> Answer:
        """Its charge point says that it knows no such transaction."""
        event, key = item
        transaction_id = transaction_id_of(event.charge_point_id, event.ocpp_transaction_id)
        fact = self.lose(transaction_id, Cause.NOT_ONGOING, event.corrected_time, event.received_time)
        return Answer(key if fact is None else fact.key, transaction_id, event.ocpp_transaction_id, None, "")

    def lose(self, transaction_id: str, cause: Cause, noticed_time: datetime, received_time: datetime) -> Fact | None:
        """Take in that a transaction is lost; None when it has ended, or something is known that happened later."""
        transaction = self._transactions.get(transaction_id)
        if transaction is None or not transaction.may_be_lost(noticed_time):
            return None
        read = self._read.get(transaction_id)
        fact = loss(transaction, cause, noticed_time, received_time, read.sampled_time if read else None)
        if fact is not None:
            self.take_in(fact)
        return fact

    def note(self, report: ConnectorReport) -> None:
        """Take in what a connector does: it may say that the last transaction there is lost, or how it charges."""
        here = self._of_charge_point(report)
        began = [one for one in here if one.begin_time <= report.time and same_place(one, report)]
        latest = max(began, key=lambda one: (one.begin_time, one.id), default=None)
        if latest is None:
            return
        if is_lost(latest, report):
            self.lose(latest.id, Cause.BOOT, report.time, report.received_time)
        elif (event := charging_state(latest, report)) is not None:
            self.record(keyed(event))

    def _place(self, item: KeyedEvent, transaction_id: str, ocpp_transaction_id: str, *flags: str) -> Answer:
        event, key = item
        authorization, reason, doubts = self._authorization(item, transaction_id)
        flags = (*flags, *doubts)
        fact = Fact(
            key=key,
            transaction_id=transaction_id,
            ocpp_transaction_id=ocpp_transaction_id,
            authorization=authorization,
            authorization_reason=reason,
            event=replace(event, flags=(*event.flags, *flags)) if flags else event,
        )
        self.take_in(fact)
        return Answer(key, transaction_id, ocpp_transaction_id, authorization, reason)

    def take_in(self, fact: Fact) -> None:
        """Take in a fact that was placed already."""
        self._facts.setdefault((fact.transaction_id, fact.key), fact)
        known, event = self._transactions.get(fact.transaction_id), fact.event
        transaction = join(known, fact)
        # What it is found by changes with its start and its tokens only.
        if known is None or event.kind is EventKind.STARTED or event.presents_token:
            self._keep(transaction)

    def _keep(self, transaction: Transaction) -> None:
        self._transactions[transaction.id] = transaction
        self._ids_by_charge_point[transaction.charge_point_id].add(transaction.id)
        if transaction.id_tag:
            self._ids_by_token[transaction.id_tag].add(transaction.id)
        if transaction.group_id:
            self._ids_by_group[transaction.group_id].add(transaction.id)
        if transaction.start_key:
            self._ids_by_start[transaction.start_key] = transaction.id

    def _authorization(
        self, item: KeyedEvent, transaction_id: str
    ) -> tuple[Authorization | None, str, tuple[str, ...]]:
        """The decision of the edge with its reason, unless the token is in use in another transaction, and flags; the
        same at every repetition."""
        event, key = item
        if not event.presents_good_token:
            return event.authorization, event.authorization_reason, ()
        transaction = self._transactions.get(transaction_id)
        if transaction is not None and transaction.token_rank[1:] == moment(unplaced(event, key)):
            return transaction.authorization, transaction.authorization_reason, ()
        same_token = self._ids_by_token[event.id_tag] | self._ids_by_group.get(event.group_id, set())
        others = [self._transactions[other] for other in same_token - {transaction_id}]
        if not others:
            return event.authorization, event.authorization_reason, ()
        authorization, flags = decided(event, others, self._rules, self._read)
        is_in_use = authorization is not event.authorization
        return authorization, TokenReason.TOKEN_IN_USE if is_in_use else event.authorization_reason, flags

    def _conclude_end(self, transaction: Transaction, event: TransactionEvent, time: datetime, evidence: str) -> None:
        """End `transaction` at `time`, because the transaction `evidence` has taken its place, as `event` told."""
        self.take_in(concluded_end(transaction, event.received_time, time, evidence))

    def _at_same_place(self, event: TransactionEvent, transaction_id: str) -> list[Transaction]:
        others = (
            self._transactions[other] for other in self._ids_by_charge_point[event.charge_point_id] - {transaction_id}
        )
        return [other for other in others if other.start_time is not None and same_place(other, event)]

    def _meant(self, item: KeyedEvent) -> Transaction | None:
        """The transaction that an end without a usable number means, if there is no doubt: a running one, or the one
        that it has ended before."""
        event, key = item
        rank = stop_rank(unplaced(event, key))
        here = self._of_charge_point(event)
        for transaction in here:
            if transaction.stop_rank == rank and transaction.start_time is not None:
                return transaction
        running = [
            transaction
            for transaction in here
            if transaction.state is TransactionState.ACTIVE and may_end(transaction, event)
        ]
        if not (event.is_ocpp_16 or event.names_no_transaction):
            running = [transaction for transaction in running if was_nameless(transaction)]
        with_token = [transaction for transaction in running if event.id_tag and transaction.id_tag == event.id_tag]
        candidates = with_token or running
        return candidates[0] if len(candidates) == 1 else None


def _may_outlast(transaction: Transaction, time: datetime) -> bool:
    """Whether a transaction at a known place may have gone on after `time`."""
    if transaction.start_time is None or not (transaction.evse_id or transaction.connector_id):
        return False
    return transaction.loss is not None or transaction.stop_time is None or transaction.stop_time > time


def concluded_end(transaction: Transaction, received_time: datetime, time: datetime, evidence: str) -> Fact:
    """The end of `transaction` at `time`, concluded when it was heard that the transaction `evidence` has taken its
    place."""
    end = TransactionEvent(
        charge_point_id=transaction.charge_point_id,
        kind=EventKind.ENDED,
        protocol=transaction.protocol,
        ocpp_transaction_id=transaction.ocpp_transaction_id,
        device_time=time,
        # Never before the transaction itself was heard of, or its creation would hang on who came first.
        received_time=max(received_time, transaction.create_time),
        corrected_time=time,
        stop_reason=CONCLUDED_REASON,
        tenant_id=transaction.tenant_id,
    )
    return Fact(
        key=derived_id("concluded end", transaction.id, evidence),
        transaction_id=transaction.id,
        ocpp_transaction_id=transaction.ocpp_transaction_id,
        authorization=None,
        event=end,
        estimated=True,
    )


def change_of(before: TransactionState | None, state: TransactionState) -> TransactionChange:
    """What a transaction that went from one state to another is said to have done."""
    if state is TransactionState.ENDED:
        return TransactionChange.ENDED
    # One that goes on after its end was concluded has begun before.
    begins = state is TransactionState.ACTIVE and before not in (TransactionState.ACTIVE, TransactionState.ENDED)
    return TransactionChange.STARTED if begins else TransactionChange.UPDATED
