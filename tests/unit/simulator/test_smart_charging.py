"""Charging profiles: which limit holds when, by purpose, stack level, place and time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulator.smart_charging import EVERYWHERE, ChargingProfiles, Circuit, Period, Profile, Purpose

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
_TX = "T-1"


def profile(id: int, purpose: Purpose, *limits: tuple[int, float], level: int = 0, **more: Any) -> Profile:
    """In watts, from T0 on; limits as (seconds, watts)."""
    given = {"kind": "Absolute", "in_watts": True, "start": T0, **more}
    return Profile(id, level, purpose, periods=[Period(*limit) for limit in limits], **given)


def held(*installed: tuple[int, Profile]) -> ChargingProfiles:
    profiles = ChargingProfiles(Circuit(voltage_v=230, phases=3))
    for place, one in installed:
        profiles.install(place, one)
    return profiles


def limit(profiles: ChargingProfiles, seconds: float = 0, *, sharers: int = 1, begun: float = 0) -> int | None:
    """What EVSE 1 may take so many seconds after T0, in a transaction that began when `begun` says."""
    return profiles.limit_w(
        1,
        T0 + timedelta(seconds=seconds),
        transaction_id=_TX,
        transaction_start=T0 + timedelta(seconds=begun),
        sharers=sharers,
    )


def test_without_profiles_there_is_no_limit() -> None:
    assert limit(held()) is None


def test_a_transactions_own_profile_takes_the_place_of_the_default_whatever_their_levels() -> None:
    default = profile(1, Purpose.TX_DEFAULT, (0, 3_000), level=9)
    own = profile(2, Purpose.TX, (0, 7_000), transaction_id=_TX)
    others = profile(3, Purpose.TX, (0, 1_000), level=5, transaction_id="T-2")
    assert limit(held((1, default))) == 3_000
    assert limit(held((1, default), (1, own), (1, others))) == 7_000


def test_the_highest_level_that_says_something_leads() -> None:
    low = profile(1, Purpose.TX_DEFAULT, (0, 9_000), level=1)
    high = profile(2, Purpose.TX_DEFAULT, (0, 2_000), level=2, duration_seconds=60)
    profiles = held((1, low), (1, high))
    assert (limit(profiles, 59), limit(profiles, 60)) == (2_000, 9_000)


def test_at_one_level_an_evses_own_default_goes_before_that_of_all() -> None:
    of_all = profile(1, Purpose.TX_DEFAULT, (0, 9_000))
    own = profile(2, Purpose.TX_DEFAULT, (0, 4_000))
    assert limit(held((1, own), (EVERYWHERE, of_all))) == 4_000


def test_what_the_station_may_have_bounds_every_transaction_and_is_shared() -> None:
    whole = profile(1, Purpose.STATION_MAX, (0, 10_000))
    own = profile(2, Purpose.TX, (0, 8_000), transaction_id=_TX)
    profiles = held((EVERYWHERE, whole), (1, own))
    assert (limit(profiles), limit(profiles, sharers=2)) == (8_000, 5_000)


def test_periods_follow_each_other_and_say_when_they_change() -> None:
    profiles = held((1, profile(1, Purpose.TX_DEFAULT, (0, 6_000), (60, 0), (120, 3_000))))
    assert [limit(profiles, seconds) for seconds in (-1, 0, 59, 60, 120)] == [None, 6_000, 6_000, 0, 3_000]
    assert profiles.next_change(T0) == T0 + timedelta(seconds=60)
    assert profiles.next_change(T0 + timedelta(seconds=120)) is None


def test_a_relative_profile_counts_from_the_start_of_the_transaction() -> None:
    profiles = held((1, profile(1, Purpose.TX_DEFAULT, (0, 6_000), (30, 2_000), kind="Relative", start=None)))
    assert (limit(profiles, 100, begun=80), limit(profiles, 111, begun=80)) == (6_000, 2_000)


def test_a_recurring_profile_begins_again_each_day() -> None:
    night = profile(1, Purpose.TX_DEFAULT, (0, 1_000), kind="Recurring", recurrency="Daily", duration_seconds=3600)
    day = 24 * 3600
    assert [limit(held((1, night)), at) for at in (0, 3600, day, 3 * day + 10)] == [1_000, None, 1_000, 1_000]


def test_a_profile_holds_only_while_it_is_valid() -> None:
    one = profile(1, Purpose.TX_DEFAULT, (0, 1_000), valid_from=T0 + timedelta(10), valid_to=T0 + timedelta(20))
    profiles = held((1, one))
    assert [limit(profiles, day * 86_400) for day in (9, 10, 20)] == [None, 1_000, None]


@pytest.mark.parametrize(("phases", "watts"), [(None, 11_040), (1, 3_680)])
def test_amperes_are_those_of_a_phase(phases: int | None, watts: int) -> None:
    one = Profile(1, 0, Purpose.TX_DEFAULT, "Absolute", in_watts=False, periods=[Period(0, 16, phases)], start=T0)
    assert limit(held((1, one))) == watts


def test_one_of_the_same_id_or_level_is_replaced_and_one_cleared_is_gone() -> None:
    profiles = held((1, profile(1, Purpose.TX_DEFAULT, (0, 1_000))), (1, profile(2, Purpose.TX_DEFAULT, (0, 2_000))))
    assert [one.id for _, one in profiles] == [2]
    profiles.install(EVERYWHERE, profile(2, Purpose.STATION_MAX, (0, 5_000)))
    assert [(place, one.purpose) for place, one in profiles] == [(EVERYWHERE, Purpose.STATION_MAX)]
    assert profiles.clear(lambda _, one: one.id == 2)
    assert not profiles.clear(lambda _, one: one.id == 2)
    assert limit(profiles) is None


def test_what_was_for_a_transaction_ends_with_it() -> None:
    profiles = held((1, profile(1, Purpose.TX, (0, 1_000), transaction_id=_TX)))
    profiles.end_transaction("T-2")
    assert limit(profiles) == 1_000
    profiles.end_transaction(_TX)
    assert list(profiles) == []
