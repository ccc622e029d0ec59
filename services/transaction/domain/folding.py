"""The fold over the facts about a transaction, the same in any order and with any repetition.

A transaction keeps, beside what it shows, which fact decided each part of it (its ranks). So one more fact can be
joined to it without reading the others again: `join` is commutative, associative and idempotent.
"""

from collections.abc import Iterable, Sequence

from services.kernel.tenancy import DEFAULT_TENANT
from services.transaction.domain.doubts import ENERGY_FLAGS
from services.transaction.domain.ends import hear, join_end, join_loss, join_start, last_heard, stopped_before_start
from services.transaction.domain.energy import metered
from services.transaction.domain.fact import Authorization, EventKind, Fact
from services.transaction.domain.losses import Cause
from services.transaction.domain.ranks import charging_rank, is_concluded, token_rank
from services.transaction.domain.reading import highest_register
from services.transaction.domain.registers import NO_REGISTERS, Registers
from services.transaction.domain.transaction import (
    CONCURRENT_TX,
    ESTIMATED_END,
    STOP_BEFORE_START,
    UNAUTHORIZED,
    Transaction,
    TransactionState,
    start_and_stop,
)

_CONCLUDED = frozenset({*Cause, ESTIMATED_END, STOP_BEFORE_START, UNAUTHORIZED, CONCURRENT_TX, *ENERGY_FLAGS})
_REFUSED = frozenset({Authorization.BLOCKED, Authorization.EXPIRED, Authorization.INVALID})
_ENDS = frozenset({EventKind.ENDED, EventKind.LOST})


def fold(facts: Iterable[Fact], registers: Registers = NO_REGISTERS) -> Transaction:
    """The transaction that `facts`, at least one and all of one transaction, tell of. `registers` are those of its
    readings."""
    transaction: Transaction | None = None
    for fact in facts:
        transaction = join(transaction, fact)
    if transaction is None:
        raise ValueError("a transaction without facts")
    settle(transaction, registers)
    return transaction


def join(transaction: Transaction | None, fact: Fact) -> Transaction:
    """Take one more fact into `transaction`, which is still to be settled then. A first fact makes a transaction."""
    event = fact.event
    if transaction is None:
        transaction = Transaction(
            id=fact.transaction_id,
            ocpp_transaction_id=fact.ocpp_transaction_id,
            charge_point_id=event.charge_point_id,
            begin_time=event.corrected_time,
            create_time=event.received_time,
            update_time=event.received_time,
        )
    elif transaction.state is TransactionState.MERGED:
        transaction.state, transaction.merged_into = TransactionState.ORPHAN, None
    if event.kind is EventKind.LOST:
        join_loss(transaction, fact)
    _join_circumstances(transaction, fact)
    if event.kind is EventKind.STARTED:
        join_start(transaction, fact)
    elif event.kind is EventKind.ENDED:
        join_end(transaction, fact)
    if event.kind not in _ENDS and not event.is_of_connector:
        hear(transaction, event)
    if event.presents_token:
        _join_token(transaction, fact)
    if event.charging_state and (rank := charging_rank(fact)) > transaction.charging_rank:
        transaction.charging_rank, transaction.charging_state = rank, event.charging_state
    return transaction


def settle(transaction: Transaction, registers: Registers = NO_REGISTERS) -> None:
    """Draw from the facts in `transaction` what follows: its energy, and the flags that are conclusions.

    `registers`, those of all its readings, only count once the transaction `is_over`.
    """
    if (loss := transaction.loss) is not None:
        transaction.stop_time = last_heard(transaction, loss, registers.last_time)
    doubts: Sequence[str] = ()
    if transaction.is_over:
        transaction.energy_wh, doubts, transaction.energy_doubt = metered(start_and_stop(transaction), registers)
        if transaction.start_time is None:
            # More of it is to come.
            doubts, transaction.energy_doubt = (), ""
    else:
        # What it comes to while it runs is shown by its readings; this is for those who do not ask for them.
        transaction.energy_wh, transaction.energy_doubt = _so_far(transaction), ""
    flags = [flag for flag in transaction.flags if flag not in _CONCLUDED]
    transaction.flags = tuple(sorted([*flags, *_conclusions(transaction), *doubts]))


def _join_circumstances(transaction: Transaction, fact: Fact) -> None:
    """What every fact adds to: the greater value stays, and flags gather."""
    event = fact.event
    transaction.protocol = max(transaction.protocol, event.protocol)
    # Mere readings of a transaction that runs are no facts at all, so they must not count when they come as such.
    if not event.is_mere_reading:
        transaction.evse_id = max(transaction.evse_id, event.evse_id)
        transaction.connector_id = max(transaction.connector_id, event.connector_id)
        reported_wh = None if event.kind is EventKind.STARTED else event.meter_wh
        transaction.meter_last_wh = _greatest(transaction.meter_last_wh, reported_wh, highest_register(event.readings))
    if event.flags:
        transaction.flags = tuple(sorted({*transaction.flags, *event.flags}))
    transaction.create_time = min(transaction.create_time, event.received_time)
    if not transaction.start_rank:
        transaction.begin_time = min(transaction.begin_time, event.corrected_time)
        transaction.station_id = max(transaction.station_id, event.station_id)
        transaction.tenant_id = max(transaction.tenant_id, event.tenant_id, key=_weight)


def _weight(tenant_id: str) -> tuple[bool, str]:
    """Which tenant goes before another: all before the default one, which an edge tells that knows of none."""
    return tenant_id != DEFAULT_TENANT, tenant_id


def _join_token(transaction: Transaction, fact: Fact) -> None:
    rank, event = token_rank(fact), fact.event
    if transaction.token_rank and transaction.token_rank <= rank:
        return
    transaction.token_rank, transaction.authorization = rank, fact.authorization
    transaction.authorization_reason = fact.authorization_reason
    transaction.id_tag, transaction.token_type = event.id_tag, event.token_type
    transaction.driver_id, transaction.group_id = event.driver_id, event.group_id


def _conclusions(transaction: Transaction) -> Iterable[str]:
    if transaction.stop_time is not None and is_concluded(transaction.stop_rank):
        yield ESTIMATED_END
        if transaction.loss is not None:
            yield transaction.loss.cause
    if transaction.authorization in _REFUSED:
        yield UNAUTHORIZED
    if transaction.authorization is Authorization.CONCURRENT_TX:
        yield CONCURRENT_TX
    if transaction.stop_time == transaction.start_time and stopped_before_start(transaction):
        yield STOP_BEFORE_START


def _so_far(transaction: Transaction) -> int:
    """The energy by the highest register in any fact, which may be one of the transaction."""
    first, last = transaction.meter_start_wh, transaction.meter_last_wh
    if first is None or last is None or last < 0:
        return 0
    return last - first if last >= first else last


def _greatest(*registers: int | None) -> int | None:
    return max((register for register in registers if register is not None), default=None)
