from itertools import pairwise

from stack.restarts import Restarts


def die(restarts: Restarts, now: float, lived: float) -> float:
    """A death at `now`; the wait it brings, after which the child is started."""
    wait = restarts.wait("billing", now, lived=lived)
    assert restarts.wait("billing", now + wait, lived=lived) == 0
    restarts.started("billing")
    return wait


def test_the_first_death_brings_a_new_start_at_once() -> None:
    assert die(Restarts(), 100.0, lived=3600) == 0


def test_a_child_that_keeps_dying_waits_ever_longer_up_to_a_bound() -> None:
    restarts = Restarts()
    waits = [die(restarts, 100.0 * number, lived=0.5) for number in range(12)]
    assert all(earlier <= later for earlier, later in pairwise(waits))
    assert waits[1] > 0
    assert waits[-1] == waits[-2] == 5.0


def test_a_child_that_ran_for_a_while_is_forgiven_its_earlier_deaths() -> None:
    restarts = Restarts()
    for number in range(5):
        die(restarts, 10.0 * number, lived=0.5)
    assert die(restarts, 1000.0, lived=60) == 0


def test_one_death_counts_once_however_often_it_is_looked_at() -> None:
    restarts = Restarts()
    die(restarts, 0.0, lived=0.5)
    waits = [restarts.wait("billing", 10.0 + look / 100, lived=0.5) for look in range(5)]
    assert all(later < earlier for earlier, later in pairwise(waits))


def test_the_deaths_of_one_child_are_not_those_of_another() -> None:
    restarts = Restarts()
    for number in range(5):
        die(restarts, float(number), lived=0.5)
    assert restarts.wait("driver", 5.0, lived=0.5) == 0
