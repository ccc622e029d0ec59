"""When a vehicle idled, and how its energy came about, by what was read and told."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.course import Course, Curve, Reading, Span, StateChange, idle_spans

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
END = START + 3 * HOUR


def at(minutes: float) -> datetime:
    return START + minutes * timedelta(minutes=1)


def read(*points: tuple[float, int] | tuple[float, int, int]) -> list[Reading]:
    """Readings by their minutes: energy, and perhaps power."""
    return [Reading(at(minutes), *more) for minutes, *more in points]


def reported(*changes: tuple[float, str]) -> list[StateChange]:
    return [StateChange(at(minutes), state) for minutes, state in changes]


def charged(until: float, every: float, power_w: int = 11_000, end: float = 180, **fields: Any) -> list[Reading]:
    """Readings of a session that charges for so many minutes and is full then, at this interval until the end."""
    known = {"with_power": False, "step_wh": 1, **fields}
    found, minutes = [], 0.0
    while minutes <= end:
        energy_wh = int(min(minutes, until) * power_w / 60) // known["step_wh"] * known["step_wh"]
        power = (power_w if minutes < until else 0) if known["with_power"] else None
        found.append(Reading(at(minutes), energy_wh, power))
        minutes += every
    return found


def idled(
    readings: Sequence[Reading] = (), changes: Sequence[StateChange] = (), end: datetime = END
) -> list[tuple[float, float]]:
    """The spans of idling, in minutes from the start."""
    minute = timedelta(minutes=1)
    spans = idle_spans(Course(readings, changes), START, end)
    return [((span.begin - START) / minute, (span.end - START) / minute) for span in spans]


FULL = [(90.0, 180.0)]
ENDS = read((0, 0), (180, 16_500))


@pytest.mark.field_case("D1")
@pytest.mark.parametrize(
    ("readings", "changes"),
    [
        # By 1.6: the status of the connector, and readings of 0 W.
        (charged(90, 1, with_power=True), reported((0, "Charging"), (90, "SuspendedEV"))),
        # The status alone, with what start and stop told.
        (ENDS, reported((0, "Charging"), (90, "SuspendedEV"))),
        ([], reported((0, "Charging"), (90, "SuspendedEV"))),
        # Readings alone: of power, of a register that no longer moves; dense, usual, sparse.
        (charged(90, 1, with_power=True), []),
        (charged(90, 1), []),
        (charged(90, 0.25), []),
        (charged(90, 15), []),
        # By 2.0.1, where the state goes on to say that it charges.
        (charged(90, 1), reported((0, "EVConnected"), (1, "Charging"))),
        # Slow charging, and a register that is rounded to 10 or 100 Wh.
        (charged(90, 1, 1_400), []),
        (charged(90, 1, step_wh=10), []),
        (charged(90, 5, step_wh=100), []),
        # A status that was told twice, and one before the start.
        (charged(90, 1), reported((-5, "EVConnected"), (0, "Charging"), (90, "SuspendedEV"), (100, "SuspendedEV"))),
        # Stopped at the charge point, with the cable still plugged in.
        (ENDS, reported((0, "Charging"), (90, "EVConnected"))),
    ],
)
def test_a_vehicle_that_is_full_for_the_last_ninety_minutes_idles_as_long(
    readings: list[Reading], changes: list[StateChange]
) -> None:
    assert idled(readings, changes) == FULL


@pytest.mark.field_case("D1")
@pytest.mark.parametrize(
    ("readings", "changes", "spans"),
    [
        # It charges until the end.
        (charged(180, 1), [], []),
        (charged(180, 1), reported((0, "Charging")), []),
        (charged(180, 1, 1_400, step_wh=10), [], []),
        (charged(180, 15), [], []),
        # Nobody tells anything in between.
        (ENDS, [], []),
        ([], [], []),
        (ENDS, reported((0, "Charging")), []),
        # Our own limit is not the vehicle's idling, whatever is read; after it the vehicle's word counts.
        (charged(90, 1), reported((0, "Charging"), (90, "SuspendedEVSE")), []),
        (charged(90, 1), reported((90, "SuspendedEVSE"), (120, "SuspendedEV")), [(120, 180)]),
        (
            charged(90, 1),
            reported((90, "SuspendedEV"), (120, "SuspendedEVSE"), (150, "SuspendedEV")),
            [(90, 120), (150, 180)],
        ),
        # It was unplugged before the session ended.
        (charged(90, 1), reported((0, "Charging"), (90, "SuspendedEV"), (130, "Idle")), [(90, 130)]),
        # A pause in between is none, a battery that is topped up is.
        (read((0, 0), (30, 5_010), (60, 5_010), (120, 15_000), (180, 25_000)), [], []),
        (ENDS, reported((0, "Charging"), (60, "SuspendedEV"), (100, "Charging")), []),
        (
            read((0, 0), (60, 10_010), (90, 10_010), (95, 10_200), (100, 10_400), (130, 10_400), (180, 10_400)),
            [],
            [(60, 90), (100, 180)],
        ),
        # What keeps a vehicle awake is no charging, and neither is a step of a coarse register that long before.
        (read((0, 0), (90, 16_000), (120, 16_040), (150, 16_080), (180, 16_120)), [], [(90, 180)]),
        (charged(100, 1, 3_000, step_wh=1000), [], [(100, 180)]),
        # A coarse register has to stand for longer than slow charging needs for its next step.
        (charged(180, 1, 3_000, step_wh=1000), [], []),
        (charged(150, 1, 3_000, step_wh=1000), [], []),
        # Readings are better than words: it says that it takes nothing, and takes 3 kW.
        (charged(180, 5, 3_000), reported((0, "Charging"), (90, "SuspendedEV")), []),
        # A vehicle that never takes anything, by what the charge point says; else this may be to blame itself.
        (read((0, 0), (60, 0), (180, 0)), reported((5, "SuspendedEV")), [(5, 180)]),
        ([], reported((0, "SuspendedEV")), [(0, 180)]),
        (read((0, 0), (60, 0), (180, 0)), [], []),
        (read((0, 0), (180, 0)), reported((0, "EVConnected")), []),
        # A vehicle that waits for its time does not block after charging.
        (read((0, 0), (60, 0), (120, 0), (180, 11_000)), reported((0, "SuspendedEV"), (120, "Charging")), []),
        # Less than five minutes are only believed where they are told.
        (charged(177, 1), [], []),
        (charged(177, 1), reported((0, "Charging"), (177, "SuspendedEV")), [(177, 180)]),
        # What comes after the last reading is not known.
        (read((0, 0), (30, 5_010), (60, 5_010)), [], [(30, 60)]),
    ],
)
def test_only_what_the_vehicle_does_not_take_after_charging_is_idling(
    readings: list[Reading], changes: list[StateChange], spans: list[tuple[float, float]]
) -> None:
    assert idled(readings, changes) == spans


def test_idling_is_counted_in_whole_minutes() -> None:
    changes = reported((0, "Charging"), (90.5, "SuspendedEV"), (100.25, "SuspendedEVSE"), (120, "SuspendedEV"))
    assert idled(ENDS, changes, end=at(180.9)) == [(90.5, 100.25), (120, 180.25)]
    assert idled(ENDS, reported((179.5, "SuspendedEV"))) == []
    assert idle_spans(Course(ENDS, changes), START, START) == []


readings_of_a_session = st.lists(
    st.builds(
        Reading,
        st.integers(-600, 4 * 3600).map(lambda seconds: START + timedelta(seconds=seconds)),
        st.integers(0, 30_000),
        st.none() | st.integers(0, 11_000),
    ),
    max_size=20,
)
changes_of_a_session = st.lists(
    st.builds(
        StateChange,
        st.integers(-600, 4 * 3600).map(lambda seconds: START + timedelta(seconds=seconds)),
        st.sampled_from(["Charging", "SuspendedEV", "SuspendedEVSE", "EVConnected", "Idle", "", "Something"]),
    ),
    max_size=8,
)


@given(readings_of_a_session, changes_of_a_session, st.randoms(use_true_random=False))
def test_the_order_and_the_number_of_what_is_told_do_not_matter(
    readings: list[Reading], changes: list[StateChange], dice: Any
) -> None:
    spans = idle_spans(Course(readings, changes), START, END)
    shuffled = [dice.sample(many, len(many)) + dice.sample(many, len(many) // 2) for many in (readings, changes)]
    assert idle_spans(Course(*shuffled), START, END) == spans
    assert all(START <= span.begin < span.end <= END for span in spans)
    assert all(before.end <= after.begin for before, after in pairwise(spans))
    assert sum((span.length for span in spans), timedelta()) % timedelta(minutes=1) == timedelta()


@given(readings_of_a_session, st.integers(0, 3 * 3600), st.integers(0, 3 * 3600))
def test_energy_only_grows_and_one_more_reading_on_the_line_changes_nothing(
    readings: list[Reading], one: int, other: int
) -> None:
    curve = Curve(readings, START, END)
    if not curve.points:
        return
    assert all(START <= point.time <= END for point in curve.points)
    early, late = (START + timedelta(seconds=seconds) for seconds in sorted((one, other)))
    assert curve.energy_until(early) <= curve.energy_until(late)
    assert curve.energy_until(START) == curve.points[0].energy_wh
    assert curve.energy_until(END) == curve.points[-1].energy_wh
    on_the_line = curve.energy_until(early)
    if on_the_line.denominator == 1:
        more = Curve([*readings, Reading(early, on_the_line.numerator)], START, END)
        assert more.energy_until(late) == curve.energy_until(late)


def test_between_two_readings_the_energy_lies_on_the_line() -> None:
    curve = Curve(read((0, 0), (30, 1_000), (60, 1_500)), START, END)
    assert [curve.energy_until(at(minutes)) for minutes in (0, 15, 30, 40, 60, 100)] == [
        0,
        500,
        1_000,
        1_000 + Fraction(500, 3),
        1_500,
        1_500,
    ]
    assert curve.tells
    assert not Curve(ENDS, START, END).tells
    assert not Curve(read((0, 0), (60, 0), (180, 0)), START, END).tells
    assert Span(at(1), at(3)).length == timedelta(minutes=2)
