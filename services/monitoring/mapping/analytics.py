"""The dashboard and usage as callers see them, as messages and as comma-separated values."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime

from google.type.money_pb2 import Money as MoneyMessage

from csms.monitoring.v1 import analytics_service_pb2 as service_pb
from csms.monitoring.v1 import monitoring_pb2 as monitoring_pb
from services.kernel.money import Money
from services.monitoring.domain.dashboard import Dashboard
from services.monitoring.domain.usage import Dimension, Period, UsagePoint
from services.rpc.protobuf import enum_of, money_to_proto, time_of, timestamp

UsageRequest = service_pb.GetUsageRequest | service_pb.ExportUsageRequest
UsageWish = tuple[Period | None, Dimension | None, datetime | None, datetime | None, str]

_HEADINGS = ("period_start", "key", "session_count", "energy_wh", "duration_seconds", "driver_count")
# A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def usage_wish(request: UsageRequest) -> UsageWish:
    """What a usage request asks for: period, dimension, start, end and station, where given."""
    return (
        enum_of(Period, service_pb.UsageQuery.Period, request.period),
        enum_of(Dimension, service_pb.UsageQuery.Dimension, request.dimension),
        time_of(request, "start_time"),
        time_of(request, "end_time"),
        request.station_id,
    )


def dashboard_to_proto(dashboard: Dashboard) -> monitoring_pb.Dashboard:
    """The dashboard as callers see it."""
    return monitoring_pb.Dashboard(
        station_count=dashboard.station_count,
        charge_point_count=dashboard.charge_point_count,
        online_charge_point_count=dashboard.online_charge_point_count,
        connector_counts=dashboard.connector_counts,
        active_transaction_count=dashboard.active_transaction_count,
        power_w=dashboard.power_w,
        energy_today_wh=dashboard.energy_today_wh,
        sessions_today=dashboard.sessions_today,
        revenue_today=_revenue_to_proto(dashboard.revenue_today),
        alert_counts=dashboard.alert_counts,
    )


def usage_point_to_proto(point: UsagePoint) -> monitoring_pb.UsagePoint:
    """A point of usage as callers see it."""
    return monitoring_pb.UsagePoint(
        period_start=timestamp(point.period_start),
        key=point.key,
        session_count=point.session_count,
        energy_wh=point.energy_wh,
        duration_seconds=point.duration_seconds,
        revenue=_revenue_to_proto(point.revenue),
        driver_count=point.driver_count,
    )


def usage_to_csv(points: Sequence[UsagePoint]) -> bytes:
    """A line of headings, then a line per point. Each currency has a column, in its major unit (euros, not cents)."""
    currencies = sorted({code for point in points for code in point.revenue})
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*_HEADINGS, *(f"revenue_{code.lower()}" for code in currencies)])
    for point in points:
        writer.writerow(
            [
                f"{point.period_start:%Y-%m-%dT%H:%M:%SZ}",
                _cell(point.key),
                point.session_count,
                point.energy_wh,
                point.duration_seconds,
                point.driver_count,
                *(Money(code, point.revenue.get(code, 0)).to_decimal() for code in currencies),
            ]
        )
    return text.getvalue().encode()


def _revenue_to_proto(revenue: Mapping[str, int]) -> list[MoneyMessage]:
    return [money_to_proto(Money(code, amount)) for code, amount in sorted(revenue.items())]


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
