"""A connection on a bench: a transport that writes down what happens to it, a clock moved by hand, a small backend."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from ocpp_edge.admission.refusal import RefusalNote
from ocpp_edge.counters import Counters
from ocpp_edge.facts.context import ChargePointState, ChargerContext
from ocpp_edge.journal import Journal, JournalSink
from ocpp_edge.rpc.calls import OutboundCall, Outcome
from ocpp_edge.rpc.connection import Connection
from ocpp_edge.rpc.environment import Environment, Liveness, Watched
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.rpc.router import RouteTable
from ocpp_edge.versions import Version
from services.kernel.clock import FixedClock
from services.kernel.errors import unavailable

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class ManualTime:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class RecordingTransport:
    """A socket that writes down what it is told to do."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.reading = True
        self.probes = 0
        self.closed: tuple[int, str] | None = None
        self.aborted = False

    def write(self, frame: bytes) -> None:
        self.frames.append(frame)

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def probe(self) -> None:
        self.probes += 1

    def hang_up(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    def abort(self) -> None:
        self.aborted = True

    @property
    def sent(self) -> list[Any]:
        return [orjson.loads(frame) for frame in self.frames]


class Backend:
    """Remembers what was handled, and holds back `slow` requests until `gate` opens."""

    def __init__(self) -> None:
        self.handled: list[str] = []
        self.started: list[str] = []
        self.gate = asyncio.Event()


async def heartbeat(_payload: Payload, context: ChargerContext, backend: Backend) -> Payload:
    backend.handled.append(context.message_id)
    return {"currentTime": context.received_time.isoformat()}


async def boot(_payload: Payload, context: ChargerContext, _backend: Backend) -> Payload:
    context.state = ChargePointState.ACCEPTED
    return {"status": "Accepted", "currentTime": NOW.isoformat(), "interval": context.heartbeat_interval_seconds}


async def data_transfer(payload: Payload, context: ChargerContext, backend: Backend) -> Payload:
    """Does what its vendorId says."""
    backend.started.append(context.message_id)
    match payload["vendorId"]:
        case "slow":
            await backend.gate.wait()
        case "defect":
            raise RuntimeError("a defect in a handler")
        case "down":
            raise unavailable("the transaction service is down")
        case "invalid":
            return {"status": "Splendid"}
        case "large":
            backend.handled.append(context.message_id)
            return {"status": "Accepted", "data": "x" * 65536}
        case "not json":
            return {"status": "Accepted", "data": NOW}
    backend.handled.append(context.message_id)
    return {"status": "Accepted"}


async def stream(_payload: Payload, context: ChargerContext, backend: Backend) -> None:
    backend.handled.append(context.message_id)


def table(version: Version = Version.V16, instant: Sequence[str] = ()) -> RouteTable[Backend]:
    handlers = {"Heartbeat": heartbeat, "BootNotification": boot, "DataTransfer": data_transfer}
    notices = {"NotifyPeriodicEventStream": stream} if version is Version.V21 else {}
    return RouteTable(version, handlers, notices, instant=instant)


class Bench:
    """One connection with everything round it."""

    def __init__(
        self,
        version: Version = Version.V16,
        state: ChargePointState = ChargePointState.ACCEPTED,
        journal: JournalSink | None = None,
        instant: Sequence[str] = (),
        offers: Sequence[str] = (),
    ) -> None:
        self.time = ManualTime()
        self.refusals: list[RefusalNote] = []
        self.transport = RecordingTransport()
        self.backend = Backend()
        self.journal = Journal()
        self.counters = Counters()
        self.watched: set[Watched] = set()
        self.late: list[tuple[OutboundCall, Outcome]] = []
        self.environment = Environment(
            backend=self.backend,
            clock=FixedClock(NOW),
            monotonic=self.time,
            journal=journal or self.journal.append,
            counters=self.counters,
            watch=self.watched.add,
            late_answer=lambda _context, call, outcome: self.late.append((call, outcome)),
            refused=self.refusals.append,
        )
        self.context = ChargerContext("CP1", version, epoch=7, state=state, offers=tuple(offers))
        routes = table(version, instant)
        self.connection = Connection(self.context, routes, self.transport, self.environment, Liveness())
        self.worker = asyncio.ensure_future(self.connection.run())

    def receive(self, *message: object) -> None:
        self.connection.frame_received(orjson.dumps(message))

    @property
    def sent(self) -> list[Any]:
        return self.transport.sent

    async def settle(self) -> None:
        """Let everything run that can run without time passing."""
        for _ in range(20):
            await asyncio.sleep(0)

    def pass_time(self, seconds: float) -> None:
        """Move the clock and do what the sweeper would."""
        self.time.now += seconds
        for watched in tuple(self.watched):
            if not watched.expire_calls(self.time.now):
                self.watched.discard(watched)
        self.connection.sweep(self.time.now)

    async def end(self) -> None:
        self.connection.lost()
        self.backend.gate.set()
        await self.worker


def heartbeat_call(message_id: str) -> Sequence[object]:
    return [2, message_id, "Heartbeat", {}]


def data_call(message_id: str, vendor: str) -> Sequence[object]:
    return [2, message_id, "DataTransfer", {"vendorId": vendor}]
