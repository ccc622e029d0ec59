"""services.driver.domain.usage"""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.driver.domain.usage import LONGEST_PERIOD, SessionUsage, period, summed
from services.kernel.errors import DomainError
from tests.unit.services.driver.samples import DRIVER, NOW, fields_of

DAY = timedelta(days=1)


def session(
    number: int, *, energy_wh: int = 1000, minutes: int | None = 30, cost: tuple[int, str] | None = None
) -> SessionUsage:
    """A session that took so many minutes; None for one whose start is not known."""
    return SessionUsage(
        transaction_id=f"01890a5d-ac96-774b-bcce-{number:012d}",
        driver_id=DRIVER.id,
        id_tag="04AB",
        charge_point_id="CP1",
        station_id="",
        start_time=None if minutes is None else NOW - timedelta(minutes=minutes),
        end_time=NOW,
        energy_wh=energy_wh,
        revision=1,
        amount_minor=cost[0] if cost else None,
        currency_code=cost[1] if cost else None,
    )


def test_a_period_ends_now_and_lasts_30_days_by_default() -> None:
    assert period(None, None, NOW) == (NOW - 30 * DAY, NOW)
    assert period(None, NOW - DAY, NOW) == (NOW - 31 * DAY, NOW - DAY)
    assert period(NOW - DAY, None, NOW) == (NOW - DAY, NOW)
    assert period(NOW - LONGEST_PERIOD, NOW, NOW) == (NOW - LONGEST_PERIOD, NOW)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (NOW, NOW),
        (NOW + DAY, NOW),
        (NOW + DAY, None),
        (NOW - LONGEST_PERIOD - timedelta(microseconds=1), NOW),
        (datetime.min.replace(tzinfo=UTC), None),
    ],
)
def test_a_period_begins_before_it_ends_and_lasts_a_year_at_most(start: datetime, end: datetime | None) -> None:
    with pytest.raises(DomainError) as refused:
        period(start, end, NOW)

    assert fields_of(refused.value) == ["startTime"]


def test_the_first_days_of_the_calendar_are_a_period_like_others() -> None:
    first = datetime.min.replace(tzinfo=UTC)

    assert period(None, first + DAY, NOW) == (first, first + DAY)


def test_sessions_are_summed_with_their_costs_apart_by_currency() -> None:
    ended = [
        session(1, cost=(250, "EUR")),
        session(2, energy_wh=500, minutes=None, cost=(100, "SEK")),
        session(3, minutes=90, cost=(1, "EUR")),
        session(4, minutes=-5),
    ]

    usage = summed(DRIVER.id, ended, ended[:1])

    assert (usage.session_count, usage.energy_wh, usage.duration_seconds) == (4, 3500, 120 * 60)
    assert usage.costs == {"EUR": 251, "SEK": 100}
    assert usage.sessions == ended[:1]


def test_nothing_used_is_all_zero() -> None:
    usage = summed(DRIVER.id, [], [])

    assert (usage.session_count, usage.energy_wh, usage.duration_seconds, usage.costs) == (0, 0, 0, {})


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**5)), max_size=20))
def test_the_sums_do_not_depend_on_the_order(sessions: list[tuple[int, int]]) -> None:
    ended = [session(n, energy_wh=energy, cost=(cost, "EUR")) for n, (energy, cost) in enumerate(sessions)]

    there, back = summed(DRIVER.id, ended, []), summed(DRIVER.id, ended[::-1], [])

    assert there == back
    assert there.energy_wh == sum(energy for energy, _ in sessions)
