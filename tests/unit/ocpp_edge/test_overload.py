"""What is shed and when: in the order of worth, at once when the pressure comes, slowly back when it has gone."""

import time

from hypothesis import given
from hypothesis import strategies as st

from ocpp_edge.overload import THRESHOLDS, Level, Overload
from tests.fixtures.background import eventually, running


def test_the_journal_goes_first_then_statuses_and_nothing_after_that() -> None:
    overload = Overload()
    levels = []
    for pressure in (0.0, 0.9, 1.0, 2.9, 3.0, 100.0):
        overload.judge(pressure, 0.0)
        levels.append((overload.sheds_journal, overload.sheds_statuses))
    nothing, journal, both = (False, False), (True, False), (True, True)
    assert levels == [nothing, nothing, journal, journal, both, both]


def test_levels_are_left_one_by_one_and_only_after_a_calm_time() -> None:
    overload = Overload()
    overload.judge(10, 0.0)
    seen = []
    for quarter in range(1, 22):
        overload.judge(0, quarter / 4)
        seen.append(overload.level)
    # Calm from 0.25 on: two seconds of it for each level, the second one counted anew.
    assert seen.index(Level.JOURNAL) == 8
    assert seen.index(Level.NOTHING) == 17


def test_pressure_that_comes_back_starts_the_calm_time_anew() -> None:
    overload = Overload()
    overload.judge(10, 0.0)
    for half in range(1, 40):
        overload.judge(1.6 if half % 4 == 0 else 0.0, half / 2)
        assert overload.level is Level.STATUSES


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 3)), max_size=60))
def test_whatever_comes_statuses_are_shed_only_with_the_journal_and_never_without_need(
    looks: list[tuple[float, float]],
) -> None:
    overload, now = Overload(), 0.0
    recent: list[tuple[float, float]] = []
    for pressure, passed in looks:
        now += passed
        recent.append((now, pressure))
        overload.judge(pressure, now)
        assert overload.sheds_journal or not overload.sheds_statuses
        for level, seconds in THRESHOLDS.items():
            if pressure >= seconds:
                assert overload.level >= level
        if overload.level > Level.NOTHING:
            # Some look has seen the pressure that this level takes.
            assert max(seen for _, seen in recent) >= THRESHOLDS[overload.level]


async def test_a_loop_that_is_late_counts_as_pressure() -> None:
    overload, looks = Overload(patience_seconds=0.2), 0

    def nothing_waits() -> float:
        nonlocal looks
        looks += 1
        return 0.0

    async def looked() -> bool:
        return looks > 0

    async def sheds() -> bool:
        return overload.sheds_journal

    async with running(overload.run(nothing_waits)):
        await eventually(looked)
        time.sleep(0.6)  # noqa: ASYNC251 - the mishap that is to be seen
        await eventually(sheds)
