"""Stamps of right and wrong clocks, brought to our time."""

from datetime import UTC, datetime, timedelta

import pytest

from ocpp_edge.device_clock import DeviceClock, iso_text, parsed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "time", "has_zone"),
    [
        ("2026-03-01T12:00:00Z", NOW, True),
        ("2026-03-01T12:00:00.000Z", NOW, True),
        ("2026-03-01T12:00:00.1234567Z", NOW + timedelta(microseconds=123456), True),
        ("2026-03-01T13:00:00+01:00", NOW, True),
        ("2026-03-01T12:00:00", NOW, False),
        ("2026-03-01 12:00:00", NOW, False),
        ("2026-03-01t12:00:00z", NOW, True),
        ("2026-03-01T12:00:00.000 Z", NOW, True),
        (" 2026-03-01T12:00:00Z ", NOW, True),
        ("", None, True),
        ("yesterday", None, True),
        ("2026-13-01T12:00:00Z", None, True),
        ("0001-01-01T00:00:00+02:00", None, True),
    ],
)
def test_stamps_are_read_as_charge_points_write_them(text: str, time: datetime | None, has_zone: bool) -> None:
    assert parsed(text) == (time, has_zone)


@pytest.mark.parametrize("late", [timedelta(), timedelta(seconds=-50), timedelta(seconds=50), HOUR, timedelta(days=9)])
def test_a_stamp_of_now_or_the_past_is_taken_at_its_word(late: timedelta) -> None:
    moment = DeviceClock().moment(iso_text(NOW - late), NOW)
    assert moment.corrected_time == moment.device_time == NOW - late
    assert moment.flags == ()
    assert moment.was_late == (late > timedelta(seconds=60))


def test_a_stamp_of_the_future_betrays_a_clock_that_is_ahead() -> None:
    clock = DeviceClock()
    moment = clock.moment(iso_text(NOW + 2 * HOUR), NOW)
    assert (moment.device_time, moment.corrected_time) == (NOW + 2 * HOUR, NOW)
    assert moment.flags == ("clock_corrected",)
    # What it kept back while it was offline is moved by the same amount.
    assert clock.moment(iso_text(NOW - HOUR), NOW).corrected_time == NOW - 3 * HOUR


def test_a_clock_that_was_set_right_is_believed_again() -> None:
    clock = DeviceClock()
    clock.moment(iso_text(NOW + 2 * HOUR), NOW)
    assert clock.moment(iso_text(NOW + HOUR), NOW + HOUR).flags == ()
    assert clock.moment(iso_text(NOW - HOUR), NOW + HOUR).corrected_time == NOW - HOUR


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


@pytest.mark.parametrize("text", ["2000-01-01T00:00:00Z", "1980-01-06T00:00:00Z", "0001-01-01T00:00:00Z"])
def test_nothing_is_corrected_into_the_future(text: str) -> None:
    clock = DeviceClock()
    clock.booted(NOW)
    assert clock.moment(text, NOW).corrected_time == NOW


def test_a_stamp_without_a_zone_counts_as_utc_and_is_doubted() -> None:
    moment = DeviceClock().moment("2026-03-01T11:00:00", NOW)
    assert (moment.corrected_time, moment.flags) == (NOW - HOUR, ("time_without_zone",))
    moment = DeviceClock().moment("2026-03-01T14:00:00", NOW)
    assert (moment.corrected_time, moment.flags) == (NOW, ("time_without_zone", "clock_corrected"))


def test_what_is_no_stamp_counts_as_now() -> None:
    moment = DeviceClock().moment("", NOW)
    assert (moment.device_time, moment.corrected_time, moment.flags) == (NOW, NOW, ("time_missing",))


def test_samples_are_moved_with_the_message_they_came_in() -> None:
    clock = DeviceClock()
    moment = clock.moment(iso_text(NOW + 2 * HOUR), NOW)
    assert moment.time_of_sample(iso_text(NOW + HOUR)) == NOW - HOUR


@pytest.mark.parametrize(
    "stamp", ["2026-03-01T11:00:00", "2026-03-01T14:00:00", "1970-01-01T00:05:00", "0001-01-01T00:00:00"]
)
def test_a_sample_with_the_stamp_of_its_message_was_taken_at_that_moment_however_it_is_written(stamp: str) -> None:
    clock = DeviceClock()
    clock.booted(NOW - HOUR)
    moment = clock.moment(f"{stamp}Z", NOW)
    assert moment.time_of_sample(f"{stamp}Z") == moment.time_of_sample(f"{stamp}.000Z") == moment.corrected_time


@pytest.mark.parametrize("text", ["", "1970-01-01T00:00:00Z", "2031-01-01T00:00:00Z"])
def test_a_sample_whose_stamp_is_beyond_help_was_taken_with_the_message(text: str) -> None:
    assert DeviceClock().moment(iso_text(NOW - HOUR), NOW).time_of_sample(text) == NOW - HOUR


def test_charge_points_are_told_the_time_in_milliseconds() -> None:
    assert iso_text(NOW + timedelta(microseconds=1999)) == "2026-03-01T12:00:00.001Z"
