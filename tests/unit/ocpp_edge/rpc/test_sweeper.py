"""One clock for all: everyone is looked at once a round, and nobody spoils it for the others."""

import asyncio

import pytest

from ocpp_edge.rpc.sweeper import Sweeper
from tests.fixtures.background import eventually, running
from tests.unit.ocpp_edge.harness import ManualTime

ROUND = 20


class Swept:
    def __init__(self, *, broken: bool = False, rounds_of_calls: int = 0) -> None:
        self.moments: list[float] = []
        self.asked = 0
        self._broken = broken
        self._rounds = rounds_of_calls

    def sweep(self, now: float) -> None:
        self.moments.append(now)
        if self._broken:
            raise RuntimeError("broken")

    def expire_calls(self, _now: float) -> bool:
        self.asked += 1
        if self._broken:
            raise RuntimeError("broken")
        return self.asked < self._rounds


@pytest.fixture
def sweeper() -> Sweeper:
    return Sweeper(ManualTime())


def turn(sweeper: Sweeper, ticks: int) -> None:
    for _ in range(ticks):
        sweeper.tick()


def test_everyone_is_looked_at_once_a_round(sweeper: Sweeper) -> None:
    fleet = [Swept() for _ in range(3 * ROUND)]
    for swept in fleet:
        sweeper.add(swept)
    turn(sweeper, ROUND)
    assert [len(swept.moments) for swept in fleet] == [1] * len(fleet)


def test_the_work_is_spread_over_the_round(sweeper: Sweeper) -> None:
    fleet = [Swept() for _ in range(3 * ROUND)]
    for swept in fleet:
        sweeper.add(swept)
    sweeper.tick()
    assert sum(len(swept.moments) for swept in fleet) == 3


def test_who_has_left_is_forgotten(sweeper: Sweeper) -> None:
    swept = Swept()
    sweeper.add(swept)
    sweeper.remove(swept)
    turn(sweeper, ROUND)
    assert swept.moments == []


def test_calls_are_watched_at_every_tick_until_they_are_over(sweeper: Sweeper) -> None:
    swept = Swept(rounds_of_calls=3)
    sweeper.watch(swept)
    turn(sweeper, 10)
    assert swept.asked == 3


def test_one_that_fails_does_not_keep_the_others_waiting(sweeper: Sweeper) -> None:
    fleet = [Swept(broken=number % 2 == 0, rounds_of_calls=2) for number in range(2 * ROUND)]
    for swept in fleet:
        sweeper.add(swept)
        sweeper.watch(swept)
    turn(sweeper, ROUND)
    assert [len(swept.moments) for swept in fleet] == [1] * len(fleet)
    assert [swept.asked for swept in fleet[:2]] == [1, 2]


async def test_at_rest_the_rounds_go_on_and_a_call_that_begins_is_watched_soon(
    sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocpp_edge.rpc.sweeper.TICK_SECONDS", 0.005)
    monkeypatch.setattr("ocpp_edge.rpc.sweeper._REST_SECONDS", 0.02)
    fleet, calls = [Swept() for _ in range(ROUND)], Swept(rounds_of_calls=3)
    for swept in fleet:
        sweeper.add(swept)

    async def all_are_swept() -> bool:
        return all(swept.moments for swept in fleet)

    async def calls_are_over() -> bool:
        return calls.asked == 3

    async with running(sweeper.run()):
        await eventually(all_are_swept)
        monkeypatch.setattr("ocpp_edge.rpc.sweeper._REST_SECONDS", 3600.0)
        await asyncio.sleep(0.05)
        sweeper.watch(calls)
        await eventually(calls_are_over)
