"""Usage: one record per session whatever is told first, and what may be asked for."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.errors import DomainError
from services.monitoring.domain.transaction import Transaction, TransactionState
from services.monitoring.domain.usage import (
    MOST_POINTS,
    Bill,
    Dimension,
    Period,
    UsagePoint,
    UsageRecord,
    billed,
    bounded,
    usage_query,
    used,
)
from services.monitoring.mapping.analytics import usage_to_csv
from tests.unit.services.monitoring.samples import NOW, a_transaction

DAY = timedelta(days=1)


def ended(revision: int, energy_wh: int, driver_id: str | None) -> Transaction:
    return a_transaction(
        revision=revision,
        energy_wh=energy_wh,
        driver_id=driver_id,
        state=TransactionState.ENDED,
        stop_time=NOW + revision * timedelta(minutes=1),
    )


def bill(minutes: int, amount_minor: int, driver_id: str | None = None) -> Bill:
    return Bill(
        session_id=a_transaction().id,
        station_id="S",
        driver_id=driver_id,
        energy_wh=77,
        end_time=NOW,
        amount_minor=amount_minor,
        currency_code="EUR",
        bill_time=NOW + minutes * timedelta(minutes=1),
    )


def recorded(told: Sequence[Transaction | Bill]) -> UsageRecord:
    record = UsageRecord(session_id=a_transaction().id)
    for one in told:
        record = billed(record, one) if isinstance(one, Bill) else used(record, one)
    return record


TOLD: list[Transaction | Bill] = [
    ended(1, 5_000, "driver"),
    bill(2, 1_500, "payer"),
    ended(3, 4_800, None),
    bill(4, 1_440, "payer"),
]


@given(st.permutations(TOLD), st.lists(st.sampled_from(TOLD)))
def test_a_record_is_the_same_in_any_order_and_with_repetitions(
    order: list[Transaction | Bill], repeated: list[Transaction | Bill]
) -> None:
    assert recorded([*order, *repeated]) == recorded(TOLD)


def test_a_correction_replaces_energy_end_and_amount() -> None:
    record = recorded(TOLD)
    assert (record.energy_wh, record.amount_minor, record.currency_code) == (4_800, 1_440, "EUR")
    assert record.end_time == NOW + timedelta(minutes=3)
    assert (record.driver_id, record.billed_driver_id) == (None, "payer")


def test_a_session_that_only_billing_knows_is_used_as_it_was_billed() -> None:
    record = recorded([bill(1, 900)])
    assert (record.energy_wh, record.end_time, record.station_id, record.revision) == (77, NOW, "S", 0)
    assert recorded([bill(1, 900), bill(2, 800)]).amount_minor == 800


def test_a_session_that_goes_on_after_all_has_no_end() -> None:
    assert recorded([ended(1, 5_000, None), a_transaction(revision=2)]).end_time is None


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
