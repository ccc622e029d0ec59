"""What recording costs: CPU of the service and of PostgreSQL per event, through the recorder, as it is deployed.

`python -m tests.load.recording_cost` starts a PostgreSQL of its own (fsync on), fills it a little and prints
microseconds per event, medians over interleaved rounds. Batches come as messages, one at a time; gRPC is not in it.
The journal has a bench of its own (journal_cost.py).
"""

import argparse
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import uvloop

from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from services.kernel.clock import SystemClock
from services.messaging.event_bus import EventBus
from services.messaging.outbox import OutboxRelay
from services.postgres.database import Database
from services.postgres.partitions import maintain
from services.rpc.protobuf import timestamp
from services.transaction.application.recording import Recorder
from services.transaction.mapping.recording import EventMessage, answer_to_proto
from services.transaction.sql.meter_values import SqlMeterStore
from services.transaction.sql.recording import SqlRecordings
from tests.fixtures.shorthand import spelled_out
from tests.load.costs import Costs, databases

_TABLES = ("meter_values", "transaction_events")
_PAST_DAYS = 30

Event = recording_pb.TransactionEvent
Batch = Sequence[Event]


class Fleet:
    """Charge points by OCPP 1.6 that start, meter and stop, and one field of OCPP 2.0.1 that tells charging states."""

    def __init__(self, size: int, running: int) -> None:
        self._size = size
        self._clock = datetime.now(UTC) - timedelta(hours=2)
        self._next = 0
        self.numbers: dict[str, str] = {}
        self.running: deque[str] = deque(maxlen=running)

    def starts(self) -> Batch:
        return [self._event(Event.STARTED, id_tag=f"TAG{self._next}", meter_wh=1000) for _ in range(self._size)]

    def meter_values(self) -> Batch:
        return [self._of_session(Event.UPDATED, self._value()) for _ in range(self._size)]

    def charging_states(self, state: str) -> Batch:
        return [self._of_session(Event.UPDATED, self._value(), charging_state=state) for _ in range(self._size)]

    def clock_aligned(self) -> Batch:
        return [self._event(Event.UPDATED, self._value()) for _ in range(self._size)]

    def stops(self) -> Batch:
        return [
            self._of_session(Event.ENDED, meter_wh=self._register_wh, stop_reason="Local") for _ in range(self._size)
        ]

    @property
    def _register_wh(self) -> int:
        """Rises, and by no more than can be given in the seconds that a session takes here."""
        return 1000 + self._next // 1000

    def note(self, batch: Batch, answers: Sequence[recording_pb.TransactionEventAnswer]) -> None:
        for event, answer in zip(batch, answers, strict=True):
            assert not answer.HasField("error"), answer
            if event.kind == Event.STARTED:
                self.numbers[event.charge_point_id] = answer.ocpp_transaction_id
                self.running.append(event.charge_point_id)

    def _of_session(self, kind: Event.Kind.ValueType, *values: transaction_pb.MeterValue, **fields: Any) -> Event:
        """Of the sessions started of late, each in its turn."""
        self.running.rotate(1)
        charge_point_id = self.running[0]
        return self._event(kind, *values, charge_point=charge_point_id, number=self.numbers[charge_point_id], **fields)

    def _event(
        self,
        kind: Event.Kind.ValueType,
        *values: transaction_pb.MeterValue,
        charge_point: str = "",
        number: str = "",
        **fields: Any,
    ) -> Event:
        self._next += 1
        self._clock += timedelta(milliseconds=7)
        at = timestamp(self._clock)
        return Event(
            charge_point_id=charge_point or f"CP{self._next:06}",
            epoch=7,
            kind=kind,
            protocol="ocpp1.6",
            ocpp_transaction_id=number,
            **spelled_out({"connector_id": 1, **fields}),
            authorization=transaction_pb.Transaction.ACCEPTED,
            driver_id="0199f1c2-0000-7000-8000-000000000001",
            station_id="0199f1c2-0000-7000-8000-000000000002",
            device_time=at,
            corrected_time=at,
            received_time=at,
            meter_values=values,
        )

    def _value(self) -> transaction_pb.MeterValue:
        self._clock += timedelta(milliseconds=7)
        return transaction_pb.MeterValue(
            sampled_time=timestamp(self._clock),
            context="Sample.Periodic",
            energy_wh=self._register_wh,
            power_w=7200,
            current_ma=16000,
            voltage_mv=230100,
        )


class Bench:
    """The recorder on a database."""

    def __init__(self, database: Database, costs: Costs, size: int, batches: int) -> None:
        self._costs = costs
        self._fleet = Fleet(size, size * batches)
        self._size = size
        relay = OutboxRelay(database, EventBus("nats://127.0.0.1:1"))
        self._recorder = Recorder(SqlMeterStore(database), SqlRecordings(database, relay), SystemClock())

    async def fill(self, batches: int) -> None:
        for _ in range(batches):
            await self._record(self._fleet.starts())

    async def round(self, batches: int) -> None:
        fleet = self._fleet
        await self._measure("Start", fleet.starts, batches)
        await self._measure("MeterValues", fleet.meter_values, batches)
        await self._measure("Updated, charging state changes", lambda: fleet.charging_states("Charging"), batches)
        await self._measure("Updated, charging state repeated", lambda: fleet.charging_states("Charging"), batches)
        await self._measure("MeterValues outside sessions", fleet.clock_aligned, batches)
        await self._measure("Stop", fleet.stops, batches)

    async def close(self) -> None:
        await self._recorder.close()

    async def _measure(self, name: str, make: Callable[[], Batch], batches: int) -> None:
        made = [[event.SerializeToString() for event in make()] for _ in range(batches)]

        async def work() -> None:
            for batch in made:
                await self._record([Event.FromString(event) for event in batch])

        await self._time(name, work, batches)

    async def _record(self, batch: Batch) -> None:
        answers = await self._recorder.record([EventMessage(event) for event in batch])
        self._fleet.note(batch, [answer_to_proto(answer) for answer in answers])

    async def _time(self, name: str, work: Callable[[], Awaitable[None]], batches: int) -> None:
        await self._costs.measure(name, work, items=batches * self._size, calls=batches)


async def _run(url: str, costs: Costs, options: argparse.Namespace) -> None:
    database = Database(url)
    today = datetime.now(UTC).date()
    for table in _TABLES:
        for day in (today - timedelta(days=offset) for offset in range(_PAST_DAYS, -1, -9)):
            async with database.transaction() as connection:
                await maintain(connection, table, retention_days=400, today=day)
    bench = Bench(database, costs, options.size, options.batches)
    await bench.fill(max(10, options.fill // options.size))
    for _ in range(options.rounds):
        await bench.round(options.batches)
    await bench.close()
    await database.close()
    print(f"batches of {options.size}, medians of {options.rounds} rounds of {options.batches} batches")
    costs.print("event", "batch")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=64, help="events per batch")
    parser.add_argument("--batches", type=int, default=40, help="batches per round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--fill", type=int, default=20_000, help="sessions to begin with")
    options = parser.parse_args()
    with databases({"transaction": "csms_charge_points"}) as ([url], server):
        uvloop.run(_run(url, Costs(server), options))


if __name__ == "__main__":
    main()
