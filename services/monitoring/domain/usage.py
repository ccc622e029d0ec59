"""Usage: one record per session, and how records are added up by period and dimension.

A record is made of what the transaction service and billing told of a session, in any order and with repetitions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from services.kernel.errors import invalid
from services.kernel.tenancy import DEFAULT_TENANT
from services.kernel.validation import Violations

MOST_POINTS = 5000
_USUAL_SPAN = timedelta(days=30)


class Period(StrEnum):
    """Length of a period, in UTC."""

    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


class Dimension(StrEnum):
    """What usage is added up for."""

    TOTAL = "TOTAL"
    STATION = "STATION"
    CHARGE_POINT = "CHARGE_POINT"
    DRIVER = "DRIVER"


# Not longer than any period of the name.
_SHORTEST = {
    Period.HOUR: timedelta(hours=1),
    Period.DAY: timedelta(days=1),
    Period.WEEK: timedelta(days=7),
    Period.MONTH: timedelta(days=28),
}


class Bill(NamedTuple):
    """What a session cost by its bill, tax included, in minor units; without a currency it has no bill any more.

    Of what was told of one session the highest `bill_revision`, that of the snapshot it went by, counts; of one
    revision the most decisions of persons; of these a bill; and of several bills the latest. `bill_time` is when it was
    billed, or the bill was taken back.
    """

    session_id: str
    station_id: str | None
    driver_id: str | None
    energy_wh: int
    end_time: datetime | None
    amount_minor: int | None
    currency_code: str | None
    bill_time: datetime
    bill_revision: int
    bill_decisions: int = 0
    tenant_id: str = DEFAULT_TENANT


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageQuery:
    """What to add up: sessions that ended from `start` until before `end`."""

    period: Period
    dimension: Dimension
    start: datetime
    end: datetime
    station_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsagePoint:
    """Usage in one period for one value of the dimension; `revenue` in minor units by currency code."""

    period_start: datetime
    key: str
    session_count: int
    energy_wh: int
    duration_seconds: int
    driver_count: int
    revenue: Mapping[str, int] = field(default_factory=dict)


def usage_query(
    period: Period | None,
    dimension: Dimension | None,
    start: datetime | None,
    end: datetime | None,
    station_id: str,
    now: datetime,
) -> UsageQuery:
    """The query asked for, with its defaults. Raises: INVALID_FIELD, also when it must give too many points."""
    period = period or Period.DAY
    end = end or now
    violations = Violations()
    # Before the first year there is no default.
    violations.check(start is not None or end.year > 1, "endTime", "is too early")
    violations.raise_if_any()
    start = start or end - _USUAL_SPAN
    violations.check(start < end, "startTime", "must lie before endTime")
    violations.check(end - start <= MOST_POINTS * _SHORTEST[period], "period", too_many_points())
    violations.raise_if_any()
    return UsageQuery(
        period=period, dimension=dimension or Dimension.TOTAL, start=start, end=end, station_id=station_id
    )


def bounded(points: list[UsagePoint]) -> list[UsagePoint]:
    """`points` themselves. Raises: INVALID_FIELD when they are too many."""
    if len(points) > MOST_POINTS:
        raise invalid("period", too_many_points())
    return points


def too_many_points() -> str:
    """What callers are told when they ask for too much."""
    return f"gives more than {MOST_POINTS} points; take a longer period or a shorter time"
