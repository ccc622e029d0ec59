"""The figures an operator looks at first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """Counts of now and sums of today (UTC); counts by the names of statuses and severities, revenue by currency."""

    station_count: int
    charge_point_count: int
    online_charge_point_count: int
    connector_counts: Mapping[str, int]
    active_transaction_count: int
    power_w: int
    energy_today_wh: int
    sessions_today: int
    revenue_today: Mapping[str, int]
    alert_counts: Mapping[str, int]


def start_of_day(now: datetime) -> datetime:
    """When the day of `now` began (UTC)."""
    return datetime.combine(now.astimezone(UTC).date(), time.min, tzinfo=UTC)
