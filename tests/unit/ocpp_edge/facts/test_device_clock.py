"""Stamps of right and wrong clocks, brought to our time."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_edge.facts.device_clock import DeviceClock, Moment, iso_text

pytestmark = pytest.mark.field_case("A4")

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def clock_after(*ahead: timedelta, at: datetime = NOW) -> DeviceClock:
    """The clock of a charge point that has told messages, all at once, stamped so much ahead."""
    clock = DeviceClock()
    for one in ahead:
        clock.moment(iso_text(at + one), at)
    return clock


@pytest.mark.parametrize("late", [timedelta(), timedelta(seconds=-50), timedelta(seconds=50), HOUR, timedelta(days=9)])
def test_a_stamp_of_now_or_the_past_is_taken_at_its_word(late: timedelta) -> None:
    moment = DeviceClock().moment(iso_text(NOW - late), NOW)
    assert moment.corrected_time == moment.device_time == NOW - late
    assert (moment.flags, moment.is_dated) == ((), True)
    assert moment.was_late == (late > timedelta(seconds=60))


def test_nothing_happens_later_than_it_is_told() -> None:
    moment = DeviceClock().moment(iso_text(NOW + 2 * HOUR), NOW)
    assert (moment.device_time, moment.corrected_time) == (NOW + 2 * HOUR, NOW)
    assert moment.flags == ("clock_corrected",)


@pytest.mark.parametrize("ahead", [(2 * HOUR,), (2 * HOUR, 2 * HOUR), (2 * HOUR, HOUR, 3 * HOUR, 2 * HOUR)])
def test_few_stamps_of_the_future_or_such_as_disagree_say_nothing_about_others(ahead: Iterable[timedelta]) -> None:
    moment = clock_after(*ahead).moment(iso_text(NOW - 10 * MINUTE), NOW)
    assert (moment.corrected_time, moment.flags) == (NOW - 10 * MINUTE, ())


def test_several_stamps_that_are_ahead_alike_betray_a_clock_that_is() -> None:
    clock = clock_after(2 * HOUR, 2 * HOUR, 2 * HOUR)
    # What it kept back while it was offline is moved by the same amount, before and behind our now.
    for kept_back in (HOUR, 5 * MINUTE, 9 * HOUR):
        moment = clock.moment(iso_text(NOW + 2 * HOUR - kept_back), NOW)
        assert (moment.corrected_time, moment.flags) == (NOW - kept_back, ("clock_corrected",))
        assert moment.was_late


@pytest.mark.parametrize("ahead", [timedelta(hours=20), timedelta(days=1), timedelta(days=1, seconds=1)])
def test_what_is_a_day_off_never_counts_for_others(ahead: timedelta) -> None:
    clock = clock_after(ahead, ahead, ahead, ahead)
    assert clock.moment(iso_text(NOW - HOUR), NOW).corrected_time == NOW - HOUR


def test_a_clock_that_was_set_right_is_believed_again() -> None:
    clock = clock_after(2 * HOUR, 2 * HOUR, 2 * HOUR)
    for minute in range(3):
        moment = clock.moment(iso_text(NOW + minute * MINUTE), NOW + minute * MINUTE)
        assert moment.flags == ()
    assert clock.moment(iso_text(NOW - HOUR), NOW + HOUR).corrected_time == NOW - HOUR


def test_a_queue_that_passes_our_now_does_not_set_the_clock_right() -> None:
    clock = clock_after(2 * HOUR, 2 * HOUR, 2 * HOUR)
    # Readings of each minute of three hours offline, told within a second. Those that look like now are taken for it.
    for minute in range(180, 0, -1):
        moment = clock.moment(iso_text(NOW + 2 * HOUR - minute * MINUTE), NOW)
        assert moment.corrected_time == NOW - minute * MINUTE or minute in (119, 120, 121)


def test_a_clock_that_is_set_back_but_still_ahead_is_noticed_when_it_keeps_pace_with_ours() -> None:
    clock = clock_after(2 * HOUR, 2 * HOUR, 2 * HOUR)
    for second in (0, 20, 40):
        now = NOW + timedelta(seconds=second)
        clock.moment(iso_text(now + HOUR), now)
    assert clock.moment(iso_text(NOW - HOUR), NOW + MINUTE).corrected_time == NOW - 2 * HOUR


def test_stamps_of_one_moment_in_a_queue_do_not_set_the_clock_back() -> None:
    clock = clock_after(2 * HOUR, 2 * HOUR, 2 * HOUR, HOUR, HOUR, HOUR, HOUR)
    assert clock.moment(iso_text(NOW + HOUR), NOW).corrected_time == NOW - HOUR


def test_a_boot_makes_everything_forgotten_that_was_known() -> None:
    clock = clock_after(2 * HOUR, 2 * HOUR, 2 * HOUR)
    clock.booted(NOW)
    assert clock.moment(iso_text(NOW - HOUR), NOW).corrected_time == NOW - HOUR


def test_a_clock_without_a_battery_counts_from_its_boot() -> None:
    clock = DeviceClock()
    clock.booted(NOW)
    moment = clock.moment("1970-01-01T00:05:00Z", NOW + HOUR)
    assert moment.corrected_time == NOW + timedelta(minutes=5)
    assert moment.flags == ("clock_corrected",)


def test_a_clock_without_a_battery_that_never_booted_here_counts_from_its_first_stamp() -> None:
    clock = DeviceClock()
    assert clock.moment("1970-01-01T05:00:00Z", NOW).corrected_time == NOW
    assert clock.moment("1970-01-01T06:00:00Z", NOW + 2 * HOUR).corrected_time == NOW + HOUR


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("", "time_missing"),
        ("  ", "time_missing"),
        ("yesterday", "time_unreadable"),
        ("0", "time_unreadable"),
        ("2026-02-30T12:00:00Z", "time_unreadable"),
        ("1970-01-01T00:00:00Z", "time_implausible"),
        ("2000-01-01T00:00:00Z", "time_implausible"),
        ("1980-01-06T00:00:00Z", "time_implausible"),
        ("0001-01-01T00:00:00Z", "time_implausible"),
        ("2021-02-28T00:00:00Z", "time_implausible"),
        ("2026-03-02T08:00:00Z", "time_implausible"),
        ("9999-12-31T23:59:59Z", "time_implausible"),
    ],
)
def test_what_cannot_be_its_time_happened_when_it_was_told(text: str, doubt: str) -> None:
    clock = DeviceClock()
    clock.booted(NOW - HOUR)
    moment = clock.moment(text, NOW)
    assert (moment.corrected_time, moment.flags, moment.is_dated, moment.was_late) == (NOW, (doubt,), False, False)


def test_a_stamp_without_a_zone_counts_as_utc_and_is_doubted() -> None:
    moment = DeviceClock().moment("2026-03-01T11:00:00", NOW)
    assert (moment.corrected_time, moment.flags) == (NOW - HOUR, ("time_without_zone",))
    moment = DeviceClock().moment("2026-03-01T14:00:00", NOW)
    assert (moment.corrected_time, moment.flags) == (NOW, ("time_without_zone", "clock_corrected"))


@pytest.mark.parametrize(
    ("texts", "minutes_ago"),
    [
        (["2026-03-01T11:50:00Z", "2026-03-01T11:55:00Z"], 5),
        (["2026-03-01T11:50:00Z", "9999-12-31T00:00:00Z"], 10),
        (["2026-03-01T11:50:00Z", "", "never"], 10),
        (["", "never"], 0),
        ([], 0),
    ],
)
def test_readings_are_of_the_last_moment_that_can_be_true(texts: list[str], minutes_ago: int) -> None:
    assert DeviceClock().last_moment(texts, NOW).corrected_time == NOW - minutes_ago * MINUTE


def test_samples_are_moved_with_the_message_they_came_in() -> None:
    moment = DeviceClock().moment(iso_text(NOW + 2 * HOUR), NOW)
    assert moment.time_of_sample(iso_text(NOW + HOUR)) == NOW - HOUR


def test_samples_of_a_message_without_a_stamp_keep_their_own() -> None:
    assert DeviceClock().moment("", NOW).time_of_sample(iso_text(NOW - MINUTE)) == NOW - MINUTE
    by_wrong_clock = clock_after(2 * HOUR, 2 * HOUR, 2 * HOUR).moment("", NOW)
    assert by_wrong_clock.time_of_sample(iso_text(NOW + 2 * HOUR - MINUTE)) == NOW - MINUTE


@pytest.mark.parametrize(
    "stamp", ["2026-03-01T11:00:00", "2026-03-01T14:00:00", "1970-01-01T00:05:00", "0001-01-01T00:00:00"]
)
def test_a_sample_with_the_stamp_of_its_message_was_taken_at_that_moment_however_it_is_written(stamp: str) -> None:
    clock = DeviceClock()
    clock.booted(NOW - HOUR)
    moment = clock.moment(f"{stamp}Z", NOW)
    assert moment.time_of_sample(f"{stamp}Z") == moment.time_of_sample(f"{stamp}.000Z") == moment.corrected_time


@pytest.mark.parametrize("text", ["", "1970-01-01T00:00:00Z", "2031-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_sample_whose_stamp_is_beyond_help_was_taken_with_the_message(text: str) -> None:
    assert DeviceClock().moment(iso_text(NOW - HOUR), NOW).time_of_sample(text) == NOW - HOUR


_STAMPS = st.sampled_from(
    ["", "never", "1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
) | st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)).map(
    lambda time: iso_text(time.replace(tzinfo=UTC))
)
_NEAR = st.timedeltas(min_value=-2 * timedelta(days=1), max_value=2 * timedelta(days=1)).map(
    lambda ahead: iso_text(NOW + ahead)
)


@given(st.lists(st.one_of(_STAMPS, _NEAR), max_size=6), st.one_of(_STAMPS, _NEAR), st.lists(_STAMPS, max_size=3))
def test_whatever_is_stamped_happened_before_it_was_told_and_is_told_again_alike(
    before: list[str], text: str, samples: list[str]
) -> None:
    clock, other = DeviceClock(), DeviceClock()
    other.booted(NOW - HOUR)
    for one in before:
        clock.moment(one, NOW)
    first, again = clock.moment(text, NOW), other.moment(text, NOW)
    assert all(moment.corrected_time <= NOW + MINUTE for moment in (first, again))
    assert (first.is_dated, first.device_time if first.is_dated else None) == (
        again.is_dated,
        again.device_time if again.is_dated else None,
    )
    for sample in samples if first.is_dated else ():
        assert _offset(first, sample) == _offset(again, sample) <= MINUTE


def _offset(moment: Moment, sample: str) -> timedelta:
    return moment.time_of_sample(sample) - moment.corrected_time


def test_charge_points_are_told_the_time_in_milliseconds() -> None:
    assert iso_text(NOW + timedelta(microseconds=1999)) == "2026-03-01T12:00:00.001Z"
