"""Waiting between tries."""

import random

from simulator.backoff import Backoff


def test_delays_double_up_to_the_ceiling_and_keep_at_least_half() -> None:
    backoff = Backoff(1.0, 10.0, random.Random(1))
    for full in (1, 2, 4, 8, 10, 10):
        assert full / 2 <= backoff.next() <= full


def test_a_success_begins_again() -> None:
    backoff = Backoff(1.0, 60.0)
    for _ in range(5):
        backoff.next()
    backoff.reset()
    assert backoff.next() <= 1.0


def test_what_the_server_asks_for_is_waited_at_least() -> None:
    assert Backoff(1.0, 60.0).next(at_least_seconds=30.0) >= 30.5


def test_two_charge_points_do_not_come_back_in_step() -> None:
    assert Backoff(rng=random.Random(1)).next() != Backoff(rng=random.Random(2)).next()


def test_many_failures_do_not_overflow() -> None:
    backoff = Backoff(1.0, 60.0)
    assert all(backoff.next() <= 60.0 for _ in range(2_000))
