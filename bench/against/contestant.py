"""One of the two builds that are compared: its stack, its chargers, and what each burst of load takes of its CPU.

A burst counts from rest to rest: what follows from a message by events is in its cost, however late it comes.
"""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace

import psycopg

from bench import rest_client, seeding
from bench.against.plan import HANDSHAKE, Sizes
from bench.against.ratios import Done, Spent
from bench.against.rest import Rest
from bench.cpu import CpuMeter
from bench.crowd import Connected
from bench.laboratory import PREFIX_OF, identities_of
from bench.plan import CLASS_OF, DATABASE_OF, ENVOY, LOADS, SESSION, Load, MessageClass
from bench.steps import tell
from bench.system import System, check
from bench.written import Written
from simulator.load.charger import MIXES
from simulator.load.percentiles import summarize
from simulator.load.plan import Crowd, Target, Window
from simulator.load.run import Generator, LoadFailed, Measured, opened
from simulator.load.worker import Prepare, Say
from stack.errors import StackError

_HOST = "127.0.0.1"
_READERS = 32
_REGISTER_WITHIN_SECONDS = 300.0
_BILLED_WITHIN_SECONDS = 60.0
_LOOK_SECONDS = 0.25
_BILLING = f"csms_{DATABASE_OF['billing']}"
_JOURNAL = f"csms_{DATABASE_OF['transaction']}"
# The generator of 0.1.0 speaks no OCPP 2.1; a charge point is made alike for any version.
_REGISTERS_BY = {"2.1": "2.0.1"}


class Contestant:
    """`name` is told to people. One crowd of chargers is connected at a time; `close` sends it home.

    Chargers are registered and stations made when it is made. Raises StackError, or LoadFailed as its methods do.
    """

    def __init__(self, name: str, system: System, sizes: Sizes) -> None:
        self.name = name
        self.system = system
        self._sizes = sizes
        self._rest = Rest(CpuMeter(system.pids), sizes.seconds)
        self._written = Written(system.database_url(_JOURNAL))
        self._connected = Connected()
        self._sessions: list[str] = []
        for version in sizes.versions:
            beyond = sizes.handshakes if version == "1.6" else 0
            register(system, version, sizes.connections + beyond)
        self._seed()

    @property
    def idle_cores(self) -> Mapping[str, float]:
        """What it does when nothing is asked of it: CPU seconds per second by process."""
        return self._rest.idle_cores

    def begin_round(self) -> None:
        """Look what it does when it is idle. Raises StackError when a process of it is gone."""
        check(self.system)
        tell(f"  {self.name}: {sum(self._rest.look().values()):.3f} cores when idle")

    def rate(self, each: MessageClass) -> float:
        """Messages a second when every charger waits for nothing but its answer. Raises LoadFailed for any other."""
        generator = self._prepared(each, self._sizes.connections)
        for seconds in (self._sizes.seconds, 5 * self._sizes.seconds, 25 * self._sizes.seconds):
            measured = self._carried_out(generator, Window(each.mix, 0.0, 0.0, seconds))
            if measured.tally.messages:
                return measured.tally.messages / seconds
        raise LoadFailed(f"{each.name} by {self.name}: no message was answered")

    def talk(self, each: MessageClass, times: int) -> Spent:
        """Every charger says its mix so many times, from one end to the other."""
        generator, kinds = self._prepared(each, self._sizes.connections), MIXES[each.mix] * times

        def burst() -> Done:
            generator.carry_out(Say(kinds))
            return Done(len(kinds) * self._sizes.connections)

        return self._written_too(burst)

    def session(self, times: int) -> Spent:
        """Every charger starts and stops so many sessions, and all are billed. Raises LoadFailed when some are not."""
        generator = self._prepared(CLASS_OF["starts"], self._sizes.connections)
        sessions = times * self._sizes.connections

        def burst() -> Done:
            before = self._bills()
            generator.carry_out(Say(MIXES["starts"] * times))
            give_up_at = time.monotonic() + _BILLED_WITHIN_SECONDS
            while (billed := self._bills() - before) < sessions:
                if time.monotonic() > give_up_at:
                    raise LoadFailed(f"{sessions - billed} of {sessions} sessions by {self.name} were not billed")
                time.sleep(_LOOK_SECONDS)
            return Done(sessions)

        return self._written_too(burst)

    def load(self, each: Load) -> Spent:
        """A crowd says its mix as often as is offered, for a while; latency counts from when a message was due."""
        chargers, seconds = min(each.chargers, self._sizes.connections), self._sizes.load_seconds(each)
        generator = self._prepared(each.message, chargers)

        def burst() -> Done:
            tally = self._carried_out(generator, Window(each.message.mix, each.rate, 0.0, seconds)).tally
            latency = summarize(tally.all_latencies_us())
            if latency.p50 is None or latency.p99 is None:
                raise LoadFailed(f"{each.title} by {self.name}: no message was answered")
            # Who waits for nothing but an answer has one message under way at the end.
            under_way = 0 if each.rate else chargers
            return Done(tally.messages + under_way, {"p50 ms": latency.p50, "p99 ms": latency.p99}, seconds)

        return self._written_too(burst)

    def handshake(self) -> Spent:
        """Chargers connect and boot; those of the crowd stay where they are."""
        with ExitStack() as resources:
            identities = identities_of("1.6", self._sizes.connections + self._sizes.handshakes)
            crowd = crowd_of(self.system, "1.6", identities[self._sizes.connections :])

            def burst() -> Done:
                resources.enter_context(opened(crowd))
                return Done(self._sizes.handshakes)

            return self._rest.spent(burst)

    def read(self, path: str) -> Spent:
        """Readers fetch a path for as long as a burst takes."""
        paths = [path.format(id=each) for each in self._session_ids()] if "{id}" in path else [path]

        def burst() -> Done:
            port, seconds = self.system.ports["gateway"], self._sizes.seconds
            reads = rest_client.read(_HOST, port, paths, self.system.token, _READERS, seconds)
            if reads.failures:
                raise LoadFailed(f"GET {path} by {self.name}: {reads.failures} readers failed: {reads.reason}")
            return Done(len(reads.latencies_us))

        return self._rest.spent(burst)

    def close(self) -> None:
        """Send its crowd home; the end."""
        self._connected.send_home()
        self._written.close()

    def _written_too(self, burst: Callable[[], Done]) -> Spent:
        """What a burst took, and what PostgreSQL has written for each of its messages."""
        before = self._written.read()
        spent = self._rest.spent(burst)
        grown = {name: (bytes_ - before[name]) / spent.count for name, bytes_ in self._written.read().items()}
        return replace(spent, figures={**spent.figures, **grown})

    def _bills(self) -> int:
        with psycopg.connect(self.system.database_url(_BILLING)) as connection:
            found = connection.execute("SELECT count(*) FROM invoices").fetchone()
        return found[0] if found else 0

    def _seed(self) -> None:
        """Give it a price, stations, and sessions that can be read."""
        generator = self._opened("1.6", self._sizes.connections)
        generator.carry_out(Prepare("metervalues"))
        generator.carry_out(Prepare("heartbeat"))
        with closing(self.system.facade()) as facade:
            seeding.set_tariff(facade)
            seeding.make_stations(facade)

    def _session_ids(self) -> list[str]:
        if not self._sessions:
            with closing(self.system.facade()) as facade:
                self._sessions = seeding.session_ids(facade)
        return self._sessions

    def _carried_out(self, generator: Generator, window: Window) -> Measured:
        measured = generator.load(window, dict)
        if wrong := {**measured.tally.errors, **measured.tally.refused}:
            raise LoadFailed(f"{window.mix} by {self.name}: {wrong}")
        return measured

    def _prepared(self, each: MessageClass, chargers: int) -> Generator:
        generator = self._opened(each.version, chargers)
        generator.carry_out(Prepare(each.mix))
        return generator

    def _opened(self, version: str, chargers: int) -> Generator:
        return self._connected.generator(crowd_of(self.system, version, identities_of(version, chargers)))


