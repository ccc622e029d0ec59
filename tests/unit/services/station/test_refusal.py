"""services.station.domain.refusal"""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.kernel.refusal import Rule
from services.station.domain.refusal import Refusal, Tally
from tests.unit.services.station.samples import NOW

pytestmark = pytest.mark.field_case("B9")

REFUSAL = Refusal(
    identity="CP1",
    rule=Rule.WRONG_PASSWORD,
    remote_address="203.0.113.7",
    detail="the credentials do not match",
    offered_protocols=("ocpp1.6",),
    path="/ocpp/CP1",
    count=1,
    guess_count=1,
    first_time=NOW,
    last_time=NOW,
)
UNPUBLISHED = Tally(
    refusal=REFUSAL, station_id=None, tenant_id="default", told_count=0, told_guess_count=0, told_time=None
)


def test_a_flood_is_told_of_ever_more_seldom_and_nothing_of_it_is_left_out() -> None:
    tally, published, times = UNPUBLISHED, 0, 0
    for count in range(1, 401):
        tally = replace(tally, refusal=replace(REFUSAL, count=count, guess_count=count))
        if tally.is_news(NOW):
            published, times = published + tally.unpublished.count, times + 1
            tally = replace(tally, told_count=count, told_guess_count=count, told_time=NOW)
    assert (published, times) == (256, 9)


def test_as_long_as_it_goes_on_it_is_told_of_every_ten_minutes() -> None:
    tally = replace(UNPUBLISHED, refusal=replace(REFUSAL, count=1001), told_count=1000, told_time=NOW)
    assert not tally.is_news(NOW + timedelta(minutes=9))
    assert tally.is_news(NOW + timedelta(minutes=10))
    assert tally.unpublished.count == 1


@pytest.mark.parametrize(
    "rule",
    [
        Rule.OVERLOADED,
        Rule.PLATFORM_UNAVAILABLE,
        Rule.TOO_MANY_CONNECTIONS,
        Rule.NOT_ACCEPTED_YET,
        Rule.REJECTED_BY_OPERATOR,
        Rule.VERSION_GETS_NOWHERE,
    ],
)
def test_what_is_no_fault_of_the_charge_point_is_no_news(rule: Rule) -> None:
    assert not replace(UNPUBLISHED, refusal=replace(REFUSAL, rule=rule)).is_news(NOW)
