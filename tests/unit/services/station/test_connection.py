"""services.station.domain.connection"""

from datetime import timedelta

import pytest

from services.kernel.errors import DomainError
from services.station.domain.connection import Newest, holds, lease_of
from tests.unit.services.station.samples import fields_of


@pytest.mark.parametrize(
    ("newest", "is_held"),
    [
        (Newest(5, True), True),
        (Newest(5, False), False),
        (Newest(6, True), False),
        (Newest(4, True), False),
        (None, False),
    ],
)
def test_only_the_newest_connection_holds_and_only_while_it_is_open(newest: Newest | None, is_held: bool) -> None:
    assert holds(newest, 5) is is_held


@pytest.mark.parametrize("seconds", [5, 30, 300])
def test_a_lease_is_bounded(seconds: int) -> None:
    assert lease_of(timedelta(seconds=seconds)) == timedelta(seconds=seconds)


def test_a_lease_lasts_half_a_minute_by_default() -> None:
    assert lease_of(None) == timedelta(seconds=30)


@pytest.mark.parametrize("seconds", [-1, 0, 4.999, 300.001])
def test_too_short_and_too_long_a_lease_are_refused(seconds: float) -> None:
    with pytest.raises(DomainError) as refused:
        lease_of(timedelta(seconds=seconds))

    assert fields_of(refused.value) == ["lease"]