def burst_of(row: str, contestants: Sequence[Contestant], sizes: Sizes) -> Callable[[Contestant], Spent]:
    """How a row is measured by each of the builds that serve. Raises LoadFailed when one cannot do it at all."""
    if row == HANDSHAKE:
        return Contestant.handshake
    if row in LOADS:
        return lambda who: who.load(LOADS[row])
    if row not in (*CLASS_OF, SESSION):
        return lambda who: who.read(row)
    each = CLASS_OF["starts" if row == SESSION else row]
    # How often every charger says a mix, so that the slowest build is busy with it for the time that is wanted.
    rate = min(who.rate(each) for who in contestants)
    times = max(1, round(rate * sizes.seconds / (len(MIXES[each.mix]) * sizes.connections)))
    return lambda who: who.session(times) if row == SESSION else who.talk(each, times)


def crowd_of(system: System, version: str, identities: list[str]) -> Crowd:
    """Chargers that connect through Envoy, each with a card of its own name."""
    return Crowd(Target(system.ocpp_url(ENVOY)), identities, identities, version)


def register(system: System, version: str, count: int) -> None:
    """Make charge points and cards, by the command that the build itself has for it. Raises StackError."""
    spoken = _REGISTERS_BY.get(version, version)
    words = ["--version", spoken, "--id-prefix", PREFIX_OF[version], "--connections", str(count)]
    words += ["--mix", "heartbeat", "--seconds", "0.2", "--warmup", "0", "--url", system.ocpp_url(ENVOY)]
    words += ["--register", system.rest_url, "--token", system.token]
    command, environment = system.build.command("load", *words), system.build.environment({})
    done = subprocess.run(
        command,
        cwd=system.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=_REGISTER_WITHIN_SECONDS,
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-400:]
        raise StackError(f"csms load of {system.build.root} failed: {said}")
