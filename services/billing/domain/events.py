"""What the billing service tells the others."""

from dataclasses import dataclass
from datetime import datetime

from services.kernel.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionBilled:
    """A bill was issued for a session."""

    charging_session_id: str
    transaction_id: str | None
    invoice_id: str
    station_id: str | None
    driver_id: str | None
    energy_wh: int
    total: Money
    end_time: datetime
    revision: int
    decision_count: int = 0
    tenant_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionUnbilled:
    """The bill of a session was taken back, and none takes its place by now."""

    charging_session_id: str
    transaction_id: str | None
    invoice_id: str
    revision: int
    decision_count: int = 0
    tenant_id: str


Event = SessionBilled | SessionUnbilled
