"""Charge points: whatever the order of what is told of them, they end up where they are."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.monitoring.domain.charge_point import (
    ChargePoint,
    ChargePointSnapshot,
    ConnectivityChange,
    Sighting,
    connected,
    deleted,
    is_of_later_one,
    placed,
    shown,
    sighted,
    taken_away,
)

START = datetime(2030, 5, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def change(epoch: int, seconds: float, *, online: bool) -> ConnectivityChange:
    return ConnectivityChange(
        charge_point_id="CP1", station_id=None, online=online, epoch=epoch, reason="", time=at(seconds)
    )


def snapshot(seconds: float, *, created: float | None = 0, online: bool = False) -> ChargePointSnapshot:
    return ChargePointSnapshot(
        id="CP1",
        created_time=None if created is None else at(created),
        online=online,
        last_seen_time=None,
        told_time=at(seconds),
    )


def after(changes: Sequence[ConnectivityChange]) -> ChargePoint:
    point = ChargePoint(id="CP1")
    for each in changes:
        point = connected(point, each)
    return point


# Connections of one charge point as they happen: each epoch opens and, but for the last, closes.
LIFE = [
    change(1, 0, online=True),
    change(1, 10, online=False),
    change(2, 20, online=True),
    change(2, 30, online=False),
    change(3, 40, online=True),
]


@given(st.permutations(LIFE), st.lists(st.sampled_from(LIFE)))
def test_the_newest_connection_counts_in_any_order_and_with_repetitions(
    order: list[ConnectivityChange], repeated: list[ConnectivityChange]
) -> None:
    assert after([*order, *repeated]) == after(LIFE)


def test_the_end_of_a_connection_comes_after_its_beginning() -> None:
    assert not after([change(7, 5, online=False), change(7, 0, online=True)]).online


def test_an_end_that_was_overtaken_does_nothing() -> None:
    assert after([change(8, 20, online=True), change(7, 25, online=False)]).online


def test_epochs_begin_anew_with_a_charge_point_created_again() -> None:
    point = after([change(9, 10, online=True)])
    point = shown(point, snapshot(101, created=100))
    assert (point.online, point.epoch) == (False, 0)
    assert connected(point, change(1, 110, online=True)).online


def test_news_of_a_charge_point_that_was_deleted_since_is_of_no_interest() -> None:
    point = shown(ChargePoint(id="CP1"), snapshot(101, created=100))
    assert connected(point, change(9, 10, online=True)) is point


@given(st.permutations(["made", "opened", "closed", "deleted", "made anew", "opened anew"]))
def test_one_that_another_tenant_made_anew_is_the_tenants_in_any_order(order: list[str]) -> None:
    point = ChargePoint(id="CP1")
    for step in order:
        match step:
            case "made":
                point = shown(point, replace(snapshot(1), tenant_id="north"))
            case "opened":
                point = connected(point, replace(change(1, 10, online=True), tenant_id="north"))
            case "closed":
                point = connected(point, replace(change(1, 20, online=False), tenant_id="north"))
            case "deleted":
                point = point if is_of_later_one(point, at(0)) else deleted(point)
            case "made anew":
                point = shown(point, replace(snapshot(101, created=100), tenant_id="south"))
            case "opened anew":
                point = connected(point, replace(change(1, 110, online=True), tenant_id="south"))
    assert point.tenant_id == "south"


def test_what_was_known_before_there_were_tenants_gets_its_own_by_the_next_look() -> None:
    known = shown(ChargePoint(id="CP1"), snapshot(1))
    assert shown(known, replace(snapshot(50), tenant_id="south")).tenant_id == "south"


def test_a_snapshot_tells_of_the_connection_only_where_no_event_did() -> None:
    assert shown(ChargePoint(id="CP1"), snapshot(5, online=True)).online
    point = after([change(1, 10, online=True)])
    assert shown(point, snapshot(20, online=False)) == replace(point, created_time=at(0))


def test_of_two_snapshots_without_an_event_the_later_counts() -> None:
    later, earlier = snapshot(20, online=True), replace(snapshot(5), last_seen_time=at(5))
    for first, second in itertools.permutations((later, earlier)):
        assert shown(shown(ChargePoint(id="CP1"), first), second).online


def test_a_charge_point_never_seen_is_offline_since_never() -> None:
    assert shown(ChargePoint(id="CP1"), snapshot(5)).changed_time is None


@pytest.mark.parametrize(
    ("sighting", "online"),
    [
        (Sighting(charge_point_id="CP1", online=False, epoch=3, time=at(100)), False),
        (Sighting(charge_point_id="CP1", online=False, epoch=2, time=at(100)), True),
        (Sighting(charge_point_id="CP1", online=False, epoch=3, time=at(39)), True),
        (Sighting(charge_point_id="CP1", online=True, epoch=4, time=at(100)), True),
    ],
    ids=["mends a lost end", "knows an older epoch", "looked before", "knows a newer epoch"],
)
def test_a_look_at_the_connections_mends_what_lost_events_left(sighting: Sighting, online: bool) -> None:
    assert sighted(after(LIFE), sighting).online is online


def test_a_connection_that_was_missed_once_comes_back() -> None:
    missed = sighted(after(LIFE), Sighting(charge_point_id="CP1", online=False, epoch=3, time=at(100)))
    assert sighted(missed, Sighting(charge_point_id="CP1", online=True, epoch=3, time=at(200))).online


@pytest.mark.parametrize("order", list(itertools.permutations(["at A", "at B", "left A"])))
def test_a_move_ends_at_the_new_station_whatever_is_told_first(order: Sequence[str]) -> None:
    point = ChargePoint(id="CP1")
    has_left = False
    for step in order:
        match step:
            # An older snapshot of A after a newer one is ignored, because stations are ordered themselves.
            case "at A" if not has_left:
                point = placed(point, "A", at(1))
            case "at B":
                point = placed(point, "B", at(5))
            case "left A":
                # Told at the same time as the arrival, with a clock that is ahead.
                has_left, point = True, taken_away(point, "A")
    assert point.station_id == "B"


def test_one_taken_away_while_offline_is_removed_until_it_shows_again() -> None:
    point = taken_away(placed(ChargePoint(id="CP1"), "A", at(1)), "A")
    assert point.removed
    assert not connected(point, change(1, 5, online=True)).removed
    assert not placed(point, "B", at(5)).removed


def test_one_taken_away_while_online_is_still_there() -> None:
    point = connected(placed(ChargePoint(id="CP1"), "A", at(1)), change(1, 5, online=True))
    assert not taken_away(point, "A").removed


def test_one_that_its_owner_does_not_know_is_gone_until_it_connects_again() -> None:
    point = deleted(after(LIFE))
    assert (point.removed, point.online) == (True, False)
    assert connected(point, change(1, 500, online=True)).online
