"""Refused handshakes of charge points in service, as far as they become alerts."""

from dataclasses import dataclass
from datetime import datetime

from services.kernel.tenancy import DEFAULT_TENANT


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Handshakes that one rule refused from one address, as many as were not told of before.

    `guess_count` is how many different wrong passwords were among them.
    """

    charge_point_id: str
    station_id: str | None
    rule: str
    remote_address: str
    count: int
    guess_count: int
    time: datetime
    tenant_id: str = DEFAULT_TENANT
