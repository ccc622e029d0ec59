"""When transactions start and stop: by what their charge points told, by what was decided, and by what was
concluded."""

from datetime import datetime

from services.transaction.domain.fact import Fact, TransactionEvent, moment
from services.transaction.domain.losses import Cause, Loss, not_before, with_loss
from services.transaction.domain.ranks import BY_CHARGE_POINT, is_concluded, stop_rank, time_of_stop
from services.transaction.domain.transaction import CONCLUDED_REASON, SEVERAL_ENDS, Transaction, TransactionState

_REASONS = {Cause.BOOT: "Reboot"}
# No device that tells times was built before; clocks that say so were never set.
_FIRST_YEAR = 2015


def join_start(transaction: Transaction, fact: Fact) -> None:
    rank, event = moment(fact), fact.event
    if transaction.start_rank and transaction.start_rank <= rank:
        return
    transaction.start_rank = rank
    transaction.begin_time = event.corrected_time
    transaction.start_device_time = _other_time(event)
    transaction.meter_start_wh = event.meter_wh
    transaction.station_id, transaction.tenant_id = event.station_id, event.tenant_id
    transaction.offline = event.offline
    transaction.start_key = fact.key if event.wants_number else None
    _conclude(transaction)


def join_end(transaction: Transaction, fact: Fact) -> None:
    rank, event = stop_rank(fact), fact.event
    if transaction.stop_rank not in ("", rank) and BY_CHARGE_POINT.issuperset((transaction.stop_rank[0], rank[0])):
        transaction.flags = tuple(sorted({*transaction.flags, SEVERAL_ENDS}))
    if transaction.stop_rank and transaction.stop_rank <= rank:
        return
    transaction.stop_rank = rank
    transaction.stop_device_time = _other_time(event)
    transaction.meter_stop_wh = event.meter_wh
    transaction.stop_reason = event.stop_reason
    if not is_concluded(rank):
        transaction.losses = ()
    _conclude(transaction)


def join_loss(transaction: Transaction, fact: Fact) -> None:
    if not is_concluded(transaction.stop_rank):
        return
    if transaction.heard_time is not None and transaction.heard_time > fact.event.device_time:
        return
    transaction.losses = with_loss(transaction.losses, fact)
    _conclude(transaction)


def hear(transaction: Transaction, event: TransactionEvent) -> None:
    """Take in that something was told of the transaction: a loss that was noticed before does not hold."""
    time = max([event.corrected_time, *(reading.sampled_time for reading in event.readings)])
    if not event.is_mere_reading and (transaction.heard_time is None or transaction.heard_time < time):
        transaction.heard_time = time
    if transaction.losses and (losses := not_before(transaction.losses, time)) != transaction.losses:
        transaction.losses = losses
        _conclude(transaction)


def last_heard(transaction: Transaction, loss: Loss, last_read: datetime | None) -> datetime:
    """When a transaction ended that was lost: when it was heard of last. Of one that told nothing after its start only
    silence says that this was then."""
    signs = [sign for sign in (transaction.heard_time, last_read) if sign is not None and sign > transaction.begin_time]
    if not signs:
        return transaction.begin_time if loss.cause is Cause.SILENCE else max(loss.first_time, transaction.begin_time)
    return min(max(signs), loss.last_time)


def stopped_before_start(transaction: Transaction) -> bool:
    return (
        bool(transaction.start_rank and transaction.stop_rank)
        and time_of_stop(transaction.stop_rank) < transaction.begin_time
    )


def _conclude(transaction: Transaction) -> None:
    """State, times and reason of the stop, by the start and the ends that are known of."""
    if not transaction.start_rank:
        transaction.state = TransactionState.ORPHAN
        transaction.stop_time = time_of_stop(transaction.stop_rank) if transaction.stop_rank else None
        return
    transaction.start_time, stop_time = _in_order(transaction)
    loss = transaction.loss
    if loss is not None:
        stop_time = max(loss.first_time, transaction.start_time)
    if is_concluded(transaction.stop_rank):
        transaction.stop_reason = (
            _REASONS.get(loss.cause, CONCLUDED_REASON) if loss else CONCLUDED_REASON * bool(stop_time)
        )
    transaction.stop_time = stop_time
    transaction.state = TransactionState.ACTIVE if stop_time is None else TransactionState.ENDED


def _in_order(transaction: Transaction) -> tuple[datetime, datetime | None]:
    """When a transaction started and stopped, by what was told of both: no stop lies before its start, and none in the
    future.

    By the corrected clocks where these agree. Where both were corrected and do not, the stop was moved by more, because
    it waited less: the start is moved by as much. Where one alone was corrected, what its device says is right.
    """
    start = transaction.begin_time
    if not transaction.stop_rank:
        return start, None
    stop = time_of_stop(transaction.stop_rank)
    if stop >= start:
        return start, stop
    own_start, own_stop = transaction.start_device_time, transaction.stop_device_time
    if own_start is not None and own_stop is not None:
        return (stop - (own_stop - own_start), stop) if own_start <= own_stop else (start, start)
    if own_stop is not None and own_stop >= start:
        return start, own_stop
    if own_start is not None and own_start <= stop:
        return own_start, stop
    return start, start


def _other_time(event: TransactionEvent) -> datetime | None:
    """What the device says of when an event happened, if we say otherwise and it may be right."""
    is_other = event.device_time != event.corrected_time and event.device_time.year >= _FIRST_YEAR
    return event.device_time if is_other else None
