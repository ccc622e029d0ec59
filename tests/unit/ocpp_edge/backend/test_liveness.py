"""One report for everything heard since the last one, in calls that are not too large, and none of it lost."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from csms.station.v1.connectivity_service_pb2 import Sighting
from ocpp_edge.admission.registry import Registry
from ocpp_edge.backend.liveness import REPORTS_PER_LEASE, LivenessReporter
from ocpp_edge.rpc.connection import Connection
from services.kernel.clock import FixedClock
from services.kernel.errors import DomainError, unavailable
from tests.unit.ocpp_edge.harness import NOW, Bench, ManualTime


class Station:
    """Remembers the calls; the next one fails while `failure` is set."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.sightings: list[Sighting] = []
        self.newer: list[str] = []
        self.failure: DomainError | None = None

    async def live(self, lease: timedelta, sightings: Sequence[Sighting]) -> Sequence[str]:
        assert timedelta(seconds=5) <= lease <= timedelta(seconds=300)
        if self.failure is not None:
            raise self.failure
        self.calls.append([sighting.charge_point_id for sighting in sightings])
        self.sightings += sightings
        return self.newer


class Scene:
    """A node with as many connections as are wanted, all heard of just now."""

    def __init__(self, *names: str) -> None:
        self.station = Station()
        self.time = ManualTime()
        self.registry: Registry[Connection[Any]] = Registry()
        self.benches = {name: Bench() for name in names}
        for name, bench in self.benches.items():
            bench.context.charge_point_id = name
            self.registry.claim(name, bench.context.epoch, bench.connection)
        self.reporter = LivenessReporter(self.station.live, self.registry, FixedClock(NOW), self.time)

    async def end(self) -> None:
        for bench in self.benches.values():
            await bench.end()


async def test_a_node_that_has_heard_nobody_still_renews_its_lease() -> None:
    scene = Scene()
    await scene.reporter.report()
    assert scene.station.calls == [[]]


async def test_what_was_heard_since_the_last_report_is_told_at_once() -> None:
    scene = Scene("A", "B")
    scene.time.now += 1
    await scene.reporter.report()
    assert scene.station.calls == [["A", "B"]]
    for _ in range(REPORTS_PER_LEASE):
        scene.time.now += 5
        scene.benches["A"].connection.last_seen = scene.time.now - 2
        scene.station.sightings.clear()
        await scene.reporter.report()
        sighting = next(reported for reported in scene.station.sightings if reported.charge_point_id == "A")
        assert sighting.last_seen_time.ToDatetime(tzinfo=NOW.tzinfo) == NOW - timedelta(seconds=2)
        assert sighting.epoch == 7
    await scene.end()


async def test_who_says_nothing_is_told_of_now_and_then_though_one_report_in_a_lease_fails() -> None:
    names = [f"CP{number}" for number in range(100)]
    scene = Scene(*names)
    scene.time.now += 1
    await scene.reporter.report()
    for _ in range(3):
        scene.station.calls.clear()
        for number in range(REPORTS_PER_LEASE - 1):
            scene.time.now += 5
            scene.station.failure = unavailable("the station service is down") if number == 1 else None
            with suppress(DomainError):
                await scene.reporter.report()
        reported = Counter(name for call in scene.station.calls for name in call)
        assert reported == dict.fromkeys(names, 1)
        assert max(map(len, scene.station.calls)) < len(names)
    seen = {reported.last_seen_time.ToDatetime(tzinfo=NOW.tzinfo) for reported in scene.station.sightings}
    assert min(seen) < NOW - timedelta(seconds=60)
    await scene.end()


async def test_a_report_that_failed_is_made_good() -> None:
    scene = Scene("A")
    scene.station.failure = unavailable("the station service is down")
    with pytest.raises(DomainError):
        await scene.reporter.report()
    scene.station.failure = None
    scene.time.now += 5
    await scene.reporter.report()
    assert scene.station.calls == [["A"]]
    await scene.end()


async def test_a_large_house_is_told_in_several_calls() -> None:
    scene = Scene(*(f"CP{number}" for number in range(2500)))
    await scene.reporter.report()
    assert [len(call) for call in scene.station.calls] == [2000, 500]
    await scene.end()


async def test_a_connection_that_is_newer_elsewhere_is_closed_here() -> None:
    scene = Scene("A", "B")
    scene.station.newer = ["A", "never heard of"]
    await scene.reporter.report()
    assert scene.registry.find("A") is None
    assert scene.benches["A"].transport.closed is not None
    assert scene.registry.find("B") is not None
    await scene.end()
