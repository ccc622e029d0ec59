"""A fleet: charge points that charge, pause, charge again and come back by themselves when they are cut off.

Real time throughout, so that what they report is physically true. Each keeps to itself; stopping ends the sessions in
order and delivers what still waits.
"""

import asyncio
import math
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from simulator.charge_point import ChargePoint
from simulator.charging import ChargingPlan, Outcome, charge
from simulator.configuration import Role
from simulator.connector import Connector, StopReason
from simulator.dialects import DIALECTS
from simulator.file_conduct import FirmwareFault
from simulator.ledger import Ledger
from simulator.lies.catalogue import SECOND_LIE, deal
from simulator.lies.liar import Liar
from simulator.lies.lie import Lie
from simulator.link import Timing
from simulator.misbehaviours.misbehaviour import Misbehaviour
from simulator.misbehaviours.misbehaviour import deal as deal_misbehaviours
from simulator.profile import StationProfile
from simulator.scenario import Scenario
from simulator.scripts import Run
from simulator.transport import Direction, Endpoint, Frame, FrameSink
from simulator.truth import Truth

_LIFE_WH = 4_076_000


@dataclass(frozen=True)
class FleetPlan:
    """Who charges where. `identities`, `tags` and `protocols` are dealt out in turn; seconds are real seconds.

    Sessions and pauses last between half and one and a half times what is said here. `cut_seconds` is the mean time
    after which a line breaks without a word, None for never; the share `power_cut_share` of these are power cuts, after
    which the station boots and what was charging goes on. An `idle` fleet starts no session by itself. `habits` are
    scenarios that change frames only, dealt out in turn to the stations that speak their version; `firmware_faults`
    are what goes wrong with firmware, dealt out in turn. The share
    `offline_share` of the sessions takes place without a connection and is replayed later; every other of these is
    replayed newest first, by 1.6 without the number that the start would have brought. `retire_seconds` is the mean
    time after which a station delivers what it has, goes silent without a word and is not seen again. The share
    `liar_share` of the stations has `lies`, dealt out by lot; `second_lie_share` of these has two. The
    share `misbehaving_share` has one of `misbehaviours` each, dealt out in turn, in place of all habits and lies. In
    place of sessions each station plays the `scenario` again and again, if it speaks a version of it.
    """

    identities: Sequence[str]
    tags: Sequence[str]
    protocols: Sequence[str]
    endpoint: Endpoint
    connectors: int = 2
    power_w: int = 50_000
    session_seconds: float = 60.0
    pause_seconds: float = 10.0
    sample_seconds: int = 10
    ramp_seconds: float = 5.0
    cut_seconds: float | None = None
    power_cut_share: float = 0.0
    message_attempts: int = 20
    grace_seconds: float = 15.0
    idle: bool = False
    habits: Sequence[Scenario] = ()
    firmware_faults: Sequence[FirmwareFault] = ()
    offline_share: float = 0.0
    retire_seconds: float | None = None
    lies: Sequence[Lie] = ()
    liar_share: float = 0.0
    second_lie_share: float = SECOND_LIE
    misbehaviours: Sequence[Misbehaviour] = ()
    misbehaving_share: float = 0.0
    scenario: Scenario | None = None
    response_seconds: float = 30.0
    reconnect_seconds: float = 30.0


@dataclass(frozen=True)
class FleetReport:
    """What a fleet did.

    `unsent` counts transaction messages that were still waiting at the end, `given_up` those refused too often, `lies`
    the charge points that have each lie, `misbehaviours` how often each was seen.
    """

    charge_points: int
    connects: int
    sessions: int
    acknowledged: int
    refused: int
    problems: dict[str, int]
    unsent: int
    given_up: int
    lies: dict[str, int]
    misbehaviours: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """How the charge points of a version stand. `messages` went either way, `errors` are CALLERRORs received."""

    protocol: str
    charge_points: int
    connected: int
    charging: int
    messages: int
    errors: int
    misbehaviours: int


