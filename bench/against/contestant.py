"""One of the two builds that are compared: its stack, its chargers, and what each burst of load takes of its CPU.

A burst is a number of messages that is the same for both builds, and counts from rest to rest: what follows from a
message by events is in its cost, however late it comes.
"""

import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, closing

from bench import rest_client, seeding
from bench.against.plan import Sizes
from bench.against.ratios import Spent, medians
from bench.cpu import CpuMeter
from bench.laboratory import PREFIX_OF, identities_of
from bench.plan import ENVOY, MessageClass
from bench.system import System
from simulator.load.charger import MIXES
from simulator.load.plan import Crowd, Target, Window
from simulator.load.run import Generator, LoadFailed, opened
from simulator.load.worker import Prepare, Say
from stack.errors import StackError

_HOST = "127.0.0.1"
_READERS = 32
_REGISTER_WITHIN_SECONDS = 300.0
# A look at whether it rests, and how long it may not: it is measured all the same then.
_LOOK_SECONDS = 0.5
_RESTS_WITHIN_SECONDS = 20.0
# Above what it does when it is idle, which is not known at first.
_REST_CORES, _REST_CORES_AT_FIRST = 0.05, 0.25


class Contestant:
    """`name` is told to people. Chargers are registered and connected when it is made.

    Raises StackError, or LoadFailed as its methods do.
    """

    def __init__(self, name: str, system: System, sizes: Sizes, resources: ExitStack) -> None:
        self.name = name
        self.system = system
        self._sizes = sizes
        self._meter = CpuMeter(system.pids)
        self._idle: list[dict[str, float]] = []
        self._crowds: dict[str, Generator] = {}
        self._sessions: list[str] = []
        for version in sizes.versions:
            self._register(version)
            self._crowds[version] = resources.enter_context(opened(self._crowd(version, sizes.connections)))

    @property
    def idle_cores(self) -> dict[str, float]:
        """What it does when nothing is asked of it: CPU seconds per second by process, the median of all looks."""
        return medians(self._idle)

    def look_idle(self) -> float:
        """Watch it do nothing for as long as a burst takes; returns the cores that it used."""
        self._until_rest()
        before, began = self._meter.read(), time.monotonic()
        time.sleep(self._sizes.seconds)
        after, seconds = self._meter.read(), time.monotonic() - began
        self._idle.append({name: (after[name] - before.get(name, 0.0)) / seconds for name in after})
        return sum(self._idle[-1].values())

    def rate(self, each: MessageClass) -> float:
        """Messages a second when every charger waits for nothing but its answer. Raises LoadFailed for any other."""
        generator = self._prepared(each)
        for seconds in (self._sizes.seconds, 5 * self._sizes.seconds, 25 * self._sizes.seconds):
            tally = generator.load(Window(each.mix, 0.0, 0.0, seconds), dict).tally
            if wrong := {**tally.errors, **tally.refused}:
                raise LoadFailed(f"{each.name} by {self.name}: {wrong}")
            if tally.messages:
                return tally.messages / seconds
        raise LoadFailed(f"{each.name} by {self.name}: no message was answered")

    def talk(self, each: MessageClass, times: int) -> Spent:
        """Every charger says its mix so many times, from one end to the other."""
        generator, kinds = self._prepared(each), MIXES[each.mix] * times

        def burst() -> int:
            generator.carry_out(Say(kinds))
            return len(kinds) * self._sizes.connections

        return self._spent(burst)

    def handshake(self) -> Spent:
        """Chargers connect and boot; those of the crowd stay where they are."""
        with ExitStack() as resources:
            crowd = self._crowd("1.6", self._sizes.handshakes, beyond=self._sizes.connections)

            def burst() -> int:
                resources.enter_context(opened(crowd))
                return self._sizes.handshakes

            return self._spent(burst)

    def read(self, path: str) -> Spent:
        """Readers fetch a path for as long as a burst takes."""
        paths = [path.format(id=each) for each in self._session_ids()] if "{id}" in path else [path]

        def burst() -> int:
            port, seconds = self.system.ports["gateway"], self._sizes.seconds
            reads = rest_client.read(_HOST, port, paths, self.system.token, _READERS, seconds)
            if reads.failures:
                raise LoadFailed(f"GET {path} by {self.name}: {reads.failures} readers failed: {reads.reason}")
            return len(reads.latencies_us)

        return self._spent(burst)

    def seed(self) -> None:
        """Give it a price, stations, and sessions that can be read."""
        self._crowds["1.6"].carry_out(Prepare("metervalues"))
        self._crowds["1.6"].carry_out(Prepare("heartbeat"))
        with closing(self.system.facade()) as facade:
            seeding.set_tariff(facade)
            seeding.make_stations(facade)

    def _session_ids(self) -> list[str]:
        if not self._sessions:
            with closing(self.system.facade()) as facade:
                self._sessions = seeding.session_ids(facade)
        return self._sessions

    def _prepared(self, each: MessageClass) -> Generator:
        generator = self._crowds[each.version]
        generator.carry_out(Prepare(each.mix))
        return generator

    def _spent(self, burst: Callable[[], int]) -> Spent:
        self._until_rest()
        before, began = self._meter.read(), time.monotonic()
        count = burst()
        after, ended = self._until_rest()
        return Spent({name: after[name] - before.get(name, 0.0) for name in after}, ended - began, count)

    def _until_rest(self) -> tuple[dict[str, float], float]:
        """Wait until it does hardly more than when it is idle; what it had spent when that began, and when it was."""
        idle = sum(self.idle_cores.values())
        enough = 1.5 * idle + _REST_CORES if idle else _REST_CORES_AT_FIRST
        look = min(_LOOK_SECONDS, self._sizes.seconds)
        give_up_at = time.monotonic() + _RESTS_WITHIN_SECONDS
        before, began = self._meter.read(), time.monotonic()
        while True:
            time.sleep(look)
            after, ended = self._meter.read(), time.monotonic()
            if sum(after.values()) - sum(before.values()) < enough * (ended - began) or ended > give_up_at:
                return before, began
            before, began = after, ended

    def _crowd(self, version: str, count: int, beyond: int = 0) -> Crowd:
        identities = identities_of(version, beyond + count)[beyond:]
        return Crowd(Target(self.system.ocpp_url(ENVOY)), identities, identities, version)

    def _register(self, version: str) -> None:
        """Charge points and cards, by the command that the build itself has for it."""
        count = self._sizes.connections + (self._sizes.handshakes if version == "1.6" else 0)
        words = ["--version", version, "--id-prefix", PREFIX_OF[version], "--connections", str(count)]
        words += ["--mix", "heartbeat", "--seconds", "0.2", "--warmup", "0", "--url", self.system.ocpp_url(ENVOY)]
        words += ["--register", self.system.rest_url, "--token", self.system.token]
        self._csms("load", *words)

    def _csms(self, *words: str) -> None:
        build = self.system.build
        done = subprocess.run(
            build.command(*words),
            cwd=self.system.folder,
            env=build.environment({}),
            capture_output=True,
            text=True,
            check=False,
            timeout=_REGISTER_WITHIN_SECONDS,
        )
        if done.returncode != 0:
            raise StackError(f"csms {words[0]} of {build.root} failed: {(done.stderr or done.stdout).strip()[-400:]}")
