"""Transactions, as the facts about them add up (see folding.py)."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any

from services.kernel.tenancy import DEFAULT_TENANT
from services.kernel.tokens import Token
from services.transaction.domain.fact import KEY_TAIL, OCPP_16, Authorization, EventKind, moment_time
from services.transaction.domain.losses import Loss, loss_before
from services.transaction.domain.metering import StartStop
from services.transaction.domain.ranks import is_concluded, is_end_of_key, time_of_stop

# Flags that follow from the facts; they come and go with what is known. Those about energy are in doubts.py.
ESTIMATED_END = "estimated_end"
STOP_BEFORE_START = "stop_before_start"
UNAUTHORIZED = "unauthorized"
CONCURRENT_TX = "concurrent_tx"
# Flags that stay.
SEVERAL_ENDS = "several_ends"
ORPHAN_STOP = "orphan_stop"
# Why a transaction stopped whose end was concluded, in the words of OCPP.
CONCLUDED_REASON = "Other"


class TransactionState(StrEnum):
    """Where a transaction stands."""

    ACTIVE = "ACTIVE"
    ENDED = "ENDED"
    ORPHAN = "ORPHAN"
    MERGED = "MERGED"


@dataclass(slots=True, kw_only=True)
class Transaction:
    """A transaction. The fields are those of csms.transaction.v1.Transaction, and:

    `begin_time` is the start or, as long as that is not known, the earliest time heard of; `meter_last_wh` the highest
    register in any fact but at the start; `start_key` the key of a start by OCPP 1.6. Of `start_rank`, `token_rank` and
    `stop_rank` the least wins, of `charging_rank` the greatest; empty is none. One that is MERGED has no facts left:
    they turned out to belong to the transaction `merged_into`.

    `losses` are those that were noticed (see losses.py) and still hold; `heard_time` is the latest time of anything
    that its charge point told of it but an end, other than mere readings.

    Of a start and a stop whose clocks were corrected, `start_device_time` and `stop_device_time` keep what the device
    said: the correction was wrong when it puts the stop before the start.

    Whoever folds facts into a transaction owns it alone and changes it in place, by `join` and `settle` only: a new
    object for each of the facts of a batch would cost more than all the rest.
    """

    id: str
    ocpp_transaction_id: str
    charge_point_id: str
    evse_id: int = 0
    connector_id: int = 0
    id_tag: str = ""
    state: TransactionState = TransactionState.ORPHAN
    begin_time: datetime
    start_time: datetime | None = None
    stop_time: datetime | None = None
    start_device_time: datetime | None = None
    stop_device_time: datetime | None = None
    meter_start_wh: int | None = None
    meter_stop_wh: int | None = None
    meter_last_wh: int | None = None
    energy_wh: int = 0
    energy_doubt: str = ""
    stop_reason: str = ""
    token_type: str = ""
    authorization: Authorization | None = None
    authorization_reason: str = ""
    driver_id: str = ""
    group_id: str = ""
    station_id: str = ""
    protocol: str = ""
    charging_state: str = ""
    offline: bool = False
    flags: tuple[str, ...] = ()
    start_key: str | None = None
    start_rank: str = ""
    token_rank: str = ""
    charging_rank: str = ""
    stop_rank: str = ""
    losses: tuple[str, ...] = ()
    heard_time: datetime | None = None
    merged_into: str | None = None
    revision: int = 0
    create_time: datetime
    update_time: datetime
    tenant_id: str = DEFAULT_TENANT

    @property
    def token(self) -> Token:
        """What it was started with, in the form that is compared."""
        return Token(self.id_tag, self.token_type)

    @property
    def is_over(self) -> bool:
        """Whether its energy is to be settled, for which its readings have to be looked at."""
        return self.stop_time is not None

    def outlasts(self, time: datetime) -> bool:
        """Whether nobody has told that it was over by `time`: it runs, or a later end was only concluded."""
        if self.stop_time is None:
            return True
        return is_concluded(self.stop_rank) and self.stop_time > time

    def may_be_lost(self, time: datetime) -> bool:
        """Whether nobody has told that it was over, nor has another one taken its place, by `time`."""
        if self.start_time is None or not is_concluded(self.stop_rank):
            return False
        return not self.stop_rank or time_of_stop(self.stop_rank) > time

    @property
    def loss(self) -> Loss | None:
        """The loss by which it is over; None when it runs, or something else says better when it ended."""
        if not self.losses or self.start_time is None or not is_concluded(self.stop_rank):
            return None
        return loss_before(self.losses, time_of_stop(self.stop_rank) if self.stop_rank else None)

    @property
    def last_sign(self) -> datetime:
        """When something was heard of it last, but for mere readings."""
        signs = [self.create_time, self.begin_time, self.heard_time]
        if self.charging_rank:
            signs.append(moment_time(self.charging_rank))
        return max(sign for sign in signs if sign is not None)

    @property
    def last_time(self) -> datetime:
        """The latest time at which something may have happened in it, as far as that is known while it does not run."""
        times = [self.begin_time, self.stop_time, self.loss.last_time if self.loss else None]
        return max(time for time in times if time is not None)

    @property
    def is_ocpp_16(self) -> bool:
        """Whether the platform, not the charge point, gave it its number."""
        return self.protocol == OCPP_16


_VERSIONING = {"revision", "update_time"}
# What the next fact is compared with. It changes often and tells nobody anything.
_BOOKKEEPING = {
    "meter_last_wh",
    "start_rank",
    "token_rank",
    "charging_rank",
    "stop_rank",
    "losses",
    "heard_time",
    "start_device_time",
    "stop_device_time",
}
_NAMES = [field.name for field in fields(Transaction)]

content: Callable[[Transaction], tuple[Any, ...]] = attrgetter(*(name for name in _NAMES if name not in _VERSIONING))
"""What is stored of a transaction, without how often and when it changed."""

_shown = attrgetter(*(name for name in _NAMES if name not in _VERSIONING | _BOOKKEEPING | {"energy_wh"}))


def shown(transaction: Transaction) -> tuple[Any, ...]:
    """What others are told when it changes. The energy of a running transaction is not among it: the readings show
    it."""
    return _shown(transaction), transaction.energy_wh if transaction.stop_time is not None else None


def start_and_stop(transaction: Transaction) -> StartStop:
    """What the start and the end of a transaction told of its energy."""
    return StartStop(
        transaction.meter_start_wh,
        transaction.meter_stop_wh,
        _seconds(transaction.start_time),
        _seconds(transaction.stop_time),
    )


def reported_time(transaction: Transaction, kind: EventKind, key: str) -> datetime | None:
    """When the fact with this key, a start or a dated end, was taken to have happened, if it is the one that decided;
    else None. Told again its time may be corrected by another amount."""
    if kind is EventKind.STARTED and transaction.start_rank[-KEY_TAIL:] == key[-KEY_TAIL:]:
        return moment_time(transaction.start_rank)
    if kind is EventKind.ENDED and is_end_of_key(transaction.stop_rank, key):
        return time_of_stop(transaction.stop_rank)
    return None


def token_time(transaction: Transaction) -> datetime | None:
    """When the token of `transaction` was presented, by the corrected clock; None without one."""
    return moment_time(transaction.token_rank[1:]) if transaction.token_rank else None


def _seconds(time: datetime | None) -> int | None:
    return None if time is None else int(time.timestamp())
