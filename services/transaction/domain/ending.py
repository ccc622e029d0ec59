"""Ends that operators decide: of transactions that their charge points have forgotten, or cannot end. Pure."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from services.kernel.errors import failed_precondition
from services.kernel.ids import derived_id
from services.kernel.validation import Violations
from services.transaction.domain.fact import EventKind, Fact, TransactionEvent
from services.transaction.domain.ranks import ENDED_BY_OPERATOR
from services.transaction.domain.transaction import Transaction, TransactionState

_LONGEST_REASON = 500
_REASON = "Other"
# No connector gives more.
_MOST_POWER_W, _SLACK_WH = 1_000_000, 1_000
# Callers' clocks may be ahead of ours by as much.
_CLOCK_SKEW = timedelta(minutes=1)
_HELP = {
    TransactionState.ENDED: "it ended at {stop_time}; what is billed is decided by POST /charging-sessions/ID/correct",
    TransactionState.ORPHAN: "its start was never told; say where it belongs by POST /transactions/ID/assign",
    TransactionState.MERGED: "what was told of it belongs to transaction {merged_into}",
}


class Wish(NamedTuple):
    """What an operator wants: `stop_time` and `meter_stop_wh` None are what was last heard of the transaction."""

    reason: str
    decided_by: str
    stop_time: datetime | None = None
    meter_stop_wh: int | None = None


class EndDecision(NamedTuple):
    """What was decided, why, when and by whom: the record of it, which never changes."""

    transaction_id: str
    decided_by: str
    reason: str
    create_time: datetime
    stop_time: datetime
    meter_stop_wh: int | None


def validated(wish: Wish) -> Wish:
    """`wish` itself. Raises: INVALID_FIELD for what is wrong whatever the transaction is."""
    violations = Violations()
    violations.check(bool(wish.reason.strip()), "reason", "must say why")
    violations.text("reason", wish.reason, longest=_LONGEST_REASON)
    violations.raise_if_any()
    return wish


def decided(
    transaction: Transaction, wish: Wish, now: datetime, last_read: datetime | None, highest_wh: int | None
) -> EndDecision:
    """The decision about a transaction of which `last_read` is the time of the latest reading and `highest_wh` the
    highest register that was told. Raises: TRANSACTION_NOT_RUNNING, INVALID_FIELD."""
    if transaction.state is not TransactionState.ACTIVE or transaction.start_time is None:
        raise failed_precondition(
            "TRANSACTION_NOT_RUNNING", f"transaction {transaction.id} does not run: {_help(transaction)}"
        )
    signs = [sign for sign in (last_read, transaction.heard_time) if sign is not None and sign > transaction.start_time]
    stop_time = wish.stop_time or min(max(signs, default=now), now)
    seconds = (stop_time - transaction.start_time).total_seconds()
    lowest_wh, most_wh = _bounds(transaction.meter_start_wh, highest_wh, seconds)
    violations = Violations()
    start = _as_sent(transaction.start_time)
    violations.check(stop_time >= transaction.start_time, "stopTime", f"must not lie before the start, {start}")
    violations.check(stop_time <= now + _CLOCK_SKEW, "stopTime", "must not lie in the future")
    if wish.meter_stop_wh is not None and seconds >= 0:
        violations.number("meterStopWh", wish.meter_stop_wh, lowest_wh, most_wh)
    violations.raise_if_any()
    return EndDecision(transaction.id, wish.decided_by, wish.reason, now, stop_time, wish.meter_stop_wh)


def fact_of(decision: EndDecision, transaction: Transaction) -> Fact:
    """The end of the transaction that was decided."""
    event = TransactionEvent(
        charge_point_id=transaction.charge_point_id,
        kind=EventKind.ENDED,
        protocol=transaction.protocol,
        ocpp_transaction_id=transaction.ocpp_transaction_id,
        device_time=decision.stop_time,
        received_time=max(decision.create_time, transaction.create_time),
        corrected_time=decision.stop_time,
        stop_reason=_REASON,
        meter_wh=decision.meter_stop_wh,
        flags=(ENDED_BY_OPERATOR,),
        tenant_id=transaction.tenant_id,
    )
    return Fact(
        key=derived_id("decided end", transaction.id),
        transaction_id=transaction.id,
        ocpp_transaction_id=transaction.ocpp_transaction_id,
        authorization=None,
        event=event,
    )


def _help(transaction: Transaction) -> str:
    stop_time = "" if transaction.stop_time is None else _as_sent(transaction.stop_time)
    return _HELP[transaction.state].format(stop_time=stop_time, merged_into=transaction.merged_into)


def _as_sent(time: datetime) -> str:
    """A time as callers read and write it, to the microsecond."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _bounds(start_wh: int | None, highest_wh: int | None, seconds: float) -> tuple[int, int]:
    """Between what the register at the stop must lie. One that no connector reaches by then bounds nothing."""
    given_wh = int(seconds) * _MOST_POWER_W // 3600 + _SLACK_WH
    if start_wh is None:
        lowest_wh = highest_wh or 0
        return lowest_wh, lowest_wh + given_wh
    most_wh = start_wh + given_wh
    return max(start_wh, highest_wh if highest_wh is not None and highest_wh <= most_wh else start_wh), most_wh
