"""services.station.domain.device"""

from datetime import UTC, datetime, timedelta

import pytest

from services.station.domain.device import told_text, told_time
from tests.unit.services.station.samples import NOW


@pytest.mark.parametrize(
    "device",
    [NOW, NOW - timedelta(days=400), NOW + timedelta(seconds=60), datetime(2020, 1, 1, tzinfo=UTC)],
)
def test_a_possible_time_is_taken_as_it_is(device: datetime) -> None:
    assert told_time(device, NOW) == device


@pytest.mark.parametrize(
    "device",
    [
        None,
        NOW + timedelta(seconds=61),
        datetime(2099, 1, 1, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2019, 12, 31, 23, 59, tzinfo=UTC),
    ],
)
def test_instead_of_none_and_of_an_impossible_one_the_time_of_receipt_counts(device: datetime | None) -> None:
    assert told_time(device, NOW) == NOW


@pytest.mark.parametrize(
    ("reported", "kept"),
    [("Acme", "Acme"), ("Ac\0me\n", "Acme"), ("x" * 101, "x" * 100), ("", ""), ("Größe 卡", "Größe 卡")],
)
def test_of_a_text_what_can_be_printed_and_stored_is_kept(reported: str, kept: str) -> None:
    assert told_text(reported) == kept