class Fleet:
    """The charge points of a plan. `run` may be called once."""

    def __init__(self, plan: FleetPlan, ledger: Ledger | None = None, rng: random.Random | None = None) -> None:
        self._plan = plan
        self._rng = rng or random.Random()
        self._answers: Counter[str] = Counter()
        self._messages: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._sessions = 0
        self._offline_sessions = 0
        self._stop = asyncio.Event()
        self._lies = deal(plan.lies, plan.liar_share, self._protocols(), self._rng, plan.second_lie_share)
        dealt = deal_misbehaviours(plan.misbehaviours, plan.misbehaving_share, self._protocols())
        self._misbehaving = {plan.identities[number]: one for number, one in dealt.items()}
        if dealt:
            self._lies = {number: [one.lie] for number, one in dealt.items() if one.lie is not None}
        self._liars: dict[str, Liar] = {}
        self.stations = [self._build(number, ledger) for number in range(len(plan.identities))]

    def stop(self) -> None:
        """End the sessions and go home; `run` returns when that is done."""
        self._stop.set()

    async def run(self) -> FleetReport:
        """Keep charging until stopped."""
        async with asyncio.TaskGroup() as group:
            for number, station in enumerate(self.stations):
                tag = self._plan.tags[number % len(self._plan.tags)]
                group.create_task(self._live(station, tag), name=station.identity)
        return self._report()

    def standings(self) -> list[Standing]:
        """How each version stands now, in the order of the plan."""
        return [self._standing(protocol) for protocol in dict.fromkeys(self._plan.protocols)]

    def _standing(self, protocol: str) -> Standing:
        stations = [station for station in self.stations if station.protocol == protocol]
        return Standing(
            protocol,
            len(stations),
            connected=sum(station.link.session is not None for station in stations),
            charging=sum(len(station.transactions()) for station in stations),
            messages=self._messages[protocol],
            errors=self._errors[protocol],
            misbehaviours=sum(station.misbehaved for station in stations),
        )

    def _protocols(self) -> list[str]:
        """What each station speaks."""
        protocols = self._plan.protocols
        return [protocols[number % len(protocols)] for number in range(len(self._plan.identities))]

    def _build(self, number: int, ledger: Ledger | None) -> ChargePoint:
        plan, lies = self._plan, self._lies.get(number, [])
        protocol = plan.protocols[number % len(plan.protocols)]
        misbehaviour = self._misbehaving.get(plan.identities[number])
        habit = habit_of(plan.habits, number, protocol) if misbehaviour is None else None
        sinks: list[FrameSink] = []
        if ledger is not None:
            sinks.append(ledger.sink(protocol))
        station = DIALECTS[protocol](
            plan.identities[number],
            plan.endpoint,
            profile=StationProfile(
                serial_number=f"SIM-{number + 1:04}", connectors=plan.connectors, power_w=plan.power_w
            ),
            timing=Timing(response_timeout=plan.response_seconds, reconnect_ceiling=plan.reconnect_seconds),
            sinks=sinks,
            distort=habit.distort() if habit and habit.distort else None,
            # A meter that has counted for years: so that it is no accident which register is told.
            initial_wh=_LIFE_WH + number * 1_001 if lies else 0,
        )
        if habit and habit.prepare:
            habit.prepare(station)
        if plan.firmware_faults:
            station.files.fault = plan.firmware_faults[number % len(plan.firmware_faults)]
        if lies:
            attest = ledger.attest if ledger is not None else _to_nobody
            tag = plan.tags[(number + 1) % len(plan.tags)]
            rng = random.Random(self._rng.random())
            self._liars[station.identity] = Liar(station, lies, rng, attest, neighbours_tag=tag)
        if misbehaviour is not None:
            misbehaviour.befall(station)
        station.sinks = (*station.sinks, lambda frame: self._count(station, frame))
        station.configuration.assign(Role.SAMPLE_INTERVAL, str(plan.sample_seconds))
        station.configuration.assign(Role.MESSAGE_ATTEMPTS, str(plan.message_attempts))
        station.configuration.assign(Role.MESSAGE_RETRY_INTERVAL, "1")
        return station

    def _count(self, station: ChargePoint, frame: Frame) -> None:
        self._messages[station.protocol] += 1
        station.misbehaved += bool(frame.lies)
        if frame.direction is Direction.RECEIVED:
            self._answers[frame.text[:2]] += 1
            self._errors[station.protocol] += frame.text.startswith("[4")

    async def _live(self, station: ChargePoint, tag: str) -> None:
        liar = self._liars.get(station.identity)
        await self._rest(self._rng.uniform(0.0, self._plan.ramp_seconds))
        if self._stop.is_set():
            return
        async with station.running():
            if self._plan.cut_seconds is not None:
                station.spawn(self._cut_now_and_then(station, self._plan.cut_seconds))
            ready = asyncio.create_task(station.ready())
            await self._until_stopped(ready)
            ready.cancel()
            if liar is not None:
                liar.begin()
                tag = liar.tag or tag
            conduct = self._begin_misbehaving(station)
            await self._keep_charging(station, tag)
            if conduct is not None:
                conduct.cancel()
            if liar is not None and liar.is_gone:
                return
            await self._go_home(station)
            if not self._stop.is_set():
                station.link.pause()
                station.link.cut()

    def _begin_misbehaving(self, station: ChargePoint) -> "asyncio.Task[None] | None":
        misbehaviour = self._misbehaving.get(station.identity)
        if misbehaviour is None:
            return None
        return misbehaviour.begin(station, random.Random(self._rng.random()))

    async def _keep_charging(self, station: ChargePoint, tag: str) -> None:
        """Charge and pause in turn until the fleet stops, the station retires or is gone."""
        liar, retires_at = self._liars.get(station.identity), self._retirement()
        while not self._stop.is_set() and asyncio.get_running_loop().time() < retires_at:
            if liar is not None and liar.is_gone:
                return
            connector = next((each for each in station.connectors.values() if each.free), None)
            is_idle = self._plan.idle or (liar is not None and liar.is_idle)
            if connector is not None and not is_idle:
                if self._plays(station):
                    await self._play(station, connector, tag)
                elif self._rng.random() < self._plan.offline_share:
                    await self._charge_offline(station, connector, tag)
                else:
                    await self._charge(station, connector, tag)
            await self._rest(self._about(self._plan.pause_seconds))

    def _retirement(self) -> float:
        """When a station leaves for good, by the clock of the event loop."""
        mean = self._plan.retire_seconds
        return asyncio.get_running_loop().time() + self._rng.expovariate(1 / mean) if mean else math.inf

    async def _charge(self, station: ChargePoint, connector: Connector, tag: str) -> None:
        liar = self._liars.get(station.identity)
        plan = ChargingPlan(
            seconds=max(1, round(self._about(self._plan.session_seconds))),
            already_authorized=liar is not None and liar.tag is not None,
        )
        session = asyncio.create_task(charge(station, connector, tag, plan))
        if liar is not None:
            liar.session = session
        await self._until_stopped(session)
        if self._stop.is_set():
            if connector.transaction is None:
                session.cancel()  # not begun yet: it need not begin
            else:
                connector.transaction.request_stop(StopReason.LOCAL)
            await asyncio.wait({session}, timeout=self._plan.grace_seconds)
            session.cancel()
        [outcome] = await asyncio.gather(session, return_exceptions=True)
        if isinstance(outcome, Outcome):
            self._sessions += outcome.transaction is not None
        elif not isinstance(outcome, asyncio.CancelledError):
            raise outcome

    def _plays(self, station: ChargePoint) -> bool:
        scenario = self._plan.scenario
        return scenario is not None and station.protocol in scenario.protocols

    async def _play(self, station: ChargePoint, connector: Connector, tag: str) -> None:
        """The scenario once, in real time; when the fleet stops it is broken off, and what it began is ended."""
        if (scenario := self._plan.scenario) is None:
            return
        run = Run(station, tag, connector.id, ChargingPlan(), self._plan.session_seconds)
        played = asyncio.create_task(_script(scenario, run))
        await self._until_stopped(played)
        played.cancel()
        [outcome] = await asyncio.gather(played, return_exceptions=True)
        if outcome is not None and not isinstance(outcome, asyncio.CancelledError):
            raise outcome
        self._sessions += 1

    async def _charge_offline(self, station: ChargePoint, connector: Connector, tag: str) -> None:
        """A session without a connection, which comes back when it is over."""
        station.link.pause()
        station.link.cut()
        while station.link.session is not None:
            await station.link.changed()
        try:
            await self._charge(station, connector, tag)
        finally:
            self._offline_sessions += 1
            liar = self._liars.get(station.identity)
            if self._offline_sessions % 2 and not (liar is not None and liar.needs_order):
                station.queue.reverse()
            station.link.restore()

    async def _go_home(self, station: ChargePoint) -> None:
        """Stop what commands have started, deliver what waits, within the grace period."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._plan.grace_seconds):
                for transaction in station.transactions():
                    transaction.request_stop(StopReason.LOCAL)
                    await transaction.ended.wait()
                await station.queue.drained()

    async def _cut_now_and_then(self, station: ChargePoint, mean_seconds: float) -> None:
        while True:
            await asyncio.sleep(self._rng.expovariate(1 / mean_seconds))
            if self._rng.random() < self._plan.power_cut_share:
                liar = self._liars.get(station.identity)
                if liar is not None:
                    liar.note_power_up()
                station.link.forget_registration("PowerUp")
            station.link.cut()

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()

    async def _until_stopped(self, task: "asyncio.Task[Any]") -> None:
        """Return when the task is done or the fleet is stopped; the task goes on."""
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()

    def _about(self, seconds: float) -> float:
        return seconds * self._rng.uniform(0.5, 1.5)

    def _report(self) -> FleetReport:
        problems: Counter[str] = Counter()
        misbehaved: Counter[str] = Counter()
        for station in self.stations:
            problems.update(station.problem_counts)
            if station.identity in self._misbehaving:
                misbehaved[self._misbehaving[station.identity].name] += station.misbehaved
        return FleetReport(
            charge_points=len(self.stations),
            connects=sum(station.link.connects for station in self.stations),
            sessions=self._sessions,
            acknowledged=self._answers["[3"],
            refused=self._answers["[4"],
            problems=dict(problems),
            unsent=sum(len(station.queue) for station in self.stations),
            given_up=sum(station.queue.given_up for station in self.stations),
            lies=dict(Counter(lie.name for lies in self._lies.values() for lie in lies)),
            misbehaviours=dict(misbehaved),
        )


async def _script(scenario: Scenario, run: Run) -> None:
    await scenario.script(run)


def _to_nobody(_: Truth) -> None:
    """Nobody writes down what is true."""


def habit_of(habits: Sequence[Scenario], number: int, protocol: str) -> Scenario | None:
    """The habit of the `number`th station, if the one that falls to it can be had in its version."""
    if not habits:
        return None
    habit = habits[number % len(habits)]
    return habit if protocol in habit.protocols else None
