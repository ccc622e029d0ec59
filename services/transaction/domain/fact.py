"""Facts: what charge points reported of their transactions, with the key that makes a repetition recognisable."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from services.kernel.clock import microseconds, time_at
from services.kernel.ids import derived_id
from services.kernel.quirks import times
from services.kernel.tenancy import DEFAULT_TENANT
from services.kernel.tokens import Token
from services.transaction.domain.reading import Reading

# Keeps times before 1970, which broken clocks give, in order.
_BIAS = 1 << 60
_GREATEST_SEQUENCE = 0xFFFF_FFFF
# So much of a key tells the facts of one moment apart.
KEY_TAIL = 12

# What the edge says of an event whose charge point told no time that can be true: it happened when it was received.
TIME_MISSING = times.TIME_MISSING.flag
UNDATED = frozenset({TIME_MISSING, times.TIME_UNREADABLE.flag, times.TIME_IMPLAUSIBLE.flag})

# What a charge point by OCPP 1.6 sends that does not know the number of its transaction (the quirk
# NO_TRANSACTION_NUMBER).
NO_NUMBER = frozenset({"", "0", "-1"})
OCPP_16 = "ocpp1.6"
# What triggers the events that statuses by OCPP 1.6 are made to, which have no triggers of their own.
STATUS_CHANGED = "ChargingStateChanged"


class EventKind(StrEnum):
    """What an event tells of its transaction."""

    STARTED = "STARTED"
    UPDATED = "UPDATED"
    ENDED = "ENDED"
    # It is over, and its end was not told.
    LOST = "LOST"


class Authorization(StrEnum):
    """What was decided about the token of a transaction."""

    ACCEPTED = "ACCEPTED"
    BLOCKED = "BLOCKED"
    EXPIRED = "EXPIRED"
    INVALID = "INVALID"
    CONCURRENT_TX = "CONCURRENT_TX"


_CONTEXT_OF_REGISTER = {EventKind.STARTED: "Transaction.Begin", EventKind.ENDED: "Transaction.End"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionEvent:
    """One event as the edge hands it over. The fields are those of csms.transaction.v1.TransactionEvent; None where
    a number or a decision was not told. `is_mere_reading` marks one that tells nothing but readings, `is_named_by_us`
    one that did not say which transaction it means. Of one that is not `is_dated` all times are when it was received,
    or when its first telling was."""

    charge_point_id: str
    epoch: int = 0
    kind: EventKind
    protocol: str
    ocpp_transaction_id: str = ""
    evse_id: int = 0
    connector_id: int = 0
    id_tag: str = ""
    token_type: str = ""
    authorization: Authorization | None = None
    authorization_reason: str = ""
    driver_id: str = ""
    group_id: str = ""
    station_id: str = ""
    device_time: datetime
    received_time: datetime
    corrected_time: datetime
    seq_no: int | None = None
    offline: bool = False
    trigger_reason: str = ""
    charging_state: str = ""
    stop_reason: str = ""
    meter_wh: int | None = None
    remote_start_id: int | None = None
    reservation_id: int | None = None
    readings: tuple[Reading, ...] = ()
    flags: tuple[str, ...] = ()
    dropped_json: str = ""
    stamp: str = ""
    is_mere_reading: bool = False
    is_named_by_us: bool = False
    tenant_id: str = DEFAULT_TENANT

    @property
    def is_dated(self) -> bool:
        """Whether the charge point told a time that can be true."""
        return not self.flags or UNDATED.isdisjoint(self.flags)

    @property
    def presents_token(self) -> bool:
        """Whether it says who charges; that he shows no token and needs none is said as well."""
        return bool(self.id_tag or self.token_type)

    @property
    def token(self) -> Token:
        """What it presents, in the form that is compared."""
        return Token(self.id_tag, self.token_type)

    @property
    def names_no_transaction(self) -> bool:
        """Whether the charge point does not say, or does not know, which transaction it means."""
        return self.ocpp_transaction_id in NO_NUMBER if self.is_ocpp_16 else not self.ocpp_transaction_id

    @property
    def wants_number(self) -> bool:
        """Whether the answer has to say what the transaction is called from now on: a start by OCPP 1.6."""
        return self.kind is EventKind.STARTED and self.names_no_transaction

    @property
    def presents_good_token(self) -> bool:
        """Whether the event would let its token charge."""
        is_good = self.authorization is Authorization.ACCEPTED
        return is_good and bool(self.id_tag) and self.kind is not EventKind.ENDED

    def reported_at(self, time: datetime) -> "TransactionEvent":
        """An event that is not dated as if it had been told at `time`."""
        return replace(self, device_time=time, corrected_time=time)

    def of_transaction(self, ocpp_transaction_id: str) -> "TransactionEvent":
        """The same event as if the charge point had named the transaction it means."""
        return replace(self, ocpp_transaction_id=ocpp_transaction_id, is_named_by_us=True)

    @property
    def is_ocpp_16(self) -> bool:
        """Whether the platform, not the charge point, gives the transaction its number."""
        return self.protocol == OCPP_16

    @property
    def is_of_connector(self) -> bool:
        """Whether it was concluded from the status of a connector: its charge point has not spoken of the
        transaction."""
        return self.is_ocpp_16 and self.trigger_reason == STATUS_CHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """An event that was placed: the transaction it belongs to, what that is called, and the decision about its token,
    with its reason.

    Never changes. `key` names the event itself, wherever and however often it is sent; `estimated` marks an end that
    the platform concluded from other facts.
    """

    key: str
    transaction_id: str
    ocpp_transaction_id: str
    authorization: Authorization | None
    event: TransactionEvent
    estimated: bool = False
    authorization_reason: str = ""


def reported_register(kind: EventKind, readings: Iterable[Reading]) -> int | None:
    """The register at the start or the end that an event is about, when only its readings tell it (OCPP 2.x): of
    several, wherever they stand, the first of the start, the last of the end."""
    context = _CONTEXT_OF_REGISTER.get(kind)
    found = [
        (one.sampled_time, one.energy_wh) for one in readings if one.context == context and one.energy_wh is not None
    ]
    if not found:
        return None
    return (min(found) if kind is EventKind.STARTED else max(found))[1]


@lru_cache(maxsize=50_000)
def transaction_id_of(charge_point_id: str, ocpp_transaction_id: str) -> str:
    """The id of the transaction that a charge point calls `transaction_id`."""
    return derived_id(charge_point_id, ocpp_transaction_id)


def key_of(event: TransactionEvent) -> str:
    """The key of an event: what the charge point said, and nothing that the platform added.

    The content counts as well as the sequence number, because there are charge points that send the same one always.
    Corrected times are brought back to the device's clock: the correction may be another one at the next attempt. An
    event that is not dated has another key at each time that it is told, because the same words may mean two things;
    who looks for its first telling asks for the key that it would have had then (`told_at`).
    """
    readings: list[tuple[object, ...]]
    if event.is_dated:
        correction = event.corrected_time - event.device_time
        readings = [(str(reading.sampled_time - correction), *reading[2:]) for reading in event.readings]
    else:
        readings = [reading[2:] for reading in event.readings]
    said = (
        event.evse_id,
        event.connector_id,
        event.id_tag,
        event.trigger_reason,
        event.charging_state,
        event.stop_reason,
        event.meter_wh,
        event.remote_start_id,
        event.reservation_id,
        readings,
        *(() if event.is_dated else (event.stamp,)),
    )
    # What nobody could read was said as well. Most events have nothing of the kind, and keep the keys they always had.
    unread = (event.dropped_json,) if event.dropped_json else ()
    return derived_id(
        event.charge_point_id,
        event.ocpp_transaction_id,
        event.kind,
        "" if event.seq_no is None else event.seq_no,
        microseconds(event.device_time),
        repr(said),
        *unread,
    )


def moment(fact: Fact) -> str:
    """Orders facts by their corrected time, those of one moment by their keys. Fixed width, compared as text."""
    return f"{moment_of(fact.event.corrected_time)}{fact.key[-KEY_TAIL:]}"


def moment_of(time: datetime) -> str:
    """A time in a `moment`."""
    return f"{microseconds(time) + _BIAS:016x}"


def moment_time(text: str) -> datetime:
    """The time in a `moment`."""
    return time_at(int(text[:16], 16) - _BIAS)


def sequence(fact: Fact) -> str:
    """The sequence number of a fact, fixed width, compared as text."""
    return f"{min(max(fact.event.seq_no or 0, 0), _GREATEST_SEQUENCE):08x}"
