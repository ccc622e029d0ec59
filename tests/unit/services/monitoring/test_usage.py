"""Usage: one record per session whatever is told first, and what may be asked for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.kernel.errors import DomainError
from services.monitoring.domain.usage import (
    MOST_POINTS,
    Dimension,
    Period,
    UsagePoint,
    bounded,
    usage_query,
)
from services.monitoring.mapping.analytics import usage_to_csv
from tests.unit.services.monitoring.samples import NOW

DAY = timedelta(days=1)


def test_usage_is_that_of_the_last_thirty_days_in_days_unless_asked_otherwise() -> None:
    query = usage_query(None, None, None, None, "", NOW)
    assert (query.period, query.dimension, query.start, query.end) == (
        Period.DAY,
        Dimension.TOTAL,
        NOW - 30 * DAY,
        NOW,
    )


@pytest.mark.parametrize(
    ("period", "start", "end", "field"),
    [
        (Period.DAY, NOW, NOW, "startTime"),
        (Period.DAY, NOW + DAY, None, "startTime"),
        (Period.HOUR, NOW - 300 * DAY, NOW, "period"),
        (Period.DAY, None, datetime(1, 1, 20, tzinfo=UTC), "endTime"),
    ],
)
def test_a_time_that_makes_no_sense_or_too_many_points_is_refused(
    period: Period, start: datetime | None, end: datetime | None, field: str
) -> None:
    with pytest.raises(DomainError) as failure:
        usage_query(period, None, start, end, "", NOW)
    assert [violation.field for violation in failure.value.violations] == [field]


def point(key: str, **revenue: int) -> UsagePoint:
    return UsagePoint(
        period_start=NOW,
        key=key,
        session_count=2,
        energy_wh=12_345,
        duration_seconds=3_600,
        driver_count=1,
        revenue=revenue,
    )


def test_too_many_points_are_refused() -> None:
    assert len(bounded([point("")] * MOST_POINTS)) == MOST_POINTS
    with pytest.raises(DomainError, match="more than 5000 points"):
        bounded([point("")] * (MOST_POINTS + 1))


def test_comma_separated_values_have_a_column_for_each_currency_in_its_major_unit() -> None:
    lines = usage_to_csv([point("a,b", EUR=1_234), point("", JPY=500, EUR=-1)]).decode().splitlines()
    assert lines == [
        "period_start,key,session_count,energy_wh,duration_seconds,driver_count,revenue_eur,revenue_jpy",
        '2030-05-01T12:00:00Z,"a,b",2,12345,3600,1,12.34,0',
        "2030-05-01T12:00:00Z,,2,12345,3600,1,-0.01,500",
    ]


@pytest.mark.parametrize("key", ["=1+2", "+1", "-1", "@SUM"])
def test_no_cell_is_taken_for_a_formula(key: str) -> None:
    assert usage_to_csv([replace(point("x"), key=key)]).decode().splitlines()[1].split(",")[1] == f"'{key}"


def test_nothing_is_a_line_of_headings() -> None:
    assert len(usage_to_csv([]).splitlines()) == 1
