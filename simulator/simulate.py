"""One charge point, one scenario, once: what `csms simulate CP001 1.6` does.

Prints every frame. The verdict is whether everything that was sent was accepted.
"""

import asyncio
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

from simulator.charge_point import ChargePoint
from simulator.charging import ChargingPlan
from simulator.clock import DeviceClock
from simulator.configuration import Role
from simulator.dialects import DIALECTS
from simulator.ledger import Ledger
from simulator.output import say
from simulator.profile import StationProfile
from simulator.scenario import Scenario
from simulator.scripts import Run
from simulator.session import CallFailed
from simulator.transport import Endpoint, Frame, FrameSink, describe

_SAMPLES = 6
_STEPS_SECONDS = 3
# A person waits for the verdict.
_ATTEMPTS, _RETRY_SECONDS = 2, 1
# Answers that trying again will not change.
_FINAL_STATUSES = (400, 401, 403, 404)


@dataclass(frozen=True)
class Simulation:
    """What to run. `duration_seconds` is real time; charging `energy_wh` is compressed into it."""

    identity: str
    protocol: str
    endpoint: Endpoint
    scenario: Scenario
    id_tag: str = "DEMO0001"
    connector_id: int = 1
    energy_wh: int = 5_500
    power_w: int = 11_000
    duration_seconds: float = 6.0
    wait_seconds: float = 15.0
    connectors: int = 2
    ledger: Path | None = None
    quiet: bool = False

    @property
    def charging_seconds(self) -> int:
        """Device seconds that the energy takes at this power, or that the scenario takes."""
        if self.scenario.device_seconds is not None:
            return self.scenario.device_seconds
        return max(1, -(-self.energy_wh * 3_600 // self.power_w))

    @property
    def rate(self) -> Fraction:
        """How much faster than real time the charging runs."""
        return max(Fraction(1), self.charging_seconds / Fraction(self.duration_seconds))

    @property
    def behind(self) -> timedelta:
        """How far back the clock starts, so that the charging ends now and not in the future."""
        if self.scenario.clock_behind is not None:
            return self.scenario.clock_behind()
        # The steps of a scenario take real time besides, which the clock must not catch up in.
        slack = _STEPS_SECONDS * self.rate if self.scenario.device_seconds is not None else Fraction(0)
        return timedelta(seconds=float(self.charging_seconds - self.charging_seconds / self.rate + slack))

    def plan(self) -> ChargingPlan:
        """The session that driver and vehicle want."""
        return ChargingPlan(self.power_w, self.energy_wh, self.charging_seconds, self.rate)


def print_frame(frame: Frame) -> None:
    """Show a frame to a person."""
    say(describe(frame))


async def simulate(simulation: Simulation) -> int:
    """Run it. Returns 0 when everything was accepted, else 1, with the reason on stderr."""
    with ExitStack() as stack:
        sinks: list[FrameSink] = [] if simulation.quiet else [print_frame]
        if simulation.ledger is not None:
            sinks.append(stack.enter_context(Ledger(simulation.ledger)).sink(simulation.protocol))
        station = build(simulation, sinks)
        try:
            async with station.running():
                await _ready(station, simulation.wait_seconds)
                await _play(station, simulation)
        except (CallFailed, TimeoutError) as failure:
            print(f"{simulation.identity}: {failure}", file=sys.stderr)
            return 1
    # Each was told when it happened.
    if refused := station.problem_counts.total():
        print(f"{simulation.identity}: {refused} not accepted", file=sys.stderr)
    return 1 if refused else 0


def build(simulation: Simulation, sinks: list[FrameSink]) -> ChargePoint:
    """The charge point of a simulation, not yet connected."""
    scenario = simulation.scenario
    station = DIALECTS[simulation.protocol](
        simulation.identity,
        simulation.endpoint,
        profile=StationProfile(connectors=simulation.connectors, power_w=simulation.power_w),
        clock=DeviceClock(simulation.behind),
        sinks=sinks,
        distort=None if scenario.distort is None else scenario.distort(),
    )
    for role, number in (
        (Role.SAMPLE_INTERVAL, max(1, simulation.charging_seconds // _SAMPLES)),
        (Role.MESSAGE_ATTEMPTS, _ATTEMPTS),
        (Role.MESSAGE_RETRY_INTERVAL, _RETRY_SECONDS),
    ):
        station.configuration.assign(role, str(number))
    if scenario.prepare is not None:
        scenario.prepare(station)
    return station


async def _ready(station: ChargePoint, wait_seconds: float) -> None:
    try:
        async with asyncio.timeout(wait_seconds):
            while not station.link.in_service:
                failure = station.link.failure
                if failure is not None and failure.status in _FINAL_STATUSES:
                    raise CallFailed(f"connection refused: {failure}")
                await station.link.changed()
    except TimeoutError:
        why = station.link.failure or f"BootNotification is {station.link.registration or 'unanswered'}"
        raise TimeoutError(f"not in service after {wait_seconds:g} s: {why}") from None


async def _play(station: ChargePoint, simulation: Simulation) -> None:
    run = Run(station, simulation.id_tag, simulation.connector_id, simulation.plan(), simulation.duration_seconds)
    await simulation.scenario.script(run)
    try:
        async with asyncio.timeout(simulation.wait_seconds):
            await station.queue.drained()
    except TimeoutError:
        raise TimeoutError(f"{len(station.queue)} transaction messages were not taken") from None
