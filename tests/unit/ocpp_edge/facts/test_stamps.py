"""Stamps as charge points write them, read to UTC."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ocpp_edge.facts.device_clock import iso_text
from ocpp_edge.facts.stamps import parsed

pytestmark = pytest.mark.field_case("A4")

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "time", "has_zone"),
    [
        ("2026-03-01T12:00:00Z", NOW, True),
        ("2026-03-01T12:00:00.000Z", NOW, True),
        ("2026-03-01T12:00:00.1234567Z", NOW + timedelta(microseconds=123456), True),
        ("2026-03-01T12:00:00,5Z", NOW + timedelta(milliseconds=500), True),
        ("2026-03-01T12:00:00:500Z", NOW + timedelta(milliseconds=500), True),
        ("2026-03-01T12:00:00.Z", NOW, True),
        ("2026-03-01T13:00:00+01:00", NOW, True),
        ("2026-03-01T14:00:00+0200", NOW, True),
        ("2026-03-01T14:00:00+02", NOW, True),
        ("2026-03-01 14:00:00.000 +0200", NOW, True),
        ("2026-03-01T12:00:00-00:00", NOW, True),
        ("2026-03-01T12:00:00 UTC", NOW, True),
        ("2026-03-01T12:00Z", NOW, True),
        ("20260301T120000Z", NOW, True),
        ("2026-3-1T12:0:0Z", NOW, True),
        ("2026/03/01 12:00:00Z", NOW, True),
        ("2026-03-01T12.00.00Z", NOW, True),
        ("2026-03-01t12:00:00z", NOW, True),
        ("2026-03-01T12:00:00.000 Z", NOW, True),
        (" 2026-03-01T12:00:00Z ", NOW, True),
        ('"2026-03-01T12:00:00Z"', NOW, True),
        ("2026-03-01T12:00:00Z[Etc/UTC]", NOW, True),
        ("2026-03-01T12:00:00Z something", NOW, True),
        ("2026-03-01T12:00:00Z" + "\0" * 1000, NOW, True),
        ("2026-03-01T12:00:00", NOW, False),
        ("2026-03-01 12:00:00", NOW, False),
        ("20260301120000", NOW, False),
        ("2026-03-01T12:00:00+25:00", NOW, False),
        ("2026-12-31T23:59:60Z", NEW_YEAR, True),
        ("2027-01-01T00:59:60.000+01:00", NEW_YEAR, True),
        ("2026-12-31T24:00:00Z", NEW_YEAR, True),
        ("1772366400", NOW, True),
        ("1772366400.25", NOW + timedelta(milliseconds=250), True),
        ("1772366400000", NOW, True),
        ("1772366400000.0", NOW, True),
        ("1772366400000000", NOW, True),
        ("1772366400000000000", NOW, True),
        # As Python would have it, a date with a time behind it.
        ("1712010112000", datetime(2024, 4, 1, 22, 21, 52, tzinfo=UTC), True),
    ],
)
def test_stamps_are_read_as_charge_points_write_them(text: str, time: datetime, has_zone: bool) -> None:
    assert parsed(text) == (time, has_zone)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "null",
        "yesterday",
        "0",
        "-1",
        "300",
        "99999999999999999999999999",
        "2026-03-01",
        "20260301",
        "2026-W09-7",
        "2026-13-01T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-03-01T25:00:00Z",
        "2026-03-01T12:00:61Z",
        "0000-00-00T00:00:00Z",
        "0001-01-01T00:00:00+02:00",
        "9999-12-31T23:59:60Z",
        "03/01/2026 12:00:00",
    ],
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert parsed(text) == (None, True)


@given(st.text(st.characters(codec="utf-8"), max_size=100) | st.from_regex(r"[0-9TZ:+. -]{0,40}"))
@example("9" * 19)
def test_any_text_is_a_time_in_utc_or_none(text: str) -> None:
    time, _ = parsed(text)
    assert time is None or time.tzinfo is UTC


@given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31, 23, 59, 59)))
def test_what_we_write_is_read_as_it_was(time: datetime) -> None:
    written = time.replace(microsecond=time.microsecond // 1000 * 1000, tzinfo=UTC)
    assert parsed(iso_text(written)) == (written, True)
