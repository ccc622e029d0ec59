"""What a frame costs the edge: CPU per message from the bytes of a socket to the bytes of the answer, journal included.

`python -m tests.load.edge_cost` drives real connections with the frames of the load generator and prints microseconds
per message, medians over interleaved rounds. Sockets, gRPC and PostgreSQL are not in it: what they cost is not ours to
change here. Each batch call ends in its serialized request, as gRPC would send it.
"""

import argparse
import asyncio
import gc
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import uvloop
from google.type.money_pb2 import Money

from csms.driver.v1 import authorization_service_pb2 as authorization_pb
from csms.driver.v1.driver_pb2 import TokenDecision
from csms.station.v1 import connectivity_service_pb2 as station_pb
from csms.station.v1.charge_point_pb2 import ChargePoint
from csms.station.v1.device_event_pb2 import DeviceEvent
from csms.station.v1.device_variable_pb2 import DeviceVariable
from csms.transaction.v1 import journal_service_pb2 as journal_pb
from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1.transaction_pb2 import Transaction
from ocpp_edge.backend.batches import BatchCall
from ocpp_edge.backend.ports import Backend
from ocpp_edge.backend.shipping import Shipper
from ocpp_edge.counters import Counters
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.journal import Journal
from ocpp_edge.overload import Overload
from ocpp_edge.rpc.connection import Connection
from ocpp_edge.rpc.environment import Environment, Liveness
from ocpp_edge.served import SERVED
from ocpp_edge.versions import Version
from services.kernel.clock import SystemClock
from simulator.load.charger import Charger, Kind, TimestampCache
from simulator.load.dialects import LOAD_DIALECTS

_CHARGERS = 256


