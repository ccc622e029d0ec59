"""A connector and the transaction running on it: facts, from which its status is derived.

Status words are those of OCPP 1.6; the 2.0.1 dialect folds them into its own five.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from simulator.meter import Meter


class ConnectorStatus(StrEnum):
    """OCPP 1.6 ChargePointStatus, as far as this hardware can reach it."""

    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"
    FINISHING = "Finishing"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


class Side(StrEnum):
    """Who holds back the energy."""

    EV = "EV"
    EVSE = "EVSE"


class StopReason(StrEnum):
    """Why a transaction ended, in OCPP 1.6 words."""

    LOCAL = "Local"
    REMOTE = "Remote"
    EV_DISCONNECTED = "EVDisconnected"
    DEAUTHORIZED = "DeAuthorized"
    SOFT_RESET = "SoftReset"
    HARD_RESET = "HardReset"
    UNLOCK = "UnlockCommand"
    POWER_LOSS = "PowerLoss"


@dataclass
class Transaction:
    """One charging transaction as the charge point sees it.

    `key` is the station's own id (the transactionId of 2.0.1); `transaction_id` is the number that
    a 1.6 central system hands out, unknown until it answers; `authorization` its last word on the tag.
    """

    connector_id: int
    id_tag: str
    meter_start_wh: int
    start_time: datetime
    remote_start_id: int | None = None
    reservation_id: int | None = None
    key: str = field(default_factory=lambda: str(uuid4()))
    transaction_id: int | None = None
    authorization: str = "Accepted"
    meter_stop_wh: int | None = None
    stop_time: datetime | None = None
    stop_reason: StopReason | None = None
    _next_seq_no: int = 0
    stop_requested: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def request_stop(self, reason: StopReason) -> None:
        """Ask the running session to end; the first reason stays."""
        if self.stop_reason is None:
            self.stop_reason = reason
        self.stop_requested.set()

    def take_seq_no(self) -> int:
        """The number of the next event of this transaction, from 0 without gaps."""
        taken = self._next_seq_no
        self._next_seq_no += 1
        return taken


@dataclass(frozen=True)
class Reservation:
    """A connector that is kept for a token, or for a group of tokens."""

    id: int
    id_tag: str
    expires: datetime
    group: str | None = None

    def is_for(self, id_tag: str) -> bool:
        """Whether a token may use it; which tokens belong to a group the central system knows, not the station."""
        return id_tag.upper() in (self.id_tag.upper(), (self.group or self.id_tag).upper())


@dataclass
class Connector:
    """One outlet. `claimed` from the moment a remote start was accepted; `reported` is the last status told.

    `wanted_w` is what the vehicle would take, `limit_w` what charging profiles let it have, None for all of that.
    """

    id: int
    meter: Meter
    operative: bool = True
    becomes_inoperative: bool = False
    plugged_in: bool = False
    claimed: bool = False
    fault: str | None = None
    wanted_w: int = 0
    limit_w: int | None = None
    suspended_by: Side | None = None
    reservation: Reservation | None = None
    transaction: Transaction | None = None
    reported: str | None = None

    @property
    def status(self) -> ConnectorStatus:
        """What a StatusNotification would say now."""
        if self.fault is not None:
            return ConnectorStatus.FAULTED
        if self.transaction is not None and self.transaction.stop_time is None:
            if self.suspended_by is Side.EVSE or self.limit_w == 0:
                return ConnectorStatus.SUSPENDED_EVSE
            full = self.meter.full or self.suspended_by is Side.EV
            return ConnectorStatus.SUSPENDED_EV if full else ConnectorStatus.CHARGING
        if self.transaction is not None:
            return ConnectorStatus.FINISHING
        if self.plugged_in:
            return ConnectorStatus.PREPARING
        if self.reservation is not None:
            return ConnectorStatus.RESERVED
        return ConnectorStatus.AVAILABLE if self.operative else ConnectorStatus.UNAVAILABLE

    @property
    def power_w(self) -> int:
        """What flows at this moment, unless the vehicle is full."""
        if self.fault is not None or self.suspended_by is not None:
            return 0
        return self.wanted_w if self.limit_w is None else min(self.wanted_w, self.limit_w)

    @property
    def free(self) -> bool:
        """Whether anybody may begin a transaction here."""
        return self.reservation is None and self.free_but_reserved

    def free_for(self, id_tag: str) -> bool:
        """Whether a token may begin a transaction here."""
        return self.free_but_reserved and (self.reservation is None or self.reservation.is_for(id_tag))

    @property
    def free_but_reserved(self) -> bool:
        """Whether a transaction may begin here, if it is not kept for somebody else."""
        return (
            self.operative
            and not self.becomes_inoperative
            and not self.claimed
            and self.transaction is None
            and self.fault is None
        )

    def release(self) -> None:
        """The cable is out; a scheduled change of availability takes effect now."""
        self.plugged_in = False
        self.claimed = False
        self.transaction = None
        self.suspended_by, self.limit_w, self.wanted_w = None, None, 0
        if self.becomes_inoperative:
            self.operative, self.becomes_inoperative = False, False
