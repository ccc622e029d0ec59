"""Transactions as the transaction service shows them: the newest snapshot of each, with what live readings add."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from services.kernel.tenancy import DEFAULT_TENANT

# The longest usual interval between meter values is a quarter of an hour; an older reading says nothing of now.
POWER_IS_FRESH = timedelta(minutes=20)


class TransactionState(StrEnum):
    """Where a session stands."""

    ACTIVE = "ACTIVE"
    ENDED = "ENDED"
    ORPHAN = "ORPHAN"
    MERGED = "MERGED"


class Authorization(StrEnum):
    """Whether the driver may charge."""

    ACCEPTED = "ACCEPTED"
    BLOCKED = "BLOCKED"
    EXPIRED = "EXPIRED"
    INVALID = "INVALID"
    CONCURRENT_TX = "CONCURRENT_TX"


class Transaction(NamedTuple):
    """A charging session. `revision` orders its snapshots.

    `power_w` with `power_time` comes from snapshots and live readings, whichever is later. `metered_wh` is how much of
    its energy the metrics of its station hold by now. When it is over and its energy is open, `doubt` is the flag that
    says so and `energy_doubt` the same with its figures, for people. (A named tuple, because several are made of each
    snapshot, which costs a frozen dataclass five times as much.)
    """

    id: str
    ocpp_transaction_id: str
    charge_point_id: str
    evse_id: int
    connector_id: int
    station_id: str | None
    driver_id: str | None
    start_time: datetime | None
    stop_time: datetime | None
    meter_start_wh: int | None
    energy_wh: int
    power_w: int | None
    power_time: datetime | None
    revision: int
    update_time: datetime
    state: TransactionState
    authorization: Authorization | None
    metered_wh: int = 0
    doubt: str = ""
    energy_doubt: str = ""
    tenant_id: str = DEFAULT_TENANT

    @property
    def is_running(self) -> bool:
        """Whether it started and has not ended."""
        return self.state is TransactionState.ACTIVE


def followed(known: Transaction | None, snapshot: Transaction) -> Transaction:
    """What is known after a snapshot; `known` itself when that is as new."""
    if known is None:
        return snapshot
    if snapshot.revision <= known.revision:
        return known
    if known.power_time is not None and (snapshot.power_time is None or known.power_time > snapshot.power_time):
        snapshot = snapshot._replace(power_w=known.power_w, power_time=known.power_time)
    return snapshot._replace(metered_wh=known.metered_wh)


def power_now(transaction: Transaction, now: datetime) -> int:
    """What it takes now, in W; 0 when the latest reading is too old to tell."""
    if not transaction.is_running or transaction.power_w is None or transaction.power_time is None:
        return 0
    return transaction.power_w if now - transaction.power_time <= POWER_IS_FRESH else 0