class Echo:
    """Satisfies ports.Backend: batches as the real one does, and is answered at once."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self._numbers = iter(range(1, 2**31))
        self._events = BatchCall("events", self._record, lambda item: item.charge_point_id)
        self._tokens = BatchCall("tokens", self._decide, lambda item: (item.charge_point_id, item.token.value))
        self._statuses = BatchCall("statuses", self._report, lambda item: item.charge_point_id)
        self._boots = BatchCall("boots", self._boot, lambda item: item.charge_point_id)

    async def cost(self, transaction_id: str) -> Money | None:
        return None

    async def record(self, event: recording_pb.TransactionEvent) -> recording_pb.TransactionEventAnswer:
        return await self._events.submit(event)

    async def authorize(self, presentation: authorization_pb.TokenPresentation) -> TokenDecision:
        return (await self._tokens.submit(presentation)).decision

    async def report_status(self, status: station_pb.StatusReport) -> None:
        await self._statuses.submit(status)

    async def record_device_events(self, events: Sequence[DeviceEvent]) -> None:
        """Nothing is notified here."""

    async def known_variables(self, charge_point_id: str, component: str, text: str) -> Sequence[DeviceVariable]:
        return ()

    async def report_boot(self, boot: station_pb.BootReport) -> station_pb.BootAnswer:
        return await self._boots.submit(boot)

    async def _record(self, items: list[Any]) -> Sequence[recording_pb.TransactionEventAnswer]:
        recording_pb.RecordTransactionEventsRequest(events=items).SerializeToString()
        answer = recording_pb.TransactionEventAnswer
        answers = [
            answer(
                transaction_id="x" * 36,
                ocpp_transaction_id=item.ocpp_transaction_id or str(next(self._numbers)),
                authorization=Transaction.ACCEPTED,
            )
            for item in items
        ]
        sent = recording_pb.RecordTransactionEventsResponse(answers=answers).SerializeToString()
        return recording_pb.RecordTransactionEventsResponse.FromString(sent).answers

    async def _decide(self, items: list[Any]) -> Sequence[authorization_pb.AuthorizationAnswer]:
        authorization_pb.AuthorizeTokensRequest(presentations=items).SerializeToString()
        decision = TokenDecision(status=TokenDecision.ACCEPTED)
        return [authorization_pb.AuthorizationAnswer(decision=decision) for _ in items]

    async def _report(self, items: list[Any]) -> Sequence[station_pb.ItemAnswer]:
        station_pb.ReportStatusesRequest(statuses=items).SerializeToString()
        return [station_pb.ItemAnswer() for _ in items]

    async def _boot(self, items: list[Any]) -> Sequence[station_pb.BootAnswer]:
        station_pb.ReportBootsRequest(boots=items).SerializeToString()
        return [station_pb.BootAnswer(state=ChargePoint.ACCEPTED, interval_seconds=300) for _ in items]


class Peer:
    """A charger and its socket in one."""

    def __init__(self, charger: Charger) -> None:
        self.charger = charger
        self.connection: Connection[Backend] | None = None
        self.kind = Kind.HEARTBEAT
        self.answered: Callable[[], None] = lambda: None

    def write(self, frame: bytes) -> None:
        if frame[1:2] != b"3":
            raise AssertionError(frame.decode())
        self.charger.hear(self.kind, frame)
        self.answered()

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def probe(self) -> None: ...
    def hang_up(self, code: int, reason: str) -> None: ...
    def abort(self) -> None: ...

    def say(self, kind: Kind) -> None:
        self.kind = kind
        if self.connection is not None:
            self.connection.frame_received(self.charger.say(kind))

    def leave(self) -> None:
        if self.connection is not None:
            self.connection.lost()


class Fleet:
    """Connected chargers of one version, all told to say the same and waited for."""

    def __init__(self, version: str, environment: Environment[Backend]) -> None:
        table = SERVED[Version(version)].routes()
        stamps = TimestampCache()
        self._peers: list[Peer] = []
        self._workers: list[asyncio.Task[None]] = []
        for number in range(_CHARGERS):
            peer = Peer(LOAD_DIALECTS[version](f"COST{number:05}", f"TAG{number:05}", "mixed", number, stamps))
            context = ChargerContext(peer.charger.identity, Version(table.version), 1, station_id="0" * 36)
            peer.connection = Connection(context, table, peer, environment, Liveness())
            self._workers.append(asyncio.create_task(peer.connection.run()))
            self._peers.append(peer)

    async def say(self, kind: Kind) -> None:
        """Let everyone say one message of `kind`; returns when all are answered."""
        left, done = len(self._peers), asyncio.get_running_loop().create_future()

        def answered() -> None:
            nonlocal left
            left -= 1
            if not left:
                done.set_result(None)

        for peer in self._peers:
            peer.answered = answered
            peer.say(kind)
        await done

    async def leave(self) -> None:
        """Hang up."""
        for peer in self._peers:
            peer.leave()
        await asyncio.gather(*self._workers)


async def _round(version: str, kinds: Sequence[Kind], per_charger: int, journalled: bool) -> tuple[float, float]:
    """Microseconds of CPU per message of one round: in all, and of it what the journal's shipping took."""
    journal, backend = Journal(), Echo()

    async def append(request: journal_pb.AppendBatchesRequest) -> None:
        request.SerializeToString()

    shipper, shipped = Shipper(journal, append, Overload()), 0.0
    environment: Environment[Backend] = Environment(
        backend=backend,
        clock=backend.clock,
        monotonic=time.monotonic,
        journal=journal.append if journalled else lambda _record: None,
        counters=Counters(),
        watch=lambda _watched: None,
        late_answer=lambda *_: None,
    )
    fleet = Fleet(version, environment)
    if Kind.METER_VALUES in kinds:
        await fleet.say(Kind.START)
    await shipper.flush()
    gc.collect()
    generated = _generator_cost(version, kinds)
    began = time.process_time()
    for kind in (*kinds,) * per_charger:
        await fleet.say(kind)
        before = time.process_time()
        await shipper.flush()
        shipped += time.process_time() - before
    spent = time.process_time() - began
    await fleet.leave()
    messages = per_charger * len(kinds) * _CHARGERS
    return spent / messages * 1e6 - generated, shipped / messages * 1e6


def _generator_cost(version: str, kinds: Sequence[Kind]) -> float:
    """Microseconds that rendering one message takes, which are not the edge's."""
    charger = LOAD_DIALECTS[version]("COST", "TAG", "mixed", 0, TimestampCache())
    began = time.process_time()
    for _ in range(500):
        for kind in kinds:
            charger.say(kind)
    return (time.process_time() - began) / 500 / len(kinds) * 1e6


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=8, help="per charger and round")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    rows = {
        f"{version} {' '.join(kinds)}": (version, kinds)
        for version in LOAD_DIALECTS
        for kinds in ((Kind.HEARTBEAT,), (Kind.STATUS,), (Kind.METER_VALUES,), (Kind.START, Kind.STOP))
    }
    rows = {name: row for name, row in rows.items() if options.only in name}
    costs: dict[str, list[tuple[float, float, float]]] = {name: [] for name in rows}
    for _ in range(options.rounds):
        for name, (version, kinds) in rows.items():
            bare, _ = uvloop.run(_round(version, kinds, options.messages, False))
            full, shipping = uvloop.run(_round(version, kinds, options.messages, True))
            costs[name].append((bare, full, shipping))
    print(f"{'message':28} {'no journal':>10} {'journal':>8} {'(shipping':>10})  us of CPU per message")
    for name, samples in costs.items():
        bare, full, shipping = (statistics.median(column) for column in zip(*samples, strict=True))
        least = " ".join(f"{min(column):.1f}" for column in zip(*samples, strict=True))
        print(f"{name:28} {bare:10.1f} {full:8.1f} {shipping:10.1f}   least {least}")


if __name__ == "__main__":
    main()
