"""What a handler knows about the charge point it works for and the message in its hand.

Plain data of one connection; holds no socket and talks to nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from ocpp_edge.facts.device_clock import DeviceClock
from ocpp_edge.quirks import Forgiving
from ocpp_edge.versions import Version
from services.kernel.quirks import Quirk
from services.kernel.quirks.payloads import NUMBER_OUT_OF_BOUNDS

_NEVER = datetime.fromtimestamp(0, UTC)
_NOTHING: frozenset[str] = frozenset()
_MOST_REPORTS = 20


class ChargePointState(StrEnum):
    """Whether the operator takes the charge point in; kept across its connections."""

    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"


class ShownCost(NamedTuple):
    """What a station was told last that a transaction, which runs, costs, and when; no cost while none was."""

    ocpp_transaction_id: str
    time: datetime
    cost: float | None


@dataclass(slots=True)
class ChargerContext:
    """One connection of one charge point.

    `message_id`, `action`, `received_time`, `frame_flags` (doubts about its frame), `coerced` (these, and flags of what
    had to be mended in its payload), `dropped` (by its path, what of it could not be taken) and `note` (what was
    decided that the frames do not tell, for the journal) belong to the message being handled: the messages of a
    connection are handled one after the other. `state` and `heartbeat_interval_seconds` change when the charge point
    boots, and so does what `forgives` holds: call it with a quirk that has shown itself. `offers` are the
    subprotocols that it could have spoken here. `tenant_id` is empty for the default tenant, as in what is reported.
    `cost_currency` is that in which it shows costs: `XXX` for any, empty when it shows none; `shown_costs` are those of
    its running transactions, by our ids, as far as they are to be told in between (OCPP 2.x).
    """

    charge_point_id: str
    version: Version
    epoch: int
    state: ChargePointState = ChargePointState.ACCEPTED
    heartbeat_interval_seconds: int = 60
    station_id: str = ""
    tenant_id: str = ""
    cost_currency: str = ""
    remote_address: str = ""
    offers: tuple[str, ...] = ()
    message_id: str = ""
    action: str = ""
    received_time: datetime = _NEVER
    frame_flags: tuple[str, ...] = ()
    coerced: tuple[str, ...] = ()
    dropped: Mapping[str, Any] | None = None
    note: str = ""
    forgives: Forgiving = field(default_factory=Forgiving)
    clock: DeviceClock = field(default_factory=DeviceClock)
    # Actions that were asked for by a trigger or report request and are welcome while the boot is pending.
    solicited: frozenset[str] = field(default=_NOTHING)
    # When reports were asked for, by their number: those of late.
    asked_reports: Mapping[int, datetime] | None = None
    shown_costs: dict[str, ShownCost] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock.forgives = self.forgives

    @property
    def has_spoken(self) -> bool:
        """Whether a message of the charge point was ever handled."""
        return self.received_time is not _NEVER

    def has_dropped(self, name: str) -> bool:
        """Whether something of the property `name` of the message being handled could not be taken."""
        return self.dropped is not None and any(path.startswith(name) for path in self.dropped)

    def pass_over(self, path: str, value: Any, quirk: Quirk = NUMBER_OUT_OF_BOUNDS) -> None:
        """Count what stands at `path` of the message being handled as not told, and keep it."""
        self.forgives(quirk)
        self.coerced = (*self.coerced, f"coerced:{path}")
        self.dropped = {**(self.dropped or {}), path: value}

    def solicit(self, action: str) -> None:
        """Let `action` through although the charge point is not accepted yet (OCPP 2.0.1 B02.FR.09)."""
        self.solicited |= {action}

    def ask_report(self, request_id: int, time: datetime) -> None:
        """Note that a report of this number is asked for: no clock of the device can make it older than that."""
        latest = list((self.asked_reports or {}).items())[-_MOST_REPORTS:]
        self.asked_reports = {**dict(latest), request_id: time}

    def report_asked(self, request_id: int | None) -> datetime | None:
        """When the report of this number was asked for; None when that is not known."""
        return None if self.asked_reports is None or request_id is None else self.asked_reports.get(request_id)
