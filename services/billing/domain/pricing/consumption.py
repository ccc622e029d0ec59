"""What is priced."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from services.billing.domain.course import Reading, Span
from services.billing.domain.tariff import MembershipTier
from services.kernel.errors import invalid

MOST_ENERGY_WH = 100_000_000
MOST_IDLE_MINUTES = 10_080
LONGEST_SESSION = timedelta(days=366)
# Beyond these years calendars and time zones come to an end.
FIRST_YEAR, LAST_YEAR = 1970, 9000


class Reservation(NamedTuple):
    """From when until when a connector was kept free; `has_expired` when nobody came, so that there is no session."""

    start: datetime
    end: datetime
    has_expired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumption:
    """What is priced: energy, the time from start to end, and idling; times are aware.

    `readings` tell how the energy came about, `idle` when the vehicle idled. Without the latter the idle minutes are
    those after the end.
    """

    energy_wh: int
    start: datetime
    end: datetime
    idle_minutes: int = 0
    time_zone: str = "UTC"
    tier: MembershipTier = MembershipTier.BASIC
    readings: Sequence[Reading] = ()
    idle: Sequence[Span] = ()
    reservation: Reservation | None = None


def checked(used: Consumption, start_field: str = "start", end_field: str = "end") -> Consumption:
    """`used` itself. Raises: INVALID_FIELD for what no session can be, by what its start and end are called."""
    if not 0 <= used.energy_wh <= MOST_ENERGY_WH:
        raise invalid("energyWh", f"must be 0 to {MOST_ENERGY_WH}")
    if not 0 <= used.idle_minutes <= MOST_IDLE_MINUTES:
        raise invalid("idleMinutes", f"must be 0 to {MOST_IDLE_MINUTES}")
    if not FIRST_YEAR <= used.start.year <= LAST_YEAR:
        raise invalid(start_field, f"must lie between the years {FIRST_YEAR} and {LAST_YEAR}")
    if used.end < used.start:
        raise invalid(end_field, "must not lie before the start")
    if used.end - used.start > LONGEST_SESSION:
        raise invalid(end_field, "must lie at most a year after the start")
    return used
