"""Usage: one record per session, and how records are added up by period and dimension.

A record is made of what the transaction service and billing told of a session, in any order and with repetitions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.kernel.errors import invalid
from services.kernel.validation import Violations
from services.monitoring.domain.transaction import Transaction

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


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRecord:
    """What a session used. `revision` is 0 as long as only billing told of it; `end_time` is None while it runs.

    `billed_driver_id` is who pays, where the session itself does not know its driver. Amounts in minor units.
    """

    session_id: str
    start_time: datetime | None = None
    end_time: datetime | None = None
    station_id: str | None = None
    charge_point_id: str = ""
    driver_id: str | None = None
    energy_wh: int = 0
    revision: int = 0
    billed_driver_id: str | None = None
    bill_time: datetime | None = None
    amount_minor: int | None = None
    currency_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """A bill of a session, tax included. A later one takes the place of an earlier one."""

    session_id: str
    station_id: str | None
    driver_id: str | None
    energy_wh: int
    end_time: datetime | None
    amount_minor: int
    currency_code: str
    bill_time: datetime


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


def used(record: UsageRecord, transaction: Transaction) -> UsageRecord:
    """`record` after a snapshot of its transaction; itself when that is not newer."""
    if transaction.revision <= record.revision:
        return record
    return replace(
        record,
        start_time=transaction.start_time,
        end_time=transaction.stop_time,
        station_id=transaction.station_id,
        charge_point_id=transaction.charge_point_id,
        driver_id=transaction.driver_id,
        energy_wh=transaction.energy_wh,
        revision=transaction.revision,
    )


def billed(record: UsageRecord, bill: Bill) -> UsageRecord:
    """`record` after a bill; itself when a later one is known."""
    if record.bill_time is not None and bill.bill_time <= record.bill_time:
        return record
    record = replace(
        record,
        billed_driver_id=bill.driver_id,
        bill_time=bill.bill_time,
        amount_minor=bill.amount_minor,
        currency_code=bill.currency_code,
    )
    if record.revision:
        return record
    # Sessions that did not come by OCPP are told of by billing alone.
    return replace(record, end_time=bill.end_time, station_id=bill.station_id, energy_wh=bill.energy_wh)


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
