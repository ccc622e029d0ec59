"""Transactions as their readers see them, and which of them a list holds."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from services.kernel.validation import Violations
from services.transaction.domain.ending import EndDecision
from services.transaction.domain.energy import metered
from services.transaction.domain.registers import NO_REGISTERS, Registers
from services.transaction.domain.sequence import EVENTS_MISSING, SequenceGap
from services.transaction.domain.transaction import Transaction, TransactionState, start_and_stop

_MOST_IDS = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionFilter:
    """Which transactions a list holds; an empty or None field does not narrow it.

    With `update_time_from` the list runs in the order of change, otherwise the latest started comes first.
    """

    charge_point_id: str = ""
    station_id: str = ""
    id_tag: str = ""
    driver_id: str = ""
    state: TransactionState | None = None
    start_time_from: datetime | None = None
    start_time_to: datetime | None = None
    ids: tuple[str, ...] = ()
    update_time_from: datetime | None = None


def validated(narrowing: TransactionFilter) -> TransactionFilter:
    """`narrowing` itself. Raises: INVALID_FIELD."""
    violations = Violations()
    violations.check(len(narrowing.ids) <= _MOST_IDS, "ids", f"must be at most {_MOST_IDS}")
    violations.raise_if_any()
    return narrowing


class Latest(NamedTuple):
    """What a transaction's readings show by now: the registers first and last read, and the newest power and state of
    charge."""

    registers: Registers = NO_REGISTERS
    power_w: int | None = None
    soc_percent: int | None = None


class ChargingStateChange(NamedTuple):
    """That a transaction charged in another way from some time on, in the words of OCPP 2.x."""

    time: datetime
    charging_state: str


@dataclass(frozen=True, slots=True)
class TransactionView:
    """A transaction as its readers see it: with what its readings show by now, what was decided about its end, and what
    is missing of it."""

    transaction: Transaction
    power_w: int | None = None
    soc_percent: int | None = None
    end_decision: EndDecision | None = None
    gap: SequenceGap | None = None


def viewed(
    transaction: Transaction, latest: Latest, decision: EndDecision | None = None, gap: SequenceGap | None = None
) -> TransactionView:
    """`transaction` with its latest readings: the energy of one that is over is settled, that of a running one is what
    it would come to if it ended now."""
    if gap is not None:
        transaction = replace(transaction, flags=tuple(sorted({*transaction.flags, EVENTS_MISSING})))
    if transaction.stop_time is not None:
        return TransactionView(transaction, None, latest.soc_percent, decision, gap)
    if latest.registers.times:
        energy_wh, flags, doubt = metered(start_and_stop(transaction), latest.registers)
        flags = tuple(sorted({*transaction.flags, *flags}))
        transaction = replace(transaction, energy_wh=energy_wh, flags=flags, energy_doubt=doubt)
    return TransactionView(transaction, latest.power_w, latest.soc_percent, decision)
